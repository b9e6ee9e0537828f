"""How a websocket to tastytrade is opened and kept: patience, pauses, no redirects, nothing said in logs."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from brokers.errors import BrokerError, NotAuthorized
from brokers.port import StreamState
from brokers.tastytrade.outbox import Outbox
from brokers.transport import USER_AGENT

log = logging.getLogger(__name__)
frame_log = logging.getLogger(f"{__name__}.frames")
frame_log.setLevel(logging.WARNING)  # at DEBUG the library writes whole frames, tokens and all
LARGEST_FRAME = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds. ``quiet``: how long liquid instruments may bring nothing before the feed counts as stale."""

    opening: float = 10.0
    answer: float = 15.0
    first_delay: float = 0.5
    longest_delay: float = 30.0
    settled: float = 5.0
    quiet: float = 15.0
    longest_quiet: float = 1800.0
    heartbeat: float = 20.0
    keepalive: float = 30.0
    look: float = 0.5
    ping: float = 10.0


class Lost(Exception):
    """The socket must be remade; the text says why, in words. ``state`` is what to call it meanwhile."""

    def __init__(self, words: str, state: StreamState = StreamState.RECONNECTING) -> None:
        super().__init__(words)
        self.state = state


class _Unredirected(connect):
    """Does not follow redirects: what is said on the socket is meant for this host."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


def open_socket(url: str, timings: Timings) -> connect:
    return _Unredirected(
        url,
        compression=None,
        max_size=LARGEST_FRAME,
        open_timeout=timings.opening,
        close_timeout=1,
        ping_interval=timings.ping,
        ping_timeout=timings.ping,
        user_agent_header=USER_AGENT,
        logger=frame_log,
        proxy=None,
    )


async def keep(source: str, session: Callable[[], Awaitable[None]], outbox: Outbox, timings: Timings) -> None:
    """Run sessions one after another with growing, jittered pauses. Raises only the death of the grant."""
    delay = timings.first_delay
    while True:
        started = time.monotonic()
        try:
            await session()
        except NotAuthorized as refused:
            if refused.grant_is_dead:
                raise
            delay = timings.longest_delay
            outbox.say(source, StreamState.RECONNECTING, refused.message)
        except Exception as failure:
            outbox.say(source, *_words(source, failure))
        if time.monotonic() - started > timings.settled + delay:
            delay = timings.first_delay
        await asyncio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311 (jitter, not a secret)
        delay = min(delay * 2, timings.longest_delay)


def _words(source: str, failure: Exception) -> tuple[StreamState, str]:
    match failure:
        case Lost():
            return failure.state, str(failure)
        case BrokerError():
            return StreamState.RECONNECTING, failure.message
        case OSError() | TimeoutError() | WebSocketException():
            return StreamState.RECONNECTING, "The connection to tastytrade broke. Connecting again."
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
