"""The figures of a ticket: what it can gain and lose, where it breaks even, how likely, its Greeks and its curve."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

import numpy as np

from trading.analytics import payoff, valuing
from trading.analytics.legs import UNLIMITED, ZERO, Amount, AnalyticLeg, cash, entry
from trading.analytics.pricing import Floats
from trading.analytics.valuing import NO_RATES, PositionGreeks, Rates

CURVE_POINTS = 61
DEVIATIONS = 3.0
WIDE = 0.3  # half the width of the curve, of the price, where no volatility is known
FAR = 1000.0
SEARCH_POINTS = 4001
HALVINGS = 60
CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Profit in dollars with the underlying at ``price``: at the first expiry, and now. An estimate where the model is
    in it: ``today``, and ``at_expiry`` with several expirations; None where a volatility is unknown."""

    price: float
    at_expiry: float | None
    today: float | None


@dataclass(frozen=True, slots=True)
class Figures:
    """Of a whole order, dollars from the account's side, without fees. None is unknown.

    ``max_profit`` and ``max_loss`` are the best and the worst profit (a loss is negative) at the first expiry; they and
    ``break_evens`` are exact where ``exact``, else estimates by the model. All that follows ``break_evens`` is an
    estimate. ``probability`` of any profit is a fraction; ``return_on_capital`` the best profit as a fraction of the
    capital; ``extrinsic`` the time value received (positive) or paid.
    """

    cash: Decimal | None
    max_profit: Amount
    max_loss: Amount
    break_evens: tuple[Decimal, ...] | None
    exact: bool
    probability: float | None
    greeks: PositionGreeks | None
    extrinsic: Decimal | None
    return_on_capital: float | None
    expires_at: datetime | None
    curve: tuple[CurvePoint, ...]


def figures(
    legs: Sequence[AnalyticLeg],
    underlying_price: Decimal | None,
    now: datetime,
    *,
    net_price: Decimal | None = None,
    capital: Decimal | None = None,
    rates: Rates = NO_RATES,
) -> Figures:
    """``net_price`` per unit from the account's side, credit positive (else the legs' own prices); ``capital`` what the
    broker holds for it, dollars above 0 (else the most that can be lost)."""
    known = underlying_price is not None and underlying_price > 0
    if known:
        assert underlying_price is not None  # noqa: S101 (for the type checker)
        legs = valuing.with_volatilities(legs, underlying_price, now, rates)
    paid, exact = entry(legs, net_price), payoff.has_one_expiry(legs)
    ends = [leg.settles_at for leg in legs if leg.settles_at is not None]
    first = min(ends, default=None)
    if exact:
        best, worst = payoff.extremes(legs, paid)
        crossings = payoff.break_evens(legs, paid) if paid is not None else None
    else:
        assert first is not None  # noqa: S101 (several expirations)
        best, worst, crossings = _searched(legs, paid, first, rates)
    spot = underlying_price if known else None
    return Figures(
        cash=cash(legs, net_price),
        max_profit=best,
        max_loss=worst,
        break_evens=crossings,
        exact=exact,
        probability=_probability(legs, paid, crossings, spot, now, first, rates),
        greeks=valuing.position_greeks(legs, spot, now, rates) if spot is not None else None,
        extrinsic=_extrinsic(legs, spot),
        return_on_capital=_return(best, worst, capital),
        expires_at=first,
        curve=_curve(legs, paid, spot, now, first, rates),
    )


def _profit(legs: Sequence[AnalyticLeg], paid: Decimal, at: datetime, rates: Rates) -> Callable[[Floats], Floats]:
    return lambda spots: float(paid) + valuing.worth(legs, spots, at, rates)


def _searched(
    legs: Sequence[AnalyticLeg], paid: Decimal | None, first: datetime, rates: Rates
) -> tuple[Amount, Amount, tuple[Decimal, ...] | None]:
    """Best, worst and break-evens at the first expiry, looked for on a grid: no formula gives them."""
    slope = payoff.slope_above(legs)
    best: Amount = UNLIMITED if slope > 0 else None
    worst: Amount = UNLIMITED if slope < 0 else None
    if paid is None or not valuing.can_value(legs, first):
        return best, worst, None
    profit = _profit(legs, paid, first, rates)
    strikes = [float(leg.strike) for leg in legs if leg.is_option]
    spots = np.unique([0.0, *strikes, *np.linspace(0.0, 3 * max(strikes), SEARCH_POINTS)])
    values = profit(spots)
    ends = np.append(values, profit(np.array([FAR * max(strikes)])))
    best = best or _cents(float(ends.max()))
    worst = worst or _cents(float(ends.min()))
    return best, worst, tuple(_cents(price) for price in _crossings(profit, spots, values))


