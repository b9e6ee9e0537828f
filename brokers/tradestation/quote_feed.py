"""The quote streams: as many as the watched symbols need, each kept alive, and the watch over the age of data."""

import asyncio
import logging
import time
from collections.abc import Collection, Mapping
from datetime import datetime, timezone
from functools import partial

from brokers.domain.bustle import market_of, markets_of
from brokers.domain.instruments import Instrument
from brokers.errors import UnexpectedReply
from brokers.port import StreamState
from brokers.tradestation.allotment import allot
from brokers.tradestation.chunks import Data, Failed, GoAway, Message, Unreadable
from brokers.tradestation.codec.envelope import listed
from brokers.tradestation.lines import BREAKS, TITLE, Lines, Timings, lost
from brokers.tradestation.quoted import Quotes, read_quoted
from brokers.tradestation.symbols import wire_symbol
from brokers.tradestation.ticks import Ticks
from brokers.upstream.gauge import Gauge
from brokers.upstream.keeping import Lost, first_of, keep
from brokers.upstream.outbox import Outbox
from brokers.upstream.patience import Patience
from brokers.wire import Node

log = logging.getLogger(__name__)
QUOTES = "quotes"
FINAL = ("FAILED,", "NOT ENTITLED")  # of one symbol: it will not come, the others do


class QuoteFeed:
    """What lasts longer than one stream: the wanted instruments, the streams, what these are known to carry.

    ``named``: whose symbols they are, of all that is wanted or still told; ``renamed``: those that were another's, so
    that what was told of them was not told of these; ``carried``: as the port has it.
    """

    def __init__(self, lines: Lines, outbox: Outbox, timings: Timings) -> None:
        self.lines = lines
        self.timings = timings
        self.gauge = Gauge(QUOTES, outbox)
        self._outbox = outbox
        self._wanted: dict[str, Instrument] = {}
        self._named: dict[str, Instrument] = {}
        self._renamed: set[str] = set()
        self.carried: frozenset[Instrument] = frozenset()
        self._rewatch = asyncio.Event()
        self._ticks = Ticks()
        self._lanes: list[Lane] = []
        self._made = 0

    def watch(self, instruments: Collection[Instrument]) -> None:
        wanted = {symbol.upper(): each for each in instruments if (symbol := wire_symbol(each)) is not None}
        if len(wanted) < len(instruments):
            log.info("%d instruments have no symbol at TradeStation that we know", len(instruments) - len(wanted))
        if wanted != self._wanted:
            self._wanted = wanted
            self._rewatch.set()
        known = self._named
        self._renamed.update(symbol for symbol, each in wanted.items() if known.get(symbol, each) != each)
        self._name(known | wanted)

    def _name(self, named: dict[str, Instrument]) -> None:
        self._named = named
        self.carried = frozenset(named[symbol] for symbol in named.keys() - self._wanted.keys())

    async def run(self) -> None:
        """Keep the streams that are needed. Raises only the death of the grant."""
        try:
            while True:
                self._rewatch.clear()
                await self._apply()
                await self._change_or_death()
                await asyncio.sleep(self.timings.gather)
        finally:
            await self._stop(self._lanes)

    async def _apply(self) -> None:
        plan = allot([lane.symbols for lane in self._lanes], self._wanted)
        lanes = self._lanes + [self._new_lane() for _ in plan[len(self._lanes) :]]
        self._lanes = lanes
        for lane, symbols in zip(lanes, plan, strict=True):
            if symbols and (symbols != lane.symbols or not self._renamed.isdisjoint(symbols)):
                lane.carry(symbols)
        self._renamed.clear()
        self._lanes = [lane for lane, symbols in zip(lanes, plan, strict=True) if symbols]
        await self._stop([lane for lane, symbols in zip(lanes, plan, strict=True) if not symbols])
        carried = frozenset().union(*(lane.symbols for lane in self._lanes))
        self._ticks.keep_only(carried)
        self._name({symbol: self._named[symbol] for symbol in self._named.keys() & (carried | self._wanted.keys())})
        if not self._lanes:
            self._outbox.say(QUOTES, StreamState.LIVE)  # nothing is wanted, so nothing is missing

    async def _change_or_death(self) -> None:
        """Wait until something else is watched, no sooner than the last change is a while ago."""
        changes = asyncio.create_task(self._next_change())
        try:
            waiting = {changes, *(lane.task for lane in self._lanes if lane.task is not None)}
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            changes.cancel()
        for task in done:
            task.result()

    async def _next_change(self) -> None:
        await self._rewatch.wait()
        await asyncio.sleep(max(0.0, self.timings.churn - (time.monotonic() - self._opened_at)))

    @property
    def _opened_at(self) -> float:
        return max((lane.carried_at for lane in self._lanes), default=float("-inf"))

    def _new_lane(self) -> "Lane":
        self._made += 1
        return Lane(self, f"{QUOTES} {self._made}")

    async def _stop(self, lanes: Collection["Lane"]) -> None:
        for lane in lanes:
            if lane.task is not None:
                lane.task.cancel()
            self.gauge.drop(lane.name)
        await asyncio.gather(*(lane.task for lane in lanes if lane.task is not None), return_exceptions=True)

    # What the streams bring

    def take(self, symbol: str, node: Node) -> None:
        tick = self._ticks.take(symbol, self._named.get(symbol), node, datetime.now(timezone.utc))
        if tick is not None:
            self._outbox.put(tick)

    def take_quotes(self, quotes: Quotes) -> None:
        for news in self._ticks.take_quotes(quotes, self._named, datetime.now(timezone.utc)):
            self._outbox.put(news)

    def markets_of(self, symbols: Collection[str]) -> frozenset[str]:
        """Those in which what is watched of these should move while they are open."""
        watched = [self._wanted[symbol] for symbol in symbols if symbol in self._wanted]
        return markets_of(watched)

    def is_liquid(self, symbol: str) -> bool:
        instrument = self._wanted.get(symbol)
        return instrument is not None and market_of(instrument) is not None


