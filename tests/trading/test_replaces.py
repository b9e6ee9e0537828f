"""Replacements: written down first, sent once, found out when the answer is lost; one of a chain at a time."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connections as databases
from django.test import Client
from django.utils import timezone
from ledger_broker import LedgerBroker, a_ticket, raiser

from brokers import registry
from brokers.domain.orders import BrokerStatus, OrderTicket
from brokers.errors import OrderRejected, OutcomeUnknown, RateLimited, Unavailable
from brokers.models import Account
from brokers.port import Term
from trading import orders
from trading.lifecycle import Asked, Status
from trading.models import Order, Replacement
from trading.protocol import reconcile, replacements, watch

pytestmark = pytest.mark.django_db


class Clock:
    """The time that the desk reads. It moves by hand alone, however slow the machine is."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.moment = timezone.now()
        monkeypatch.setattr(timezone, "now", self.now)

    def now(self) -> datetime:
        self.moment += timedelta(microseconds=1)  # no two moments are the same
        return self.moment

    def sweep(self, account: Account, seconds: int, step: int = 1) -> None:
        for _ in range(0, seconds, step):
            self.moment += timedelta(seconds=step)
            orders.look_up(account, timezone.now())


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture(params=["a new number", "the same number"])
def either_broker(request: Any, ledger_broker: LedgerBroker, monkeypatch: pytest.MonkeyPatch) -> LedgerBroker:
    """A broker that gives a replacement a number of its own, and one that keeps the order's and tells no versions."""
    if request.param == "the same number":
        ledger_broker.keeps_id = True
        ledger_broker.versions = iter(lambda: 0, 1)
        allow(monkeypatch, Term.QUANTITY)
    return ledger_broker


def allow(monkeypatch: pytest.MonkeyPatch, *terms: Term) -> None:
    spec = registry.spec("tastytrade")
    able = replace(spec.capabilities, replaces=spec.capabilities.replaces | set(terms))
    monkeypatch.setitem(registry.BROKERS, "tastytrade", replace(spec, capabilities=able))


def place(account: Account) -> Order:
    return orders.place(account=account, ticket=a_ticket(), idempotency_key="key-1", source=Order.Source.WEB)[0]


def change(order: Order, ticket: OrderTicket | None = None, key: str = "change-1") -> Order:
    ticket = ticket or a_ticket(price="191.00")
    return orders.replace(order, ticket, idempotency_key=key, source=Order.Source.WEB)


def working_at(broker: LedgerBroker) -> list[str]:
    at_work = (BrokerStatus.ROUTED, BrokerStatus.WORKING)
    return [number for number, update in broker.ledger.items() if update.status in at_work]


# --- the plain way ---


def test_a_replacement_is_written_down_before_it_is_sent_and_then_holds(
    either_broker: LedgerBroker, trading_account: Account
) -> None:
    order = place(trading_account)
    seen: list[tuple[str, bool]] = []

    def look() -> None:
        row = Order.objects.get(pk=order.pk)
        seen.append((Replacement.objects.get().status, row.replace_pending))

    either_broker.replace_before = look
    after = change(order)
    assert seen == [(Asked.SENDING, True)]
    replacement = Replacement.objects.get()
    assert replacement.status == Asked.DONE
    assert (after.limit_price, after.status, after.replace_pending) == (Decimal("-191"), Status.WORKING, False)
    assert working_at(either_broker) == [after.broker_order_id]
    orders.refresh(trading_account)
    order.refresh_from_db()
    assert order.replace_pending is False
    if either_broker.keeps_id:
        assert after.pk == order.pk
    else:
        assert (order.status, after.replaces, after.chain_id, after.is_external) == (
            Status.REPLACED, order, order.pk, False
        )  # fmt: skip
        assert (after.source, after.user_id) == (Order.Source.WEB, order.user_id)


def test_the_same_key_asks_once_and_answers_how_it_stands(
    either_broker: LedgerBroker, trading_account: Account
) -> None:
    order = place(trading_account)
    assert change(order).pk == change(order).pk
    assert either_broker.calls.count("replace") == 1
    with pytest.raises(orders.KeyReused):
        change(order, a_ticket(price="192.00"))
    with pytest.raises(orders.KeyReused):
        change(order, key="key-1")


