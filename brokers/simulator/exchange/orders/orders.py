"""Orders as the exchange keeps them, and what it foresees of one."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import reduce
from math import gcd

from brokers.domain.orders import Leg
from brokers.simulator.exchange.orders.tickets import Ticket


class OrderRefused(Exception):
    """The exchange says no, and nothing has happened. ``code`` is stable snake_case, ``message`` says why in words."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class OrderStatus(StrEnum):
    RECEIVED = "received"
    ROUTED = "routed"
    IN_FLIGHT = "in_flight"
    LIVE = "live"
    CONTINGENT = "contingent"
    CANCEL_REQUESTED = "cancel_requested"
    REPLACE_REQUESTED = "replace_requested"
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REJECTED = "rejected"

    @property
    def is_terminal(self) -> bool:
        return self in TERMINAL


TERMINAL = frozenset({OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REJECTED})
MATCHABLE = frozenset({OrderStatus.LIVE, OrderStatus.CANCEL_REQUESTED, OrderStatus.REPLACE_REQUESTED})
CANCELLABLE = frozenset(
    {OrderStatus.RECEIVED, OrderStatus.ROUTED, OrderStatus.IN_FLIGHT, OrderStatus.LIVE, OrderStatus.CONTINGENT}
)


@dataclass(slots=True)
class SimFill:
    """One execution: price per unit, unsigned. ``broken`` when it was declared void afterwards, ``corrected`` when its
    price was."""

    fill_id: str
    quantity: Decimal
    price: Decimal
    at: datetime
    broken: bool = False
    corrected: bool = False


@dataclass(slots=True)
class SimLeg:
    """A leg and what became of it. ``ratio`` is its quantity in one unit of the order, ``weight`` what its price
    counts for in the net price of a unit. ``unreported`` fills are in the books and not yet told of."""

    leg: Leg
    remaining: Decimal
    fills: list[SimFill] = field(default_factory=list)
    ratio: Decimal = Decimal(1)
    weight: Decimal = Decimal(1)
    unreported: list[SimFill] = field(default_factory=list)

    @property
    def filled(self) -> Decimal:
        return self.leg.quantity - self.remaining

    @property
    def traded(self) -> Decimal:
        """What is in the books, told of or not."""
        return self.filled + sum((fill.quantity for fill in self.unreported), Decimal(0))


@dataclass(slots=True)
class Preview:
    """What an order would do: dollars from the account's side, so a fee and a margin that grows are negative.

    ``fees`` by kind (commission, clearing, regulatory, proprietary); ``fee_parts`` breaks each kind down.
    ``margin_change`` is the change in the requirement, ``isolated_margin`` the order's own requirement alone.
    """

    fees: dict[str, Decimal]
    total_fees: Decimal
    buying_power_before: Decimal
    buying_power_after: Decimal
    buying_power_change: Decimal
    margin_change: Decimal
    isolated_margin: Decimal = Decimal(0)
    fee_parts: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    warnings: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class SimOrder:
    """An order from its arrival to its end. Only the exchange changes it.

    ``ticket`` is what works: a closing leg that closes nothing stands there as an opening one, a marketable limit has
    the limit it got. ``expires_at`` is when the order ends by itself, ``expire_reason`` why it then did; ``triggered``
    says that a stop's level was reached. ``queued``: it rests until its next session. ``trail_stop`` is the present
    level of a trailing stop, ``cancelled_size`` the units that were taken off it, ``amended`` how often it was changed
    in place. ``reserve`` is what the whole order ties up, ``due_at`` when its next state is due, ``doom`` why it will
    be rejected then. ``removed``: the house took it off, not its owner. ``waived`` names the house rules that do
    not hold for it. ``seen`` is for stops that want two ticks: the last book looked at, and the ticks in a row.
    """

    order_id: int
    account_number: str
    reference: str | None
    ticket: Ticket
    status: OrderStatus
    legs: list[SimLeg]
    received_at: datetime
    updated_at: datetime
    in_flight_at: datetime | None = None
    live_at: datetime | None = None
    cancelled_at: datetime | None = None
    terminal_at: datetime | None = None
    reject_reason: str = ""
    replaces_order_id: int | None = None
    replaced_by_order_id: int | None = None
    edited: bool = False
    source: str = ""
    username: str = ""
    warnings: list[tuple[str, str]] = field(default_factory=list)
    expires_at: datetime | None = None
    due_at: datetime | None = None
    triggered: bool = False
    reserve: Decimal = Decimal(0)
    last_fill_at: datetime | None = None
    preview: Preview | None = None
    group_id: int | None = None
    parent_id: int | None = None
    queued: bool = False
    triggered_at: datetime | None = None
    trail_stop: Decimal | None = None
    cancelled_size: Decimal = Decimal(0)
    amended: int = 0
    expire_reason: str = ""
    report_at: datetime | None = None
    doom: str = ""
    strict: bool = False
    removed: bool = False
    waived: tuple[str, ...] = ()
    seen: tuple[int, int] = (-1, 0)

    @property
    def is_terminal(self) -> bool:
        return self.status in TERMINAL

    @property
    def is_cancellable(self) -> bool:
        return self.status in CANCELLABLE

    @property
    def remaining(self) -> Decimal:
        """What is left, in whole ratio units for spreads, in units for a single leg."""
        return self.legs[0].remaining / self.legs[0].ratio

    @property
    def ratios(self) -> list[Decimal]:
        """Each leg's quantity in one unit of the order: 1 for a single leg."""
        return [leg.ratio for leg in self.legs]

    @property
    def size(self) -> Decimal:
        """Units of the order as it stands."""
        return self.legs[0].leg.quantity / self.legs[0].ratio

    @property
    def filled(self) -> Decimal:
        """Units that have traded."""
        return self.legs[0].filled / self.legs[0].ratio

    @property
    def holds(self) -> Decimal:
        """Dollars it holds back: its reserve in the measure in which it is still open."""
        if self.legs[0].remaining == self.legs[0].leg.quantity:
            return self.reserve
        return self.reserve * self.legs[0].remaining / self.legs[0].leg.quantity

    @property
    def is_broken(self) -> bool:
        """Whether one of its fills was declared void."""
        return any(fill.broken for leg in self.legs for fill in leg.fills)

    @property
    def fills(self) -> list[SimFill]:
        """What has traded and was told of; void fills are not among them."""
        return [fill for leg in self.legs for fill in leg.fills if not fill.broken]


def unit_ratios(quantities: list[Decimal]) -> list[Decimal]:
    """The smallest whole ratio of the legs' quantities."""
    if len(quantities) == 1:
        return [Decimal(1)]
    common = reduce(gcd, (int(quantity) for quantity in quantities))
    return [quantity / common for quantity in quantities]
