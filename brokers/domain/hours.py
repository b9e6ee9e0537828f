"""The desk's own calendar of the US share market: New York's holidays, half days and hours, by rule; pure.

For brokers that tell no hours. Times are New York's, exact over changes of daylight saving time. Closures that no
rule foresees (a day of mourning, a storm) are given as ``closures``: a day and its reason.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

from brokers.domain.market import MarketState, MarketStatus, Session, SessionKind

NEW_YORK = ZoneInfo("America/New_York")
PRE, OPEN, CLOSE, POST = time(4), time(9, 30), time(16), time(20)
EARLY_CLOSE, EARLY_POST = time(13), time(17)
DAY = timedelta(days=1)
MONDAY, THURSDAY, SATURDAY, SUNDAY = 0, 3, 5, 6
PAST_CLOSURES: Mapping[date, str] = {date(2025, 1, 9): "National Day of Mourning"}
"""Closures of recent years that no rule foresaw."""
STATES = {
    SessionKind.PRE: MarketState.PRE,
    SessionKind.REGULAR: MarketState.OPEN,
    SessionKind.POST: MarketState.POST,
}


@lru_cache(maxsize=64)
def holidays(year: int) -> Mapping[date, str]:
    """The days of a year on which shares are not traded, with their names. New Year's Day on a Saturday is not made
    up for: the Friday before closes the year."""
    named = {
        _nth(year, 1, MONDAY, 3): "Martin Luther King Jr. Day",
        _nth(year, 2, MONDAY, 3): "Washington's Birthday",
        _easter(year) - 2 * DAY: "Good Friday",
        _nth(year, 6, MONDAY, 1) - 7 * DAY: "Memorial Day",
        _observed(date(year, 6, 19)): "Juneteenth",
        _observed(date(year, 7, 4)): "Independence Day",
        _nth(year, 9, MONDAY, 1): "Labor Day",
        _nth(year, 11, THURSDAY, 4): "Thanksgiving Day",
        _observed(date(year, 12, 25)): "Christmas Day",
    }
    first = date(year, 1, 1)
    new_year = {} if first.weekday() == SATURDAY else {_observed(first): "New Year's Day"}
    past = {day: name for day, name in PAST_CLOSURES.items() if day.year == year}
    return dict(sorted((new_year | named | past).items()))


@lru_cache(maxsize=64)
def half_days(year: int) -> frozenset[date]:
    """The trading days that end at one o'clock: before Independence Day and Christmas, after Thanksgiving."""
    days = (date(year, 7, 3), _nth(year, 11, THURSDAY, 4) + DAY, date(year, 12, 24))
    return frozenset(day for day in days if _is_weekday(day) and day not in holidays(year))


def holiday_name(day: date, closures: Mapping[date, str] = {}) -> str:
    """Why there is no trading on a day, "" when there is (or it is a weekend)."""
    return closures.get(day) or holidays(day.year).get(day, "")


def is_trading_day(day: date, closures: Mapping[date, str] = {}) -> bool:
    return _is_weekday(day) and not holiday_name(day, closures)


def sessions_on(day: date, closures: Mapping[date, str] = {}) -> tuple[Session, ...]:
    """Before, in and after regular hours; none on a day without trading."""
    if not is_trading_day(day, closures):
        return ()
    early = day in half_days(day.year)
    marks = (PRE, OPEN, *((EARLY_CLOSE, EARLY_POST) if early else (CLOSE, POST)))
    moments = [datetime.combine(day, at, NEW_YORK).astimezone(timezone.utc) for at in marks]
    return tuple(Session(moments[at], moments[at + 1], kind) for at, kind in enumerate(SessionKind))


def next_trading_day(day: date, closures: Mapping[date, str] = {}) -> date:
    """The first one after a day."""
    return next(each for each in _days_after(day) if is_trading_day(each, closures))


def status(now: datetime, closures: Mapping[date, str] = {}, exchange: str = "Equity") -> MarketStatus:
    """How the share market stands at an aware moment, by rule."""
    today = now.astimezone(NEW_YORK).date()
    sessions = sessions_on(today, closures) + sessions_on(next_trading_day(today, closures), closures)
    running = next((each for each in sessions if each.opens_at <= now < each.closes_at), None)
    changes = (at for each in sessions for at in (each.opens_at, each.closes_at) if at > now)
    return MarketStatus(
        exchange=exchange,
        state=STATES[running.kind] if running is not None else MarketState.CLOSED,
        sessions=sessions,
        next_change_at=min(changes),
        holiday=holiday_name(today, closures),
        early_close=today in half_days(today.year) and is_trading_day(today, closures),
        at=now,
    )


def _days_after(day: date) -> Iterator[date]:
    while True:
        day += DAY
        yield day


def _is_weekday(day: date) -> bool:
    return day.weekday() < SATURDAY


def _observed(day: date) -> date:
    """Saturday's holiday is kept on Friday, Sunday's on Monday."""
    return day + {SATURDAY: -DAY, SUNDAY: DAY}.get(day.weekday(), timedelta())


def _nth(year: int, month: int, weekday: int, which: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (which - 1))


def _easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar, by Gauss's rule."""
    a, b, c = year % 19, year % 4, year % 7
    k = year // 100
    p, q = (13 + 8 * k) // 25, k // 4
    m, n = (15 - p + k - q) % 30, (4 + k - q) % 7
    d = (19 * a + m) % 30
    e = (2 * b + 4 * c + 6 * d + n) % 7
    days = 22 + d + e
    if (d == 29 and e == 6) or (d == 28 and e == 6 and (11 * m + 11) % 30 < 19):
        days -= 7
    return date(year, 3, 1) + timedelta(days=days - 1)
