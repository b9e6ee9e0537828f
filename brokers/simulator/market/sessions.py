"""When things trade: US shares, index options, futures and crypto, with holidays and half days; or a market that never
closes, for demos at night."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

Collection = Literal["equity", "cme", "cfe", "crypto"]
Phase = Literal["pre", "open", "post", "overnight", "closed"]

NEW_YORK = ZoneInfo("America/New_York")
EARLY, PRE, OPEN, CLOSE, HALF = time(4), time(8, 15), time(9, 30), time(16), time(13)
EXTENDED, HALF_EXTENDED = time(20), time(17)
CFE_CLOSE, CFE_HALF = time(16, 15), time(13, 15)
CME_OPEN, CME_CLOSE, CME_HALF = time(18), time(17), time(13)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Session:
    """One trading day, in UTC. Trading of the day begins at ``early_at`` and ends at ``close_at_ext``.

    ``start_at`` is the beginning of the pre-market that brokers announce.
    """

    date: date
    start_at: datetime
    open_at: datetime
    close_at: datetime
    close_at_ext: datetime
    early_at: datetime

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


@lru_cache(maxsize=64)
def futures_holidays(year: int) -> frozenset[date]:
    """The days on which the futures exchange is closed: New Year's Day, Good Friday, Christmas."""
    found = {_observed(date(year, 1, 1)), _observed(date(year, 12, 25)), _easter(year) - 2 * DAY}
    return frozenset(found & holidays(year))


@lru_cache(maxsize=64)
def futures_half_days(year: int) -> frozenset[date]:
    """The days on which futures stop early: the share market's other holidays and its half days."""
    return (holidays(year) - futures_holidays(year)) | half_days(year)


def is_session(day: date) -> bool:
    return day.weekday() < 5 and day not in holidays(day.year)


@lru_cache(maxsize=8192)
def session_on(day: date) -> Session:
    """The hours of a trading day of US shares."""
    half = day in half_days(day.year)
    close, extended = (HALF, HALF_EXTENDED) if half else (CLOSE, EXTENDED)
    return Session(day, _utc(day, PRE), _utc(day, OPEN), _utc(day, close), _utc(day, extended), _utc(day, EARLY))


@lru_cache(maxsize=8192)
def round_the_clock(day: date) -> Session:
    """A day that lasts from midnight to midnight in New York."""
    start, end = _utc(day, time()), _utc(day + DAY, time())
    return Session(day, start, start, end, end, start)


@lru_cache(maxsize=8192)
def _session(collection: Collection, day: date) -> Session | None:
    """The session of a date, None when there is none."""
    if collection == "crypto":
        return round_the_clock(day)
    if collection == "cme":
        return _futures_session(day)
    if not is_session(day):
        return None
    if collection == "equity":
        return session_on(day)
    start, end = _utc(day, OPEN), _utc(day, CFE_HALF if day in half_days(day.year) else CFE_CLOSE)
    return Session(day, start, start, end, end, start)


def _futures_session(day: date) -> Session | None:
    """From six in the evening before until five; the day is the one on which it ends."""
    if day.weekday() >= 5 or day in futures_holidays(day.year):
        return None
    start = _utc(day - DAY, CME_OPEN)
    end = _utc(day, CME_HALF if day in futures_half_days(day.year) else CME_CLOSE)
    return Session(day, start, start, end, end, start)


def next_session(day: date) -> date:
    """The first trading day of shares after a date."""
    day += DAY
    while not is_session(day):
        day += DAY
    return day


def previous_session(day: date) -> date:
    """The last trading day of shares before a date."""
    day -= DAY
    while not is_session(day):
        day -= DAY
    return day


def local_date(now: datetime) -> date:
    """The date in New York."""
    return now.astimezone(NEW_YORK).date()


class Calendar:
    """The trading days of one kind of instrument; with ``always_open`` each lasts from midnight to midnight."""

    def __init__(self, collection: Collection = "equity", always_open: bool = False) -> None:
        self.collection: Collection = collection
        self.always_open = always_open
        self._kind: Collection = "crypto" if always_open else collection

    def on(self, day: date) -> Session | None:
        """The session of a date, None when there is none."""
        return _session(self._kind, day)

    def session(self, now: datetime) -> Session:
        """The session in progress, else the next to come."""
        day = local_date(now)
        while (found := self.on(day)) is None or now >= found.close_at:
            day += DAY
        return found

    def latest(self, now: datetime) -> Session:
        """The session in progress, else the last that was."""
        day = local_date(now) + DAY
        while (found := self.on(day)) is None or now < found.open_at:
            day -= DAY
        return found

    def trading(self, now: datetime) -> Session:
        """The session whose figures are shown: the last whose trading has begun, be it before the open."""
        day = local_date(now) + DAY
        while (found := self.on(day)) is None or now < found.early_at:
            day -= DAY
        return found

    def before(self, session: Session) -> Session:
        """The session before one."""
        day = session.date - DAY
        while (found := self.on(day)) is None:
            day -= DAY
        return found

    def next(self, day: date) -> date:
        """The first trading day after a date."""
        day += DAY
        while self.on(day) is None:
            day += DAY
        return day

    def previous(self, day: date) -> date:
        """The last trading day before a date."""
        day -= DAY
        while self.on(day) is None:
            day -= DAY
        return day

    def is_open(self, now: datetime) -> bool:
        """Whether these are regular hours."""
        return self.session(now).holds(now)

    def phase(self, now: datetime) -> Phase:
        """Where in the day we are; only shares know hours before, after and over night."""
        if self.is_open(now):
            return "open"
        if self._kind != "equity":
            return "closed"
        day = local_date(now)
        found = self.on(day)
        if found is not None and now < found.open_at:
            return "overnight" if now < found.early_at else "pre"
        if found is not None and now < found.close_at_ext:
            return "post"
        evening = now >= _utc(day, EXTENDED)
        return "overnight" if evening and self.on(day + DAY) is not None else "closed"

    def last_traded(self, now: datetime) -> datetime:
        """The last moment up to now in which there was trading of some kind."""
        return now if self.phase(now) != "closed" else self.latest(now).close_at_ext

    def holidays(self, year: int) -> list[date]:
        """The weekdays without a session, ascending."""
        if self._kind == "crypto":
            return []
        return sorted(futures_holidays(year) if self._kind == "cme" else holidays(year))

    def half_days(self, year: int) -> list[date]:
        """The days that end early, ascending."""
        if self._kind == "crypto":
            return []
        return sorted(futures_half_days(year) if self._kind == "cme" else half_days(year))


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
