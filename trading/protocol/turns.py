"""Which of many reports is written down first: what somebody waits for, then the rest from the oldest on."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Q

from brokers.domain.orders import OrderUpdate
from trading import lifecycle
from trading.models import Order


def in_turn(connection_id: UUID, updates: Iterable[OrderUpdate]) -> list[OrderUpdate]:
    """Reports of orders in doubt come first, so that a long listing does not keep their people waiting.

    Within both parts an original comes before its replacement; of an order in doubt its original comes with it.
    """
    told = sorted(updates, key=_age)
    if len(told) < 2:
        return told
    urgent = _urgent(connection_id, told)
    return sorted(told, key=lambda update: update.broker_order_id not in urgent)


def _age(update: OrderUpdate) -> tuple[int, str]:
    """Brokers count their orders up."""
    return len(update.broker_order_id), update.broker_order_id


def _urgent(connection_id: UUID, told: list[OrderUpdate]) -> set[str]:
    """The broker's ids of what is in doubt: an order, its cancel, its replacement."""
    waiting = Q(status__in=lifecycle.UNCERTAIN) | Q(cancel_pending=True) | Q(replace_pending=True)
    rows = Order.objects.filter(waiting, account__connection_id=connection_id).order_by()
    known = {name for row in rows.values_list("client_ref", "broker_order_id") for name in row if name}
    originals = {update.broker_order_id: update.replaces_order_id for update in told}
    found = {
        one.broker_order_id for one in told if known & {one.client_ref, one.broker_order_id, one.replaces_order_id}
    }
    for number in list(found):
        while (number := originals.get(number) or "") in originals and number not in found:
            found.add(number)
    return found
