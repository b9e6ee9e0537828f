"""What the past was in a few figures: official closes, and the extremes of a year, without making all of its days."""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import exp, sqrt

from brokers.simulator.market.bars import Subject
from brokers.simulator.market.paths.fair import Fair
from brokers.simulator.market.sessions import DAY, Calendar, Session

YEAR = timedelta(days=365)
FAR = 3.0  # standard deviations that a day's extreme may be beyond its open and its close

Worth = Callable[[float, datetime], float]
Look = Callable[[Session], tuple[float, float]]


@dataclass(frozen=True, slots=True)
class YearExtremes:
    """The lowest and the highest price of a year and the first days on which they were."""

    low: Decimal
    low_on: date
    high: Decimal
    high_on: date


@dataclass(frozen=True, slots=True)
class Extremes:
    """The lowest and the highest price of some sessions, on the grid, and the first days on which they were."""

    low: float
    low_on: date
    high: float
    high_on: date

    def joined(self, low: float, high: float, day: date) -> "Extremes":
        """With one more day, the latest."""
        low_on, high_on = self.low_on if low >= self.low else day, self.high_on if high <= self.high else day
        return Extremes(min(low, self.low), low_on, max(high, self.high), high_on)


def closes(prices: Fair, subject: Subject, last: date, count: int) -> list[float]:
    """The official closes of so many sessions up to and with a date, ascending."""
    found: list[float] = []
    day = last
    while len(found) < count:
        session = subject.calendar.on(day)
        if session is not None:
            found.append(subject.grid.near(prices.price(subject.source, session.close_at.timestamp())))
        day -= DAY
    return found[::-1]


def sessions_of_year(calendar: Calendar, last: date) -> list[Session]:
    """The sessions of the year before a date, the date itself left out, ascending."""
    days = [last - YEAR + n * DAY for n in range(1, YEAR.days)]
    return [session for day in days if (session := calendar.on(day)) is not None]


def extremes(
    prices: Fair, subject: Subject, sessions: Sequence[Session], worth: Worth, look: Look, moved: Container[date]
) -> Extremes:
    """The extremes of sessions that are over. ``worth`` makes a price of the path's, ``look`` tells a session's own.

    Only the days are looked at whose price in the morning and at the close is within reach of the extreme, and those
    on which somebody moved the price.
    """
    reach = exp(FAR * prices.pace(subject.source) / sqrt(252))
    mornings, evenings = prices.by_day(subject.source, sessions)
    ends = [
        (worth(morning, session.open_at), worth(evening, session.close_at))
        for morning, evening, session in zip(mornings, evenings, sessions, strict=True)
    ]
    seen: dict[int, tuple[float, float]] = {}
    low, high = float("inf"), 0.0
    for place, session in enumerate(sessions):
        if session.date in moved:
            seen[place] = look(session)
            low, high = min(low, seen[place][0]), max(high, seen[place][1])
    for place in sorted(range(len(ends)), key=lambda n: -max(ends[n])):
        if max(ends[place]) * reach < high:
            break
        if place not in seen:
            seen[place] = look(sessions[place])
        high = max(high, seen[place][1])
    for place in sorted(range(len(ends)), key=lambda n: min(ends[n])):
        if min(ends[place]) > low * reach:
            break
        if place not in seen:
            seen[place] = look(sessions[place])
        low = min(low, seen[place][0])
    days = [(sessions[place].date, *seen[place]) for place in sorted(seen)]
    low_on = next(day for day, lowest, _ in days if lowest == low)
    return Extremes(low, low_on, high, next(day for day, _, highest in days if highest == high))