class Lane:
    """One stream of up to a hundred symbols, over its many lives; and the patience of its watchdog."""

    def __init__(self, feed: QuoteFeed, name: str) -> None:
        self.feed = feed
        self.name = name
        self.symbols: frozenset[str] = frozenset()
        self.task: asyncio.Task[None] | None = None
        self.carried_at = float("-inf")
        self.patience = Patience(feed.timings, time.monotonic())
        self._changed = asyncio.Event()

    def carry(self, symbols: frozenset[str]) -> None:
        """Carry these from now on: the stream is opened, or opened anew."""
        self.symbols = symbols
        self.carried_at = time.monotonic()
        self._changed.set()
        if self.task is None:
            self.feed.gauge.expect(self.name)
            say = partial(self.feed.gauge.say, self.name)
            kept = keep(self.name, self._session, say, self.feed.timings, title=TITLE, breaks=BREAKS)
            self.task = asyncio.create_task(kept)

    async def _session(self) -> None:
        self._changed.clear()
        sitting = _Sitting(self)
        await first_of(sitting.listen(), sitting.tend(), self._changed.wait())


class _Sitting:
    """One life of one stream."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._feed = lane.feed
        self._timings = lane.feed.timings
        self._started = time.monotonic()
        self._patience = lane.patience
        self._patience.begin(self._started)
        self._seen: set[str] = set()
        self._delayed: set[str] = set()
        self._refused: set[str] = set()
        self._open = False

    async def listen(self) -> None:
        path = f"/marketdata/stream/quotes/{listed(sorted(self._lane.symbols))}"
        await self._feed.lines.listen(path, self._take, read_quoted)

    def _take(self, message: Message) -> None:
        match message:
            case Quotes():
                self._quotes(message)
            case Data(node):
                self._try_datum(node)
            case Failed(code, _, symbol) if symbol and code.startswith(FINAL):
                self._refused.add(symbol.upper())
                log.info("quote stream: %s for one symbol", code)
            case GoAway() | Failed():
                raise lost(message, self._timings)
            case Unreadable(words):
                log.warning("quote stream: %s", words)
        self._confirm()

    def _quotes(self, quotes: Quotes) -> None:
        self._note_delays(quotes.are_delayed())
        if news := self._seen.intersection(quotes.symbols):
            self._note_news(news)
        self._feed.take_quotes(quotes)
        self._seen.update(quotes.symbols)

    def _try_datum(self, node: Node) -> None:
        try:
            self._datum(node["Symbol"].text().upper(), node)
        except UnexpectedReply as unreadable:
            log.warning("quote stream: %s", unreadable.message)

    def _datum(self, symbol: str, node: Node) -> None:
        if (delayed := _delayed(node)) is not None:
            self._note_delays({symbol: delayed})
        if symbol in self._seen:
            self._note_news({symbol})
        self._seen.add(symbol)
        self._feed.take(symbol, node)

    def _note_delays(self, delays: Mapping[str, bool]) -> None:
        for symbol, delayed in delays.items():
            (self._delayed.add if delayed else self._delayed.discard)(symbol)

    def _note_news(self, symbols: Collection[str]) -> None:
        """Data come beyond the snapshot. Options may stand still by nature, so they prove nothing."""
        if any(map(self._feed.is_liquid, symbols)):
            self._patience.flow(time.monotonic())
        else:
            self._patience.hear(time.monotonic())

    def _confirm(self) -> None:
        """The stream speaks. One that went stale is live again by news only, not by being told the old once more."""
        self._open = True
        if self._patience.is_trusted or not self._markets:
            state = StreamState.DELAYED if self._delayed else StreamState.LIVE
            self._feed.gauge.say(self._lane.name, state)

    @property
    def _markets(self) -> frozenset[str]:
        return self._feed.markets_of(self._lane.symbols - self._refused)

    async def tend(self) -> None:
        """Silence where there should be data is stale."""
        while True:
            await asyncio.sleep(self._timings.look)
            now = time.monotonic()
            if not self._open:
                if now - self._started > self._timings.answer:
                    raise Lost("TradeStation's quote stream does not answer. Connecting again.")
                continue
            markets = self._markets
            if self._patience.stands_still(now, self._timings.bustle_now(markets)) and markets:
                self._patience.stood(now)
                raise Lost("No prices are arriving. Connecting again.", StreamState.STALE, pause=0)


def _delayed(node: Node) -> bool | None:
    flags = node.get("MarketFlags")
    return flags["IsDelayed"].boolean() if flags is not None and "IsDelayed" in flags else None
