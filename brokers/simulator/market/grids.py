"""Prices on their tick grid: whole ticks or floats to reckon with, decimals to show."""

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from math import ceil, floor, inf

import numpy as np

from brokers.domain.market import PriceIncrements
from brokers.simulator.market.paths.clockwork import Floats

SLACK = 1e-7  # of a tick, for prices that are on the grid but for the last bit
FEW = 16  # prices that are quicker rounded one by one


@dataclass(frozen=True, slots=True)
class Grid:
    """``unit`` is the finest increment; ``steps`` are (ticks below which it holds, increment in ticks)."""

    unit: Decimal
    size: float
    steps: tuple[tuple[int | None, int], ...]

    def down(self, price: float) -> int:
        """The highest place on the grid that is not above a price of 0 or more, in ticks."""
        exact = price / self.size
        found = 0
        for limit, step in self.steps:
            found = max(found, floor(exact / step) * step)
            if limit is None or exact < limit:
                return max(found, 0)
            found = limit
        return found

    def up(self, price: float) -> int:
        """The lowest place on the grid that is not below a price, in ticks."""
        exact = price / self.size
        for limit, step in self.steps:
            found = ceil(exact / step) * step
            if limit is None or found <= limit:
                return found
        return found

    def nearest(self, price: float) -> int:
        low, high = self.down(price), self.up(price)
        return low if price / self.size - low <= high - price / self.size else high

    def price(self, ticks: int) -> Decimal:
        return self.unit * ticks

    def at(self, price: float) -> Decimal:
        """The price on the grid nearest to it."""
        return self.unit * self.nearest(price)


@lru_cache(maxsize=256)
def grid_of(increments: PriceIncrements) -> Grid:
    """The grid that increments describe, the finest first."""
    unit = min(increment for _, increment in increments.steps)
    steps = tuple(
        (None if limit is None else int(limit / unit), int(increment / unit)) for limit, increment in increments.steps
    )
    return Grid(unit, float(unit), steps)


class PathGrid:
    """The same for floats that stay floats: on the grid, at or below, at or above; one or many. Never below a tick."""

    def __init__(self, increments: PriceIncrements) -> None:
        self._steps = [
            (inf if limit is None else float(limit), float(step), max(0, -int(step.as_tuple().exponent)))
            for limit, step in increments.steps
        ]

    def step(self, price: float) -> float:
        """The tick at a price."""
        return self._at(price)[0]

    def near(self, price: float) -> float:
        step, places = self._at(price)
        return max(step, round(round(price / step) * step, places))

    def below(self, price: float) -> float:
        step, places = self._at(price)
        return max(step, round(floor(price / step + SLACK) * step, places))

    def above(self, price: float) -> float:
        step, places = self._at(price)
        return round(ceil(price / step - SLACK) * step, places)

    def all_near(self, prices: Floats) -> Floats:
        """``near`` of many."""
        if len(prices) <= FEW:
            return np.array([self.near(price) for price in prices.tolist()])
        found = np.empty_like(prices)
        lower = -inf
        for limit, step, places in self._steps:
            inside = (prices >= lower) & (prices < limit)
            found[inside] = np.maximum(step, np.round(np.rint(prices[inside] / step) * step, places))
            lower = limit
        return found

    def decimal(self, price: float) -> Decimal:
        """The price as money: exact, with the places of its tick."""
        return Decimal(f"{price:.{self._at(price)[1]}f}")

    def _at(self, price: float) -> tuple[float, int]:
        for limit, step, places in self._steps:
            if price < limit:
                return step, places
        return self._steps[-1][1:]
