"""The forms of the kill switch and of limits; what is typed is read strictly, with words at the field."""

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from brokers.domain.instruments import plain
from brokers.models import Account
from trading import tickets
from trading.models import RiskLimits
from trading.risk.bounds import NUMBERS, PERMISSIONS, Limits
from trading.safety.halts import BY_HAND, TradingState

STATES = ((TradingState.HALTED.value, "Nothing but cancels"), (TradingState.REDUCING.value, "Only what makes smaller"))
LISTED = 500
BY_COMMAS = "Separated by commas: XYZ, ABC"


class SymbolsField(forms.CharField):
    """Symbols with spaces, commas or lines between them; cleaned to a sorted list, each of them as it is traded."""

    def __init__(self, *, label: str, help_text: str = BY_COMMAS, widget: forms.Widget | None = None) -> None:
        super().__init__(required=False, label=label, help_text=help_text, widget=widget)

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list | tuple) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)

    def clean(self, value: Any) -> list[str]:
        text = super().clean(value)
        found = sorted(
            {symbol for part in text.replace("\n", ",").split(",") for symbol in self._symbols(part.strip())}
        )
        if len(found) > LISTED:
            raise ValidationError(f"At most {LISTED} symbols can be named here; these are {len(found)}.")
        return found

    @staticmethod
    def _symbols(part: str) -> list[str]:
        """An option's own symbol has spaces in it."""
        try:
            return [tickets.read_symbol(part)] if part else []
        except ValueError:
            pass
        try:
            return [tickets.read_symbol(word) for word in part.split()]
        except ValueError as error:
            raise ValidationError(str(error)) from None


class HaltForm(forms.Form):
    """``cleaned_data["chosen"]`` is the account, None for all of the person's."""

    account = forms.ChoiceField(label="What is stopped", error_messages={"invalid_choice": "You have no such account."})
    state = forms.ChoiceField(choices=STATES, initial=TradingState.HALTED.value, label="What may still go out")
    reason = forms.CharField(max_length=300, required=False, label="Why (you may leave it out)")
    cancel_orders = forms.BooleanField(required=False, label="Also cancel all working orders")

    def __init__(self, *args: Any, accounts: list[Account], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.accounts = {str(account.pk): account for account in accounts}
        rows = [(key, f"{account} · {account.connection}") for key, account in self.accounts.items()]
        self.fields["account"].choices = [("all", "All my accounts"), *rows]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        data["chosen"] = self.accounts.get(data.get("account", ""))
        data["reason"] = data.get("reason") or BY_HAND
        return data


class RearmForm(forms.Form):
    reason = forms.CharField(max_length=300, label="Why is it safe to trade again?")


class LimitsForm(forms.Form):
    """A field for each limit, empty where this level says nothing; each says what holds above."""

    denied_symbols = SymbolsField(label="Symbols that are not traded")

    def __init__(self, *args: Any, row: RiskLimits, above: Limits, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in NUMBERS:
            self.fields[name] = self._number(name, row, above)
        for name in PERMISSIONS:
            if getattr(above, name):
                self.fields[name] = self._permission(name, row)
        self.fields["denied_symbols"].initial = row.denied_symbols or []
        self.order_fields([*NUMBERS, *PERMISSIONS, "denied_symbols"])

    @staticmethod
    def _number(name: str, row: RiskLimits, above: Limits) -> forms.CharField:
        value = getattr(row, name)
        return forms.CharField(
            required=False,
            label=_label(name),
            initial=plain(value) if value is not None else "",
            help_text=f"At most {getattr(above, name):,f}.",
            widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        )

    @staticmethod
    def _permission(name: str, row: RiskLimits) -> forms.TypedChoiceField:
        return forms.TypedChoiceField(
            required=False,
            label=_label(name),
            choices=(("", "As above"), ("no", "No")),
            coerce=lambda text: {"no": False}.get(text),
            empty_value=None,
            initial="no" if getattr(row, name) is False else "",
        )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        for name in NUMBERS:
            data[name] = self._read_number(name, str(data.get(name) or ""))
        return data

    def _read_number(self, name: str, text: str) -> Decimal | None:
        if not text:
            return None
        try:
            return tickets.read_number(text)
        except ValueError as error:
            self.add_error(name, str(error))
            return None

    @property
    def values(self) -> dict[str, Any]:
        """What is to be set, by the names of the limits."""
        return {name: self.cleaned_data.get(name) for name in self.fields}


def _label(name: str) -> str:
    return str(getattr(RiskLimits._meta.get_field(name), "verbose_name", name)).capitalize()
