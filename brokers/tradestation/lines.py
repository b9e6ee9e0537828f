"""How an HTTP stream of TradeStation is opened and read: token, silence, refusals (sections 7.1, 7.5, 7.6)."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

import httpx2

from brokers.errors import UnexpectedReply
from brokers.port import AccessToken, StreamState
from brokers.tradestation.chunks import Chunks, Failed, GoAway, Message, Quick
from brokers.tradestation.openings import Openings
from brokers.transport import USER_AGENT
from brokers.upstream import keeping
from brokers.upstream.keeping import Lost, first_of, silence

TITLE = "TradeStation"
BREAKS = (httpx2.TransportError,)
LONGEST_REFUSAL = 64 * 1024
for name in ("httpx2", "httpcore2"):
    logging.getLogger(name).setLevel(logging.WARNING)  # below it, the libraries write whole requests, tokens and all


@dataclass(frozen=True, slots=True)
class Timings(keeping.Timings):
    """Seconds. ``silence``: after which a stream that should beat every 5 s is dead. ``limited``, ``cool_down``,
    ``forbidden``: the least pause after a quota, a DualLogon, a missing right.

    ``gather``: how long changes are gathered before they are told or asked for; ``churn``: the least time between
    two changes of quote streams. ``sweeps``: between the looks at the listing after the last change, then
    ``sweep_open`` while an order is open and ``sweep_idle`` when none is; never two within ``sweep_gap``. A stream
    that kept back what the listing shows is opened anew, but not within ``renew``.
    """

    silence: float = 20.0
    limited: float = 5.0
    cool_down: float = 15.0
    forbidden: float = 1800.0
    gather: float = 0.25
    churn: float = 1.0
    sweeps: tuple[float, ...] = (2.0, 3.0, 10.0, 15.0)
    sweep_open: float = 30.0
    sweep_idle: float = 60.0
    sweep_gap: float = 3.0
    renew: float = 60.0


class Lines:
    """The streams below one address, with one connection's token. To be closed."""

    def __init__(self, base_url: str, token: AccessToken, timings: Timings) -> None:
        self._base_url = base_url
        self._token = token
        self._timings = timings
        self._openings = Openings(token, timings.limited)
        self._refused: str | None = None
        self._client: httpx2.AsyncClient | None = None

    async def listen(self, path: str, take: Callable[[Message], None], quick: Quick | None = None) -> None:
        """Open a stream and hand on what it says until it ends: by ``Lost``, what ``take`` raises, or a failure.

        ``quick`` as for ``Chunks``.
        """
        with self._openings.place(path):
            await self._openings.count(path)
            token = await self._fresh_token()
            heard = asyncio.Event()
            await first_of(self._listen(path, token, take, heard, quick), self._mind(heard))

    async def _mind(self, heard: asyncio.Event) -> None:
        await silence(heard, self._timings.silence, self._timings.look)
        raise Lost("TradeStation's stream fell silent. Connecting again.")

    async def _listen(
        self, path: str, token: str, take: Callable[[Message], None], heard: asyncio.Event, quick: Quick | None
    ) -> None:
        headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}
        async with self._opened().stream("GET", self._base_url + path, headers=headers) as response:
            await self._openings.heard(path, response.status_code, response.headers)
            if response.status_code != 200:
                raise self._refusal(response, token)
            try:
                await _read(response, Chunks(quick), take, heard)
            except UnexpectedReply as unreadable:
                raise Lost(unreadable.message) from None
        raise Lost("TradeStation ended the stream. Connecting again.", pause=0)

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _opened(self) -> httpx2.AsyncClient:
        if self._client is None:
            patience = httpx2.Timeout(self._timings.opening, read=None, pool=None)
            self._client = httpx2.AsyncClient(
                headers={"User-Agent": USER_AGENT},
                timeout=patience,
                limits=httpx2.Limits(max_connections=None, max_keepalive_connections=0),
                trust_env=False,
            )
        return self._client

    async def _fresh_token(self) -> str:
        refused, self._refused = self._refused, None
        return await asyncio.to_thread(lambda: self._token(refused=refused))

    def _refusal(self, response: httpx2.Response, token: str) -> Lost:
        match response.status_code:
            case 401:
                self._refused = token
                return Lost("TradeStation refused our sign-in for a stream. Signing in again.", pause=0)
            case 403:
                words = "TradeStation does not allow this sign-in to read the stream: it lacks the right to it."
                return Lost(words, StreamState.NOT_ALLOWED, pause=self._timings.forbidden)
            case 429:
                words = "TradeStation asks for fewer streams. Waiting before the next try."
                return Lost(words, pause=self._timings.limited)
            case status:
                return Lost(f"TradeStation's stream is not available (status {status}). Trying again.")


async def _read(
    response: httpx2.Response, chunks: Chunks, take: Callable[[Message], None], heard: asyncio.Event
) -> None:
    async for piece in response.aiter_raw():
        heard.set()
        for message in chunks.receive(piece):
            take(message)
    for message in chunks.finish():
        take(message)


def lost(message: GoAway | Failed, timings: Timings) -> Lost:
    """What an end told in the stream means for the next try."""
    match message:
        case GoAway():
            return Lost("TradeStation's server goes down and sends us to another. Connecting again.", pause=0)
        case Failed("DualLogon"):
            words = "The same TradeStation user reads prices elsewhere. Waiting before the next try."
            return Lost(words, pause=timings.cool_down)
        case _:
            return Lost("TradeStation's stream reported a failure. Connecting again.")
