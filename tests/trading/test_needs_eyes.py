"""Orders that a person must decide, and what must hold before one is believed not to be at the broker."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from ledger_broker import AAPL, LedgerBroker, a_ticket, raiser

from brokers import registry
from brokers.domain.orders import OrderTicket, OrderUpdate
from brokers.errors import Ambiguous, OutcomeUnknown, Unavailable
from brokers.models import Account
from trading import orders
from trading.audit.models import AuditRecord
from trading.lifecycle import Status
from trading.models import Order
from trading.protocol import explained, reconcile, silence

pytestmark = pytest.mark.django_db


class Clock:
    """The time that the desk reads. It moves by hand alone, however slow the machine is."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.moment = timezone.now()
        monkeypatch.setattr(timezone, "now", self.now)

    def now(self) -> datetime:
        self.moment += timedelta(microseconds=1)  # no two moments are the same
        return self.moment

    def sweep(self, account: Account, seconds: int, step: int = 5) -> None:
        for _ in range(0, seconds, step):
            self.moment += timedelta(seconds=step)
            orders.look_up(account, timezone.now())


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def mute_broker(ledger_broker: LedgerBroker, monkeypatch: pytest.MonkeyPatch) -> LedgerBroker:
    """It tells no references: an order in doubt is found by its looks."""
    spec = registry.spec("tastytrade")
    silent = replace(spec, capabilities=replace(spec.capabilities, echoes_client_ref=False))
    monkeypatch.setitem(registry.BROKERS, "tastytrade", silent)

    def find(number: str, ref: str, ticket: OrderTicket, since: Any, claimed: Any = (), **_: Any) -> OrderUpdate | None:
        ledger_broker.listing_fault()
        free = [update for key, update in ledger_broker.ledger.items() if key not in claimed]
        found = [update for update in free if update.limit_price == ticket.limit_price]
        if len(found) > 1:
            raise Ambiguous("The broker has several orders that look like this one.")
        return found[0] if found else None

    def forget_references() -> None:
        for key, update in ledger_broker.ledger.items():
            ledger_broker.ledger[key] = replace(update, client_ref=None)

    monkeypatch.setattr(ledger_broker, "find_order", find)
    ledger_broker.after = forget_references
    return ledger_broker


def place(account: Account, key: str = "key-1") -> Order:
    return orders.place(account=account, ticket=a_ticket(), idempotency_key=key, source=Order.Source.WEB)[0]


@pytest.fixture
def undecided(mute_broker: LedgerBroker, trading_account: Account, clock: Clock) -> Order:
    """The person placed the very same order in the broker's own app, twice; the desk's own answer was lost."""
    for _ in range(2):
        mute_broker.place_order(trading_account.number, a_ticket(), "")
    mute_broker.before = raiser(OutcomeUnknown("No answer"))
    order = place(trading_account)
    clock.sweep(trading_account, 10)
    order.refresh_from_db()
    return order


# --- several look alike ---


def test_an_order_like_several_of_the_brokers_is_given_to_its_person_with_the_candidates(
    undecided: Order, mute_broker: LedgerBroker
) -> None:
    assert undecided.status == Status.NEEDS_EYES
    assert [one["broker_order_id"] for one in undecided.candidates] == sorted(mute_broker.ledger)
    assert "Say which one it is" in undecided.last_error
    assert AuditRecord.objects.filter(action="order.needs_eyes", about=f"order:{undecided.pk}").exists()


def test_it_is_never_believed_absent_while_there_are_candidates(
    undecided: Order, trading_account: Account, clock: Clock
) -> None:
    clock.sweep(trading_account, 3600, 60)
    undecided.refresh_from_db()
    assert undecided.status == Status.NEEDS_EYES


def test_a_person_says_which_one_it_is(undecided: Order, mute_broker: LedgerBroker, trading_account: Account) -> None:
    number = undecided.candidates[1]["broker_order_id"]
    decided = orders.decide(undecided, broker_order_id=number, user=trading_account.connection.user)
    assert (decided.status, decided.broker_order_id, decided.candidates) == (Status.ACCEPTED, number, [])
    assert Order.objects.get(adopted_by=decided).is_external
    assert [event.source for event in decided.events.filter(kind="decided")] == ["user"]
    assert AuditRecord.objects.filter(action="order.decided", about=f"order:{decided.pk}").exists()
    assert mute_broker.calls.count("place") == 3
    with pytest.raises(orders.NotDecidable, match="nothing to decide"):
        orders.decide(decided, broker_order_id=None, user=trading_account.connection.user)


def test_a_person_says_that_none_is_and_a_late_appearance_is_watched_for(
    undecided: Order, mute_broker: LedgerBroker, trading_account: Account, clock: Clock
) -> None:
    decided = orders.decide(undecided, broker_order_id=None, user=trading_account.connection.user)
    assert (decided.status, decided.watch_until is not None) == (Status.NOT_PLACED, True)
    others = {update.broker_order_id for update in mute_broker.ledger.values()}
    mute_broker.before = lambda: None
    late = mute_broker.place_order(trading_account.number, a_ticket(), str(undecided.client_ref)).order
    mute_broker.ledger[late.broker_order_id] = late  # with our reference after all
    orders.record(trading_account.connection_id, [late], "stream")
    decided.refresh_from_db()
    assert decided.status == Status.ACCEPTED
    assert decided.broker_order_id not in others


@pytest.mark.parametrize("number", ["999", ""])
def test_a_number_that_is_no_candidate_is_turned_away(number: str, undecided: Order, trading_account: Account) -> None:
    with pytest.raises(orders.NotDecidable, match="does not look like"):
        orders.decide(undecided, broker_order_id=number, user=trading_account.connection.user)


