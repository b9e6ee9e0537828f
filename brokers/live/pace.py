"""When feeds tell what changed: at once after a quiet spell, then all together, no more often than so many seconds.

One clock for all feeds of a process: fifty feeds that move wake it twenty times a second, not a thousand times.
"""

import asyncio
import logging
from collections.abc import Callable

logger = logging.getLogger(__name__)


class Pace:
    """For one event loop. ``every``: seconds between two rounds."""

    def __init__(self, every: float) -> None:
        self.every = every
        self._loop = asyncio.get_running_loop()
        self._due: dict[Callable[[], None], None] = {}
        self._timer: asyncio.Handle | None = None
        self._rang_at = float("-inf")

    def plan(self, flush: Callable[[], None]) -> None:
        """Call this at the next round; cheap to repeat."""
        self._due[flush] = None
        if self._timer is None:
            wait = self._rang_at + self.every - self._loop.time()
            self._timer = self._loop.call_later(wait, self._ring) if wait > 0 else self._loop.call_soon(self._ring)

    def forget(self, flush: Callable[[], None]) -> None:
        self._due.pop(flush, None)

    def close(self) -> None:
        self._due.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        self._timer = None
        self._rang_at = self._loop.time()
        due, self._due = self._due, {}
        for flush in due:
            try:
                flush()
            except Exception:
                logger.exception("What changed in a feed could not be told.")
