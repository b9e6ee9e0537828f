"""Orders that a person must look for: which of the broker's orders one is, or that none is."""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from brokers import connections
from brokers.domain.instruments import plain
from trading.lifecycle import Status
from trading.models import Order, OrderEvent
from trading.protocol import news

IMPOSSIBLE = timedelta(minutes=10)
"""When nothing could be found out for so long, a person is asked."""
CLOCKS = timedelta(seconds=5)
LATE_WATCH = timedelta(hours=24)
LATE_EVERY = timedelta(minutes=5)
Source = OrderEvent.Source


class NotDecidable(Exception):
    """There is nothing to decide, or not in this way; the text says why."""


def ask(order: Order, words: str, candidates: list[dict[str, Any]]) -> Order:
    """Give an order in doubt to its person; it is still looked for meanwhile."""
    return news.note(
        order,
        Source.US,
        only_if=lambda row: row.status == Status.UNKNOWN,
        to=Status.NEEDS_EYES,
        kind="needs_eyes",
        words=words,
        payload={"candidates": candidates},
        candidates=candidates,
        last_error=words[:500],
    )


def candidates(order: Order) -> list[dict[str, Any]]:
    """The broker's orders that look like this one and are not known to be others of ours, for people."""
    if order.sent_at is None:
        return []
    mine = Order.objects.filter(account_id=order.account_id, is_external=True, adopted_by=None, replaces=None)
    found = mine.filter(
        created_at__gte=order.sent_at - CLOCKS,
        symbol=order.symbol,
        action=order.action,
        quantity=order.quantity,
        order_type=order.order_type,
        time_in_force=order.time_in_force,
    )
    return [_as_candidate(one) for one in found.order_by("created_at", "broker_order_id") if _is_like(one, order)]


def _is_like(one: Order, order: Order) -> bool:
    def legs(row: Order) -> set[tuple[str, str, str]]:
        return {(leg["symbol"], leg["action"], leg["quantity"]) for leg in row.ticket["legs"]}

    trails = one.ticket.get("trail") == order.ticket.get("trail")
    stops = one.stop_price == order.stop_price or order.ticket.get("trail") is not None
    prices = one.limit_price == order.limit_price and stops and trails
    return prices and legs(one) == legs(order)


def _as_candidate(one: Order) -> dict[str, Any]:
    return {
        "broker_order_id": one.broker_order_id,
        "description": one.description,
        "status": one.status,
        "broker_status": one.broker_status,
        "filled_quantity": plain(one.filled_quantity),
        "placed_at": one.created_at.isoformat(),
    }


def decide(order: Order, *, broker_order_id: str | None, user: Any) -> Order:
    """A person says which of the broker's orders this one is (None: none of them). Raises ``NotDecidable``.

    "None" is still watched for: the broker's word wins, should it appear.
    """
    order = Order.objects.select_related("account__connection").get(pk=order.pk)
    if order.user_id != user.pk and not user.is_staff:
        raise NotDecidable("This is not your order.")
    if order.status != Status.NEEDS_EYES:
        raise NotDecidable(f"There is nothing to decide: this order is {order.label.lower()}.")
    if broker_order_id is None:
        return _none(order, user)
    return _this_one(order, broker_order_id, user)


def _none(order: Order, user: Any) -> Order:
    until = timezone.now() + LATE_WATCH
    end = f"{timezone.localtime(until):%-d %b %H:%M} ET"
    words = f"Decided: none of the broker's orders is this one. Watched until {end}."
    decided = news.note(
        order,
        Source.USER,
        only_if=lambda row: row.status == Status.NEEDS_EYES,
        to=Status.NOT_PLACED,
        kind="decided",
        words=words,
        payload={"decision": None, "by": user.pk, "candidates": order.candidates},
        candidates=[],
        watch_until=until,
        next_check_at=timezone.now() + LATE_EVERY,
    )
    return decided


def _this_one(order: Order, broker_order_id: str, user: Any) -> Order:
    """The broker's order becomes this one's; the row under which it was taken in gives way."""
    if broker_order_id not in {one["broker_order_id"] for one in order.candidates}:
        raise NotDecidable("The broker's order with this number does not look like this one. Choose one of the list.")
    ours = Order.objects.filter(account=order.account, broker_order_id=broker_order_id, is_external=False)
    if ours.exclude(pk=order.pk).exists():
        raise NotDecidable("The broker's order with this number is known to be another order of this desk.")
    update = connections.broker_for(order.account.connection, urgent=True).get_order(
        order.account.number, broker_order_id
    )
    with transaction.atomic():
        payload = {"decision": broker_order_id, "by": user.pk, "candidates": order.candidates}
        words = f"Decided: the broker's order {broker_order_id} is this one."
        order = news.note(order, Source.USER, kind="decided", words=words, payload=payload)
        order = news.hear(order, update, Source.LISTING)
    return order
