"""The ticket as a form: one to four legs, strict about what is typed, with words at the field.

Legs are numbered: those of the first have plain names (``symbol``), those of others end in their number (``symbol_2``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.forms.boundfield import BoundField

from brokers import registry
from brokers.domain.instruments import Crypto, Equity, Future, Instrument, Option, parse_instrument, plain
from brokers.domain.orders import (
    MAX_LEGS,
    Action,
    Effect,
    InvalidTicket,
    Leg,
    OrderTicket,
    OrderType,
    TimeInForce,
    Trail,
)
from brokers.models import Account
from brokers.port import Capabilities
from trading import tickets

ACTIONS = (
    (Action.BUY_TO_OPEN.value, "Buy to open"),
    (Action.SELL_TO_CLOSE.value, "Sell to close"),
    (Action.SELL_TO_OPEN.value, "Sell to open (short)"),
    (Action.BUY_TO_CLOSE.value, "Buy to close (cover)"),
    (Action.BUY.value, "Buy (futures)"),
    (Action.SELL.value, "Sell (futures)"),
)
SPREAD_ACTIONS = tuple((value, words.split(" (")[0]) for value, words in ACTIONS)
ORDER_TYPES = {
    OrderType.LIMIT: "Limit",
    OrderType.MARKET: "Market",
    OrderType.MARKETABLE_LIMIT: "Marketable limit",
    OrderType.STOP: "Stop",
    OrderType.STOP_LIMIT: "Stop limit",
    OrderType.TRAILING_STOP: "Trailing stop",
}
TRAIL_UNITS = (("amount", "behind the price"), ("percent", "% behind the price"))
TIMES_IN_FORCE = {
    TimeInForce.DAY: "Day",
    TimeInForce.GTC: "Good till cancelled",
    TimeInForce.GTD: "Good till a date",
    TimeInForce.EXT: "Day + extended hours",
    TimeInForce.GTC_EXT: "Till cancelled + extended hours",
    TimeInForce.GTD_EXT: "Till a date + extended hours",
    TimeInForce.OVERNIGHT: "Day + overnight",
    TimeInForce.GTC_OVERNIGHT: "Till cancelled + overnight",
    TimeInForce.IOC: "At once or not at all",
    TimeInForce.FOK: "All at once or not at all",
    TimeInForce.OPEN: "At the open",
    TimeInForce.CLOSE: "At the close",
    TimeInForce.MINUTE: "For one minute",
    TimeInForce.MINUTES_3: "For three minutes",
    TimeInForce.MINUTES_5: "For five minutes",
}
EFFECTS = (("", "Credit or debit?"), (Effect.CREDIT.value, "Credit: received"), (Effect.DEBIT.value, "Debit: paid"))
LEG_FIELDS = ("symbol", "action", "quantity")
ORDER_FIELDS = ("order_type", "limit_price", "effect", "stop_price", "trail", "trail_unit", "time_in_force", "gtd_date")


def leg_names(number: int) -> tuple[str, ...]:
    """The names of a leg's three fields."""
    return LEG_FIELDS if number == 1 else tuple(f"{name}_{number}" for name in LEG_FIELDS)


PREFILLED = ("account", *(name for number in range(1, MAX_LEGS + 1) for name in leg_names(number)), *ORDER_FIELDS)
"""What an address may fill in."""


def typed_in(given: Mapping[str, Any]) -> dict[str, str]:
    """What of a query or a form belongs to the ticket; a leg after the first counts even when it is empty."""
    later = {leg_names(number)[0] for number in range(2, MAX_LEGS + 1)}
    return {name: given[name] for name in PREFILLED if given.get(name) or (name in given and name in later)}


