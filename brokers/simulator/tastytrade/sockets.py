"""The two websockets: they move texts between sockets and the sessions, and know nothing of either protocol."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection
from typing import Any, cast
from weakref import WeakKeyDictionary

from starlette.websockets import WebSocket, WebSocketDisconnect

from brokers.domain.instruments import Instrument
from brokers.simulator.exchange import Event, SimBalance, SimOrder, SimPosition
from brokers.simulator.tastytrade.accounts import balance_json
from brokers.simulator.tastytrade.dxlink import Session
from brokers.simulator.tastytrade.events import MarketFeed
from brokers.simulator.tastytrade.orders import order_json
from brokers.simulator.tastytrade.positions import position_json
from brokers.simulator.tastytrade.streamer import AlertSession, notification
from brokers.simulator.tastytrade.symbols import api_symbol
from brokers.simulator.world import World

LARGEST_REQUEST = 65_536
TOO_BIG = 1009
FEEDS: WeakKeyDictionary[World, MarketFeed] = WeakKeyDictionary()


def world_of(socket: WebSocket) -> World:
    return cast(World, socket.app.state.world)


def drop(socket: WebSocket) -> None:
    """End the connection without a closing handshake, as a network does."""
    socket.scope["simulator.transport"].abort()


class Outbox:
    """What waits to be sent on one socket, and the bell that wakes its sender."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.bell = asyncio.Event()

    def put(self, *texts: str) -> None:
        self.texts.extend(texts)
        self.bell.set()

    def take(self) -> list[str]:
        taken, self.texts = self.texts, []
        self.bell.clear()
        return taken


async def both(receiving: Callable[[], Any], sending: Callable[[], Any]) -> None:
    """Run a socket's two halves until one ends; then end the other."""
    tasks = [asyncio.ensure_future(receiving()), asyncio.ensure_future(sending())]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


# DXLink


class QuoteSocket:
    """One DXLink connection: a session, its outbox, and the market's ticks."""

    def __init__(self, socket: WebSocket) -> None:
        self.socket = socket
        self.world = world_of(socket)
        self.outbox = Outbox()
        now = time.monotonic()
        feed = feed_of(self.world)
        keepalive = self.world.switches.dxlink_keepalive
        self.session = Session(self.world.authority.quote_user, feed, now, keepalive)

    async def serve(self) -> None:
        await self.socket.accept()
        self.world.tick_listeners.add(self.moved)
        try:
            await both(self.receive, self.send)
        finally:
            self.world.tick_listeners.discard(self.moved)

    def moved(self, changed: Collection[Instrument]) -> None:
        self.session.feed = feed_of(self.world)
        now = time.monotonic()
        if self.world.faults.on_stream("dxlink_close"):
            drop(self.socket)
            return
        if self.session.changed(changed) and not self.outbox.texts and not self.is_silent():
            self.outbox.put(*self.session.flush(now))
        if beats := self.session.beat(now):
            self.outbox.put(*beats)

    def is_silent(self) -> bool:
        return self.world.faults.on_stream("dxlink_silent")

    async def receive(self) -> None:
        while True:
            text = await self.socket.receive_text()
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
        feed = FEEDS[world] = MarketFeed(world.market)
    feed.turn(world.ticks)
    return feed


async def dxlink(socket: WebSocket) -> None:
    with contextlib.suppress(WebSocketDisconnect):
        await QuoteSocket(socket).serve()


# Account streamer


class AlertSocket:
    """One account-streamer connection: a session, its outbox, and the exchange's events."""

    def __init__(self, socket: WebSocket) -> None:
        self.socket = socket
        self.world = world_of(socket)
        self.outbox = Outbox()
        self.session = AlertSession(
            f"{id(self) & 0xFFFFFFFF:08x}",
            self.world.authority.caller,
            self.world.accounts_of,
            time.monotonic(),
            self.world.switches.connect_shows_value,
        )

    async def serve(self) -> None:
        await self.socket.accept()
        self.world.event_listeners.add(self.happened)
        self.world.tick_listeners.add(self.moved)
        try:
            await both(self.receive, self.send)
        finally:
            self.world.event_listeners.discard(self.happened)
            self.world.tick_listeners.discard(self.moved)

    def moved(self, changed: Collection[Instrument]) -> None:
        if self.world.faults.on_stream("streamer_close") or self.session.is_lost(time.monotonic()):
            drop(self.socket)

    def happened(self, event: Event) -> None:
        if not self.session.wants(event.account_number):
            return
        faults, number = self.world.faults, event.account_number
        if faults.on_stream("streamer_silent", number):
            return
        text = tell(self.world, event)
        if isinstance(event.value, SimOrder):
            symbols = {api_symbol(leg.leg.instrument) for leg in event.value.legs}
            if faults.on_stream("drop_order_frames", number, symbols):
                return
            if faults.on_stream("duplicate_order_frames", number, symbols):
                self.outbox.put(text)
        self.outbox.put(text)

    async def receive(self) -> None:
        while True:
            text = await self.socket.receive_text()
            self.outbox.put(self.session.receive(text, time.monotonic()))

    async def send(self) -> None:
        while True:
            await self.outbox.bell.wait()
            for text in self.outbox.take():
                await self.socket.send_text(text)


def tell(world: World, event: Event) -> str:
    """The notification of an event: always the whole object as it is now."""
    stamp = int(world.clock.now().timestamp() * 1000)
    match event.value:
        case SimOrder() as order:
            return notification("Order", order_json(order, world.market), stamp)
        case SimPosition() as position:
            return notification("CurrentPosition", position_json(position, world.market, world.today()), stamp)
        case SimBalance() as balance:
            return notification("AccountBalance", balance_json(balance, world.today()), stamp)


async def streamer(socket: WebSocket) -> None:
    with contextlib.suppress(WebSocketDisconnect):
        await AlertSocket(socket).serve()
