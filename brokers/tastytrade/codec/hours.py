"""When markets are open (section 4.11): GET /market-time/sessions/current, GET /market-time/…/holidays."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from brokers.domain import hours as calendar
from brokers.domain.market import MarketState, MarketStatus, Session, SessionKind
from brokers.wire import Node, Request, optional_instant, repeated

NEW_YORK = ZoneInfo("America/New_York")
HOLIDAYS = {
    "Equity": "/market-time/equities/holidays",
    "CME": "/market-time/futures/holidays/CME",
    "CFE": "/market-time/futures/holidays/CFE",
}
STATES = {
    "Open": MarketState.OPEN,
    "Closed": MarketState.CLOSED,
    "Pre-market": MarketState.PRE,
    "Extended": MarketState.POST,
}
KINDS = (SessionKind.PRE, SessionKind.REGULAR, SessionKind.POST)
TIMES = ("start-at", "open-at", "close-at", "close-at-ext")


@dataclass(frozen=True, slots=True)
class Days:
    """The days of one exchange that are not like others."""

    holidays: frozenset[date]
    half: frozenset[date]


def days_requests() -> Iterator[tuple[str, Request]]:
    for name, path in HOLIDAYS.items():
        yield name, Request("GET", path)


def read_days(node: Node) -> Days:
    data = node["data"]
    holidays, half = (
        frozenset(day.day() for day in data[key].items()) for key in ("market-holidays", "market-half-days")
    )
    return Days(holidays, half)


def sessions_request() -> Request:
    return Request("GET", "/market-time/sessions/current", repeated("instrument-collections[]", list(HOLIDAYS)))


def read_sessions(node: Node, days: Mapping[str, Days], now: datetime) -> list[MarketStatus]:
    return [_status(item, days, now) for item in node["data"]["items"].items()]


def _status(item: Node, days: Mapping[str, Days], now: datetime) -> MarketStatus:
    """While closed the times on top can already be those of the next session: spans are put in order, once each."""
    name = item["instrument-collection"].text()
    known = days.get(name, Days(frozenset(), frozenset()))
    coming = [_spans(item), *([_spans(item["next-session"])] if "next-session" in item else [])]
    sessions = sorted({span for spans in coming for span in spans}, key=lambda span: span.opens_at)
    today = now.astimezone(NEW_YORK).date()
    closed = today in known.holidays
    changes = (at for each in sessions for at in (each.opens_at, each.closes_at) if at > now)
    return MarketStatus(
        exchange=name,
        state=_state(item, now),
        sessions=tuple(sessions),
        next_change_at=min(changes, default=None),
        holiday=(calendar.holiday_name(today) or "Holiday") if closed else "",
        early_close=today in known.half,
        at=now,
    )


def _state(item: Node, now: datetime) -> MarketState:
    """A word that is not known is ``UNKNOWN``: to say "open" or "closed" of it would be a guess. The extended hours
    are those after the close, unless the open is still to come."""
    state = STATES.get(item["state"].text(), MarketState.UNKNOWN)
    opens_at, closes_at = optional_instant(item, "open-at"), optional_instant(item, "close-at")
    if state is MarketState.POST and opens_at is not None and closes_at is not None and now < opens_at:
        return MarketState.PRE
    return state


def _spans(item: Node) -> list[Session]:
    """The parts of a day, without those that have no length."""
    times = [optional_instant(item, key) for key in TIMES]
    parts = zip(KINDS, pairwise(times), strict=True)
    return [
        Session(start, end, kind)
        for kind, (start, end) in parts
        if start is not None and end is not None and start < end
    ]
