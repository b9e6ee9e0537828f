"""What the exchange tells its listeners, and the numbers it gives out."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import count
from typing import Literal

from brokers.simulator.exchange.books.accounts import SimBalance, SimPosition
from brokers.simulator.exchange.orders.groups import SimGroup
from brokers.simulator.exchange.orders.orders import SimOrder

FIRST_DAY = datetime(2020, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True)
class Event:
    """A change: the order, position, balance or group as it is now."""

    kind: Literal["order", "position", "balance", "group"]
    account_number: str
    value: SimOrder | SimPosition | SimBalance | SimGroup


class Ids(Iterator[int]):
    """Numbers that never come twice, also over restarts: they begin at the clock's milliseconds."""

    def __init__(self, now: datetime) -> None:
        self.raise_to(self._first(now))

    def _first(self, now: datetime) -> int:
        return int((now - FIRST_DAY).total_seconds() * 1000)

    def raise_to(self, first: int) -> None:
        self.last = max(first, getattr(self, "last", 0))
        self._numbers = count(self.last + 1)

    def __next__(self) -> int:
        self.last = next(self._numbers)
        return self.last


class OrderIds(Ids):
    """Numbers of nine digits (until 2035): they begin at the clock's half seconds."""

    def _first(self, now: datetime) -> int:
        return int((now - FIRST_DAY).total_seconds() * 2)
