"""The orders that may still fill, and those that filled after the broker's positions were read, for the controls."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from operator import itemgetter
from typing import Any
from uuid import UUID

from django.db.models import Q

from brokers.domain.instruments import parse_instrument
from brokers.domain.orders import Action, InvalidTicket, Leg, OrderType
from brokers.models import Account
from trading import lifecycle, tickets
from trading.models import Order, Replacement
from trading.risk.facts import Working, units

MAY_FILL = lifecycle.OPEN | lifecycle.UNCERTAIN
Share = tuple[Decimal, Decimal]
"""So much of so much: as one number a third would not be exact."""
NEEDED = (
    "ticket", "account_id", "status", "symbol", "order_type", "quantity", "filled_quantity", "limit_price",
    "stop_price", "group", "group_kind", "changed_at",
)  # fmt: skip


def working_of(
    account: Account, symbols: Sequence[str], since: datetime, leaving_out: Sequence[str] = ()
) -> tuple[Working, ...]:
    """All of an account's, and those in the same symbols of the person's other accounts.

    What moved after ``since`` counts whole, also what filled: positions of that time do not hold it. Of one that is
    replaced (``leaving_out``) only that counts. One that is being made larger counts as large as it may become.
    """
    mine = Q(account=account) & (Q(status__in=MAY_FILL) | Q(filled_quantity__gt=0, changed_at__gte=since))
    others = Q(account__connection__user_id=account.connection.user_id, status__in=MAY_FILL, symbol__in=symbols)
    rows = Order.objects.filter(mine | (others & ~Q(account=account)), adopted_by=None).order_by().only(*NEEDED)
    becoming = _becoming(account)
    found = []
    for order in rows:
        if str(order.pk) not in leaving_out:
            quantity, ticket = max([(order.quantity, order.ticket), *becoming.get(order.pk, [])], key=itemgetter(0))
            share = _left(order, quantity, since), quantity
            found.append(_working(order, ticket, order.account_id == account.pk, share))
        elif order.filled_quantity and order.changed_at >= since:
            found.append(_working(order, order.ticket, True, (order.filled_quantity, order.quantity)))
    return tuple(found)


def _becoming(account: Account) -> dict[UUID, list[tuple[Decimal, Mapping[str, Any]]]]:
    """By order: size and ticket of what is asked for in its place and not seen yet."""
    found: dict[UUID, list[tuple[Decimal, Mapping[str, Any]]]] = {}
    asked = Replacement.objects.filter(account=account, status__in=lifecycle.ASKED_OPEN).order_by()
    for order_id, ticket in asked.values_list("order_id", "ticket"):
        found.setdefault(order_id, []).append((units(tickets.from_json(ticket)), ticket))
    return found


def _working(order: Order, ticket: Mapping[str, Any], same_account: bool, share: Share) -> Working:
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


def _left(order: Order, quantity: Decimal, since: datetime) -> Decimal:
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
