"""News that come mixed up, without names, or while the database is busy: nothing is lost, nothing goes astray."""

import logging
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone
from ledger_broker import LedgerBroker, a_ticket, open_account, raiser

from brokers.domain.orders import BrokerStatus, Placed
from brokers.errors import OutcomeUnknown
from brokers.models import Account
from brokers.port import AccountChanged
from brokers.signals import account_changed, account_stream_resumed, order_reported
from trading import orders
from trading.lifecycle import Status
from trading.models import Order
from trading.protocol import news, reconcile, sending, turns, watch
from trading.protocol.known import Known

pytestmark = pytest.mark.django_db
LATER = timedelta(seconds=50)


def place(account: Account, key: str = "key-1") -> Order:
    order, _ = orders.place(account=account, ticket=a_ticket(), idempotency_key=key, source=Order.Source.WEB)
    return order


# --- the answer to our one attempt ---


def test_the_answer_to_another_request_is_no_answer(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    """A gateway that mixes answers up hands us the acceptance of a stranger's order."""
    other = ledger_broker.place_order("5WT00042", a_ticket("99"), "somebody-elses-ref")
    ledger_broker.place_order = lambda *_: other  # type: ignore[method-assign]
    order = place(trading_account)
    assert (order.status, order.broker_order_id) == (Status.UNKNOWN, None)


def test_an_answer_with_the_id_of_another_order_of_ours_is_no_answer(
    ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    first = place(trading_account)
    nameless = replace(ledger_broker.ledger[str(first.broker_order_id)], client_ref=None)
    ledger_broker.place_order = lambda *_: Placed(nameless)  # type: ignore[method-assign]
    second = place(trading_account, "key-2")
    assert (second.status, second.broker_order_id) == (Status.UNKNOWN, None)
    first.refresh_from_db()
    assert (first.adopted_by_id, first.status) == (None, Status.ACCEPTED)


def test_an_order_that_was_held_up_before_it_could_leave_is_not_sent(
    ledger_broker: LedgerBroker, trading_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine slept between the commit and the first byte: the price was for then."""
    real_begin, real_now = Order.begin, timezone.now

    def begin_then_sleep(**fields: Any) -> Order:
        order = real_begin(**fields)
        monkeypatch.setattr(timezone, "now", lambda: real_now() + sending.SEND_WITHIN + timedelta(seconds=1))
        return order

    monkeypatch.setattr(Order, "begin", begin_then_sleep)
    order = place(trading_account)
    assert order.status == Status.NOT_SENT
    assert "too old to send" in order.last_error
    assert "place" not in ledger_broker.calls


# --- whose news it is ---


@pytest.mark.parametrize("change", [{"broker_order_id": "1"}, {"account_number": "5WT00099"}])
def test_the_answer_to_a_cancel_that_is_about_another_order_changes_nothing(
    change: dict[str, str],
    ledger_broker: LedgerBroker,
    trading_account: Account,
    caplog: pytest.LogCaptureFixture,
) -> None:
    order = place(trading_account)
    gone = replace(ledger_broker.ledger[str(order.broker_order_id)], status=BrokerStatus.CANCELLED, **change)
    ledger_broker.cancel_order = lambda *_: gone  # type: ignore[method-assign]
    order = orders.cancel(order)
    assert (order.status, order.cancel_pending) == (Status.ACCEPTED, True)
    assert "left alone" in caplog.text


def test_what_the_twin_was_told_before_we_knew_it_for_ours_is_looked_up_at_once(
    ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    """The stream tells of the fill without our reference, before the answer: that fill will not be told again."""

    def overtake() -> None:
        key = next(iter(ledger_broker.ledger))
        filled = replace(ledger_broker.fill(key, "10"), client_ref=None)
        orders.record(trading_account.connection_id, [filled], "stream")

    ledger_broker.after = overtake
    order = place(trading_account)
    assert order.status == Status.ACCEPTED
    orders.look_up(trading_account, timezone.now())
    order.refresh_from_db()
    assert (order.status, order.filled_quantity) == (Status.FILLED, 10)


def test_a_twin_that_gave_way_is_neither_watched_nor_asked_for(
    ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    def overtake() -> None:
        nameless = [replace(update, client_ref=None) for update in ledger_broker.ledger.values()]
        orders.record(trading_account.connection_id, nameless, "stream")

    ledger_broker.after = overtake
    order = place(trading_account)
    twin = Order.objects.get(adopted_by=order)
    assert twin.status == Status.ACCEPTED
    ledger_broker.move(str(order.broker_order_id), BrokerStatus.CANCELLED, "Cancelled")
    news.hear(twin, ledger_broker.ledger[str(order.broker_order_id)], "stream")
    order.refresh_from_db()
    assert order.status == Status.CANCELLED, "what is told of the twin is told of the order"
    orders.look_up(trading_account, timezone.now() + LATER)
    assert not Order.objects.working().exists()
    assert watch.wanted_feeds() == {}
    assert "read" not in ledger_broker.calls


# --- what cannot be written down just now ---


def test_news_are_told_again_when_the_database_was_busy(
    ledger_broker: LedgerBroker, trading_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = place(trading_account)
    update = ledger_broker.fill(str(order.broker_order_id), "10")
    with monkeypatch.context() as busy:

        def locked(*_: Any, **__: Any) -> Order:
            raise OperationalError("database is locked")

        busy.setattr(news, "hear", locked)
        with pytest.raises(OperationalError):  # so that the feed's reports repeat it
            order_reported.send(sender=None, connection_id=trading_account.connection_id, updates=[update])
    order_reported.send(sender=None, connection_id=trading_account.connection_id, updates=[update])
    order.refresh_from_db()
    assert order.status == Status.FILLED


def test_an_order_that_is_listed_is_never_counted_as_absent(
    ledger_broker: LedgerBroker,
    trading_account: Account,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its report cannot be written down, for a fault of ours: the order is there all the same."""

    def lose() -> None:
        raise OutcomeUnknown("No answer")

    ledger_broker.after = lose
    order = place(trading_account)

    def stumble(*_: Any, **__: Any) -> None:
        raise ArithmeticError("a fault of ours")

    monkeypatch.setattr(news, "_change", stumble)
    real_now = timezone.now
    for minute in range(1, 12):
        monkeypatch.setattr(timezone, "now", lambda minute=minute: real_now() + timedelta(minutes=minute))
        orders.look_up(trading_account, timezone.now())
    order.refresh_from_db()
    assert (order.status, order.listings_without) == (Status.UNKNOWN, 0)
    assert ledger_broker.calls.count("list") > 5
    assert "could not be recorded" in caplog.text


def test_one_order_that_cannot_be_gone_on_with_does_not_stop_the_listing_of_the_others(
    ledger_broker: LedgerBroker, trading_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = place(trading_account)
    Order.objects.filter(pk=stuck.pk).update(cancel_pending=True, next_check_at=timezone.now())

    def lose() -> None:
        raise OutcomeUnknown("No answer")

    ledger_broker.after = lose
    lost = place(trading_account, "key-2")

    def stumble(*_: Any) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(reconcile.cancels, "go_on", stumble)
    orders.look_up(trading_account, timezone.now() + timedelta(seconds=2))
    lost.refresh_from_db()
    assert lost.status == Status.ACCEPTED


def test_more_missing_orders_than_one_round_reads_are_all_read_in_time(
    ledger_broker: LedgerBroker, trading_account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    """Some that the broker has forgotten must not use up every round."""
    caplog.set_level(logging.CRITICAL)
    placed = [place(trading_account, f"key-{number}") for number in range(8)]
    for order in placed[1:]:
        del ledger_broker.ledger[str(order.broker_order_id)]
    real_get = ledger_broker.get_order

    def get_order(account_number: str, broker_order_id: str) -> Any:
        if broker_order_id not in ledger_broker.ledger:
            raise OutcomeUnknown("There is none")
        return real_get(account_number, broker_order_id)

    ledger_broker.get_order = get_order  # type: ignore[method-assign]
    oldest = str(placed[0].broker_order_id)
    ledger_broker.move(oldest, BrokerStatus.EXPIRED, "Expired")
    ledger_broker.hidden.add(oldest)
    for _ in range(30):
        Order.objects.filter(status=Status.ACCEPTED).update(next_check_at=timezone.now())
        orders.look_up(trading_account, timezone.now())
    placed[0].refresh_from_db()
    assert placed[0].status == Status.EXPIRED


# --- the account stream was away ---


def test_when_the_account_stream_is_back_its_orders_are_listed_at_once(
    ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    working = place(trading_account)
    foreign = open_account("someone", "5WT00088")
    place(foreign)
    assert watch.due_accounts() == []
    ledger_broker.fill(str(working.broker_order_id), "10")  # told while nobody listened
    account_stream_resumed.send(sender=None, connection_id=trading_account.connection_id)
    assert watch.due_accounts() == [trading_account.pk]
    watch.look_after(trading_account.pk)
    working.refresh_from_db()
    assert (working.status, working.filled_quantity) == (Status.FILLED, Decimal(10))


def test_a_stream_that_is_back_doubts_no_sender_and_hurries_no_cancel(
    ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    order = place(trading_account)
    later = timezone.now() + LATER
    for fields in ({"status": Status.SENDING}, {"cancel_pending": True}):
        Order.objects.filter(pk=order.pk).update(next_check_at=later, **fields)
        account_stream_resumed.send(sender=None, connection_id=trading_account.connection_id)
        order.refresh_from_db()
        assert order.next_check_at == later
        Order.objects.filter(pk=order.pk).update(status=Status.ACCEPTED)


@pytest.mark.parametrize(("what", "due"), [("orders", True), ("balance", False)])
def test_an_orders_news_that_could_not_be_read_is_listed_at_once(
    what: str, due: bool, ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    place(trading_account)
    change = AccountChanged(trading_account.number, what)
    account_changed.send(sender=None, connection_id=trading_account.connection_id, change=change)
    assert bool(watch.due_accounts()) is due


# --- whose turn it is ---


def heard_in_turn(account: Account, broker: LedgerBroker, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The broker's numbers in the sequence in which a listing of them is written down."""
    heard: list[str] = []
    real = news.hear

    def listen(order: Order, update: Any, *given: Any, **more: Any) -> Order:
        heard.append(update.broker_order_id)
        return real(order, update, *given, **more)

    monkeypatch.setattr(news, "hear", listen)
    orders.refresh(account)
    return heard


def a_day_with_one_in_doubt(account: Account, broker: LedgerBroker) -> str:
    """Many old orders placed elsewhere, and a newest one whose answer was lost. → its number at the broker."""
    for number in range(30):
        broker.place_order(account.number, a_ticket(str(number + 1)), f"elsewhere-{number}")
    broker.after = raiser(OutcomeUnknown("No answer"))
    assert place(account).status == Status.UNKNOWN
    return max(broker.ledger, key=lambda number: (len(number), number))


def test_of_a_long_listing_what_is_in_doubt_is_recorded_first(
    ledger_broker: LedgerBroker, trading_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = a_day_with_one_in_doubt(trading_account, ledger_broker)
    heard = heard_in_turn(trading_account, ledger_broker, monkeypatch)
    assert (heard[0], len(heard)) == (newest, 31)
    assert heard[1:] == sorted(heard[1:], key=lambda number: (len(number), number)), "the rest from the oldest on"


def test_by_age_alone_it_would_wait_behind_them_all(
    ledger_broker: LedgerBroker, trading_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sabotaged twin."""
    newest = a_day_with_one_in_doubt(trading_account, ledger_broker)
    monkeypatch.setattr(turns, "_urgent", lambda *_: set())
    assert heard_in_turn(trading_account, ledger_broker, monkeypatch)[-1] == newest


def test_an_original_still_comes_before_what_replaced_it(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    newest = a_day_with_one_in_doubt(trading_account, ledger_broker)
    ledger_broker.after = lambda: None
    heir = ledger_broker.replace_order(trading_account.number, newest, a_ticket(price="191.00"))
    oldest = next(iter(ledger_broker.ledger.values()))
    reports = [oldest, heir, ledger_broker.ledger[newest]]
    told = turns.in_turn(reports, Known(trading_account.connection_id, reports).waiting())
    assert [update.broker_order_id for update in told][:2] == [newest, heir.broker_order_id]
