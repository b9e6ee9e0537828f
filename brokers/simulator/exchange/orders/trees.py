"""Orders that are sent as one: a parent with what waits for it, a group; looked at whole, then numbered and taken."""

from collections.abc import Iterator

from brokers.simulator.exchange.books.accounts import SimAccount
from brokers.simulator.exchange.floor.routing import GROUP_PAUSE
from brokers.simulator.exchange.orders.entry import ZERO, Coming, Entry, Sender
from brokers.simulator.exchange.orders.groups import Bond, Bundle, Node, SimGroup
from brokers.simulator.exchange.orders.orders import OrderRefused, OrderStatus, Preview, SimOrder
from brokers.simulator.exchange.orders.tickets import Ticket

Examined = tuple[Ticket, Preview]


class Trees:
    """Takes nodes and bundles for the accounts it is given."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.floor, self.ids, self.now = entry.floor, entry.ids, entry.now

    def examine_node(
        self, account: SimAccount, node: Node, sender: Sender, coming: Coming | None = None
    ) -> list[Examined]:
        """A node's own order and then all that hangs on it, depth first."""
        found = [self.entry.examine(account, node.ticket, sender, (), coming)]
        after = dict(coming or {})
        for leg in found[0][0].legs:
            after[leg.instrument] = after.get(leg.instrument, ZERO) + leg.quantity * leg.action.sign
        for bundle in node.bundles:
            found += self.examine_bundle(account, bundle, sender, after)
        return found

    def examine_bundle(
        self, account: SimAccount, bundle: Bundle, sender: Sender, coming: Coming | None = None
    ) -> list[Examined]:
        if bundle.bond is Bond.BRACKET:
            _check_bracket(bundle)
        return [one for node in bundle.nodes for one in self.examine_node(account, node, sender, coming)]

    def place_node(self, account: SimAccount, node: Node, sender: Sender, parents_last: bool) -> list[SimOrder]:
        """The node's order first, then all that hangs on it, depth first; numbered in that order or the other way."""
        examined = iter(self.examine_node(account, node, sender))
        ids = self._numbers(_size(node), parents_last)
        return self._place_node(account, node, examined, ids, sender, None)

    def place_bundle(self, account: SimAccount, bundle: Bundle, sender: Sender, parents_last: bool) -> list[SimOrder]:
        examined = iter(self.examine_bundle(account, bundle, sender))
        ids = self._numbers(sum(_size(node) for node in bundle.nodes), parents_last)
        return self._place_bundle(account, bundle, examined, ids, sender, None)

    def _place_node(
        self,
        account: SimAccount,
        node: Node,
        examined: Iterator[Examined],
        ids: Iterator[int],
        sender: Sender,
        group: SimGroup | None,
    ) -> list[SimOrder]:
        ticket, preview = next(examined)
        order = self.entry.make(account, ticket, preview, sender, next(ids))
        order.reference = node.reference or order.reference
        order.status = OrderStatus.CONTINGENT
        if group is not None:
            order.group_id, order.parent_id = group.group_id, group.parent_id
            group.member_ids.append(order.order_id)
        waits = group is not None and (group.parent_id is not None or group.bond is Bond.PAIRS)
        if waits:
            order.expires_at = None
        account.orders[order.order_id] = order
        found = [order]
        for bundle in node.bundles:
            found += self._place_bundle(account, bundle, examined, ids, sender, order)
        if not waits:
            order.due_at = self.now() + GROUP_PAUSE
        if group is None:
            for one in found:
                self.floor.admit(account, one, self.now())
        return found

    def _place_bundle(
        self,
        account: SimAccount,
        bundle: Bundle,
        examined: Iterator[Examined],
        ids: Iterator[int],
        sender: Sender,
        parent: SimOrder | None,
    ) -> list[SimOrder]:
        now = self.now()
        group = SimGroup(
            group_id=next(self.ids),
            account_number=account.number,
            bond=bundle.bond,
            created_at=now,
            parent_id=parent.order_id if parent is not None else None,
            threshold=bundle.threshold,
            comparator=bundle.comparator,
            notional=bundle.notional,
            released_at=now if parent is None and bundle.bond is not Bond.PAIRS else None,
            reference=sender.reference,
            source=sender.source,
        )
        found = []
        for node in bundle.nodes:
            found += self._place_node(account, node, examined, ids, sender, group)
        self.floor.bonds.add(account, group)
        if parent is None:
            for one in found:
                self.floor.admit(account, one, now)
        return found

    def _numbers(self, count: int, parents_last: bool) -> Iterator[int]:
        numbers = [next(self.ids) for _ in range(count)]
        return iter(reversed(numbers) if parents_last else numbers)


def _check_bracket(bundle: Bundle) -> None:
    """All orders of a bracket go the same way in the same instruments."""
    sides = {frozenset((leg.instrument, leg.action.is_buy) for leg in node.ticket.legs) for node in bundle.nodes}
    if len(sides) > 1:
        raise OrderRefused("group_symbols", "The orders of a bracket close the same instruments on the same side.")


def _size(node: Node) -> int:
    return 1 + sum(_size(one) for bundle in node.bundles for one in bundle.nodes)
