"""A feed's source where the desk has several processes: one of them owns the upstream, the others hear it from there.

The owner renews its lease twice a second and tells, besides every change, that it lives. A process that no longer hears
it says so to its tabs within a second and a half, and takes over as soon as the lease is free.
"""

import asyncio
import contextlib
import logging
from collections.abc import Collection, Coroutine, Iterable
from typing import Any, Protocol
from uuid import UUID

from redis.exceptions import RedisError

from brokers.domain.instruments import Instrument
from brokers.domain.market import Tick
from brokers.live.lease import RENEW_EVERY, Lease
from brokers.live.switchboard import Switchboard, end
from brokers.live.told import BEAT, BYE, COUNTED, QUOTES, SNAPSHOT, STATUS, Ask, Told, write
from brokers.port import StatusChange, StreamState

logger = logging.getLogger(__name__)
AWAY = (RedisError, OSError)
ASK_EVERY = 1.0
ASK_HOLDS = 5.0
"""Seconds for which what another process wants is watched, unless it asks again."""
SILENT_AFTER = 1.5
CLOCK_WENT_BACK = 4.0
"""After so long a silence an owner with a lower number is heard too: Redis was set back in time."""
PATIENCE_WITH_REDIS = 1.5
"""After Redis came back, the former owner has so long to take its lease again before others try."""
OWNER_IS_SILENT = "The desk's process that has this feed has fallen silent. Another takes over."


class Fed(Protocol):
    """What a source needs of a feed."""

    connection_id: UUID
    statuses: dict[str, StatusChange]

    @property
    def wanted(self) -> set[Instrument]: ...
    @property
    def needs_sign_in(self) -> bool: ...
    def begin(self) -> None: ...
    async def run_upstream(self) -> None: ...
    def keep(self, instruments: Collection[Instrument], seconds: float) -> None: ...
    def tell(self, change: StatusChange) -> None: ...
    def take_told(self, ticks: Iterable[Tick]) -> None: ...
    def fragments_of(self, instruments: Iterable[Instrument]) -> list[str]: ...
    def gone(self) -> None: ...


