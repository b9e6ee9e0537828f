"""Market data as values: ticks from streams, the quote they add up to, chains, price increments."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal, TypeAlias

from brokers.domain.instruments import Instrument, Option


@dataclass(frozen=True, slots=True)
class Quote:
    """The newest known figures of one instrument; None is unknown. Prices per unit, sizes in units.

    ``mark`` is what the broker marks by; without one, ``fair_price`` derives it. ``prev_close`` is the close
    of the session before the current one. Greeks are per unit of the option: theta a day, vega and rho
    per one percentage point; ``volatility`` is a fraction (0.25 is 25 %).
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

    @property
    def fair_price(self) -> Decimal | None:
        """The price to value a holding by: the middle of a two-sided market, else the broker's mark, else the last."""
        return fair_price(self.bid, self.ask, self.mark, self.last)


QUOTE_FIELDS = tuple(field.name for field in fields(Quote) if field.name not in ("instrument", "as_of"))


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
    call: Option | None
    put: Option | None


@dataclass(frozen=True, slots=True)
class Expiration:
    """``kind``: regular, weekly, quarterly, end_of_month; ``settlement``: AM or PM; strikes ascending."""

    expiry: date
    kind: str
    settlement: str
    root: str
    multiplier: Decimal
    increments: PriceIncrements
    strikes: tuple[Strike, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """The options listed on one underlying, by expiry ascending. It holds no prices."""

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
