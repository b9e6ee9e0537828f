"""The price grid for floats: a price on it, at or below, at or above; one or many."""

from decimal import Decimal
from math import ceil, floor, inf

import numpy as np

from brokers.domain.market import PriceIncrements
from brokers.simulator.market.clockwork import Floats

SLACK = 1e-7  # of a tick, for prices that are on the grid but for the last bit
FEW = 16  # prices that are quicker rounded one by one


class Grid:
    """A listing's price grid for floats: on it, at or below, at or above."""

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
