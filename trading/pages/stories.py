"""What an order's page shows beside the order: its legs with their fills, its group, the orders before and after it."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlencode

from django.urls import reverse

from brokers.domain.instruments import parse_instrument
from trading import lifecycle, tickets
from trading.lifecycle import Asked, Status
from trading.models import Fill, Order, Replacement
from trading.pages.forms import typed_as
from trading.pages.rows import legs_of

ZERO = Decimal(0)
AGAIN = lifecycle.NEVER_THERE | {Status.BROKER_REJECTED}


@dataclass(frozen=True, slots=True)
class LegStory:
    """``average`` is per unit and unsigned, of what is filled; None while nothing is."""

    words: str
    quantity: Decimal
    filled: Decimal
    average: Decimal | None
    fills: tuple[Fill, ...]


def legs(order: Order, fills: Sequence[Fill]) -> list[LegStory]:
    """Each leg with the fills that are known of it."""
    told = []
    for leg in legs_of(order):
        mine = tuple(fill for fill in fills if _same(fill.symbol, str(leg.instrument)))
        filled = sum((fill.quantity for fill in mine), ZERO)
        paid = sum((fill.quantity * fill.price for fill in mine), ZERO)
        told.append(LegStory(tickets.act(leg), leg.quantity, filled, paid / filled if filled else None, mine))
    return told


def _same(one: str, other: str) -> bool:
    try:
        return str(parse_instrument(one)) == other
    except ValueError:
        return one == other


def group(order: Order) -> list[Order]:
    """All orders that were sent with it, itself too; none when it was sent alone."""
    if order.group is None:
        return []
    return list(Order.objects.of(order.user).filter(group=order.group).order_by("group_index"))


def chain(order: Order) -> list[Order]:
    """The orders that took each other's place, the oldest first; none when there is but one."""
    if order.chain is None:
        return []
    rows = Order.objects.of(order.user)
    found = sorted((*rows.filter(chain=order.chain), *rows.filter(pk=order.chain)), key=lambda row: row.created_at)
    unique = list({row.pk: row for row in found}.values())
    return unique if len(unique) > 1 else []


@dataclass(frozen=True, slots=True)
class Change:
    """A replacement that was asked for."""

    replacement: Replacement
    label: str
    meaning: str
    is_open: bool
    went_wrong: bool


def changes(order: Order) -> list[Change]:
    """The replacements asked of this order, the newest first."""
    told = []
    for one in order.replacements.all():
        status = Asked(one.status)
        wrong = status in (Asked.DENIED, Asked.REFUSED, Asked.NOT_APPLIED, Asked.NOT_SENT)
        label, meaning = lifecycle.ASKED_LABELS[status], lifecycle.ASKED_MEANINGS[status]
        told.append(Change(one, label, meaning, status in lifecycle.ASKED_OPEN, wrong))
    return told


def again_address(order: Order) -> str:
    """The ticket filled in as this order was, for one that is not at the broker; "" for others."""
    if order.status not in AGAIN or order.is_external:
        return ""
    try:
        typed = typed_as(order.account_id, order.order_ticket)
    except (KeyError, ValueError):
        return ""
    given = {name: value for name, value in typed.items() if value}
    return f"{reverse('trading:ticket')}?{urlencode(given)}"
