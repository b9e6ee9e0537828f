"""Orders as values: what is asked for, what a broker foresees, what it reports."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from brokers.domain.instruments import Future, FutureOption, Index, Instrument

MAX_LEGS = 4
MAX_MEMBERS = 20
LARGEST = Decimal(10) ** 9


class Action(StrEnum):
    BUY_TO_OPEN = "buy_to_open"
    SELL_TO_OPEN = "sell_to_open"
    BUY_TO_CLOSE = "buy_to_close"
    SELL_TO_CLOSE = "sell_to_close"
    BUY = "buy"
    SELL = "sell"

    @property
    def is_buy(self) -> bool:
        return self in (Action.BUY, Action.BUY_TO_OPEN, Action.BUY_TO_CLOSE)

    @property
    def opens(self) -> bool:
        return self in (Action.BUY_TO_OPEN, Action.SELL_TO_OPEN)

    @property
    def sign(self) -> int:
        """+1 when it adds to a position, −1 when it takes away."""
        return 1 if self.is_buy else -1


class OrderType(StrEnum):
    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TRAILING_STOP = "trailing_stop"
    MARKETABLE_LIMIT = "marketable_limit"
    """At the market, under a limit that the broker sets by the price it meets there."""

    @property
    def words(self) -> str:
        return self.replace("_", " ")

    @property
    def has_limit(self) -> bool:
        return self in (OrderType.LIMIT, OrderType.STOP_LIMIT)

    @property
    def takes_market(self) -> bool:
        """Whether it is filled at once at what the market asks: nobody named a price."""
        return self in (OrderType.MARKET, OrderType.MARKETABLE_LIMIT)

    @property
    def has_stop(self) -> bool:
        return self in (OrderType.STOP, OrderType.STOP_LIMIT)

    @property
    def has_trail(self) -> bool:
        return self is OrderType.TRAILING_STOP

    @property
    def waits(self) -> bool:
        """Whether it comes into the market only when the market has moved against the position."""
        return self.has_stop or self.has_trail


class TimeInForce(StrEnum):
    DAY = "day"
    GTC = "gtc"
    GTD = "gtd"
    IOC = "ioc"
    FOK = "fok"
    EXT = "ext"
    GTC_EXT = "gtc_ext"
    OVERNIGHT = "ext_overnight"
    GTC_OVERNIGHT = "gtc_ext_overnight"
    GTD_EXT = "gtd_ext"
    OPEN = "at_open"
    CLOSE = "at_close"
    MINUTE = "1_minute"
    MINUTES_3 = "3_minutes"
    MINUTES_5 = "5_minutes"

    @property
    def has_date(self) -> bool:
        """Whether it goes with a last day."""
        return self in (TimeInForce.GTD, TimeInForce.GTD_EXT)


class Effect(StrEnum):
    """Which way money goes, from the account's side."""

    CREDIT = "credit"
    DEBIT = "debit"


class BrokerStatus(StrEnum):
    """Where an order stands at a broker, in one vocabulary for all brokers."""

    RECEIVED = "received"
    ROUTED = "routed"
    CONTINGENT = "contingent"
    WORKING = "working"
    CANCEL_REQUESTED = "cancel_requested"
    REPLACE_REQUESTED = "replace_requested"
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REJECTED = "rejected"


class InvalidTicket(ValueError):
    """A ticket that cannot be: ``field`` names the part at fault, the text says what to do."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Leg:
    """One instrument of an order. ``quantity`` is unsigned: the action says the direction."""

    instrument: Instrument
    action: Action
    quantity: Decimal

    def __post_init__(self) -> None:
        if isinstance(self.instrument, Index):
            raise InvalidTicket("symbol", f"{self.instrument} is an index: it can be watched, not traded.")
        if not self.quantity.is_finite() or self.quantity <= 0:
            raise InvalidTicket("quantity", "The quantity must be a number above 0.")
        if self.quantity > LARGEST:
            raise InvalidTicket("quantity", "The quantity is too large.")
        outright = isinstance(self.instrument, Future)
        if outright != (self.action in (Action.BUY, Action.SELL)) and not isinstance(self.instrument, FutureOption):
            raise InvalidTicket("action", "Futures are bought and sold; all else is opened or closed.")


@dataclass(frozen=True, slots=True)
class Trail:
    """How far a trailing stop stays behind the market, above 0: in the price's own units, or in percent of it."""

    amount: Decimal
    is_percent: bool = False

    def __post_init__(self) -> None:
        if not self.amount.is_finite() or not 0 < self.amount <= LARGEST:
            raise InvalidTicket("trail", "Say how far the stop stays behind the market: a number above 0.")
        if self.is_percent and self.amount >= 100:
            raise InvalidTicket("trail", "A stop stays less than 100 percent behind the market.")


