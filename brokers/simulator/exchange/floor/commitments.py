"""What accounts' working orders hold back and mean to trade, kept as running totals."""

from collections.abc import Collection, Iterator
from decimal import ROUND_HALF_UP, Decimal

from brokers.domain.instruments import FutureOption, Instrument, Option
from brokers.domain.orders import Action
from brokers.simulator.exchange.orders.groups import Bond
from brokers.simulator.exchange.orders.orders import OrderStatus, SimLeg, SimOrder

ZERO, CENT = Decimal(0), Decimal("0.01")
Key = tuple[str, int | None]


class Commitments:
    """Only one member of a group that excludes the others counts: the one that holds back (or closes) most.

    Orders that wait for another one count for nothing.
    """

    def __init__(self) -> None:
        self._orders: dict[Key, dict[int, SimOrder]] = {}
        self._shares: dict[Key, Decimal] = {}
        self._totals: dict[str, Decimal] = {}
        self._held: dict[int, Decimal] = {}
        self._keys: dict[int, Key] = {}
        self._sides: dict[tuple[str, Instrument, bool], dict[int, SimOrder]] = {}

    def clear(self) -> None:
        for kept in (self._orders, self._shares, self._totals, self._held, self._keys, self._sides):
            kept.clear()

    def update(self, order: SimOrder, bond: Bond | None) -> None:
        """Take note of an order as it is now; what is done, or waits, is let go."""
        waits = order.status is OrderStatus.CONTINGENT and order.due_at is None
        if order.is_terminal or waits:
            self._drop(order)
            return
        exclusive = bond in (Bond.OCO, Bond.BRACKET)
        key = self._keys.setdefault(order.order_id, (order.account_number, order.group_id if exclusive else None))
        self._orders.setdefault(key, {})[order.order_id] = order
        for leg in order.legs:
            self._sides.setdefault(_side(order, leg), {})[order.order_id] = order
        self._weigh(key, order.order_id, order.holds)

    def reserved(self, number: str, without: Collection[int] = ()) -> Decimal:
        """Dollars that the account's orders hold back, some of them left aside; to the cent."""
        total = self._totals.get(number, ZERO)
        for order_id in without:
            key = self._keys.get(order_id)
            if key is None or key[0] != number:
                continue
            if key[1] is None:
                total -= self._held[order_id]
            else:
                rest = [self._held[one] for one in self._orders[key] if one not in without]
                total -= self._shares[key] - max(rest, default=ZERO)
                break
        return total.quantize(CENT, ROUND_HALF_UP)

    def on(
        self, number: str, instrument: Instrument, is_buy: bool, without: Collection[int] = ()
    ) -> Iterator[SimOrder]:
        """The account's orders with a leg on one side of an instrument."""
        found = self._sides.get((number, instrument, is_buy), {})
        return (order for order_id, order in found.items() if order_id not in without)

    def closing(self, number: str, instrument: Instrument, action: Action, without: Collection[int] = ()) -> Decimal:
        """How much of a position the orders with this action may close together."""
        most: dict[int | None, Decimal] = {}
        for order in self.on(number, instrument, action.is_buy, without):
            left = sum(
                (s.remaining for s in order.legs if (s.leg.instrument, s.leg.action) == (instrument, action)), ZERO
            )
            group = self._keys[order.order_id][1]
            most[group] = max(most.get(group, ZERO), left) if group is not None else most.get(None, ZERO) + left
        return sum(most.values(), ZERO)

    def opening(self, number: str, without: Collection[int] = ()) -> Iterator[SimLeg]:
        """Legs by which the account's orders open options; of orders that exclude each other those of one."""
        for (owner, group), orders in self._orders.items():
            if owner != number:
                continue
            found = [order for order_id, order in orders.items() if order_id not in without]
            for order in found[:1] if group is not None else found:
                yield from (leg for leg in order.legs if leg.leg.action.opens and _is_option(leg) and leg.remaining)

    def _weigh(self, key: Key, order_id: int, holds: Decimal) -> None:
        number, group = key
        before = self._held.get(order_id, ZERO)
        self._held[order_id] = holds
        if group is None:
            share = self._shares.get(key, ZERO) + holds - before
        else:
            share = max(self._held[one] for one in self._orders[key])
        self._totals[number] = self._totals.get(number, ZERO) + share - self._shares.get(key, ZERO)
        self._shares[key] = share

    def _drop(self, order: SimOrder) -> None:
        key = self._keys.get(order.order_id)
        if key is None:
            return
        self._weigh(key, order.order_id, ZERO)
        del self._keys[order.order_id], self._orders[key][order.order_id], self._held[order.order_id]
        if not self._orders[key]:
            self._totals[key[0]] -= self._shares[key]  # what divisions have left over
            del self._orders[key], self._shares[key]
        for leg in order.legs:
            self._sides.get(_side(order, leg), {}).pop(order.order_id, None)


def _is_option(leg: SimLeg) -> bool:
    return isinstance(leg.leg.instrument, Option | FutureOption)


def _side(order: SimOrder, leg: SimLeg) -> tuple[str, Instrument, bool]:
    return order.account_number, leg.leg.instrument, leg.leg.action.is_buy
