"""Finding an order of ours in listings that do not carry our reference: by its looks alone."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from brokers.domain.instruments import Instrument
from brokers.domain.orders import BrokerStatus, Leg, OrderTicket, OrderUpdate
from brokers.tradestation.codec.placing import last_day

EARLIER = timedelta(seconds=2)
"""The broker's clock may be behind ours, and it cuts off fractions of seconds."""


def alike(orders: Iterable[OrderUpdate], ticket: OrderTicket, since: datetime, until: datetime) -> list[OrderUpdate]:
    """Those that were opened in a time and are in every figure what the ticket asks for."""
    return [order for order in orders if is_like(order, ticket) and _opened(order, since - EARLIER, until)]


def _opened(order: OrderUpdate, since: datetime, until: datetime) -> bool:
    return order.received_at is not None and since <= order.received_at <= until


def is_like(order: OrderUpdate, ticket: OrderTicket) -> bool:
    """The broker leaves out of a rejected order whether it opens or closes: of that one only buy and sell count."""
    loose = order.status is BrokerStatus.REJECTED
    return (
        _looks((state.leg for state in order.legs), loose) == _looks(ticket.legs, loose)
        and order.order_type == ticket.order_type
        and order.time_in_force == ticket.time_in_force
        and order.limit_price == ticket.limit_price
        and (order.stop_price == ticket.stop_price or ticket.trail is not None)  # where that stop stands changes
        and order.trail == ticket.trail
        and order.gtd_date == last_day(ticket)
    )


def _looks(legs: Iterable[Leg], loose: bool) -> dict[Instrument, tuple[object, object]]:
    """Legs by instrument, for the broker turns their order about."""
    return {leg.instrument: (leg.action.is_buy if loose else leg.action, leg.quantity) for leg in legs}
