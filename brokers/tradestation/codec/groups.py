"""Groups out and in (sections 4.5 X2 to X4, 5.9): one request for several orders, and which of them became of it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from brokers.domain.orders import (
    Action,
    BrokerStatus,
    Fee,
    GroupKind,
    Leg,
    OrderGroup,
    OrderTicket,
    OrderUpdate,
    Placed,
    PlacedGroup,
    Preview,
)
from brokers.errors import OutcomeUnknown
from brokers.tradestation.codec.envelope import check, failure, number, parts_failed, text
from brokers.tradestation.codec.likeness import is_like
from brokers.tradestation.codec.placing import accepted, confirm_id, order_body
from brokers.wire import Node, Purpose, Request

CLOSING = (Action.SELL_TO_CLOSE, Action.BUY_TO_CLOSE)
FILL_AT_MOST = {GroupKind.OTO: 2, GroupKind.BRACKET: 2, GroupKind.OCO: 1}


# --- what goes out ------------------------------------------------------------------------------------------------


def preview_group_request(account_number: str, group: OrderGroup) -> Request:
    path = "orderconfirm" if group.trigger is not None else "ordergroupconfirm"
    body = group_body(account_number, group, [""] * len(group.tickets))
    return Request("POST", f"/orderexecution/{path}", body=body, purpose=Purpose.PREVIEW)


def place_group_request(account_number: str, group: OrderGroup, client_refs: Sequence[str]) -> Request:
    path = "orders" if group.trigger is not None else "ordergroups"
    body = group_body(account_number, group, client_refs)
    return Request("POST", f"/orderexecution/{path}", body=body, acts=True, purpose=Purpose.PLACE)


def group_body(account_number: str, group: OrderGroup, client_refs: Sequence[str]) -> dict[str, Any]:
    """A bare group, or the first order with the group that it sends when it is filled (``OSOs``)."""
    bodies = [
        order_body(account_number, ticket) | ({"OrderConfirmID": confirm_id(ref)} if ref else {})
        for ticket, ref in zip(group.tickets, client_refs, strict=True)
    ]
    if group.trigger is None:
        return {"Type": group_type(group), "Orders": bodies}
    return {**bodies[0], "OSOs": [{"Type": group_type(group), "Orders": bodies[1:]}]}


def group_type(group: OrderGroup) -> str:
    """The broker's OCO cancels the others at the first part of a fill. Where all orders take off the same holding
    that would leave the rest of it without its stop, so these go as the broker's bracket: what one fills comes off
    the others."""
    if group.kind is GroupKind.OTO:
        return "NORMAL"
    return "BRK" if group.kind is GroupKind.BRACKET or _close_the_same(group.orders) else "OCO"


def _close_the_same(tickets: Iterable[OrderTicket]) -> bool:
    legs: list[tuple[Leg, ...]] = [ticket.legs for ticket in tickets]
    closes = all(len(each) == 1 and each[0].action in CLOSING for each in legs)
    return closes and len({(leg.instrument, leg.action) for each in legs for leg in each}) == 1


# --- what comes back ----------------------------------------------------------------------------------------------


def read_group_preview(node: Node, request: Request, group: OrderGroup) -> Preview:
    """The fees of all that can fill: of orders that cancel each other, the dearest. Nothing else is said."""
    check(node, request)
    for part in parts_failed(node):
        raise failure(part, request)
    told = [number(row, "EstimatedCommission") for row in node["Confirmations"].items()]
    known = [each for each in told if each is not None]
    total = None
    if len(known) == len(group.tickets):
        dearest_first = sorted(known, reverse=True)
        total = -sum(dearest_first[: FILL_AT_MOST[group.kind]], Decimal(0))
    return Preview(
        buying_power_before=None,
        buying_power_after=None,
        buying_power_change=None,
        margin_change=None,
        fees=(Fee("commission", total),) if total else (),
        total_fees=total,
    )


class Answer:
    """What was taken of a group and what was refused; which is which the broker does not tell."""

    def __init__(self, node: Node, request: Request, group: OrderGroup) -> None:
        check(node, request)
        rows = list(node["Orders"].items()) if "Orders" in node else []
        taken = [row for row in rows if "Error" not in row]
        failed = [row for row in rows if "Error" in row] + parts_failed(node)
        failures = [failure(part, request) for part in failed]
        unknown = [each for each in failures if isinstance(each, OutcomeUnknown)]
        if failures and (unknown or not taken):
            raise (unknown or failures)[0]
        if len(taken) + len(failed) != len(group.tickets):
            raise node.wrong("about each order of the group")
        words = [(text(part, "OrderID"), each.message) for part, each in zip(failed, failures, strict=True)]
        self.taken = [row["OrderID"].identifier() for row in taken]
        self.refused = {name: message for name, message in words if name}
        self.nameless = [message for name, message in words if not name]

    @property
    def numbers(self) -> list[str]:
        """Of all orders that the broker has, also the refused ones."""
        return [*self.taken, *self.refused]

    def told(self, account_number: str, group: OrderGroup, listed: Sequence[OrderUpdate]) -> PlacedGroup | None:
        """Each ticket with its order, told by its looks in what was read of the orders; None when that is not clear.

        The broker numbers its orders in an order of its own.
        """
        left = [order for order in listed if order.broker_order_id in self.numbers]
        if {order.broker_order_id for order in left} != set(self.numbers):
            return None
        nameless = iter(self.nameless)
        found: list[OrderUpdate] = []
        for ticket in group.tickets:
            mine = next((order for order in left if is_like(order, ticket)), None)
            if mine is not None:
                left.remove(mine)
                found.append(self._explained(mine))
            elif (words := next(nameless, None)) is not None:
                rejected = accepted(account_number, "", ticket, BrokerStatus.REJECTED)
                found.append(replace(rejected, reject_reason=words))
            else:
                return None
        number = next((order.group_id for order in found if order.group_id), None)
        return PlacedGroup(number, tuple(Placed(order) for order in found))

    def _explained(self, order: OrderUpdate) -> OrderUpdate:
        words = self.refused.get(order.broker_order_id, "")
        return replace(order, reject_reason=order.reject_reason or words)
