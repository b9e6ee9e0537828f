"""What a broker does not take, what does not go together, prices and fractions off their steps."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from risk_scene import (
    ABLE,
    CALL_110,
    CALL_120,
    ES,
    FREE,
    NOW,
    RICH,
    WIDE,
    XYZ,
    buy,
    found,
    holding,
    kinds,
    leg,
    scene,
    sell,
    ticket,
)

from brokers.domain.instruments import Equity, Option
from brokers.domain.orders import Action, OrderTicket, OrderType, TimeInForce

BTO, STO, BTC, STC = Action.BUY_TO_OPEN, Action.SELL_TO_OPEN, Action.BUY_TO_CLOSE, Action.SELL_TO_CLOSE


def test_what_a_broker_does_not_take_is_said_before_it_is_tried() -> None:
    shares_only = scene(capabilities=replace(ABLE, classes=frozenset({Equity, Option})))
    assert kinds(ticket(leg(ES, Action.BUY), limit="6300.00"), shares_only, WIDE)["NOT_ALLOWED"] == "hard"
    only_limits = scene(capabilities=replace(ABLE, order_types=frozenset({OrderType.LIMIT})))
    assert kinds(buy("1", None), only_limits, WIDE)["COMBINATION"] == "hard"
    no_gtc = scene(capabilities=replace(ABLE, times_in_force=frozenset({TimeInForce.DAY})))
    assert kinds(buy("1", time=TimeInForce.GTC), no_gtc, WIDE)["COMBINATION"] == "hard"
    two_legs = scene(capabilities=replace(ABLE, max_legs=1))
    assert kinds(ticket(leg(CALL_110, BTO), leg(CALL_120, STO), limit="-1.00"), two_legs, WIDE)["COMBINATION"] == "hard"


@pytest.mark.parametrize(
    "order",
    [
        buy("1", None, time=TimeInForce.GTC),
        buy("1", None, time=TimeInForce.EXT),
        buy("1", time=TimeInForce.GTD, gtd=date(2026, 11, 19)),
        buy("1", "2.00", Option("XYZ", date(2026, 11, 19), CALL_110.right, Decimal(110))),
        buy("1", None, stop="110.00", time=TimeInForce.IOC),
        ticket(leg(CALL_110, BTO), leg(CALL_120, STO)),
        ticket(leg(CALL_110, BTO), leg(Option("ABC", CALL_110.expiry, CALL_110.right, Decimal(1)), STO), limit="-1.00"),
        ticket(leg(XYZ, BTO, "100"), leg(ES, Action.SELL), limit="-1.00"),
    ],
)
def test_what_does_not_go_together_is_refused(order: OrderTicket) -> None:
    assert kinds(order, RICH, FREE)["COMBINATION"] == "hard"


def test_a_last_day_of_today_and_an_option_that_expires_today_are_taken() -> None:
    assert "COMBINATION" not in kinds(buy("1", time=TimeInForce.GTD, gtd=NOW.date()), RICH, FREE)
    assert "COMBINATION" not in kinds(buy("1", "2.00", replace(CALL_110, expiry=NOW.date())), RICH, FREE)


def test_a_ratio_of_three_to_one_is_usual_and_a_wider_one_asks() -> None:
    usual = ticket(leg(CALL_110, BTO, "3"), leg(CALL_120, STO, "1"), limit="-5.00")
    wide = ticket(leg(CALL_110, BTO, "4"), leg(CALL_120, STO, "1"), limit="-7.00")
    assert "COMBINATION" not in kinds(usual, RICH, FREE)
    assert kinds(wide, RICH, FREE)["COMBINATION"] == "soft"


@pytest.mark.parametrize(
    ("order", "able", "expected"),
    [
        (buy("1.5", "2.00", CALL_110), ABLE, True),
        (ticket(leg(ES, Action.BUY, "1.5"), limit="6300.00"), ABLE, True),
        (buy("1.5"), ABLE, False),
        (buy("1.5"), replace(ABLE, fractional=False), True),
        (buy("1.5", time=TimeInForce.GTC), ABLE, True),
    ],
)
def test_fractions_go_where_the_broker_takes_them(order: OrderTicket, able: Any, expected: bool) -> None:
    assert ("BAD_QUANTITY" in kinds(order, replace(RICH, capabilities=able), FREE)) is expected


@pytest.mark.parametrize(
    ("order", "field"),
    [
        (buy("1", "100.005"), "limit_price"),
        (buy("1", "2.02", CALL_110), "limit_price"),
        (buy("1", "3.15", CALL_110), "limit_price"),
        (buy("1", None, stop="110.005"), "stop_price"),
        (ticket(leg(ES, Action.BUY), limit="6300.10"), "limit_price"),
    ],
)
def test_a_price_off_the_steps_is_refused_with_its_neighbours(order: OrderTicket, field: str) -> None:
    finding = found(order, RICH, FREE)["BAD_PRICE"]
    assert finding.hard
    assert finding.field == field
    assert "Prices go in steps of" in finding.words


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (buy("1", None, stop="100.01"), None),
        (buy("1", None, stop="100.00"), "hard"),
        (sell("1", None, stop="99.99"), None),
        (sell("1", None, stop="100.00"), "hard"),
        (buy("1", "110.00", stop="110.00"), None),
        (buy("1", "109.99", stop="110.00"), "soft"),
    ],
)
def test_a_stop_goes_on_its_side_of_the_market(order: OrderTicket, expected: str | None) -> None:
    setting = replace(RICH, positions=(holding(XYZ, "1"),))
    assert kinds(order, setting, FREE).get("BAD_PRICE") == expected
