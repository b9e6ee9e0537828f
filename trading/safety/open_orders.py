"""The orders that may still fill, and those that filled after the broker's positions were read, for the controls."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from operator import itemgetter
from typing import Any
from uuid import UUID

from brokers.domain.instruments import parse_instrument
from brokers.domain.orders import Action, InvalidTicket, Leg, OrderType
from brokers.models import Account
from trading import lifecycle, tickets
from trading.risk.facts import Working, units
from trading.safety.account_orders import MAY_FILL, AccountOrders, Row

Share = tuple[Decimal, Decimal]
"""So much of so much: as one number a third would not be exact."""


def working_of(
    account: Account, found: AccountOrders, since: datetime, leaving_out: Sequence[str] = ()
) -> tuple[Working, ...]:
    """All of an account's, and those in the same symbols of the person's other accounts.

    What moved after ``since`` counts whole, also what filled: positions of that time do not hold it. Of one that is
    replaced (``leaving_out``) only that counts. One that is being made larger counts as large as it may become.
    """
    becoming = _becoming(found.replacements)
    mine = [order for order in found.working if order.status in MAY_FILL or order.changed_at >= since]
    working = []
    for order in (*mine, *found.elsewhere):
        if str(order.pk) not in leaving_out:
            quantity, ticket = max([(order.quantity, order.ticket), *becoming.get(order.pk, [])], key=itemgetter(0))
            share = _left(order, quantity, since), quantity
            working.append(_working(order, ticket, order.account_id == account.pk, share))
        elif order.filled_quantity and order.changed_at >= since:
            working.append(_working(order, order.ticket, True, (order.filled_quantity, order.quantity)))
    return tuple(working)


def _becoming(replacements: Iterable[Row]) -> dict[UUID, list[tuple[Decimal, Mapping[str, Any]]]]:
    """By order: size and ticket of what is asked for in its place and not seen yet."""
    found: dict[UUID, list[tuple[Decimal, Mapping[str, Any]]]] = {}
    for asked in replacements:
        if asked.status in lifecycle.ASKED_OPEN:
            found.setdefault(asked.pk, []).append((units(tickets.from_json(asked.ticket)), asked.ticket))
    return found


def _working(order: Row, ticket: Mapping[str, Any], same_account: bool, share: Share) -> Working:
    legs = _legs(ticket, share)
    return Working(
        order_id=str(order.pk),
        legs=legs,
        order_type=_order_type(order.order_type),
        limit_price=order.limit_price,
        stop_price=order.stop_price,
        same_account=same_account,
        group=str(order.group) if order.group and order.group_kind else "",
        symbols=() if legs else (order.symbol,),
    )


def _left(order: Row, quantity: Decimal, since: datetime) -> Decimal:
    """How much of an order for ``quantity`` positions of ``since`` may still lack."""
    if order.changed_at >= since:
        over = order.status in lifecycle.ENDED
        return min(quantity, order.filled_quantity) if over else quantity
    return max(Decimal(0), quantity - order.filled_quantity)


def _legs(ticket: Mapping[str, Any], share: Share) -> tuple[Leg, ...]:
    """None where one of them can't be read: an order placed elsewhere may hold what the desk has no word for."""
    part, whole = share
    legs = []
    for leg in ticket.get("legs", ()):
        try:
            quantity = Decimal(leg["quantity"]) * part / whole if whole else Decimal(leg["quantity"])
            if quantity > 0:
                legs.append(Leg(parse_instrument(leg["symbol"]), Action(leg["action"]), quantity))
        except (ValueError, ArithmeticError, InvalidTicket):
            return ()
    return tuple(legs)


def _order_type(word: str) -> OrderType | None:
    return OrderType(word) if word in set(OrderType) else None
