"""Volatilities and Greeks of the options of one expiration at once, and the expected move: our own estimates. Pure.

The model is Black-76 on the forward that calls and puts at the money agree on, so that dividends and rates need not be
known. Both options of a strike are given the volatility of the one that is out of the money.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import numpy as np

from brokers.domain.instruments import Instrument
from brokers.domain.market import Quote, Strike
from trading.analytics import black_76, implied_volatility
from trading.analytics.legs import SHORTEST, YEAR
from trading.analytics.pricing import Floats, normal

AGREEING = 5
"""Strikes at the money whose calls and puts tell the forward."""


@dataclass(frozen=True, slots=True)
class Estimated:
    """Of one option, per unit: ``theta`` a day, ``vega`` per percentage point, ``volatility`` a fraction. ``in_money``:
    how likely it is worth something at expiry, a fraction, as its own volatility tells."""

    volatility: float
    delta: float
    gamma: float
    theta: float
    vega: float
    in_money: float | None = None


@dataclass(frozen=True, slots=True)
class Smile:
    """What the prices of an expiration tell. ``move`` is one standard deviation in points: about two times in three the
    price ends within it. None where prices do not tell."""

    forward: float | None
    volatility: float | None
    move: Decimal | None
    options: Mapping[Instrument, Estimated]


NOTHING = Smile(None, None, None, {})


def middle(quote: Quote | None) -> float | None:
    """The middle of a two-sided market, else None: a last price may be days old."""
    if quote is None or quote.bid is None or quote.ask is None or quote.ask < quote.bid or quote.ask <= 0:
        return None
    return float(quote.bid + quote.ask) / 2


def smile(
    strikes: Sequence[Strike],
    quotes: Mapping[Instrument, Quote],
    spot: Decimal | None,
    settles_at: datetime,
    now: datetime,
) -> Smile:
    """From the quotes of some strikes around the money."""
    left = (settles_at - now).total_seconds() / YEAR
    if spot is None or spot <= 0 or not strikes or left <= 0:
        return NOTHING
    prices = np.array([float(strike.price) for strike in strikes])
    calls, puts = (np.array([_price(quotes, getattr(strike, side)) for strike in strikes]) for side in ("call", "put"))
    forward = forward_of(prices, calls, puts, float(spot))
    years = max(left, SHORTEST)
    volatilities = _volatilities(prices, calls, puts, forward, years)
    level = _at(forward, prices, volatilities)
    move = Decimal(round(forward * level * years**0.5, 6)) if level is not None else None
    return Smile(forward, level, move, _estimates(strikes, prices, volatilities, forward, years))


def _price(quotes: Mapping[Instrument, Quote], option: Instrument | None) -> float:
    price = middle(quotes.get(option)) if option is not None else None
    return float("nan") if price is None else price


def forward_of(strikes: Floats, calls: Floats, puts: Floats, spot: float) -> float:
    """Where call and put of a strike cost the same; the underlying's price where none of them has both prices."""
    told = strikes + calls - puts
    known = np.flatnonzero(~np.isnan(told))
    nearest = known[np.argsort(np.abs(strikes[known] - spot))][:AGREEING]
    return float(np.median(told[nearest])) if nearest.size else spot


def _volatilities(strikes: Floats, calls: Floats, puts: Floats, forward: float, years: float) -> Floats:
    """Of each strike, from its option out of the money, else from the other; NaN where neither tells."""
    from_calls = implied_volatility(calls, forward, strikes, years, 1.0, on_future=True)
    from_puts = implied_volatility(puts, forward, strikes, years, -1.0, on_future=True)
    first, second = np.where(strikes >= forward, (from_calls, from_puts), (from_puts, from_calls))
    chosen: Floats = np.where(np.isnan(first), second, first)
    return chosen


def _at(forward: float, strikes: Floats, volatilities: Floats) -> float | None:
    known = ~np.isnan(volatilities)
    return float(np.interp(forward, strikes[known], volatilities[known])) if known.any() else None


def _estimates(
    strikes: Sequence[Strike], prices: Floats, volatilities: Floats, forward: float, years: float
) -> dict[Instrument, Estimated]:
    found: dict[Instrument, Estimated] = {}
    for name, side in (("call", 1.0), ("put", -1.0)):
        greeks = black_76(forward, prices, years, volatilities, side)
        in_money = chance_in_money(forward, prices, volatilities, years, side)
        columns = (volatilities, greeks.delta, greeks.gamma, greeks.theta, greeks.vega, in_money)
        rows = zip(strikes, *(column.tolist() for column in columns), strict=True)
        for strike, *figures in rows:
            option = getattr(strike, name)
            if option is not None and not any(figure != figure for figure in figures):  # NaN differs from itself
                found[option] = Estimated(*figures)
    return found


def chance_in_money(forward: float, strikes: Floats, volatilities: Floats, years: float, side: float) -> Floats:
    """How likely the price ends above the strikes (``side`` 1: calls) or below (-1: puts); NaN without a volatility."""
    spread = volatilities * years**0.5
    return normal(side * (np.log(forward / strikes) / spread - spread / 2))