class NumberField(forms.CharField):
    """A number in plain ASCII digits, above zero unless ``zero`` is allowed; what was typed is kept when refused."""

    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})

    def __init__(self, *args: Any, zero: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zero = zero

    def clean(self, value: Any) -> Decimal | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            number = tickets.read_number(text)
        except ValueError as error:
            raise ValidationError(str(error)) from None
        if number < 0 or (number == 0 and not self.zero):
            raise ValidationError("The number must be above 0.")
        return number


class SymbolField(forms.CharField):
    """A symbol, canonical once cleaned."""

    widget = forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"})

    def clean(self, value: Any) -> str:
        try:
            return tickets.read_symbol(super().clean(value))
        except InvalidTicket as error:
            raise ValidationError(str(error)) from None


@dataclass(frozen=True, slots=True)
class LegRow:
    """One leg's fields, for the template."""

    number: int
    symbol: BoundField
    action: BoundField
    quantity: BoundField

    @property
    def instrument(self) -> Instrument | None:
        """What the symbol typed so far names, if anything."""
        try:
            return tickets.instrument(str(self.symbol.value() or ""))
        except InvalidTicket:
            return None

    @property
    def hidden_symbol(self) -> str:
        """The symbol of a leg that is changed by its buttons, not by typing."""
        return self.symbol.as_hidden()

    @property
    def buys(self) -> bool:
        """By the action alone: a leg without a symbol has a side, too."""
        return str(self.action.value() or Action.BUY_TO_OPEN.value).startswith("buy")

    @property
    def leg(self) -> Leg | None:
        """The leg as far as it is typed, for estimates."""
        instrument = self.instrument
        try:
            quantity = tickets.read_number(str(self.quantity.value() or "1"))
            action = Action(str(self.action.value() or Action.BUY_TO_OPEN.value))
            return Leg(instrument, suited(action, instrument), quantity) if instrument is not None else None
        except ValueError:
            return None


def suited(action: Action, instrument: Instrument) -> Action:
    """Futures are bought and sold; all else is opened or closed."""
    if isinstance(instrument, Future):
        return Action.BUY if action.is_buy else Action.SELL
    return action


class TicketForm(forms.Form):
    """``cleaned_data`` holds ``chosen`` (the Account) and ``ticket`` when all is well."""

    account = forms.ChoiceField(error_messages={"invalid_choice": "You have no such account here."})
    order_type = forms.ChoiceField(initial=OrderType.LIMIT.value, label="Type")
    limit_price = NumberField(required=False, zero=True, help_text="Per share.")
    effect = forms.ChoiceField(choices=EFFECTS, required=False, label="Credit or debit")
    stop_price = NumberField(required=False, help_text="Becomes active when the market trades there.")
    trail = NumberField(required=False, help_text="The stop follows the market at this distance, never back.")
    trail_unit = forms.ChoiceField(choices=TRAIL_UNITS, required=False, initial="amount", label="Trail by")
    time_in_force = forms.ChoiceField(initial=TimeInForce.DAY.value, label="Good for")
    gtd_date = forms.DateField(required=False, label="Last day", widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args: Any, accounts: list[Account], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.accounts = {str(account.pk): account for account in accounts}
        self._choices("account", [(key, f"{account} · {account.connection}") for key, account in self.accounts.items()])
        given = self.data if self.is_bound else self.initial
        self.leg_count = next(
            (number for number in range(1, MAX_LEGS) if leg_names(number + 1)[0] not in given), MAX_LEGS
        )
        actions = SPREAD_ACTIONS if self.is_spread else ACTIONS
        for number in range(1, self.leg_count + 1):
            symbol, action, quantity = leg_names(number)
            self.fields[symbol] = SymbolField(max_length=40, strip=True, label="Symbol")
            self.fields[action] = forms.ChoiceField(choices=actions, label="Action")
            self.fields[quantity] = NumberField(label="Quantity")
        self._offer()

    def _choices(self, name: str, choices: list[tuple[str, str]]) -> None:
        self.fields[name].choices = choices  # type: ignore[attr-defined]

    def _offer(self) -> None:
        """Only what the account's broker takes."""
        can = self.capabilities
        types = can.order_types & can.spread_types if self.is_spread else can.order_types
        times = can.times_in_force
        self._choices("order_type", [(t.value, words) for t, words in ORDER_TYPES.items() if t in types])
        self._choices("time_in_force", [(t.value, words) for t, words in TIMES_IN_FORCE.items() if t in times])

    @property
    def capabilities(self) -> Capabilities:
        account = self.chosen_account or next(iter(self.accounts.values()), None)
        return registry.spec(account.connection.broker if account else next(iter(registry.BROKERS))).capabilities

    @property
    def offers_trail(self) -> bool:
        return OrderType.TRAILING_STOP in self.capabilities.order_types and not self.is_spread

    @property
    def is_spread(self) -> bool:
        return self.leg_count > 1

    @property
    def can_add(self) -> bool:
        return self.leg_count < min(MAX_LEGS, self.capabilities.max_legs)

    @property
    def legs(self) -> list[LegRow]:
        rows = (leg_names(number) for number in range(1, self.leg_count + 1))
        return [LegRow(number, *(self[name] for name in names)) for number, names in enumerate(rows, 1)]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        order_type = data.get("order_type")
        if order_type:
            kind = OrderType(order_type)
            self._clean_price("limit_price", kind.has_limit, "A limit order needs a price.")
            self._clean_price("stop_price", kind.has_stop, "A stop order needs a stop price.")
            self._clean_price("trail", kind.has_trail, "Say how far the stop stays behind the market.")
        self._clean_date()
        if self.errors:
            return data
        legs = self._read_legs()
        if legs and not self.errors:
            self._read_ticket(tuple(legs))
        data["chosen"] = self.accounts[data["account"]]
        return data

    def _clean_price(self, name: str, wanted: bool, words: str) -> None:
        data = self.cleaned_data
        if not wanted:
            data[name] = None  # typed before the type was changed: it has no meaning now
            self.errors.pop(name, None)
        elif name in data and data[name] is None:
            self.add_error(name, words)

    def _clean_date(self) -> None:
        data = self.cleaned_data
        time = data.get("time_in_force")
        if time and not TimeInForce(time).has_date:
            data["gtd_date"] = None
            self.errors.pop("gtd_date", None)
        elif time and data.get("gtd_date") is None and "gtd_date" not in self.errors:
            self.add_error("gtd_date", "Say till which day.")

    def _read_legs(self) -> list[Leg]:
        legs = []
        for number in range(1, self.leg_count + 1):
            symbol, action, quantity = leg_names(number)
            data = self.cleaned_data
            instrument = parse_instrument(data[symbol])
            try:
                legs.append(Leg(instrument, suited(Action(data[action]), instrument), data[quantity]))
            except InvalidTicket as error:
                own = error.field if number == 1 else f"{error.field}_{number}"
                self.add_error(own if own in self.fields else None, str(error))
        return legs

    def _read_ticket(self, legs: tuple[Leg, ...]) -> None:
        data = self.cleaned_data
        try:
            data["ticket"] = OrderTicket(
                legs=legs,
                order_type=OrderType(data["order_type"]),
                time_in_force=TimeInForce(data["time_in_force"]),
                limit_price=self._signed(legs, data["limit_price"]),
                stop_price=data["stop_price"],
                gtd_date=data["gtd_date"],
                trail=Trail(data["trail"], data["trail_unit"] == "percent") if data["trail"] is not None else None,
            )
        except InvalidTicket as error:
            self.refuse(error)

    def _signed(self, legs: tuple[Leg, ...], price: Decimal | None) -> Decimal | None:
        """From the account's side: a single leg's action says the direction, of several the person says it."""
        if price is None:
            return None
        if len(legs) == 1:
            return tickets.signed_limit(legs[0].action, price)
        if not self.cleaned_data["effect"] and price:
            raise InvalidTicket("effect", "Say whether the price is a credit (received) or a debit (paid).")
        return price if self.cleaned_data["effect"] == Effect.CREDIT.value else -price

    def refuse(self, error: InvalidTicket) -> None:
        """Show a refusal at its field, or above the form where it has none or several legs could be meant."""
        vague = self.is_spread and error.field in LEG_FIELDS
        self.add_error(error.field if error.field in self.fields and not vague else None, str(error))

    @property
    def estimated_limit(self) -> Decimal | None:
        """The signed limit as far as it is typed; None where it is not."""
        legs = [row.leg for row in self.legs]
        try:
            price = tickets.read_number(str(self["limit_price"].value() or ""))
        except ValueError:
            return None
        first = legs[0]
        if OrderType(self["order_type"].value()) not in (OrderType.LIMIT, OrderType.STOP_LIMIT) or first is None:
            return None
        if len(legs) == 1:
            return tickets.signed_limit(first.action, price)
        side = self["effect"].value()
        return None if not side else price if side == Effect.CREDIT.value else -price

    @property
    def instrument(self) -> Instrument | None:
        return self.legs[0].instrument

    @property
    def underlying(self) -> str:
        """Whose option chain to offer, as far as the symbols tell."""
        for row in self.legs:
            match row.instrument:
                case Option(root):
                    return root
                case Equity(symbol) | Crypto(symbol):
                    return symbol
        return ""

    @property
    def chosen_account(self) -> Account | None:
        return self.accounts.get(str(self["account"].value() or ""))


def typed_as(account_id: UUID, ticket: OrderTicket) -> dict[str, str]:
    """A ticket as the form that makes it."""
    typed = {
        "account": str(account_id),
        "order_type": ticket.order_type.value,
        "time_in_force": ticket.time_in_force.value,
        "limit_price": plain(abs(ticket.limit_price)) if ticket.limit_price is not None else "",
        "effect": ticket.effect.value if ticket.effect is not None else "",
        "stop_price": plain(ticket.stop_price) if ticket.stop_price is not None else "",
        "gtd_date": ticket.gtd_date.isoformat() if isinstance(ticket.gtd_date, date) else "",
        "trail": plain(ticket.trail.amount) if ticket.trail is not None else "",
        "trail_unit": "percent" if ticket.trail is not None and ticket.trail.is_percent else "",
    }
    for number, leg in enumerate(ticket.legs, 1):
        values = (str(leg.instrument), leg.action.value, plain(leg.quantity))
        typed |= dict(zip(leg_names(number), values, strict=True))
    return typed


def account_by_id(accounts: list[Account], text: str | None) -> Account | None:
    """The account named, else the default one, else the first; None for one that is not there."""
    if not text or text == "all":
        return next((account for account in accounts if account.is_default), accounts[0] if accounts else None)
    try:
        asked = UUID(text)
    except ValueError:
        return None
    return next((account for account in accounts if account.pk == asked), None)
