"""The Greeks of what is watched: a chain stream for each underlying and expiration, the quote streams have none."""

import asyncio
import logging
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from decimal import Decimal

import httpx2

from brokers.domain.instruments import Instrument, Option
from brokers.domain.market import Tick
from brokers.errors import NotAuthorized, Refused, UnexpectedReply
from brokers.port import StreamState
from brokers.tradestation.calls import Calls
from brokers.tradestation.chunks import Data, Failed, GoAway, Message, Unreadable
from brokers.tradestation.codec.greeks import chain_path, read_greeks
from brokers.tradestation.codec.market import read_strikes, strikes_request
from brokers.tradestation.lines import BREAKS, TITLE, Lines, Timings, lost
from brokers.tradestation.series import Series, by_series, largest
from brokers.tradestation.symbols import wire_symbol
from brokers.upstream.keeping import FORBIDDEN, Lost, first_of, keep
from brokers.upstream.outbox import Outbox
from brokers.wire import Node

log = logging.getLogger(__name__)
GREEKS = "greeks"
FINAL = ("FAILED,", "NOT ENTITLED", "BadRequest")
UNLISTED = (400, 404)
UNKNOWN: dict[str, Decimal | None] = dict.fromkeys(("delta", "gamma", "theta", "vega", "rho", "volatility"))


class Unlisted(Lost):
    """There are no such options, or none that this person may see: not to be asked for again soon."""

    def __init__(self, words: str, timings: Timings) -> None:
        super().__init__(words, StreamState.NOT_ALLOWED, pause=timings.forbidden)


class ChainLines(Lines):
    """Chain streams, whose addresses may name what does not exist."""

    def _refusal(self, response: httpx2.Response, token: str) -> Lost:
        if response.status_code in UNLISTED:
            return Unlisted("TradeStation has no such option chain.", self._timings)
        return super()._refusal(response, token)


class GreeksFeed:
    """The wanted options and the chain streams they need. It tells ticks and no state: prices flow without it."""

    def __init__(self, lines: ChainLines, calls: Calls, outbox: Outbox, timings: Timings) -> None:
        self.lines = lines
        self.calls = calls
        self.timings = timings
        self._outbox = outbox
        self._wanted: dict[str, Option] = {}
        self._rewatch = asyncio.Event()
        self._lanes: dict[Series, Lane] = {}
        self._refused: dict[Series, float] = {}
        self._moved_at = float("-inf")

    def watch(self, instruments: Collection[Instrument]) -> None:
        options = [each for each in instruments if isinstance(each, Option)]
        wanted = {symbol.upper(): each for each in options if (symbol := wire_symbol(each)) is not None}
        fresh = wanted.keys() - self._wanted.keys()
        if wanted != self._wanted:
            self._wanted = wanted
            self._rewatch.set()
        for symbol in fresh:  # a stream may already carry it, and tells it again only when it changes
            for lane in self._lanes.values():
                if symbol in lane.known:
                    lane.show(symbol, lane.known[symbol])

    async def run(self) -> None:
        """Keep the streams that are needed. Raises only the death of the grant."""
        try:
            while True:
                self._rewatch.clear()
                await self._apply()
                await self._change_or_death()
                await asyncio.sleep(self.timings.gather)
        finally:
            await _stop(list(self._lanes.values()))

    async def _apply(self) -> None:
        now = time.monotonic()
        self._refused = {series: until for series, until in self._refused.items() if until > now}
        groups = by_series(self._wanted.values())
        open_to_us = {series: options for series, options in groups.items() if series not in self._refused}
        plan = largest(open_to_us, self._lanes)
        gone = [self._lanes.pop(series) for series in self._lanes.keys() - set(plan)]
        await _stop(gone)
        for lane in gone:
            lane.forget()
        moved = [self._lane(series).carry(groups[series]) for series in plan]
        if gone or any(moved):
            self._moved_at = time.monotonic()

    def _lane(self, series: Series) -> "Lane":
        if series not in self._lanes:
            self._lanes[series] = Lane(self, series)
        return self._lanes[series]

    async def _change_or_death(self) -> None:
        changes = asyncio.create_task(self._next_change())
        try:
            waiting = {changes, *(lane.task for lane in self._lanes.values() if lane.task is not None)}
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            changes.cancel()
        for task in done:
            task.result()

    async def _next_change(self) -> None:
        """Until something else is watched or a refusal is old enough, no sooner than the last move is a while ago."""
        lapse = min(self._refused.values(), default=None)
        with suppress(TimeoutError):
            patience = None if lapse is None else max(0.0, lapse - time.monotonic())
            await asyncio.wait_for(self._rewatch.wait(), patience)
        await asyncio.sleep(max(0.0, self.timings.churn - (time.monotonic() - self._moved_at)))

    # What the streams bring

    def refuse(self, series: Series) -> None:
        """Its place is for another."""
        self._refused[series] = time.monotonic() + self.timings.forbidden
        self._rewatch.set()

    def take(self, symbol: str, values: Mapping[str, Decimal | None]) -> bool:
        """Whether it is watched, and so was told."""
        option = self._wanted.get(symbol)
        if option is None or not values:
            return False
        self._outbox.put(Tick(option, dict(values), datetime.now(timezone.utc)))
        return True


