"""The account streams: orders and positions of up to 25 accounts each, and the look at the listing beside them."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from brokers.domain.orders import OrderUpdate
from brokers.errors import UnexpectedReply
from brokers.port import AccountChanged, StreamState
from brokers.tradestation.chunks import Data, Deleted, EndSnapshot, Failed, GoAway, Message, Unreadable
from brokers.tradestation.codec.envelope import listed
from brokers.tradestation.codec.orders import read_order
from brokers.tradestation.holdings import Holdings
from brokers.tradestation.lines import BREAKS, TITLE, Lines, Timings, lost
from brokers.tradestation.sweep import Sweep
from brokers.tradestation.told import Told
from brokers.transport import Transport
from brokers.upstream.gauge import Gauge
from brokers.upstream.keeping import Lost, first_of, keep, lapse
from brokers.upstream.outbox import Outbox
from brokers.wire import Node

log = logging.getLogger(__name__)
ACCOUNT = "account"
MOST_ACCOUNTS = 25


class AccountFeed:
    """What lasts longer than one stream, for all accounts of a connection.

    A holding or an order that changed is followed by news of the account's positions and balance, without values:
    the stream's are no listing, and there is no stream of balances.
    """

    def __init__(
        self, lines: Lines, door: Transport, accounts: Sequence[str], outbox: Outbox, timings: Timings
    ) -> None:
        self.timings = timings
        self.outbox = outbox
        self.lines = lines
        self.told = Told()
        self._gauge = Gauge(ACCOUNT, outbox)
        self._changed: dict[tuple[str, str], None] = {}
        self._change = asyncio.Event()
        self._door = door
        self._groups = [accounts[at : at + MOST_ACCOUNTS] for at in range(0, len(accounts), MOST_ACCOUNTS)]

    def tasks(self) -> list[asyncio.Task[None]]:
        """Start everything. A task ends by failing with the death of the grant only."""
        started: list[Awaitable[None]] = [self._tell_accounts()]
        for number, group in enumerate(self._groups, start=1):
            started += self._streams(number, group)
        return [asyncio.ensure_future(each) for each in started]

    def _streams(self, number: int, accounts: Sequence[str]) -> list[Awaitable[None]]:
        """What follows one group of accounts: two streams and the look at the listing."""

        def missed(update: OrderUpdate) -> None:
            self._tell(update)
            orders.renew()

        path = f"/brokerage/stream/accounts/{listed(accounts)}"
        sweep = Sweep(self._door, accounts, self.told, self.timings, tell=missed, unlisted=self.outbox.put)
        orders = _OrderStream(self, sweep, f"{path}/orders")
        positions = _PositionStream(self, sweep, f"{path}/positions?changes=true")
        kept = [self._kept(f"orders {number}", orders), self._kept(f"positions {number}", positions)]
        return [sweep.run(), *kept]

    def _kept(self, part: str, stream: "_AccountStream") -> Awaitable[None]:
        self._gauge.expect(part)
        say = partial(self._gauge.say, part)
        session = partial(stream.session, say)
        return keep(f"{ACCOUNT} {part}", session, say, self.timings, title=TITLE, breaks=BREAKS)

    # What the streams and the listing bring

    def order(self, update: OrderUpdate) -> bool:
        """A report of an order; whether it is news."""
        is_news = self.told.is_news(update, time.monotonic())
        if is_news:
            self._tell(update)
        return is_news

    def _tell(self, update: OrderUpdate) -> None:
        """An execution moves a position, whether or not the position stream says so."""
        self.outbox.put(update)
        is_executed = any(state.remaining < state.leg.quantity for state in update.legs)
        self.change(update.account_number, "balance", *(("positions",) if is_executed else ()))

    def change(self, account: str, *whats: str) -> None:
        """Something of an account is another: told in a moment, once."""
        self._changed |= {(account, what): None for what in whats}
        self._change.set()

    async def _tell_accounts(self) -> None:
        while True:
            await self._change.wait()
            await asyncio.sleep(self.timings.gather)
            self._change.clear()
            changed, self._changed = self._changed, {}
            for account, what in changed:
                self.outbox.put(AccountChanged(account, what))


class _AccountStream:
    """One stream over its many lives."""

    def __init__(self, feed: AccountFeed, sweep: Sweep, path: str) -> None:
        self._feed = feed
        self._sweep = sweep
        self._path = path
        self._live = False
        self._opened_at = time.monotonic()
        self._stale = asyncio.Event()

    async def session(self, say: Callable[[StreamState, str], None]) -> None:
        """One life; ends by ``Lost`` or another failure, or to be opened anew."""
        self._live = False
        self._opened_at = time.monotonic()
        self._stale.clear()
        self.begin()
        listen = self._feed.lines.listen(self._path, partial(self._take, say))
        await first_of(listen, self._await_snapshot(), self._stale.wait())

    def renew(self) -> None:
        """It kept something from us: open it anew, unless that was done a short while ago."""
        if time.monotonic() - self._opened_at > self._feed.timings.renew:
            self._stale.set()

    async def _await_snapshot(self) -> None:
        await lapse(self._feed.timings.answer, self._feed.timings.look)
        if not self._live:
            raise Lost("TradeStation's account stream does not answer. Connecting again.")
        await asyncio.Event().wait()

    def _take(self, say: Callable[[StreamState, str], None], message: Message) -> None:
        match message:
            case Data(node):
                self.datum(node)
            case Deleted(name):
                self.deleted(name)
            case EndSnapshot():
                self._live = True
                self.end()
                say(StreamState.LIVE, "")
            case Failed(code, _, _, account) if account:
                log.warning("account stream: %s for one account", code)
            case GoAway() | Failed():
                raise lost(message, self._feed.timings)
            case Unreadable(words):
                log.warning("account stream: %s", words)
                self._sweep.poke()

    @property
    def is_live(self) -> bool:
        """Whether the snapshot is told, so that what comes is new."""
        return self._live

    def begin(self) -> None:
        """A snapshot starts."""

    def end(self) -> None:
        """The snapshot is told."""

    def datum(self, node: Node) -> None:
        raise NotImplementedError

    def deleted(self, name: str) -> None:
        """A position is closed."""


class _OrderStream(_AccountStream):
    def datum(self, node: Node) -> None:
        try:
            update = read_order(node)
        except UnexpectedReply as unreadable:
            self._unread(node, unreadable)
            return
        if self._feed.order(update):
            self._sweep.poke()

    def _unread(self, node: Node, unreadable: UnexpectedReply) -> None:
        """An order that cannot be read is told of: the listing must then be read in its place."""
        log.warning("account stream: %s", unreadable.message)
        account = node.value.get("AccountID")
        if isinstance(account, str) and account:
            self._feed.outbox.put(AccountChanged(account, "orders"))


class _PositionStream(_AccountStream):
    def __init__(self, feed: AccountFeed, sweep: Sweep, path: str) -> None:
        super().__init__(feed, sweep, path)
        self._holdings = Holdings()

    def begin(self) -> None:
        self._holdings.begin()

    def end(self) -> None:
        for account in self._holdings.end():
            self._moved(account)

    def datum(self, node: Node) -> None:
        try:
            account = self._holdings.take(node)
        except UnexpectedReply as unreadable:
            log.warning("account stream: %s", unreadable.message)
            return
        if account is not None and self.is_live:
            self._moved(account)

    def deleted(self, name: str) -> None:
        account = self._holdings.drop(name)
        if account is not None:
            self._moved(account)

    def _moved(self, account: str) -> None:
        """A holding is another one: something was filled, whether or not the order stream says so."""
        self._feed.change(account, "positions", "balance")
        self._sweep.poke()
