"""Complex orders (sections 4.14 and 5.6): several orders in one request, all of them taken or none."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from brokers.domain.orders import GroupKind, OrderGroup, OrderUpdate, Placed, PlacedGroup
from brokers.errors import UnexpectedReply
from brokers.tastytrade.codec.accounts import account_path
from brokers.tastytrade.codec.envelope import read_notices
from brokers.tastytrade.codec.orders import accepted, order_body, read_order
from brokers.wire import Node, Purpose, Request, optional_text

TYPES = {GroupKind.OCO: "OCO", GroupKind.OTO: "OTO", GroupKind.BRACKET: "OTOCO"}


# --- what goes out ------------------------------------------------------------------------------------------------


def preview_group_request(account_number: str, group: OrderGroup) -> Request:
    path = account_path(account_number, "complex-orders", "dry-run")
    body = group_body(group, [""] * len(group.tickets))
    return Request("POST", path, body=body, purpose=Purpose.PREVIEW)


def place_group_request(account_number: str, group: OrderGroup, client_refs: Sequence[str]) -> Request:
    path = account_path(account_number, "complex-orders")
    return Request("POST", path, body=group_body(group, client_refs), acts=True, purpose=Purpose.PLACE)


def cancel_group_request(account_number: str, group_id: str) -> Request:
    path = account_path(account_number, "complex-orders", group_id)
    return Request("DELETE", path, acts=True, purpose=Purpose.CANCEL)


def group_body(group: OrderGroup, client_refs: Sequence[str]) -> dict[str, Any]:
    """Each order carries its own reference. Those that wait for the trigger close what is not there yet, so for them
    it is not demanded that there be something to close."""
    bodies = [
        order_body(ticket) | ({"external-identifier": ref} if ref else {})
        for ticket, ref in zip(group.tickets, client_refs, strict=True)
    ]
    if group.trigger is None:
        return {"type": TYPES[group.kind], "orders": bodies}
    for waiting in bodies[1:]:
        waiting.pop("advanced-instructions", None)
    return {"type": TYPES[group.kind], "trigger-order": bodies[0], "orders": bodies[1:]}


# --- what comes back ----------------------------------------------------------------------------------------------


def read_placed_group(node: Node, account_number: str, group: OrderGroup, client_refs: Sequence[str]) -> PlacedGroup:
    """The orders in the places in which they were sent, or by our references where they are echoed. Numbers are
    proof of acceptance even when the rest cannot be read."""
    data = node["data"]
    whole = data["complex-order"]
    first = [whole["trigger-order"]] if group.trigger is not None else []
    rows = [*first, *whole["orders"].items()]
    if len(rows) != len(group.tickets):
        raise whole["orders"].wrong("of each order of the group")
    number = whole["id"].identifier()
    by_ref = {optional_text(row, "external-identifier"): row for row in rows}
    if by_ref.keys() == set(client_refs):
        rows = [by_ref[ref] for ref in client_refs]
    notices = read_notices(data, "warnings") + read_notices(data, "errors")
    orders = [
        _member(row, account_number, number, group, place, ref)
        for place, (row, ref) in enumerate(zip(rows, client_refs, strict=True))
    ]
    return PlacedGroup(number, tuple(Placed(order, notices if not place else ()) for place, order in enumerate(orders)))


def read_cancelled_group(node: Node) -> list[OrderUpdate]:
    """The group's orders as they stand. One that cannot be read is left out: the group was cancelled all the same."""
    whole = node["data"]
    number = whole["id"].identifier()
    first = [whole["trigger-order"]] if "trigger-order" in whole else []
    rows = [*first, *(whole["orders"].items() if "orders" in whole else ())]
    found = []
    for row in rows:
        with suppress(UnexpectedReply):
            order = read_order(row)
            found.append(replace(order, group_id=order.group_id or number))
    return found


def _member(row: Node, account_number: str, number: str, group: OrderGroup, place: int, client_ref: str) -> OrderUpdate:
    order_id = row["id"].identifier()
    try:
        order = read_order(row)
    except UnexpectedReply:
        order = accepted(account_number, order_id, group.tickets[place], client_ref)
    return replace(order, group_id=order.group_id or number)
