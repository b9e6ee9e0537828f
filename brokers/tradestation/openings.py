"""How many streams may be opened, and how many may be open at once (sections 3.3, 7.7).

Openings belong to the connection's budgets, which its gate keeps for all its calls. Places of open streams are counted
here, by what the broker's headers say of them where they do; a stream too many is not asked for.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase

from brokers.port import AccessToken
from brokers.transport.answers import retry_after_in
from brokers.transport.gate import gate_of
from brokers.upstream.keeping import Lost
from brokers.wire import Request

PLACES = {
    "*/stream/options/chains/*": 10,
    "*/stream/options/quotes*": 10,
    "*/stream/marketdepth/*": 10,
    "/brokerage/stream/accounts/*/orders*": 40,
    "/brokerage/stream/accounts/*/positions*": 40,
}
"""By the streams' paths; of others no limit is published."""
HEADER = "x-concurrency-limit"


class Openings:
    """Of one connection's streams below one address."""

    def __init__(self, token: AccessToken, pause: float) -> None:
        self._gate = gate_of(token)
        self._pause = pause
        self._open: Counter[str] = Counter()
        self._told: dict[str, int] = {}

    @contextmanager
    def place(self, path: str) -> Iterator[None]:
        """A place for a stream for as long as it stands; ``Lost`` when all are taken."""
        kind = _kind(path)
        if kind is not None and self._open[kind] >= self._told.get(kind, PLACES[kind]):
            words = "TradeStation allows no more streams of this kind at once. Waiting for one to end."
            raise Lost(words, pause=self._pause)
        self._open[kind or path] += 1
        try:
            yield
        finally:
            self._open[kind or path] -= 1

    async def count(self, path: str) -> None:
        """One opening more; ``RateLimited`` when there is no budget for it, and then nothing is asked."""
        await asyncio.to_thread(self._gate.open, _request(path))

    async def heard(self, path: str, status: int, headers: Mapping[str, str]) -> None:
        """What the answer to an opening says of the limits."""
        kind, limit = _kind(path), headers.get(HEADER, "")
        if kind is not None and limit.isdecimal():
            self._told[kind] = max(1, int(limit))  # one is always tried: only an answer tells of more again
        wait = retry_after_in(headers)
        await asyncio.to_thread(self._gate.opened, _request(path), status, dict(headers), wait)


def _request(path: str) -> Request:
    return Request("GET", path.partition("?")[0])


def _kind(path: str) -> str | None:
    bare = path.partition("?")[0]
    return next((pattern for pattern in PLACES if fnmatchcase(bare, pattern)), None)
