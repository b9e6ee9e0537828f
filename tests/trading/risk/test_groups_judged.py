"""Orders that hang together are judged by what becomes of them together."""

from typing import Any

import pytest
from risk_scene import (
    CALL_110,
    ES_CALL,
    WIDE,
    XYZ,
    buy,
    holding,
    leg,
    scene,
    sell,
    working,
)

from brokers.domain.orders import Action, GroupKind, OrderGroup
from trading.risk import (
    Limits,
    Sent,
    SentByAll,
    check_group,
)

BTO, STO, BTC, STC = Action.BUY_TO_OPEN, Action.SELL_TO_OPEN, Action.BUY_TO_CLOSE, Action.SELL_TO_CLOSE


def test_a_brackets_closing_orders_are_judged_as_if_the_first_had_filled() -> None:
    first, profit, stop = buy("10"), sell("10", "120.00"), sell("10", None, stop="90.00")
    bracket = OrderGroup(GroupKind.BRACKET, (profit, stop), first)
    assert check_group(bracket, scene(), Limits()) == []
    assert {one.code for one in check_group(OrderGroup(GroupKind.OCO, (profit, stop)), scene(), Limits())} == {
        "OVERSELL"
    }
    assert check_group(OrderGroup(GroupKind.OCO, (profit, stop)), scene(holding(XYZ, "10")), Limits()) == []


def test_what_waits_for_an_order_finds_its_buying_power_taken() -> None:
    first = buy("600")
    assert check_group(OrderGroup(GroupKind.OTO, (buy("350", "99.00"),), first), scene(), WIDE) == []
    both = check_group(OrderGroup(GroupKind.OTO, (buy("360", "99.00"),), first), scene(), WIDE)
    assert [(one.code, one.numbers["reserved"]) for one in both] == [("BUYING_POWER", "60000")]
    unknown = check_group(OrderGroup(GroupKind.OTO, (buy("1"),), buy("1", "2.00", ES_CALL)), scene(), WIDE)
    assert "BUYING_POWER" in {one.code for one in unknown}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"sent": Sent(3, 3, 3)}, None),
        ({"sent": Sent(4, 4, 4)}, "RATE_SHORT"),
        ({"sent_by_all": SentByAll(48)}, None),
        ({"sent_by_all": SentByAll(49)}, "PLATFORM_CAP"),
        ({"working": (working(leg(CALL_110, BTC), limit="-0.05"),) * 198}, None),
        ({"working": (working(leg(CALL_110, BTC), limit="-0.05"),) * 199}, "OPEN_ORDERS"),
        ({"working": (working(leg(XYZ, BTO), limit="-9.00"),) * 18}, None),
        ({"working": (working(leg(XYZ, BTO), limit="-9.00"),) * 19}, "OPEN_ORDERS"),
    ],
)
def test_a_group_counts_as_many_orders_as_it_has(changes: dict[str, Any], code: str | None) -> None:
    two = OrderGroup(GroupKind.OCO, (buy("1", "90.00"), buy("1", "91.00")))
    found_here = {one.code for one in check_group(two, scene(fingerprints=("a", "b"), **changes), WIDE)}
    assert found_here == ({code} if code else set())
