"""The desk's own calendar of US futures: Sunday evening to Friday afternoon with an hour's pause each day; pure.

For brokers that tell no hours. A trading day begins on the evening before, at six in New York, and ends at five. On the
share market's holidays and half days futures stop early, each product at a time of its own, or do not trade: the
earliest is taken, and a closure that no rule foresees counts for the whole day. Products that are not listed here
(grains, livestock and others with hours of their own) are not known.
"""

from collections.abc import Mapping
from datetime import date, datetime, time, timezone
from itertools import islice, pairwise

from brokers.domain.hours import DAY, NEW_YORK, PAST_CLOSURES, SATURDAY, STATES, half_days, holidays
from brokers.domain.market import MarketState, MarketStatus, Session, SessionKind

EVENING, AFTERNOON, EARLY = time(18), time(17), time(13)
NO_TRADING = frozenset({"Good Friday", "Christmas Day", "New Year's Day"})
LOOK_AHEAD = 8
"""Days in which two trading days are found, whatever holidays lie between."""

NIGHT_AND_DAY = frozenset(
    {
        *("ES", "MES", "NQ", "MNQ", "RTY", "M2K", "YM", "MYM", "EMD", "NKD"),  # indexes of shares
        *("ZB", "ZN", "ZF", "ZT", "Z3N", "TN", "UB", "SR1", "SR3", "ZQ", "2YY", "5YY", "10Y", "30Y"),  # rates
        *(
            "6A",
            "6B",
            "6C",
            "6E",
            "6J",
            "6M",
            "6N",
            "6S",
            "E7",
            "J7",
            "M6A",
            "M6B",
            "M6E",
            "MJY",
            "MCD",
            "MSF",
        ),  # money
        *("CL", "MCL", "QM", "NG", "MNG", "QG", "RB", "HO", "BZ"),  # energy
        *("GC", "MGC", "QO", "SI", "SIL", "QI", "HG", "MHG", "QC", "PL", "PA"),  # metals
        *("BTC", "MBT", "BFF", "ETH", "MET"),  # crypto, at least in these hours
    }
)
"""Products whose regular hours last from evening to afternoon."""
WITH_REGULAR_HOURS = frozenset({"VX", "VXM"})
"""Products that trade as long, but whose regular hours are the day's: before and after them market orders do not go."""
REGULAR = (time(9, 30), time(16))


def status(product: str, now: datetime, closures: Mapping[date, str] = {}) -> MarketStatus | None:
    """How the market in a product ("ES") stands at an aware moment, by rule; None where no rule is known."""
    if product not in NIGHT_AND_DAY | WITH_REGULAR_HOURS:
        return None
    today = now.astimezone(NEW_YORK).date()
    sessions = _coming(product, now, closures)
    running = next((each for each in sessions if each.opens_at <= now < each.closes_at), None)
    changes = (at for each in sessions for at in (each.opens_at, each.closes_at) if at > now)
    return MarketStatus(
        exchange="Futures",
        state=STATES[running.kind] if running is not None else MarketState.CLOSED,
        sessions=sessions,
        next_change_at=min(changes, default=None),
        holiday=_reason(today, closures),
        early_close=_last(today, closures) == EARLY,
        at=now,
    )


def sessions_of(product: str, day: date, closures: Mapping[date, str] = {}) -> tuple[Session, ...]:
    """Those of a trading day, which begins the evening before; none at weekends and where there is no trading."""
    last = _last(day, closures)
    if last is None:
        return ()
    marks = [datetime.combine(day - DAY, EVENING, NEW_YORK), datetime.combine(day, last, NEW_YORK)]
    if product not in WITH_REGULAR_HOURS:
        return (Session(_utc(marks[0]), _utc(marks[1]), SessionKind.REGULAR),)
    if last == EARLY and day not in half_days(day.year):
        return (Session(_utc(marks[0]), _utc(marks[1]), SessionKind.PRE),)
    marks[1:1] = [datetime.combine(day, min(at, last), NEW_YORK) for at in REGULAR]
    spans = zip(SessionKind, pairwise(marks), strict=True)
    return tuple(Session(_utc(start), _utc(end), kind) for kind, (start, end) in spans if start < end)


def _coming(product: str, now: datetime, closures: Mapping[date, str]) -> tuple[Session, ...]:
    """Those of the trading day that runs or comes next, and of the one after it."""
    today = now.astimezone(NEW_YORK).date()
    days = (sessions_of(product, today + ahead * DAY, closures) for ahead in range(LOOK_AHEAD))
    coming = (spans for spans in days if spans and spans[-1].closes_at > now)
    return tuple(each for spans in islice(coming, 2) for each in spans)


def _last(day: date, closures: Mapping[date, str]) -> time | None:
    """When the trading day ends; None when there is none."""
    if day.weekday() >= SATURDAY or _reason(day, closures):
        return None
    return EARLY if day in half_days(day.year) or day in holidays(day.year) else AFTERNOON


def _reason(day: date, closures: Mapping[date, str]) -> str:
    """Why futures do not trade on a day, "" when they do, be it for part of it (or it is a weekend)."""
    name = closures.get(day) or holidays(day.year).get(day, "")
    return name if day in closures or day in PAST_CLOSURES or name in NO_TRADING else ""


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(timezone.utc)
