"""The day's gain at TradeStation: by hand, against arithmetic of single executions, and at the simulator."""

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.domain.accounts import Position
from brokers.domain.instruments import Future, Instrument
from brokers.domain.market import Quote
from brokers.domain.orders import Action, BrokerStatus, Leg, LegState, OrderTicket, OrderType, OrderUpdate, TimeInForce
from brokers.tradestation.codec.today import Traded, closed_today, day_began, needs_close, traded_today, with_day
from portfolio.valuation import value

from .conftest import Desk
from .test_against_simulator import AAPL, SPY, buy, until

UTC = timezone.utc
NEW_YORK = ZoneInfo("America/New_York")
NOON = datetime(2026, 11, 20, 17, tzinfo=UTC)
ES = Future("ES", 2026, 12)
D = Decimal


def order(
    instrument: Instrument,
    quantity: str,
    price: str | None,
    *,
    opened: datetime = NOON - timedelta(hours=1),
    ended: datetime | None = NOON - timedelta(minutes=50),
) -> OrderUpdate:
    """An order that bought (above 0) or sold so much at a price."""
    future, buys = isinstance(instrument, Future), D(quantity) > 0
    action = (Action.BUY if buys else Action.SELL) if future else (Action.BUY_TO_OPEN if buys else Action.SELL_TO_CLOSE)
    done = abs(D(quantity))
    state = LegState(
        Leg(instrument, action, done), D(0), executed=done, average_price=None if price is None else D(price)
    )
    return OrderUpdate(
        account_number="SIM1",
        broker_order_id=uuid4().hex,
        client_ref=None,
        status=BrokerStatus.FILLED if ended else BrokerStatus.WORKING,
        broker_status="",
        order_type="market",
        time_in_force="day",
        limit_price=None,
        stop_price=None,
        legs=(state,),
        received_at=opened,
        updated_at=ended,
    )


def held(instrument: Instrument, quantity: str, day_open: str | None = None, multiplier: str = "1") -> Position:
    return Position(
        account_number="SIM1",
        instrument=instrument,
        underlying=str(instrument),
        quantity=D(quantity),
        multiplier=D(multiplier),
        average_open_price=D(90),
        day_open_price=D(day_open) if day_open else None,
        close_price=None,
        mark=D(105),
        realized_day=None,
        opened_at=None,
        as_of=NOON,
        settles_daily=False,
    )


def gain(position: Position, mark: str) -> Decimal | None:
    return value(position, Quote(position.instrument, NOON, mark=D(mark)), NOON).gain_day


def test_what_is_only_held_gains_since_the_close_before() -> None:
    share = with_day(held(AAPL, "10", "100"), None, None)
    assert (share.realized_day, gain(share, "105")) == (0, 50)
    future = with_day(held(ES, "-2", multiplier="50"), None, D(6000))
    assert (future.day_open_price, gain(future, "6010")) == (6000, -1000)


def test_a_close_that_is_not_known_leaves_the_day_unknown() -> None:
    assert gain(with_day(held(ES, "1", multiplier="50"), None, None), "6010") is None
    sold = traded_today([order(AAPL, "-4", "101")], NOON)[AAPL]
    assert gain(with_day(held(AAPL, "6", "100"), sold, None), "105") is None
    assert needs_close(held(AAPL, "6", "100"), sold)
    assert not needs_close(held(AAPL, "6", "100"), None)


def test_what_was_opened_today_needs_no_close_before() -> None:
    bought = traded_today([order(ES, "2", "6001")], NOON)[ES]
    assert gain(with_day(held(ES, "2", multiplier="50"), bought, None), "6010") == 900


def test_an_order_of_days_before_that_filled_in_part_leaves_the_day_unknown() -> None:
    old = NOON - timedelta(days=3)
    still = traded_today([order(ES, "1", "6001", opened=old, ended=None)], NOON)[ES]
    assert not still.is_certain
    assert gain(with_day(held(ES, "2", multiplier="50"), still, D(6000)), "6010") is None
    assert traded_today([order(ES, "1", "6001", opened=old, ended=old)], NOON) == {}
    priceless = traded_today([order(ES, "1", None)], NOON)[ES]
    assert not priceless.is_certain


def test_what_was_closed_today_is_a_row_of_its_own() -> None:
    trips = traded_today([order(SPY, "-3", "110"), order(ES, "1", "6000"), order(ES, "-1", "6004")], NOON)
    rows = closed_today("SIM1", [], trips, {SPY: D(100)}, {SPY: D(1), ES: D(50)}, NOON)
    assert [(row.instrument, row.quantity, row.realized_day) for row in rows] == [(SPY, 0, 30), (ES, 0, 200)]
    assert [gain(row, "999") for row in rows] == [30, 200]
    assert closed_today("SIM1", [], trips, {}, {SPY: D(1)}, NOON) == []
    assert closed_today("SIM1", [SPY, ES], trips, {SPY: D(100)}, {SPY: D(1), ES: D(50)}, NOON) == []


