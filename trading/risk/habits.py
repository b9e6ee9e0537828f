"""Controls of what is unlike oneself: an order far larger than usual, or one that looks mistyped."""

from collections.abc import Iterator
from decimal import Decimal

from brokers.domain.orders import OrderTicket
from trading.patterns.confirming import Suspicion, fat_finger, size_jump
from trading.risk.bounds import Limits
from trading.risk.facts import Snapshot, units
from trading.risk.findings import Finding
from trading.risk.reducing import grows
from trading.risk.worth import notional


def check_habits(ticket: OrderTicket, snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    """SIZE_JUMP of what may make something bigger, FAT_FINGER."""
    if snapshot.habits is None:
        words = "What was sent to this account before could not be read: whether this order is unusual is not known."
        yield Finding("quantity", "SIZE_JUMP", words, hard=False)
        return
    if grows(ticket, snapshot):
        jump = size_jump(notional(ticket, snapshot), snapshot.habits.notionals)
        if jump is not None:
            yield Finding(jump.field, "SIZE_JUMP", jump.words, False, jump.numbers)
    slip = _slip(ticket, snapshot)
    if slip is not None:
        yield Finding(slip.field, "FAT_FINGER", slip.words, False, slip.numbers)


def _slip(ticket: OrderTicket, snapshot: Snapshot) -> Suspicion | None:
    if snapshot.habits is None:
        return None
    last = snapshot.habits.last.get(frozenset(leg.instrument for leg in ticket.legs))
    return fat_finger(units(ticket), _price(ticket), last)


def _price(ticket: OrderTicket) -> Decimal | None:
    """Per unit and unsigned, as of the last order."""
    return abs(ticket.limit_price) if ticket.limit_price is not None else ticket.stop_price
