"""When an order can work: the sessions of what it trades, and the end of its life."""

from datetime import date, datetime, timedelta

from brokers.domain.instruments import Equity, Future, FutureOption, Instrument, Option
from brokers.simulator.exchange.orders.tickets import Duration, Hours, Ticket
from brokers.simulator.market.market import Market
from brokers.simulator.market.sessions import Calendar, Session, local_date

LONGEST = timedelta(days=90)
PHASES: dict[Hours, frozenset[str]] = {
    Hours.REGULAR: frozenset({"open"}),
    Hours.EXTENDED: frozenset({"open", "pre", "post"}),
    Hours.OVERNIGHT: frozenset({"open", "pre", "post", "overnight"}),
}
EXPIRING = (Option, Future, FutureOption)


def calendar_of(market: Market, instrument: Instrument) -> Calendar:
    return market.calendar(instrument)


class Venue:
    """Whether orders can work at a moment; the phase of each calendar is looked up once a moment."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self._at: datetime | None = None
        self._phases: dict[str, str] = {}

    def works(self, ticket: Ticket, now: datetime) -> bool:
        """Whether all its legs trade now, in hours in which the order wants to."""
        allowed = PHASES[ticket.hours if isinstance(ticket.legs[0].instrument, Equity) else Hours.REGULAR]
        return all(self.phase(calendar_of(self.market, leg.instrument), now) in allowed for leg in ticket.legs)

    def phase(self, calendar: Calendar, now: datetime) -> str:
        if self._at != now:
            self._at = now
            self._phases.clear()
        found = self._phases.get(calendar.collection)
        if found is None:
            found = self._phases[calendar.collection] = calendar.phase(now)
        return found


def ends(market: Market, ticket: Ticket, now: datetime) -> tuple[datetime | None, str]:
    """When an order taken now ends by itself, and why it then does; never after what it trades does."""
    at, reason = _own_end(market, ticket, now)
    last = [market.expires_at(leg.instrument) for leg in ticket.legs if isinstance(leg.instrument, EXPIRING)]
    if last and (at is None or min(last) <= at):
        return min(last), "The contract expired."
    return at, reason


def session_for(calendar: Calendar, hours: Hours, now: datetime) -> Session:
    """The session in which an order taken now works first, or goes on working."""
    if hours is not Hours.REGULAR and now < (latest := calendar.latest(now)).close_at_ext:
        return latest
    return calendar.session(now)


def _own_end(market: Market, ticket: Ticket, now: datetime) -> tuple[datetime | None, str]:
    calendar = calendar_of(market, ticket.legs[0].instrument)
    match ticket.duration:
        case Duration.GTC:
            return _close_on(calendar, ticket.hours, local_date(now + LONGEST)), "The order was good for 90 days."
        case Duration.GTD if ticket.gtd_date is not None:
            return _close_on(calendar, ticket.hours, ticket.gtd_date), "The order was good until this date."
        case Duration.OPENING:
            return _next_open(calendar, now), "The opening auction was at another price."
        case Duration.CLOSING:
            return calendar.session(now).close_at, "The closing auction was at another price."
        case _:
            return _close(session_for(calendar, ticket.hours, now), ticket.hours), "The session ended."


def _close(session: Session, hours: Hours) -> datetime:
    return session.close_at if hours is Hours.REGULAR else session.close_at_ext


def _close_on(calendar: Calendar, hours: Hours, day: date) -> datetime:
    """The end of a date's session, or of the last one before it."""
    found = calendar.on(day) or calendar.on(calendar.previous(day))
    if found is None:
        raise LookupError(f"There is no session on or before {day}.")
    return _close(found, hours)


def _next_open(calendar: Calendar, now: datetime) -> datetime:
    session = calendar.session(now)
    while session.open_at <= now:
        session = calendar.session(session.close_at)
    return session.open_at


def ends_of_day(session: Session) -> tuple[datetime, ...]:
    """The moments of a session at which something begins or ends."""
    return (session.start_at, session.open_at, session.close_at, session.close_at_ext)
