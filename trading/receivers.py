"""What trading does when it is told something: write down a broker's news, tell a person's tabs."""

from typing import Any
from uuid import UUID

from brokers.domain.orders import OrderUpdate
from brokers.live.news import announce
from brokers.port import AccountChanged
from trading import reconcile
from trading.documents import order_document
from trading.models import Order, OrderEvent
from trading.orders import record


def record_news(sender: Any, connection_id: UUID, updates: list[OrderUpdate], **_: Any) -> None:
    record(connection_id, updates, OrderEvent.Source.STREAM)


def list_again(sender: Any, connection_id: UUID, **_: Any) -> None:
    """The account stream was away and replays nothing: the order watch lists the connection's orders at once."""
    reconcile.hasten(Order.objects.filter(account__connection_id=connection_id))


def list_unread(sender: Any, connection_id: UUID, change: AccountChanged, **_: Any) -> None:
    """An order's news that could not be read: the listing is read in its place."""
    if change.what == "orders":
        mine = Order.objects.filter(account__connection_id=connection_id, account__number=change.account_number)
        reconcile.hasten(mine)


def tell_tabs(sender: Any, order_id: UUID, **_: Any) -> None:
    order = Order.objects.shown().filter(pk=order_id).first()
    if order is not None:
        announce(order.user_id, {"type": "orders", "orders": [order_document(order)]})
