"""Black-Scholes and Black-76 for whole arrays of European options, and the volatility a price implies. Floats.

Exercise before the end is not counted, though most share options allow it: far in the money, and for calls before a
dividend, the market pays a little more than these figures say.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats: TypeAlias = NDArray[np.float64]

DAYS = 365.0
LOWEST, HIGHEST = 1e-4, 20.0
ROUNDS = 64
CLOSE = 1e-9
LEAST_TIME_VALUE = 1e-9  # of the strike: less is rounding, not a price
ROOT_TWO_PI = float(np.sqrt(2 * np.pi))
UPPER_TERMS = (
    3.52624965998911e-02, 0.700383064443688, 6.37396220353165, 33.912866078383,
    112.079291497871, 221.213596169931, 220.206867912376,
)  # fmt: skip
LOWER_TERMS = (
    8.83883476483184e-02, 1.75566716318264, 16.064177579207, 86.7807322029461,
    296.564248779674, 637.333633378831, 793.826512519948, 440.413735824752,
)  # fmt: skip
TAIL_FROM = 7.07106781186547


@dataclass(frozen=True, slots=True)
class Greeks:
    """Per unit: ``theta`` a calendar day, ``vega`` and ``rho`` per percentage point. An estimate of a model."""

    price: Floats
    delta: Floats
    gamma: Floats
    theta: Floats
    vega: Floats
    rho: Floats


def normal(x: ArrayLike) -> Floats:
    """The share of a normal distribution below x; Hart's rational fit, good to 1e-14."""
    points = np.asarray(x, dtype=np.float64)
    away = np.minimum(np.abs(points), 38.0)
    density = np.exp(-away * away / 2)
    below = density * _horner(UPPER_TERMS, away) / _horner(LOWER_TERMS, away)
    far = away > TAIL_FROM
    if far.any():
        below = np.where(far, _tail(away, density), below)
    return np.where(points > 0, 1 - below, below)


def _horner(terms: tuple[float, ...], x: Floats) -> Floats:
    total = terms[0] * x + terms[1]
    for term in terms[2:]:
        total *= x
        total += term
    return total


def _tail(away: Floats, density: Floats) -> Floats:
    chain = away + 0.65
    for term in (4, 3, 2, 1):
        chain = away + term / chain
    return density / (chain * ROOT_TWO_PI)


def black_scholes(
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    volatility: ArrayLike,
    side: ArrayLike,
    rate: float = 0.0,
    dividend_yield: float = 0.0,
) -> Greeks:
    """Options on a share or index. ``side``: +1 call, −1 put. Rate and yield a year, continuously compounded."""
    return _values(spot, strike, years, volatility, side, rate, dividend_yield)


def black_76(
    future: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    volatility: ArrayLike,
    side: ArrayLike,
    rate: float = 0.0,
) -> Greeks:
    """Options on a future: its price has no drift."""
    return _values(future, strike, years, volatility, side, rate, None)


def _values(
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    volatility: ArrayLike,
    side: ArrayLike,
    rate: float,
    dividend_yield: float | None,
) -> Greeks:
    growth = 0.0 if dividend_yield is None else rate - dividend_yield
    spot, strike, years, volatility, side = (
        np.asarray(value, dtype=np.float64) for value in (spot, strike, years, volatility, side)
    )
    root = np.sqrt(years)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        spread = volatility * root
        upper = (np.log(spot / strike) + growth * years) / spread + spread / 2
        discount, decay = np.exp(-rate * years), np.exp((growth - rate) * years)
        above, below = normal(side * upper), normal(side * (upper - spread))
        dense = decay * np.exp(-upper * upper / 2) / ROOT_TWO_PI
        spot_part, strike_part = spot * decay * above, strike * discount * below
        price = np.maximum(side * (spot_part - strike_part), 0.0)
        aging = -spot * dense * volatility / (2 * root) + side * ((rate - growth) * spot_part - rate * strike_part)
        gamma = np.where(spot > 0, dense / (spot * spread), 0.0)
        rho = years * (-price if dividend_yield is None else side * strike_part)
    return Greeks(
        price=price,
        delta=side * decay * above,
        gamma=gamma,
        theta=aging / DAYS,
        vega=spot * dense * root / 100,
        rho=rho / 100,
    )


def implied_volatility(
    price: ArrayLike,
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    side: ArrayLike,
    rate: float = 0.0,
    dividend_yield: float = 0.0,
    *,
    on_future: bool = False,
) -> Floats:
    """The volatility at which the model gives each price; NaN where none between 0.01 % and 2000 % does.

    Newton's method on the out-of-the-money side, from the point of inflection, kept between two bounds.
    """
    price, spot, strike, years, side = np.broadcast_arrays(
        *(np.asarray(value, dtype=np.float64) for value in (price, spot, strike, years, side))
    )
    growth = 0.0 if on_future else rate - dividend_yield
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        forward = spot * np.exp(growth * years)
        ahead = price * np.exp(rate * years)
        out_side = np.where(forward >= strike, -1.0, 1.0)
        value = ahead - np.where(side == out_side, 0.0, side * (forward - strike))
        top = np.where(out_side > 0, forward, strike)
        solvable = (value > LEAST_TIME_VALUE * strike) & (value < top) & (years > 0) & (forward > 0) & (strike > 0)
    found = np.full(price.shape, np.nan)
    if solvable.any():
        found[solvable] = _solve(
            value[solvable], forward[solvable], strike[solvable], np.sqrt(years[solvable]), out_side[solvable]
        )
    return found


def _solve(value: Floats, forward: Floats, strike: Floats, root: Floats, side: Floats) -> Floats:
    """Those that have settled are left out of the following rounds."""
    away = np.log(forward / strike)
    guess = np.clip(np.sqrt(2 * np.abs(away)) / root, 0.05, 5.0)
    found, left = np.full(value.shape, np.nan), np.arange(value.size)
    low, high = np.full(value.shape, LOWEST), np.full(value.shape, HIGHEST)
    for _ in range(ROUNDS):
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            spread = guess * root
            upper = away / spread + spread / 2
            model = side * (forward * normal(side * upper) - strike * normal(side * (upper - spread)))
            slope = forward * np.exp(-upper * upper / 2) / ROOT_TWO_PI * root
            step = guess - (model - value) / slope
        over = model > value
        high, low = np.where(over, guess, high), np.where(over, low, guess)
        inside = (step > low) & (step < high)
        following = np.where(inside, step, (low + high) / 2)
        moving = np.abs(following - guess) > CLOSE * guess
        found[left], guess = following, following
        if not moving.any():
            break
        left = left[moving]
        value, forward, strike, root, side, away, guess, low, high = (
            array[moving] for array in (value, forward, strike, root, side, away, guess, low, high)
        )
    return np.where((found > LOWEST * 1.001) & (found < HIGHEST * 0.999), found, np.nan)
