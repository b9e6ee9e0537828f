"""What a stream holds for a reader that is slow: the newest of each price, and everything else."""

import asyncio

from brokers.domain.instruments import Instrument
from brokers.domain.market import Tick
from brokers.domain.raw import BATCHES
from brokers.port import StatusChange, StreamEvent, StreamState

MOST_BATCHES = 20


class Outbox:
    """Prices of one instrument run together while they wait; nothing else is ever dropped.

    So it holds at most one tick an instrument between two other events, and a few batches as they came. For one event
    loop.
    """

    def __init__(self) -> None:
        self._waiting: list[StreamEvent] = []
        self._place: dict[Instrument, int] = {}
        self._states: dict[str, StreamState] = {}
        self._news = asyncio.Event()
        self._batches = 0
        self._closed = False

    def put(self, event: StreamEvent) -> None:
        if self._closed:
            return
        if isinstance(event, Tick):
            self._put_tick(event)
        elif isinstance(event, BATCHES) and self._batches >= MOST_BATCHES:
            for tick in event.ticks():
                self._put_tick(tick)
        else:
            self._waiting.append(event)
            self._place.clear()
            self._batches += isinstance(event, BATCHES)
        self._news.set()

    def _put_tick(self, tick: Tick) -> None:
        place = self._place.get(tick.instrument)
        earlier = self._waiting[place] if place is not None else None
        if place is not None and isinstance(earlier, Tick):
            self._waiting[place] = Tick(tick.instrument, {**earlier.values, **tick.values}, tick.at)
            return
        self._place[tick.instrument] = len(self._waiting)
        self._waiting.append(tick)

    def say(self, source: str, state: StreamState, detail: str = "") -> None:
        """Tell of a state, once."""
        if self._states.get(source) is not state:
            self._states[source] = state
            self.put(StatusChange(source, state, detail))

    def said(self, source: str) -> StreamState | None:
        return self._states.get(source)

    def close(self) -> None:
        """No more is taken in, whatever parts that are being stopped still say; what waits can still be taken."""
        self._closed = True
        self._news.set()

    async def take(self) -> list[StreamEvent]:
        """All that waits, in the order of arrival; empty only when it is closed."""
        while not self._waiting and not self._closed:
            self._news.clear()
            await self._news.wait()
        batch, self._waiting = self._waiting, []
        self._place.clear()
        self._batches = 0
        return batch
