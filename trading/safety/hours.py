"""Whether markets are open: as the broker tells, else by the desk's own calendar; and when an order would be queued.

Unknown stays unknown, and the controls take it for closed where that matters.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from brokers import registry
from brokers.domain import futures_hours
from brokers.domain import hours as calendar
from brokers.domain.instruments import Crypto, Equity, Future, FutureOption, Index, Instrument, Option
from brokers.domain.market import MarketState, MarketStatus, SessionKind
from brokers.domain.orders import OrderTicket
from brokers.errors import BrokerError
from brokers.models import Account
from brokers.port import Broker
from trading.risk.terms import EXTENDED

NEW_YORK = ZoneInfo("America/New_York")
KEPT = 60
KEPT_FAILURE = 5
CFE_ROOTS = frozenset({"VX", "VXM"})
Kept = tuple[list[MarketStatus], str]


def states(
    account: Account, instruments: Iterable[Instrument], broker: Broker, now: datetime | None = None
) -> tuple[dict[Instrument, MarketState], str]:
    """How the market of each stands now, and why one that is left out is not known.

    A broker that tells no hours is reckoned by the desk's own calendar with real money. In its simulated environment
    they count as open: simulators keep hours of their own, and that a quote moves is looked at all the same.
    """
    at = now or timezone.now()
    known, trouble = _statuses(account, broker)
    found: dict[Instrument, MarketState] = {}
    for one in instruments:
        status = _status_of(account, one, known, at)
        if isinstance(one, Crypto) or (status is None and not _tells(account) and not account.connection.is_live):
            found[one] = MarketState.OPEN
        elif status is not None and (state := state_at(status, at)) is not MarketState.UNKNOWN:
            found[one] = state
    return found, trouble


def queued(account: Account, ticket: OrderTicket, broker: Broker, now: datetime | None = None) -> str:
    """«The market is closed: … will be queued for Mon 23 Nov 9:30 ET.», "" when it is open or not known."""
    at = now or timezone.now()
    known, _ = _statuses(account, broker)
    for leg in ticket.legs:
        status = None if isinstance(leg.instrument, Crypto) else _status_of(account, leg.instrument, known, at)
        if status is None or (state := state_at(status, at)) in (MarketState.OPEN, MarketState.UNKNOWN):
            continue
        if ticket.time_in_force in EXTENDED and state is not MarketState.CLOSED:
            continue
        opening = next((s.opens_at for s in status.sessions if s.kind is SessionKind.REGULAR and s.opens_at > at), None)
        why = f" ({status.holiday})" if status.holiday else ""
        when = f"for {opening.astimezone(NEW_YORK):%a %-d %b %-H:%M} ET" if opening is not None else "until it opens"
        return f"The market is not in its regular hours{why}: the order will be queued {when}."
    return ""


def state_at(status: MarketStatus, at: datetime) -> MarketState:
    """The state at a moment by what was told a little earlier: after the next change it is no longer known."""
    if status.next_change_at is not None and at >= status.next_change_at:
        return MarketState.UNKNOWN
    return status.state


def _tells(account: Account) -> bool:
    known = registry.BROKERS.get(account.connection.broker)
    return known is not None and known.capabilities.has_market_status


def _statuses(account: Account, broker: Broker) -> Kept:
    """What the broker tells, and why it does not; kept for a moment, the same for everyone who uses this broker."""
    if not _tells(account):
        return [], ""
    key = f"hours:{account.connection.broker}:{account.connection.environment}"
    kept: Kept | None = cache.get(key)
    if kept is None:
        try:
            kept = broker.get_market_status(), ""
        except BrokerError as error:
            kept = [], error.message
        cache.set(key, kept, KEPT_FAILURE if kept[1] else _while_it_holds(kept[0]))
    return kept


def _while_it_holds(statuses: Iterable[MarketStatus]) -> float:
    changes = [status.next_change_at for status in statuses if status.next_change_at is not None]
    until = min(changes, default=timezone.now() + timedelta(seconds=KEPT))
    return max(1.0, min(float(KEPT), (until - timezone.now()).total_seconds()))


def _status_of(
    account: Account, instrument: Instrument, known: Iterable[MarketStatus], at: datetime
) -> MarketStatus | None:
    if not _tells(account):
        return _reckoned(instrument, at) if account.connection.is_live else None
    exchange = _exchange(instrument)
    return next((status for status in known if status.exchange == exchange), None)


def _reckoned(instrument: Instrument, at: datetime) -> MarketStatus | None:
    """By the desk's own calendars; None for what has hours of its own, which is then not known."""
    match instrument:
        case Equity() | Option() | Index():
            return calendar.status(at, settings.MARKET_CLOSURES)
        case Future(product):
            return futures_hours.status(product, at, settings.MARKET_CLOSURES)
        case FutureOption(future):
            return _reckoned(future, at)
        case _:
            return None


def _exchange(instrument: Instrument) -> str:
    match instrument:
        case Equity() | Option() | Index():
            return "Equity"
        case Future(root):
            return "CFE" if root in CFE_ROOTS else "CME"
        case FutureOption(future):
            return _exchange(future)
        case _:
            return ""
