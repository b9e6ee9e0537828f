"""Orders as the exchange keeps them, and what it foresees of one."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import reduce
from math import gcd

from brokers.domain.orders import Leg, OrderTicket


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
    """One execution: price per unit, unsigned."""

    fill_id: str
    quantity: Decimal
    price: Decimal
    at: datetime


@dataclass(slots=True)
class SimLeg:
    leg: Leg
    remaining: Decimal
    fills: list[SimFill] = field(default_factory=list)

    @property
    def filled(self) -> Decimal:
        return self.leg.quantity - self.remaining


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

    ``ticket`` is what works: a closing leg that closes nothing stands there as an opening one. ``expires_at``
    is None for orders without an end; ``triggered`` says that a stop's level was reached.
    """

    order_id: int
    account_number: str
    reference: str | None
    ticket: OrderTicket
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

    @property
    def is_terminal(self) -> bool:
        return self.status in TERMINAL

    @property
    def is_cancellable(self) -> bool:
        return self.status in CANCELLABLE

    @property
    def remaining(self) -> Decimal:
        """What is left, in whole ratio units for spreads, in units for a single leg."""
        return self.legs[0].remaining / self.ratios[0]

    @property
    def ratios(self) -> list[Decimal]:
        """Each leg's quantity in one unit of the order: 1 for a single leg."""
        return unit_ratios([leg.leg.quantity for leg in self.legs])

    @property
    def size(self) -> Decimal:
        """Units of the order as placed."""
        return self.legs[0].leg.quantity / self.ratios[0]

    @property
    def fills(self) -> list[SimFill]:
        return [fill for leg in self.legs for fill in leg.fills]


def unit_ratios(quantities: list[Decimal]) -> list[Decimal]:
    """The smallest whole ratio of the legs' quantities."""
    if len(quantities) == 1:
        return [Decimal(1)]
    common = reduce(gcd, (int(quantity) for quantity in quantities))
    return [quantity / common for quantity in quantities]
