"""Bars fetched over the quote socket: opened for one question, blocking, within a time limit."""

import json
import time
from datetime import datetime, timedelta, timezone

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from brokers.domain.instruments import Instrument
from brokers.domain.market import Bar, Interval
from brokers.errors import Unavailable
from brokers.tastytrade.candles import Candles, candle_symbol, first_moment, read_bars
from brokers.tastytrade.codec.market import QuotePass
from brokers.tastytrade.sockets import LARGEST_FRAME, frame_log
from brokers.transport import USER_AGENT

PATIENCE_SECONDS, LONGEST_SECONDS = 20.0, 60.0
"""How long nothing new may come, and how long all of it may take: a long chart comes in parts."""


def fetch_bars(
    leave: QuotePass,
    instrument: Instrument,
    interval: Interval,
    start: datetime,
    end: datetime | None,
    *,
    plain: bool,
    extended: bool = False,
) -> list[Bar]:
    """Ask and wait. Raises ``Unavailable`` when the answer does not come whole in time."""
    symbol = candle_symbol(instrument, interval, extended=extended)
    if not leave.url.startswith("wss://") and not plain:
        raise Unavailable("tastytrade named a quote address that is not secure. Try again.", broker="tastytrade")
    candles = Candles(leave.token, symbol, start if isinstance(interval, timedelta) else first_moment(interval, start))
    try:
        _converse(leave.url, candles)
    except (OSError, WebSocketException):
        words = "tastytrade's quote socket did not bring the bars in time. Try again."
        raise Unavailable(words, broker="tastytrade") from None
    return read_bars(candles.rows, interval, start, end, datetime.now(timezone.utc))


def _converse(url: str, candles: Candles) -> None:
    patience = Patience()
    with connect(
        url,
        compression=None,
        max_size=LARGEST_FRAME,
        open_timeout=PATIENCE_SECONDS / 2,
        close_timeout=1,
        user_agent_header=USER_AGENT,
        logger=frame_log,
        proxy=None,
    ) as socket:
        frames = [candles.setup()]
        while not candles.is_whole:
            for frame in frames:
                socket.send(json.dumps(frame, separators=(",", ":")))
            frames = candles.receive(socket.recv(timeout=patience.left(len(candles.rows))))


class Patience:
    """What is left of the time for an answer, begun anew by whatever comes of it."""

    def __init__(self) -> None:
        self._began = self._heard_at = time.monotonic()
        self._heard = 0

    def left(self, heard: int) -> float:
        """In seconds; ``heard`` is how much has come till now."""
        now = time.monotonic()
        if heard > self._heard:
            self._heard, self._heard_at = heard, now
        return max(0.0, min(self._heard_at + PATIENCE_SECONDS, self._began + LONGEST_SECONDS) - now)
