"""Fills out of sums: each execution once, at the price that lies between two reports; and fills that are taken back."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from django.utils import timezone as clock
from hypothesis import given
from hypothesis import strategies as st
from ledger_broker import LedgerBroker, a_ticket

from brokers.domain.orders import BrokerStatus, LegState, OrderUpdate
from brokers.models import Account
from trading import orders
from trading.audit.models import AuditRecord
from trading.lifecycle import Status
from trading.models import Fill, Order
from trading.protocol import fills, news

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 20, 15, 30, tzinfo=timezone.utc)


def place(account: Account) -> Order:
    return orders.place(account=account, ticket=a_ticket(), idempotency_key="key-1", source=Order.Source.WEB)[0]


def told(
    broker: LedgerBroker, order: Order, executed: str, average: str | None, status: BrokerStatus = BrokerStatus.WORKING
) -> OrderUpdate:
    """A report in sums, without a version."""
    update = broker.ledger[str(order.broker_order_id)]
    leg = update.legs[0].leg
    price = Decimal(average) if average is not None else None
    state = LegState(leg, leg.quantity - Decimal(executed), executed=Decimal(executed), average_price=price)
    update = replace(update, legs=(state,), status=status, broker_status=status.value, version=0)
    broker.ledger[str(order.broker_order_id)] = update
    return update


@pytest.fixture
def order(ledger_broker: LedgerBroker, trading_account: Account) -> Order:
    ledger_broker.versions = iter(lambda: 0, 1)
    return place(trading_account)


def hear(order: Order, update: OrderUpdate, began: datetime | None = None) -> Order:
    news.record(order.account.connection_id, [update], "listing" if began else "stream", began)
    order.refresh_from_db()
    return order


def test_sums_become_fills_at_the_price_between_two_averages(ledger_broker: LedgerBroker, order: Order) -> None:
    hear(order, told(ledger_broker, order, "4", "190.00"))
    hear(order, told(ledger_broker, order, "4", "190.00"))
    hear(order, told(ledger_broker, order, "10", "189.40", BrokerStatus.FILLED))
    kept = [(fill.quantity, fill.price) for fill in order.fills.order_by("id")]
    assert kept == [(Decimal(4), Decimal("190")), (Decimal(6), Decimal("189"))]
    assert (order.status, order.filled_quantity, order.average_fill_price) == (
        Status.FILLED, Decimal(10), Decimal("189.4")
    )  # fmt: skip


def test_a_sum_without_a_price_counts_at_once_and_its_fill_comes_with_the_price(
    ledger_broker: LedgerBroker, order: Order
) -> None:
    hear(order, told(ledger_broker, order, "4", None))
    assert (order.status, order.filled_quantity, order.fills.count()) == (Status.PARTIAL, Decimal(4), 0)
    assert order.average_fill_price is None
    hear(order, told(ledger_broker, order, "4", "190.00"))
    assert [(fill.quantity, fill.price) for fill in order.fills.all()] == [(Decimal(4), Decimal("190"))]
    assert order.average_fill_price == Decimal("190")


def test_an_older_sum_that_comes_later_changes_nothing(ledger_broker: LedgerBroker, order: Order) -> None:
    older = told(ledger_broker, order, "4", "190.00")
    hear(order, told(ledger_broker, order, "10", "189.40", BrokerStatus.FILLED))
    hear(order, older)
    assert (order.filled_quantity, order.fills.count(), order.decrease_seen_at) == (Decimal(10), 1, None)


@given(
    parts=st.lists(st.tuples(st.integers(1, 50), st.integers(1, 10**6)), min_size=1, max_size=8),
    picks=st.lists(st.integers(0, 7), max_size=12),
)
def test_whatever_sums_are_told_or_left_out_the_fills_add_up_to_the_last(
    parts: list[tuple[int, int]], picks: list[int]
) -> None:
    done, paid, history = Decimal(0), Decimal(0), []
    for quantity, cents in parts:
        done, paid = done + quantity, paid + quantity * Decimal(cents) / 100
        history.append((done, paid / done))
    kept: list[Fill] = []
    for index in [*sorted(pick for pick in picks if pick < len(history)), len(history) - 1]:
        executed, average = history[index]
        leg = a_ticket("1000").legs[0]
        update = OrderUpdate(
            "5WT00042", "1", None, BrokerStatus.WORKING, "x", "limit", "day", None, None,
            (LegState(leg, leg.quantity - executed, executed=executed, average_price=average),), NOW, NOW,
        )  # fmt: skip
        for fill in fills.new_fills(update, kept, NOW):
            kept.append(Fill(fill_id=fill.fill_id, symbol="AAPL", quantity=fill.quantity, price=fill.price))
    assert sum(fill.quantity for fill in kept) == done
    assert len({fill.fill_id for fill in kept}) == len(kept)
    assert abs(sum((fill.quantity * fill.price for fill in kept), Decimal(0)) - paid) < Decimal("0.001")


# --- busts ---


def test_less_than_before_is_believed_and_alarmed_only_after_it_was_listed_for_long_enough(
    ledger_broker: LedgerBroker, order: Order, caplog: pytest.LogCaptureFixture
) -> None:
    hear(order, told(ledger_broker, order, "4", "190.00"))
    hear(order, told(ledger_broker, order, "10", "189.40", BrokerStatus.FILLED))
    busted = told(ledger_broker, order, "4", "190.00", BrokerStatus.FILLED)
    began = clock.now() + timedelta(seconds=10)
    hear(order, busted, began)
    assert (order.filled_quantity, order.decrease_seen_at, order.next_check_at is not None) == (
        Decimal(10), began, True
    )  # fmt: skip
    hear(order, busted, began + news.BUST_AFTER - timedelta(seconds=1))
    assert order.filled_quantity == Decimal(10)
    hear(order, busted, began + news.BUST_AFTER)
    assert (order.filled_quantity, order.average_fill_price) == (Decimal(4), Decimal("190"))
    assert [fill.quantity for fill in order.fills.order_by("id")] == [Decimal(4), Decimal(6), Decimal(-6)]
    assert order.events.filter(kind="bust").count() == 1
    assert "took back fills" in caplog.text
    assert AuditRecord.objects.filter(action="order.bust", about=f"order:{order.pk}").exists()
    hear(order, busted, began + news.BUST_AFTER + timedelta(seconds=60))
    assert order.events.filter(kind="bust").count() == 1


def test_a_listing_that_was_only_old_is_forgotten(ledger_broker: LedgerBroker, order: Order) -> None:
    old = told(ledger_broker, order, "4", "190.00")
    right = told(ledger_broker, order, "10", "189.40", BrokerStatus.FILLED)
    hear(order, right)
    began = clock.now() + timedelta(seconds=10)
    hear(order, old, began)
    hear(order, right, began + timedelta(seconds=30))
    assert order.decrease_seen_at is None
    hear(order, old, began + news.BUST_AFTER + timedelta(seconds=1))
    assert order.filled_quantity == Decimal(10)


def words_of(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.levelname, record.getMessage()[:24]) for record in caplog.records if record.name == news.__name__]


def test_a_listing_that_the_stream_has_overtaken_is_no_trouble_and_never_makes_a_bust(
    ledger_broker: LedgerBroker, order: Order, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked for before a fill was told, arriving after it; and again when the next fill comes, minutes later."""
    caplog.set_level("INFO", logger=news.__name__)
    real, offset = clock.now, timedelta(0)
    monkeypatch.setattr(clock, "now", lambda: real() + offset)
    for executed in range(1, 6):
        asked_at, before = (
            clock.now(),
            told(ledger_broker, order, str(executed - 1), "190.00" if executed > 1 else None),
        )
        offset += timedelta(seconds=1)
        hear(order, told(ledger_broker, order, str(executed), "190.00"))
        hear(order, before, asked_at)
        assert (order.filled_quantity, order.decrease_seen_at) == (Decimal(executed), None)
        assert order.next_check_at is not None
        offset += news.BUST_AFTER + timedelta(seconds=10)
    assert not order.events.filter(kind="bust").exists()
    assert words_of(caplog) == []


