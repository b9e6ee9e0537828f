"""Orders that took each other's place: whose successor a broker's order is, and what a replacement has led to."""

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from brokers.domain.orders import BrokerStatus, OrderTicket, OrderUpdate
from brokers.models import Account
from trading import lifecycle, tickets
from trading.lifecycle import Asked, Status
from trading.models import Order, OrderEvent, Replacement, Stale
from trading.protocol import asked, known, reading

SOON = timedelta(seconds=2)
"""After a replacement its order is looked at again."""
NOT_AT_WORK = frozenset({BrokerStatus.REPLACE_REQUESTED, BrokerStatus.CANCEL_REQUESTED})


def asked_for(original: Order, update: OrderUpdate) -> Replacement | None:
    """The replacement of ours that may have led to an order's successor: the one that is open, else one that was
    thought to have come to nothing and asked for just these terms. A denied or finished one has led nowhere."""
    found = asked.of_order(original.pk)
    is_open = next((one for one in found if one.status in lifecycle.ASKED_OPEN), None)
    return is_open or next((one for one in found if _is_on(update, one.order_ticket)), None)


def inherited(original: Order, replacement: Replacement | None, update: OrderUpdate) -> dict[str, Any]:
    """What a successor's row takes over from its predecessor's. Its quantities are what the broker's new order is for:
    after a part was filled, the rest."""
    fields: dict[str, Any] = {"replaces": original, "chain": original.chain_id, "user_id": original.user_id}
    fields |= {"group": original.group, "group_kind": original.group_kind, "group_index": original.group_index}
    fields |= {"broker_group_id": original.broker_group_id}
    if replacement is None:
        return fields  # replaced elsewhere: the person's own doing at the broker
    ticket = _of_the_rest(replacement.order_ticket, update)
    return fields | {
        "is_external": original.is_external,
        "source": replacement.source,
        "key_id": original.key_id,
        "ticket": tickets.to_json(ticket),
        "ticket_sha256": tickets.fingerprint(ticket),
        "description": tickets.describe_ticket(ticket)[:300],
        "reserved": _reserved(original, replacement),
        "epoch": replacement.epoch,
        "sent_at": replacement.sent_at,
    }


def _of_the_rest(ticket: OrderTicket, update: OrderUpdate) -> OrderTicket:
    told = {(state.leg.instrument, state.leg.action): state.leg for state in update.legs}
    legs = tuple(told.get((leg.instrument, leg.action)) for leg in ticket.legs)
    known = tuple(leg for leg in legs if leg is not None)
    return replace(ticket, legs=known) if len(known) == len(ticket.legs) else ticket


def _reserved(order: Order, replacement: Replacement) -> Decimal | None:
    if order.reserved is None or replacement.reserved is None:
        return None
    return order.reserved + replacement.reserved


def succeeded(replacement: Replacement, order: Order, successor: Order, source: str) -> None:
    """A replacement of an order, whose row is locked, has led to a new one. In the transaction that takes that in."""
    looked_at: dict[str, Any] = {"next_check_at": timezone.now() + SOON, "checks": 0}
    replacement.change(Asked.DONE, successor=successor, last_error="")
    order.change(
        kind="replace",
        source=source,
        words=f"Order {successor.broker_order_id} takes its place: {replacement.description}.",
        payload={"replacement": str(replacement.pk), "successor": str(successor.pk)},
        replace_pending=False,
        **(looked_at if order.status in lifecycle.OPEN else {}),
    )


def applied(replacement: Replacement, update: OrderUpdate, source: str) -> None:
    """A replacement has changed the order itself, under its old number. In a transaction."""
    order = known.locked(replacement.order_id)
    ticket = replacement.order_ticket
    now = lifecycle.from_broker(update.status, replaced=update.replaced_by_order_id is not None)
    moves = order.status == Status.REPLACE_REQUESTED and lifecycle.can_move(Status(order.status), now)
    replacement.change(Asked.DONE, last_error="")
    order.change(
        kind="replace",
        source=source,
        to=now if moves else None,
        words=f"Replaced: {replacement.description}.",
        payload={"replacement": str(replacement.pk)},
        replace_pending=False,
        reserved=_reserved(order, replacement),
        **terms(ticket),
    )


def terms(ticket: OrderTicket) -> dict[str, Any]:
    """A ticket's terms as an order's columns."""
    return {
        "ticket": tickets.to_json(ticket),
        "ticket_sha256": tickets.fingerprint(ticket),
        "description": tickets.describe_ticket(ticket)[:300],
        "order_type": ticket.order_type.value,
        "time_in_force": ticket.time_in_force.value,
        "quantity": reading.size(ticket.legs),
        "limit_price": ticket.limit_price,
        "stop_price": ticket.stop_price,
    }


def holds(update: OrderUpdate, ticket: OrderTicket) -> bool:
    """Whether a broker's order is on these terms."""
    told = {state.leg.instrument: (state.leg.action, state.leg.quantity) for state in update.legs}
    same = told == {leg.instrument: (leg.action, leg.quantity) for leg in ticket.legs}
    return update.status not in NOT_AT_WORK and same and _is_on(update, ticket)


def _is_on(update: OrderUpdate, ticket: OrderTicket) -> bool:
    """Type, time and prices alone."""
    return (
        (update.order_type, update.time_in_force) == (ticket.order_type, ticket.time_in_force)
        and update.limit_price == ticket.limit_price
        and (update.stop_price == ticket.stop_price or ticket.trail is not None)
        and update.trail == ticket.trail
    )


def doubled(listed: Collection[OrderUpdate]) -> list[tuple[str, str]]:
    """Pairs of one chain that both work, by one listing: the older one's number and its successor's."""
    working = {update.broker_order_id: update for update in listed if update.status is BrokerStatus.WORKING}
    pairs = [(update.replaces_order_id, number) for number, update in working.items()]
    return [(old, number) for old, number in pairs if old is not None and old in working]


def alarm(account: Account, pair: tuple[str, str]) -> list[Order]:
    """Write the alarm of two working orders of one chain into the story of both, once."""
    numbers = " and ".join(pair)
    warned = []
    for order in Order.objects.filter(account=account, broker_order_id__in=pair):
        if order.events.filter(kind="alarm", payload__pair=list(pair)).exists():
            continue
        try:
            order.change(
                kind="alarm",
                source=OrderEvent.Source.LISTING,
                words=f"Orders {numbers} both work, though one was to take the other's place: both may fill. "
                "Look at the broker's own site and cancel one.",
                payload={"pair": list(pair)},
            )
        except Stale:
            continue  # it moved at this very moment: the next listing says whether both still work
        warned.append(order)
    return warned
