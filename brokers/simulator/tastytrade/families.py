"""Complex orders as the exchange's groups make them up: type, slots, tags (section 5.6)."""

from dataclasses import dataclass

from brokers.simulator.exchange import OrderStatus, SimAccount, SimOrder
from brokers.simulator.exchange.orders.groups import Bond, SimGroup

PENDING = "Pending Order"


@dataclass(frozen=True)
class Place:
    """Where an order stands in its complex order: ``slot`` counts from 0, the trigger first."""

    group: SimGroup
    tag: str
    slot: int


def kind_of(group: SimGroup) -> str | None:
    """The type of a complex order; None for members that only happened to be sent together."""
    if group.bond is Bond.PAIRS:
        return "PAIRS"
    together = group.bond in (Bond.OCO, Bond.BRACKET)
    if group.parent_id is None:
        return "OCO" if together else None
    return "OTOCO" if together else "OTO"


def place_of(account: SimAccount, order: SimOrder) -> Place | None:
    """None for an order that stands alone."""
    own = account.groups.get(order.group_id) if order.group_id is not None else None
    if own is not None and (kind := kind_of(own)):
        return Place(own, f"{kind}::{'oco-1-order' if kind == 'OTOCO' else 'order'}", _slot(account, own, order))
    if any(group.parent_id is not None for group in account.groups.values()):
        family = line_of(account, order.order_id)
        for group in account.groups.values():
            if group.parent_id in family:
                return Place(group, f"{kind_of(group)}::trigger-order", 0)
    return None


def slots(account: SimAccount, group: SimGroup) -> list[SimOrder]:
    """The members as they stand now: of an order and its replacements the one that counts."""
    chains: dict[int, list[SimOrder]] = {}
    for order_id in group.member_ids:
        chains.setdefault(root_of(account, order_id), []).append(account.orders[order_id])
    return [standing(chain) for chain in chains.values()]


def standing(chain: list[SimOrder]) -> SimOrder:
    """What was filled before its replacement could go, else the newest."""
    return next((order for order in chain if order.status is OrderStatus.FILLED), chain[-1])


def everyone(account: SimAccount, group: SimGroup) -> list[SimOrder]:
    """All orders that ever belonged to the complex order, the trigger's line first."""
    members = [account.orders[order_id] for order_id in group.member_ids]
    if group.parent_id is None:
        return members
    return [*line_of(account, group.parent_id).values(), *members]


def line_of(account: SimAccount, order_id: int) -> dict[int, SimOrder]:
    """An order with those it replaced and those that replaced it, oldest first."""
    following: int | None = root_of(account, order_id)
    line = {}
    while following is not None:
        line[following] = account.orders[following]
        following = line[following].replaced_by_order_id
    return line


def root_of(account: SimAccount, order_id: int) -> int:
    """The first of the orders of which this one is the latest replacement."""
    while (before := account.orders[order_id].replaces_order_id) is not None:
        order_id = before
    return order_id


def _slot(account: SimAccount, group: SimGroup, order: SimOrder) -> int:
    roots = list(dict.fromkeys(root_of(account, order_id) for order_id in group.member_ids))
    first = 0 if group.parent_id is None else 1
    return first + roots.index(root_of(account, order.order_id))
