"""Bars for a reader without a script: the same spans that the chart offers, as a table."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from brokers.domain.instruments import Equity, Index, Instrument, Option
from brokers.domain.market import Bar, Interval
from brokers.errors import BrokerError
from brokers.models import Account
from market import bars

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
MOST_ROWS = 200


@dataclass(frozen=True, slots=True)
class Span:
    """One choice of the chart: how long a bar is, and how far back the first look goes."""

    name: str
    label: str
    interval: Interval
    reach: timedelta

    @property
    def is_daily(self) -> bool:
        return not isinstance(self.interval, timedelta)

    @property
    def reach_days(self) -> int:
        return self.reach.days


INTERVALS = (
    Span("1m", "1m", MINUTE, 4 * DAY),
    Span("5m", "5m", 5 * MINUTE, 10 * DAY),
    Span("15m", "15m", 15 * MINUTE, 20 * DAY),
    Span("30m", "30m", 30 * MINUTE, 40 * DAY),
    Span("1h", "1h", 60 * MINUTE, 90 * DAY),
    Span("4h", "4h", 240 * MINUTE, 270 * DAY),
    Span("1d", "1D", "1d", 400 * DAY),
    Span("1w", "1W", "1w", 5 * 366 * DAY),
    Span("1mo", "1M", "1mo", 10 * 366 * DAY),
)


@dataclass(frozen=True, slots=True)
class Table:
    """Newest first. ``problem``: why there is none."""

    span: Span
    bars: tuple[Bar, ...]
    problem: str = ""


def has_extended(instrument: Instrument) -> bool:
    """Whether hours before and after the regular ones are something apart."""
    return isinstance(instrument, Equity | Option | Index)


def table(account: Account, instrument: Instrument, asked: Mapping[str, str]) -> Table:
    named = asked.get("interval", "1d")
    span = next((one for one in INTERVALS if one.name == named), INTERVALS[6])
    extended = "extended" in asked and has_extended(instrument)
    since = timezone.now() - span.reach
    try:
        told = bars.bars_of(account.connection, bars.Asked(instrument, span.interval, since, None, extended))
    except BrokerError as error:
        return Table(span, (), error.message)
    return Table(span, tuple(reversed(told.bars[-MOST_ROWS:])))