def test_whoever_believes_such_a_listing_is_caught(
    ledger_broker: LedgerBroker, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: to whom the time of a listing says nothing, the same line makes a fill that never was undone."""
    monkeypatch.setattr(news, "SETTLED", -timedelta(days=1))
    asked_at = clock.now()
    hear(order, told(ledger_broker, order, "5", "190.00"))
    hear(order, told(ledger_broker, order, "4", "190.00"), asked_at)
    assert order.decrease_seen_at is not None
    hear(order, told(ledger_broker, order, "6", "190.00"))
    hear(order, told(ledger_broker, order, "5", "190.00"), asked_at + news.BUST_AFTER)
    assert order.events.filter(kind="bust").exists()


def test_less_that_is_listed_late_is_a_warning_and_what_is_believed_an_error(
    ledger_broker: LedgerBroker, order: Order, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger=news.__name__)
    hear(order, told(ledger_broker, order, "10", "189.40", BrokerStatus.FILLED))
    busted = told(ledger_broker, order, "4", "190.00", BrokerStatus.FILLED)
    began = clock.now() + news.SETTLED + timedelta(seconds=5)
    hear(order, busted, began)
    assert words_of(caplog) == [("WARNING", "Less is listed as filled")]
    hear(order, busted, began + timedelta(seconds=30))
    assert len(words_of(caplog)) == 1, "once is enough"
    hear(order, busted, began + news.BUST_AFTER)
    assert words_of(caplog)[1:] == [("ERROR", "The broker took back fil")]


def test_fills_that_a_broker_with_versions_no_longer_lists_are_taken_back_too(
    ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    order = place(trading_account)
    number = str(order.broker_order_id)
    hear(order, ledger_broker.fill(number, "4", "190.00"))
    before = ledger_broker.ledger[number]
    hear(order, ledger_broker.fill(number, "3", "189.00"))
    busted = ledger_broker.move(number, BrokerStatus.WORKING, "Live", legs=before.legs)
    began = clock.now() + timedelta(seconds=10)
    hear(order, busted, began)
    hear(order, before, began + news.BUST_AFTER)  # an older version proves nothing
    assert order.filled_quantity == Decimal(7)
    hear(order, busted, began + news.BUST_AFTER)
    assert (order.filled_quantity, order.status) == (Decimal(4), Status.PARTIAL)
    hear(order, ledger_broker.fill(number, "6", "188.00"))
    assert (order.filled_quantity, order.status) == (Decimal(10), Status.FILLED)


def test_a_filled_order_that_may_be_busted_is_looked_at_again(
    ledger_broker: LedgerBroker, order: Order, trading_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    hear(order, told(ledger_broker, order, "10", "189.40", BrokerStatus.FILLED))
    told(ledger_broker, order, "4", "190.00", BrokerStatus.FILLED)
    real, offset = clock.now, timedelta(seconds=10)
    monkeypatch.setattr(clock, "now", lambda: real() + offset)
    orders.refresh(trading_account)
    offset += news.BUST_AFTER + timedelta(seconds=1)
    orders.look_up(trading_account, clock.now())
    order.refresh_from_db()
    assert order.filled_quantity == Decimal(4)


def test_when_all_is_taken_back_the_order_works_again_with_nothing_filled(
    ledger_broker: LedgerBroker, order: Order
) -> None:
    hear(order, told(ledger_broker, order, "4", "190.00"))
    assert order.status == Status.PARTIAL
    none_left = told(ledger_broker, order, "0", None)
    began = clock.now() + timedelta(seconds=10)
    hear(order, none_left, began)
    hear(order, none_left, began + news.BUST_AFTER)
    assert (order.status, order.filled_quantity, order.average_fill_price) == (Status.WORKING, 0, None)
    hear(order, told(ledger_broker, order, "10", "189.40", BrokerStatus.FILLED))
    assert (order.status, order.filled_quantity) == (Status.FILLED, 10)
