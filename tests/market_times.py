"""Markets whose hours a test sets: for the ``bustle`` of a stream's timings."""

from collections.abc import Collection, Mapping
from datetime import date, datetime

from brokers.domain.bustle import Bustle


def busy(markets: Collection[str], now: datetime, closures: Mapping[date, str]) -> Bustle:
    """Whatever the hour, prices should move."""
    return Bustle.BUSY if markets else Bustle.CLOSED


class Hours:
    """How markets stand, till the test says otherwise."""

    def __init__(self, now: Bustle) -> None:
        self.now = now

    def __call__(self, markets: Collection[str], now: datetime, closures: Mapping[date, str]) -> Bustle:
        return self.now if markets else Bustle.CLOSED
