"""One upstream for each connection: it fills the board, tells its tabs and hands on news of orders.

``Feed.apply`` is the seam: it does not care what brought the events. Nothing is queued, sent or scheduled for a
single tick; it changes the board, and the next flush tells what is then the newest.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import TypeAlias
from uuid import UUID

from channels.db import database_sync_to_async

from brokers.domain.instruments import Instrument
from brokers.domain.market import Tick
from brokers.domain.raw import BATCHES
from brokers.errors import BrokerError, NotAuthorized
from brokers.live import frames
from brokers.live.board import Board
from brokers.live.candle import Candle
from brokers.live.fields import CANDLE
from brokers.live.figures import Figures
from brokers.live.limits import Limits
from brokers.live.mailbox import Mailbox, View
from brokers.live.pace import Pace
from brokers.live.reports import News, Reporter, Reports, send_signals
from brokers.live.sharing import SharedSource
from brokers.live.switchboard import Switchboard, end
from brokers.port import StatusChange, Stream, StreamEvent, StreamState

logger = logging.getLogger(__name__)
Opener: TypeAlias = Callable[[UUID], Awaitable[Stream]]
ViewKey: TypeAlias = tuple[frozenset[Figures], frozenset[str] | None]
CLOSING_TAKES = 5
PRICES = (Tick, *BATCHES)
CONNECTING = StatusChange("quotes", StreamState.RECONNECTING, "Connecting to the broker.")
SIGN_IN_AGAIN = "The broker no longer accepts this connection: connect it again."


async def open_stream(connection_id: UUID) -> Stream:
    """The broker's own stream for all open accounts of a connection."""
    stream: Stream = await database_sync_to_async(_open_stream)(connection_id)
    return stream


def _open_stream(connection_id: UUID) -> Stream:
    from brokers import connections
    from brokers.models import Connection

    connection = Connection.objects.present().filter(pk=connection_id).first()
    if connection is None:
        raise NotAuthorized("This connection was removed.", grant_is_dead=True)
    numbers = connection.accounts.filter(is_closed=False).values_list("number", flat=True)
    return connections.open_stream(connection, list(numbers))


