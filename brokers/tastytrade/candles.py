"""Bars out of DXLink's candles (section 7.6): the protocol of one question, without a socket."""

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from brokers.domain.instruments import Equity, Index, Instrument, Option
from brokers.domain.market import Bar, Interval
from brokers.errors import Refused, Unavailable
from brokers.tastytrade.compact import NOT_NUMBERS
from brokers.tastytrade.dxlink import CHANNEL, SILENCE_SECONDS
from brokers.tastytrade.symbols import streamer_symbol
from brokers.wire import EPOCH, PRODUCT, Node, decode, optional_text

MINUTE, HOUR, LONGEST_INTERVAL = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NEW_YORK = ZoneInfo("America/New_York")
PERIODS = {"1d": "d", "1w": "w", "1mo": "mo"}
FIELDS = ("eventSymbol", "eventFlags", "time", "open", "high", "low", "close", "volume")
REMOVED, LAST = 2, 8 | 16
"""Flags: the candle is void; the snapshot ends with it, or is cut off there."""


def candle_symbol(instrument: Instrument, interval: Interval, *, extended: bool = False) -> str:
    """``AAPL{=5m,tho=true}``: of shares and what stands on them in regular hours, unless ``extended``."""
    symbol = streamer_symbol(instrument)
    if symbol is None:
        raise Refused(f"{instrument} is not something tastytrade can be asked about.", broker="tastytrade")
    has_hours = isinstance(instrument, Equity | Option | Index) and isinstance(interval, timedelta)
    regular = has_hours and not extended
    return f"{symbol}{{={_period(interval)}{',tho=true' if regular else ''}}}"


def _period(interval: Interval) -> str:
    if not isinstance(interval, timedelta):
        return PERIODS[interval]
    if interval % MINUTE or not MINUTE <= interval <= LONGEST_INTERVAL:
        raise Refused("tastytrade has bars of whole minutes, up to a day.", broker="tastytrade")
    size, unit = (interval // HOUR, "h") if not interval % HOUR else (interval // MINUTE, "m")
    return f"{size if size > 1 else ''}{unit}"


class Candles:
    """The client's side of one question, without a socket: text in, frames out, and rows of candles kept."""

    def __init__(self, token: str, symbol: str, since: datetime) -> None:
        self.rows: dict[int, Node] = {}
        self.is_whole = False
        self._token, self._symbol = token, symbol
        self._since_ms = (since - EPOCH) // timedelta(milliseconds=1)
        self._fields: tuple[str, ...] = FIELDS
        self._tried = False

    def setup(self) -> dict[str, Any]:
        timeouts = dict.fromkeys(("keepaliveTimeout", "acceptKeepaliveTimeout"), SILENCE_SECONDS)
        return {"type": "SETUP", "channel": 0, "version": f"0.1-{PRODUCT}", **timeouts}

    def receive(self, text: str | bytes) -> list[dict[str, Any]]:
        """Take a frame; the answers to it. Raises ``Unavailable`` when the server does not want to serve."""
        message = decode(text, "candles")
        match message["type"].text():
            case "AUTH_STATE":
                return self._auth_state(message["state"].text())
            case "CHANNEL_OPENED":
                return [self._feed_setup(), self._subscription()]
            case "FEED_CONFIG":
                self._configure(message)
            case "FEED_DATA":
                self._take(message["data"])
            case "ERROR" | "CHANNEL_CLOSED":
                code = optional_text(message, "error")[:40] or "an end"
                raise Unavailable(f"tastytrade's quote socket reports {code}. Try again.", broker="tastytrade")
        return []

    def _auth_state(self, state: str) -> list[dict[str, Any]]:
        if state == "AUTHORIZED":
            request = {"service": "FEED", "parameters": {"contract": "AUTO"}}
            return [{"type": "CHANNEL_REQUEST", "channel": CHANNEL, **request}]
        if self._tried:
            raise Unavailable("tastytrade did not accept the pass for quotes. Try again.", broker="tastytrade")
        self._tried = True
        return [{"type": "AUTH", "channel": 0, "token": self._token}]

    def _feed_setup(self) -> dict[str, Any]:
        wanted = {"acceptDataFormat": "COMPACT", "acceptEventFields": {"Candle": list(FIELDS)}}
        return {"type": "FEED_SETUP", "channel": CHANNEL, "acceptAggregationPeriod": 0.1, **wanted}

    def _subscription(self) -> dict[str, Any]:
        wanted = {"type": "Candle", "symbol": self._symbol, "fromTime": self._since_ms}
        return {"type": "FEED_SUBSCRIPTION", "channel": CHANNEL, "add": [wanted]}

    def _configure(self, message: Node) -> None:
        announced = message.get("eventFields")
        if announced is not None and "Candle" in announced:
            self._fields = tuple(name.text() for name in announced["Candle"].items()) or self._fields

    def _take(self, data: Node) -> None:
        for event in self._events(data):
            flags = event["eventFlags"].whole() if "eventFlags" in event else 0
            at = event["time"].whole()
            if flags & REMOVED or any(event.value.get(name) in (None, *NOT_NUMBERS) for name in FIELDS[3:7]):
                self.rows.pop(at, None)
            else:
                self.rows[at] = event
            self.is_whole = self.is_whole or bool(flags & LAST)

    def _events(self, data: Node) -> Iterator[Node]:
        """COMPACT: a type and its values in one row. FULL: objects."""
        parts = list(data.items())
        if parts and isinstance(parts[0].value, dict):
            yield from parts
            return
        for kind, values in zip(parts[::2], parts[1::2], strict=True):
            width = len(self._fields)
            row = [value.value for value in values.items()]
            if kind.text() != "Candle" or len(row) % width:
                raise values.wrong("a row of whole candles")
            for start in range(0, len(row), width):
                yield Node(dict(zip(self._fields, row[start:], strict=False)), values.path)


def read_bars(
    rows: dict[int, Node], interval: Interval, start: datetime, end: datetime | None, now: datetime
) -> list[Bar]:
    """The bars that begin within the time asked for, ascending."""
    bars = [
        _bar(rows[at], first_moment(interval, EPOCH + timedelta(milliseconds=at)), interval, now) for at in sorted(rows)
    ]
    first = start if isinstance(interval, timedelta) else first_moment(interval, start)
    return [bar for bar in bars if first <= bar.at and (end is None or bar.at < end)]


def first_moment(interval: Interval, at: datetime) -> datetime:
    if isinstance(interval, timedelta):
        return at
    day = at.astimezone(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    if interval == "1w":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if interval == "1mo" else day


def _bar(row: Node, at: datetime, interval: Interval, now: datetime) -> Bar:
    volume = row.value.get("volume")
    return Bar(
        at=at,
        open=row["open"].number(),
        high=row["high"].number(),
        low=row["low"].number(),
        close=row["close"].number(),
        volume=None if volume in (None, *NOT_NUMBERS) else row["volume"].number(),
        is_closed=_end(interval, at) <= now,
    )


def _end(interval: Interval, at: datetime) -> datetime:
    """When a span is over; of a day and longer, by New York's calendar: in winter shares trade on past midnight UTC."""
    match interval:
        case timedelta():
            return at + interval
        case "1d":
            after = at + timedelta(days=1)
        case "1w":
            after = at + timedelta(days=7)
        case _:
            after = (at + timedelta(days=31)).replace(day=1)
    return after.replace(tzinfo=NEW_YORK)
