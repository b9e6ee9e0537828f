"""The dates on which listed options end, by the calendar alone: what is listed on a day stays until it is over."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Literal

from brokers.simulator.market.sessions import is_session, previous_session

DAY = timedelta(days=1)
FRIDAY, WEDNESDAY = 4, 2
Settlement = Literal["AM", "PM"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of expiration under one root: the days come from ``name``, so many ``ahead`` (weeks, months, years).

    ``life`` is for how many days such options have been listed before they end.
    """

    root: str
    name: Literal[
        "daily", "friday", "month", "cycle", "january", "june_december", "month_end", "quarter_end", "fear", "wednesday"
    ]
    ahead: int
    kind: str
    settlement: Settlement = "PM"
    life: int = 60


@dataclass(frozen=True, slots=True)
class Ending:
    """One expiration as listed."""

    expiry: date
    kind: str
    root: str
    settlement: Settlement
    life: int


def endings(rules: tuple[Rule, ...], today: date) -> list[Ending]:
    """What is listed on a day, ascending; of two rules for one date and root the first counts."""
    found: dict[tuple[date, str, str], Ending] = {}
    for rule in rules:
        for day in _days(rule, today):
            key = (day, rule.settlement, rule.root)
            if day >= today and key not in found:
                found[key] = Ending(day, rule.kind, rule.root, rule.settlement, rule.life)
    return [found[key] for key in sorted(found)]


def _days(rule: Rule, today: date) -> Iterator[date]:
    months = (month_after(today, ahead) for ahead in range(rule.ahead + 1))
    match rule.name:
        case "daily":
            span = (today + n * DAY for n in range(7 * rule.ahead))
            return (day for day in span if is_session(day))
        case "friday":
            friday = today + timedelta(days=(FRIDAY - today.weekday()) % 7)
            return (last_day(friday + timedelta(weeks=week)) for week in range(rule.ahead))
        case "month":
            return (third_friday(*month) for month in months)
        case "cycle":
            return (third_friday(*month) for month in months if month[1] % 3 == 0)
        case "january":
            return (third_friday(today.year + n, 1) for n in range(rule.ahead + 1))
        case "june_december":
            return (third_friday(today.year + n, month) for n in range(rule.ahead + 1) for month in (6, 12))
        case "month_end":
            return (last_session(*month) for month in months)
        case "quarter_end":
            return (last_session(*month) for month in months if month[1] % 3 == 0)
        case "fear":
            return (fear_day(*month) for month in months)
        case "wednesday":
            span = (today + n * DAY for n in range(7 * rule.ahead))
            monthlies = {fear_day(*month) for month in months}
            wednesdays = (last_day(day) for day in span if day.weekday() == WEDNESDAY)
            return (day for day in wednesdays if day not in monthlies)


def month_after(today: date, ahead: int) -> tuple[int, int]:
    """Year and month so many months ahead."""
    year, month = divmod(today.year * 12 + today.month - 1 + ahead, 12)
    return year, month + 1


def last_day(day: date) -> date:
    """The day itself, or the last trading day before where it is a holiday."""
    return day if is_session(day) else previous_session(day)


@lru_cache(maxsize=1024)
def friday_of(year: int, month: int, which: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(FRIDAY - first.weekday()) % 7 + 7 * (which - 1))


@lru_cache(maxsize=1024)
def third_friday(year: int, month: int) -> date:
    return last_day(friday_of(year, month, 3))


@lru_cache(maxsize=1024)
def last_session(year: int, month: int) -> date:
    """The last trading day of a month."""
    after = date(year + month // 12, month % 12 + 1, 1)
    return previous_session(after)


@lru_cache(maxsize=1024)
def fear_day(year: int, month: int) -> date:
    """When monthly options on a fear index end: thirty days before the third Friday of the month after, a Wednesday."""
    after = friday_of(year + month // 12, month % 12 + 1, 3)
    if not is_session(after):
        after -= DAY
    return last_day(after - timedelta(days=30))


def business_days_before(day: date, count: int) -> date:
    """So many trading days before a date, which need not be one itself."""
    for _ in range(count):
        day = previous_session(day)
    return day


# Of two rules for one date the first counts, so those that list it longest come first: what is listed never changes.


def share_rules(root: str, weeklies: bool) -> tuple[Rule, ...]:
    """Monthlies, the quarterly cycle for a year, Januaries, and Fridays where there are weeklies."""
    usual = (
        Rule(root, "january", 3, "regular", life=1500),
        Rule(root, "cycle", 12, "regular", life=400),
        Rule(root, "month", 4, "regular", life=160),
    )
    return (*usual, Rule(root, "friday", 8, "weekly")) if weeklies else usual


def fund_rules(root: str, daily: bool) -> tuple[Rule, ...]:
    """As shares, and quarter ends; the busiest funds end every day for two weeks, and with each month."""
    quarters = (*share_rules(root, False), Rule(root, "quarter_end", 12, "quarterly", life=400))
    fridays = Rule(root, "friday", 8, "weekly")
    if not daily:
        return (*quarters, fridays)
    month_ends = Rule(root, "month_end", 3, "end_of_month", life=130)
    return (*quarters, month_ends, fridays, Rule(root, "daily", 2, "weekly"))


def index_rules(root: str, weekly_root: str, months: int, years: int, weeks: int) -> tuple[Rule, ...]:
    """Monthlies that settle at the open under one root, everything else at the close under the other."""
    life = 60 + 31 * months
    return (
        Rule(root, "june_december", years, "regular", "AM", 60 + 366 * (years + 1)),
        Rule(root, "month", months, "regular", "AM", life),
        Rule(weekly_root, "month", months, "regular", "PM", life),
        Rule(weekly_root, "quarter_end", max(12, months), "quarterly", "PM", 60 + 31 * max(12, months)),
        Rule(weekly_root, "month_end", months, "end_of_month", "PM", life),
        Rule(weekly_root, "friday", 8, "weekly", "PM"),
        Rule(weekly_root, "daily", weeks, "weekly", "PM"),
    )


def fear_rules(root: str, weekly_root: str) -> tuple[Rule, ...]:
    """Monthlies thirty days before the shares' monthlies, and the Wednesdays between."""
    return (Rule(root, "fear", 6, "regular", "AM", 250), Rule(weekly_root, "wednesday", 4, "weekly", "AM"))
