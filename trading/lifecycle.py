"""An order's life: its states, which may follow which, what a broker's word means. No framework, no clock.

Every move of every order is in ``NEXT``; a move that is not there does not happen (trading/models.py asks).
``python -m trading.lifecycle`` draws the table as docs/order-lifecycle.md, so that the picture cannot lie.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from brokers.domain.orders import BrokerStatus


class Status(StrEnum):
    SENDING = "sending"
    UNKNOWN = "unknown"
    NOT_SENT = "not_sent"
    REJECTED = "rejected"
    NOT_PLACED = "not_placed"
    ACCEPTED = "accepted"
    WORKING = "working"
    PARTIAL = "partially_filled"
    REPLACE_REQUESTED = "replace_requested"
    CANCEL_REQUESTED = "cancel_requested"
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    BROKER_REJECTED = "broker_rejected"
    REPLACED = "replaced"


class Phase(StrEnum):
    """What people are shown first."""

    SUBMITTING = "submitting"
    WORKING = "working"
    DONE = "done"
    UNKNOWN = "unknown"


LABELS: dict[Status, str] = {
    Status.SENDING: "Sending",
    Status.UNKNOWN: "Unknown: checking",
    Status.NOT_SENT: "Not sent",
    Status.REJECTED: "Rejected",
    Status.NOT_PLACED: "Not placed",
    Status.ACCEPTED: "Accepted",
    Status.WORKING: "Working",
    Status.PARTIAL: "Partly filled",
    Status.REPLACE_REQUESTED: "Replace requested",
    Status.CANCEL_REQUESTED: "Cancel requested",
    Status.FILLED: "Filled",
    Status.CANCELLED: "Cancelled",
    Status.EXPIRED: "Expired",
    Status.BROKER_REJECTED: "Rejected",
    Status.REPLACED: "Replaced",
}

MEANINGS: dict[Status, str] = {
    Status.SENDING: "It is written down here and on its way to the broker.",
    Status.UNKNOWN: "It was sent, but no clear answer came back: the broker may have it or not. "
    "We look it up in the broker's listings and never send it again by ourselves.",
    Status.NOT_SENT: "Nothing reached the broker. You may send it again as a new order.",
    Status.REJECTED: "The broker answered no. Nothing is working there.",
    Status.NOT_PLACED: "The broker's listings do not show it, looked at several times after a quiet while. "
    "We keep watching in case it appears late.",
    Status.ACCEPTED: "The broker has it; it is not at the exchange yet.",
    Status.WORKING: "It is live at the exchange and not filled yet.",
    Status.PARTIAL: "Part of it is filled; the rest is live at the exchange.",
    Status.REPLACE_REQUESTED: "A replacement is asked for; until the broker confirms, this order may still fill.",
    Status.CANCEL_REQUESTED: "A cancel is asked for; until the broker confirms, this order may still fill.",
    Status.FILLED: "All of it is filled.",
    Status.CANCELLED: "It is cancelled. What was filled before stays filled.",
    Status.EXPIRED: "Its time ran out. What was filled before stays filled.",
    Status.BROKER_REJECTED: "The broker or the exchange took it and then turned it down.",
    Status.REPLACED: "Another order took its place.",
}

OPEN = frozenset({Status.ACCEPTED, Status.WORKING, Status.PARTIAL, Status.REPLACE_REQUESTED, Status.CANCEL_REQUESTED})
"""At the broker, and may still fill."""
ENDED = frozenset({Status.FILLED, Status.CANCELLED, Status.EXPIRED, Status.BROKER_REJECTED, Status.REPLACED})
"""At the broker, and over."""
SEEN = OPEN | ENDED
"""What only a broker's word can make of an order."""
NEVER_THERE = frozenset({Status.NOT_SENT, Status.REJECTED, Status.NOT_PLACED})
"""Over without a broker's order, as far as is known."""
TERMINAL = ENDED | NEVER_THERE
UNCERTAIN = frozenset({Status.SENDING, Status.UNKNOWN})
"""It may have been placed; only the broker knows."""

SUBMITTING = frozenset({Status.SENDING, Status.ACCEPTED})
WORKING = OPEN - SUBMITTING
DONE = TERMINAL
UNKNOWN = frozenset({Status.UNKNOWN})
PHASES: dict[Phase, frozenset[Status]] = {
    Phase.SUBMITTING: SUBMITTING,
    Phase.WORKING: WORKING,
    Phase.DONE: DONE,
    Phase.UNKNOWN: UNKNOWN,
}

