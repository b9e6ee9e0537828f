"""Orders that belong together: what is sent as one, and what the exchange keeps of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from brokers.domain.orders import InvalidTicket
from brokers.simulator.exchange.orders.tickets import Ticket

MOST_MEMBERS = 20


class Bond(StrEnum):
    """What members mean to each other.

    INDEPENDENT: nothing. OCO: any fill of one cancels the others. BRACKET: what one fills is taken off the others,
    which are cancelled when nothing is left of them. PAIRS: two members that leave together once the ratio of their
    underlyings' prices (first to second) is at or past a threshold.
    """

    INDEPENDENT = "independent"
    OCO = "oco"
    BRACKET = "bracket"
    PAIRS = "pairs"


@dataclass(frozen=True, slots=True)
class Node:
    """A ticket and what waits until it has filled; ``reference`` is the sender's own for this one order."""

    ticket: Ticket
    bundles: tuple[Bundle, ...] = ()
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Bundle:
    """Members under one bond. ``threshold`` and ``comparator`` are for pairs, whose ratio is of prices or, with
    ``notional``, of prices times quantities. ``InvalidTicket`` when it makes no sense."""

    bond: Bond
    nodes: tuple[Node, ...]
    threshold: Decimal | None = None
    comparator: Literal["gte", "lte"] = "gte"
    notional: bool = False

    def __post_init__(self) -> None:
        if not 1 <= len(self.nodes) <= MOST_MEMBERS:
            raise InvalidTicket("orders", f"A group has one to {MOST_MEMBERS} orders.")
        if (self.threshold is not None) != (self.bond is Bond.PAIRS):
            raise InvalidTicket("threshold", "A ratio goes with pairs, and only with them.")
        if self.bond is Bond.PAIRS and len(self.nodes) != 2:
            raise InvalidTicket("orders", "A pair has two orders.")
        if self.threshold is not None and (not self.threshold.is_finite() or self.threshold <= 0):
            raise InvalidTicket("threshold", "The ratio must be above 0.")


@dataclass(slots=True)
class SimGroup:
    """A group as the exchange keeps it.

    ``member_ids`` in the order they were sent, replacements after them. ``parent_id`` names the order that must fill
    first, ``trigger_id`` the member whose fill decided the others' fate. ``released_at`` is when the members were let
    go, ``terminal_at`` when the last of them was done.
    """

    group_id: int
    account_number: str
    bond: Bond
    created_at: datetime
    member_ids: list[int] = field(default_factory=list)
    parent_id: int | None = None
    trigger_id: int | None = None
    threshold: Decimal | None = None
    comparator: str = "gte"
    notional: bool = False
    released_at: datetime | None = None
    terminal_at: datetime | None = None
    reference: str | None = None
    source: str = ""

    @property
    def is_terminal(self) -> bool:
        return self.terminal_at is not None
