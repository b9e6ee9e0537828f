"""When orders want to be looked at, whatever the books do."""

import heapq
from collections.abc import Iterator
from datetime import datetime


class Timers:
    """A look too many does no harm, so nothing is ever taken back."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, int]] = []

    def add(self, at: datetime | None, order_id: int) -> None:
        if at is not None:
            heapq.heappush(self._heap, (at, order_id))

    def ring(self, now: datetime) -> Iterator[int]:
        """The orders whose time has come, by time and then by number; also those added meanwhile."""
        while self._heap and self._heap[0][0] <= now:
            yield heapq.heappop(self._heap)[1]

    def clear(self) -> None:
        self._heap.clear()
