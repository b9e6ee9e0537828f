"""How a connection to a broker is kept: again and again, with pauses that grow, and words for what happened."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from typing import Any

from brokers.domain.bustle import Bustle, bustle
from brokers.errors import BrokerError, NotAuthorized, RateLimited
from brokers.port import StreamState

log = logging.getLogger(__name__)
FORBIDDEN = 403
STARVED = 4
"""A sleep that lasts so many times longer than it was to: this process stood still, not the other side."""


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds. ``quiet``: how long liquid instruments may bring nothing before the feed counts as stale;
    ``settled``: how long a connection must have stood to count as one that works. ``closures``: days without trading
    that no rule foresees; ``bustle``: how markets stand on the wall's clock."""

    opening: float = 10.0
    answer: float = 15.0
    first_delay: float = 0.5
    longest_delay: float = 30.0
    settled: float = 5.0
    quiet: float = 15.0
    longest_quiet: float = 1800.0
    look: float = 0.5
    closures: Mapping[date, str] = field(default_factory=dict)
    bustle: Callable[[Collection[str], datetime, Mapping[date, str]], Bustle] = bustle

    def bustle_now(self, markets: Collection[str]) -> Bustle:
        return self.bustle(markets, datetime.now(timezone.utc), self.closures)


class Lost(Exception):
    """The connection must be remade; the text says why, in words. ``state`` is what to call it meanwhile.

    ``pause``: seconds to wait at the least; 0 is to try again at once; None leaves it to the growing pauses.
    """

    def __init__(
        self, words: str, state: StreamState = StreamState.RECONNECTING, *, pause: float | None = None
    ) -> None:
        super().__init__(words)
        self.state = state
        self.pause = pause


async def keep(
    source: str,
    session: Callable[[], Awaitable[None]],
    say: Callable[[StreamState, str], None],
    timings: Timings,
    *,
    title: str,
    breaks: tuple[type[Exception], ...] = (),
) -> None:
    """Run sessions one after another. Raises only the death of the grant.

    A session that returns wants the next one at once; one that raises is told of and waits its pause. ``breaks``
    are the exceptions of a library that mean a broken connection; ``title`` is the broker's name in words.
    """
    pauses = _Pauses(timings)
    while True:
        started = time.monotonic()
        try:
            await session()
        except NotAuthorized as refused:
            if refused.grant_is_dead:
                raise
            say(StreamState.NOT_ALLOWED if refused.status == FORBIDDEN else StreamState.RECONNECTING, refused.message)
            await asyncio.sleep(pauses.longest())
        except Exception as failure:
            say(*_words(source, failure, title, breaks))
            await asyncio.sleep(pauses.after(failure, time.monotonic() - started))


class _Pauses:
    """Growing, jittered. What asks for none gets none, but not twice running without having worked between."""

    def __init__(self, timings: Timings) -> None:
        self._timings = timings
        self._delay = timings.first_delay
        self._hurried = False

    def after(self, failure: Exception, lasted: float) -> float:
        if lasted > self._timings.settled + self._delay:
            self._delay = self._timings.first_delay
            self._hurried = False
        wanted = _wanted(failure)
        if wanted == 0 and not self._hurried:
            self._hurried = True
            return 0.0
        return self._grown(wanted or 0.0)

    def longest(self) -> float:
        self._delay = self._timings.longest_delay
        return self._grown(0.0)

    def _grown(self, least: float) -> float:
        pause = max(least * random.uniform(1.0, 1.2), self._delay * random.uniform(0.5, 1.0))  # noqa: S311 (jitter)
        self._delay = min(self._delay * 2, self._timings.longest_delay)
        return pause


def _wanted(failure: Exception) -> float | None:
    match failure:
        case Lost():
            return failure.pause
        case RateLimited():
            return failure.retry_after or None
        case _:
            return None


def _words(source: str, failure: Exception, title: str, breaks: tuple[type[Exception], ...]) -> tuple[StreamState, str]:
    match failure:
        case Lost():
            return failure.state, str(failure)
        case BrokerError():
            return StreamState.RECONNECTING, failure.message
        case OSError() | TimeoutError():
            return StreamState.RECONNECTING, f"The connection to {title} broke. Connecting again."
        case _ if isinstance(failure, breaks):
            return StreamState.RECONNECTING, f"The connection to {title} broke. Connecting again."
        case _:
            log.error("the %s stream failed", source, exc_info=failure)
            return StreamState.RECONNECTING, "The stream failed. Connecting again."


async def first_of(*parts: Coroutine[Any, Any, Any]) -> None:
    """Run parts side by side until one ends or fails; the others are stopped, the failure is raised."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def lapse(seconds: float, look: float) -> None:
    """Sleep so long, not counting the time in which this process stood still: what came meanwhile is read first."""
    await silence(asyncio.Event(), seconds, look)


async def silence(heard: asyncio.Event, seconds: float, look: float) -> None:
    """Until nothing was heard for so long, again without the time in which this process stood still."""
    quiet = 0.0
    while quiet < seconds:
        step, began = min(look, seconds - quiet), time.monotonic()
        await asyncio.sleep(step)
        quiet = 0.0 if heard.is_set() else quiet + min(time.monotonic() - began, STARVED * step)
        heard.clear()
