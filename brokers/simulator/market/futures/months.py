"""When futures and the options on them end: the exchanges' rules by the calendar."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from functools import lru_cache

from brokers.domain.instruments import MONTH_CODES, Future
from brokers.simulator.market.contracts import Contract, OptionProduct, Product
from brokers.simulator.market.options.expiries import (
    business_days_before,
    last_day,
    last_session,
    month_after,
    third_friday,
)
from brokers.simulator.market.sessions import NEW_YORK, is_session, next_session, previous_session

DAY = timedelta(days=1)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
AFTERNOON = time(16)


def moment(day: date, at: time) -> datetime:
    return datetime.combine(day, at, NEW_YORK).astimezone(timezone.utc)


def nth(year: int, month: int, weekday: int, which: int) -> date | None:
    """The which-th such weekday of a month, None when there is none."""
    first = date(year, month, 1)
    day = first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (which - 1))
    return day if day.month == month else None


def _index(year: int, month: int) -> date:
    return third_friday(year, month)


def _crude(year: int, month: int) -> date:
    """Three business days before the 25th of the month before, or before the business day ahead of it."""
    before = date(year, month, 1) - DAY
    return business_days_before(last_day(before.replace(day=25)), 3)


def _gas(year: int, month: int) -> date:
    return business_days_before(date(year, month, 1), 3)


def _metal(year: int, month: int) -> date:
    """The third last business day of the month."""
    return business_days_before(last_session(year, month), 2)


def _treasury(year: int, month: int) -> date:
    return business_days_before(last_session(year, month), 7)


def _currency(year: int, month: int) -> date:
    """Two business days before the third Wednesday."""
    return business_days_before(nth(year, month, 2, 3) or date.max, 2)


LAST_DAYS: dict[str, tuple[Callable[[int, int], date], time]] = {
    "index": (_index, time(9, 30)),
    "crude": (_crude, time(14, 30)),
    "gas": (_gas, time(14, 30)),
    "metal": (_metal, time(13, 30)),
    "treasury": (_treasury, time(13, 1)),
    "currency": (_currency, time(10, 16)),
}


@lru_cache(maxsize=4096)
def future_ends(rule: str, year: int, month: int) -> datetime:
    """The last moment a delivery month trades."""
    last, at = LAST_DAYS[rule]
    return moment(last(year, month), at)


@lru_cache(maxsize=4096)
def first_notice(rule: str, year: int, month: int) -> date:
    """The first day on which delivery may be announced."""
    if rule in ("crude", "gas"):
        return next_session(LAST_DAYS[rule][0](year, month))
    return previous_session(date(year, month, 1))


def months_from(product_months: str, today: date, count: int) -> list[tuple[int, int]]:
    """So many delivery months from that of ``today`` on."""
    ahead = (month_after(today, n) for n in range(count * 12))
    found = [month for month in ahead if MONTH_CODES[month[1] - 1] in product_months]
    return found[:count]


def contracts_of(product: Product, now: datetime, day: date | None = None) -> list[Contract]:
    """The months listed now, ascending; one is the active month, the next has the interest that grows.

    ``day`` is the trading date: the active month does not change in a session.
    """
    today = day or now.astimezone(NEW_YORK).date()
    months = [
        month
        for month in months_from(product.months, today, product.listed + 2)
        if now < future_ends(product.rule, *month)
    ][: product.listed]
    busiest = active_month(product, today)
    active = next((n for n, month in enumerate(months) if month == busiest), 0)
    return [_contract(product, year, month, n == active, n == active + 1) for n, (year, month) in enumerate(months)]


def active_month(product: Product, day: date) -> tuple[int, int]:
    """Year and month of the contract that most trade on a day."""
    return next(month for month in months_from(product.months, day, 4) if day < _rolls(product, *month))


def single_contract(product: Product, year: int, month: int) -> Contract:
    """A month of a product, were it long over or far away."""
    return _contract(product, year, month, False, False)


def _contract(product: Product, year: int, month: int, active: bool, next_active: bool) -> Contract:
    ends = future_ends(product.rule, year, month)
    notice = first_notice(product.rule, year, month) if product.first_notice else None
    return Contract(Future(product.code, year, month), product, ends, ends, notice, active, next_active)


def _rolls(product: Product, year: int, month: int) -> date:
    """From this day on, trading has moved to the next month."""
    last = future_ends(product.rule, year, month).astimezone(NEW_YORK).date()
    if product.first_notice:
        last = min(last, first_notice(product.rule, year, month))
    return business_days_before(last, product.roll_days)


def option_ends(series: OptionProduct, product: Product, year: int, month: int) -> datetime | None:
    """The last moment of an option month of a series; None when the calendar has none."""
    match series.rule:
        case "with_future":
            return future_ends(product.rule, year, month)
        case "before_future":
            last, at = LAST_DAYS[product.rule]
            return moment(business_days_before(last(year, month), 3), at)
        case "month_end":
            return moment(last_session(year, month), AFTERNOON)
        case "metal":
            return moment(_metal_option(year, month), time(13, 30))
        case "treasury":
            return moment(_treasury_option(year, month), AFTERNOON)
        case "currency":
            return moment(last_day((nth(year, month, 2, 3) or date.max) - timedelta(days=12)), time(10))
    weekday, which = WEEKDAYS.index(series.rule[:-1]), int(series.rule[-1])
    day = nth(year, month, weekday, which)
    if day is None or (weekday < 4 and not is_session(day)):
        return None
    return moment(last_day(day), time(14, 30) if product.rule == "crude" else AFTERNOON)


def _metal_option(year: int, month: int) -> date:
    """Four business days before the end of the month before; never a Friday or the eve of a holiday."""
    day = business_days_before(date(year, month, 1), 4)
    while day.weekday() == 4 or not is_session(day + DAY):
        day = previous_session(day)
    return day


def _treasury_option(year: int, month: int) -> date:
    """The last Friday that is two business days or more before the last business day of the month before."""
    latest = business_days_before(previous_session(date(year, month, 1)), 2)
    friday = latest - timedelta(days=(latest.weekday() - 4) % 7)
    return last_day(friday)


def delivers(product: Product, ends: datetime, year: int, month: int, same: bool) -> tuple[int, int]:
    """The delivery month an option ends in: its own, or the first that outlives it and is not before its month."""
    if same:
        return year, month
    start = date(year, month, 1) if product.rule in ("metal", "treasury") else ends.astimezone(NEW_YORK).date()
    day = ends.astimezone(NEW_YORK).date()
    for found in months_from(product.months, min(start, day), 24):
        last = future_ends(product.rule, *found).astimezone(NEW_YORK).date()
        if last >= day and (found >= (year, month) or product.rule not in ("metal", "treasury")):
            return found
    raise LookupError(f"{product.code} has no month after {day}.")
