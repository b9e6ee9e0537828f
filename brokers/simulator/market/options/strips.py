"""The Greeks of many options at once, for whole chains: the same formulas as for one, over arrays."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import erf

import numpy as np
import numpy.typing as npt

from brokers.simulator.market.book import GreekValues
from brokers.simulator.market.options.terms import Terms
from brokers.simulator.market.pricing import FAR, FLAT, NEAREST, RATE, ROOT_TWO, ROOT_TWO_PI, SHORTEST, STEPS

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Strip:
    """Options side by side; ``side`` is +1 for calls and -1 for puts."""

    spot: Floats
    strike: Floats
    years: Floats
    volatility: Floats
    growth: Floats
    side: Floats


@dataclass(frozen=True, slots=True)
class Points:
    """European prices and slopes, as ``pricing.Point`` has them."""

    worth: Floats
    delta: Floats
    gamma: Floats
    vega: Floats
    theta: Floats
    rho: Floats


def greeks_of_many(found: Sequence[Terms | None]) -> list[GreekValues | None]:
    """The Greeks of terms as of the last quote of what they are on, in their order."""
    known = [terms for terms in found if terms is not None]
    for board in {id(terms.board): terms.board for terms in known}.values():
        board.refresh()
    views = [terms.board.view(terms.expires_at) for terms in known]
    strip = Strip(
        spot=_array(view.spot for view in views),
        strike=_array(terms.strike for terms in known),
        years=np.maximum(_array(view.slice.years for view in views), SHORTEST),
        volatility=_array(view.volatility(terms.strike) for view, terms in zip(views, known, strict=True)),
        growth=_array(view.growth for view in views),
        side=_array(1.0 if terms.is_call else -1.0 for terms in known),
    )
    american = np.array([terms.american for terms in known], dtype=bool)
    columns = greeks_of_strip(strip, american)
    on_future = np.array([terms.board.contract is not None for terms in known], dtype=bool)
    columns[6] = np.where(on_future, -strip.years * columns[0] / 100, columns[6])
    shares = _array(terms.board.shares for terms in known)
    columns[2], columns[3] = columns[2] * shares, columns[3] * shares**2
    rows = iter([GreekValues(*row) for row in zip(*(column.tolist() for column in columns), strict=True)])
    return [None if terms is None else next(rows) for terms in found]


def greeks_of_strip(strip: Strip, american: npt.NDArray[np.bool_]) -> list[Floats]:
    """Seven columns in the order of ``GreekValues``."""
    point = points(strip, strip.spot)
    price, delta, gamma = point.worth.copy(), point.delta.copy(), point.gamma.copy()
    vega, theta, rho = point.vega.copy(), point.theta.copy(), point.rho.copy()
    early = np.flatnonzero(american & ((strip.side < 0) | (strip.growth < RATE)))
    if early.size:
        extra = _premium(_take(strip, early))
        for column, more in zip((price, delta, gamma, vega, theta, rho), extra, strict=True):
            column[early] += more
    at_once = strip.side * (strip.spot - strip.strike)
    now = american & (at_once >= price)
    zero = np.zeros_like(price)
    price = np.where(now, at_once, np.maximum(price, 0.0))
    delta = np.where(now, strip.side, delta)
    rest = [np.where(now, zero, column) for column in (gamma, theta / 365, np.maximum(vega, 0.0) / 100, rho / 100)]
    return [price, strip.volatility, delta, *rest]


def points(strip: Strip, spot: Floats) -> Points:
    root = np.sqrt(strip.years)
    spread = strip.volatility * root
    upper = (np.log(spot / strip.strike) + strip.growth * strip.years) / spread + spread / 2
    decay = np.exp((strip.growth - RATE) * strip.years)
    strike_part = strip.strike * np.exp(-RATE * strip.years) * normal(strip.side * (upper - spread))
    dense = decay * np.exp(-upper * upper / 2) / ROOT_TWO_PI
    delta = strip.side * decay * normal(strip.side * upper)
    worth = spot * delta - strip.side * strike_part
    return Points(
        worth=worth,
        delta=delta,
        gamma=dense / (spot * spread),
        vega=spot * dense * root,
        theta=RATE * worth - strip.growth * spot * delta - strip.volatility * spot * dense / (2 * root),
        rho=strip.side * strip.years * strike_part,
    )


def _premium(strip: Strip) -> tuple[Floats, ...]:
    """What early exercise adds to price, delta, gamma, vega, theta and rho; see ``pricing.Early``."""
    side, years, strike, spot = strip.side, strip.years, strip.strike, strip.spot
    variance = strip.volatility * strip.volatility
    m, n, k = 2 * RATE / variance, 2 * strip.growth / variance, 1 - np.exp(-RATE * years)
    shifted = n - 1
    root = np.sqrt(shifted * shifted + 4 * m / k)
    power = (side * root - shifted) / 2
    forever = strike / (1 - 2 / (side * np.sqrt(shifted * shifted + 4 * m) - shifted))
    apart = np.abs(forever - strike)
    closing = -(side * strip.growth * years + 2 * strip.volatility * np.sqrt(years)) * strike / apart
    nearing = np.exp(np.minimum(closing, NEAREST))
    critical = forever + (strike - forever) * nearing
    low, high = np.where(side > 0, strike, strike / FAR), np.where(side > 0, strike * FAR, strike)
    for _ in range(STEPS):
        at = points(strip, critical)
        gap = side * (critical - strike) - at.worth - (side - at.delta) * critical / power
        slope = (side - at.delta) * (1 - 1 / power) + at.gamma * critical / power
        critical = np.clip(critical - gap / np.where(np.abs(slope) < FLAT, 1.0, slope), low, high)
    at = points(strip, critical)
    most = side * (critical - strike) - at.worth
    pays = (most > 0) & (side * (spot - critical) < 0)
    most = np.where(pays, most, 1.0)
    ratio = np.where(pays, spot / critical, 1.0)
    premium = np.where(pays, most * ratio**power, 0.0)
    away, left, unit = np.log(ratio), 1 - k, 2 / variance
    by_n = -2 * n / strip.volatility
    of_volatility = (-by_n + side * (shifted * by_n - 4 * m / (k * strip.volatility)) / root) / 2
    of_years = -side * m * RATE * left / (k * k * root)
    of_rate = (side * (shifted * unit + 2 * (unit / k - m * years * left / (k * k))) / root - unit) / 2
    return (
        premium,
        premium * power / spot,
        premium * power * (power - 1) / (spot * spot),
        premium * (away * of_volatility - at.vega / most),
        -premium * (away * of_years + at.theta / most),
        premium * (away * of_rate - at.rho / most),
    )


def normal(x: Floats) -> Floats:
    """The error function itself has no array form here; a plain loop over it is quick enough and the very same."""
    return 0.5 * (1 + np.array([erf(each) for each in (x / ROOT_TWO).tolist()], dtype=np.float64))


def _array(values: Iterable[float]) -> Floats:
    return np.array(list(values), dtype=np.float64)


def _take(strip: Strip, rows: npt.NDArray[np.intp]) -> Strip:
    return Strip(
        strip.spot[rows],
        strip.strike[rows],
        strip.years[rows],
        strip.volatility[rows],
        strip.growth[rows],
        strip.side[rows],
    )
