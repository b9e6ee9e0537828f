"""What an order is worth and what it takes, by the desk's own reckoning."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from risk_scene import (
    CALL_110,
    CALL_120,
    FREE,
    LATER_CALL,
    PUT_80,
    PUT_90,
    RICH,
    XYZ,
    buy,
    found,
    holding,
    leg,
    scene,
    ticket,
)

from brokers.domain.orders import Action, OrderTicket
from trading.risk import (
    takes,
)

BTO, STO, BTC, STC = Action.BUY_TO_OPEN, Action.SELL_TO_OPEN, Action.BUY_TO_CLOSE, Action.SELL_TO_CLOSE


def test_a_sale_is_worth_what_it_brings_and_not_what_it_asks_at_the_least() -> None:
    order = ticket(leg(XYZ, STO, "1000"), limit="96.00")
    assert found(order, RICH, replace(FREE, order_notional=Decimal("99979.99")))["ORDER_NOTIONAL"].numbers["order"] == (
        "99980"
    )
    assert "ORDER_NOTIONAL" not in found(order, RICH, replace(FREE, order_notional=Decimal(99_980)))


@pytest.mark.parametrize(
    ("order", "held", "expected"),
    [
        # ten puts sold over ten that are ten dollars lower: the width, less what they bring
        (ticket(leg(PUT_90, STO, "10"), limit="2.00"), [holding(PUT_80, "10")], "8000"),
        (ticket(leg(PUT_90, STO, "10"), limit="2.00"), [holding(PUT_80, "5")], "48000"),
        (ticket(leg(PUT_90, STO), limit="2.00"), [], "8800"),
        (ticket(leg(PUT_80, STO), limit="1.00"), [holding(PUT_90, "1")], "0"),
        (ticket(leg(PUT_80, STO), limit="1.00"), [holding(XYZ, "-100")], "0"),
        (ticket(leg(CALL_110, STO), limit="2.00"), [holding(XYZ, "100")], "0"),
        (ticket(leg(CALL_110, STO), limit="2.00"), [holding(CALL_120, "1")], "800"),
        # a roll takes what it costs; a second spread what a spread takes
        (
            ticket(leg(CALL_110, BTC), leg(LATER_CALL, STO), limit="0.50"),
            [holding(XYZ, "100"), holding(CALL_110, "-1")],
            "0",
        ),
        (
            ticket(leg(CALL_110, BTC), leg(LATER_CALL, STO), limit="-0.50"),
            [holding(XYZ, "100"), holding(CALL_110, "-1")],
            "50",
        ),
        (
            ticket(leg(CALL_110, STO), leg(CALL_120, BTO), limit="1.00"),
            [holding(CALL_110, "-1"), holding(CALL_120, "1")],
            "900",
        ),
        (ticket(leg(PUT_80, BTO), leg(PUT_90, STO), leg(CALL_110, STO), leg(CALL_120, BTO), limit="2.00"), [], "800"),
        # a long one that is gone before the short one covers nothing
        (ticket(leg(LATER_CALL, STO), leg(CALL_110, BTO), limit="1.00"), [], "11000"),
        (ticket(leg(LATER_CALL, BTO), leg(CALL_110, STO), limit="-1.00"), [], "100"),
        (buy("10"), [], "1000"),
        (ticket(leg(XYZ, STO, "10"), limit="100.00"), [holding(CALL_110, "1")], "1000"),
    ],
)
def test_what_an_order_takes_by_the_desks_own_reckoning(order: OrderTicket, held: Any, expected: str) -> None:
    assert takes(order, scene(*held)) == Decimal(expected)


def test_a_market_sale_is_reckoned_to_bring_five_percent_less() -> None:
    order = ticket(leg(PUT_90, STO))  # bid 1.90
    assert takes(order, scene()) == Decimal(9000) - Decimal("190") * Decimal("0.95")
