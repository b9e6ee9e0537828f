"""An account, a market and a ticket in which no control finds anything, to be changed one thing at a time."""

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from brokers import registry
from brokers.domain.accounts import Balance, Position, Restrictions
from brokers.domain.instruments import Equity, Future, FutureOption, Instrument, Option, Right
from brokers.domain.market import Details, MarketState, PriceIncrements, Quote
from brokers.domain.orders import Action, Leg, OrderTicket, OrderType, TimeInForce
from trading.risk import (
    Finding,
    Habits,
    Limits,
    Sent,
    SentByAll,
    Snapshot,
    Standing,
    TradingState,
    Working,
    check,
)

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=timezone.utc)
XYZ = Equity("XYZ")
ES = Future("ES", 2026, 12)
CALL_110 = Option("XYZ", date(2026, 12, 18), Right.CALL, Decimal(110))
CALL_120 = Option("XYZ", date(2026, 12, 18), Right.CALL, Decimal(120))
PUT_90 = Option("XYZ", date(2026, 12, 18), Right.PUT, Decimal(90))
PUT_80 = Option("XYZ", date(2026, 12, 18), Right.PUT, Decimal(80))
LATER_CALL = Option("XYZ", date(2027, 1, 15), Right.CALL, Decimal(110))
ES_CALL = FutureOption(ES, "EW3Z26", date(2026, 12, 18), Right.CALL, Decimal(6400))
CENTS = PriceIncrements(((None, Decimal("0.01")),))
NICKELS = PriceIncrements(((Decimal(3), Decimal("0.05")), (None, Decimal("0.10"))))
QUARTERS = PriceIncrements(((None, Decimal("0.25")),))
MARKET = {
    XYZ: ("99.98", "100.02", CENTS, "1", None),
    CALL_110: ("1.90", "2.10", NICKELS, "100", "0.30"),
    CALL_120: ("0.90", "1.10", NICKELS, "100", "0.15"),
    PUT_90: ("1.90", "2.10", NICKELS, "100", "-0.25"),
    PUT_80: ("0.90", "1.10", NICKELS, "100", "-0.12"),
    LATER_CALL: ("2.90", "3.10", NICKELS, "100", "0.35"),
    ES: ("6299.75", "6300.25", QUARTERS, "50", None),
    ES_CALL: ("39.75", "40.25", QUARTERS, "50", "0.40"),
}
ABLE = replace(
    registry.spec("tastytrade").capabilities,
    order_types=frozenset(OrderType),
    times_in_force=frozenset(TimeInForce),
    classes=frozenset({Equity, Option, Future, FutureOption}),
    spread_types=frozenset({OrderType.LIMIT}),
)
WIDE = Limits(
    order_notional=Decimal(10**9),
    future_notional=Decimal(10**9),
    position_notional=Decimal(10**9),
    future_position_notional=Decimal(10**9),
    gross_share=Decimal(10**6),
    concentration_share=Decimal(10**6),
    shares=Decimal(10**9),
    contracts=Decimal(10**9),
    futures=Decimal(10**9),
)
"""No size is too large: for tests of something else."""
FREE = replace(WIDE, buying_power_share=Decimal(10**6))
"""Nor does any order take too much."""


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def quotes() -> dict[Instrument, Quote]:
    return {
        one: Quote(one, NOW, Decimal(bid), Decimal(ask), delta=Decimal(delta) if delta else None, halted=False)
        for one, (bid, ask, _, _, delta) in MARKET.items()
    }


def details() -> dict[Instrument, Details]:
    return {
        one: Details(one, str(one), grid, Decimal(points), XYZ if isinstance(one, Option) else None)
        for one, (_, _, grid, points, _) in MARKET.items()
    }


def a_balance(**changes: Any) -> Balance:
    money = {"cash": "50000", "net_liquidating_value": "100000", "stock_buying_power": "100000"}
    money |= {"option_buying_power": "50000", "maintenance_requirement": "0", "pending_cash": "0"}
    amounts: dict[str, Any] = {name: Decimal(text) for name, text in money.items()}
    return replace(Balance("A1", "USD", as_of=NOW, **amounts), **changes)


