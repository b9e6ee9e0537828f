"""tastytrade's live upstream: the quote socket and the account socket, side by side, each kept alive."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from functools import partial

from websockets.exceptions import WebSocketException

from brokers.domain.instruments import Instrument
from brokers.errors import NotAuthorized
from brokers.port import AccessToken, Hosts, StreamEvent, StreamState
from brokers.tastytrade.account_feed import ACCOUNT, AccountFeed
from brokers.tastytrade.client import TastytradeBroker
from brokers.tastytrade.quote_feed import QUOTES, QuoteFeed
from brokers.tastytrade.sockets import Timings
from brokers.upstream.keeping import keep
from brokers.upstream.outbox import Outbox


class TastytradeStream:
    """The ``Stream`` port for one connection. All its methods belong to one event loop.

    Tokens and quote passes are fetched in threads, for they block. The account socket replays nothing:
    "account" turning LIVE means that orders, positions and balances must be read again.
    """

    def __init__(
        self, hosts: Hosts, token: AccessToken, accounts: Sequence[str], *, timings: Timings | None = None
    ) -> None:
        timings = timings or Timings()
        self._timings = timings
        self._outbox = Outbox()
        plain = not hosts.api.startswith("https://")
        self._quotes = QuoteFeed(TastytradeBroker(hosts, token), self._outbox, timings, plain=plain)
        self._sessions: dict[str, Callable[[], Awaitable[None]]] = {QUOTES: self._quotes.session}
        if accounts and hosts.streamer:
            account = AccountFeed(hosts.streamer, token, accounts, self._outbox, timings)
            self._sessions[ACCOUNT] = account.session
        self._tasks: list[asyncio.Task[None]] = []
        self._closed = False

    async def events(self) -> AsyncIterator[list[StreamEvent]]:
        """Batches until ``close`` or a dead grant. To stop reading is to close."""
        if not self._closed:
            self._tasks = [asyncio.create_task(self._run(source)) for source in self._sessions]
        try:
            while batch := await self._outbox.take():
                yield batch
        finally:
            await self.close()

    def watch(self, instruments: Collection[Instrument]) -> None:
        self._quotes.watch(instruments)

    async def close(self) -> None:
        self._closed = True
        self._outbox.close()
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, source: str) -> None:
        try:
            await keep(
                source,
                self._sessions[source],
                partial(self._outbox.say, source),
                self._timings,
                title="tastytrade",
                breaks=(WebSocketException,),
            )
        except NotAuthorized as refused:
            self._end(refused)

    def _end(self, refused: NotAuthorized) -> None:
        """The grant is dead: say so on both sockets and stop."""
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()
        for source in self._sessions:
            self._outbox.say(source, StreamState.SIGN_IN, refused.message)
        self._outbox.close()
