"""The quote socket: passes, DXLink sessions, and the watch over the age of data."""

import asyncio
import logging
import time
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta, timezone

from websockets.asyncio.client import ClientConnection

from brokers.domain.bustle import market_of, markets_of
from brokers.domain.instruments import Instrument
from brokers.domain.market import Tick
from brokers.domain.raw import TickBatch
from brokers.port import StreamState
from brokers.tastytrade import dxlink
from brokers.tastytrade.client import TastytradeBroker
from brokers.tastytrade.codec.market import QuotePass
from brokers.tastytrade.sockets import Timings, answered, open_socket
from brokers.upstream.keeping import Lost, first_of
from brokers.upstream.outbox import Outbox
from brokers.upstream.patience import Patience

log = logging.getLogger(__name__)
QUOTES = "quotes"
PASS_LIFE = timedelta(hours=24)
RENEW_BEFORE = timedelta(minutes=10)
SHORTEST_LIFE = timedelta(minutes=1)
CHANGES_AT_ONCE = 8000
CHANGES_A_SECOND = 150


class QuoteFeed:
    """What lasts longer than one socket: the wanted instruments, the pass, the patience of the watchdog."""

    def __init__(self, broker: TastytradeBroker, outbox: Outbox, timings: Timings, *, plain: bool) -> None:
        self.outbox = outbox
        self.timings = timings
        self.instruments: frozenset[Instrument] = frozenset()
        self.markets: frozenset[str] = frozenset()
        self.rewatch = asyncio.Event()
        self.patience = Patience(timings, time.monotonic())
        self._broker = broker
        self._plain = plain
        self._pass: QuotePass | None = None
        self._until = datetime.min.replace(tzinfo=timezone.utc)

    def watch(self, instruments: Collection[Instrument]) -> None:
        wanted = frozenset(instruments)
        if wanted != self.instruments:
            self.instruments = wanted
            self.markets = markets_of(wanted)
            self.rewatch.set()

    async def session(self) -> None:
        """One socket's life; ends by ``Lost`` or another failure."""
        leave = await self._quote_pass()
        async with open_socket(leave.url, self.timings) as socket:
            session = _Session(self, socket, leave)
            await first_of(session.read(), session.write(), session.tend(), answered(socket, self.timings))

    async def _quote_pass(self) -> QuotePass:
        """The pass for the socket: kept while it lasts, fetched anew ahead of its end."""
        now = datetime.now(timezone.utc)
        if self._pass is None or self.pass_runs_out:
            found = await asyncio.to_thread(self._broker.get_quote_pass)
            if not found.url.startswith("wss://") and not self._plain:
                raise Lost("tastytrade named a quote address that is not secure. Asking again.")
            self._pass = found
            self._until = max((found.expires_at or now + PASS_LIFE) - RENEW_BEFORE, now + SHORTEST_LIFE)
        return self._pass

    @property
    def pass_runs_out(self) -> bool:
        return datetime.now(timezone.utc) >= self._until

    def drop_pass(self) -> None:
        self._pass = None


class _Session:
    """One socket's life: a reader, a writer, and one that looks at the clock."""

    def __init__(self, feed: QuoteFeed, socket: ClientConnection, leave: QuotePass) -> None:
        self._feed = feed
        self._socket = socket
        self._state = StreamState.DELAYED if leave.is_delayed else StreamState.LIVE
        self._timings = feed.timings
        self._protocol = dxlink.DXLink(leave.token)
        self._started = time.monotonic()
        self._ready_at: float | None = None
        self._allowance = float(CHANGES_AT_ONCE)
        self._due = asyncio.Event()
        self._watch()

    # reading

    async def read(self) -> None:
        async for frame in self._socket:
            for event in self._protocol.receive(frame, datetime.now(timezone.utc)):
                self._take(event)
            self._due.set()
        raise Lost("tastytrade closed the quote stream. Connecting again.")

    def _take(self, event: dxlink.Event) -> None:
        match event:
            case Tick(instrument):
                self._note_data([instrument])
                self._feed.outbox.put(event)
            case TickBatch(instruments):
                self._note_data(instruments)
                self._feed.outbox.put(event)
            case dxlink.Ready():
                self._ready_at = time.monotonic()
            case dxlink.Unauthorized():
                self._feed.drop_pass()
                raise Lost("tastytrade wants a new pass for quotes. Fetching one.")
            case dxlink.Closed():
                raise Lost("tastytrade closed the quote channel. Connecting again.")
            case dxlink.Fault(_, text):
                log.warning("quote stream: %s", text)

    def _note_data(self, instruments: Iterable[Instrument | None]) -> None:
        """Data came: news, once the snapshot of what is watched must be over. Options may stand still by nature, so
        they prove nothing."""
        now, patience = time.monotonic(), self._feed.patience
        if now >= self._snapshot_until and any(
            each is not None and market_of(each) is not None for each in instruments
        ):
            patience.flow(now)
        else:
            patience.hear(now)
        if not patience.is_stale:
            self._feed.outbox.say(QUOTES, self._state)

    # writing

    async def write(self) -> None:
        while True:
            for frame in self._protocol.to_send():
                await self._pace(frame.count('"symbol"'))
                await self._socket.send(frame)
            self._due.clear()
            await first_of(self._due.wait(), self._feed.rewatch.wait())
            if self._feed.rewatch.is_set():
                self._watch()

    def _watch(self) -> None:
        self._feed.rewatch.clear()
        now = time.monotonic()
        self._snapshot_until = now + self._timings.settled
        self._feed.patience.begin(now)
        if unknown := self._protocol.watch(self._feed.instruments):
            log.info("%d instruments have no streamer symbol that we know", len(unknown))

    async def _pace(self, changes: int) -> None:
        """Keep below the server's limit of subscription changes (section 7.7)."""
        self._allowance -= changes
        if self._allowance < 0:
            await asyncio.sleep(-self._allowance / CHANGES_A_SECOND)
            self._allowance = 0

    # the clock

    async def tend(self) -> None:
        kept_at = self._started
        while True:
            await asyncio.sleep(self._timings.look)
            now = time.monotonic()
            if now - kept_at >= self._timings.keepalive:
                kept_at = now
                self._protocol.keepalive()
                self._due.set()
            self._check(now)

    def _check(self, now: float) -> None:
        if self._ready_at is None:
            if now - self._started > self._timings.answer:
                raise Lost("tastytrade's quote stream does not answer. Connecting again.")
            return
        self._check_age(now)
        if now - self._ready_at > 2 * self._timings.look:
            self._confirm()
        if self._feed.pass_runs_out:
            raise Lost("The pass for quotes runs out. Fetching another.")

    def _confirm(self) -> None:
        """Subscribed, though nothing has traded yet. A feed that went stale needs data to be live again."""
        if self._feed.patience.is_trusted or not self._feed.markets:
            self._feed.outbox.say(QUOTES, self._state)

    def _check_age(self, now: float) -> None:
        """Silence where there should be data is stale."""
        feed = self._feed
        if feed.patience.stands_still(now, self._timings.bustle_now(feed.markets)) and feed.markets:
            feed.patience.stood(now)
            raise Lost("No prices are arriving. Connecting again.", StreamState.STALE)
