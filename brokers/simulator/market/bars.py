"""Bars of every length, made from the very path that the quotes follow."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from itertools import groupby, pairwise
from typing import Literal

import numpy as np

from brokers.simulator.market.grids import PathGrid
from brokers.simulator.market.paths.clockwork import EPOCH, Floats
from brokers.simulator.market.paths.fair import Fair, Key
from brokers.simulator.market.paths.turnover import TRADE, Turnover
from brokers.simulator.market.sessions import DAY, NEW_YORK, Calendar, Session, local_date

Unit = Literal["second", "minute", "hour", "day", "week", "month", "year"]
HoursOf = Literal["regular", "extended", "all"]
SECONDS: dict[str, int] = {"second": 1, "minute": 60, "hour": 3600}
RUN, RUN_DAYS, SHORTEST_RUN = 1200, 40, timedelta(minutes=15)
TOUCH = timedelta(microseconds=1)  # a bar that begins now has begun
MINUTE = 60
FEW = 16  # edges that are quicker looked at one by one
KEPT = 60_000  # bars of finished days kept in memory
FIRST = datetime(EPOCH.year, EPOCH.month, EPOCH.day, tzinfo=timezone.utc) + 7 * DAY  # there is no price before


@dataclass(frozen=True, slots=True)
class Interval:
    """So many of a unit: ``Interval(5, "minute")``. Days are trading days, but several days go by the calendar."""

    count: int
    unit: Unit


@dataclass(slots=True)
class Bar:
    """Prices are floats on the tick grid. ``end`` is in the future while the bar is in progress.

    ``iv`` is the volatility at the money where there are options. Of ``ticks`` trades so many went up, the others down.
    """

    start: datetime
    end: datetime
    open: float
    high: float
    low: float
    close: float
    volume: int
    ticks: int
    up_ticks: int
    down_ticks: int
    up_volume: int
    down_volume: int
    vwap: float
    open_interest: int
    iv: float | None


@dataclass(frozen=True, slots=True)
class Subject:
    """What bars are made of: the path (``key`` of its volume, ``source`` of its price), in the hours of a calendar."""

    key: Key
    source: Key
    calendar: Calendar
    grid: PathGrid
    optioned: bool


class BarMaker:
    """Makes bars on demand; those of finished sessions are kept, for a path's past does not change."""

    def __init__(self, prices: Fair, turnover: Turnover) -> None:
        self.prices, self.turnover = prices, turnover
        self._kept: dict[tuple[Key, str, Interval, HoursOf, date], list[Bar]] = {}
        self._count = 0

    def bars(
        self, subject: Subject, interval: Interval, start: datetime, end: datetime, hours: HoursOf, now: datetime
    ) -> list[Bar]:
        """The bars that begin from ``start`` on and before ``end``, ascending, the one in progress included."""
        start, end = max(start, FIRST), min(end, now + TOUCH)
        if interval.unit in SECONDS:
            step = interval.count * SECONDS[interval.unit]
            found = [
                bar
                for session in _sessions(subject.calendar, start, end)
                for bar in self._of_session(subject, session, interval, step, hours, (start, end), now)
            ]
        else:
            found = self._long(subject, interval, _group_start(start, interval), end, hours, now)
        return [bar for bar in found if start <= bar.start < end]

    def extent(self, subject: Subject, start: datetime, end: datetime) -> tuple[float, float]:
        """The lowest and the highest price from one time to another, as a bar over it has them."""
        _, highs, lows, _ = self._prices(subject, np.array([start.timestamp(), end.timestamp()]))
        return float(lows[0]), float(highs[0])

    def forget(self) -> None:
        """The past is another: prices that were put have been restored."""
        self._kept, self._count = {}, 0

    def _long(
        self, subject: Subject, interval: Interval, start: datetime, end: datetime, hours: HoursOf, now: datetime
    ) -> list[Bar]:
        daily = Interval(1, "day")
        end = min(_group_end(end + DAY, interval), now + TOUCH)
        days = [
            (session.date, bar)
            for session in _sessions(subject.calendar, start, end)
            for bar in self._session(subject, session, daily, None, hours, now)
        ]
        if interval == daily:
            return [bar for _, bar in days]
        grouped = groupby(days, key=lambda one: _group(one[0], interval))
        return [join([bar for _, bar in group]) for _, group in grouped]

    def _of_session(
        self,
        subject: Subject,
        session: Session,
        interval: Interval,
        step: int,
        hours: HoursOf,
        asked: tuple[datetime, datetime],
        now: datetime,
    ) -> list[Bar]:
        """The bars of a session: all of it, or for bars of seconds what was asked for."""
        if step >= MINUTE:
            return self._session(subject, session, interval, step, hours, now)
        begin, finish = (at.timestamp() for at in _window(session, subject.calendar, hours))
        first = begin + max(0.0, asked[0].timestamp() - begin) // step * step
        last = min(finish, asked[1].timestamp() + step, now.timestamp() + step)
        if first >= last:
            return []
        edges = np.arange(first, last, step)
        edges = np.append(edges, min(float(edges[-1]) + step, finish))
        return self._make(subject, edges, min(now.timestamp(), finish))

    def _session(
        self, subject: Subject, session: Session, interval: Interval, step: int | None, hours: HoursOf, now: datetime
    ) -> list[Bar]:
        """The bars of a session, without a step the one of all of it."""
        begin, finish = _window(session, subject.calendar, hours)
        if begin > now:
            return []
        name = (subject.key, subject.calendar.collection, interval, hours, session.date)
        found = self._kept.get(name)
        if found is None:
            first, last = begin.timestamp(), finish.timestamp()
            edges = np.array([first, last]) if step is None else np.append(np.arange(first, last, step), last)
            found = self._make(subject, edges, min(now.timestamp(), last))
            if finish < now:
                self._keep(name, found)
        return found

    def _keep(self, name: tuple[Key, str, Interval, HoursOf, date], bars: list[Bar]) -> None:
        self._count += len(bars)
        while self._count > KEPT and self._kept:
            self._count -= len(self._kept.pop(next(iter(self._kept))))
        self._kept[name] = bars

    def _make(self, subject: Subject, edges: Floats, until: float) -> list[Bar]:
        """Bars between edges, the last cut off at a time."""
        edges = edges[: int(np.searchsorted(edges, until, side="right")) + 1]
        moments = [datetime.fromtimestamp(edge, timezone.utc) for edge in edges.tolist()]
        cut = np.append(edges[:-1], min(edges[-1], until))
        opens, highs, lows, closes = self._prices(subject, cut)
        volume, rising, ups, downs, value = self._trading(subject, cut)
        traded = np.where(volume > 0, value / np.maximum(volume, 1), (highs + lows + closes) / 3)
        return list(
            map(
                Bar,
                moments[:-1],
                moments[1:],
                opens.tolist(),
                highs.tolist(),
                lows.tolist(),
                closes.tolist(),
                volume.tolist(),
                (ups + downs).tolist(),
                ups.tolist(),
                downs.tolist(),
                rising.tolist(),
                (volume - rising).tolist(),
                np.round(np.clip(traded, lows, highs), 6).tolist(),
                [0] * len(volume),
                self._volatilities(subject, cut),
            )
        )

    def _prices(self, subject: Subject, edges: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Open, high, low and close between edges, on the grid."""
        times, prices = self.prices.points(subject.source, float(edges[0]), float(edges[-1]))
        ends = np.interp(edges, times, prices)
        if len(edges) <= FEW:
            highs, lows = _ranges(edges, ends, times, prices)
        else:
            highs, lows = _many_ranges(edges, ends, times, prices)
        near = subject.grid.all_near
        return near(ends[:-1]), near(highs), near(lows), near(ends[1:])

    def _trading(self, subject: Subject, edges: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """Units traded, those in rises, trades in rises and in falls, value; whole numbers but for the last."""
        times, units, rising, value = self.turnover.points(subject.key, float(edges[0]), float(edges[-1]))
        done = np.interp(edges, times, units)
        up = np.interp(edges, times, rising)
        size = TRADE[self.turnover.habits[subject.key]]
        whole = np.diff(np.floor(done)).astype(int)
        risen = np.clip(np.diff(np.floor(up)).astype(int), 0, whole)
        ups, downs = (np.diff(np.floor(run / size)).astype(int) for run in (up, np.maximum(done - up, 0)))
        return whole, risen, ups, np.maximum(downs, 0), np.diff(np.interp(edges, times, value))

    def _volatilities(self, subject: Subject, edges: Floats) -> list[float] | list[None]:
        if not subject.optioned:
            return [None] * (len(edges) - 1)
        found: list[float] = self.prices.volatilities(subject.source, edges[1:]).tolist()
        return found


def _ranges(edges: Floats, ends: Floats, times: Floats, prices: Floats) -> tuple[Floats, Floats]:
    """The highest and the lowest price between edges, both ends included."""
    places = np.searchsorted(times, edges)
    inside = [prices[first:last] for first, last in pairwise(places.tolist())]
    highs = [part.max(initial=-np.inf) for part in inside]
    lows = [part.min(initial=np.inf) for part in inside]
    return (
        np.maximum(highs, np.maximum(ends[:-1], ends[1:])),
        np.minimum(lows, np.minimum(ends[:-1], ends[1:])),
    )


def _many_ranges(edges: Floats, ends: Floats, times: Floats, prices: Floats) -> tuple[Floats, Floats]:
    """As above, all in one go."""
    both = np.concatenate([edges, times])
    order = np.argsort(both, kind="stable")
    line = np.concatenate([ends, prices])[order]
    places = np.searchsorted(both[order], edges)
    last = places[-1] + 1
    return (
        np.maximum(np.maximum.reduceat(line[:last], places[:-1]), ends[1:]),
        np.minimum(np.minimum.reduceat(line[:last], places[:-1]), ends[1:]),
    )


def join(bars: list[Bar]) -> Bar:
    """One bar of several that follow each other."""
    volume = sum(bar.volume for bar in bars)
    value = sum(bar.vwap * (bar.volume if volume else 1) for bar in bars)
    return Bar(
        start=bars[0].start,
        end=bars[-1].end,
        open=bars[0].open,
        high=max(bar.high for bar in bars),
        low=min(bar.low for bar in bars),
        close=bars[-1].close,
        volume=volume,
        ticks=sum(bar.ticks for bar in bars),
        up_ticks=sum(bar.up_ticks for bar in bars),
        down_ticks=sum(bar.down_ticks for bar in bars),
        up_volume=sum(bar.up_volume for bar in bars),
        down_volume=sum(bar.down_volume for bar in bars),
        vwap=round(value / (volume or len(bars)), 6),
        open_interest=bars[-1].open_interest,
        iv=bars[-1].iv,
    )


def runs(interval: Interval, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """A stretch of time in parts whose bars are made in a moment: a thousand bars, or those of some weeks."""
    step = timedelta(seconds=interval.count * SECONDS.get(interval.unit, 86_400))
    length = max(min(RUN * step, RUN_DAYS * DAY), SHORTEST_RUN)
    while start < end:
        yield start, min(start + length, end)
        start += length


def _sessions(calendar: Calendar, start: datetime, end: datetime) -> Iterator[Session]:
    """The sessions that may hold bars from one time to another, with a day to spare at both ends."""
    day, last = local_date(start) - DAY, local_date(end) + DAY
    while day <= last:
        found = calendar.on(day)
        if found is not None:
            yield found
        day += DAY


def _window(session: Session, calendar: Calendar, hours: HoursOf) -> tuple[datetime, datetime]:
    if hours == "regular":
        return session.open_at, session.close_at
    if hours == "all" and calendar.collection == "equity" and not calendar.always_open:
        evening = datetime.combine(session.date - DAY, time(20), NEW_YORK)
        return evening.astimezone(timezone.utc), session.close_at_ext
    return session.early_at, session.close_at_ext


def _group(day: date, interval: Interval) -> int:
    """The number of the week, month or year (or of so many of them) that a day belongs to."""
    match interval.unit:
        case "week":
            number = (day.toordinal() - 1) // 7
        case "month":
            number = day.year * 12 + day.month - 1
        case "year":
            number = day.year
        case _:
            number = day.toordinal()
    return number // interval.count


def _group_end(end: datetime, interval: Interval) -> datetime:
    """On to where the group of a time ends, that none is made of its first part alone."""
    day = local_date(end)
    wanted = _group(day, interval)
    while _group(day, interval) == wanted:
        day += DAY
    return datetime.combine(day, time(), NEW_YORK).astimezone(timezone.utc)


def _group_start(start: datetime, interval: Interval) -> datetime:
    """Back to where the group of a time begins, that none is made from its later part alone."""
    day = local_date(start)
    wanted = _group(day, interval)
    while _group(day - DAY, interval) == wanted:
        day -= DAY
    return max(datetime.combine(day, time(), NEW_YORK).astimezone(timezone.utc), FIRST)
