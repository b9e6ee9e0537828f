"""The extremes of 52 weeks and the days on which they were: looked up once a day and instrument."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

from brokers.domain.instruments import Future, FutureOption, Instrument, Option
from brokers.simulator.market import Market
from brokers.simulator.market.bars import Bar, Interval

NEW_YORK = ZoneInfo("America/New_York")
YEAR = timedelta(days=365)
DAILY = Interval(1, "day")
CANDIDATES = 12


@dataclass(frozen=True, slots=True)
class YearRange:
    """Prices per unit, and the trading days they were seen on."""

    high: Decimal
    high_on: date
    low: Decimal
    low_on: date


class YearRanges:
    """What is known of one market."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.kept: dict[Instrument, tuple[date, YearRange | None]] = {}

    def of(self, instrument: Instrument) -> YearRange | None:
        """None for options, which are too young to have a year."""
        today = self.market.trading_date(self.market.now, instrument)
        known = self.kept.get(instrument)
        if known is None or known[0] != today:
            known = self.kept[instrument] = (today, self._look(instrument))
        return known[1]

    def _look(self, instrument: Instrument) -> YearRange | None:
        if isinstance(instrument, Option | FutureOption):
            return None
        if isinstance(instrument, Future):
            return self._of_bars(self._days(instrument, self.market.now - YEAR))
        found = self.market.year_range(instrument)
        if found is None:
            return None
        low, high = found
        return YearRange(high, self._when(instrument, high, "high"), low, self._when(instrument, low, "low"))

    def _days(self, instrument: Instrument, start: datetime) -> list[Bar]:
        return self.market.bars(instrument, DAILY, start, self.market.now, "all")

    @staticmethod
    def _of_bars(bars: list[Bar]) -> YearRange | None:
        if not bars:
            return None
        high, low = max(bars, key=lambda bar: bar.high), min(bars, key=lambda bar: bar.low)
        return YearRange(_price(high.high), _day(high), _price(low.low), _day(low))

    def _when(self, instrument: Instrument, price: Decimal, end: str) -> date:
        """The day of an extreme: it is among the days that closed nearest to it."""
        today = self.market.trading_date(self.market.now, instrument)
        days = [today, *islice(self._sessions(instrument, today), 364)]
        closes = self.market.closes(instrument, days[1], len(days) - 1)[::-1]
        near = sorted(range(1, len(closes) + 1), key=lambda number: abs(closes[number - 1] - float(price)))
        for number in [0, *near[:CANDIDATES]]:
            bar = self._bar(instrument, days[number])
            if bar is not None and _price(getattr(bar, end)) == price:
                return days[number]
        return days[near[0]] if near else today

    def _sessions(self, instrument: Instrument, day: date) -> Iterator[date]:
        calendar = self.market.calendar(instrument)
        while True:
            day = calendar.previous(day)
            yield day

    def _bar(self, instrument: Instrument, day: date) -> Bar | None:
        start = datetime.combine(day - timedelta(days=1), time(12), NEW_YORK)
        bars = self.market.bars(instrument, DAILY, start, start + timedelta(days=2), "regular")
        return next((bar for bar in bars if _day(bar) == day), None)


def _price(number: float) -> Decimal:
    return Decimal(str(round(number, 6)))


def _day(bar: Bar) -> date:
    """The session's date: that of its last second."""
    return (bar.end - timedelta(seconds=1)).astimezone(NEW_YORK).date()


_RANGES: WeakKeyDictionary[Market, YearRanges] = WeakKeyDictionary()


def year_range(market: Market, instrument: Instrument) -> YearRange | None:
    """The 52 weeks of an instrument in a market; None when nothing is known."""
    kept = _RANGES.get(market)
    if kept is None:
        kept = _RANGES[market] = YearRanges(market)
    return kept.of(instrument)
