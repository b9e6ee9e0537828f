"""When markets are open, as an account's broker tells; of shares by the desk's own calendar where it does not."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from brokers import connections
from brokers.domain import hours
from brokers.domain.market import MarketState, MarketStatus
from brokers.errors import BrokerError
from brokers.models import Connection
from brokers.registry import spec

KEPT = timedelta(minutes=5)
AGAIN_AFTER_TROUBLE = timedelta(seconds=30)
OPEN = frozenset({MarketState.PRE, MarketState.OPEN, MarketState.POST})


@dataclass(frozen=True, slots=True)
class Hours:
    """``by_broker`` False: the desk's own calendar, of shares alone; ``error`` is then why, None where the broker tells
    no hours."""

    markets: tuple[MarketStatus, ...]
    by_broker: bool
    error: BrokerError | None = None


def hours_of(connection: Connection) -> Hours:
    """Kept till the next change of any market, five minutes at the longest. Raises nothing."""
    now = timezone.now()
    key = f"market-hours:{connection.broker}:{connection.environment}"
    known: Hours | None = cache.get(key)
    if known is not None and not any(_is_over(market, now) for market in known.markets):
        return known
    known = _ask(connection, now)
    cache.set(key, known, (AGAIN_AFTER_TROUBLE if known.error is not None else KEPT).total_seconds())
    return known


def own_calendar(now: datetime) -> MarketStatus:
    """How the share market stands by rule and by the closures that the installation names."""
    return hours.status(now, settings.MARKET_CLOSURES)


def is_trading(status: MarketStatus) -> bool:
    """Before, in or after regular hours. Of a market of which nothing is known it is not assumed."""
    return status.state in OPEN


def _is_over(market: MarketStatus, now: datetime) -> bool:
    return market.next_change_at is not None and market.next_change_at <= now


def _ask(connection: Connection, now: datetime) -> Hours:
    if not spec(connection.broker).capabilities.has_market_status:
        return Hours((own_calendar(now),), by_broker=False)
    try:
        return Hours(tuple(connections.broker_for(connection).get_market_status()), by_broker=True)
    except BrokerError as error:
        return Hours((own_calendar(now),), by_broker=False, error=error)
