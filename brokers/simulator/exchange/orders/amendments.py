"""What is to change of an order that keeps its number, and the ticket it then has."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from brokers.domain.orders import InvalidTicket
from brokers.simulator.exchange.orders.orders import OrderRefused
from brokers.simulator.exchange.orders.tickets import Condition, OrderType, Ticket, Trail


@dataclass(frozen=True, slots=True)
class Amendment:
    """What is None stays. ``quantity`` is the new total, in units of the order; a ``start_at`` that has come lets the
    order go at once."""

    quantity: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail: Trail | None = None
    order_type: OrderType | None = None
    display_quantity: Decimal | None = None
    conditions: tuple[Condition, ...] | None = None
    start_at: datetime | None = None


def amended(ticket: Ticket, change: Amendment, now: datetime) -> Ticket:
    """The ticket with what is given in place of what was; a new type drops the prices it has no use for."""
    kind = change.order_type or ticket.order_type
    limits = not kind.is_market and kind is not OrderType.STOP
    trail = change.trail if change.trail is not None else ticket.trail if change.stop_price is None else None
    trail = trail if kind.has_stop else None
    stops = kind.has_stop and trail is None
    try:
        return replace(
            ticket,
            order_type=kind,
            limit_price=_either(change.limit_price, ticket.limit_price) if limits else None,
            stop_price=_either(change.stop_price, ticket.stop_price) if stops else None,
            trail=trail,
            value=ticket.value if kind is OrderType.NOTIONAL_MARKET else None,
            display_quantity=_either(change.display_quantity, ticket.display_quantity) if limits else None,
            conditions=change.conditions if change.conditions is not None else ticket.conditions,
            start_at=_start(change.start_at, ticket.start_at, now),
        )
    except InvalidTicket as error:
        raise OrderRefused("invalid_change", str(error)) from None


def _either(given: Decimal | None, before: Decimal | None) -> Decimal | None:
    return given if given is not None else before


def _start(given: datetime | None, before: datetime | None, now: datetime) -> datetime | None:
    if given is None:
        return before
    return given if given > now else None
