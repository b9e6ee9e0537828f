"""The orders that may still fill, and those that filled after the broker's positions were read, for the controls."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q

from brokers.domain.instruments import parse_instrument
from brokers.domain.orders import Action, InvalidTicket, Leg, OrderType
from brokers.models import Account
from trading import lifecycle
from trading.models import Order
from trading.risk.facts import Working

MAY_FILL = lifecycle.OPEN | lifecycle.UNCERTAIN


def working_of(
    account: Account, symbols: Sequence[str], since: datetime, leaving_out: Sequence[str] = ()
) -> tuple[Working, ...]:
    """All of an account's, and those in the same symbols of the person's other accounts.

    What moved after ``since`` counts whole, also what filled: positions of that time do not hold it.
    """
    mine = Q(account=account) & (Q(status__in=MAY_FILL) | Q(filled_quantity__gt=0, changed_at__gte=since))
    others = Q(account__connection__user_id=account.connection.user_id, status__in=MAY_FILL, symbol__in=symbols)
    rows = Order.objects.filter(mine | (others & ~Q(account=account)), adopted_by=None).exclude(pk__in=leaving_out)
    return tuple(_working(order, order.account_id == account.pk, since) for order in rows)


def _working(order: Order, same_account: bool, since: datetime) -> Working:
    legs = _legs(order.ticket, _share_left(order, since))
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


def _share_left(order: Order, since: datetime) -> Decimal:
    """The fraction of the order's quantities that positions of ``since`` may still lack."""
    if order.changed_at >= since:
        over = order.status in lifecycle.ENDED
        return _share_filled(order) if over else Decimal(1)
    return 1 - _share_filled(order)


def _share_filled(order: Order) -> Decimal:
    return min(Decimal(1), order.filled_quantity / order.quantity) if order.quantity else Decimal(0)


def _legs(ticket: Mapping[str, Any], share: Decimal) -> tuple[Leg, ...]:
    """None where one of them can't be read: an order placed elsewhere may hold what the desk has no word for."""
    legs = []
    for leg in ticket.get("legs", ()):
        try:
            quantity = Decimal(leg["quantity"]) * share
            if quantity > 0:
                legs.append(Leg(parse_instrument(leg["symbol"]), Action(leg["action"]), quantity))
        except (ValueError, ArithmeticError, InvalidTicket):
            return ()
    return tuple(legs)


def _order_type(word: str) -> OrderType | None:
    return OrderType(word) if word in set(OrderType) else None
