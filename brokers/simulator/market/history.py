"""What the past was in a few figures: official closes, and the range of a year, without making all of its days."""

from datetime import date, datetime
from math import exp, sqrt

from brokers.simulator.market.bars import BarMaker, Interval, Subject
from brokers.simulator.market.fair import Fair
from brokers.simulator.market.sessions import DAY

YEAR = 365 * DAY
FAR = 3.0  # standard deviations that a day's extreme may be beyond its open and its close
DAILY = Interval(1, "day")


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


def year_range(
    prices: Fair, maker: BarMaker, subject: Subject, now: datetime, volatility: float
) -> tuple[float, float]:
    """The lowest and the highest price of a year's regular hours.

    Only the days that open or close within reach of the extreme are made in full.
    """
    reach = exp(FAR * volatility / sqrt(252))
    days = _ends(prices, subject, now)
    low, high = min(min(ends) for _, ends in days), max(max(ends) for _, ends in days)
    wanted = [day for day, ends in days if max(ends) * reach >= high or min(ends) <= low * reach]
    for day in sorted(wanted):
        bars = maker.day(subject, day, now)
        low = min([low, *(bar.low for bar in bars)])
        high = max([high, *(bar.high for bar in bars)])
    return subject.grid.near(low), subject.grid.near(high)


def _ends(prices: Fair, subject: Subject, now: datetime) -> list[tuple[date, tuple[float, float]]]:
    found = []
    session = subject.calendar.latest(now)
    first = session.date - YEAR
    while session.date > first:
        opened, closed = (min(at, now).timestamp() for at in (session.open_at, session.close_at))
        found.append((session.date, (prices.price(subject.source, opened), prices.price(subject.source, closed))))
        session = subject.calendar.before(session)
    return found