def test_a_chain_of_replacements_keeps_its_first_order(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    order = place(trading_account)
    second = change(order)
    third = change(second, a_ticket(price="192.00"), "change-2")
    assert [third.chain_id, second.chain_id] == [order.pk, order.pk]
    assert len(working_at(ledger_broker)) == 1


# --- what can't be ---


@pytest.mark.parametrize(
    ("ticket", "words"),
    [
        (a_ticket(), "on which it works already"),
        (a_ticket("11"), "does not change the quantity"),
    ],
)
def test_what_the_broker_does_not_change_is_said_in_words_and_not_sent(
    ticket: OrderTicket, words: str, ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    order = place(trading_account)
    with pytest.raises(orders.NotReplaceable, match=words):
        change(order, ticket)
    assert "replace" not in ledger_broker.calls
    assert not Replacement.objects.exists()


def test_a_quantity_that_is_filled_already_is_refused(
    ledger_broker: LedgerBroker, trading_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(monkeypatch, Term.QUANTITY)
    order = place(trading_account)
    orders.record(trading_account.connection_id, [ledger_broker.fill(str(order.broker_order_id), "4")], "stream")
    with pytest.raises(orders.NotReplaceable, match="filled already"):
        change(order, a_ticket("4"))


def test_an_order_that_is_over_in_doubt_or_being_cancelled_is_not_replaced(
    ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    order = orders.cancel(place(trading_account))
    with pytest.raises(orders.NotReplaceable, match="A cancel is asked for"):
        change(order)
    gone = ledger_broker.move(str(order.broker_order_id), BrokerStatus.CANCELLED, "Cancelled")
    orders.record(trading_account.connection_id, [gone], "stream")
    with pytest.raises(orders.NotReplaceable, match="is over"):
        change(order)


# --- the outcome table ---


@pytest.mark.parametrize(
    ("error", "state", "pending"),
    [
        (OrderRejected("Too late"), Asked.REFUSED, False),
        (Unavailable("Not reached"), Asked.NOT_SENT, False),
        (RateLimited("Slow down"), Asked.NOT_SENT, False),
        (OutcomeUnknown("No answer"), Asked.UNKNOWN, True),
        (RuntimeError("a fault of ours"), Asked.UNKNOWN, True),
    ],
    ids=lambda value: str(getattr(value, "code", type(value).__name__)),
)
def test_the_outcome_table_of_a_replacement(
    error: Exception, state: Asked, pending: bool, ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    order = place(trading_account)
    ledger_broker.replace_before = raiser(error)
    after = change(order)
    replacement = Replacement.objects.get()
    assert (replacement.status, after.replace_pending, after.is_open) == (state, pending, True)
    assert "a fault of ours" not in replacement.last_error


# --- lost answers ---


def test_a_lost_answer_of_a_replacement_that_happened_is_found(
    either_broker: LedgerBroker, trading_account: Account, clock: Clock
) -> None:
    order = place(trading_account)
    either_broker.replace_after = raiser(OutcomeUnknown("No answer"))
    assert change(order).replace_pending
    clock.sweep(trading_account, 3)
    replacement = Replacement.objects.get()
    assert replacement.status == Asked.DONE
    stands = replacements.standing(replacement)
    assert (stands.limit_price, stands.status) == (Decimal("-191"), Status.WORKING)
    assert working_at(either_broker) == [stands.broker_order_id]
    assert either_broker.calls.count("replace") == 1


def test_a_lost_answer_of_one_that_did_not_happen_is_told_only_after_a_quiet_time(
    either_broker: LedgerBroker, trading_account: Account, clock: Clock
) -> None:
    order = place(trading_account)
    either_broker.replace_before = raiser(OutcomeUnknown("No answer"))
    change(order)
    clock.sweep(trading_account, 200, 2)
    assert Replacement.objects.get().status == Asked.UNKNOWN
    clock.sweep(trading_account, 130, 2)
    assert Replacement.objects.get().status == Asked.NOT_APPLIED
    order.refresh_from_db()
    assert (order.replace_pending, order.limit_price) == (False, Decimal("-190"))
    assert either_broker.calls.count("replace") == 1


def test_while_one_is_in_doubt_nothing_else_is_asked_of_the_chain(
    either_broker: LedgerBroker, trading_account: Account
) -> None:
    order = place(trading_account)
    either_broker.replace_after = raiser(OutcomeUnknown("No answer"))
    change(order)
    with pytest.raises(orders.NotReplaceable, match="being carried out"):
        change(order, a_ticket(price="192.00"), "change-2")
    with pytest.raises(orders.NotCancellable, match="replacement of this order is being looked up"):
        orders.cancel(order)
    assert "cancel" not in either_broker.calls
    assert either_broker.calls.count("replace") == 1


def test_the_same_harness_catches_whoever_asks_again(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    """The sabotaged twin: asked again with no answer, as other programs do, two orders of one chain may work."""
    order = place(trading_account)
    number = str(order.broker_order_id)

    def both_live() -> None:
        ledger_broker.move(number, BrokerStatus.WORKING, "Live")  # the old one could not be cancelled in time
        raise OutcomeUnknown("No answer")

    ledger_broker.replace_after = both_live
    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            ledger_broker.replace_order(trading_account.number, number, a_ticket(price="191.00"))
    assert len(working_at(ledger_broker)) == 3
    reconcile.refresh(trading_account)
    assert order.events.filter(kind="alarm").count() == 2


def test_two_working_orders_of_one_chain_raise_an_alarm_once(
    ledger_broker: LedgerBroker, trading_account: Account, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    order = place(trading_account)

    def both_live() -> None:
        ledger_broker.move(str(order.broker_order_id), BrokerStatus.WORKING, "Live")
        raise OutcomeUnknown("No answer")

    ledger_broker.replace_after = both_live
    change(order)
    clock.sweep(trading_account, 30)
    rows = list(Order.objects.filter(account=trading_account))
    assert [row.events.filter(kind="alarm").count() for row in rows] == [1, 1]
    assert "both work" in caplog.text
    assert {row.status for row in rows} == {Status.WORKING}


def test_a_replacement_whose_sender_died_is_doubted_and_found(
    either_broker: LedgerBroker, trading_account: Account, clock: Clock
) -> None:
    order = place(trading_account)

    def die() -> None:
        raise KeyboardInterrupt

    either_broker.replace_after = die
    with pytest.raises(KeyboardInterrupt):
        change(order)
    assert Replacement.objects.get().status == Asked.SENDING
    clock.sweep(trading_account, 70)
    assert Replacement.objects.get().status == Asked.DONE
    assert either_broker.calls.count("replace") == 1


def test_one_that_appears_late_after_all_is_taken_in_as_the_successor(
    ledger_broker: LedgerBroker, trading_account: Account, clock: Clock
) -> None:
    order = place(trading_account)
    ledger_broker.replace_before = raiser(OutcomeUnknown("No answer"))
    change(order)
    clock.sweep(trading_account, 330, 2)
    assert Replacement.objects.get().status == Asked.NOT_APPLIED
    ledger_broker.replace_before = lambda: None
    ledger_broker.replace_order(trading_account.number, str(order.broker_order_id), a_ticket(price="191.00"))
    clock.sweep(trading_account, 62)
    replacement = Replacement.objects.get()
    assert (replacement.status, replacement.successor is not None) == (Asked.DONE, True)


def test_a_fill_that_comes_first_ends_it(ledger_broker: LedgerBroker, trading_account: Account, clock: Clock) -> None:
    order = place(trading_account)

    def fill_first() -> None:
        ledger_broker.fill(str(order.broker_order_id), "10")
        raise OutcomeUnknown("No answer")

    ledger_broker.replace_before = fill_first
    change(order)
    filled = ledger_broker.ledger[str(order.broker_order_id)]
    orders.record(trading_account.connection_id, [filled], "stream")
    order.refresh_from_db()
    assert (order.status, order.replace_pending) == (Status.FILLED, True)
    clock.moment += timedelta(seconds=5)
    assert watch.due_accounts() == [trading_account.pk], "an order that is over is still looked after"
    clock.sweep(trading_account, 5)
    order.refresh_from_db()
    assert (order.replace_pending, Replacement.objects.get().status) == (False, Asked.NOT_APPLIED)


def test_a_broker_that_says_yes_and_does_not_is_noticed(
    ledger_broker: LedgerBroker, trading_account: Account, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers "sent" under the old number, and turns the change down later."""
    ledger_broker.keeps_id, ledger_broker.versions = True, iter(lambda: 0, 1)
    order = place(trading_account)

    def only_say_so(account_number: str, number: str, ticket: OrderTicket) -> Any:
        return replace(ledger_broker.ledger[number], status=BrokerStatus.REPLACE_REQUESTED)

    monkeypatch.setattr(ledger_broker, "replace_order", only_say_so)
    after = change(order)
    assert (after.status, Replacement.objects.get().status) == (Status.REPLACE_REQUESTED, Asked.ASKED)
    clock.sweep(trading_account, 180)
    order.refresh_from_db()
    assert Replacement.objects.get().status == Asked.NOT_APPLIED
    assert order.status == Status.ACCEPTED
    assert order.limit_price == Decimal("-190")


@pytest.mark.django_db(transaction=True)
def test_of_a_replacement_and_a_cancel_at_the_same_moment_one_is_turned_away(
    ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    order = place(trading_account)
    ledger_broker.replace_after = raiser(OutcomeUnknown("No answer"))

    def act(what: str) -> str:
        try:
            orders.cancel(order) if what == "cancel" else change(order, key=f"change-{uuid.uuid4()}")
        except (orders.NotCancellable, orders.NotReplaceable):
            return "turned away"
        else:
            return what
        finally:
            databases.close_all()

    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(act, ["replace", "cancel"] * 3))
    assert ledger_broker.calls.count("replace") + ledger_broker.calls.count("cancel") == 1, done


def test_the_watch_looks_after_replacements(
    ledger_broker: LedgerBroker, trading_account: Account, clock: Clock
) -> None:
    order = place(trading_account)
    ledger_broker.replace_after = raiser(OutcomeUnknown("No answer"))
    change(order)
    clock.moment += timedelta(seconds=3)
    assert watch.due_accounts() == [trading_account.pk]


# --- the API ---


def ask(client: Client, order: Order, key: str = "change-1", method: str = "put", **body: Any) -> Any:
    headers = {"Idempotency-Key": key}
    return getattr(client, method)(f"/api/v1/orders/{order.pk}", body, content_type="application/json", headers=headers)


def test_the_api_replaces_and_names_the_order_that_stands(
    trader_client: Client, trading_account: Account, either_broker: LedgerBroker
) -> None:
    order = place(trading_account)
    answer = ask(trader_client, order, limit_price="191.00")
    assert answer.status_code == 200, answer.content
    stands = Order.objects.get(pk=answer.json()["id"])
    assert answer["Location"] == f"/api/v1/orders/{stands.pk}"
    assert (stands.plain_limit, answer.json()["replacement"]["status"]) == ("191", "done")
    again = ask(trader_client, order, method="patch", limit_price="191.00")
    assert (again.status_code, again["Idempotency-Replayed"], again.json()["id"]) == (200, "true", str(stands.pk))
    assert ask(trader_client, order, limit_price="192.00").json()["code"] == "idempotency_key_reused"
    assert either_broker.calls.count("replace") == 1


def test_the_api_answers_doubt_refusal_and_strangers(
    trader_client: Client, stranger_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    order = place(trading_account)
    assert ask(stranger_client, order, limit_price="191.00").status_code == 404
    assert ask(trader_client, order, key="", limit_price="191.00").json()["code"] == "idempotency_key_missing"
    assert ask(trader_client, order, limit_price="190.00").json()["code"] == "conflict"
    assert ask(trader_client, order, limit_price="-1").json()["code"] == "invalid"
    assert ask(trader_client, order, prize="1").json()["code"] == "invalid"
    ledger_broker.replace_before = raiser(OrderRejected("Too late to change it"))
    refused = ask(trader_client, order, limit_price="191.00")
    assert (refused.status_code, refused.json()["code"]) == (422, "order_rejected")
    assert "Too late" in refused.json()["detail"]
    ledger_broker.replace_before = raiser(OutcomeUnknown("No answer"))
    doubtful = ask(trader_client, order, "change-2", limit_price="191.00")
    assert (doubtful.status_code, doubtful.json()["replace_pending"]) == (202, True)
