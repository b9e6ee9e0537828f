"""TradeStation's live upstream: quote streams, account streams and the look at the listing, side by side."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence

from brokers.domain.instruments import Instrument
from brokers.errors import NotAuthorized
from brokers.port import AccessToken, Hosts, StreamEvent, StreamState
from brokers.tradestation.account_feed import ACCOUNT, AccountFeed
from brokers.tradestation.codec.envelope import BROKER, read_error
from brokers.tradestation.lines import Lines, Timings
from brokers.tradestation.quote_feed import QUOTES, QuoteFeed
from brokers.transport import Transport
from brokers.upstream.outbox import Outbox


class TradestationStream:
    """The ``Stream`` port for one connection. All its methods belong to one event loop.

    Tokens and listings are fetched in threads, for they block. "account" turning LIVE means that orders,
    positions and balances must be read again.
    """

    def __init__(
        self, hosts: Hosts, token: AccessToken, accounts: Sequence[str], *, timings: Timings | None = None
    ) -> None:
        timings = timings or Timings()
        self._outbox = Outbox()
        self._lines = Lines(hosts.api, token, timings)
        self._quotes = QuoteFeed(self._lines, self._outbox, timings)
        self._account: AccountFeed | None = None
        if accounts:
            door = Transport(hosts.api, token, broker=BROKER, read_error=read_error)
            self._account = AccountFeed(self._lines, door, accounts, self._outbox, timings)
        self._tasks: list[asyncio.Task[None]] = []
        self._closed = False

    async def events(self) -> AsyncIterator[list[StreamEvent]]:
        """Batches until ``close`` or a dead grant. To stop reading is to close."""
        if not self._closed:
            self._start()
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
        await self._lines.close()

    def _start(self) -> None:
        self._tasks = [asyncio.create_task(self._quotes.run())]
        if self._account is not None:
            self._tasks += self._account.tasks()
        for task in self._tasks:
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A part ends by itself only when the grant is dead: say so on both sources and stop."""
        if task.cancelled() or self._closed:
            return
        failure = task.exception()
        if isinstance(failure, NotAuthorized):
            for source in (QUOTES, ACCOUNT) if self._account is not None else (QUOTES,):
                self._outbox.say(source, StreamState.SIGN_IN, failure.message)
        self._outbox.close()
        for other in self._tasks:
            other.cancel()
        if failure is not None and not isinstance(failure, NotAuthorized):
            asyncio.get_running_loop().call_exception_handler({"message": "a stream failed", "exception": failure})