NEXT: dict[Status, frozenset[Status]] = {
    Status.SENDING: SEEN | {Status.REJECTED, Status.NOT_SENT, Status.UNKNOWN},
    # Rejected, not sent: the answer to our one attempt came after we had begun to doubt it.
    Status.UNKNOWN: SEEN | {Status.NOT_PLACED, Status.REJECTED, Status.NOT_SENT},
    # The late appearance: "not placed" is a belief drawn from listings, and the broker's word wins.
    Status.NOT_PLACED: SEEN,
    # Should not happen, but an order that works at the broker must never be hidden behind our "no":
    # a gateway may answer 429 for an order that it let pass.
    Status.REJECTED: SEEN,
    Status.NOT_SENT: SEEN,
    Status.ACCEPTED: SEEN - {Status.ACCEPTED},
    # Back to accepted: the broker took it from the venue again, to route it anew.
    Status.WORKING: SEEN - {Status.WORKING},
    Status.PARTIAL: SEEN - {Status.PARTIAL, Status.WORKING, Status.ACCEPTED},
    # Back to work: the broker turned the cancel or the replacement down.
    Status.REPLACE_REQUESTED: SEEN - {Status.REPLACE_REQUESTED},
    Status.CANCEL_REQUESTED: SEEN - {Status.CANCEL_REQUESTED},
    Status.FILLED: frozenset(),
    # The broker corrects itself: a fill had come first. No other end is ever left.
    Status.CANCELLED: frozenset({Status.FILLED}),
    Status.EXPIRED: frozenset({Status.FILLED}),
    Status.BROKER_REJECTED: frozenset({Status.FILLED}),
    Status.REPLACED: frozenset({Status.FILLED}),
}

RANK = {status: rank for rank, status in enumerate(Status)}
FROM_BROKER: dict[BrokerStatus, Status] = {
    BrokerStatus.RECEIVED: Status.ACCEPTED,
    BrokerStatus.ROUTED: Status.ACCEPTED,
    BrokerStatus.CONTINGENT: Status.ACCEPTED,
    BrokerStatus.WORKING: Status.WORKING,
    BrokerStatus.CANCEL_REQUESTED: Status.CANCEL_REQUESTED,
    BrokerStatus.REPLACE_REQUESTED: Status.REPLACE_REQUESTED,
    BrokerStatus.FILLED: Status.FILLED,
    BrokerStatus.CANCELLED: Status.CANCELLED,
    BrokerStatus.EXPIRED: Status.EXPIRED,
    BrokerStatus.REJECTED: Status.BROKER_REJECTED,
}


def can_move(before: Status, after: Status) -> bool:
    return after in NEXT[before]


def phase(status: Status) -> Phase:
    return next(name for name, members in PHASES.items() if status in members)


def from_broker(word: BrokerStatus, *, replaced: bool = False) -> Status:
    """The state a broker's word puts an order in; a cancelled order that another one replaces is replaced."""
    status = FROM_BROKER[word]
    return Status.REPLACED if replaced and status is Status.CANCELLED else status


@dataclass(frozen=True, slots=True)
class Standing:
    """How an order stands by all that was heard of it. ``version`` is the broker's newest counter (0: none)."""

    status: Status
    version: int = 0
    filled: Decimal = Decimal(0)

    def hear(self, status: Status, version: int, filled: Decimal) -> "Standing":
        """The standing after one more piece of news. News may come twice and in any order: the end is the same.

        The filled quantity only grows. An end counts whenever it is heard; else the newer version wins, and
        between equal or unsaid versions the later stage of an order's life.
        """
        most = max(self.filled, filled)
        base = status if self._gives_way_to(status, version) else self.status
        if base in (Status.ACCEPTED, Status.WORKING) and most > 0:
            base = Status.PARTIAL
        return Standing(base, max(self.version, version), most)

    def _gives_way_to(self, status: Status, version: int) -> bool:
        if self.status in ENDED or status in ENDED or self.status not in OPEN:
            return can_move(self.status, status)
        if version and self.version and version != self.version:
            return version > self.version and status is not self.status
        return RANK[status] > RANK[self.status]


def draw() -> str:
    """The table as a Markdown page with a diagram."""
    lines = [
        "# An order's life",
        "",
        "Drawn from `trading/lifecycle.py` by `python -m trading.lifecycle > docs/order-lifecycle.md`; a test "
        "compares the two.",
        "",
        "| State | Shown as | Phase | What it means | May be followed by |",
        "|---|---|---|---|---|",
    ]
    for status in Status:
        after = ", ".join(f"`{other}`" for other in Status if can_move(status, other)) or "nothing: final"
        lines.append(f"| `{status}` | {LABELS[status]} | {phase(status)} | {MEANINGS[status]} | {after} |")
    lines += ["", "```mermaid", "stateDiagram-v2", "    [*] --> sending"]
    lines += [f"    {before} --> {after}" for before in Status for after in Status if can_move(before, after)]
    return "\n".join([*lines, "```", ""])


if __name__ == "__main__":
    print(draw(), end="")
