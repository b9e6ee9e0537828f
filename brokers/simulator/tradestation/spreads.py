"""The names of option strategies, told from their legs: ``Vertical``, ``IronCondor``, …"""

from collections.abc import Callable, Sequence
from decimal import Decimal

from brokers.domain.instruments import Equity, Option, Right
from brokers.domain.orders import Leg

RATIOS = {
    Decimal(1): "Vertical",
    Decimal(2): "RatioBack1x2",
    Decimal(3): "RatioBack1x3",
    Decimal("1.5"): "RatioBack2x3",
}


def spread_name(legs: Sequence[Leg]) -> str | None:
    """The strategy's name; None for one leg. What has no name of its own is ``Custom``."""
    if len(legs) < 2:
        return None
    options = sorted(
        (leg for leg in legs if isinstance(leg.instrument, Option)),
        key=lambda leg: (leg.instrument.strike, leg.instrument.right),  # type: ignore[union-attr]
    )
    shares = [leg for leg in legs if isinstance(leg.instrument, Equity)]
    if shares:
        return {1: "Covered", 2: "Collar"}.get(len(options), "Custom") if len(shares) == 1 else "Custom"
    if len(options) != len(legs):
        return "Custom"
    return NAMERS[len(options)](options) or "Custom"


def _terms(leg: Leg) -> Option:
    assert isinstance(leg.instrument, Option)  # noqa: S101 - the callers pick options only
    return leg.instrument


def _pair(legs: Sequence[Leg]) -> str | None:
    low, high = (_terms(leg) for leg in legs)
    same_side = legs[0].action.is_buy == legs[1].action.is_buy
    if low.expiry != high.expiry:
        if same_side or low.right is not high.right:
            return None
        return "Calendar" if low.strike == high.strike else "Diagonal"
    if low.right is not high.right:
        if not same_side:
            return "Combo"
        return "Straddle" if low.strike == high.strike else "Strangle"
    if same_side:
        return None
    sizes = sorted(leg.quantity for leg in legs)
    ratio = sizes[1] / sizes[0]
    return RATIOS.get(ratio)


def _three(legs: Sequence[Leg]) -> str | None:
    low, middle, high = (_terms(leg) for leg in legs)
    sides = [leg.action.is_buy for leg in legs]
    even = middle.strike - low.strike == high.strike - middle.strike
    body = legs[1].quantity == legs[0].quantity + legs[2].quantity
    alike = low.right is middle.right is high.right and low.expiry == middle.expiry == high.expiry
    return "Butterfly" if alike and even and body and sides[0] == sides[2] != sides[1] else None


def _four(legs: Sequence[Leg]) -> str | None:
    options = [_terms(leg) for leg in legs]
    if len({option.expiry for option in options}) > 1 or len({leg.quantity for leg in legs}) > 1:
        return None
    sides = [leg.action.is_buy for leg in legs]
    winged = sides[0] == sides[3] and sides[1] == sides[2] != sides[0]
    rights = [option.right for option in options]
    if len(set(rights)) == 1:
        return "Condor" if winged else None
    iron = rights[0] is Right.PUT and rights[3] is Right.CALL and len(set(rights[1:3])) == 2
    if not iron or not winged:
        return None
    return "IronButterfly" if options[1].strike == options[2].strike else "IronCondor"


NAMERS: dict[int, Callable[[Sequence[Leg]], str | None]] = {2: _pair, 3: _three, 4: _four}