@dataclass(frozen=True, slots=True)
class OrderTicket:
    """What a trader asks for; one that is invalid can't be built (``InvalidTicket``).

    ``limit_price`` is the net price per unit from the account's side: credit positive, debit negative.
    Buying a share at 190.00 at the most is −190.00. ``stop_price`` is a market level, unsigned. ``trail`` takes its
    place in a trailing stop, whose level follows the market.
    """

    legs: tuple[Leg, ...]
    order_type: OrderType
    time_in_force: TimeInForce
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    gtd_date: date | None = None
    trail: Trail | None = None

    def __post_init__(self) -> None:
        self._check_legs()
        self._check_trail()
        self._check_price("limit_price", self.limit_price, self.order_type.has_limit)
        self._check_price("stop_price", self.stop_price, self.order_type.has_stop)
        if self.stop_price is not None and self.stop_price <= 0:
            raise InvalidTicket("stop_price", "The stop price must be above 0.")
        if (self.gtd_date is not None) != self.time_in_force.has_date:
            raise InvalidTicket("gtd_date", "A date goes with good-till-date orders, and only with them.")
        if len(self.legs) == 1 and self.limit_price is not None:
            self._check_single_sign(self.limit_price)

    def _check_legs(self) -> None:
        if not 1 <= len(self.legs) <= MAX_LEGS:
            raise InvalidTicket("legs", f"An order has one to {MAX_LEGS} legs.")
        if len({leg.instrument for leg in self.legs}) < len(self.legs):
            raise InvalidTicket("legs", "Each leg needs an instrument of its own.")

    def _check_trail(self) -> None:
        if self.order_type.has_trail and self.trail is None:
            raise InvalidTicket("trail", "Say how far the stop stays behind the market.")
        if self.trail is not None and not self.order_type.has_trail:
            raise InvalidTicket("trail", "This order type follows no market: leave the trail out.")
        if self.trail is not None and len(self.legs) > 1:
            raise InvalidTicket("order_type", "A trailing stop follows one instrument: it has one leg.")

    def _check_price(self, name: str, price: Decimal | None, wanted: bool) -> None:
        words = name.replace("_", " ")
        if wanted and price is None:
            raise InvalidTicket(name, f"This order type needs a {words}.")
        if price is None:
            return
        if not wanted:
            raise InvalidTicket(name, f"This order type takes no {words}: leave it out.")
        if not price.is_finite() or abs(price) > LARGEST:
            raise InvalidTicket(name, f"The {words} must be a number.")

    def _check_single_sign(self, price: Decimal) -> None:
        if price == 0 or (price < 0) != self.legs[0].action.is_buy:
            side = "debit" if self.legs[0].action.is_buy else "credit"
            raise InvalidTicket("limit_price", f"This order is done for a {side}: give a price above 0.")

    @property
    def effect(self) -> Effect | None:
        """Whether the limit price is paid or received; None without a limit."""
        if self.limit_price is None:
            return None
        return Effect.CREDIT if self.limit_price > 0 else Effect.DEBIT


class GroupKind(StrEnum):
    OCO = "oco"
    OTO = "oto"
    BRACKET = "bracket"


MEMBERS = {
    GroupKind.OCO: (2, MAX_MEMBERS, f"Two to {MAX_MEMBERS} orders can cancel each other."),
    GroupKind.OTO: (1, 1, "One order waits for the first."),
    GroupKind.BRACKET: (2, 2, "A bracket has two orders: one at a profit (a limit), one at a stop."),
}
"""How many orders a group has beside its trigger, at the least and at the most, and words for another number."""