def _crossings(profit: Callable[[Floats], Floats], spots: Floats, values: Floats) -> list[float]:
    """Where the profit changes sign, each narrowed down by halving."""
    at = np.nonzero(np.sign(values[:-1]) * np.sign(values[1:]) < 0)[0]
    low, high = spots[at], spots[at + 1]
    rising = values[at] < 0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        left = (profit(middle) < 0) == rising
        low, high = np.where(left, middle, low), np.where(left, high, middle)
    touched = spots[1:-1][(values[1:-1] == 0) & (values[:-2] * values[2:] < 0)]
    return sorted([*low.tolist(), *touched.tolist()])


def _probability(
    legs: Sequence[AnalyticLeg],
    paid: Decimal | None,
    crossings: tuple[Decimal, ...] | None,
    underlying: Decimal | None,
    now: datetime,
    first: datetime | None,
    rates: Rates,
) -> float | None:
    """The chance to end above zero: between the break-evens, whichever side of them gains."""
    if underlying is None or paid is None or crossings is None or first is None:
        return None
    volatility = valuing.volatility_at_the_money(legs, underlying)
    if volatility is None:
        return None
    years = max((first - now).total_seconds() / 86400 / 365, 1e-9)
    profit = _profit(legs, paid, first, rates)
    edges = [0.0, *(float(price) for price in crossings), math.inf]
    middles = [(low + high) / 2 for low, high in pairwise(edges[:-1])]
    gains = profit(np.array([*middles, 2 * edges[-2] + float(underlying)])) > 0
    drift = rates.interest - rates.dividends
    parts = zip(edges, edges[1:], gains, strict=False)
    return float(
        sum(
            valuing.chance_between(low, high, float(underlying), volatility, years, drift)
            for low, high, gain in parts
            if gain
        )
    )


def _extrinsic(legs: Sequence[AnalyticLeg], underlying: Decimal | None) -> Decimal | None:
    """Received for options sold less paid for options bought."""
    total = ZERO
    for leg in legs:
        if not leg.is_option:
            continue
        if underlying is None or leg.price is None:
            return None
        total -= leg.size * (leg.price - leg.intrinsic(underlying))
    return total


def _return(best: Amount, worst: Amount, capital: Decimal | None) -> float | None:
    held = capital
    if held is None and isinstance(worst, Decimal):
        held = -worst
    if held is None or held <= 0 or not isinstance(best, Decimal):
        return None
    return float(best / held)


def _curve(
    legs: Sequence[AnalyticLeg],
    paid: Decimal | None,
    underlying: Decimal | None,
    now: datetime,
    first: datetime | None,
    rates: Rates,
) -> tuple[CurvePoint, ...]:
    """Even steps over three standard deviations to either side, the strikes and the price itself among them."""
    if underlying is None or paid is None:
        return ()
    spots = _span(legs, float(underlying), now, first)
    end = first or now
    later = _profit(legs, paid, end, rates)(spots) if valuing.can_value(legs, end) else None
    today = _profit(legs, paid, now, rates)(spots) if valuing.can_value(legs, now) else None
    return tuple(
        CurvePoint(
            float(spot),
            float(later[index]) if later is not None else None,
            float(today[index]) if today is not None else None,
        )
        for index, spot in enumerate(spots)
    )


def _span(legs: Sequence[AnalyticLeg], underlying: float, now: datetime, first: datetime | None) -> Floats:
    volatility = valuing.volatility_at_the_money(legs, Decimal(str(underlying)))
    low, high = underlying * (1 - WIDE), underlying * (1 + WIDE)
    if volatility is not None and first is not None:
        years = max((first - now).total_seconds() / 86400 / 365, 1 / 365)
        reach = DEVIATIONS * volatility * math.sqrt(years)
        low, high = underlying * math.exp(-reach), underlying * math.exp(reach)
    strikes = [float(leg.strike) for leg in legs if leg.is_option]
    if strikes:
        low, high = min(low, min(strikes) * 0.98), max(high, max(strikes) * 1.02)
    inside = [price for price in (underlying, *strikes) if low <= price <= high]
    return np.unique([*np.linspace(low, high, CURVE_POINTS), *inside])


def _cents(number: float) -> Decimal:
    return Decimal(repr(number)).quantize(CENT)