class Feed:
    """To be used in the thread of the event loop only; ``board.latest`` alone may be asked from elsewhere."""

    def __init__(
        self,
        connection_id: UUID,
        open_stream: Opener = open_stream,
        reporter: Reporter = send_signals,
        limits: Limits | None = None,
        pace: Pace | None = None,
        switchboard: Switchboard | None = None,
        on_gone: Callable[[UUID], None] | None = None,
    ) -> None:
        self.connection_id = connection_id
        self.board = Board()
        self.views: dict[ViewKey, View] = {}
        self.statuses: dict[str, StatusChange] = {}
        self.reports = Reports(connection_id, reporter)
        self.limits = limits or Limits()
        self.pace = pace or Pace(self.limits.flush_every)
        self._flush = self.flush  # made once: each tick asks for it
        self._shared = SharedSource(self, switchboard) if switchboard is not None else None
        self._on_gone = on_gone
        self._open_stream = open_stream
        self._loop = asyncio.get_running_loop()
        self._kept: dict[Instrument, float] = {}
        self._kept_until = 0.0
        self._watched: set[Instrument] = set()
        self._has_carried = False
        self._stream: Stream | None = None
        self._task: asyncio.Task[None] | None = None
        self._reopening: asyncio.Task[None] | None = None
        self._stopped_at = float("-inf")

    # What comes from upstream

    def apply(self, events: Sequence[StreamEvent]) -> None:
        """Take a batch of events in their order."""
        ticks = [event for event in events if isinstance(event, PRICES)]
        if ticks and self.board.merge(ticks):
            self.pace.plan(self._flush)
        if len(ticks) < len(events):
            self.reports_of([event for event in events if not isinstance(event, PRICES)])

    def reports_of(self, events: Sequence[StreamEvent]) -> None:
        news: list[News] = []
        for event in events:
            if isinstance(event, StatusChange):
                self.tell(event)
                if event.source == "account" and event.state is StreamState.LIVE:
                    news.append(event)
            elif not isinstance(event, PRICES):
                news.append(event)
        if news:
            self.reports.add(news)

    def tell(self, change: StatusChange) -> None:
        if self.statuses.get(change.source) == change:
            return
        self.statuses[change.source] = change
        if self._shared is not None:
            self._shared.told(change)
        message = frames.Frame(frames.status(self.connection_id, change))
        for tab in self.tabs:
            tab.post(message)

    def flush(self) -> None:
        if self._shared is not None and self._shared.is_heard:
            self._shared.changed(self.board.raw_changes())
        fragments = self.board.take_changes()
        for view in self.views.values():
            view.tell(fragments)

    # What tabs and others want

    @property
    def tabs(self) -> list[Mailbox]:
        return [tab for view in self.views.values() for tab in view.tabs]

    @property
    def wanted(self) -> set[Instrument]:
        """What is watched upstream: the union over the tabs, and what is kept for a while."""
        watched = {figures.instrument for view in self.views.values() for figures in view.figures}
        return watched | self._kept.keys()

    def show(self, tab: Mailbox, instruments: Collection[Instrument], names: frozenset[str] | None = None) -> View:
        """Make this the whole set that a tab watches here. Its next frame follows ``View.snapshot`` with no gap."""
        figures = frozenset(self.board.figures(instrument) for instrument in instruments)
        view = self.views.get((figures, names))
        if view is None or tab not in view.tabs:
            self.leave(tab)
            view = self.views.setdefault((figures, names), View(self.connection_id, figures, names))
            view.tabs.add(tab)
            tab.views[self.connection_id] = view
            self._watch()
        for one in figures if names is not None else ():
            one.is_parted = True
            if names is not None and CANDLE in names:
                one.candle = one.candle or Candle()
        return view

    def leave(self, tab: Mailbox) -> None:
        """What only this tab watched lingers, so that going from page to page loses nothing."""
        view = tab.views.pop(self.connection_id, None)
        if view is None:
            return
        view.tabs.discard(tab)
        if not view.tabs:
            del self.views[view.figures, view.names]
        self.keep([figures.instrument for figures in view.figures], self.limits.linger)

    def keep(self, instruments: Collection[Instrument], seconds: float) -> None:
        """Keep the feed up and these instruments watched for at least so long, tabs or none."""
        until = self._loop.time() + seconds
        self._kept_until = max(self._kept_until, until)
        is_new = False
        for instrument in instruments:
            is_new = is_new or instrument not in self._watched
            self.board.figures(instrument)
            self._kept[instrument] = max(self._kept.get(instrument, 0), until)
        if is_new:
            self._watch()

    def sweep(self, now: float) -> bool:
        """Drop what nobody wants any more. Says whether the feed itself is still wanted."""
        past = [instrument for instrument, until in self._kept.items() if until <= now]
        for instrument in past:
            del self._kept[instrument]
        if past:
            self._watch()
        carried = self._stream.carried() if self._stream is not None else frozenset()
        if past or carried or self._has_carried:
            self._has_carried = bool(carried)
            self.board.keep_only(self._watched, carried)
        return bool(self.views) or now < self._kept_until

    def _watch(self) -> None:
        self._watched = self.wanted
        if self._stream is not None:
            self._stream.watch(self._watched)
        elif self._shared is not None:
            self._shared.watch()

    # What other processes tell and want

    def take_told(self, ticks: Iterable[Tick]) -> None:
        """They come at the pace of the owner's flushes."""
        if self.board.merge(ticks):
            self.flush()

    def fragments_of(self, instruments: Iterable[Instrument]) -> list[str]:
        return self.board.raw(instruments)

    def gone(self) -> None:
        if self._on_gone is not None:
            self._on_gone(self.connection_id)

    def say_gone(self) -> None:
        """The connection was removed: no process is to go on with it."""
        if self._shared is not None:
            self._shared.say_gone()

    # The task that owns the upstream

    def start(self, *, again_after: float = 0) -> None:
        """Open the upstream unless it is; one that stopped for want of a sign-in not before so many seconds."""
        if self._task is None or (self._task.done() and self._loop.time() - self._stopped_at >= again_after):
            self._task = asyncio.create_task(self._run(), name=f"feed {self.connection_id}")

    def reopen(self) -> None:
        """End the upstream as it is; the feed opens another one, as after a lost connection."""
        if self._stream is not None and (self._reopening is None or self._reopening.done()):
            self._reopening = asyncio.create_task(self._stream.close(), name=f"reopening feed {self.connection_id}")

    async def close(self) -> None:
        self.pace.forget(self.flush)
        if self._task is not None:
            await end(self._task)
        await self.reports.drain()

    async def _run(self) -> None:
        if self._shared is not None:
            await self._shared.run()
        else:
            await self.run_upstream()
        self._stopped_at = self._loop.time()

    def begin(self) -> None:
        if self.statuses != {CONNECTING.source: CONNECTING}:
            self.statuses.clear()
            self.tell(CONNECTING)

    async def run_upstream(self) -> None:
        """Keep the broker's stream open, until it wants a sign-in."""
        failures = 0
        self.begin()
        while True:
            had_events = await self._follow()
            if self.needs_sign_in:
                return
            failures = 1 if had_events else failures + 1
            delay = self.limits.retry[min(failures, len(self.limits.retry)) - 1]
            detail = f"The connection to the broker was lost. Trying again in {delay:g} s."
            for source in ("quotes", *(self.statuses.keys() - {"quotes"})):
                self.tell(StatusChange(source, StreamState.RECONNECTING, detail))
            await asyncio.sleep(delay)

    async def _follow(self) -> bool:
        """Open the stream and take what it brings, until it ends or fails. Says whether it brought anything."""
        had_events = False
        try:
            self._stream = await self._open_stream(self.connection_id)
            self._watch()
            async for events in self._stream.events():
                had_events = True
                self.apply(events)
        except NotAuthorized as error:
            if error.grant_is_dead:
                self.tell(StatusChange("quotes", StreamState.SIGN_IN, SIGN_IN_AGAIN))
            else:
                logger.warning("The stream of connection %s was refused: %s", self.connection_id, error)
        except BrokerError as error:
            logger.warning("The stream of connection %s could not be opened: %s", self.connection_id, error)
        except Exception:
            logger.exception("The stream of connection %s failed.", self.connection_id)
        finally:
            await self._close_stream()
        return had_events

    async def _close_stream(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            try:
                async with asyncio.timeout(CLOSING_TAKES):
                    await stream.close()
            except Exception:
                logger.exception("The stream of connection %s could not be closed.", self.connection_id)

    @property
    def needs_sign_in(self) -> bool:
        return any(change.state is StreamState.SIGN_IN for change in self.statuses.values())
