"""A second set of books, kept from nothing but the lines of a history: cash, positions, fees, gains, worth.

It shares no code with the simulator. ``Line`` is what either broker's wire (or the exchange) tells of an entry, so that
the same recount holds for all of them; ``lines_of`` makes them from the exchange's own entries.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")


@dataclass(frozen=True)
class Line:
    """One entry. ``change``: signed units; ``amount``: dollars that are not quantity × price × multiplier, signed:
    deposits, dividends, daily settlements, and deliveries of adjusted options. ``fees`` are negative."""

    symbol: str
    change: Decimal
    price: Decimal
    multiplier: Decimal
    fees: Decimal
    amount: Decimal | None = None
    moves_cash: bool = True
    is_settlement: bool = False


@dataclass
class Recount:
    """``carried``: futures' dollars that the daily settlements have not paid yet, at a price of 0."""

    cash: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    put_in: Decimal = Decimal(0)
    held: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    spent: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    carried: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    multipliers: dict[str, Decimal] = field(default_factory=dict)
    queues: dict[str, list[tuple[Decimal, Decimal]]] = field(default_factory=lambda: defaultdict(list))
    realized: Decimal = Decimal(0)

    def add(self, line: Line) -> None:
        self.fees += line.fees
        self.cash += line.fees
        if line.is_settlement:
            self.cash += line.amount
            self.carried[line.symbol] -= line.amount
        elif not line.change:
            self.cash += line.amount
            self.put_in += line.amount
        else:
            self._trade(line)

    def worth(self, marks: Mapping[str, Decimal]) -> Decimal:
        """Net liquidating value: cash, what is held at its mark, and futures' gains that are still owed."""
        total = self.cash + sum(self.carried.values())
        for symbol, quantity in self.held.items():
            if quantity:
                total += quantity * marks[symbol] * self.multipliers[symbol]
        return total.quantize(CENT, ROUND_HALF_UP)

    def open_cost(self) -> Decimal:
        """What is held has cost so much, first in, first out; not rounded."""
        return sum(
            (q * p * self.multipliers[symbol] for symbol, queue in self.queues.items() for q, p in queue), Decimal()
        )

    def _trade(self, line: Line) -> None:
        exact = -line.change * line.price * line.multiplier
        dollars = line.amount if line.amount is not None else exact.quantize(CENT, ROUND_HALF_UP)
        self.multipliers[line.symbol] = line.multiplier
        if line.moves_cash:
            self.cash += dollars
        else:
            self.carried[line.symbol] += dollars
        self.held[line.symbol] += line.change
        self._queue(line, -dollars / line.change / line.multiplier)

    def _queue(self, line: Line, price: Decimal) -> None:
        queue, left = self.queues[line.symbol], line.change
        while left and queue and queue[0][0] * left < 0:
            first, paid = queue[0]
            part = min(abs(first), abs(left)) * (1 if first > 0 else -1)
            self.realized += part * (price - paid) * line.multiplier
            left += part
            if first == part:
                queue.pop(0)
            else:
                queue[0] = (first - part, paid)
        if left:
            queue.append((left, price))


def recount(lines: Iterable[Line]) -> Recount:
    found = Recount()
    for line in lines:
        found.add(line)
    return found


def lines_of(entries: Iterable) -> list[Line]:
    """The exchange's own entries, in the order of their time."""
    return [_line(entry) for entry in sorted(entries, key=lambda one: (one.executed_at, one.transaction_id))]


def _line(entry) -> Line:
    fees = sum(entry.fees.values(), Decimal(0))
    symbol = str(entry.instrument) if entry.instrument else ""
    if entry.action is None:
        settles = entry.sub_kind == "mark_to_market"
        return Line(symbol, Decimal(0), Decimal(0), Decimal(1), fees, entry.value, is_settlement=settles)
    change = entry.quantity if entry.action.value.startswith("buy") else -entry.quantity
    future = symbol.startswith("/")
    delivered = entry.kind == "receive_deliver" and entry.price and not future
    return Line(
        symbol,
        change,
        entry.price,
        entry.multiplier,
        fees,
        entry.value if delivered else None,
        moves_cash=not future,
    )


def audit(account, balance, marks: Mapping[str, Decimal]) -> Recount:
    """Hold an account and its balance against a recount of its history, and against the law of all books.

    Gains by lot are rounded to the cent each time a lot is split, the recount's are not.
    """
    found = recount(lines_of(account.transactions))
    held = {str(i): p.quantity for i, p in account.positions.items() if p.quantity}
    assert account.cash == balance.cash == found.cash == found.cash.quantize(CENT)
    assert held == {symbol: quantity for symbol, quantity in found.held.items() if quantity}
    assert balance.net_liquidating_value == found.worth(marks)
    realized = sum((lot.realized for lot in account.closed_lots), Decimal(0))
    assert balance.net_liquidating_value == found.put_in + realized + balance.unrealized + found.fees
    slack = CENT * len(account.closed_lots) + Decimal("1e-9")
    assert abs(realized - found.realized) <= slack
    cost = sum((lot.cost for p in account.positions.values() for lot in p.lots), Decimal(0))
    assert abs(cost - found.open_cost()) <= slack
    for position in account.positions.values():
        assert position.quantity == sum((lot.quantity for lot in position.lots), Decimal(0))
        assert position.cost == sum((lot.cost for lot in position.lots), Decimal(0))
    return found
