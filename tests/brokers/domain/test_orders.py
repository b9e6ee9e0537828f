"""A ticket that is invalid can't be built."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from brokers.domain.instruments import Equity, Future, Index, parse_instrument
from brokers.domain.orders import (
    Action,
    Effect,
    GroupKind,
    InvalidTicket,
    Leg,
    OrderGroup,
    OrderTicket,
    OrderType,
    TimeInForce,
)

BUY = Leg(Equity("AAPL"), Action.BUY_TO_OPEN, Decimal(10))
SELL = Leg(Equity("AAPL"), Action.SELL_TO_CLOSE, Decimal(10))
LIMIT = OrderTicket((BUY,), OrderType.LIMIT, TimeInForce.DAY, Decimal("-190"))


def field_at_fault(**changes: object) -> str:
    with pytest.raises(InvalidTicket) as caught:
        replace(LIMIT, **changes)  # type: ignore[arg-type]
    return caught.value.field


def test_a_buy_is_a_debit_and_a_sale_a_credit() -> None:
    assert LIMIT.effect is Effect.DEBIT
    assert replace(LIMIT, legs=(SELL,), limit_price=Decimal(190)).effect is Effect.CREDIT


@pytest.mark.parametrize("price", ["190", "0", "-0", "NaN", "-Infinity", "-1e400"])
def test_a_buy_at_no_debit_is_refused(price: str) -> None:
    assert field_at_fault(limit_price=Decimal(price)) == "limit_price"


def test_a_sale_for_a_debit_is_refused() -> None:
    assert field_at_fault(legs=(SELL,)) == "limit_price"


def test_a_limit_order_needs_its_price_and_a_market_order_takes_none() -> None:
    assert field_at_fault(limit_price=None) == "limit_price"
    assert field_at_fault(order_type=OrderType.MARKET) == "limit_price"


def test_a_stop_order_needs_a_stop_above_nothing() -> None:
    assert field_at_fault(order_type=OrderType.STOP, limit_price=None) == "stop_price"
    assert field_at_fault(order_type=OrderType.STOP, limit_price=None, stop_price=Decimal(0)) == "stop_price"


def test_a_date_goes_with_good_till_date_only() -> None:
    assert field_at_fault(time_in_force=TimeInForce.GTD) == "gtd_date"
    assert field_at_fault(gtd_date=date(2026, 12, 1)) == "gtd_date"


def test_each_leg_has_its_own_instrument_and_four_are_the_most() -> None:
    assert field_at_fault(legs=(BUY, SELL)) == "legs"
    assert field_at_fault(legs=()) == "legs"
    symbols = [parse_instrument(f"SPY   261218C0060{n}000") for n in range(5)]
    assert field_at_fault(legs=tuple(Leg(s, Action.BUY_TO_OPEN, Decimal(1)) for s in symbols)) == "legs"


@pytest.mark.parametrize("quantity", ["0", "-1", "NaN", "Infinity", "-Infinity", "1e400", "sNaN"])
def test_a_quantity_is_a_finite_number_above_nothing(quantity: str) -> None:
    with pytest.raises(InvalidTicket) as caught:
        Leg(Equity("AAPL"), Action.BUY_TO_OPEN, Decimal(quantity))
    assert caught.value.field == "quantity"


def test_an_index_is_not_traded() -> None:
    with pytest.raises(InvalidTicket, match="watched, not traded"):
        Leg(Index("SPX"), Action.BUY_TO_OPEN, Decimal(1))


def test_futures_are_bought_and_sold_all_else_is_opened_or_closed() -> None:
    Leg(Future("ES", 2026, 12), Action.BUY, Decimal(1))
    with pytest.raises(InvalidTicket):
        Leg(Future("ES", 2026, 12), Action.BUY_TO_OPEN, Decimal(1))
    with pytest.raises(InvalidTicket):
        Leg(Equity("AAPL"), Action.BUY, Decimal(1))


# --- groups --------------------------------------------------------------------------------------------------------


def share_order(action: Action, quantity: str = "1", symbol: str = "AAPL", **terms: Any) -> OrderTicket:
    given = {"order_type": OrderType.LIMIT, "time_in_force": TimeInForce.GTC} | terms
    return OrderTicket((Leg(Equity(symbol), action, Decimal(quantity)),), **given)


ENTRY = share_order(Action.BUY_TO_OPEN, limit_price=Decimal(-190))
PROFIT = share_order(Action.SELL_TO_CLOSE, limit_price=Decimal(205))
GUARD = share_order(Action.SELL_TO_CLOSE, order_type=OrderType.STOP, stop_price=Decimal(182))
MORE = share_order(Action.SELL_TO_CLOSE, "2", limit_price=Decimal(205))
OTHER = share_order(Action.SELL_TO_CLOSE, symbol="SPY", limit_price=Decimal(205))
SAME_SIDE = share_order(Action.BUY_TO_OPEN, limit_price=Decimal(-205))
AT_MARKET = share_order(Action.SELL_TO_CLOSE, order_type=OrderType.MARKET, time_in_force=TimeInForce.DAY)


def test_a_group_names_its_tickets_with_the_trigger_first() -> None:
    assert OrderGroup(GroupKind.BRACKET, (PROFIT, GUARD), ENTRY).tickets == (ENTRY, PROFIT, GUARD)
    assert OrderGroup(GroupKind.OTO, (OTHER,), ENTRY).tickets == (ENTRY, OTHER)
    assert OrderGroup(GroupKind.OCO, (PROFIT, GUARD)).tickets == (PROFIT, GUARD)


@pytest.mark.parametrize(
    ("kind", "orders", "trigger", "field"),
    [
        (GroupKind.OCO, (PROFIT,), None, "orders"),
        (GroupKind.OCO, (PROFIT,) * 21, None, "orders"),
        (GroupKind.OCO, (PROFIT, GUARD), ENTRY, "trigger"),
        (GroupKind.OTO, (PROFIT,), None, "trigger"),
        (GroupKind.OTO, (PROFIT, GUARD), ENTRY, "orders"),
        (GroupKind.OTO, (), ENTRY, "orders"),
        (GroupKind.BRACKET, (PROFIT, GUARD), None, "trigger"),
        (GroupKind.BRACKET, (PROFIT,), ENTRY, "orders"),
        (GroupKind.BRACKET, (PROFIT, GUARD, GUARD), ENTRY, "orders"),
        (GroupKind.BRACKET, (PROFIT, PROFIT), ENTRY, "orders"),
        (GroupKind.BRACKET, (GUARD, GUARD), ENTRY, "orders"),
        (GroupKind.BRACKET, (AT_MARKET, GUARD), ENTRY, "orders"),
        (GroupKind.BRACKET, (MORE, GUARD), ENTRY, "orders"),
        (GroupKind.BRACKET, (OTHER, GUARD), ENTRY, "orders"),
        (GroupKind.BRACKET, (SAME_SIDE, GUARD), ENTRY, "orders"),
    ],
)
def test_a_group_that_cannot_be_cannot_be_built(
    kind: GroupKind, orders: tuple[OrderTicket, ...], trigger: OrderTicket | None, field: str
) -> None:
    with pytest.raises(InvalidTicket) as caught:
        OrderGroup(kind, orders, trigger)
    assert caught.value.field == field


@pytest.mark.parametrize("force", list(TimeInForce))
def test_a_last_day_goes_with_the_durations_that_have_one(force: TimeInForce) -> None:
    day = date(2026, 12, 18)
    given = day if force.has_date else None
    ticket = share_order(Action.BUY_TO_OPEN, limit_price=Decimal(-1), time_in_force=force, gtd_date=given)
    assert ticket.gtd_date == given
    with pytest.raises(InvalidTicket, match="date"):
        share_order(Action.BUY_TO_OPEN, limit_price=Decimal(-1), time_in_force=force, gtd_date=None if given else day)
