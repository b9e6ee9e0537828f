"""With what is held and on order nothing is oversold, left uncovered or met by one's own order."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from risk_scene import (
    CALL_110,
    CALL_120,
    ES,
    ES_CALL,
    FREE,
    LATER_CALL,
    PUT_90,
    RICH,
    WIDE,
    XYZ,
    a_balance,
    buy,
    found,
    holding,
    kinds,
    leg,
    scene,
    sell,
    ticket,
    working,
)

from brokers.domain.orders import Action, OrderTicket
from trading.risk import (
    Effect,
)

BTO, STO, BTC, STC = Action.BUY_TO_OPEN, Action.SELL_TO_OPEN, Action.BUY_TO_CLOSE, Action.SELL_TO_CLOSE


@pytest.mark.parametrize(
    ("order", "held", "open_orders", "expected"),
    [
        (sell("10"), [holding(XYZ, "10")], [], False),
        (sell("11"), [holding(XYZ, "10")], [], True),
        (sell("1"), [], [], True),
        (sell("6"), [holding(XYZ, "10")], [working(leg(XYZ, STC, "4"), limit="120.00")], False),
        (sell("7"), [holding(XYZ, "10")], [working(leg(XYZ, STC, "4"), limit="120.00")], True),
        (ticket(leg(ES, Action.SELL, "2"), limit="6300.00"), [holding(ES, "2")], [], False),
        (ticket(leg(ES, Action.SELL, "3"), limit="6300.00"), [holding(ES, "2")], [], True),
        (ticket(leg(ES, Action.SELL, "3"), limit="6300.00"), [], [], False),
        (buy("1"), [holding(XYZ, "-5")], [], True),
        (ticket(leg(XYZ, BTC, "5"), limit="100.00"), [holding(XYZ, "-5")], [], False),
    ],
)
def test_no_more_is_closed_than_is_there(order: OrderTicket, held: Any, open_orders: Any, expected: bool) -> None:
    setting = replace(RICH, positions=tuple(held), working=tuple(open_orders))
    assert ("OVERSELL" in kinds(order, setting, FREE)) is expected


def test_turning_a_future_round_can_be_allowed() -> None:
    setting = replace(RICH, positions=(holding(ES, "2"),))
    order = ticket(leg(ES, Action.SELL, "3"), limit="6300.00")
    assert "OVERSELL" not in kinds(order, setting, replace(FREE, allow_flip=True))


def test_of_two_orders_that_cancel_each_other_one_counts() -> None:
    profit = working(leg(XYZ, STC, "10"), limit="120.00", order_id="p", group="g")
    stop = working(leg(XYZ, STC, "10"), limit=None, order_id="s", group="g", stop_price=Decimal(90))
    setting = replace(RICH, positions=(holding(XYZ, "15"),), working=(profit, stop))
    assert "OVERSELL" not in kinds(sell("5"), setting, FREE)
    assert "OVERSELL" in kinds(sell("6"), setting, FREE)


@pytest.mark.parametrize(
    ("order", "held", "expected"),
    [
        (ticket(leg(CALL_110, STO), limit="2.00"), [holding(XYZ, "99")], True),
        (ticket(leg(CALL_110, STO), limit="2.00"), [holding(XYZ, "100")], False),
        (ticket(leg(CALL_110, STO, "2"), limit="2.00"), [holding(XYZ, "100")], True),
        (ticket(leg(CALL_110, STO), limit="2.00"), [holding(LATER_CALL, "1")], False),
        (ticket(leg(LATER_CALL, STO), limit="3.00"), [holding(CALL_110, "1")], True),
        (ticket(leg(CALL_110, STO), leg(CALL_120, BTO), limit="1.00"), [], False),
        (ticket(leg(CALL_110, STO, "2"), leg(CALL_120, BTO, "1"), limit="3.00"), [], True),
        (sell("100"), [holding(XYZ, "100"), holding(CALL_110, "-1")], True),
        (sell("1", "1.00", CALL_120), [holding(CALL_120, "1"), holding(CALL_110, "-1")], True),
        (ticket(leg(ES_CALL, STO), limit="40.00"), [], True),
        (ticket(leg(ES_CALL, STO), limit="40.00"), [holding(ES, "1")], False),
    ],
)
def test_no_short_option_is_left_uncovered(order: OrderTicket, held: Any, expected: bool) -> None:
    assert ("SHORT_OPTION" in kinds(order, replace(RICH, positions=tuple(held)), FREE)) is expected


def test_a_working_sale_of_the_cover_counts_as_done() -> None:
    setting = replace(RICH, positions=(holding(XYZ, "100"),), working=(working(leg(XYZ, STC, "1"), limit="120.00"),))
    assert "SHORT_OPTION" in kinds(ticket(leg(CALL_110, STO), limit="2.00"), setting, FREE)


def test_a_put_is_covered_by_cash_for_its_assignment() -> None:
    order = ticket(leg(PUT_90, STO), limit="2.00")
    assert "SHORT_OPTION" not in kinds(order, scene(balance=a_balance(cash=Decimal(9_000))), WIDE)
    finding = found(order, scene(balance=a_balance(cash=Decimal("8999.99"))), WIDE)["SHORT_OPTION"]
    assert finding.numbers == {"uncovered": "1", "assignment": "9000", "cash": "8999.99"}


def test_uncovered_options_can_be_allowed_and_ask_when_assignment_is_more_than_the_account() -> None:
    allowed = replace(WIDE, allow_naked_options=True)
    order = ticket(leg(CALL_110, STO), limit="2.00")
    poor = scene(effect=Effect(Decimal(-100)), balance=a_balance(net_liquidating_value=Decimal(10_999)))
    assert kinds(order, scene(effect=Effect(Decimal(-100))), allowed) == {}
    assert kinds(order, replace(poor, opening_value=Decimal(10_999)), allowed) == {"SHORT_OPTION": "soft"}


def test_an_order_that_would_meet_ones_own_asks() -> None:
    mine = working(leg(XYZ, STC, "10"), limit="100.00")
    setting = replace(RICH, working=(mine,))
    assert kinds(buy("1", "99.99"), setting, FREE) == {}
    assert kinds(buy("1", "100.00"), setting, FREE) == {"SELF_CROSS": "soft"}
    assert kinds(buy("1", None), setting, FREE) == {"SELF_CROSS": "soft"}
    assert kinds(buy("1"), replace(RICH, working=(replace(mine, same_account=False),)), FREE) == {"SELF_CROSS": "soft"}
    assert kinds(buy("1"), replace(RICH, working=(replace(mine, stop_price=Decimal(90)),)), FREE) == {}
