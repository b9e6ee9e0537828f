"""When US shares trade: regular sessions, half days, holidays; and a market that never closes, for demos at night."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
PRE, OPEN, CLOSE, HALF, EXTENDED = time(8, 15), time(9, 30), time(16), time(13), time(20)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Session:
    """One trading day, in UTC; the hours before the open begin at ``start_at``, those after end at ``close_at_ext``."""

    date: date
    start_at: datetime
    open_at: datetime
    close_at: datetime
    close_at_ext: datetime

    def holds(self, now: datetime) -> bool:
        return self.open_at <= now < self.close_at


@lru_cache(maxsize=64)
def holidays(year: int) -> frozenset[date]:
    """The days in a year on which US shares do not trade."""
    fixed = [date(year, 1, 1), date(year, 6, 19), date(year, 7, 4), date(year, 12, 25)]
    days = {_observed(day) for day in fixed}
    if date(year, 1, 1).weekday() == 5:
        days.discard(date(year - 1, 12, 31))
    days |= {_nth(year, 1, 0, 3), _nth(year, 2, 0, 3), _nth(year, 9, 0, 1), _nth(year, 11, 3, 4)}
    days |= {_nth(year, 6, 0, 1) - 7 * DAY, _easter(year) - 2 * DAY}
    return frozenset(days)


@lru_cache(maxsize=64)
def half_days(year: int) -> frozenset[date]:
    """The days that end at one o'clock: before Independence Day and Christmas, after Thanksgiving."""
    days = {date(year, 7, 3), _nth(year, 11, 3, 4) + DAY, date(year, 12, 24)}
    return frozenset(day for day in days if is_session(day))


def is_session(day: date) -> bool:
    return day.weekday() < 5 and day not in holidays(day.year)


@lru_cache(maxsize=4096)
def session_on(day: date) -> Session:
    """The regular hours of a trading day."""
    close = HALF if day in half_days(day.year) else CLOSE
    return Session(day, _utc(day, PRE), _utc(day, OPEN), _utc(day, close), _utc(day, EXTENDED))


@lru_cache(maxsize=4096)
def round_the_clock(day: date) -> Session:
    """A day of the market that never closes: from midnight to midnight in New York."""
    start, end = _utc(day, time()), _utc(day + DAY, time())
    return Session(day, start, start, end, end)


def next_session(day: date) -> date:
    """The first trading day after a date."""
    day += DAY
    while not is_session(day):
        day += DAY
    return day


def previous_session(day: date) -> date:
    """The last trading day before a date."""
    day -= DAY
    while not is_session(day):
        day -= DAY
    return day


def local_date(now: datetime) -> date:
    """The date in New York."""
    return now.astimezone(NEW_YORK).date()


class Hours:
    """Sessions of one market, which may be one that never closes."""

    def __init__(self, always_open: bool = False) -> None:
        self.always_open = always_open

    def on(self, day: date) -> Session | None:
        """The session of a date, None when there is none."""
        if self.always_open:
            return round_the_clock(day)
        return session_on(day) if is_session(day) else None

    def session(self, now: datetime) -> Session:
        """The session in progress, else the next to come."""
        day = local_date(now)
        while (found := self.on(day)) is None or now >= found.close_at:
            day += DAY
        return found

    def latest(self, now: datetime) -> Session:
        """The session in progress, else the last that was."""
        day = local_date(now)
        while (found := self.on(day)) is None or now < found.open_at:
            day -= DAY
        return found

    def is_open(self, now: datetime) -> bool:
        return self.always_open or self.session(now).holds(now)


def _utc(day: date, at: time) -> datetime:
    return datetime.combine(day, at, NEW_YORK).astimezone(timezone.utc)


def _observed(day: date) -> date:
    return day + {5: -DAY, 6: DAY}.get(day.weekday(), timedelta())


def _nth(year: int, month: int, weekday: int, which: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (which - 1))


def _easter(year: int) -> date:
    """Easter Sunday, Gregorian, by the anonymous computus."""
    golden, century, rest = year % 19, year // 100, year % 100
    correction = (8 * century + 13) // 25
    epact = (19 * golden + century - century // 4 - correction + 15) % 30
    offset = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    late = (golden + 11 * epact + 22 * offset) // 451
    month, day = divmod(epact + offset - 7 * late + 114, 31)
    return date(year, month, day + 1)
