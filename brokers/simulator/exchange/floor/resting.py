"""Orders that wait at the market, kept so that a new book looks only at those it can reach."""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count

from brokers.domain.instruments import Instrument
from brokers.simulator.exchange.floor.stops import has_stop
from brokers.simulator.exchange.orders.orders import SimOrder
from brokers.simulator.market.book import Book

AT_ONCE = Decimal("-Infinity")
Side = tuple[Instrument, bool]
Entry = tuple[Decimal, int, SimOrder]


@dataclass(slots=True)
class Crowd:
    """What waits on one underlying. ``priced``: single legs by price, then time, for each side of an instrument;
    ``others``: spreads and stops, by time."""

    priced: dict[Side, list[Entry]] = field(default_factory=dict)
    others: dict[int, SimOrder] = field(default_factory=dict)


class Resting:
    """Price first, then time. Single legs come before spreads on the same books."""

    def __init__(self) -> None:
        self.crowds: dict[Instrument, Crowd] = {}
        self._where: dict[int, tuple[Instrument, Side | None, Entry]] = {}
        self._turns = count()

    def add(self, order: SimOrder, underlying: Instrument) -> None:
        """Take an order in behind those at its price; nothing happens to one that waits already."""
        if order.order_id in self._where:
            return
        crowd = self.crowds.setdefault(underlying, Crowd())
        limit = order.ticket.limit_price
        entry = (limit if limit is not None else AT_ONCE, next(self._turns), order)
        leg = order.ticket.legs[0]
        plain = len(order.legs) == 1 and not has_stop(order)
        side = (leg.instrument, leg.action.is_buy) if plain else None
        self._where[order.order_id] = (underlying, side, entry)
        if side is None:
            crowd.others[order.order_id] = order
        else:
            insort(crowd.priced.setdefault(side, []), entry)

    def discard(self, order: SimOrder) -> None:
        found = self._where.pop(order.order_id, None)
        if found is None:
            return
        underlying, side, entry = found
        crowd = self.crowds[underlying]
        if side is None:
            del crowd.others[order.order_id]
        else:
            line = crowd.priced[side]
            del line[bisect_left(line, entry)]
            if not line:
                del crowd.priced[side]
        if not crowd.priced and not crowd.others:
            del self.crowds[underlying]

    def clear(self) -> None:
        self.crowds.clear()
        self._where.clear()

    def reachable(self, underlying: Instrument, look: Callable[[Instrument], Book | None]) -> list[SimOrder]:
        """The orders on an underlying that the books on show may fill or trigger, in the order of their turn."""
        crowd = self.crowds.get(underlying)
        if crowd is None:
            return []
        found = [order for side, line in crowd.priced.items() for order in _within(line, side, look(side[0]))]
        return found + list(crowd.others.values())


def _within(line: list[Entry], side: Side, book: Book | None) -> Iterator[SimOrder]:
    """Orders of one side whose price the touch meets; both are from the accounts' side, so less is more willing."""
    touch = (book.ask if side[1] else book.bid) if book is not None else None
    if not touch:
        return
    level = -touch if side[1] else touch
    for price, _, order in line:
        if price > level:
            return
        yield order
