"""What the market says: it is wide, silent, crossed or one-sided, or its day is over."""

from dataclasses import replace
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
from risk_scene import (
    CALL_110,
    CALL_120,
    FREE,
    NOW,
    RICH,
    WIDE,
    XYZ,
    ago,
    buy,
    kinds,
    leg,
    quotes,
    scene,
    ticket,
)

from brokers.domain.orders import Action, OrderTicket, OrderType, TimeInForce
from trading.risk import (
    Snapshot,
    check,
)

BTO, STO, BTC, STC = Action.BUY_TO_OPEN, Action.SELL_TO_OPEN, Action.BUY_TO_CLOSE, Action.SELL_TO_CLOSE


def with_quote(instrument: Any, bid: str, ask: str, **more: Any) -> Snapshot:
    changed = replace(quotes()[instrument], bid=Decimal(bid), ask=Decimal(ask), **more)
    return replace(RICH, quotes=quotes() | {instrument: changed})


@pytest.mark.parametrize(
    ("instrument", "bid", "ask", "expected"),
    [(XYZ, "97.50", "102.50", False), (XYZ, "97.49", "102.51", True), (CALL_110, "1.75", "2.25", False),
     (CALL_110, "1.74", "2.26", True)],
)  # fmt: skip
def test_no_market_order_into_a_wide_market(instrument: Any, bid: str, ask: str, expected: bool) -> None:
    setting = with_quote(instrument, bid, ask)
    assert ("MARKET_ORDER_GUARD" in kinds(buy("1", None, instrument), setting, FREE)) is expected


def test_a_limit_that_the_broker_sets_at_the_market_is_guarded_as_a_market_order() -> None:
    """Nobody named a price: what holds for the one holds for the other."""
    order = replace(buy("1", None), order_type=OrderType.MARKETABLE_LIMIT)
    wide = with_quote(XYZ, "97.49", "102.51")
    assert kinds(order, wide, FREE) == kinds(buy("1", None), wide, FREE) == {"MARKET_ORDER_GUARD": "hard"}
    lasting = replace(order, time_in_force=TimeInForce.GTC)
    assert "COMBINATION" in kinds(lasting, RICH, FREE)


def test_no_market_order_into_a_market_that_is_silent_for_a_minute() -> None:
    assert kinds(buy("1", None), with_quote(XYZ, "99.98", "100.02", as_of=ago(60)), FREE) == {}
    silent = with_quote(XYZ, "99.98", "100.02", as_of=ago(60.001))
    assert kinds(buy("1", None), silent, FREE) == {"MARKET_ORDER_GUARD": "hard"}
    assert kinds(buy("1"), silent, FREE) == {}


def test_a_crossed_or_one_sided_market_asks() -> None:
    assert kinds(buy("1"), with_quote(XYZ, "100.03", "100.02"), FREE)["QUOTE_CROSSED"] == "soft"
    assert kinds(buy("1", "0.05", CALL_110), with_quote(CALL_110, "0", "0.10"), FREE) == {"QUOTE_CROSSED": "soft"}


def test_a_spread_is_held_against_its_own_middle() -> None:
    spread = (leg(CALL_110, BTO), leg(CALL_120, STO))  # 1.00 in the middle
    assert kinds(ticket(*spread, limit="-1.50"), RICH, FREE) == {}  # five steps a leg: 0.50
    assert kinds(ticket(*spread, limit="-1.51"), RICH, FREE) == {"PRICE_COLLAR": "hard"}


EVENING = datetime(2026, 11, 21, 1, 30, tzinfo=timezone.utc)  # Friday, 20:30 in New York
TODAY = date(2026, 11, 20)


@pytest.mark.parametrize(
    ("now", "order", "expected"),
    [
        (EVENING, buy("1", time=TimeInForce.GTD, gtd=TODAY), False),
        (EVENING, buy("1", time=TimeInForce.GTD, gtd=date(2026, 11, 19)), True),
        (EVENING, buy("1", "2.00", replace(CALL_110, expiry=TODAY)), True),
        (NOW.replace(hour=21, minute=59), buy("1", "2.00", replace(CALL_110, expiry=TODAY)), False),
        (NOW.replace(hour=22, minute=0), buy("1", "2.00", replace(CALL_110, expiry=TODAY)), True),
        (NOW.replace(hour=22, minute=0), buy("1", "2.00", replace(CALL_110, expiry=date(2026, 11, 21))), False),
        (datetime(2026, 7, 17, 20, 59, tzinfo=timezone.utc),
         buy("1", "2.00", replace(CALL_110, expiry=date(2026, 7, 17))), False),
        (datetime(2026, 7, 17, 21, 0, tzinfo=timezone.utc),
         buy("1", "2.00", replace(CALL_110, expiry=date(2026, 7, 17))), True),
    ],
)  # fmt: skip
def test_days_are_those_of_the_exchange(now: datetime, order: OrderTicket, expected: bool) -> None:
    findings = check(order, scene(now=now, quotes_at=now, figures_at=now), WIDE)
    assert ("COMBINATION" in {one.code for one in findings}) is expected
