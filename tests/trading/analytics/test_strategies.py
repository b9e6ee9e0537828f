"""Strategies by name, and legs for a strategy that was picked."""

from datetime import date
from decimal import Decimal

import pytest
from option_legs import FAR, NEAR, option, shares

from brokers.domain.instruments import Equity, Index, Option, Right
from brokers.domain.market import Chain, Expiration, PriceIncrements, Strike
from trading.analytics import AnalyticLeg, CannotBuild, Kind, build, recognise


@pytest.mark.parametrize(
    ("legs", "kind", "label", "is_long", "units"),
    [
        ([option("600", "C", 2)], Kind.SINGLE, "SPY 18 Dec 26 600 call", True, 2),
        ([option("580", "P", -1), option("575", "P", 1)],
         Kind.VERTICAL, "SPY 18 Dec 26 580/575 put vertical", False, 1),
        ([option("605", "C", -3), option("600", "C", 3)],
         Kind.VERTICAL, "SPY 18 Dec 26 600/605 call vertical", True, 3),
        ([option("600", "C", 1), option("610", "C", -2)], Kind.RATIO, "SPY 18 Dec 26 600/610 call ratio 1×2", True, 1),
        ([option("600", "C", -1), option("600", "P", -1)], Kind.STRADDLE, "SPY 18 Dec 26 600 straddle", False, 1),
        ([option("620", "C", 1), option("580", "P", 1)], Kind.STRANGLE, "SPY 18 Dec 26 580/620 strangle", True, 1),
        (
            [option("575", "P", 1), option("580", "P", -1), option("620", "C", -1), option("625", "C", 1)],
            Kind.IRON_CONDOR, "SPY 18 Dec 26 575/580/620/625 iron condor", False, 1,
        ),
        (
            [option("590", "P", 2), option("600", "P", -2), option("600", "C", -2), option("610", "C", 2)],
            Kind.IRON_BUTTERFLY, "SPY 18 Dec 26 590/600/610 iron butterfly", False, 2,
        ),
        (
            [option("590", "C", 1), option("600", "C", -2), option("610", "C", 1)],
            Kind.BUTTERFLY, "SPY 18 Dec 26 590/600/610 call butterfly", True, 1,
        ),
        (
            [option("590", "C", 1), option("600", "C", -2), option("620", "C", 1)],
            Kind.BUTTERFLY, "SPY 18 Dec 26 590/600/620 call broken-wing butterfly", True, 1,
        ),
        (
            [option("600", "P", -1), option("600", "P", 1, expiry=FAR)],
            Kind.CALENDAR, "SPY 18 Dec 26/15 Jan 27 600 put calendar", True, 1,
        ),
        (
            [option("605", "C", -1), option("600", "C", 1, expiry=FAR)],
            Kind.DIAGONAL, "SPY 18 Dec 26/15 Jan 27 605/600 call diagonal", True, 1,
        ),
        ([shares(100), option("610", "C", -1)], Kind.COVERED_CALL, "SPY 18 Dec 26 610 covered call", True, 1),
        ([shares(200), option("580", "P", 2)], Kind.PROTECTIVE_PUT, "SPY 18 Dec 26 580 protective put", True, 2),
        (
            [shares(100), option("580", "P", 1), option("620", "C", -1)],
            Kind.COLLAR, "SPY 18 Dec 26 580/620 collar", True, 1,
        ),
        ([shares(150)], Kind.OUTRIGHT, "SPY", True, 150),
        ([shares(150), option("610", "C", -1)], Kind.CUSTOM, "custom", None, 1),
        ([option("600", "C", 1), option("600", "P", -1)], Kind.CUSTOM, "custom", None, 1),
        ([option("600", "C", 1), option("610", "C", 1)], Kind.CUSTOM, "custom", None, 1),
        ([option("600", "C", 1), option("610", "P", -1, expiry=FAR)], Kind.CUSTOM, "custom", None, 1),
    ],
)  # fmt: skip
def test_a_strategy_is_known_by_its_legs(
    legs: list[AnalyticLeg], kind: Kind, label: str, is_long: bool | None, units: int
) -> None:
    for order in (legs, legs[::-1]):
        found = recognise(order)
        assert (found.kind, found.label, found.is_long, found.units) == (kind, label, is_long, units)


