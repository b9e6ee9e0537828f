"""For tests of live quotes: a stream that is fed by hand, and tabs with sockets that can fill up."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

from brokers.domain.instruments import Instrument, parse_instrument
from brokers.domain.market import Tick
from brokers.live.hub import Hub
from brokers.live.mailbox import Mailbox

T0 = datetime(2026, 11, 20, 15, 0, tzinfo=timezone.utc)
FAST = {"flush_every": 0.03, "sweep": 0.02, "retry": (0.02, 0.05)}


def tick(symbol: str, after: float = 0, **values: str | None) -> Tick:
    figures = {name: None if value is None else Decimal(value) for name, value in values.items()}
    return Tick(parse_instrument(symbol), figures, T0 + timedelta(seconds=after))


class HandFedStream:
    """A ``Stream`` whose batches come from the test; an exception in the line is raised, None ends it."""

    def __init__(self) -> None:
        self.line: asyncio.Queue[list | Exception | None] = asyncio.Queue()
        self.watched: set[Instrument] = set()
        self.still_told: frozenset[Instrument] = frozenset()
        self.closed = False

    async def events(self) -> AsyncIterator[list]:
        while (batch := await self.line.get()) is not None:
            if isinstance(batch, Exception):
                raise batch
            yield batch

    def watch(self, instruments: Collection[Instrument]) -> None:
        self.watched = set(instruments)

    def carried(self) -> frozenset[Instrument]:
        return self.still_told

    async def close(self) -> None:
        self.closed = True

    def say(self, *events: object) -> None:
        self.line.put_nowait(list(events))


class Upstreams:
    """Opens hand-fed streams and remembers them: the newest by connection, and how often."""

    def __init__(self) -> None:
        self.newest: dict[UUID, HandFedStream] = {}
        self.opened: list[UUID] = []
        self.refusals: list[Exception] = []

    async def open(self, connection_id: UUID) -> HandFedStream:
        self.opened.append(connection_id)
        if self.refusals:
            raise self.refusals.pop(0)
        stream = self.newest[connection_id] = HandFedStream()
        return stream

    async def of(self, connection_id: UUID) -> HandFedStream:
        await until(lambda: connection_id in self.newest)
        return self.newest[connection_id]


class Socket:
    """The server's side of a socket: takes messages, and while it is full makes ``send`` wait."""

    def __init__(self) -> None:
        self.messages: list[dict] = []
        self.room = asyncio.Event()
        self.room.set()

    async def send(self, message: dict) -> None:
        await self.room.wait()
        self.messages.append(message)

    @property
    def frames(self) -> list[dict]:
        return [json.loads(message["text"]) for message in self.messages if message["type"] == "websocket.send"]

    def of_type(self, kind: str) -> list[dict]:
        return [frame for frame in self.frames if frame["type"] == kind]

    def merged(self, connection_id: UUID) -> dict[str, dict]:
        """What a tab shows: snapshots and quotes laid over one another, the count checked on the way."""
        shown: dict[str, dict] = {}
        seq = None
        for frame in self.frames:
            if frame["type"] in ("snapshot", "quotes") and frame["connection"] == str(connection_id):
                assert frame["type"] == "snapshot" or frame["seq"] == seq + 1, "a frame was lost"
                seq = frame["seq"]
                for symbol, figures in frame["quotes"].items():
                    shown.setdefault(symbol, {}).update(figures)
        return shown


async def until(is_so: Callable[[], object], within: float = 30) -> None:
    """Wait for something to come true."""
    end = asyncio.get_running_loop().time() + within
    while not is_so():
        assert asyncio.get_running_loop().time() < end, "it did not come true in time"
        await asyncio.sleep(0.005)


class Reported:
    """Collects news of orders and accounts; can be slow, and can fail."""

    def __init__(self) -> None:
        self.news: list = []
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()
        self.failures = 0

    async def __call__(self, connection_id: UUID, news: list) -> None:
        await self.may_go_on.wait()
        if self.failures:
            self.failures -= 1
            raise RuntimeError("the database is away")
        self.news.extend((connection_id, one) for one in news)


@asynccontextmanager
async def open_tab(hub: Hub, user: object = 1):
    socket = Socket()
    tab = Mailbox(socket.send)
    hub.join(user, tab)
    yield tab, socket
    hub.leave(user, tab)


def instruments(*symbols: str) -> list[Instrument]:
    return [parse_instrument(symbol) for symbol in symbols]
