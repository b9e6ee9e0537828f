"""What trading does when it is told something: write down a broker's news, tell a person's tabs."""

from typing import Any
from uuid import UUID

from django.core.cache import cache

from brokers.domain.accounts import Position
from brokers.domain.orders import OrderUpdate
from brokers.live.news import announce
from brokers.port import AccountChanged
from trading.api.documents import order_document
from trading.models import Order, OrderEvent
from trading.orders import record
from trading.protocol import reconcile, silence


def record_news(sender: Any, connection_id: UUID, updates: list[OrderUpdate], **_: Any) -> None:
    record(connection_id, updates, OrderEvent.Source.STREAM)


def list_again(sender: Any, connection_id: UUID, **_: Any) -> None:
    """The account stream was away and replays nothing: the order watch lists the connection's orders at once."""
    silence.heard_live(connection_id)
    reconcile.hasten(Order.objects.filter(account__connection_id=connection_id))


def list_unread(sender: Any, connection_id: UUID, change: AccountChanged, **_: Any) -> None:
    """An order's news that could not be read, or a position that moved and perhaps by a fill whose news was lost: the
    listing is read."""
    mine = Order.objects.filter(account__connection_id=connection_id, account__number=change.account_number)
    if change.what == "orders" or (change.what == "positions" and _moved(connection_id, change)):
        reconcile.hasten(mine)


def _moved(connection_id: UUID, change: AccountChanged) -> bool:
    """Whether quantities are others than the stream told last; prices move all the time."""
    moved = False
    for position in change.values:
        if isinstance(position, Position):
            key = f"told-position:{connection_id}:{change.account_number}:{str(position.instrument).replace(' ', '_')}"
            before = cache.get(key)
            cache.set(key, position.quantity, 24 * 3600)
            moved = moved or (before is not None and before != position.quantity) or before is None
    return moved


def tell_tabs(sender: Any, order: Order, **_: Any) -> None:
    if order.adopted_by_id is None:
        announce(order.user_id, {"type": "orders", "orders": [order_document(order)]})
