"""The account socket: order, balance and position news, with heartbeats that carry a fresh token."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from websockets.asyncio.client import ClientConnection

from brokers.domain.orders import OrderUpdate
from brokers.port import AccessToken, AccountChanged, StreamState
from brokers.tastytrade import alerts
from brokers.tastytrade.second_look import SecondLook
from brokers.tastytrade.sockets import Timings, answered, open_socket
from brokers.upstream.keeping import Lost, first_of, lapse
from brokers.upstream.outbox import Outbox

log = logging.getLogger(__name__)
ACCOUNT = "account"
NEW_YORK = ZoneInfo("America/New_York")


class AccountFeed:
    """What lasts longer than one socket: the accounts, and the token that was refused last."""

    def __init__(self, url: str, token: AccessToken, accounts: Sequence[str], outbox: Outbox, timings: Timings) -> None:
        self._url = url
        self._token = token
        self._accounts = tuple(accounts)
        self._outbox = outbox
        self._timings = timings
        self._used_token = ""
        self._refused_token: str | None = None
        self._look = SecondLook(outbox, timings.looks)

    async def session(self) -> None:
        """One socket's life; ends by ``Lost`` or another failure."""
        token = await self._fresh_token()
        async with open_socket(self._url, self._timings) as socket:
            protocol = alerts.Alerts(self._accounts)
            await socket.send(protocol.connect(token))
            reading, beating = self._read(socket, protocol), self._beat(socket, protocol)
            await first_of(reading, beating, self._look.run(), answered(socket, self._timings))

    async def _fresh_token(self) -> str:
        refused, self._refused_token = self._refused_token, None
        self._used_token = await asyncio.to_thread(lambda: self._token(refused=refused))
        return self._used_token

    async def _read(self, socket: ClientConnection, protocol: alerts.Alerts) -> None:
        async for frame in socket:
            for event in protocol.receive(frame, datetime.now(NEW_YORK).date()):
                self._take(event)
        raise Lost("tastytrade closed the account stream. Connecting again.")

    def _take(self, event: alerts.Event) -> None:
        match event:
            case OrderUpdate() | AccountChanged():
                self._outbox.put(event)
                self._look.heard(event)
            case alerts.Connected():
                self._outbox.say(ACCOUNT, StreamState.LIVE)
            case alerts.Denied(action):
                self._refused_token = self._used_token
                raise Lost(f"tastytrade refused our {action} for account news. Signing in again.")
            case alerts.Fault(text):
                log.warning("account stream: %s", text)

    async def _beat(self, socket: ClientConnection, protocol: alerts.Alerts) -> None:
        """The answer to ``connect`` is awaited; then heartbeats, each answered before the next is due."""
        timings = self._timings
        await lapse(min(timings.answer, timings.heartbeat), timings.look)
        while not protocol.unanswered:
            await socket.send(protocol.heartbeat(await self._fresh_token()))
            await lapse(timings.heartbeat, timings.look)
        raise Lost("tastytrade's account stream does not answer. Connecting again.")
