"""Orders in doubt: looked up, found, believed absent only late, and never sent again."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from ledger_broker import LedgerBroker, a_ticket, raiser

from brokers.domain.orders import BrokerStatus
from brokers.errors import OutcomeUnknown, RateLimited, Unavailable
from brokers.models import Account
from trading import orders
from trading.lifecycle import Status
from trading.models import Order
from trading.protocol import news, reconcile
from trading.protocol.cancels import MOST_TRIES, NotCancellable

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> "Clock":
    return Clock(monkeypatch)


class Clock:
    """The time that the desk reads. It moves by hand alone, however slow the machine is."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.moment = timezone.now()
        monkeypatch.setattr(timezone, "now", self.now)

    def now(self) -> datetime:
        self.moment += timedelta(microseconds=1)  # no two moments are the same
        return self.moment

    def advance(self, seconds: float) -> datetime:
        self.moment += timedelta(seconds=seconds)
        return self.now()


def place(account: Account, key: str = "key-1") -> Order:
    order, _ = orders.place(account=account, ticket=a_ticket(), idempotency_key=key, source=Order.Source.WEB)
    return order


def sweep(account: Account, clock: Clock, seconds: int, step: int = 1) -> None:
    for _ in range(0, seconds, step):
        orders.look_up(account, clock.advance(step))


def test_a_lost_answer_is_found_by_the_next_listing(
    ledger_broker: LedgerBroker, trading_account: Account, clock: Clock
) -> None:
    ledger_broker.after = raiser(OutcomeUnknown("No answer"))
    order = place(trading_account)
    assert order.status == Status.UNKNOWN
    sweep(trading_account, clock, 2)
    order.refresh_from_db()
    assert order.status == Status.ACCEPTED
    assert order.broker_order_id in ledger_broker.ledger
    assert order.last_error == ""
    assert ledger_broker.calls.count("place") == 1


def test_one_listing_serves_all_orders_in_doubt(
    ledger_broker: LedgerBroker, trading_account: Account, clock: Clock
) -> None:
    ledger_broker.after = raiser(OutcomeUnknown("No answer"))
    for number in range(5):
        place(trading_account, f"key-{number}")
    orders.look_up(trading_account, clock.advance(2))
    assert ledger_broker.calls.count("list") == 1
    assert set(Order.objects.values_list("status", flat=True)) == {Status.ACCEPTED}


def test_an_order_that_never_arrived_is_not_placed_only_after_quiet_and_listings(
    ledger_broker: LedgerBroker, trading_account: Account, clock: Clock
) -> None:
    ledger_broker.before = raiser(OutcomeUnknown("No answer"))
    order = place(trading_account)
    sweep(trading_account, clock, 134)
    order.refresh_from_db()
    assert order.status == Status.UNKNOWN
    assert order.listings_without >= 3
    sweep(trading_account, clock, 240)  # no account stream listened: its silence says nothing
    order.refresh_from_db()
    assert order.status == Status.UNKNOWN
    sweep(trading_account, clock, 120)
    order.refresh_from_db()
    assert order.status == Status.NOT_PLACED
    assert "no account stream was listening" in order.events.last().words
    assert order.watch_until is not None
    assert ledger_broker.calls.count("place") == 1
    assert ledger_broker.calls.count("list") <= 24


def test_listings_that_fail_are_no_information(
    ledger_broker: LedgerBroker, trading_account: Account, clock: Clock
) -> None:
    ledger_broker.before = raiser(OutcomeUnknown("No answer"))
    ledger_broker.listing_fault = raiser(Unavailable("The broker is away"))
    order = place(trading_account)
    sweep(trading_account, clock, 590, 5)
    order.refresh_from_db()
    assert (order.status, order.listings_without) == (Status.UNKNOWN, 0)
    assert "The broker is away" in order.last_error


def test_a_listing_without_our_newest_known_order_is_too_old_to_count(
    ledger_broker: LedgerBroker, trading_account: Account, clock: Clock
) -> None:
    known = place(trading_account, "key-1")
    ledger_broker.hidden.add(str(known.broker_order_id))
    ledger_broker.before = raiser(OutcomeUnknown("No answer"))
    lost = place(trading_account, "key-2")
    sweep(trading_account, clock, 400, 2)
    lost.refresh_from_db()
    assert (lost.status, lost.listings_without) == (Status.UNKNOWN, 0)


