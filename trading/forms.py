"""The ticket as a form: strict about what is typed, with words at the field."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError

from brokers.domain.instruments import Equity, Instrument, Option, parse_instrument
from brokers.domain.orders import Action, InvalidTicket, Leg, OrderTicket, OrderType, TimeInForce
from brokers.models import Account
from trading import risk, tickets

ACTIONS = (
    (Action.BUY_TO_OPEN.value, "Buy to open"),
    (Action.SELL_TO_CLOSE.value, "Sell to close"),
    (Action.SELL_TO_OPEN.value, "Sell to open (short)"),
    (Action.BUY_TO_CLOSE.value, "Buy to close (cover)"),
)
PREFILLED = ("account", "symbol", "action", "quantity", "order_type", "limit_price", "time_in_force")
"""What an address may fill in."""
ORDER_TYPES = ((OrderType.LIMIT.value, "Limit"), (OrderType.MARKET.value, "Market"))
TIMES_IN_FORCE = ((TimeInForce.DAY.value, "Day"), (TimeInForce.GTC.value, "Good till cancelled"))


class NumberField(forms.CharField):
    """A number above zero in plain ASCII digits; what was typed is kept when it is refused."""

    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})

    def clean(self, value: Any) -> Decimal | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            number = tickets.read_number(text)
        except ValueError as error:
            raise ValidationError(str(error)) from None
        if number <= 0:
            raise ValidationError("The number must be above 0.")
        return number


class TicketForm(forms.Form):
    """One leg. ``cleaned_data`` holds ``chosen`` (the Account) and ``ticket`` when all is well."""

    account = forms.ChoiceField(error_messages={"invalid_choice": "You have no such account here."})
    symbol = forms.CharField(
        max_length=40,
        strip=True,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
        help_text="A share such as AAPL, or choose an option.",
    )
    action = forms.ChoiceField(choices=ACTIONS)
    quantity = NumberField(help_text="Shares, or contracts.")
    order_type = forms.ChoiceField(choices=ORDER_TYPES, initial=OrderType.LIMIT.value, label="Type")
    limit_price = NumberField(required=False, help_text="Per share.")
    time_in_force = forms.ChoiceField(choices=TIMES_IN_FORCE, initial=TimeInForce.DAY.value, label="Good for")

    def __init__(self, *args: Any, accounts: list[Account], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.accounts = {str(account.pk): account for account in accounts}
        self.fields["account"].choices = [  # type: ignore[attr-defined]
            (key, f"{account} · {account.connection}") for key, account in self.accounts.items()
        ]

    def clean_symbol(self) -> str:
        try:
            symbol = tickets.read_symbol(self.cleaned_data["symbol"])
        except InvalidTicket as error:
            raise ValidationError(str(error)) from None
        if not isinstance(parse_instrument(symbol), Equity | Option):
            raise ValidationError(risk.CLASSES_WORDS)
        return symbol

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("order_type") == OrderType.MARKET.value:
            data["limit_price"] = None  # typed before the type was changed: it has no meaning now
        elif data.get("order_type") and "limit_price" in data and data["limit_price"] is None:
            self.add_error("limit_price", "A limit order needs a price.")
        if self.errors:
            return data
        try:
            data["ticket"] = self._ticket(data)
        except InvalidTicket as error:
            self.refuse(error)
        data["chosen"] = self.accounts[data["account"]]
        return data

    def refuse(self, error: InvalidTicket) -> None:
        """Show a refusal at its field, or above the form where it has none."""
        self.add_error(error.field if error.field in self.fields else None, str(error))

    def _ticket(self, data: dict[str, Any]) -> OrderTicket:
        action = Action(data["action"])
        price: Decimal | None = data["limit_price"]
        return OrderTicket(
            legs=(Leg(parse_instrument(data["symbol"]), action, data["quantity"]),),
            order_type=OrderType(data["order_type"]),
            time_in_force=TimeInForce(data["time_in_force"]),
            limit_price=tickets.signed_limit(action, price) if price is not None else None,
        )

    @property
    def instrument(self) -> Instrument | None:
        """What the symbol typed so far names, if anything."""
        try:
            return parse_instrument(tickets.read_symbol(str(self["symbol"].value() or "")))
        except InvalidTicket:
            return None

    @property
    def underlying(self) -> str:
        """Whose option chain to offer."""
        match self.instrument:
            case Option(root):
                return root
            case Equity(symbol):
                return symbol
            case _:
                return ""

    @property
    def chosen_account(self) -> Account | None:
        return self.accounts.get(str(self["account"].value() or ""))


def account_by_id(accounts: list[Account], text: str | None) -> Account | None:
    """The account named, else the default one, else the first; None for one that is not there."""
    if not text or text == "all":
        return next((account for account in accounts if account.is_default), accounts[0] if accounts else None)
    try:
        asked = UUID(text)
    except ValueError:
        return None
    return next((account for account in accounts if account.pk == asked), None)
