"""When markets are open (section 4.11)."""

from datetime import date, datetime, timedelta
from typing import Any

from brokers.simulator.market import Calendar, Market, Session
from brokers.simulator.market.sessions import Collection
from brokers.simulator.tastytrade.envelope import Reply, day_in, items, moment, not_found, wrong
from brokers.simulator.tastytrade.guard import Ask

COLLECTIONS: dict[str, Collection] = {
    "Equity": "equity",
    "CME": "cme",
    "CFE": "cfe",
    "Smalls": "cme",
    "Cryptocurrency": "crypto",
}
LONGEST_RANGE = timedelta(days=280)


def current_sessions(ask: Ask) -> Reply:
    """The session in progress of each collection asked for, with its neighbours."""
    wanted = (*ask.many("instrument-collections"), *ask.many("instrument-collection")) or ("Equity",)
    return items([current_json(_collection(name, "instrument-collections"), ask.world.market) for name in wanted])


def sessions_between(ask: Ask) -> Reply:
    start, end = day_in(ask.query, "from-date"), day_in(ask.query, "to-date")
    if start is None or end is None:
        raise wrong("from-date" if start is None else "to-date", "is missing")
    if end < start or end - start > LONGEST_RANGE:
        raise wrong("to-date", "must be within 9 months after from-date")
    name = _collection(ask.query.get("instrument-collection", "Equity"), "instrument-collection")
    calendar = calendar_of(ask.world.market, name)
    days = (start + timedelta(days=ahead) for ahead in range((end - start).days + 1))
    return items([session_json(found, name) for day in days if (found := calendar.on(day)) is not None])


def equity_session(ask: Ask) -> Reply:
    return _one("Equity", ask)


def future_session(ask: Ask) -> Reply:
    return _one(_collection(ask.names["collection"], "instrument-collection"), ask)


def future_sessions(ask: Ask) -> Reply:
    """The present sessions of all futures exchanges."""
    return items([current_json(name, ask.world.market) for name in ("CME", "CFE")])


def equity_holidays(ask: Ask) -> Reply:
    return Reply(holidays_json(calendar_of(ask.world.market, "Equity"), ask.world.today()))


def future_holidays(ask: Ask) -> Reply:
    name = _collection(ask.names["collection"], "instrument-collection")
    return Reply(holidays_json(calendar_of(ask.world.market, name), ask.world.today()))


def holidays_json(calendar: Calendar, today: date) -> dict[str, Any]:
    """Those of this year and the next that are still to come."""
    years = (today.year, today.year + 1)

    def ahead(days: set[date]) -> list[str]:
        return [day.isoformat() for day in sorted(days) if day >= today]

    return {
        "market-half-days": ahead({day for year in years for day in calendar.half_days(year)}),
        "market-holidays": ahead({day for year in years for day in calendar.holidays(year)}),
    }


def calendar_of(market: Market, name: str) -> Calendar:
    """The calendar of a collection at this market."""
    return Calendar(COLLECTIONS[name], market.always_open)


def _collection(name: str, parameter: str) -> str:
    found = {each.lower(): each for each in COLLECTIONS}.get(name.lower())
    if found is None:
        raise wrong(parameter, "does not have a valid value")
    return found


def _one(name: str, ask: Ask) -> Reply:
    market = ask.world.market
    calendar, when = calendar_of(market, name), ask.names["when"]
    if when == "current":
        return Reply(current_json(name, market))
    session = calendar.session(market.now)
    if when not in ("next", "previous"):
        raise not_found("session")
    neighbour = calendar.on(calendar.next(session.date) if when == "next" else calendar.previous(session.date))
    if neighbour is None:
        raise not_found("session")
    return Reply(session_json(neighbour, name))


def current_json(name: str, market: Market) -> dict[str, Any]:
    """The session in progress, or the next to come where none is, and the ones around it."""
    calendar = calendar_of(market, name)
    session, state = present(calendar, market.now)
    body: dict[str, Any] = {"instrument-collection": name, "state": state}
    body |= times_json(session)
    for key, day in (("next", calendar.next(session.date)), ("previous", calendar.previous(session.date))):
        if (neighbour := calendar.on(day)) is not None:
            body[f"{key}-session"] = session_json(neighbour, name)
    return body


def present(calendar: Calendar, now: datetime) -> tuple[Session, str]:
    """The session now, by the hours this broker announces: before and after them it is closed, and the next counts."""
    last, session = calendar.latest(now), calendar.session(now)
    if last.close_at <= now < last.close_at_ext:
        return last, "Extended"
    if session.holds(now):
        return session, "Open"
    return session, "Pre-market" if session.start_at <= now else "Closed"


def session_json(session: Session, name: str) -> dict[str, Any]:
    return {"instrument-collection": name, "session-date": session.date.isoformat()} | times_json(session)


def times_json(session: Session) -> dict[str, str]:
    return {
        "start-at": moment(session.start_at),
        "open-at": moment(session.open_at),
        "close-at": moment(session.close_at),
        "close-at-ext": moment(session.close_at_ext),
    }
