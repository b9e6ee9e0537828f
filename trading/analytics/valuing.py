"""What legs are worth at other prices and times, by the model; sums of their Greeks; chances. Floats: estimates."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

import numpy as np

from brokers.domain.instruments import FutureOption
from trading.analytics.legs import AnalyticLeg
from trading.analytics.pricing import Floats, Greeks, black_76, black_scholes, implied_volatility, normal


@dataclass(frozen=True, slots=True)
class Rates:
    """A year, continuously compounded, as fractions."""

    interest: float = 0.0
    dividends: float = 0.0


NO_RATES = Rates()


@dataclass(frozen=True, slots=True)
class PositionGreeks:
    """Of all legs with their quantities: ``delta`` and ``gamma`` in units of the underlying (shares), ``theta`` dollars
    a day, ``vega`` dollars per volatility point, ``rho`` dollars per percentage point. An estimate."""

    delta: float
    gamma: float
    theta: float
    vega: float
    rho: float


def with_volatilities(
    legs: Sequence[AnalyticLeg], underlying: Decimal, now: datetime, rates: Rates = NO_RATES
) -> list[AnalyticLeg]:
    """The legs with the volatility that their price implies where none was given; None stays unknown."""
    return [replace(leg, iv=_implied(leg, underlying, now, rates)) if leg.iv is None else leg for leg in legs]


def _implied(leg: AnalyticLeg, underlying: Decimal, now: datetime, rates: Rates) -> float | None:
    if not leg.is_option or leg.price is None:
        return None
    found = implied_volatility(
        float(leg.price),
        float(underlying),
        float(leg.strike),
        leg.years(now),
        leg.side,
        rates.interest,
        rates.dividends,
        on_future=isinstance(leg.instrument, FutureOption),
    )
    return float(found) if math.isfinite(found) else None


def greeks_of(leg: AnalyticLeg, spots: Floats, at: datetime, rates: Rates = NO_RATES) -> Greeks:
    """One unit of an option at each price."""
    known = (spots, float(leg.strike), leg.years(at), leg.iv if leg.iv is not None else math.nan, leg.side)
    if isinstance(leg.instrument, FutureOption):
        return black_76(*known, rates.interest)
    return black_scholes(*known, rates.interest, rates.dividends)


def can_value(legs: Sequence[AnalyticLeg], at: datetime) -> bool:
    """Whether each option that is still alive then has a volatility."""
    return all(leg.iv is not None for leg in legs if leg.settles_at is not None and leg.settles_at > at)


def worth(legs: Sequence[AnalyticLeg], spots: Floats, at: datetime, rates: Rates = NO_RATES) -> Floats:
    """Dollars that the legs are worth at each price of the underlying at a moment: what has expired by what exercise
    brings, the rest by the model but never below that."""
    total = np.zeros_like(spots)
    for leg in legs:
        value = spots
        if leg.is_option:
            value = np.maximum(leg.side * (spots - float(leg.strike)), 0.0)
            if leg.settles_at is not None and leg.settles_at > at:
                value = np.maximum(value, greeks_of(leg, spots, at, rates).price)
        total = total + float(leg.size) * value
    return total


def position_greeks(
    legs: Sequence[AnalyticLeg], underlying: Decimal, now: datetime, rates: Rates = NO_RATES
) -> PositionGreeks | None:
    """None where an option's volatility is unknown."""
    if not can_value(legs, now):
        return None
    spots = np.array([float(underlying)])
    sums = dict.fromkeys(("delta", "gamma", "theta", "vega", "rho"), 0.0)
    for leg in legs:
        if leg.is_option:
            one = greeks_of(leg, spots, now, rates)
            for name in sums:
                sums[name] += float(leg.size) * float(getattr(one, name)[0])
        else:
            sums["delta"] += float(leg.size)
    return PositionGreeks(**sums)


def chance_between(
    low: float, high: float, underlying: float, volatility: float, years: float, drift: float = 0.0
) -> float:
    """How likely the price ends in a range, were its logarithm normal. ``drift``: of the price, a year."""
    spread = volatility * math.sqrt(years)
    middle = math.log(underlying) + (drift - volatility * volatility / 2) * years

    def below(price: float) -> float:
        if price <= 0:
            return 0.0
        return 1.0 if math.isinf(price) else float(normal((math.log(price) - middle) / spread))

    return below(high) - below(low)


def volatility_at_the_money(legs: Sequence[AnalyticLeg], underlying: Decimal) -> float | None:
    """Of the option nearest to the money among those that expire first; None where unknown."""
    options = [leg for leg in legs if leg.is_option and leg.iv is not None]
    if not options:
        return None
    first = min(options, key=lambda leg: (leg.settles_at is None, leg.settles_at, abs(leg.strike - underlying)))
    return first.iv