def test_options_of_two_underlyings_are_custom() -> None:
    other = AnalyticLeg(Option("QQQ", NEAR, Right.PUT, Decimal(575)), Decimal(1), Decimal(100))
    assert recognise([option("580", "P", -1), other]).kind is Kind.CUSTOM


CENTS = PriceIncrements(((None, Decimal("0.01")),))


def an_expiration(expiry: date, step: int = 5) -> Expiration:
    strikes = tuple(
        Strike(
            Decimal(price),
            Option("SPY", expiry, Right.CALL, Decimal(price)),
            Option("SPY", expiry, Right.PUT, Decimal(price)),
        )
        for price in range(500, 701, step)
    )
    return Expiration(
        expiry, "regular", "PM", "SPY", Decimal(100), PriceIncrements(((None, Decimal("0.01")),)), strikes
    )


NEARER, FARTHER = an_expiration(NEAR), an_expiration(FAR)
CHAIN = Chain(Equity("SPY"), (NEARER, FARTHER))
DELTAS = {
    option: (1 if option.right is Right.CALL else -1) * max(0.01, 0.5 - side * (float(option.strike) - 600) / 200)
    for strike in NEARER.strikes
    for option, side in ((strike.call, 1), (strike.put, -1))
    if option is not None
}


@pytest.mark.parametrize(
    "kind", [kind for kind in Kind if kind not in (Kind.CUSTOM, Kind.OUTRIGHT, Kind.CONDOR, Kind.COVERED_PUT)]
)
@pytest.mark.parametrize("right", list(Right))
@pytest.mark.parametrize("is_long", [None, True, False])
def test_what_is_built_is_recognised_as_what_was_picked(kind: Kind, right: Right, is_long: bool | None) -> None:
    legs = build(kind, CHAIN, Decimal("601.20"), [NEARER, FARTHER], right=right, is_long=is_long, units=Decimal(2))
    found = recognise(legs)
    if is_long is False and kind in (Kind.COVERED_CALL, Kind.PROTECTIVE_PUT, Kind.COLLAR):
        return  # shares sold short have other names
    assert found.kind is kind
    assert found.units == 2
    assert is_long is None or found.is_long is is_long


def test_width_and_delta_choose_the_strikes() -> None:
    legs = build(Kind.IRON_CONDOR, CHAIN, Decimal(600), [NEARER], width=Decimal(10), delta=0.40, deltas=DELTAS)
    assert [(str(leg.instrument)[-9:], leg.signed_quantity) for leg in legs] == [
        ("P00570000", 1), ("P00580000", -1), ("C00620000", -1), ("C00630000", 1),
    ]  # fmt: skip


def test_what_cannot_be_built_says_what_to_change() -> None:
    with pytest.raises(CannotBuild, match="later expiration"):
        build(Kind.CALENDAR, CHAIN, Decimal(600), [NEARER])
    with pytest.raises(CannotBuild, match="smaller width"):
        build(Kind.VERTICAL, CHAIN, Decimal(702), [NEARER], delta=0.5)
    with pytest.raises(CannotBuild, match="both expirations"):
        build(Kind.CALENDAR, CHAIN, Decimal(605), [NEARER, an_expiration(FAR, 50)])
    with pytest.raises(CannotBuild, match="smaller one"):
        build(Kind.STRANGLE, CHAIN, Decimal(600), [NEARER], delta=0.5)
    with pytest.raises(CannotBuild, match="shares"):
        build(Kind.COVERED_CALL, Chain(Index("SPX"), (NEARER,)), Decimal(600), [NEARER])
    with pytest.raises(CannotBuild, match="leg by leg"):
        build(Kind.CUSTOM, CHAIN, Decimal(600), [NEARER])
