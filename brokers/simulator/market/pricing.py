"""What an option is worth: Black and Scholes on a forward, early exercise after Barone-Adesi and Whaley.

Floats: no money is counted here. ``growth`` is the drift of the underlying's forward a year: rate less dividend yield
for shares and indexes, 0 for futures.
"""

from math import erf, exp, log, pi, sqrt

from brokers.simulator.market.book import GreekValues

RATE = 0.04
YEAR = 365.0 * 86400
SHORTEST = 60 / YEAR
ROOT_TWO, ROOT_TWO_PI = sqrt(2), sqrt(2 * pi)
STEPS = 3  # of Newton's method towards the critical price: a fixed number, so that a price has no history

FAR, FLAT = 1000.0, 1e-12  # how far from the strike the critical price may be; slopes vanish in the last minutes
NEAREST = -0.05  # keeps the first guess at the critical price away from the strike


def normal(x: float) -> float:
    return 0.5 * (1 + erf(x / ROOT_TWO))


def value(
    spot: float, strike: float, years: float, volatility: float, growth: float, is_call: bool, american: bool = True
) -> float:
    """The price of one unit; an American one is never below what exercise brings at once."""
    years = max(years, SHORTEST)
    side = 1 if is_call else -1
    point = Point(spot, strike, years, volatility, growth, side)
    if not american:
        return max(point.worth, 0.0)
    at_once = side * (spot - strike)
    early = Early(strike, years, volatility, growth, side)
    premium = early.premium(spot)
    return max(point.worth + premium, at_once, 0.0)


def greeks(
    spot: float, strike: float, years: float, volatility: float, growth: float, is_call: bool, american: bool = True
) -> GreekValues:
    """Price and sensitivities of one unit; units as ``GreekValues`` says."""
    years = max(years, SHORTEST)
    side = 1 if is_call else -1
    point = Point(spot, strike, years, volatility, growth, side)
    price, delta, gamma = point.worth, point.delta, point.gamma
    vega, theta, rho = point.vega, point.theta, point.rho
    if american:
        early, at_once = Early(strike, years, volatility, growth, side), side * (spot - strike)
        premium = early.premium(spot)
        if premium > 0:
            price += premium
            delta += premium * early.power / spot
            gamma += premium * early.power * (early.power - 1) / (spot * spot)
            grown, aged, dearer = early.slopes(spot)
            vega, theta, rho = vega + premium * grown, theta - premium * aged, rho + premium * dearer
        if at_once >= price:
            return GreekValues(at_once, volatility, float(side), 0.0, 0.0, 0.0, 0.0)
    return GreekValues(max(price, 0.0), volatility, delta, gamma, theta / 365, max(vega, 0.0) / 100, rho / 100)


class Point:
    """The European price and its slopes: per 1 of spot, volatility and rate, ``theta`` per year gone by."""

    __slots__ = ("delta", "gamma", "rho", "theta", "vega", "worth")

    def __init__(self, spot: float, strike: float, years: float, volatility: float, growth: float, side: int) -> None:
        root = sqrt(years)
        spread = volatility * root
        upper = (log(spot / strike) + growth * years) / spread + spread / 2
        decay = exp((growth - RATE) * years)
        strike_part = strike * exp(-RATE * years) * normal(side * (upper - spread))
        dense = decay * exp(-upper * upper / 2) / ROOT_TWO_PI
        self.delta = side * decay * normal(side * upper)
        self.worth = spot * self.delta - side * strike_part
        self.gamma = dense / (spot * spread)
        self.vega = spot * dense * root
        self.rho = side * years * strike_part
        self.theta = RATE * self.worth - growth * spot * self.delta - volatility * spot * dense / (2 * root)


class Early:
    """What the right to exercise before the end adds: ``premium * (spot / critical) ** power`` short of the price at
    which one exercises. That price maximises the premium, so its own slopes drop out of the sensitivities."""

    __slots__ = ("_at", "_k", "_m", "_n", "_root", "_side", "_volatility", "_years", "critical", "most", "power")

    def __init__(self, strike: float, years: float, volatility: float, growth: float, side: int) -> None:
        self._side, self._volatility, self._years, self.most = side, volatility, years, 0.0
        if side == 1 and growth >= RATE:
            return
        variance = volatility * volatility
        self._m, self._n, self._k = 2 * RATE / variance, 2 * growth / variance, 1 - exp(-RATE * years)
        shifted = self._n - 1
        self._root = sqrt(shifted * shifted + 4 * self._m / self._k)
        self.power = (side * self._root - shifted) / 2
        forever = strike / (1 - 2 / (side * sqrt(shifted * shifted + 4 * self._m) - shifted))
        apart = abs(forever - strike)
        nearing = exp(min(-(side * growth * years + 2 * volatility * sqrt(years)) * strike / apart, NEAREST))
        critical = forever + (strike - forever) * nearing
        low, high = (strike, strike * FAR) if side == 1 else (strike / FAR, strike)
        for _ in range(STEPS):
            at = Point(critical, strike, years, volatility, growth, side)
            gap = side * (critical - strike) - at.worth - (side - at.delta) * critical / self.power
            slope = (side - at.delta) * (1 - 1 / self.power) + at.gamma * critical / self.power
            critical = min(max(critical - gap / (slope if abs(slope) >= FLAT else 1.0), low), high)
        self.critical = critical
        self._at = Point(critical, strike, years, volatility, growth, side)
        self.most = side * (critical - strike) - self._at.worth

    def premium(self, spot: float) -> float:
        """What it adds at a price; 0 where one would exercise at once."""
        if self.most <= 0 or self._side * (spot - self.critical) >= 0:
            return 0.0
        return float(self.most * (spot / self.critical) ** self.power)

    def slopes(self, spot: float) -> tuple[float, float, float]:
        """By which share the premium grows with volatility, years and rate."""
        side, m, k = self._side, self._m, self._k
        away, shifted, left = log(spot / self.critical), self._n - 1, 1 - k
        by_n = -2 * self._n / self._volatility
        of_volatility = (-by_n + side * (shifted * by_n - 4 * m / (k * self._volatility)) / self._root) / 2
        of_years = -side * m * RATE * left / (k * k * self._root)
        unit = 2 / (self._volatility * self._volatility)
        of_rate = side * (shifted * unit + 2 * (unit / k - m * self._years * left / (k * k))) / self._root
        at = self._at
        return (
            away * of_volatility - at.vega / self.most,
            away * of_years + at.theta / self.most,
            away * (of_rate - unit) / 2 - at.rho / self.most,
        )


def implied_volatility(
    price: float, spot: float, strike: float, years: float, growth: float, is_call: bool, american: bool = True
) -> float | None:
    """The volatility at which an option is worth so much; None where no volatility between 1 % and 1000 % is."""
    low, high = 0.01, 10.0
    if not value(spot, strike, years, low, growth, is_call, american) < price:
        return None
    if not price < value(spot, strike, years, high, growth, is_call, american):
        return None
    for _ in range(60):
        middle = (low + high) / 2
        if value(spot, strike, years, middle, growth, is_call, american) < price:
            low = middle
        else:
            high = middle
    return (low + high) / 2
