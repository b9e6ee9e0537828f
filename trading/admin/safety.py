"""Staff set limits with a reason, and look at halts; arming again is done on the page, with a fresh sign-in."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest

from brokers.domain.instruments import plain
from trading.models import Halt, RiskLimits
from trading.pages.safety_forms import SymbolsField
from trading.risk.bounds import NUMBERS, OF_ALL, PERMISSIONS
from trading.safety import limits

if TYPE_CHECKING:
    LimitsBase = admin.ModelAdmin[RiskLimits]
    HaltBase = admin.ModelAdmin[Halt]
    LimitsFormBase = forms.ModelForm[RiskLimits]
else:
    LimitsBase = HaltBase = admin.ModelAdmin
    LimitsFormBase = forms.ModelForm

NAMED: dict[str, tuple[str, ...]] = {
    "installation": (),
    "user": ("user",),
    "account": ("account",),
    "key": ("user", "key_id"),
}
"""What limits of each scope are of."""
FIGURES = (*NUMBERS, *OF_ALL, *PERMISSIONS, "denied_symbols")


class LimitsAdminForm(LimitsFormBase):
    denied_symbols = SymbolsField(
        label="Symbols that are not traded",
        help_text="With spaces or commas between them. A share's symbol takes its options with it.",
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
    )
    reason = forms.CharField(max_length=300, help_text="Recorded with the change.")

    class Meta:
        model = RiskLimits
        fields = ("scope", "user", "account", "key_id", *FIGURES, "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in (*NUMBERS, *OF_ALL):
            if self.initial.get(name) is not None:
                self.initial[name] = plain(self.initial[name])

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        named = tuple(name for name in ("user", "account", "key_id") if data.get(name))
        if NAMED.get(data.get("scope", "")) != named:
            words = "Name the person, the account, or the person and the key that the limits are of, and nothing else."
            raise forms.ValidationError(words)
        for name in (*NUMBERS, *OF_ALL):
            if data.get(name) is not None and data[name] < 0:
                self.add_error(name, "A limit is a number of 0 or more.")
        if data.get("scope") != "installation":
            for name in OF_ALL:
                if data.get(name) is not None:
                    self.add_error(name, "This is a limit of the installation: it can't be set for one person.")
        return data


@admin.register(RiskLimits)
class RiskLimitsAdmin(LimitsBase):
    form = LimitsAdminForm
    list_display = ("__str__", "scope", "changed_at", "changed_by", "reason")
    list_filter = ("scope",)
    raw_id_fields = ("user", "account")

    def get_readonly_fields(self, request: HttpRequest, obj: RiskLimits | None = None) -> tuple[str, ...]:
        return ("scope", "user", "account", "key_id") if obj is not None else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: RiskLimits, form: Any, change: bool) -> None:
        """Through the one place that changes limits and records it."""
        values = {name: form.cleaned_data.get(name) for name in FIGURES}
        values["denied_symbols"] = values["denied_symbols"] or []
        if obj.scope != "installation":
            values = {name: value for name, value in values.items() if name not in OF_ALL}
        by = request.user if isinstance(request.user, User) else None
        why = form.cleaned_data["reason"]
        kept = limits.change(values, by=by, reason=why, user=obj.user, account=obj.account, key_id=obj.key_id)
        obj.pk = kept.pk


@admin.register(Halt)
class HaltAdmin(HaltBase):
    list_display = ("pressed_at", "state", "scope_words", "reason", "cause", "pressed_by", "rearmed_at", "rearmed_by")
    list_filter = ("scope_kind", "state", "cause")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
