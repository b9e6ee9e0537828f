"""What trading does when it is told something: write down a broker's news, tell a person's tabs."""

from typing import Any
from uuid import UUID

from brokers.domain.orders import OrderUpdate
from brokers.live.news import announce
from trading.documents import order_document
from trading.models import Order, OrderEvent
from trading.orders import record


def record_news(sender: Any, connection_id: UUID, updates: list[OrderUpdate], **_: Any) -> None:
    record(connection_id, updates, OrderEvent.Source.STREAM)


def tell_tabs(sender: Any, order_id: UUID, **_: Any) -> None:
    order = Order.objects.shown().filter(pk=order_id).first()
    if order is not None:
        announce(order.user_id, {"type": "orders", "orders": [order_document(order)]})