@dataclass(frozen=True, slots=True)
class OrderGroup:
    """Orders that hang together, sent as one; one that is invalid can't be built (``InvalidTicket``).

    OCO: no trigger, two or more orders of which one cancels the rest. OTO: a trigger, and one order that waits for
    it. BRACKET: a trigger, and two orders that close what it opens, at a profit and at a stop, of which one cancels
    the other. ``orders`` are those without the trigger.
    """

    kind: GroupKind
    orders: tuple[OrderTicket, ...]
    trigger: OrderTicket | None = None

    def __post_init__(self) -> None:
        if (self.trigger is not None) != (self.kind is not GroupKind.OCO):
            raise InvalidTicket("trigger", "A first order goes with orders that wait for it, and only with them.")
        least, most, words = MEMBERS[self.kind]
        if not least <= len(self.orders) <= most:
            raise InvalidTicket("orders", words)
        if self.trigger is not None and self.kind is GroupKind.BRACKET:
            self._check_bracket(self.trigger)

    def _check_bracket(self, trigger: OrderTicket) -> None:
        kinds = [order.order_type for order in self.orders]
        if kinds.count(OrderType.LIMIT) != 1 or sum(kind.waits for kind in kinds) != 1:
            raise InvalidTicket("orders", MEMBERS[GroupKind.BRACKET][2])
        opened = {leg.instrument: leg.quantity * leg.action.sign for leg in trigger.legs}
        for order in self.orders:
            if {leg.instrument: -leg.quantity * leg.action.sign for leg in order.legs} != opened:
                raise InvalidTicket("orders", "The orders of a bracket close just what the first one opens.")

    @property
    def tickets(self) -> tuple[OrderTicket, ...]:
        """All of them, the trigger first."""
        return (self.trigger, *self.orders) if self.trigger is not None else self.orders


@dataclass(frozen=True, slots=True)
class Notice:
    """A broker's remark: ``code`` is its own, ``message`` its words."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Fee:
    """Dollars, from the account's side: a fee is negative."""

    name: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Preview:
    """A broker's answer to "what would this do": dollars from the account's side; None where it does not say."""

    buying_power_before: Decimal | None
    buying_power_after: Decimal | None
    buying_power_change: Decimal | None
    margin_change: Decimal | None
    fees: tuple[Fee, ...]
    total_fees: Decimal | None
    warnings: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution. ``fill_id`` is the broker's and unique within an order; price per unit, unsigned."""

    fill_id: str
    instrument: Instrument
    quantity: Decimal
    price: Decimal
    filled_at: datetime


@dataclass(frozen=True, slots=True)
class LegState:
    """A leg as the broker has it.

    A broker that tells each execution gives ``fills``. One that tells sums alone gives ``executed``, all that was
    executed so far, and ``average_price``, per unit and unsigned, of just that quantity; there ``fills`` is empty and
    single fills are what two reports differ by. ``executed`` None: not said. ``average_price`` None: not said (yet).
    """

    leg: Leg
    remaining: Decimal
    fills: tuple[Fill, ...] = ()
    executed: Decimal | None = None
    average_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class OrderUpdate:
    """An order as a broker reports it, whole: from a listing, an answer or a stream.

    ``client_ref`` is our reference as echoed, None when the order is not ours or the broker does not echo it.
    ``broker_status`` is the broker's own word. ``version`` grows with each change at the broker (0: not said).
    ``order_type`` and ``time_in_force`` are the broker's own words when the desk has none for them. ``group_id`` is
    the broker's number of the group that it belongs to; ``gtd_date`` the last day of an order that has one. Of a
    trailing stop ``stop_price`` is where the stop stands now.
    """

    account_number: str
    broker_order_id: str
    client_ref: str | None
    status: BrokerStatus
    broker_status: str
    order_type: str
    time_in_force: str
    limit_price: Decimal | None
    stop_price: Decimal | None
    legs: tuple[LegState, ...]
    received_at: datetime | None
    updated_at: datetime | None
    version: int = 0
    reject_reason: str = ""
    replaces_order_id: str | None = None
    replaced_by_order_id: str | None = None
    cancellable: bool | None = None
    group_id: str | None = None
    gtd_date: date | None = None
    trail: Trail | None = None

    @property
    def fills(self) -> tuple[Fill, ...]:
        return tuple(fill for state in self.legs for fill in state.fills)


@dataclass(frozen=True, slots=True)
class Placed:
    """A broker's acceptance of an order: what it holds now, and its remarks."""

    order: OrderUpdate
    warnings: tuple[Notice, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class PlacedGroup:
    """A broker's answer to a group, a member for each of ``OrderGroup.tickets``, in their order.

    A member that it refused while it took others is told as rejected, with the reason; its ``broker_order_id`` is ""
    where the broker named none. ``group_id`` None: the broker tells no number.
    """

    group_id: str | None
    orders: tuple[Placed, ...]
