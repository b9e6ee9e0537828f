"""Where somebody put a price elsewhere: from that moment on the path is off by a factor."""

from bisect import bisect_right
from math import inf
from typing import Generic, TypeVar

import numpy as np

from brokers.simulator.market.paths.clockwork import Floats

K = TypeVar("K")
INSTANT = 1e-6  # seconds in which the path goes from one price to the other


class Puts(Generic[K]):
    """Lists of (time, factor in all from then on) by the path's key, ascending in time."""

    def __init__(self) -> None:
        self._found: dict[K, list[tuple[float, float]]] = {}

    def add(self, key: K, at: float, factor: float) -> None:
        """The latest word counts: what was put for later (by a clock since put back) is forgotten."""
        kept = [one for one in self._found.get(key, []) if one[0] <= at]
        self._found[key] = [*kept, (at, factor)]

    def of(self, key: K) -> list[tuple[float, float]]:
        return self._found.get(key, [])

    def factor(self, key: K, at: float) -> float:
        """By how much the path is off at a time."""
        puts = self._found.get(key)
        if not puts:
            return 1.0
        place = bisect_right(puts, (at, inf))
        return puts[place - 1][1] if place else 1.0

    def factors(self, key: K, times: Floats) -> Floats:
        """``factor`` at each of many times."""
        puts = self.of(key)
        totals = np.array([1.0, *(total for _, total in puts)])
        found: Floats = totals[np.searchsorted([at for at, _ in puts], times, side="right")]
        return found

    def since(self, key: K, at: float) -> bool:
        """Whether the path was put elsewhere after a time."""
        puts = self._found.get(key)
        return bool(puts) and puts is not None and puts[-1][0] > at

    def apply(self, key: K, times: Floats, prices: Floats) -> tuple[Floats, Floats]:
        """The line of times and prices with its leaps; it gets two points more at each."""
        puts = self.of(key)
        first = bisect_right(puts, (float(times[0]), inf))
        before = puts[first - 1][1] if first else 1.0
        prices = prices * before if first else prices
        for at, total in puts[first:]:
            factor, before = total / before, total
            if at < times[-1]:
                where = int(np.searchsorted(times, at))
                here = float(np.interp(at, times, prices))
                prices = np.concatenate([prices[:where], [here, here * factor], prices[where:] * factor])
                times = np.concatenate([times[:where], [at - INSTANT, at], times[where:]])
        return times, prices