def test_a_late_appearance_is_taken_in_and_never_sent_again(
    ledger_broker: LedgerBroker, trading_account: Account, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    def slow() -> None:
        ledger_broker.hidden |= set(ledger_broker.ledger)
        raise OutcomeUnknown("No answer")

    ledger_broker.after = slow
    order = place(trading_account)
    sweep(trading_account, clock, 460, 2)
    order.refresh_from_db()
    assert order.status == Status.NOT_PLACED
    ledger_broker.hidden.clear()
    sweep(trading_account, clock, 700, 10)
    order.refresh_from_db()
    assert order.status == Status.ACCEPTED
    assert "late" in [event.kind for event in order.events.all()]
    assert "is at the broker" in caplog.text
    assert ledger_broker.calls.count("place") == 1


def test_an_order_that_appears_hours_late_is_still_found(
    ledger_broker: LedgerBroker, trading_account: Account, clock: Clock
) -> None:
    def slow() -> None:
        ledger_broker.hidden |= set(ledger_broker.ledger)
        raise OutcomeUnknown("No answer")

    ledger_broker.after = slow
    order = place(trading_account)
    sweep(trading_account, clock, 300, 2)
    sweep(trading_account, clock, 20 * 3600, 600)
    order.refresh_from_db()
    assert order.status == Status.NOT_PLACED
    ledger_broker.hidden.clear()
    orders.look_up(trading_account, clock.advance(600))
    order.refresh_from_db()
    assert order.status == Status.ACCEPTED


def test_the_late_watch_ends(ledger_broker: LedgerBroker, trading_account: Account, clock: Clock) -> None:
    ledger_broker.before = raiser(OutcomeUnknown("No answer"))
    order = place(trading_account)
    sweep(trading_account, clock, 460, 2)
    orders.look_up(trading_account, clock.advance(25 * 3600))
    order.refresh_from_db()
    assert (order.status, order.next_check_at) == (Status.NOT_PLACED, None)


def test_an_order_whose_sender_died_is_doubted_and_found(
    ledger_broker: LedgerBroker, trading_account: Account, clock: Clock
) -> None:
    def die() -> None:
        raise KeyboardInterrupt

    ledger_broker.after = die
    with pytest.raises(KeyboardInterrupt):
        place(trading_account)
    order = Order.objects.get()
    assert order.status == Status.SENDING
    sweep(trading_account, clock, 20)
    order.refresh_from_db()
    assert order.status == Status.SENDING
    sweep(trading_account, clock, 14)
    order.refresh_from_db()
    assert order.status == Status.ACCEPTED


def test_of_several_processes_one_gets_the_turn(
    ledger_broker: LedgerBroker, trading_account: Account, clock: Clock
) -> None:
    ledger_broker.before = raiser(OutcomeUnknown("No answer"))
    place(trading_account)
    now = clock.advance(2)
    one, other = Order.objects.get(), Order.objects.get()
    assert reconcile.claim(one, now)
    assert not reconcile.claim(other, now)


@pytest.mark.parametrize("hour", [0, 9, 20, 23])
def test_listings_begin_the_day_before_in_new_york_whatever_the_hour(
    hour: int, ledger_broker: LedgerBroker, trading_account: Account, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In which zone the broker counts its days is not written anywhere; at 20:30 in New York it is tomorrow in UTC."""
    asked: list[date] = []
    real = ledger_broker.get_orders
    monkeypatch.setattr(ledger_broker, "get_orders", lambda number, since: asked.append(since) or real(number, since))
    clock.moment = datetime(2027, 3, 10, hour, 30, tzinfo=reconcile.NEW_YORK).astimezone(clock.moment.tzinfo)
    ledger_broker.after = raiser(OutcomeUnknown("No answer"))
    place(trading_account)
    orders.look_up(trading_account, clock.advance(2))
    orders.refresh(trading_account)
    assert asked == [date(2027, 3, 9), date(2027, 3, 9)]


@pytest.mark.parametrize("after", [0, 4, 20, 55])
def test_a_fill_of_which_no_stream_tells_is_known_within_ten_seconds_in_the_first_minute(
    after: int, ledger_broker: LedgerBroker, trading_account: Account, clock: Clock
) -> None:
    order = place(trading_account)
    sweep(trading_account, clock, after)
    ledger_broker.fill(str(order.broker_order_id), "10")
    sweep(trading_account, clock, 10)
    order.refresh_from_db()
    assert (order.status, order.next_check_at) == (Status.FILLED, None)


def test_working_orders_are_compared_with_the_listing_each_minute_later_on(
    ledger_broker: LedgerBroker, trading_account: Account, clock: Clock
) -> None:
    order = place(trading_account)
    sweep(trading_account, clock, 600)
    listings = ledger_broker.calls.count("list")
    assert listings <= len(news.LOOKS) + 10
    ledger_broker.fill(str(order.broker_order_id), "10")
    sweep(trading_account, clock, 61)
    order.refresh_from_db()
    assert (order.status, order.next_check_at) == (Status.FILLED, None)
    assert ledger_broker.calls.count("list") == listings + 1


def test_a_working_order_that_is_no_longer_listed_is_asked_for(
    ledger_broker: LedgerBroker, trading_account: Account, clock: Clock
) -> None:
    order = place(trading_account)
    ledger_broker.move(str(order.broker_order_id), BrokerStatus.EXPIRED, "Expired")
    ledger_broker.hidden.add(str(order.broker_order_id))
    sweep(trading_account, clock, 62, 2)
    order.refresh_from_db()
    assert order.status == Status.EXPIRED


# --- cancels ---


def test_a_cancel_is_asked_for_once(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    order = place(trading_account)
    assert orders.cancel(order).status == Status.CANCEL_REQUESTED
    assert orders.cancel(order).status == Status.CANCEL_REQUESTED
    assert ledger_broker.calls.count("cancel") == 1
    assert "Cancel asked for." in [event.words for event in order.events.all()]


@pytest.mark.parametrize(
    "fault", [OutcomeUnknown("No answer"), Unavailable("Away"), RateLimited("Slow", retry_after=1)]
)
def test_a_cancel_with_a_lost_answer_is_read_not_repeated(
    fault: Any, ledger_broker: LedgerBroker, trading_account: Account, clock: Clock
) -> None:
    order = place(trading_account)
    ledger_broker.cancel_fault = raiser(fault)
    order = orders.cancel(order)
    assert order.cancel_pending
    sweep(trading_account, clock, 6)
    order.refresh_from_db()
    assert (order.status, order.cancel_pending) == (Status.CANCEL_REQUESTED, False)
    assert ledger_broker.calls.count("cancel") == 1


def test_a_cancel_that_never_arrives_is_tried_three_times(
    ledger_broker: LedgerBroker, trading_account: Account, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = place(trading_account)
    tries = []

    def lost(account_number: str, broker_order_id: str) -> Any:
        tries.append(broker_order_id)
        raise OutcomeUnknown("No answer")

    monkeypatch.setattr(ledger_broker, "cancel_order", lost)
    orders.cancel(order)
    sweep(trading_account, clock, 60)
    order.refresh_from_db()
    assert len(tries) == MOST_TRIES
    assert not order.cancel_pending
    assert order.can_cancel
    assert "could not be confirmed" in order.last_error


def test_a_cancel_of_a_filled_order_reads_how_it_stands(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    order = place(trading_account)
    ledger_broker.fill(str(order.broker_order_id), "10")
    order = orders.cancel(order)
    assert (order.status, order.cancel_pending) == (Status.FILLED, False)
    with pytest.raises(NotCancellable):
        orders.cancel(order)


def test_an_order_in_doubt_cannot_be_cancelled_yet(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    ledger_broker.before = raiser(OutcomeUnknown("No answer"))
    with pytest.raises(NotCancellable, match="do not know yet"):
        orders.cancel(place(trading_account))


def test_a_late_answer_to_a_cancel_says_nothing_of_an_order_that_is_over(
    ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    """The stream told of the end while the cancel's own answer was lost."""
    order = place(trading_account)

    def end_then_lose() -> None:
        gone = ledger_broker.move(str(order.broker_order_id), BrokerStatus.CANCELLED, "Cancelled")
        orders.record(trading_account.connection_id, [gone], "stream")
        raise OutcomeUnknown("No answer")

    ledger_broker.cancel_fault = end_then_lose
    after = orders.cancel(order)
    assert (after.status, after.cancel_pending, after.last_error) == (Status.CANCELLED, False, "")
    assert after.next_check_at is None


def test_an_order_that_appears_late_is_not_over(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    ledger_broker.after = raiser(RateLimited("Slow down"))
    order = place(trading_account)
    assert order.ended_at is not None
    orders.look_up(trading_account, timezone.now() + timedelta(seconds=2))
    order.refresh_from_db()
    assert (order.status, order.ended_at) == (Status.ACCEPTED, None)


def test_one_complete_listing_is_not_enough_however_long_it_has_been_quiet(
    ledger_broker: LedgerBroker, trading_account: Account, clock: Clock
) -> None:
    """The broker was away for an hour; what it shows first may be from before."""
    ledger_broker.before = raiser(OutcomeUnknown("No answer"))
    order = place(trading_account)
    ledger_broker.listing_fault = raiser(Unavailable("The broker is away"))
    sweep(trading_account, clock, 3600, 30)
    ledger_broker.listing_fault = lambda: None
    statuses = []
    for _ in range(reconcile.ENOUGH_LISTINGS):
        orders.look_up(trading_account, clock.advance(61))
        order.refresh_from_db()
        statuses.append((order.status, order.listings_without))
    assert statuses == [(Status.NEEDS_EYES, 1), (Status.NEEDS_EYES, 2), (Status.NOT_PLACED, 3)]


def test_a_cancel_whose_sender_died_is_gone_on_with_soon(
    ledger_broker: LedgerBroker, trading_account: Account, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between writing the cancel down and sending it."""
    order = place(trading_account)

    def die(*_: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(ledger_broker, "cancel_order", die)
        with pytest.raises(KeyboardInterrupt):
            orders.cancel(order)
    sweep(trading_account, clock, 12)
    order.refresh_from_db()
    assert (order.status, order.cancel_tries) == (Status.CANCEL_REQUESTED, 2)
