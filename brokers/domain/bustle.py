"""How often prices should move at a moment: whether silence on a stream is strange, by the market's hours; pure."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime, timedelta
from enum import IntEnum

from brokers.domain import futures_hours, hours
from brokers.domain.instruments import Crypto, Equity, Future, Index, Instrument
from brokers.domain.market import MarketState

SHARES, INDEXES, COINS = "shares", "indexes", "coins"
LAST_WORDS = timedelta(minutes=30)
"""Late prints and closing figures still come for so long after a close."""
LAST_WORDS_OF_INDEXES = timedelta(hours=1, minutes=15)
"""Their options trade on till a quarter past four, some in a session of their own till five."""


class Bustle(IntEnum):
    """What silence says. ``CLOSED``: nothing, unless prices had been moving all the same. ``CLOSING``: nothing, and
    that prices still come proves nothing either. ``THIN``: strange after a while. ``BUSY``: strange at once."""

    CLOSED = 0
    CLOSING = 1
    THIN = 2
    BUSY = 3


def market_of(instrument: Instrument) -> str | None:
    """The market whose hours it keeps, for ``bustle``: a future's is its product. None for what may stand still by
    nature, as options do."""
    match instrument:
        case Equity():
            return SHARES
        case Index():
            return INDEXES
        case Crypto():
            return COINS
        case Future(product):
            return product
        case _:
            return None


def markets_of(instruments: Iterable[Instrument]) -> frozenset[str]:
    return frozenset(market for each in instruments if (market := market_of(each)) is not None)


def bustle(markets: Collection[str], now: datetime, closures: Mapping[date, str] = {}) -> Bustle:
    """That of the busiest of these markets at an aware moment; ``closures`` as in ``hours``."""
    return max((_bustle(market, now, closures) for market in markets), default=Bustle.CLOSED)


def _bustle(market: str, now: datetime, closures: Mapping[date, str]) -> Bustle:
    match market:
        case "coins":
            return Bustle.BUSY
        case "shares" | "indexes":
            return _of_shares(market, now, closures)
        case _:
            return _of_futures(market, now, closures)


def _of_shares(market: str, now: datetime, closures: Mapping[date, str]) -> Bustle:
    state = _state(now, closures)
    if state is MarketState.OPEN:
        return Bustle.BUSY
    if market == INDEXES:
        return Bustle.CLOSING if _state(now - LAST_WORDS_OF_INDEXES, closures) is MarketState.OPEN else Bustle.CLOSED
    if state is not MarketState.CLOSED:
        return Bustle.THIN
    return Bustle.CLOSING if _state(now - LAST_WORDS, closures) is not MarketState.CLOSED else Bustle.CLOSED


def _of_futures(product: str, now: datetime, closures: Mapping[date, str]) -> Bustle:
    """Busy while shares are traded, thin in the other hours; of a product with hours of its own nothing is expected."""
    if _trades(product, now, closures):
        return Bustle.BUSY if _state(now, closures) is MarketState.OPEN else Bustle.THIN
    return Bustle.CLOSING if _trades(product, now - LAST_WORDS, closures) else Bustle.CLOSED


def _trades(product: str, now: datetime, closures: Mapping[date, str]) -> bool:
    status = futures_hours.status(product, now, closures)
    return status is not None and status.state is not MarketState.CLOSED


def _state(now: datetime, closures: Mapping[date, str]) -> MarketState:
    return hours.status(now, closures).state
