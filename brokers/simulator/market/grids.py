"""Prices on their tick grid: whole ticks to reckon with, decimals to show."""

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from math import ceil, floor

from brokers.domain.market import PriceIncrements


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
