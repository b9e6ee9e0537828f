"""An order's life: its states, which may follow which, what a broker's word means. No framework, no clock.

Every move of every order is in ``NEXT``; a move that is not there does not happen (trading/models.py asks).
``python -m trading.lifecycle`` draws the table as docs/order-lifecycle.md, so that the picture cannot lie.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from brokers.domain.orders import BrokerStatus


class Status(StrEnum):
    DENIED = "denied"
    SENDING = "sending"
    UNKNOWN = "unknown"
    NEEDS_EYES = "needs_eyes"
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
    Status.DENIED: "Not allowed",
    Status.SENDING: "Sending",
    Status.UNKNOWN: "Unknown: checking",
    Status.NEEDS_EYES: "Needs your decision",
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
    Status.DENIED: "The desk's own checks did not let it out. Nothing was sent.",
    Status.SENDING: "It is written down here and on its way to the broker.",
    Status.UNKNOWN: "It was sent, but no clear answer came back: the broker may have it or not. "
    "We look it up in the broker's listings and never send it again by ourselves.",
    Status.NEEDS_EYES: "We can't find out by ourselves what became of it. Look at the broker's own site and tell here "
    "which of its orders this one is, or that none is. We keep looking meanwhile.",
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
NEVER_THERE = frozenset({Status.DENIED, Status.NOT_SENT, Status.REJECTED, Status.NOT_PLACED})
"""Over without a broker's order, as far as is known."""
TERMINAL = ENDED | NEVER_THERE
DOUBTFUL = frozenset({Status.UNKNOWN, Status.NEEDS_EYES})
"""It was sent, and what became of it is being found out."""
UNCERTAIN = DOUBTFUL | {Status.SENDING}
"""It may have been placed; only the broker knows."""

SUBMITTING = frozenset({Status.SENDING, Status.ACCEPTED})
WORKING = OPEN - SUBMITTING
DONE = TERMINAL
UNKNOWN = DOUBTFUL
PHASES: dict[Phase, frozenset[Status]] = {
    Phase.SUBMITTING: SUBMITTING,
    Phase.WORKING: WORKING,
    Phase.DONE: DONE,
    Phase.UNKNOWN: UNKNOWN,
}