class Lane:
    """One chain stream over its many lives. ``known``: what this life told, by the broker's symbol."""

    def __init__(self, feed: GreeksFeed, series: Series) -> None:
        self.feed = feed
        self.series = series
        self.known: dict[str, dict[str, Decimal | None]] = {}
        self.task: asyncio.Task[None] | None = None
        self._shown: set[str] = set()
        self._heard_at = float("-inf")
        self._carried: frozenset[Option] = frozenset()
        self._listed: Sequence[Decimal] = ()
        self._changed = asyncio.Event()

    def carry(self, options: frozenset[Option]) -> bool:
        """Carry these from now on; whether the stream is opened for it. One that tells of more is left as it is."""
        told = all(each in self._carried or wire_symbol(each) in self.known for each in options)
        if told and 2 * len(options) >= len(self._carried):
            return False
        self._carried = options
        self._changed.set()
        if self.task is None:
            kept = keep(GREEKS, self._session, self._say, self.feed.timings, title=TITLE, breaks=BREAKS)
            self.task = asyncio.create_task(kept)
        return True

    def _say(self, state: StreamState, words: str) -> None:
        log.info("chain stream: %s: %s", state, words)
        if state is StreamState.NOT_ALLOWED or time.monotonic() - self._heard_at > self.feed.timings.quiet:
            self.forget()

    def show(self, symbol: str, values: Mapping[str, Decimal | None]) -> None:
        if self.feed.take(symbol, values):
            self._shown.add(symbol)

    def forget(self) -> None:
        """Nobody renews what was told: it is unknown from now on."""
        shown, self._shown = self._shown, set()
        for symbol in shown:
            self.feed.take(symbol, UNKNOWN)

    async def _session(self) -> None:
        self._changed.clear()
        self.known.clear()
        try:
            path = await self._path()
            await first_of(self.feed.lines.listen(path, self._take), self._changed.wait())
        except Unlisted:
            self.feed.refuse(self.series)
            raise

    async def _path(self) -> str:
        options, series = self._carried, self.series
        try:
            if not {option.strike for option in options} <= set(self._listed):
                self._listed = await asyncio.to_thread(self._ask_strikes)
            return chain_path(series.underlying, series.expiry, options, self._listed)
        except NotAuthorized as refused:
            if refused.grant_is_dead or refused.status != FORBIDDEN:
                raise
            raise Lost(refused.message, StreamState.NOT_ALLOWED, pause=self.feed.timings.forbidden) from None
        except Refused as refused:
            raise Unlisted(refused.message, self.feed.timings) from None

    def _ask_strikes(self) -> list[Decimal]:
        return self.feed.calls.ask(strikes_request(self.series.underlying, self.series.expiry), read_strikes)

    def _take(self, message: Message) -> None:
        self._heard_at = time.monotonic()
        match message:
            case Data(node):
                self._try_datum(node)
            case Failed(code, _, symbol) if code.startswith(FINAL):
                if symbol.upper() in ("", wire_symbol(self.series.underlying)):
                    raise Unlisted(f"TradeStation does not tell of this chain: {code}.", self.feed.timings)
                log.info("chain stream: %s for one option", code)
            case GoAway() | Failed():
                raise lost(message, self.feed.timings)
            case Unreadable(words):
                log.warning("chain stream: %s", words)

    def _try_datum(self, node: Node) -> None:
        try:
            symbol, values = read_greeks(node)
        except UnexpectedReply as unreadable:
            log.warning("chain stream: %s", unreadable.message)
            return
        known = self.known.setdefault(symbol, {})
        news = {name: value for name, value in values.items() if name not in known or known[name] != value}
        known.update(news)
        self.show(symbol, news)


async def _stop(lanes: Collection[Lane]) -> None:
    tasks = [lane.task for lane in lanes if lane.task is not None]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
