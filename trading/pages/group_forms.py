"""The ticket's second panel, what hangs on the order: a profit and a stop after it, a stop beside it, its reverse."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.forms.boundfield import BoundField

from brokers import registry
from brokers.domain.orders import (
    Action,
    Effect,
    GroupKind,
    InvalidTicket,
    Leg,
    OrderGroup,
    OrderTicket,
    OrderType,
    TimeInForce,
)
from brokers.models import Account
from trading import risk, tickets
from trading.pages.forms import TIMES_IN_FORCE, NumberField

PREFIX = "group"
REVERSE = "reverse"
"""What turns a holding around: to a broker, one order that waits for another."""
SENT_AS = {kind.value: kind for kind in GroupKind} | {REVERSE: GroupKind.OTO}
KINDS = {
    GroupKind.BRACKET.value: "When it fills: a profit and a stop, one cancels the other (bracket)",
    GroupKind.OTO.value: "When it fills: one order that closes it (OTO)",
    GroupKind.OCO.value: "Beside it: a stop for the same, one cancels the other (OCO)",
    REVERSE: "When it fills: open as much the other way (reverse)",
}
FIELDS = {
    GroupKind.BRACKET.value: ("profit", "stop", "stop_limit", "exit_time"),
    GroupKind.OTO.value: ("profit", "stop", "stop_limit", "exit_time"),
    GroupKind.OCO.value: ("stop", "stop_limit", "exit_time"),
    REVERSE: ("opens_at", "exit_time"),
}
"""What belongs to each kind; the style sheet shows no other."""
EXIT_TIMES = (TimeInForce.DAY, TimeInForce.GTC)
OPPOSITE = {
    Action.BUY_TO_OPEN: Action.SELL_TO_CLOSE,
    Action.SELL_TO_OPEN: Action.BUY_TO_CLOSE,
    Action.BUY: Action.SELL,
    Action.SELL: Action.BUY,
}
REOPENS = {Action.BUY_TO_CLOSE: Action.BUY_TO_OPEN, Action.SELL_TO_CLOSE: Action.SELL_TO_OPEN}


def is_wanted(given: Mapping[str, Any]) -> bool:
    """Whether something is to hang on the order of a form or an address."""
    return bool(given.get(f"{PREFIX}-kind"))


class GroupForm(forms.Form):
    """``group(ticket)`` makes the orders that hang together."""

    kind = forms.ChoiceField(required=False, label="Attach")
    profit = NumberField(required=False, label="Profit at", help_text="A limit that closes it.")
    stop = NumberField(required=False, label="Stop at", help_text="Becomes active when the market trades there.")
    stop_limit = NumberField(required=False, label="Limit of the stop", help_text="Empty: at the market.")
    opens_at = NumberField(required=False, label="Opens at", help_text="Empty: at the price of the order.")
    exit_time = forms.ChoiceField(
        required=False, label="These are good for", choices=[(t.value, TIMES_IN_FORCE[t]) for t in EXIT_TIMES]
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, account: Account | None, **kwargs: Any) -> None:
        super().__init__(data, prefix=PREFIX, **kwargs)
        self.account = account
        able = registry.spec(account.connection.broker).capabilities.groups if account else frozenset(GroupKind)
        choices = [("", "Nothing: this order alone"), *((k, words) for k, words in KINDS.items() if SENT_AS[k] in able)]
        self.fields["kind"].choices = choices  # type: ignore[attr-defined]

    @property
    def is_open(self) -> bool:
        return bool(self["kind"].value())

    @property
    def typed(self) -> dict[str, str]:
        """What an address needs to fill the panel in again."""
        kind = str(self["kind"].value() or "")
        values = {f"{PREFIX}-{name}": self[name].value() or "" for name in ("kind", *FIELDS.get(kind, ()))}
        return {name: value for name, value in values.items() if value}

    @property
    def rows(self) -> list[tuple[BoundField, str]]:
        """The fields beside the kind, with the classes that say to which kinds each belongs."""
        names = [name for name in self.fields if name != "kind"]
        return [(self[name], " ".join(f"for-{kind}" for kind, own in FIELDS.items() if name in own)) for name in names]

    def clean(self) -> dict[str, Any]:
        """What was typed before the kind was changed has no meaning now."""
        data = super().clean() or self.cleaned_data
        own = FIELDS.get(data.get("kind", ""), ())
        for name in self.fields:
            if name != "kind" and name not in own:
                data[name] = None
                self.errors.pop(name, None)
        return data

    def group(self, ticket: OrderTicket) -> OrderGroup | None:
        """None, with words at the fields, when it can't be."""
        if not self.is_valid():
            return None
        try:
            made = self._made(ticket)
            self._check(made)
        except InvalidTicket as error:
            self.add_error(error.field if error.field in self.fields else None, str(error))
            return None
        return made

    def _made(self, ticket: OrderTicket) -> OrderGroup:
        data, kind = self.cleaned_data, SENT_AS[self.cleaned_data["kind"]]
        if data["kind"] == REVERSE:
            return OrderGroup(kind, (self._reverse(ticket),), ticket)
        if kind is GroupKind.OCO:
            if ticket.order_type is not OrderType.LIMIT:
                raise InvalidTicket("kind", "Make the order itself a limit: the other one is its stop.")
            stop = self._stop(ticket.legs, ticket.effect)
            self._check_sides(ticket.legs, ticket.limit_price, stop.stop_price)
            return OrderGroup(kind, (ticket, stop))
        legs = closing(ticket)
        effect = None if ticket.effect is None else Effect.CREDIT if ticket.effect is Effect.DEBIT else Effect.DEBIT
        both = kind is GroupKind.BRACKET
        exits = []
        if both or data["profit"] is not None:
            exits.append(self._profit(legs, effect))
        if both or data["stop"] is not None:
            exits.append(self._stop(legs, effect))
        if not both and len(exits) != 1:
            raise InvalidTicket(
                "profit", "Give a profit or a stop: with both it is a bracket, with none nothing waits."
            )
        if ticket.limit_price is not None:
            self._check_sides(legs, data["profit"], ticket.limit_price, "profit")
            self._check_sides(legs, ticket.limit_price, data["stop"])
        self._check_sides(legs, data["profit"], data["stop"])
        return OrderGroup(kind, tuple(exits), ticket)

    def _reverse(self, ticket: OrderTicket) -> OrderTicket:
        """As much the other way: whoever buys to close goes on buying, so both are paid or both received."""
        legs, price = reopening(ticket), self.cleaned_data["opens_at"]
        if price is None and ticket.limit_price is None:
            return OrderTicket(legs, OrderType.MARKET, self._time)
        signed = ticket.limit_price if price is None else _signed(legs, price, ticket.effect, "opens_at")
        return OrderTicket(legs, OrderType.LIMIT, self._time, limit_price=signed)

    def _profit(self, legs: tuple[Leg, ...], effect: Effect | None) -> OrderTicket:
        price = self.cleaned_data["profit"]
        if price is None:
            raise InvalidTicket("profit", "Give the price at which the profit is taken.")
        return OrderTicket(legs, OrderType.LIMIT, self._time, limit_price=_signed(legs, price, effect, "profit"))

    def _stop(self, legs: tuple[Leg, ...], effect: Effect | None) -> OrderTicket:
        price, limit = self.cleaned_data["stop"], self.cleaned_data["stop_limit"]
        if price is None:
            raise InvalidTicket("stop", "Give the price at which the stop becomes active.")
        kind = OrderType.STOP if limit is None else OrderType.STOP_LIMIT
        signed = None if limit is None else _signed(legs, limit, effect, "stop_limit")
        return OrderTicket(legs, kind, self._time, limit_price=signed, stop_price=price)

    @property
    def _time(self) -> TimeInForce:
        return TimeInForce(self.cleaned_data["exit_time"] or TimeInForce.DAY)

    def _check_sides(
        self, legs: tuple[Leg, ...], better: Decimal | None, worse: Decimal | None, field: str = "stop"
    ) -> None:
        """Whoever sells does better above, whoever buys below. Of several legs nothing can be said by a number."""
        if better is None or worse is None or len(legs) > 1:
            return
        better, worse = abs(better), abs(worse)
        buys = legs[0].action.is_buy
        if worse <= better if buys else worse >= better:
            side = "above" if buys == (field == "stop") else "below"
            words = {
                "stop": f"The stop must be {side} {tickets.price_text(better)}, or it would act at once.",
                "profit": f"The profit must be {side} {tickets.price_text(worse)}, the price of the order.",
            }
            raise InvalidTicket(field, words[field])

    def _check(self, group: OrderGroup) -> None:
        """What this broker does not take is said here, not by the broker."""
        if self.account is None:
            return
        can = registry.spec(self.account.connection.broker).capabilities
        for ticket in group.tickets:
            for finding in risk.check_terms(ticket, can):
                raise InvalidTicket("", finding.words)


