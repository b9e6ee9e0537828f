"""Telling a member of a group by its looks, should the broker not echo the reference of a nested order (5.6)."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from brokers.domain.orders import OrderTicket, OrderType, OrderUpdate

EARLIER = timedelta(seconds=2)


def nameless_members(
    orders: Iterable[OrderUpdate], ticket: OrderTicket, since: datetime, claimed: Collection[str]
) -> list[OrderUpdate]:
    """The orders of groups without a reference that came since a time and are in every figure what was asked for."""
    return [
        order
        for order in orders
        if order.group_id is not None
        and order.client_ref is None
        and order.broker_order_id not in claimed
        and order.received_at is not None
        and order.received_at >= since - EARLIER
        and is_like(order, ticket)
    ]


def is_like(order: OrderUpdate, ticket: OrderTicket) -> bool:
    legs = {state.leg.instrument: (state.leg.action, state.leg.quantity) for state in order.legs}
    return (
        legs == {leg.instrument: (leg.action, leg.quantity) for leg in ticket.legs}
        and order.order_type == ticket.order_type
        and order.time_in_force == ticket.time_in_force
        and (order.limit_price == ticket.limit_price or ticket.order_type is OrderType.MARKETABLE_LIMIT)
        and order.stop_price == ticket.stop_price
        and order.gtd_date == ticket.gtd_date
    )