@pytest.mark.parametrize(
    ("instrument", "now", "began"),
    [
        (AAPL, "2026-11-20 12:00", "2026-11-20 00:00"),
        (ES, "2026-11-20 12:00", "2026-11-19 18:00"),
        (ES, "2026-11-19 18:30", "2026-11-19 18:00"),
        (ES, "2026-11-19 17:30", "2026-11-18 18:00"),
        (AAPL, "2026-03-08 12:00", "2026-03-08 00:00"),
    ],
)
def test_the_day_of_futures_begins_in_the_evening(instrument: Instrument, now: str, began: str) -> None:
    def moment(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK)

    assert day_began(instrument, moment(now).astimezone(UTC)) == moment(began)


TRADES = st.lists(
    st.tuples(st.integers(-20, 20).filter(bool), st.integers(1, 20_000).map(lambda cents: D(cents) / 100)), max_size=8
)


@given(kept=st.integers(-30, 30), trades=TRADES, close=st.integers(1, 20_000), mark=st.integers(1, 20_000))
def test_the_day_adds_up_to_each_execution_by_itself(
    kept: int, trades: list[tuple[int, Decimal]], close: int, mark: int
) -> None:
    """Overnight units move from the close to the mark, each execution from its price to the mark; closed or not."""
    prices = D(close) / 100, D(mark) / 100
    expected = kept * (prices[1] - prices[0]) + sum((n * (prices[1] - price) for n, price in trades), D(0))
    traded = Traded(
        D(sum(n for n, _ in trades)),
        sum((n * price for n, price in trades), D(0)),
        any(n > 0 for n, _ in trades),
        any(n < 0 for n, _ in trades),
    )
    quantity = kept + int(traded.quantity)
    if not quantity:
        rows = closed_today("SIM1", [], {ES: traded}, {ES: prices[0]}, {ES: D(50)}, NOON)
        assert [row.realized_day for row in rows] == [expected * 50]
        return
    future = with_day(held(ES, str(quantity), multiplier="50"), traded, prices[0])
    found = gain(future, str(prices[1]))
    assert found is not None
    assert abs(found - expected * 50) < D("0.00001")


def test_the_brokers_own_price_to_count_from_is_kept_and_what_was_closed_comes_beside_it() -> None:
    """10 held over at 100, 4 sold at 103: the row says what the other 6 moved; 12 dollars were closed."""
    sold = traded_today([order(AAPL, "-4", "103")], NOON)[AAPL]
    row = with_day(held(AAPL, "6", "100"), sold, D(100))
    assert (row.day_open_price, row.realized_day, gain(row, "105")) == (100, 12, 42)
    bought = traded_today([order(AAPL, "2", "104")], NOON)[AAPL]
    assert with_day(held(AAPL, "12", "100.67"), bought, D(100)).realized_day == 0


# --- at the simulator ----------------------------------------------------------------------------------------------


def sell(instrument: Instrument, quantity: int) -> OrderTicket:
    action = Action.SELL if isinstance(instrument, Future) else Action.SELL_TO_CLOSE
    return OrderTicket((Leg(instrument, action, D(quantity)),), OrderType.MARKET, TimeInForce.DAY)


def fill(desk: Desk, account: str, ticket: OrderTicket) -> Decimal:
    placed = desk.broker.place_order(account, ticket, uuid4().hex)
    ended = until(desk, placed.order.broker_order_id, BrokerStatus.FILLED, account=account)
    assert ended.legs[0].average_price is not None
    return ended.legs[0].average_price


def completed(desk: Desk, account: str) -> dict[Instrument, Position]:
    rows = desk.broker.with_day_gains(account, desk.broker.get_positions(account))
    return {row.instrument: row for row in rows}


def test_shares_bought_and_sold_today_tell_their_gain(desk: Desk) -> None:
    bought = fill(desk, desk.account, buy(None, 10))
    sold = fill(desk, desk.account, sell(AAPL, 4))
    row = completed(desk, desk.account)[AAPL]
    assert row.quantity == 6
    assert row.day_open_price is not None
    expected = 6 * (D(500) - bought) + 4 * (sold - bought)
    found = gain(row, "500")
    assert found is not None
    assert abs(found - expected) < D("0.01")
    last = fill(desk, desk.account, sell(AAPL, 6))
    flat = completed(desk, desk.account)[AAPL]
    assert flat.quantity == 0
    assert flat.realized_day is not None
    assert abs(flat.realized_day - (4 * sold + 6 * last - 10 * bought)) < D("0.01")


def test_futures_held_over_and_added_to_tell_their_day_and_their_value(desk: Desk) -> None:
    number, future = next(
        (account, row.instrument)
        for account in desk.accounts
        for row in desk.broker.get_positions(account)
        if isinstance(row.instrument, Future)
    )
    before = completed(desk, number)[future]
    close = desk.broker.get_quotes([future])[future].prev_close
    assert (before.day_open_price, before.realized_day) == (close, 0)
    action = Action.BUY if before.quantity > 0 else Action.SELL
    price = fill(desk, number, OrderTicket((Leg(future, action, D(1)),), OrderType.MARKET, TimeInForce.DAY))
    after = completed(desk, number)[future]
    assert close is not None
    assert after.day_open_price is not None
    expected = (before.quantity * close + action.sign * price) / after.quantity
    assert abs(after.day_open_price - expected) < D("0.0001")
    valued = value(after, None, NOON)
    assert valued.value == valued.gain_open is not None
    assert valued.gain_day is not None


def test_an_account_with_nothing_in_it_stays_empty(desk: Desk) -> None:
    assert completed(desk, desk.account) == {}