def closing(ticket: OrderTicket) -> tuple[Leg, ...]:
    """The legs that undo an order's."""
    if any(leg.action not in OPPOSITE for leg in ticket.legs):
        raise InvalidTicket("kind", "This order closes something: what hangs on it is a stop beside it (OCO).")
    return tuple(Leg(leg.instrument, OPPOSITE[leg.action], leg.quantity) for leg in ticket.legs)


def reopening(ticket: OrderTicket) -> tuple[Leg, ...]:
    """The legs that hold as much the other way, once the order has closed what there is."""
    if any(leg.action not in REOPENS for leg in ticket.legs):
        words = "Only an order that closes something can be followed by its reverse"
        if any(leg.action in (Action.BUY, Action.SELL) for leg in ticket.legs):
            words = "A future is turned around by one order of twice as many"
        raise InvalidTicket("kind", f"{words}: choose another kind.")
    return tuple(Leg(leg.instrument, REOPENS[leg.action], leg.quantity) for leg in ticket.legs)


def _signed(legs: tuple[Leg, ...], price: Decimal, effect: Effect | None, field: str) -> Decimal:
    if len(legs) == 1:
        return tickets.signed_limit(legs[0].action, price)
    if effect is None:
        raise InvalidTicket(field, "Give the order itself a limit price: it says whether this is a credit or a debit.")
    return price if effect is Effect.CREDIT else -price


def shown(given: Mapping[str, Any], account: Account | None) -> GroupForm:
    """The panel as far as an address or a form fills it in."""
    names = [name for name in GroupForm.base_fields if given.get(f"{PREFIX}-{name}")]
    return GroupForm(account=account, initial={name: given[f"{PREFIX}-{name}"] for name in names})
