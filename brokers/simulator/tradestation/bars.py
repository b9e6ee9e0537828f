"""Bar charts (M2): what may be asked for, what it costs, and the market's bars as the broker writes them."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from datetime import time as time_of_day
from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

from brokers.domain.instruments import Equity, Index, Instrument, Option
from brokers.simulator.market import Market
from brokers.simulator.market.bars import Bar, Interval
from brokers.simulator.tradestation.answers import bad_request, decimal, epoch_ms, failure, moment
from brokers.simulator.tradestation.gate import Ask
from brokers.simulator.tradestation.quotes import is_withheld, symbol_or_404

if TYPE_CHECKING:
    from brokers.simulator.world import World

NEW_YORK = ZoneInfo("America/New_York")
UNITS: dict[str, Literal["minute", "day", "week", "month"]] = {
    "minute": "minute",
    "daily": "day",
    "weekly": "week",
    "monthly": "month",
}
TEMPLATES = ("default", "useqpre", "useqpost", "useqpreandpost", "useq24hour")
LONGEST_INTERVAL = 1440
MOST_BARS = 57_600
MOST_MINUTES = 500_000
MOST_YEARS = 3
CREDITS = 200.0
CREDITS_A_SECOND = 200.0 / 60
FREE = Decimal("0.25")
# Calendar time that holds one bar of a unit while the market trades, and how far back a chart can go.
LENGTHS = {
    "minute": timedelta(minutes=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=31),
}
HOLIDAYS = timedelta(days=5)
OLDEST = timedelta(days=366 * 40)


@dataclass(frozen=True)
class Chart:
    """A chart that was asked for. ``first`` is None where ``back`` bars before ``last`` are meant."""

    interval: Interval
    template: str
    back: int
    first: datetime | None
    last: datetime

    @property
    def is_intraday(self) -> bool:
        return self.interval.unit == "minute"

    @property
    def cost(self) -> Decimal:
        """Credits: two decimals, and nothing up to a quarter."""
        if not self.is_intraday:
            return Decimal(0)
        if self.first is None:
            share = Decimal(self.back * self.interval.count) / 100_000
        else:
            share = Decimal((self.last.date() - self.first.date()).days + 1) / 365
        cost = share.quantize(Decimal("0.01"), ROUND_DOWN)
        return cost if cost > FREE else Decimal(0)


def read_chart(query: Mapping[str, str], now: datetime) -> Chart:
    """The chart in a query; raises ``Failure``."""
    interval = read_interval(query)
    template = query.get("sessiontemplate", "").lower() or "default"
    if template not in TEMPLATES:
        raise bad_request("sessiontemplate must be one of: USEQPre, USEQPost, USEQPreAndPost, USEQ24Hour, Default.")
    if "barsback" in query and "firstdate" in query:
        raise bad_request("barsback and firstdate can't be used together.")
    if "lastdate" in query and "startdate" in query:
        raise bad_request("lastdate and startdate can't be used together.")
    last = _moment(query.get("lastdate") or query.get("startdate"), "lastdate", ends=True) or now
    first = _moment(query.get("firstdate"), "firstdate", ends=False)
    chart = Chart(interval, template, _back(query), first, min(last, now))
    check(chart)
    return chart


def read_interval(query: Mapping[str, str]) -> Interval:
    unit = UNITS.get(query.get("unit", "").lower() or "daily")
    if unit is None:
        raise bad_request("unit must be one of: Minute, Daily, Weekly, Monthly.")
    count = _whole(query.get("interval"), "interval")
    if unit != "minute" and count != 1:
        raise bad_request("interval must be 1 for Daily, Weekly and Monthly bars.")
    if not 1 <= count <= LONGEST_INTERVAL:
        raise bad_request(f"interval must be from 1 to {LONGEST_INTERVAL} minutes.")
    return Interval(count, unit)


def check(chart: Chart) -> None:
    """What a chart may not exceed; raises ``Failure``."""
    if chart.first is not None and chart.first > chart.last:
        raise bad_request("firstdate must be before lastdate.")
    if not chart.is_intraday:
        return
    if chart.back * chart.interval.count > MOST_MINUTES:
        raise bad_request(f"barsback times interval must not be more than {MOST_MINUTES} minutes.")
    if chart.first is not None and chart.first < _years_before(chart.last, MOST_YEARS):
        raise bad_request(f"The dates must not be more than {MOST_YEARS} years apart.")


def _back(query: Mapping[str, str]) -> int:
    back = _whole(query.get("barsback"), "barsback")
    if not 1 <= back <= MOST_BARS:
        raise bad_request(f"barsback must be from 1 to {MOST_BARS}.")
    return back


def _whole(text: str | None, name: str) -> int:
    if text is None or not text.strip():
        return 1
    if not text.strip().isascii() or not text.strip().isdigit() or len(text) > 9:
        raise bad_request(f"{name} must be a whole number.")
    return int(text)


def _moment(text: str | None, name: str, *, ends: bool) -> datetime | None:
    """A moment in a query. A day alone means its beginning in New York, or its end."""
    if not text:
        return None
    try:
        if len(text) <= 10:
            on = date.fromisoformat(text)
            at = datetime.combine(on, time_of_day(23, 59, 59) if ends else time_of_day(), NEW_YORK)
        else:
            at = datetime.fromisoformat(text.replace("Z", "+00:00").replace(" ", "+"))
        return (at if at.tzinfo else at.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise bad_request(f"{name} is not a date or a time.") from None


def _years_before(at: datetime, years: int) -> datetime:
    day_then = min(at.day, 28) if at.month == 2 else at.day
    return at.replace(year=at.year - years, day=day_then) - timedelta(days=1)


# The bars themselves


def chart_bars(market: Market, instrument: Instrument, chart: Chart) -> list[Bar]:
    """The bars of a chart, ascending; the one in progress is the last when the chart goes to the present."""
    if chart.first is not None:
        found = bars_since(market, instrument, chart, chart.first)
        return [bar for bar in found if bar.end > chart.first]
    reach = stretch(market, instrument, chart)
    while True:
        found = bars_since(market, instrument, chart, chart.last - reach)
        if len(found) >= chart.back or reach >= OLDEST:
            return found[-chart.back :]
        reach = min(reach * 2, OLDEST)


def stretch(market: Market, instrument: Instrument, chart: Chart) -> timedelta:
    """Calendar time that should hold the bars of a chart."""
    trading = LENGTHS[chart.interval.unit] * (chart.interval.count * chart.back)
    if market.always_open:
        return trading + LENGTHS[chart.interval.unit] * chart.interval.count
    if not chart.is_intraday:
        return trading * 1.5 + HOLIDAYS if chart.interval.unit == "day" else trading + HOLIDAYS
    if not isinstance(instrument, (Equity, Option, Index)):
        return trading * 1.6 + HOLIDAYS
    return trading * (5.4 if chart.template == "default" else 2.4) + HOLIDAYS


def bars_since(market: Market, instrument: Instrument, chart: Chart, start: datetime) -> list[Bar]:
    """A chart's bars from a moment on, in the hours that its template means."""
    is_share = isinstance(instrument, Equity)
    extended = is_share and chart.template != "default"
    hours: Literal["regular", "extended", "all"] = "regular"
    if extended or not is_share:
        hours = "all" if chart.template == "useq24hour" or not is_share else "extended"
    bars = market.bars(instrument, chart.interval, start, chart.last, hours)
    if extended and chart.is_intraday and chart.template in ("useqpre", "useqpost"):
        return [bar for bar in bars if _in_template(market, bar, chart.template)]
    return bars


