"""All that the controls are told of an order's surroundings; what is None is not known."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from brokers.domain.accounts import Balance, Position, Restrictions
from brokers.domain.instruments import Instrument
from brokers.domain.market import Details, MarketState, Quote
from brokers.domain.orders import Leg, OrderTicket, OrderType
from brokers.port import Capabilities
from trading.patterns.confirming import Last


class TradingState(StrEnum):
    """ACTIVE: all goes. REDUCING: cancels, and orders that make nothing bigger than it is or may become by the order
    whose place they take. HALTED: cancels alone.
    """

    ACTIVE = "active"
    REDUCING = "reducing"
    HALTED = "halted"

    @property
    def severity(self) -> int:
        return ("active", "reducing", "halted").index(self.value)


@dataclass(frozen=True, slots=True)
class HaltNote:
    """One open halt in words: what it stops, and why."""

    scope: str
    state: TradingState
    reason: str


@dataclass(frozen=True, slots=True)
class Standing:
    """The worst state of all levels that an account is under, and the halts that make it so."""

    state: TradingState
    halts: tuple[HaltNote, ...] = ()


@dataclass(frozen=True, slots=True)
class Working:
    """An order that may still fill, by what is left of it. ``same_account`` False: another account of the person.

    Orders of one ``group`` cancel each other, or wait for each other: of two that close, only one will.
    """

    order_id: str
    legs: tuple[Leg, ...]
    order_type: OrderType | None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    same_account: bool = True
    group: str = ""
    symbols: tuple[str, ...] = ()
    """Of an order placed elsewhere that can't be read whole: what it is about."""


@dataclass(frozen=True, slots=True)
class Twin:
    """The very same order, sent before. ``uncertain``: nobody knows yet whether the broker has it."""

    order_id: str
    at: datetime
    uncertain: bool


@dataclass(frozen=True, slots=True)
class Sent:
    """How many orders this account was sent."""

    second: int = 0
    minute: int = 0
    day: int = 0


@dataclass(frozen=True, slots=True)
class SentByAll:
    """What all people of the installation were sent: orders within a second, dollars within a minute."""

    second: int = 0
    dollars: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Habits:
    """What the account was sent before: dollars of its latest orders, and the last one about the same instruments."""

    notionals: tuple[Decimal, ...] = ()
    last: Mapping[frozenset[Instrument], Last] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Effect:
    """What a broker's dry run says of buying power: dollars; ``change`` is signed from the account's side."""

    change: Decimal
    before: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that ``check`` needs, as of ``now``; None is unknown, and unknown is denied where it is needed.

    ``figures_at`` is when balance and positions were asked for, ``quotes_at`` when the quotes were. ``reserved`` is
    the buying power of orders that the balance may not contain yet. ``troubles`` say why something is not known.
    """

    now: datetime
    source: str
    key_id: str = ""
    """The name of the key that a program came with."""
    account: str = ""
    fingerprints: tuple[str, ...] = ()
    """Of the order, or of each of a group."""
    symbols: tuple[str, ...] = ()
    asked: tuple[frozenset[Instrument], ...] = ()
    """What the order, or each of a group, is about."""
    leaving_out: tuple[str, ...] = ()
    """Ids of orders that this one replaces."""
    instead_of: OrderTicket | None = None
    """What is left of the order whose place it takes, on the terms on which that one works."""
    capabilities: Capabilities | None = None
    not_ready: str | None = None
    """Why the connection can't take orders; "" when it can."""
    not_allowed: str | None = None
    """Why this account can't; "" when it can."""
    standing: Standing | None = None
    restrictions: Restrictions | None = None
    """What the broker keeps the account from."""
    details: Mapping[Instrument, Details] = field(default_factory=dict)
    quotes: Mapping[Instrument, Quote] = field(default_factory=dict)
    quotes_at: datetime | None = None
    balance: Balance | None = None
    positions: tuple[Position, ...] | None = None
    figures_at: datetime | None = None
    opening_value: Decimal | None = None
    """Net liq at the start of the session, where the broker tells it."""
    effect: Effect | None = None
    working: tuple[Working, ...] | None = None
    reserved: Decimal | None = None
    released: Decimal = Decimal(0)
    """The buying power that the broker holds for orders which this one replaces: its figure gives it back."""
    twins: tuple[Twin, ...] | None = None
    sent: Sent | None = None
    sent_by_all: SentByAll | None = None
    habits: Habits | None = None
    hours: Mapping[Instrument, MarketState] = field(default_factory=dict)
    """Whether the market of each is open now; one that is left out is not known. Asked for market orders alone."""
    refusals: int | None = None
    """Denials and rejections of this source within the last minute."""
    first_live_order: bool = False
    signal_at: datetime | None = None
    """When a program says that it made up its mind."""
    troubles: Mapping[str, str] = field(default_factory=dict)

    def why(self, part: str) -> str:
        """« (the broker can't be reached)», or "" where no reason is known."""
        trouble = self.troubles.get(part)
        return f" ({trouble.rstrip('.')})" if trouble else ""


def units(ticket: OrderTicket) -> Decimal:
    """How many times the order's smallest proportion is traded: what the net price is per."""
    quantities = [leg.quantity for leg in ticket.legs]
    if len(quantities) == 1 or any(quantity % 1 for quantity in quantities):
        return min(quantities)
    found = int(quantities[0])
    for quantity in quantities[1:]:
        other = int(quantity)
        while other:
            found, other = other, found % other
    return Decimal(found)


def closes(leg: Leg) -> bool:
    return leg.action.value.endswith("_to_close")


def signed(leg: Leg) -> Decimal:
    """What the leg does to a position."""
    return leg.quantity * leg.action.sign
