"""What trades do to a position: lots open, and close first in, first out, each with what it realized."""

from decimal import ROUND_HALF_UP, Decimal

from brokers.domain.instruments import Future
from brokers.simulator.exchange.books.accounts import BASIS_PLACES, ZERO, ClosedLot, Lot, SimPosition
from brokers.simulator.exchange.books.fees import CENT


def close(position: SimPosition, quantity: Decimal, price: Decimal, dollars: Decimal, entry: int) -> list[ClosedLot]:
    """Take ``quantity`` (unsigned, at most what is held) off the oldest lots for ``dollars`` in all (unsigned)."""
    side = 1 if position.quantity > 0 else -1
    whole, left, rest = quantity, quantity, side * dollars
    closed: list[ClosedLot] = []
    while left:
        lot = position.lots[0]
        part = min(left, abs(lot.quantity))
        got = rest if part == left else cents(side * dollars * part / whole)
        cost, carried = _split(lot, part)
        closed.append(_closed(position, lot, side * part, price, got - cost, entry))
        _account(position, side * part, price, got - cost, cost)
        if isinstance(position.instrument, Future):
            position.variation += got - carried
        left, rest = left - part, rest - got
        if not lot.quantity:
            del position.lots[0]
    return closed


def open_(position: SimPosition, quantity: Decimal, price: Decimal, dollars: Decimal, entry: int | None) -> None:
    """Add a lot of a signed quantity that cost ``dollars`` (signed)."""
    total = position.quantity + quantity
    if position.quantity == 0:
        position.day_open_price = price
    elif position.day_open_price is not None:
        before = position.day_open_price * position.quantity
        position.day_open_price = ((before + price * quantity) / total).quantize(BASIS_PLACES)
    position.lots.append(Lot(quantity, price, dollars, dollars, position.updated_at, entry))
    position.cost += dollars
    position.quantity = total


def rebase(position: SimPosition, price: Decimal) -> Decimal:
    """A future's daily settlement: what is owed since the last one, in cents; from now on it counts from here."""
    owed, position.variation, position.seen = position.variation, ZERO, None
    for lot in position.lots:
        now = cents(lot.quantity * price * position.multiplier)
        owed, lot.carried = owed + now - lot.carried, now
    return owed


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def _split(lot: Lot, part: Decimal) -> tuple[Decimal, Decimal]:
    """What a part of a lot cost, and at what it is carried; it leaves the lot."""
    side, whole = (1 if lot.quantity > 0 else -1), abs(lot.quantity)
    cost = lot.cost if part == whole else cents(lot.cost * part / whole)
    carried = lot.carried if part == whole else cents(lot.carried * part / whole)
    lot.cost -= cost
    lot.carried -= carried
    lot.quantity -= side * part
    return cost, carried


def _account(position: SimPosition, quantity: Decimal, price: Decimal, realized: Decimal, cost: Decimal) -> None:
    """Move the position's own figures by what was closed; ``quantity`` signed as it was held."""
    day_open = position.day_open_price if position.day_open_price is not None else price
    position.realized_today += realized
    position.realized_day += cents(quantity * (price - day_open) * position.multiplier)
    position.cost -= cost
    position.quantity -= quantity


def _closed(
    position: SimPosition, lot: Lot, quantity: Decimal, price: Decimal, realized: Decimal, entry: int
) -> ClosedLot:
    return ClosedLot(
        instrument=position.instrument,
        quantity=quantity,
        open_price=lot.price,
        close_price=price,
        realized=realized,
        opened_at=lot.opened_at,
        closed_at=position.updated_at,
        transaction_id=entry,
    )
