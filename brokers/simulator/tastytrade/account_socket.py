"""The account streamer's websocket: it moves texts between a socket, its session and the newsroom."""

import contextlib
import time
from collections.abc import Iterator
from itertools import groupby
from typing import cast

from starlette.websockets import WebSocket, WebSocketDisconnect

from brokers.simulator.authority import Caller
from brokers.simulator.tastytrade import newsroom, notices
from brokers.simulator.tastytrade.alerts import user_external_id
from brokers.simulator.tastytrade.notices import Notice
from brokers.simulator.tastytrade.outbox import Outbox, both, drop, next_text
from brokers.simulator.tastytrade.streamer import WATCHLISTS, AlertSession
from brokers.simulator.world import World

LARGEST_REQUEST = 65_536
TOO_BIG = 1009
LATEST = 2.0  # seconds for which a notification that is to come late is held back
UNKNOWN = '{"type": "SomethingNew", "data": {"account-number": "", "note": "a type that is not in any document"}}'
NOTIFICATION = '{"type":'


class AlertSocket:
    """One account-streamer connection."""

    def __init__(self, socket: WebSocket) -> None:
        self.socket = socket
        self.world = cast(World, socket.app.state.world)
        self.outbox = Outbox()
        self.held: list[tuple[Notice, float]] = []
        switches = self.world.switches
        self.session = AlertSession(
            f"{id(self) & 0xFFFFFFFF:08x}",
            self.caller,
            self.world.accounts_of,
            time.monotonic(),
            shows_value=switches.connect_shows_value,
            patience=switches.streamer_patience,
            user_id_of=user_external_id,
        )

    def caller(self, token: str) -> Caller | None:
        found = self.world.authority.caller(token)
        return found if found is not None and found.broker == "tastytrade" else None

    async def serve(self) -> None:
        await self.socket.accept()
        self.newsroom = newsroom.join(self.world, self)
        try:
            await both(self.receive, self.send)
        finally:
            newsroom.leave(self.newsroom, self)

    # From the newsroom

    def tick(self) -> None:
        """What was held back to come late comes in the end."""
        now = time.monotonic()
        self.let_go([told for told, until in self.held if now >= until])
        if self.outbox.too_much or self.world.faults.on_stream("streamer_close") or self.session.is_lost(now):
            drop(self.socket)

    def deliver(self, told: Notice, account_number: str = "") -> None:
        """Send a notification, unless a fault has something else in mind for it."""
        strikes = self.world.faults.on_stream
        if strikes("streamer_silent", account_number):
            return
        if told.kind == "Order":
            if strikes("drop_order_frames", account_number, told.symbols):
                return
            if strikes("duplicate_order_frames", account_number, told.symbols):
                self.outbox.put(told.text)
        if strikes("unknown_frames", account_number, told.symbols):
            self.outbox.put(UNKNOWN)
        if strikes("reorder_frames", account_number, told.symbols):
            self.held.append((told, time.monotonic() + LATEST))
            return
        self.outbox.put(told.text)
        self.let_go([other for other, _ in self.held if other.kind == told.kind])

    def let_go(self, late: list[Notice]) -> None:
        if late:
            self.held = [(told, until) for told, until in self.held if told not in late]
            self.outbox.put(*(told.text for told in late))

    # From and to the client

    async def receive(self) -> None:
        while True:
            text = await next_text(self.socket)
            if len(text) > LARGEST_REQUEST:
                await self.socket.close(TOO_BIG)
                return
            accounts, watching = set(self.session.accounts), self.session.follows(WATCHLISTS)
            self.outbox.put(self.session.receive(text, time.monotonic()))
            if fresh := self.session.accounts - accounts:
                self.newsroom.expect(fresh)
            if self.session.follows(WATCHLISTS) and not watching:
                for told in self.newsroom.watchlists():
                    self.deliver(told)

    async def send(self) -> None:
        while True:
            await self.outbox.bell.wait()
            for text in self.frames(self.outbox.take()):
                await self.socket.send_text(text)

    def frames(self, texts: list[str]) -> Iterator[str]:
        """One frame a text; with the switch, notifications that wait together go together."""
        if not self.world.switches.streamer_batches:
            yield from texts
            return
        for told, row in groupby(texts, key=lambda text: text.startswith(NOTIFICATION)):
            waiting = list(row)
            yield from notices.batches(waiting) if told else waiting


async def streamer(socket: WebSocket) -> None:
    with contextlib.suppress(WebSocketDisconnect):
        await AlertSocket(socket).serve()
