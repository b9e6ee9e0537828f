"""What an option is worth: Black-Scholes over a surface with skew and term. Floats: no money is counted here."""

from math import erf, exp, log, pi, sqrt

from brokers.simulator.market.book import GreekValues

RATE = 0.04
YEAR = 365.0 * 86400
SHORTEST = 60 / YEAR
ROOT_TWO, ROOT_TWO_PI = sqrt(2), sqrt(2 * pi)


def implied(base: float, spot: float, strike: float, years: float) -> float:
    """The surface: ``base`` is the usual volatility at the money; lower strikes and both wings cost more."""
    scale = base * sqrt(max(years, 3 / 365))
    away = max(-3.5, min(3.5, log(strike / spot) / scale))
    term = 0.92 + 0.10 * (1 - exp(-3 * years))
    return base * term * (1 - 0.055 * away + 0.012 * away * away)


def value(spot: float, strike: float, years: float, volatility: float, yield_: float, is_call: bool) -> float:
    """The price of one unit, never below what exercise brings at once."""
    years = max(years, SHORTEST)
    spread = volatility * sqrt(years)
    upper = (log(spot / strike) + (RATE - yield_) * years) / spread + spread / 2
    side = 1 if is_call else -1
    forward, present = spot * exp(-yield_ * years), strike * exp(-RATE * years)
    worth = side * (forward * _normal(side * upper) - present * _normal(side * (upper - spread)))
    return max(worth, side * (spot - strike), 0.0)


def greeks(spot: float, strike: float, years: float, volatility: float, yield_: float, is_call: bool) -> GreekValues:
    """Price and sensitivities of one unit; units as ``GreekValues`` says."""
    years = max(years, SHORTEST)
    root = sqrt(years)
    spread = volatility * root
    upper = (log(spot / strike) + (RATE - yield_) * years) / spread + spread / 2
    lower = upper - spread
    side = 1 if is_call else -1
    decay, present = exp(-yield_ * years), strike * exp(-RATE * years)
    density = exp(-upper * upper / 2) / ROOT_TWO_PI
    near, far = _normal(side * upper), _normal(side * lower)
    worth = max(side * (spot * decay * near - present * far), 0.0)
    carry = side * (yield_ * spot * decay * near - RATE * present * far)
    theta = carry - spot * decay * density * volatility / (2 * root)
    return GreekValues(
        price=max(worth, side * (spot - strike)) + 0.0,  # the sum turns a negative zero into zero
        volatility=volatility,
        delta=side * decay * near,
        gamma=decay * density / (spot * spread),
        theta=theta / 365,
        vega=spot * decay * density * root / 100,
        rho=side * present * years * far / 100,
    )


def _normal(x: float) -> float:
    return 0.5 * (1 + erf(x / ROOT_TWO))
