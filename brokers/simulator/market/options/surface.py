"""The volatility surface: how dear options are by strike and by time, free of arbitrage by its form.

Total variance follows Gatheral and Jacquier's surface SVI with a power law: with ``eta * (1 + |rho|) <= 2`` and
variance at the money that grows with time, no butterfly and no calendar spread has a negative price.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from math import erf, exp, expm1, sqrt

SHORTEST = 60 / (365 * 86400)
MONTH = 30 / 365
HOMEWARD = 2.2  # today's volatility is half way back to the usual after some four months


@dataclass(frozen=True, slots=True)
class Smile:
    """``rho`` tilts it (below 0: lower strikes cost more), ``eta`` bends it."""

    rho: float
    eta: float


EQUITY, INDEX, FLAT, UPWARD = Smile(-0.38, 1.0), Smile(-0.62, 1.1), Smile(-0.05, 0.9), Smile(0.55, 1.0)


@dataclass(frozen=True, slots=True)
class Term:
    """Variance at the money over time: from today's volatility to the usual, and a jump at each report.

    ``events`` are (years from now, variance) ascending. Where far prices move less than near ones, ``fade`` is the
    yearly rate of that, and ``delivery`` the years until the price delivers (None: with the option).
    """

    now: float
    usual: float
    events: tuple[tuple[float, float], ...] = ()
    fade: float = 0.0
    delivery: float | None = None

    def variance(self, years: float) -> float:
        """Total variance at the money until then; it grows with time."""
        years = max(years, SHORTEST)
        far, extra = self.usual * self.usual, self.now * self.now - self.usual * self.usual
        fade = 2 * self.fade
        total = far * _flow(fade, years) + extra * _flow(fade - HOMEWARD, years)
        if fade:
            total *= exp(-fade * (years if self.delivery is None else max(self.delivery, years)))
        for at, jump in self.events:
            if at > years:
                break
            total += jump
        return total


def _flow(rate: float, years: float) -> float:
    """The integral of exp(rate * t) from now until then."""
    return expm1(rate * years) / rate if rate else years


@dataclass(frozen=True, slots=True)
class Slice:
    """The surface at one expiration: ``theta`` is the variance at the money, ``bend`` the smile's steepness there."""

    years: float
    theta: float
    bend: float
    rho: float

    def volatility(self, moneyness: float) -> float:
        """The implied volatility at log(strike / forward)."""
        stretched = self.bend * moneyness
        inner = stretched + self.rho
        total = self.theta / 2 * (1 + self.rho * stretched + sqrt(inner * inner + 1 - self.rho * self.rho))
        return sqrt(total / self.years)


def cut(term: Term, smile: Smile, years: float) -> Slice:
    """The slice of a surface at a time from now."""
    years = max(years, SHORTEST)
    theta = term.variance(years)
    return Slice(years, theta, smile.eta / sqrt(theta * (1 + theta)), smile.rho)


def fear_index(term: Term, smile: Smile = INDEX, years: float = MONTH) -> float:
    """What a fear index shows, in points: the fair volatility over thirty days by the whole strip of options."""
    return 100 * sqrt(term.variance(years) / years) * strip(smile, round(term.variance(years), 4))


@lru_cache(maxsize=4096)
def strip(smile: Smile, theta: float) -> float:
    """By how much the strip's volatility exceeds that at the money: the log contract's price, by quadrature."""
    theta = max(theta, 1e-5)
    bend, root = smile.eta / sqrt(theta * (1 + theta)), sqrt(theta)
    total = sum(_out_of_money(step * 0.05 * root, theta, bend, smile.rho) for step in range(-160, 161)) * 0.05 * root
    return sqrt(2 * total / theta)


def _out_of_money(moneyness: float, theta: float, bend: float, rho: float) -> float:
    """The undiscounted price of the option out of the money, over its strike: the log contract's weight."""
    inner = bend * moneyness + rho
    spread = sqrt(theta / 2 * (1 + rho * bend * moneyness + sqrt(inner * inner + 1 - rho * rho)))
    upper = -moneyness / spread + spread / 2
    side = 1 if moneyness >= 0 else -1
    return side * (exp(-moneyness) * _normal(side * upper) - _normal(side * (upper - spread)))


def _normal(x: float) -> float:
    return 0.5 * (1 + erf(x / sqrt(2)))


def events(days: Iterable[float], move: float) -> tuple[tuple[float, float], ...]:
    """Reports so many years from now as jumps of variance."""
    return tuple((at, move * move) for at in sorted(days) if at > 0)