def holding(instrument: Instrument, quantity: str, **changes: Any) -> Position:
    bid, ask, _, points, _ = MARKET[instrument]
    middle = (Decimal(bid) + Decimal(ask)) / 2
    position = Position(
        account_number="A1",
        instrument=instrument,
        underlying="XYZ",
        quantity=Decimal(quantity),
        multiplier=Decimal(points),
        average_open_price=middle,
        day_open_price=middle,
        close_price=middle,
        mark=None,
        realized_day=Decimal(0),
        opened_at=None,
        as_of=NOW,
    )
    return replace(position, **changes)


def scene(*positions: Position, **changes: Any) -> Snapshot:
    """Everything known, nothing wrong."""
    snapshot = Snapshot(
        now=NOW,
        source="web",
        account="A1",
        capabilities=ABLE,
        not_ready="",
        not_allowed="",
        standing=Standing(TradingState.ACTIVE),
        restrictions=Restrictions("A1", NOW),
        details=details(),
        quotes=quotes(),
        quotes_at=NOW,
        balance=a_balance(),
        positions=tuple(positions),
        figures_at=NOW,
        opening_value=Decimal(100_000),
        working=(),
        reserved=Decimal(0),
        twins=(),
        sent=Sent(),
        sent_by_all=SentByAll(),
        habits=Habits(),
        hours=dict.fromkeys(MARKET, MarketState.OPEN),
        refusals=0,
    )
    return replace(snapshot, **changes)


RICH = scene(
    balance=a_balance(
        stock_buying_power=Decimal(10**12), option_buying_power=Decimal(10**12), net_liquidating_value=Decimal(10**12)
    ),
    opening_value=Decimal(10**12),
)


def leg(instrument: Instrument, action: Action, quantity: str = "1") -> Leg:
    return Leg(instrument, action, Decimal(quantity))


def ticket(
    *legs: Leg,
    limit: str | None = None,
    stop: str | None = None,
    time: TimeInForce = TimeInForce.DAY,
    gtd: date | None = None,
) -> OrderTicket:
    """``limit`` of a single leg is unsigned; of several it is signed from the account's side."""
    kind = {(False, False): OrderType.MARKET, (True, False): OrderType.LIMIT}.get((limit is not None, stop is not None))
    kind = kind or (OrderType.STOP if limit is None else OrderType.STOP_LIMIT)
    price = None if limit is None else Decimal(limit)
    if price is not None and len(legs) == 1:
        price *= -legs[0].action.sign
    return OrderTicket(tuple(legs), kind, time, price, None if stop is None else Decimal(stop), gtd)


def buy(quantity: str = "10", limit: str | None = "100.00", instrument: Instrument = XYZ, **terms: Any) -> OrderTicket:
    return ticket(leg(instrument, Action.BUY_TO_OPEN, quantity), limit=limit, **terms)


def sell(quantity: str = "10", limit: str | None = "100.00", instrument: Instrument = XYZ, **terms: Any) -> OrderTicket:
    return ticket(leg(instrument, Action.SELL_TO_CLOSE, quantity), limit=limit, **terms)


def working(*legs: Leg, limit: str | None = "100.00", **changes: Any) -> Working:
    kind = OrderType.LIMIT if limit is not None else OrderType.MARKET
    price = None if limit is None else Decimal(limit)
    return replace(Working("W1", tuple(legs), kind, price), **changes)


def found(order: OrderTicket, snapshot: Snapshot, limits: Limits | None = None) -> dict[str, Finding]:
    """The findings by their code, the hardest of each."""
    result: dict[str, Finding] = {}
    for finding in check(order, snapshot, limits if limits is not None else Limits()):
        if finding.code not in result or finding.hard:
            result[finding.code] = finding
    return result


def kinds(order: OrderTicket, snapshot: Snapshot, limits: Limits | None = None) -> dict[str, str]:
    """«{"ORDER_QTY": "soft"}»."""
    return {code: "hard" if one.hard else "soft" for code, one in found(order, snapshot, limits).items()}
