"""Bars (section 4.3): the broker dates them by their end, the desk by their beginning."""

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from brokers.domain.instruments import Equity, Instrument
from brokers.domain.market import Bar, Interval
from brokers.errors import Refused
from brokers.tradestation.codec.envelope import BROKER, escaped, number, text
from brokers.tradestation.symbols import wire_symbol
from brokers.wire import Node, Request

NEW_YORK = ZoneInfo("America/New_York")
UNITS = {"1d": "Daily", "1w": "Weekly", "1mo": "Monthly"}
LONGEST_SPANS = {"1d": timedelta(days=1), "1w": timedelta(days=7), "1mo": timedelta(days=31)}
INSTANT = timedelta(microseconds=1)
MINUTE, LONGEST_INTERVAL = timedelta(minutes=1), timedelta(minutes=1440)


def bars_request(
    instrument: Instrument,
    interval: Interval,
    start: datetime,
    end: datetime | None,
    now: datetime,
    *,
    extended: bool = False,
) -> Request:
    """Extended hours are those of US shares; of all else the broker has one kind of day."""
    symbol = wire_symbol(instrument)
    if symbol is None:
        raise Refused(f"{instrument} is not something TradeStation can be asked about.", broker=BROKER)
    params = [*_unit(interval), ("firstdate", _moment(start))]
    if end is not None:
        last = end + (interval if isinstance(interval, timedelta) else LONGEST_SPANS[interval])
        params.append(("lastdate", _moment(min(last, now))))
    if extended and isinstance(instrument, Equity) and isinstance(interval, timedelta):
        params.append(("sessiontemplate", "USEQPreAndPost"))
    return Request("GET", f"/marketdata/barcharts/{escaped(symbol)}", tuple(params))


def _unit(interval: Interval) -> list[tuple[str, str]]:
    if not isinstance(interval, timedelta):
        return [("unit", UNITS[interval]), ("interval", "1")]
    if interval % MINUTE or not MINUTE <= interval <= LONGEST_INTERVAL:
        raise Refused("TradeStation has bars of whole minutes, up to a day.", broker=BROKER)
    return [("unit", "Minute"), ("interval", str(interval // MINUTE))]


def _moment(at: datetime) -> str:
    return f"{at.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"


def read_bars(node: Node, interval: Interval, start: datetime, end: datetime | None) -> list[Bar]:
    """The bars that begin within the time asked for, ascending."""
    found: list[Bar] = []
    before = datetime.min.replace(tzinfo=timezone.utc)
    for row in node["Bars"].items():
        ended_at = row["TimeStamp"].instant()
        found.append(_bar(row, _begin(interval, ended_at, before)))
        before = ended_at
    first = start if isinstance(interval, timedelta) else _first_day(interval, start.astimezone(NEW_YORK))
    return [bar for bar in found if first <= bar.at and (end is None or bar.at < end)]


def _begin(interval: Interval, ended_at: datetime, before: datetime) -> datetime:
    """The last bar of a session may be a short one: it begins where the one ``before`` it ended. What ends at midnight
    is of the day that is over then."""
    if isinstance(interval, timedelta):
        return max(ended_at - interval, before)
    return _first_day(interval, (ended_at - INSTANT).astimezone(NEW_YORK))


def _first_day(interval: str, local: datetime) -> datetime:
    day = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=timezone.utc)
    if interval == "1w":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if interval == "1mo" else day


def _bar(row: Node, at: datetime) -> Bar:
    return Bar(
        at=at,
        open=row["Open"].number(),
        high=row["High"].number(),
        low=row["Low"].number(),
        close=row["Close"].number(),
        volume=number(row, "TotalVolume"),
        is_closed=text(row, "BarStatus") != "Open",
    )
