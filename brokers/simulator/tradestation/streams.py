"""The transport of every stream: an HTTP answer in chunks that never ends by itself, with heartbeats when it is idle.

What a stream says comes from a ``Stream``, which knows nothing of sockets. Chunks and objects are unrelated.
"""

import asyncio
import time
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from starlette.types import Receive, Scope, Send

from brokers.domain.instruments import Instrument
from brokers.simulator.exchange import Event
from brokers.simulator.tradestation.answers import moment
from brokers.simulator.tradestation.limits import Slot
from brokers.simulator.tradestation.rows import line
from brokers.simulator.tradestation.stream_faults import Dialect, Spoiler, goodbye

if TYPE_CHECKING:
    from brokers.simulator.tradestation.gate import Ask
    from brokers.simulator.world import World

CONTENT_TYPES = {
    "v2": "application/vnd.tradestation.streams.v2+json",
    "v3": "application/vnd.tradestation.streams.v3+json",
}
PIECE = 8_192
PATIENCE = 60.0
MOST_WAITING = 4 * 1024 * 1024


class Stream:
    """What one stream says. ``symbols`` and ``accounts`` (wire's name: exchange's number) are for faults to match.

    Lines are whole objects with their CRLF. Between two calls of ``take`` a stream may forget what newer lines
    replace; one that may not gets ``too_much`` when its reader does not keep up.
    """

    dialect: Dialect = "v2"
    content_type = CONTENT_TYPES["v2"]
    symbols: Collection[str] = ()
    accounts: Mapping[str, str] = {}
    slot: Slot | None = None

    def open(self) -> list[bytes]:
        """The snapshot."""
        raise NotImplementedError

    def moved(self, changed: Collection[Instrument]) -> bool:
        """The market moved. Whether there is something to say now."""
        return False

    def happened(self, event: Event) -> bool:
        """The exchange did something. Whether there is something to say now."""
        return False

    def take(self) -> list[bytes]:
        """What is to be said now, once."""
        return []

    @property
    def too_much(self) -> bool:
        """Whether more waits than a reader is allowed to leave waiting."""
        return False

    def close(self) -> None:
        """Nobody reads it any more."""


class Connection:
    """One open stream: an ASGI answer. It listens to the world while it is open, and lets go of all when it ends."""

    def __init__(self, ask: "Ask", stream: Stream) -> None:
        self.ask = ask
        self.world: World = ask.world
        self.market = self.world.market
        self.stream = stream
        self.spoiler = Spoiler(self.world.faults, ask.path, stream.dialect, stream.symbols, stream.accounts)
        self.bell = asyncio.Event()
        self.last_words: list[bytes] = []
        self.words: list[bytes] = []
        self.ended = False
        self.beats = 0
        self.said_at = time.monotonic()
        self.transport: Any = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.transport = scope.get("simulator.transport")
        if scope["method"] == "HEAD":
            self.close()
            await send({"type": "http.response.start", "status": 200, "headers": self.headers()})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        try:
            snapshot = self.stream.open()
            self.world.tick_listeners.add(self.moved)
            self.world.event_listeners.add(self.happened)
            await self._run(receive, send, snapshot)
        finally:
            self.close()

    async def _run(self, receive: Receive, send: Send, snapshot: list[bytes]) -> None:
        """Talk until the client is gone or the stream has ended."""
        tasks = [asyncio.ensure_future(self._listen(receive)), asyncio.ensure_future(self._talk(send, snapshot))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception) and not isinstance(end, OSError):
                raise end

    def headers(self) -> list[tuple[bytes, bytes]]:
        given = {**self.ask.headers, "content-type": self.stream.content_type}
        return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in given.items()]

    def close(self) -> None:
        self.world.tick_listeners.discard(self.moved)
        self.world.event_listeners.discard(self.happened)
        self.stream.close()
        if self.stream.slot is not None:
            self.stream.slot.close()

    # The world's side: nothing here waits

    def moved(self, changed: Collection[Instrument]) -> None:
        if self.ended:
            return
        if self.world.market is not self.market or self.world.closing:  # after a reset what was said is void
            self._end(goodbye(self.stream.dialect))
            return
        if (blow := self.spoiler.blow()) is not None:
            if blow.resets:
                self._reset()
                return
            if blow.ends:
                self._end(blow.words)
                return
            self.words.append(blow.words)
            self.bell.set()
        if self.stream.moved(changed) or self._beat_due():
            self.bell.set()

    def happened(self, event: Event) -> None:
        if self.ended or not self.stream.happened(event):
            return
        self.bell.set()
        if self.stream.too_much:
            self._reset()

    def _end(self, words: bytes) -> None:
        self.last_words.append(words)
        self.ended = True
        self.bell.set()

    def _reset(self) -> None:
        """Drop the connection without a word."""
        self.ended = True
        self.bell.set()
        if self.transport is not None:
            self.transport.abort()

    def _beat_due(self) -> bool:
        return (
            self.stream.dialect != "words" and time.monotonic() - self.said_at >= self.world.switches.stream_heartbeat
        )

    # The socket's side

    async def _listen(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    async def _talk(self, send: Send, snapshot: list[bytes]) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.headers()})
        await self._say(send, self.spoiler.spoil(snapshot, live=False))
        while not self.ended:
            await self.bell.wait()
            self.bell.clear()
            await self._say(send, self._news())
        for words in self.last_words:
            await self._write(send, words)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _news(self) -> list[bytes]:
        lines = self.spoiler.spoil(self.stream.take(), live=True)
        if lines and not self.spoiler.idle and self.spoiler.silences("stream_heartbeats_only"):
            lines = []
        lines += self.words
        self.words = []
        if not lines and not self.ended and self._beat_due():
            self.beats += 1
            lines = [line({"Heartbeat": self.beats, "Timestamp": moment(self.world.clock.now())})]
        return lines

    async def _say(self, send: Send, lines: list[bytes]) -> None:
        if not lines:
            return
        self.said_at = time.monotonic()
        if self.spoiler.silences("stream_silent"):
            return
        await self._write(send, b"".join(lines))

    async def _write(self, send: Send, body: bytes) -> None:
        """Send in pieces of a size that knows nothing of objects. Who does not read for a minute is cut off."""
        pieces = self._cut(body) if self.spoiler.cuts() else [body[i : i + PIECE] for i in range(0, len(body), PIECE)]
        for number, piece in enumerate(pieces):
            if number and len(pieces[0]) < PIECE:
                await asyncio.sleep(0.005)  # so that the pieces do not travel in one packet
            try:
                async with asyncio.timeout(PATIENCE):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            except TimeoutError:
                self._reset()

    def _cut(self, body: bytes) -> list[bytes]:
        dice, pieces, at = self.world.faults.dice, [], 0
        while at < len(body):
            size = dice.randint(1, max(2, min(200, len(body))))
            pieces.append(body[at : at + size])
            at += size
        return pieces


class Waiting:
    """Lines that may not be lost or replaced, until they are taken; bounded."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.size = 0

    def put(self, *lines: bytes) -> None:
        self.lines.extend(lines)
        self.size += sum(map(len, lines))

    def take(self) -> list[bytes]:
        taken, self.lines, self.size = self.lines, [], 0
        return taken

    @property
    def too_much(self) -> bool:
        return self.size > MOST_WAITING
