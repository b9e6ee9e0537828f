"""What becomes of orders when those they belong with fill, end or are replaced."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from brokers.domain.instruments import Instrument
from brokers.domain.orders import Leg
from brokers.simulator.exchange.books.accounts import SimAccount
from brokers.simulator.exchange.floor.stops import COMPARATORS, Look
from brokers.simulator.exchange.orders.groups import Bond, SimGroup
from brokers.simulator.exchange.orders.orders import OrderStatus, SimOrder

ZERO = Decimal(0)
Told = Callable[[SimGroup], None]


class Hands(Protocol):
    """What the floor does for a group."""

    def end(self, order: SimOrder, status: OrderStatus, now: datetime, reason: str = "") -> None: ...
    def release(self, order: SimOrder, now: datetime) -> None: ...
    def touch(self, order: SimOrder, now: datetime) -> None: ...
    def underlying(self, instrument: Instrument) -> Instrument: ...


class Bonds:
    """The groups of all accounts. ``told`` hears of every change of a group."""

    def __init__(self, hands: Hands, told: Told) -> None:
        self.hands, self.told = hands, told
        self.groups: dict[int, tuple[SimAccount, SimGroup]] = {}
        self._children: dict[int, list[int]] = {}
        self._waiting_pairs: set[int] = set()

    def add(self, account: SimAccount, group: SimGroup) -> None:
        account.groups[group.group_id] = group
        self._keep(account, group)
        self.told(group)

    def load(self, account: SimAccount) -> None:
        for group in account.groups.values():
            self._keep(account, group)

    def clear(self) -> None:
        self.groups.clear()
        self._children.clear()
        self._waiting_pairs.clear()

    def bond(self, order: SimOrder) -> Bond | None:
        return self.groups[order.group_id][1].bond if order.group_id in self.groups else None

    def siblings(self, order: SimOrder) -> list[SimOrder]:
        """The other members of its group that are not done."""
        if order.group_id not in self.groups:
            return []
        account, group = self.groups[order.group_id]
        found = [account.orders[one] for one in group.member_ids if one != order.order_id]
        return [one for one in found if not one.is_terminal]

    def rivals(self, order: SimOrder) -> list[SimOrder]:
        """The siblings that it excludes: of them and it only one can fill."""
        return self.siblings(order) if self.bond(order) in (Bond.OCO, Bond.BRACKET) else []

    def under(self, order_id: int) -> list[SimGroup]:
        """The groups that wait until an order has filled."""
        return [self.groups[one][1] for one in self._children.get(order_id, [])]

    # What happens

    def traded(self, order: SimOrder, units: Decimal, now: datetime) -> None:
        """A member has traded: the others of an OCO are over, those of a bracket get smaller."""
        if order.group_id not in self.groups:
            return
        _, group = self.groups[order.group_id]
        if group.bond in (Bond.OCO, Bond.BRACKET) and group.trigger_id is None:
            group.trigger_id = order.order_id
            self.told(group)
        for other in self.siblings(order):
            if other.replaces_order_id == order.order_id:
                continue  # it is settled when the order it replaces ends
            if group.bond is Bond.OCO:
                self.hands.end(other, OrderStatus.CANCELLED, now, "Another order of its group has filled.")
            elif group.bond is Bond.BRACKET:
                self._take_off(other, units, now)

    def done(self, order: SimOrder, now: datetime) -> None:
        """An order has ended: what waited for it goes, or falls; its group ends with its last member."""
        for group in self.under(order.order_id):
            if order.status is OrderStatus.FILLED:
                self.let_go(group, now)
            else:
                self._fall(group, now)
        if order.group_id in self.groups:
            account, own = self.groups[order.group_id]
            if not own.is_terminal and all(account.orders[one].is_terminal for one in own.member_ids):
                own.terminal_at = now
                self._waiting_pairs.discard(own.group_id)
                self.told(own)

    def hand_over(self, old: SimOrder, new: SimOrder) -> None:
        """The replacement takes its predecessor's place: among its group, and for those that wait for it."""
        for group in self.under(old.order_id):
            group.parent_id = new.order_id
            account = self.groups[group.group_id][0]
            for one in group.member_ids:
                account.orders[one].parent_id = new.order_id
        if children := self._children.pop(old.order_id, None):
            self._children[new.order_id] = children

    def join(self, old: SimOrder, new: SimOrder) -> None:
        """A replacement belongs to the group of the order it replaces, from the first."""
        new.group_id, new.parent_id = old.group_id, old.parent_id
        if old.group_id in self.groups:
            self.groups[old.group_id][1].member_ids.append(new.order_id)

    def let_go(self, group: SimGroup, now: datetime) -> None:
        """Let the members go; pairs wait for their ratio first."""
        if group.bond is Bond.PAIRS:
            self._waiting_pairs.add(group.group_id)
        else:
            self._release(group, now)

    def watch(self, look: Look, now: datetime) -> None:
        """Release the pairs whose ratio is reached."""
        for group_id in sorted(self._waiting_pairs):
            account, group = self.groups[group_id]
            ratio = self.ratio(account, group, look)
            threshold = group.threshold
            if ratio is not None and threshold is not None and COMPARATORS[group.comparator](ratio, threshold):
                self._waiting_pairs.discard(group_id)
                self._release(group, now)

    def ratio(self, account: SimAccount, group: SimGroup, look: Look) -> Decimal | None:
        """Price of the first pair's underlying to the second's, or of the dollars of both."""
        values = []
        for order_id in group.member_ids[:2]:
            leg = account.orders[order_id].ticket.legs[0]
            book = look(self.hands.underlying(leg.instrument))
            if book is None or not book.last:
                return None
            values.append(book.last * leg.quantity if group.notional else book.last)
        return values[0] / values[1]

    # Inside

    def _keep(self, account: SimAccount, group: SimGroup) -> None:
        self.groups[group.group_id] = (account, group)
        if group.is_terminal or group.released_at is not None:
            return
        if group.parent_id is not None and account.orders[group.parent_id].status is not OrderStatus.FILLED:
            self._children.setdefault(group.parent_id, []).append(group.group_id)
        elif group.bond is Bond.PAIRS:
            self._waiting_pairs.add(group.group_id)

    def _release(self, group: SimGroup, now: datetime) -> None:
        group.released_at = now
        self.told(group)
        account = self.groups[group.group_id][0]
        for order_id in list(group.member_ids):
            order = account.orders[order_id]
            before = account.orders.get(order.replaces_order_id or 0)
            if order.status is OrderStatus.CONTINGENT and (before is None or before.is_terminal):
                self.hands.release(order, now)

    def _fall(self, group: SimGroup, now: datetime) -> None:
        account = self.groups[group.group_id][0]
        for order_id in group.member_ids:
            order = account.orders[order_id]
            if not order.is_terminal:
                self.hands.end(order, OrderStatus.CANCELLED, now, "The order it waited for has not filled.")

    def _take_off(self, order: SimOrder, units: Decimal, now: datetime) -> None:
        """Make a bracket's member smaller by what another has traded."""
        units = min(units, order.remaining)
        if units == order.remaining:
            self.hands.end(order, OrderStatus.CANCELLED, now, "Another order of its bracket has filled.")
            return
        order.cancelled_size += units
        resize(order, order.size - units)
        self.hands.touch(order, now)


def resize(order: SimOrder, units: Decimal) -> None:
    """Give an order another size, in units; what has traded stays."""
    part = units / order.size
    legs = []
    for state in order.legs:
        filled = state.filled
        state.leg = Leg(state.leg.instrument, state.leg.action, units * state.ratio)
        state.remaining = state.leg.quantity - filled
        legs.append(state.leg)
    order.reserve *= part
    order.ticket = replace(order.ticket, legs=tuple(legs))
