"""Legs picked from a chain: their text in an address, what a click adds, what is refused."""

from decimal import Decimal

import pytest

from brokers.domain.instruments import Equity, FutureOption, parse_instrument
from brokers.domain.orders import InvalidTicket
from market.chain.legs import PickedLeg, added, changed, read_legs, turned

CALL = parse_instrument("SPY   261218C00600000")
PUT = parse_instrument("SPY   261218P00580000")
FURTHER = parse_instrument("SPY   270115P00575000")


def leg(instrument: object, quantity: int) -> PickedLeg:
    return PickedLeg(instrument, Decimal(quantity))  # type: ignore[arg-type]


def test_legs_come_back_from_their_text() -> None:
    on_a_future = parse_instrument("./ESZ26 EW3Z26 261218P6300")
    assert isinstance(on_a_future, FutureOption)
    legs = (leg(CALL, -2), leg(FURTHER, 1), leg(Equity("SPY"), 100), leg(on_a_future, -1))
    assert read_legs([str(each) for each in legs], 4) == legs


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "*SPY",
        "0*SPY",
        "1.5*SPY",
        "NaN*SPY",
        "Infinity*SPY",
        "1e9*SPY",
        "9" * 400 + "*SPY",
        "1e-400*SPY",
        "1*nothing here",
        "1*BTC/USD",
    ],
)
def test_what_names_no_leg_is_left_out(text: str) -> None:
    assert read_legs([text, str(leg(PUT, 1))], 4) == (leg(PUT, 1),)


def test_an_address_can_not_hold_more_legs_than_the_broker_takes() -> None:
    texts = [f"1*SPY   261218C00{strike}000" for strike in range(600, 610)]
    assert len(read_legs(texts, 4)) == 4


def test_a_second_click_is_one_more_and_the_other_way_one_less() -> None:
    legs = changed((), {"sell": str(PUT)}, 4)
    assert legs == (leg(PUT, -1),)
    legs = changed(legs, {"sell": str(PUT)}, 4)
    assert legs == (leg(PUT, -2),)
    legs = changed(legs, {"buy": str(PUT)}, 4)
    assert legs == (leg(PUT, -1),)
    assert changed(legs, {"buy": str(PUT)}, 4) == ()


def test_legs_of_other_expirations_stand_side_by_side() -> None:
    legs = changed((leg(PUT, -1),), {"buy": str(FURTHER)}, 4)
    assert legs == (leg(PUT, -1), leg(FURTHER, 1))


def test_a_leg_over_the_limit_is_refused_in_words_and_one_more_of_a_leg_is_not() -> None:
    with pytest.raises(InvalidTicket, match="at most one leg"):
        added((leg(PUT, 1),), CALL, Decimal(1), most=1)
    assert added((leg(PUT, 1),), PUT, Decimal(1), most=1) == (leg(PUT, 2),)


def test_a_slip_of_the_hand_does_not_grow_without_end() -> None:
    with pytest.raises(InvalidTicket, match="At most 100,000"):
        added((leg(PUT, 100_000),), PUT, Decimal(1), most=4)


def test_legs_are_dropped_turned_and_cleared() -> None:
    legs = (leg(PUT, -1), leg(CALL, 2))
    assert changed(legs, {"drop": str(PUT)}, 4) == (leg(CALL, 2),)
    assert turned(legs) == changed(legs, {"flip": "1"}, 4) == (leg(PUT, 1), leg(CALL, -2))
    assert changed(legs, {"clear": "1"}, 4) == ()


@pytest.mark.parametrize("symbol", ["no such thing", "~bond:912797KX4", "BTC/USD"])
def test_what_can_not_be_a_leg_is_refused_in_words(symbol: str) -> None:
    with pytest.raises(InvalidTicket):
        changed((), {"buy": symbol}, 4)
