"""The DXLink websocket: texts between the socket and the session, moved by the market's ticks."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Collection
from typing import cast
from weakref import WeakKeyDictionary

from starlette.websockets import WebSocket, WebSocketDisconnect

from brokers.domain.instruments import Instrument
from brokers.simulator.tastytrade.dxlink.feed import MarketFeed
from brokers.simulator.tastytrade.dxlink.session import Limits, Session
from brokers.simulator.tastytrade.outbox import Outbox, both, drop, next_text
from brokers.simulator.world import World

LARGEST_REQUEST = 65_536
TOO_BIG = 1009
FEEDS: WeakKeyDictionary[World, MarketFeed] = WeakKeyDictionary()
SESSIONS: WeakKeyDictionary[World, Counter[str]] = WeakKeyDictionary()


class QuoteSocket:
    """One connection: a session, its outbox, and the market's ticks."""

    def __init__(self, socket: WebSocket) -> None:
        self.socket = socket
        self.world = cast(World, socket.app.state.world)
        self.outbox = Outbox()
        self.admitted: str | None = None
        switches = self.world.switches
        limits = Limits(keepalive=switches.dxlink_keepalive, always_compact=switches.dxlink_always_compact)
        self.session = Session(
            self.world.authority.quote_user, feed_of(self.world), time.monotonic(), limits, self.admit
        )

    def admit(self, user: str) -> bool:
        """Whether the person may have one session more; counts it when so."""
        running = SESSIONS.setdefault(self.world, Counter())
        if running[user] >= self.world.switches.dxlink_sessions:
            return False
        running[user] += 1
        self.admitted = user
        return True

    async def serve(self) -> None:
        await self.socket.accept()
        self.world.tick_listeners.add(self.moved)
        try:
            await both(self.receive, self.send)
        finally:
            self.world.tick_listeners.discard(self.moved)
            if self.admitted is not None:
                SESSIONS[self.world][self.admitted] -= 1

    def moved(self, changed: Collection[Instrument]) -> None:
        now, faults = time.monotonic(), self.world.faults
        self.session.feed = feed_of(self.world)
        if self.outbox.too_much or faults.on_stream("dxlink_close"):
            drop(self.socket)
            return
        if (fault := faults.struck("dxlink_error")) is not None:
            self.outbox.put(*self.session.complain(fault.kind, now))
        if faults.on_stream("dxlink_channel_closed") and self.session.channels:
            self.outbox.put(*self.session.close_channels(now))
        if self.session.changed(changed) and not self.outbox.texts and not self.is_silent():
            self.outbox.put(*self.session.flush(now))
        if beats := self.session.beat(now):
            self.outbox.put(*beats)

    def is_silent(self) -> bool:
        return self.world.faults.on_stream("dxlink_silent")

    async def receive(self) -> None:
        while True:
            text = await next_text(self.socket)
            await asyncio.sleep(0)  # what waits to be read is no reason to let the others wait
            if self.session.close_code is not None:
                continue
            if len(text) > LARGEST_REQUEST:
                self.session.close_code = TOO_BIG
            self.session.feed = feed_of(self.world)
            answers = self.session.receive(text, time.monotonic()) if self.session.close_code is None else []
            if self.is_silent():
                answers = [answer for answer in answers if not answer.startswith('{"type":"FEED_DATA"')]
            self.outbox.put(*answers)

    async def send(self) -> None:
        """Send what waits; a slow client makes data wait in the session, where they are replaced by newer ones."""
        while True:
            await self.outbox.bell.wait()
            for text in self.outbox.take():
                await self.socket.send_text(text)
            if self.session.close_code is not None and not self.outbox.texts:
                await self.socket.close(self.session.close_code)
                return


def feed_of(world: World) -> MarketFeed:
    """The feed of the present market: one for all sockets, made anew after a reset."""
    feed = FEEDS.get(world)
    if feed is None or feed.market is not world.market:
        feed = FEEDS[world] = MarketFeed(world.market, world.faults, world.switches)
    feed.turn(world.ticks)
    return feed


async def dxlink(socket: WebSocket) -> None:
    with contextlib.suppress(WebSocketDisconnect):
        await QuoteSocket(socket).serve()
