"""The live centre of a process: feeds by connection, tabs by person, and the one clock that looks after both."""

import asyncio
import logging
from collections.abc import Collection, Iterable, Iterator
from uuid import UUID

from django.conf import settings

from brokers.domain.greeks import Greeks
from brokers.domain.instruments import Instrument
from brokers.domain.market import Quote
from brokers.live import frames
from brokers.live.feed import Feed, Opener, open_stream
from brokers.live.limits import Limits
from brokers.live.mailbox import TOO_SLOW, Mailbox, View
from brokers.live.pace import Pace
from brokers.live.reports import Reporter, send_signals
from brokers.live.switchboard import Switchboard

logger = logging.getLogger(__name__)
ASK_AGAIN_AFTER = 60.0


class LimitReached(Exception):
    """Too many tabs or symbols; the text says so to the person."""


class Hub:
    """Lives in one event loop at a time. All but ``latest`` and ``drop_soon`` belong to that loop's thread."""

    def __init__(
        self,
        open_stream: Opener = open_stream,
        reporter: Reporter = send_signals,
        limits: Limits | None = None,
        redis_url: str = "",
    ) -> None:
        self.limits = limits or Limits.from_settings()
        self.feeds: dict[UUID, Feed] = {}
        self.tabs: dict[object, set[Mailbox]] = {}
        self._open_stream = open_stream
        self._reporter = reporter
        self._redis_url = redis_url
        self._switchboard: Switchboard | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._clock: asyncio.Task[None] | None = None
        self._pace: Pace | None = None
        self._closing: set[asyncio.Task[None]] = set()

    # Tabs

    def join(self, user_id: object, tab: Mailbox) -> None:
        """Let a person's tab in; ``LimitReached`` when they have too many."""
        tabs = self.tabs.setdefault(user_id, set())
        if len(tabs) >= self.limits.tabs:
            raise LimitReached(f"There are {len(tabs)} tabs open already.")
        tab.owner = user_id
        tabs.add(tab)
        self._start_clock()

    def leave(self, user_id: object, tab: Mailbox) -> None:
        tab.discard()
        for connection_id in list(tab.views):
            if (feed := self.feeds.get(connection_id)) is not None:
                feed.leave(tab)
        tabs = self.tabs.get(user_id, set())
        tabs.discard(tab)
        if not tabs:
            self.tabs.pop(user_id, None)

    def check(self, tab: Mailbox, connection_id: UUID, instruments: Collection[Instrument]) -> set[Instrument]:
        """All that a tab would watch on a connection with these added; ``LimitReached`` when that is too much."""
        watched = self._watched(tab, connection_id)
        wanted = watched.union(instruments)
        more = len(wanted) - len(watched)
        for tabs, most, words in self._bounds(tab):
            if more and sum(each.symbols for each in tabs) + more > most:
                raise LimitReached(words)
        return wanted

    def _bounds(self, tab: Mailbox) -> Iterator[tuple[Collection[Mailbox], int, str]]:
        """Tabs that count together, how many symbols they may watch, and what to say. A key's limit is one more."""
        one, all_together = self.limits.symbols, self.limits.symbols_of_person
        yield (tab,), one, f"A tab can watch at most {one} symbols."
        words = f"All your tabs together can watch at most {all_together} symbols: close some, or watch fewer."
        yield self.tabs.get(tab.owner, ()), all_together, words

    def subscribe(
        self,
        tab: Mailbox,
        connection_id: UUID,
        instruments: Collection[Instrument],
        names: frozenset[str] | None = None,
    ) -> None:
        """Add to what a tab watches and send it the snapshot. ``LimitReached`` changes nothing.

        ``names``: the figures that the tab is told from now on of all it watches on this connection; None leaves
        that as it is, which at first is all of a quote.
        """
        wanted = self.check(tab, connection_id, instruments)
        before = tab.views.get(connection_id)
        is_new = before is None
        if names is None and before is not None:
            names = before.names
        feed = self.feed(connection_id)
        view = feed.show(tab, wanted, names)
        self._send_snapshot(tab, view, feed, instruments)
        if is_new:
            for change in feed.statuses.values():
                tab.post(frames.Frame(frames.status(connection_id, change)))

    def unsubscribe(self, tab: Mailbox, connection_id: UUID, instruments: Collection[Instrument]) -> None:
        """What is left goes on under a new count, which an empty snapshot tells."""
        feed = self.feeds.get(connection_id)
        if feed is not None and connection_id in tab.views:
            names = tab.views[connection_id].names
            view = feed.show(tab, self._watched(tab, connection_id).difference(instruments), names)
            self._send_snapshot(tab, view, feed, ())

    def _watched(self, tab: Mailbox, connection_id: UUID) -> set[Instrument]:
        view = tab.views.get(connection_id)
        return {figures.instrument for figures in view.figures} if view is not None else set()

    def _send_snapshot(self, tab: Mailbox, view: View, feed: Feed, instruments: Iterable[Instrument]) -> None:
        tab.post(view.snapshot({feed.board.figures(instrument) for instrument in instruments}))

    # Feeds

    def feed(self, connection_id: UUID) -> Feed:
        """The connection's feed, opened when it is not; one that wanted a sign-in is tried again."""
        return self._feed(connection_id, again_after=0)

    def _feed(self, connection_id: UUID, again_after: float) -> Feed:
        feed = self.feeds.get(connection_id)
        if feed is None:
            self._start_clock()
            feed = self._new_feed(connection_id)
            feed.keep((), self.limits.linger)
            self.feeds[connection_id] = feed
        feed.start(again_after=again_after)
        return feed

    def _new_feed(self, connection_id: UUID) -> Feed:
        if self._redis_url and self._switchboard is None:
            self._switchboard = Switchboard(self._redis_url)
        return Feed(
            connection_id,
            self._open_stream,
            self._reporter,
            self.limits,
            self._pace,
            self._switchboard,
            self._end,
        )

    async def keep(self, connection_id: UUID, instruments: Collection[Instrument] = (), seconds: float = 120) -> None:
        """Keep a connection's feed up for a while without tabs, with these instruments; repeat to prolong."""
        self._feed(connection_id, ASK_AGAIN_AFTER).keep(instruments, seconds)

    def latest(self, connection_id: UUID, instruments: Iterable[Instrument]) -> dict[Instrument, Quote]:
        """The newest known quotes, from any thread; those of which nothing is known are left out."""
        feed = self.feeds.get(connection_id)
        return feed.board.latest(instruments) if feed is not None else {}

    def latest_greeks(self, connection_id: UUID, instruments: Iterable[Instrument]) -> dict[Instrument, Greeks]:
        """The newest Greeks the broker told, from any thread; those of which it told none are left out."""
        feed = self.feeds.get(connection_id)
        return feed.board.latest_greeks(instruments) if feed is not None else {}

    def drop(self, connection_id: UUID) -> None:
        """End a connection's feed now, in every process: the connection was removed."""
        if (feed := self.feeds.get(connection_id)) is not None:
            feed.say_gone()
        self._end(connection_id)

    def _end(self, connection_id: UUID) -> None:
        feed = self.feeds.pop(connection_id, None)
        if feed is not None:
            for tab in feed.tabs:
                feed.leave(tab)
            self._close_feed(feed)

    def drop_soon(self, connection_id: UUID) -> None:
        """``drop``, from any thread."""
        if self._loop is not None and self._loop.is_running():
            self._loop.call_soon_threadsafe(self.drop, connection_id)

    def reopen_soon(self, connection_id: UUID) -> None:
        """Open a connection's upstream anew, from any thread: its data stood still while the market moved."""
        feed = self.feeds.get(connection_id)
        if feed is not None and self._loop is not None and self._loop.is_running():
            self._loop.call_soon_threadsafe(feed.reopen)

    async def close(self) -> None:
        """End every feed; what they still had to report is written down first."""
        if self._clock is not None:
            self._clock.cancel()
            await asyncio.gather(self._clock, return_exceptions=True)
        feeds, self.feeds, self.tabs = list(self.feeds.values()), {}, {}
        await asyncio.gather(*(feed.close() for feed in feeds), *self._closing, return_exceptions=True)
        if self._switchboard is not None:
            await self._switchboard.close()
            self._switchboard = None
        if self._pace is not None:
            self._pace.close()
        self._clock = self._loop = self._pace = None

    def _close_feed(self, feed: Feed) -> None:
        task = asyncio.create_task(feed.close(), name=f"closing feed {feed.connection_id}")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    # The clock

    def _start_clock(self) -> None:
        loop = asyncio.get_running_loop()
        if self._clock is None or self._clock.done() or self._loop is not loop:
            self._loop = loop
            self._pace = Pace(self.limits.flush_every)
            self._clock = loop.create_task(self._tick(loop), name="live hub")

    async def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        next_beat = loop.time() + self.limits.heartbeat
        while True:
            await asyncio.sleep(self.limits.sweep)
            try:
                self._sweep(loop.time())
                if loop.time() >= next_beat:
                    next_beat = loop.time() + self.limits.heartbeat
                    self._beat()
            except Exception:
                logger.exception("The live hub's round failed.")

    def _beat(self) -> None:
        message = frames.HEARTBEAT
        for tab in self._all_tabs():
            if tab.behind_since is None:
                tab.post(message)

    def _sweep(self, now: float) -> None:
        for user_id, tabs in list(self.tabs.items()):
            for tab in [tab for tab in tabs if tab.behind_since is not None]:
                if now - (tab.behind_since or now) > self.limits.behind:
                    self.leave(user_id, tab)
                    self._hold(tab.shut(TOO_SLOW))
        for feed in list(self.feeds.values()):
            if not feed.sweep(now):
                del self.feeds[feed.connection_id]
                self._close_feed(feed)

    def _all_tabs(self) -> list[Mailbox]:
        return [tab for tabs in self.tabs.values() for tab in tabs]

    def _hold(self, task: asyncio.Task[None]) -> None:
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


hub = Hub(redis_url=settings.REDIS_URL)