NEXT: dict[Status, frozenset[Status]] = {
    Status.DENIED: frozenset(),
    Status.SENDING: SEEN | {Status.REJECTED, Status.NOT_SENT, Status.UNKNOWN},
    # Rejected, not sent: the answer to our one attempt came after we had begun to doubt it.
    Status.UNKNOWN: SEEN | {Status.NOT_PLACED, Status.REJECTED, Status.NOT_SENT, Status.NEEDS_EYES},
    # A person decides, or the broker's word comes after all.
    Status.NEEDS_EYES: SEEN | {Status.NOT_PLACED, Status.REJECTED, Status.NOT_SENT},
    # The late appearance: "not placed" is a belief drawn from listings, and the broker's word wins.
    Status.NOT_PLACED: SEEN,
    # Should not happen, but an order that works at the broker must never be hidden behind our "no":
    # a gateway may answer 429 for an order that it let pass.
    Status.REJECTED: SEEN,
    Status.NOT_SENT: SEEN,
    Status.ACCEPTED: SEEN - {Status.ACCEPTED},
    # Back to accepted: the broker took it from the venue again, to route it anew.
    Status.WORKING: SEEN - {Status.WORKING},
    # Back to work, nothing filled: the broker took back all that it had said was filled.
    Status.PARTIAL: SEEN - {Status.PARTIAL},
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

    def hear(self, status: Status, version: int, filled: Decimal, *, newer: bool = False) -> "Standing":
        """The standing after one more piece of news. News may come twice and in any order: the end is the same.

        The filled quantity only grows. An end counts whenever it is heard; else the newer version wins, and
        between equal or unsaid versions the later stage of an order's life, unless the news is known to be ``newer``.
        """
        most = max(self.filled, filled)
        base = status if self._gives_way_to(status, version, newer) else self.status
        if base in (Status.ACCEPTED, Status.WORKING) and most > 0:
            base = Status.PARTIAL
        return Standing(base, max(self.version, version), most)

    def _gives_way_to(self, status: Status, version: int, newer: bool) -> bool:
        if self.status in ENDED or status in ENDED or self.status not in OPEN:
            return can_move(self.status, status)
        if newer and version == self.version:
            return can_move(self.status, status)
        if version and self.version and version != self.version:
            return version > self.version and status is not self.status
        return RANK[status] > RANK[self.status]


class Asked(StrEnum):
    """How a replacement stands, apart from the order that it changes."""

    DENIED = "denied"
    SENDING = "sending"
    UNKNOWN = "unknown"
    ASKED = "asked"
    DONE = "done"
    NOT_APPLIED = "not_applied"
    REFUSED = "refused"
    NOT_SENT = "not_sent"


ASKED_LABELS: dict[Asked, str] = {
    Asked.DENIED: "Not allowed",
    Asked.SENDING: "Sending",
    Asked.UNKNOWN: "Unknown: checking",
    Asked.ASKED: "Asked for",
    Asked.DONE: "Replaced",
    Asked.NOT_APPLIED: "Not replaced",
    Asked.REFUSED: "Refused",
    Asked.NOT_SENT: "Not sent",
}
ASKED_MEANINGS: dict[Asked, str] = {
    Asked.DENIED: "The desk's own checks did not let it out. Nothing was sent; the order works as before.",
    Asked.SENDING: "It is written down here and on its way to the broker.",
    Asked.UNKNOWN: "It was sent, but no clear answer came back: the order may work on the old terms or the new ones. "
    "It is looked up, and nothing else is asked of this order meanwhile.",
    Asked.ASKED: "The broker has it. The order is not seen on the new terms yet.",
    Asked.DONE: "The order works on the new terms.",
    Asked.NOT_APPLIED: "The broker did not change the order: it is as it was, or it ended before.",
    Asked.REFUSED: "The broker answered no. The order works as before.",
    Asked.NOT_SENT: "Nothing reached the broker. The order works as before.",
}
ASKED_IN_DOUBT = frozenset({Asked.SENDING, Asked.UNKNOWN})
"""It may have been done; nothing else is asked of the order meanwhile."""
ASKED_OPEN = ASKED_IN_DOUBT | {Asked.ASKED}
ASKED_NEXT: dict[Asked, frozenset[Asked]] = {
    Asked.DENIED: frozenset(),
    Asked.SENDING: frozenset(Asked) - {Asked.SENDING, Asked.DENIED},
    Asked.UNKNOWN: frozenset(Asked) - {Asked.SENDING, Asked.UNKNOWN, Asked.DENIED},
    Asked.ASKED: frozenset({Asked.DONE, Asked.NOT_APPLIED}),
    Asked.DONE: frozenset(),
    # The late appearance, as of orders: the broker's word wins over our belief.
    Asked.NOT_APPLIED: frozenset({Asked.DONE}),
    Asked.REFUSED: frozenset({Asked.DONE}),
    Asked.NOT_SENT: frozenset({Asked.DONE}),
}


def draw() -> str:
    """The tables as a Markdown page with diagrams."""
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
    lines += ["", "```mermaid", "stateDiagram-v2", "    [*] --> sending", "    [*] --> denied"]
    lines += [f"    {before} --> {after}" for before in Status for after in Status if can_move(before, after)]
    return "\n".join([*lines, "```", *_draw_replacement(), ""])


def _draw_replacement() -> list[str]:
    lines = [
        "",
        "# A replacement's life",
        "",
        "A change of a working order is a row of its own, sent once; one at a time for orders that took each other's "
        "place.",
        "",
        "| State | Shown as | What it means | May be followed by |",
        "|---|---|---|---|",
    ]
    for asked in Asked:
        after = ", ".join(f"`{other}`" for other in Asked if other in ASKED_NEXT[asked]) or "nothing: final"
        lines.append(f"| `{asked}` | {ASKED_LABELS[asked]} | {ASKED_MEANINGS[asked]} | {after} |")
    lines += ["", "```mermaid", "stateDiagram-v2", "    [*] --> sending", "    [*] --> denied"]
    lines += [f"    {one} --> {other}" for one in Asked for other in Asked if other in ASKED_NEXT[one]]
    return [*lines, "```"]


if __name__ == "__main__":
    print(draw(), end="")