def _in_template(market: Market, bar: Bar, template: str) -> bool:
    """Without the other end of the day: pre-market only, or post-market only, beside the regular session."""
    session = market.calendar().session(bar.start)
    at = bar.start.astimezone(NEW_YORK).time()
    noon = time_of_day(12)
    if template == "useqpre":
        return bar.start < session.close_at if session.open_at <= bar.start else at < noon
    return at >= noon or bar.start >= session.open_at


def bar_json(bar: Bar, *, last: bool, now: datetime) -> dict[str, Any]:
    """A bar as it stands; its time is its end, also while it is in progress."""
    open_ = bar.end > now
    unchanged = max(bar.ticks - bar.up_ticks - bar.down_ticks, 0)
    return {
        "High": price(bar.high),
        "Low": price(bar.low),
        "Open": price(bar.open),
        "Close": price(bar.close),
        "TimeStamp": moment(bar.end),
        "TotalVolume": str(bar.volume),
        "DownTicks": bar.down_ticks,
        "DownVolume": bar.down_volume,
        "OpenInterest": str(bar.open_interest),
        "IsRealtime": open_,
        "IsEndOfHistory": last,
        "TotalTicks": bar.ticks,
        "UnchangedTicks": unchanged,
        "UnchangedVolume": max(bar.volume - bar.up_volume - bar.down_volume, 0),
        "UpTicks": bar.up_ticks,
        "UpVolume": bar.up_volume,
        "Epoch": epoch_ms(bar.end),
        "BarStatus": "Open" if open_ else "Closed",
    }


def price(number: float) -> str:
    return decimal(round(number, 8))


# What it costs


@dataclass
class Purse:
    """Credits of one key and user: spent by charts, coming back by and by."""

    left: float = CREDITS
    at: float = field(default_factory=time.monotonic)

    def pay(self, cost: Decimal) -> bool:
        now = time.monotonic()
        self.left = min(CREDITS, self.left + (now - self.at) * CREDITS_A_SECOND)
        self.at = now
        if self.left < cost:
            return False
        self.left -= float(cost)
        return True


_PURSES: "WeakKeyDictionary[World, dict[tuple[str, str], Purse]]" = WeakKeyDictionary()


def pay(ask: Ask, chart: Chart) -> None:
    """Take a chart's credits from the caller's purse; raises ``Failure`` when there are not enough."""
    purses = _PURSES.setdefault(ask.world, {})
    purse = purses.setdefault((ask.caller.client_id, ask.caller.user), Purse())
    if not purse.pay(chart.cost):
        raise failure(429, "Rate quota exceeded")


def get_bars(ask: Ask) -> dict[str, Any]:
    """M2. Data that are not the caller's to see are refused in an answer of 200."""
    now = ask.world.clock.now()
    chart = read_chart(ask.query, now)
    symbol, instrument = symbol_or_404(ask.names, ask.world.market)
    if is_withheld(ask.world, symbol, instrument, ask.path):
        return {"Error": "Failed", "Message": "Not entitled to data for this symbol"}
    pay(ask, chart)
    bars = chart_bars(ask.world.market, instrument, chart)
    if chart.is_intraday and len(bars) > MOST_BARS:
        raise bad_request(f"The dates hold more than {MOST_BARS} bars.")
    return {"Bars": [bar_json(bar, last=bar is bars[-1], now=now) for bar in bars]}
