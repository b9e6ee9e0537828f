"""Bars of a connection: how they are asked for by name and time, and for how long an answer is kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from django.core.cache import cache
from django.utils import timezone

from brokers import connections
from brokers.domain.instruments import Instrument
from brokers.domain.market import Bar, Interval
from brokers.models import Connection

NEW_YORK = ZoneInfo("America/New_York")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
INTERVALS: Mapping[str, Interval] = MappingProxyType(
    {f"{minutes}m": minutes * MINUTE for minutes in (1, 2, 3, 5, 10, 15, 30)}
    | {f"{hours}h": hours * HOUR for hours in (1, 2, 4)}
    | {"1d": "1d", "1w": "1w", "1mo": "1mo", "1M": "1mo"}
)
LONG_SPANS = {"1d": DAY, "1w": 7 * DAY, "1mo": 30 * DAY}
USUAL_COUNT = 300
MOST = 40_000
"""Bars between start and end, were there trading day and night."""
KEPT_MOVING, KEPT_PAST = 5, 3600
EARLIEST = datetime(1980, 1, 1, tzinfo=NEW_YORK)


class BadTime(ValueError):
    """What was asked for cannot be; ``name`` is the parameter, the text says what it takes."""

    def __init__(self, name: str, words: str) -> None:
        super().__init__(words)
        self.name = name


@dataclass(frozen=True, slots=True)
class Asked:
    """``end`` None: until now."""

    instrument: Instrument
    interval: Interval
    start: datetime
    end: datetime | None
    extended: bool


@dataclass(frozen=True, slots=True)
class Told:
    """``at``: when the broker was asked."""

    bars: tuple[Bar, ...]
    at: datetime


def read_query(instrument: Instrument, query: Mapping[str, str], now: datetime) -> Asked:
    """From text. Raises ``BadTime``."""
    interval = INTERVALS.get(query.get("interval", "1d"))
    if interval is None:
        raise BadTime("interval", f"Write one of {', '.join(INTERVALS)}.")
    span = interval if isinstance(interval, timedelta) else LONG_SPANS[interval]
    end = _moment("end", query["end"]) if query.get("end") else None
    until = min(end or now, now)
    start = _moment("start", query["start"]) if query.get("start") else max(until - _usual_reach(span), EARLIEST)
    if start >= until:
        raise BadTime("start", "The start must lie before the end, and before now.")
    if (until - start) / span > MOST:
        raise BadTime("start", "That is too much at once: ask for a shorter time or longer bars.")
    return Asked(instrument, interval, start, end, _flag(query.get("extended", "")))


def _usual_reach(span: timedelta) -> timedelta:
    """Some hundred bars: shares are traded in a quarter of all hours."""
    return USUAL_COUNT * span * (1 if span >= DAY else 4) + 3 * DAY


def _moment(name: str, text: str) -> datetime:
    """A day (from midnight in New York) or a time with its zone."""
    try:
        if len(text) == 10:
            found = datetime.combine(date.fromisoformat(text), time.min, NEW_YORK)
        else:
            found = datetime.fromisoformat(text[:40].replace(" ", "+"))
        if found.tzinfo is not None and found >= EARLIEST and found.year < 9999:
            return found
    except (ValueError, OverflowError):
        pass
    raise BadTime(name, "Write a day (2026-11-20) or a time with its zone (2026-11-20T14:30:00Z), from 1980 on.")


def _flag(text: str) -> bool:
    if text.lower() not in ("", "0", "1", "true", "false"):
        raise BadTime("extended", "Write true or false.")
    return text.lower() in ("1", "true")


def bars_of(connection: Connection, asked: Asked) -> Told:
    """From the broker. What is over is kept for an hour, what still moves for seconds. Raises ``BrokerError``."""
    now = timezone.now()
    key = _key(connection, asked)
    told: Told | None = cache.get(key)
    if told is None:
        broker = connections.broker_for(connection)
        found = broker.get_bars(asked.instrument, asked.interval, asked.start, asked.end, extended=asked.extended)
        told = Told(tuple(found), now)
        is_past = asked.end is not None and asked.end <= now - DAY and all(bar.is_closed for bar in found)
        cache.set(key, told, KEPT_PAST if is_past else KEPT_MOVING)
    return told


def _key(connection: Connection, asked: Asked) -> str:
    """The same question within the same few seconds is the same, though its start moves with the clock."""
    start = int(asked.start.timestamp()) // 60
    end = int(asked.end.timestamp()) if asked.end is not None else ""
    what = f"{asked.instrument}:{asked.interval}:{start}:{end}:{asked.extended:d}".replace(" ", "_")
    return f"bars:{connection.pk}:{what}"
