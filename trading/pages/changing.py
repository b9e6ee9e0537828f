"""A working order's new terms as a form: price, stop, quantity, how long it is good; what differs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from django import forms

from brokers import registry
from brokers.domain.instruments import plain
from brokers.domain.orders import Effect, InvalidTicket, Leg, OrderTicket, OrderType, TimeInForce, Trail
from brokers.errors import BrokerError
from brokers.models import Account
from brokers.port import Term
from trading import tickets
from trading.instruments import details_of
from trading.models import Order
from trading.pages.forms import EFFECTS, TIMES_IN_FORCE, NumberField

CENT = Decimal("0.01")
TERMS = {
    Term.LIMIT_PRICE: "limit_price",
    Term.STOP_PRICE: "stop_price",
    Term.TRAIL: "trail",
    Term.QUANTITY: "quantity",
    Term.TIME_IN_FORCE: "time_in_force",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One term before and after, in words."""

    name: str
    before: str
    after: str


def current_ticket(order: Order) -> OrderTicket:
    """The terms on which an order works now; ``InvalidTicket`` where the desk has no words for them.

    The price that a broker gave to an order at the market is none of its terms.
    """
    prices = {
        name: None if price is None else format(price, "f")
        for name, price in (("limit_price", order.limit_price), ("stop_price", order.stop_price))
        if not (name == "limit_price" and order.order_type == OrderType.MARKETABLE_LIMIT)
    }
    try:
        return tickets.from_json(order.ticket | prices)
    except (KeyError, ValueError):
        words = "This order was placed elsewhere in a way that the desk has no words for. Change it at the broker."
        raise InvalidTicket("", words) from None


class ChangeForm(forms.Form):
    """Only the fields that this order has and its broker changes. ``cleaned_data["ticket"]`` when all is well."""

    limit_price = NumberField(required=True, zero=True, label="Limit price")
    effect = forms.ChoiceField(choices=EFFECTS[1:], label="Credit or debit")
    stop_price = NumberField(required=True, label="Stop price")
    trail = NumberField(required=True, label="Stays behind the market by")
    quantity = NumberField(required=True, label="Quantity", help_text="The whole of it, with what is filled already.")
    time_in_force = forms.ChoiceField(label="Good for")

    def __init__(self, data: Mapping[str, Any] | None = None, *, order: Order, before: OrderTicket) -> None:
        self.order, self.before = order, before
        can = registry.spec(order.account.connection.broker).capabilities
        super().__init__(data, initial=self._now(), auto_id=f"change-{order.pk}-%s")
        several = len(before.legs) > 1
        has = {
            "limit_price": before.order_type.has_limit,
            "effect": before.order_type.has_limit and several,
            "stop_price": before.order_type.has_stop,
            "trail": before.order_type.has_trail,
            "quantity": not several,
            "time_in_force": not before.time_in_force.has_date,
        }
        able = {name for term, name in TERMS.items() if term in can.replaces}
        able |= {"effect"} if "limit_price" in able else set()
        for name in [name for name in self.fields if not has[name] or name not in able]:
            del self.fields[name]
        self.fixed = "" if several or "quantity" in able else "This broker does not change how much is traded."
        if "time_in_force" in self.fields:
            times = [(t.value, w) for t, w in TIMES_IN_FORCE.items() if t in can.times_in_force and not t.has_date]
            self.fields["time_in_force"].choices = times  # type: ignore[attr-defined]

    def _now(self) -> dict[str, str]:
        before = self.before
        return {
            "limit_price": plain(abs(before.limit_price)) if before.limit_price is not None else "",
            "effect": (before.effect or Effect.DEBIT).value,
            "stop_price": plain(before.stop_price) if before.stop_price is not None else "",
            "trail": plain(before.trail.amount) if before.trail is not None else "",
            "quantity": plain(before.legs[0].quantity),
            "time_in_force": before.time_in_force.value,
        }

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                data["ticket"] = self._ticket(data)
            except InvalidTicket as error:
                self.refuse(error.field, str(error))
        return data

    def _ticket(self, data: Mapping[str, Any]) -> OrderTicket:
        before = self.before
        legs = before.legs
        if "quantity" in data:
            legs = (Leg(legs[0].instrument, legs[0].action, data["quantity"]),)
        limit = before.limit_price
        if "limit_price" in data:
            price = data["limit_price"]
            credit = data["effect"] == Effect.CREDIT if "effect" in data else not legs[0].action.is_buy
            limit = price if credit else -price
        return OrderTicket(
            legs=legs,
            order_type=OrderType(before.order_type),
            time_in_force=TimeInForce(data.get("time_in_force", before.time_in_force)),
            limit_price=limit,
            stop_price=data.get("stop_price", before.stop_price),
            gtd_date=before.gtd_date,
            trail=self._trail(data),
        )

    def _trail(self, data: Mapping[str, Any]) -> Trail | None:
        """In the unit that it has."""
        trail = self.before.trail
        return replace(trail, amount=data["trail"]) if trail is not None and "trail" in data else trail

    def refuse(self, field: str, words: str) -> None:
        self.add_error(field if field in self.fields else None, words)


def stepped(order: Order, typed: Mapping[str, str], field: str, direction: int) -> dict[str, str]:
    """What is typed with one price moved by a tick; what is no price stays as it is."""
    changed = dict(typed)
    try:
        price = tickets.read_number(typed.get(field, ""))
    except ValueError:
        return changed
    moved = price + direction * step_at(order.account, current_ticket(order), price)
    if moved > 0:
        changed[field] = plain(moved)
    return changed


def step_at(account: Account, ticket: OrderTicket, price: Decimal) -> Decimal:
    """The smallest step that any leg's price may have there; a cent where the broker does not say."""
    found = []
    for leg in ticket.legs:
        try:
            found.append(details_of(account, leg.instrument).increments.at(price) or CENT)
        except (InvalidTicket, BrokerError):
            found.append(CENT)
    return min(found)


def differences(before: OrderTicket, after: OrderTicket) -> list[Difference]:
    """What changes, in words."""
    pairs = (
        ("Limit price", _limit(before), _limit(after)),
        ("Stop price", _price(before.stop_price), _price(after.stop_price)),
        ("Stays behind by", _trail(before), _trail(after)),
        ("Quantity", _sizes(before), _sizes(after)),
        ("Good for", _time(before), _time(after)),
    )
    return [Difference(*pair) for pair in pairs if pair[1] != pair[2]]


def _limit(ticket: OrderTicket) -> str:
    price = _price(ticket.limit_price)
    return f"{price} {ticket.effect}" if len(ticket.legs) > 1 and ticket.limit_price else price


def _price(price: Decimal | None) -> str:
    return "—" if price is None else tickets.price_text(price)


def _trail(ticket: OrderTicket) -> str:
    return tickets.trail_text(ticket.trail) if ticket.trail is not None else "—"


def _sizes(ticket: OrderTicket) -> str:
    return " · ".join(plain(leg.quantity) for leg in ticket.legs)


def _time(ticket: OrderTicket) -> str:
    return TIMES_IN_FORCE.get(ticket.time_in_force, str(ticket.time_in_force))