class SharedSource:
    """One feed's part in this. ``run`` ends only when the broker wants a sign-in."""

    def __init__(self, feed: Fed, board: Switchboard) -> None:
        self._feed = feed
        self._board = board
        self._lease = Lease(board.redis, feed.connection_id, board.process)
        self._told_by = f"blotter:feed:{{{feed.connection_id}}}:told"
        self._asked_by = f"blotter:feed:{{{feed.connection_id}}}:asked"
        self._is_owner = False
        self._seq = 0
        self._fence = 0
        self._heard_at = float("-inf")
        self._asked_at = float("-inf")
        self._wishes: dict[str, Ask] = {}
        self._wished_at: dict[str, float] = {}
        self.gaps = 0

    @property
    def is_heard(self) -> bool:
        """Whether this process has the upstream, and another wants to hear of it."""
        return self._is_owner and bool(self._wishes)

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        self._heard_at = loop.time()
        self._feed.begin()
        await self._board.hear(self._told_by, self._hear_owner)
        await self._board.hear(self._asked_by, self._hear_ask)
        try:
            while not self._feed.needs_sign_in:
                if await self._take():
                    await self._own()
                else:
                    await self._follow(loop.time())
        finally:
            await self._board.leave(self._told_by)
            await self._board.leave(self._asked_by)

    def say_gone(self) -> None:
        """The connection was removed: whoever has its upstream is to end it."""
        self._board.say(self._asked_by, Ask(self._board.process, (), gone=True).text())

    # The owner

    async def _take(self) -> bool:
        if asyncio.get_running_loop().time() - self._board.back_at < PATIENCE_WITH_REDIS and not self._is_owner:
            return False
        with contextlib.suppress(*AWAY):
            return await self._lease.take()
        return False

    async def _own(self) -> None:
        """Until the lease is lost, or the upstream ends for want of a sign-in."""
        logger.info("This process has the upstream of connection %s now.", self._feed.connection_id)
        self._is_owner, self._seq, self._fence = True, 0, self._lease.fence
        try:
            await _first_of(self._feed.run_upstream(), self._renew())
        finally:
            self._say(BYE)
            self._is_owner = False
            self._heard_at = asyncio.get_running_loop().time()
            with contextlib.suppress(*AWAY):
                await asyncio.shield(self._lease.release())

    async def _renew(self) -> None:
        """Ends when another has the lease. While Redis is away nobody can: the upstream is kept."""
        while True:
            with contextlib.suppress(*AWAY):
                if not await self._lease.renew() and not await self._take():
                    logger.warning("Another process has the upstream of connection %s.", self._feed.connection_id)
                    return
                self._fence = self._lease.fence
            self._say(BEAT)
            self._forget_silent()
            await asyncio.sleep(RENEW_EVERY)

    def _forget_silent(self) -> None:
        oldest = asyncio.get_running_loop().time() - ASK_HOLDS
        for process in [process for process, at in self._wished_at.items() if at < oldest]:
            del self._wished_at[process], self._wishes[process]

    def changed(self, fragments: Iterable[str]) -> None:
        """To be told at each flush while ``is_heard``."""
        self._say(QUOTES, fragments)

    def told(self, change: StatusChange) -> None:
        if self._is_owner:
            self._say(STATUS, statuses=(change,))

    def _say(self, kind: str, fragments: Iterable[str] = (), statuses: Iterable[StatusChange] = ()) -> None:
        """Nothing once the lease may be another's."""
        if self._lease.is_sure:
            self._seq += kind in COUNTED
            self._board.say(self._told_by, write(self._fence, self._seq, kind, fragments, statuses))

    def _hear_ask(self, text: str) -> None:
        ask = Ask.read(text)
        if ask.process == self._board.process:
            return
        if ask.gone:
            self._feed.gone()
        elif self._is_owner:
            known = self._wishes.get(ask.process)
            instruments = ask.instruments()
            self._wishes[ask.process] = ask
            self._wished_at[ask.process] = asyncio.get_running_loop().time()
            self._feed.keep(instruments, ASK_HOLDS)
            if ask.anew or known is None or known.symbols != ask.symbols:
                old = () if ask.anew or known is None else known.instruments()
                fresh = self._feed.fragments_of(set(instruments).difference(old))
                self._say(SNAPSHOT, fresh, self._feed.statuses.values())

    # The others

    async def _follow(self, now: float) -> None:
        self._is_owner = False
        if now - self._heard_at > SILENT_AFTER:
            self._say_silent()
        if now - self._asked_at >= ASK_EVERY:
            self._ask()
        await asyncio.sleep(RENEW_EVERY)

    def _say_silent(self) -> None:
        for source in {"quotes", *self._feed.statuses}:
            self._feed.tell(StatusChange(source, StreamState.RECONNECTING, OWNER_IS_SILENT))

    def watch(self) -> None:
        """Something else is wanted now."""
        if not self._is_owner:
            self._ask()

    def _ask(self, *, anew: bool = False) -> None:
        self._asked_at = asyncio.get_running_loop().time()
        symbols = tuple(sorted(str(instrument) for instrument in self._feed.wanted))
        self._board.say(self._asked_by, Ask(self._board.process, symbols, anew).text())

    def _hear_owner(self, text: str) -> None:
        if self._is_owner:
            return
        told = Told.read(text)
        now = asyncio.get_running_loop().time()
        silence = now - self._heard_at
        if told.fence < self._fence and silence < CLOCK_WENT_BACK:
            return
        was_silent = silence > SILENT_AFTER
        self._heard_at = now
        if told.kind == BYE:
            self._heard_at = float("-inf")
        if told.fence != self._fence:
            self._fence, self._seq = told.fence, told.seq
            self._ask(anew=True)
        else:
            self._mind_the_gap(told, was_silent)
        self._feed.take_told(told.ticks)
        for change in told.statuses:
            self._feed.tell(change)

    def _mind_the_gap(self, told: Told, was_silent: bool) -> None:
        expected = self._seq + (told.kind in COUNTED)
        if told.seq != expected or was_silent:
            self.gaps += told.seq != expected
            logger.info("News of connection %s was lost between processes: asking anew.", self._feed.connection_id)
            self._ask(anew=True)
        self._seq = told.seq


async def _first_of(*parts: Coroutine[Any, Any, None]) -> None:
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await end(*tasks)
