"""How a websocket to tastytrade is opened: patience, no redirects, nothing said in logs."""

import asyncio
import logging
from dataclasses import dataclass

from websockets.asyncio.client import ClientConnection, connect

from brokers.transport import USER_AGENT
from brokers.upstream import keeping
from brokers.upstream.keeping import Lost, lapse

frame_log = logging.getLogger(f"{__name__}.frames")
frame_log.setLevel(logging.WARNING)  # at DEBUG the library writes whole frames, tokens and all
LARGEST_FRAME = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Timings(keeping.Timings):
    """Seconds, also between our signs of life on the account socket, on DXLink, and on any websocket. ``looks``: from
    news of an account to the first look at its orders, and from that to the second."""

    heartbeat: float = 20.0
    keepalive: float = 30.0
    ping: float | None = 10.0
    looks: tuple[float, ...] = (2.0, 4.0)


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
        ping_interval=None,
        user_agent_header=USER_AGENT,
        logger=frame_log,
        proxy=None,
    )


async def answered(socket: ClientConnection, timings: Timings) -> None:
    """Ping for as long as each is answered before the next is due. Our own, for the library's counts a time in which
    this process stood still as silence of the other side."""
    if timings.ping is None:
        await asyncio.Event().wait()
        return
    while True:
        pong = asyncio.ensure_future(await socket.ping())
        await lapse(timings.ping, timings.look)
        if not pong.done():
            raise Lost("tastytrade's socket does not answer. Connecting again.")