def test_nobody_else_decides(undecided: Order, foreign_account: Account) -> None:
    with pytest.raises(orders.NotDecidable, match="not your order"):
        orders.decide(undecided, broker_order_id=None, user=foreign_account.connection.user)


def test_the_api_decides(trader_client: Client, stranger_client: Client, undecided: Order) -> None:
    address = f"/api/v1/orders/{undecided.pk}/decision"
    number = trader_client.get(f"/api/v1/orders/{undecided.pk}").json()["candidates"][0]["broker_order_id"]
    body: dict[str, Any] = {"broker_order_id": number}
    assert stranger_client.post(address, body, content_type="application/json").status_code == 404
    wrong = trader_client.post(address, {"broker_order_id": "1"}, content_type="application/json")
    assert wrong.json()["code"] == "conflict"
    answer = trader_client.post(address, body, content_type="application/json")
    assert (answer.status_code, answer.json()["broker_order_id"]) == (200, number)


# --- nothing can be found out ---


def test_after_ten_minutes_without_a_listing_a_person_is_asked_and_the_looking_goes_on(
    ledger_broker: LedgerBroker, trading_account: Account, clock: Clock
) -> None:
    ledger_broker.after = raiser(OutcomeUnknown("No answer"))
    order = place(trading_account)
    ledger_broker.listing_fault = raiser(Unavailable("The broker is away."))
    clock.sweep(trading_account, 540)
    order.refresh_from_db()
    assert order.status == Status.UNKNOWN
    clock.sweep(trading_account, 180)
    order.refresh_from_db()
    assert order.status == Status.NEEDS_EYES
    ledger_broker.listing_fault = lambda: None
    clock.sweep(trading_account, 65)
    order.refresh_from_db()
    assert order.status == Status.ACCEPTED


# --- not placed ---


def lost(broker: LedgerBroker, account: Account) -> Order:
    broker.before = raiser(OutcomeUnknown("No answer"))
    return place(account)


@pytest.mark.parametrize(("listening", "after"), [(True, 240), (False, 420)])
def test_the_silence_of_a_listening_stream_makes_the_quiet_time_shorter(
    listening: bool,
    after: int,
    ledger_broker: LedgerBroker,
    trading_account: Account,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    since = timezone.now()
    monkeypatch.setattr(silence, "listening_since", lambda connection_id: since if listening else None)
    order = lost(ledger_broker, trading_account)
    clock.sweep(trading_account, after - 60)
    order.refresh_from_db()
    assert order.status == Status.UNKNOWN
    clock.sweep(trading_account, 120)
    order.refresh_from_db()
    assert order.status == Status.NOT_PLACED
    assert ("the account stream was silent" in order.events.last().words) is listening


def test_a_stream_that_came_back_in_between_proves_nothing_yet(
    ledger_broker: LedgerBroker, trading_account: Account, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = timezone.now() + timedelta(seconds=200)
    monkeypatch.setattr(silence, "listening_since", lambda connection_id: back)
    order = lost(ledger_broker, trading_account)
    clock.sweep(trading_account, 300)
    order.refresh_from_db()
    assert order.status == Status.UNKNOWN


@pytest.mark.parametrize(("held", "status"), [("25", Status.NOT_PLACED), ("35", Status.NEEDS_EYES)])
def test_positions_that_moved_without_a_known_fill_keep_it_from_being_not_placed(
    held: str, status: Status, ledger_broker: LedgerBroker, trading_account: Account, clock: Clock
) -> None:
    ledger_broker.held[AAPL] = Decimal(25)
    order = lost(ledger_broker, trading_account)
    ledger_broker.held[AAPL] = Decimal(held)
    clock.sweep(trading_account, 520)
    order.refresh_from_db()
    assert order.status == status
    if status is Status.NEEDS_EYES:
        assert "10 AAPL" in order.last_error


def test_known_fills_explain_positions(ledger_broker: LedgerBroker, trading_account: Account, clock: Clock) -> None:
    ledger_broker.held[AAPL] = Decimal(25)
    known = place(trading_account, "key-0")
    order = lost(ledger_broker, trading_account)
    ledger_broker.before = lambda: None
    ledger_broker.fill(str(known.broker_order_id), "10")
    ledger_broker.held[AAPL] = Decimal(35)
    clock.sweep(trading_account, 520)
    order.refresh_from_db()
    assert order.status == Status.NOT_PLACED


def test_positions_that_cannot_be_read_are_no_information(
    ledger_broker: LedgerBroker, trading_account: Account, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = lost(ledger_broker, trading_account)
    with monkeypatch.context() as away:

        def refuse(number: str) -> Any:
            raise Unavailable("The broker is away.")

        away.setattr(ledger_broker, "get_positions", refuse)
        clock.sweep(trading_account, 600)
        order.refresh_from_db()
        assert order.status == Status.UNKNOWN
    clock.sweep(trading_account, 65)
    order.refresh_from_db()
    assert order.status == Status.NOT_PLACED


def test_without_these_looks_a_filled_order_would_be_called_not_placed(
    ledger_broker: LedgerBroker, trading_account: Account, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sabotaged twin: the order is filled, the listings lag, and nobody looks at the positions."""
    monkeypatch.setattr(explained, "unexplained", lambda order, broker: {})
    ledger_broker.held[AAPL] = Decimal(25)

    def filled_and_hidden() -> None:
        ledger_broker.held[AAPL] = Decimal(35)
        ledger_broker.hidden |= set(ledger_broker.ledger)
        raise OutcomeUnknown("No answer")

    ledger_broker.after = filled_and_hidden
    order = place(trading_account)
    clock.sweep(trading_account, 520)
    order.refresh_from_db()
    assert order.status == Status.NOT_PLACED
    assert reconcile.ENOUGH_LISTINGS == 3
