"""What an account asks of the exchange: legs, a type, a duration, and the terms under which the order works."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from brokers.domain.instruments import Instrument
from brokers.domain.orders import LARGEST, MAX_LEGS, InvalidTicket, Leg

MINUTES = (1, 3, 5)
MOST_CONDITIONS = 20


class OrderType(StrEnum):
    MARKET = "market"
    LIMIT = "limit"
    MARKETABLE_LIMIT = "marketable_limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    NOTIONAL_MARKET = "notional_market"

    @property
    def has_limit(self) -> bool:
        """Whether it is sent with a limit price: a marketable limit gets its own from the exchange."""
        return self in (OrderType.LIMIT, OrderType.STOP_LIMIT)

    @property
    def has_stop(self) -> bool:
        return self in (OrderType.STOP, OrderType.STOP_LIMIT)

    @property
    def is_market(self) -> bool:
        return self in (OrderType.MARKET, OrderType.NOTIONAL_MARKET)


class Duration(StrEnum):
    DAY = "day"
    GTC = "gtc"
    GTD = "gtd"
    IOC = "ioc"
    FOK = "fok"
    OPENING = "opening"
    CLOSING = "closing"
    MINUTES = "minutes"

    @property
    def is_lasting(self) -> bool:
        """Whether it outlives the session."""
        return self in (Duration.GTC, Duration.GTD)

    @property
    def is_immediate(self) -> bool:
        return self in (Duration.IOC, Duration.FOK)

    @property
    def is_auction(self) -> bool:
        return self in (Duration.OPENING, Duration.CLOSING)


class Hours(StrEnum):
    """The sessions in which an order works: each includes the ones before it."""

    REGULAR = "regular"
    EXTENDED = "extended"
    OVERNIGHT = "overnight"


class Watch(StrEnum):
    """What triggers a stop: the last trade; the bid for buys and the ask for sells; the other way round."""

    LAST = "last"
    BID_ASK = "bid_ask"
    ASK_BID = "ask_bid"


Indicator = Literal["last", "bid", "ask", "mid"]
Comparator = Literal["gte", "lte", "gt", "lt"]


@dataclass(frozen=True, slots=True)
class Trail:
    """How far a trailing stop stays behind the best price seen: in price units, or in percent of it."""

    amount: Decimal | None = None
    percent: Decimal | None = None

    def __post_init__(self) -> None:
        given = [one for one in (self.amount, self.percent) if one is not None]
        if len(given) != 1 or not given[0].is_finite() or given[0] <= 0:
            raise InvalidTicket("trail", "A trailing stop needs an amount or a percentage, above 0.")
        if self.percent is not None and self.percent >= 100:
            raise InvalidTicket("trail", "A trailing stop stays behind by less than 100 percent.")


@dataclass(frozen=True, slots=True)
class Component:
    """One part of a price of several instruments: ``units`` are signed, what is sold is below 0."""

    instrument: Instrument
    units: Decimal


@dataclass(frozen=True, slots=True)
class Condition:
    """A level of some instrument that lets the order go (``route``) or ends it (``cancel``).

    ``joined`` says how it goes with the condition before it of the same effect; the first one's is not looked at.
    With ``components`` it is their price together that counts: what is bought at the ask, what is sold at the bid
    (``indicator`` "last": at the last trades); a debit is above 0.
    """

    effect: Literal["route", "cancel"]
    instrument: Instrument
    indicator: Indicator
    comparator: Comparator
    threshold: Decimal
    joined: Literal["and", "or"] = "and"
    components: tuple[Component, ...] = ()


@dataclass(frozen=True, slots=True)
class Ticket:
    """What is asked for; one that is invalid can't be built (``InvalidTicket``).

    ``limit_price`` is the net price per unit from the account's side: credit positive, debit negative.
    ``stop_price`` and ``trail`` are market levels, unsigned. ``value`` is the dollars of a notional order, unsigned:
    the quantity of its leg is a placeholder on the way in, and shares once the exchange has worked them out.
    ``ticks`` in a row at or past the stop trigger it. ``minutes`` is the life of an order of that duration.
    """

    legs: tuple[Leg, ...]
    order_type: OrderType
    duration: Duration
    hours: Hours = Hours.REGULAR
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail: Trail | None = None
    value: Decimal | None = None
    gtd_date: date | None = None
    minutes: int | None = None
    all_or_none: bool = False
    display_quantity: Decimal | None = None
    post_only: bool = False
    watch: Watch = Watch.LAST
    ticks: int = 1
    start_at: datetime | None = None
    cancel_at: datetime | None = None
    conditions: tuple[Condition, ...] = ()

    def __post_init__(self) -> None:
        self._check_legs()
        self._check_prices()
        self._check_life()
        if (self.value is not None) != (self.order_type is OrderType.NOTIONAL_MARKET):
            raise InvalidTicket("value", "A dollar value goes with notional orders, and only with them.")
        for name in ("value", "display_quantity"):
            _check_number(name, getattr(self, name), above_zero=True)
        if self.ticks not in (1, 2):
            raise InvalidTicket("ticks", "A stop is triggered by one tick or by two in a row.")

    def _check_legs(self) -> None:
        if not 1 <= len(self.legs) <= MAX_LEGS:
            raise InvalidTicket("legs", f"An order has one to {MAX_LEGS} legs.")
        if len({leg.instrument for leg in self.legs}) < len(self.legs):
            raise InvalidTicket("legs", "Each leg needs an instrument of its own.")

    def _check_prices(self) -> None:
        if self.order_type is not OrderType.MARKETABLE_LIMIT:
            _check_wanted("limit_price", self.limit_price, self.order_type.has_limit)
        if self.trail is not None and not self.order_type.has_stop:
            raise InvalidTicket("trail", "Only stop orders can trail.")
        _check_wanted("stop_price", self.stop_price, self.order_type.has_stop and self.trail is None)
        _check_number("stop_price", self.stop_price, above_zero=True)
        _check_number("limit_price", self.limit_price)
        if len(self.legs) == 1 and self.limit_price is not None:
            self._check_single_sign(self.limit_price)

    def _check_single_sign(self, price: Decimal) -> None:
        if price == 0 or (price < 0) != self.legs[0].action.is_buy:
            side = "debit" if self.legs[0].action.is_buy else "credit"
            raise InvalidTicket("limit_price", f"This order is done for a {side}: give a price above 0.")

    def _check_life(self) -> None:
        if (self.gtd_date is not None) != (self.duration is Duration.GTD):
            raise InvalidTicket("gtd_date", "A date goes with good-till-date orders, and only with them.")
        if (self.minutes is not None) != (self.duration is Duration.MINUTES):
            raise InvalidTicket("minutes", "Minutes go with orders good for minutes, and only with them.")
        if self.minutes is not None and self.minutes not in MINUTES:
            raise InvalidTicket("minutes", "An order is good for 1, 3 or 5 minutes.")
        if len(self.conditions) > MOST_CONDITIONS:
            raise InvalidTicket("conditions", f"An order has at most {MOST_CONDITIONS} conditions.")


def _check_wanted(name: str, price: Decimal | None, wanted: bool) -> None:
    words = name.replace("_", " ")
    if wanted and price is None:
        raise InvalidTicket(name, f"This order type needs a {words}.")
    if price is not None and not wanted:
        raise InvalidTicket(name, f"This order type takes no {words}: leave it out.")


def _check_number(name: str, number: Decimal | None, above_zero: bool = False) -> None:
    if number is None:
        return
    words = name.replace("_", " ")
    if not number.is_finite() or abs(number) > LARGEST:
        raise InvalidTicket(name, f"The {words} must be a number.")
    if above_zero and number <= 0:
        raise InvalidTicket(name, f"The {words} must be above 0.")
