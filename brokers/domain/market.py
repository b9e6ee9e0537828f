"""Market data as values: ticks from streams, the quote they add up to, chains, bars, market hours, metrics, lists."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Literal, TypeAlias

from brokers.domain.instruments import FutureOption, Instrument, Option


@dataclass(frozen=True, slots=True)
class Quote:
    """The newest known figures of one instrument; None is unknown. Prices per unit, sizes in units.

    ``mark`` is what the broker marks by; without one, ``fair_price`` derives it. ``prev_close`` is the close
    of the session before the current one. Greeks are per unit of the option: theta a day, vega and rho
    per one percentage point; ``volatility`` is a fraction (0.25 is 25 %). ``halted``: whether the exchange has stopped
    trading in it; ``halted_since``, where the broker tells. Both come with a quote that was asked for, not streamed.
    """

    instrument: Instrument
    as_of: datetime
    bid: Decimal | None = None
    ask: Decimal | None = None
    bid_size: Decimal | None = None
    ask_size: Decimal | None = None
    last: Decimal | None = None
    mark: Decimal | None = None
    open: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    prev_close: Decimal | None = None
    volume: Decimal | None = None
    open_interest: Decimal | None = None
    volatility: Decimal | None = None
    delta: Decimal | None = None
    gamma: Decimal | None = None
    theta: Decimal | None = None
    vega: Decimal | None = None
    rho: Decimal | None = None
    halted: bool | None = None
    halted_since: datetime | None = None

    @property
    def fair_price(self) -> Decimal | None:
        """The price to value a holding by: the middle of a two-sided market, else the broker's mark, else the last."""
        return fair_price(self.bid, self.ask, self.mark, self.last)


NO_FIGURES = ("instrument", "as_of", "halted", "halted_since")
QUOTE_FIELDS = tuple(part.name for part in fields(Quote) if part.name not in NO_FIGURES)


def fair_price(bid: Decimal | None, ask: Decimal | None, mark: Decimal | None, last: Decimal | None) -> Decimal | None:
    """Mid of a two-sided, uncrossed market; else mark; else last; else unknown."""
    if bid is not None and ask is not None and Decimal(0) < ask >= bid:
        return (bid + ask) / 2
    return mark if mark is not None else last


@dataclass(frozen=True, slots=True)
class Tick:
    """News about one instrument: the named quote fields have these values now (None: now unknown).

    Fields that are not named stay as they were.
    """

    instrument: Instrument
    values: Mapping[str, Decimal | None]
    at: datetime


@dataclass(frozen=True, slots=True)
class PriceIncrements:
    """The tick grid: pairs of (threshold, increment); an increment holds below its threshold, None is no limit."""

    steps: tuple[tuple[Decimal | None, Decimal], ...]

    def at(self, price: Decimal) -> Decimal | None:
        """The increment in force at a price, None when the grid says nothing about it."""
        for threshold, increment in self.steps:
            if threshold is None or abs(price) < threshold:
                return increment
        return None

    def fits(self, price: Decimal) -> bool:
        increment = self.at(price)
        return increment is None or price % increment == 0


@dataclass(frozen=True, slots=True)
class Details:
    """What a broker says of an instrument. ``multiplier``: dollars per point for one unit."""

    instrument: Instrument
    description: str
    increments: PriceIncrements
    multiplier: Decimal
    underlying: Instrument | None = None
    exchange: str = ""
    tradeable: bool = True
    has_options: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """One line of a symbol search."""

    instrument: Instrument
    description: str
    has_options: bool


@dataclass(frozen=True, slots=True)
class Strike:
    price: Decimal
    call: Option | FutureOption | None
    put: Option | FutureOption | None


@dataclass(frozen=True, slots=True)
class Expiration:
    """``kind``: regular, weekly, quarterly, end_of_month; ``settlement``: AM or PM; strikes ascending, none as long as
    they were not asked for.

    ``root`` is the options' own name: the OCC root, of options on a future the code of their contract.
    """

    expiry: date
    kind: str
    settlement: str
    root: str
    multiplier: Decimal
    increments: PriceIncrements
    strikes: tuple[Strike, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """The options listed on one share, index or future, by expiry ascending. It holds no prices."""

    underlying: Instrument
    expirations: tuple[Expiration, ...]


Interval: TypeAlias = timedelta | Literal["1d", "1w", "1mo"]
"""How long a bar lasts: whole minutes of less than a day, or a calendar span."""


@dataclass(frozen=True, slots=True)
class Bar:
    """What was traded in one span of time. Prices per unit.

    ``at`` is when the span begins; for a day and longer its first calendar day, at midnight UTC. ``is_closed`` False:
    the span is not over, the figures still move.
    """

    at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal | None = None
    is_closed: bool = True


class SessionKind(StrEnum):
    """Which part of a trading day: before, in, or after its regular hours."""

    PRE = "pre"
    REGULAR = "regular"
    POST = "post"


@dataclass(frozen=True, slots=True)
class Session:
    """A span in which is traded. Aware UTC; ``closes_at`` is no longer part of it."""

    opens_at: datetime
    closes_at: datetime
    kind: SessionKind


class MarketState(StrEnum):
    """``UNKNOWN``: nobody told, or in a word that is not known."""

    PRE = "pre"
    OPEN = "open"
    POST = "post"
    CLOSED = "closed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class MarketStatus:
    """When one exchange, or one class of instruments, trades.

    ``exchange`` is the broker's own name ("Equity", "CME"). ``sessions`` are those of this and the next trading day,
    ascending. ``next_change_at`` is when the state changes next, None when it is not known. ``holiday`` names the
    reason why there is no trading this day, "" where there is none or it has no name. ``early_close``: this day's
    regular hours end before their time. ``at`` is the moment for which this was said.
    """

    exchange: str
    state: MarketState
    sessions: tuple[Session, ...]
    next_change_at: datetime | None
    holiday: str
    early_close: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Metrics:
    """What a broker has worked out about an instrument; None where it does not tell.

    Volatilities, rank and percentile are fractions (0.25 is 25 %, a rank lies between 0 and 1). ``earnings_date`` is
    that of the coming report, ``earnings_time`` "before" or "after" the session, "" when not known.
    ``dividend_amount`` is that of one payment, per share; ``market_cap`` in dollars. ``expiration_ivs`` are the
    implied volatilities of the expirations.
    """

    instrument: Instrument
    iv_index: Decimal | None = None
    iv_rank: Decimal | None = None
    iv_percentile: Decimal | None = None
    hv30: Decimal | None = None
    beta: Decimal | None = None
    earnings_date: date | None = None
    earnings_time: str = ""
    dividend_amount: Decimal | None = None
    ex_dividend_date: date | None = None
    market_cap: Decimal | None = None
    pe: Decimal | None = None
    expiration_ivs: Mapping[date, Decimal] = field(default_factory=dict)
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Watchlist:
    """A named list of instruments that is kept at a broker, in its order. ``id`` is the broker's, "" for a new one."""

    id: str
    name: str
    instruments: tuple[Instrument, ...]
    writable: bool = True
