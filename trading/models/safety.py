"""Halts and limits: what stops orders before they leave, at which level, who said so and why."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from brokers.models import Account
from brokers.registry import BROKERS
from trading.risk.bounds import NUMBERS, OF_ALL, PERMISSIONS
from trading.risk.facts import TradingState

STATES = ((TradingState.REDUCING.value, "Reducing only"), (TradingState.HALTED.value, "Halted"))


class ScopeKind(models.TextChoices):
    """What a halt or a set of limits is about, from the widest to the narrowest."""

    INSTALLATION = "installation", "The whole installation"
    BROKER = "broker", "A broker"
    USER = "user", "A person"
    ACCOUNT = "account", "An account"
    KEY = "key", "A program's key"


class Halt(models.Model):
    """One press of the switch, in force until it is armed again; rows are never removed."""

    class Cause(models.TextChoices):
        PERSON = "person", "A person"
        RUNAWAY = "runaway", "Too many refusals"
        COUNTER = "counter", "More orders out than asked for"
        PATTERN = "pattern", "An unusual pattern"
        SYSTEM = "system", "The desk itself"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    scope_kind = models.CharField(max_length=16, choices=[c for c in ScopeKind.choices if c[0] != ScopeKind.KEY])
    broker = models.CharField(max_length=32, blank=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="halts")
    account = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="halts")
    source = models.CharField(max_length=8, blank=True, help_text="Only orders that come this way; blank: all.")
    state = models.CharField(max_length=16, choices=STATES)
    reason = models.CharField(max_length=300)
    cause = models.CharField(max_length=16, choices=Cause.choices, default=Cause.PERSON)
    pressed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    pressed_at = models.DateTimeField(default=timezone.now)
    on_their_way = models.JSONField(default=list, help_text="Orders that were being sent at that moment.")
    rearmed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    rearmed_at = models.DateTimeField(null=True)
    rearm_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ("-pressed_at",)
        constraints = (
            models.CheckConstraint(
                name="halt_names_its_scope",
                condition=Q(scope_kind=ScopeKind.INSTALLATION, broker="", user=None, account=None)
                | (Q(scope_kind=ScopeKind.BROKER, user=None, account=None) & ~Q(broker=""))
                | Q(scope_kind=ScopeKind.USER, broker="", user__isnull=False, account=None)
                | Q(scope_kind=ScopeKind.ACCOUNT, broker="", user=None, account__isnull=False),
            ),
            models.CheckConstraint(name="halt_has_a_reason", condition=~Q(reason="")),
        )
        indexes = (models.Index(fields=("rearmed_at", "scope_kind")),)

    def __str__(self) -> str:
        return f"{self.get_state_display()}: {self.scope_words}"

    @property
    def is_open(self) -> bool:
        return self.rearmed_at is None

    @property
    def scope_words(self) -> str:
        """«this installation», a broker’s title, «account …0042»."""
        words = {
            ScopeKind.INSTALLATION: "this installation",
            ScopeKind.BROKER: BROKERS[self.broker].title if self.broker in BROKERS else self.broker,
            ScopeKind.USER: "all your accounts",
            ScopeKind.ACCOUNT: f"account {self.account}" if self.account is not None else "an account",
        }[ScopeKind(self.scope_kind)]
        return f"{words}, orders by {self.source}" if self.source else words


class RiskLimits(models.Model):
    """Limits at one level. An empty figure says nothing at this level. Changed by ``limits.change`` alone.

    Those of a program's key are a person's, for the orders that come with the key of that name.
    """

    scope = models.CharField(max_length=16, choices=[c for c in ScopeKind.choices if c[0] != ScopeKind.BROKER])
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE)
    account = models.OneToOneField(Account, null=True, blank=True, on_delete=models.CASCADE)
    key_id = models.CharField("Key", max_length=32, blank=True, help_text="The name of a program's key.")

    shares = models.DecimalField("Shares per order", max_digits=20, decimal_places=8, null=True, blank=True)
    contracts = models.DecimalField(
        "Option contracts per order", max_digits=20, decimal_places=8, null=True, blank=True
    )
    futures = models.DecimalField("Futures per order", max_digits=20, decimal_places=8, null=True, blank=True)
    order_notional = models.DecimalField("Dollars per order", max_digits=20, decimal_places=2, null=True, blank=True)
    future_notional = models.DecimalField(
        "Dollars per order of futures", max_digits=20, decimal_places=2, null=True, blank=True
    )
    position_notional = models.DecimalField(
        "Dollars held in one underlying", max_digits=20, decimal_places=2, null=True, blank=True
    )
    future_position_notional = models.DecimalField(
        "Dollars held in one future", max_digits=20, decimal_places=2, null=True, blank=True
    )
    gross_share = models.DecimalField(
        "All positions, as a fraction of net liq", max_digits=8, decimal_places=4, null=True, blank=True
    )
    concentration_share = models.DecimalField(
        "One underlying, as a fraction of net liq", max_digits=8, decimal_places=4, null=True, blank=True
    )
    daily_loss_share = models.DecimalField(
        "The day's loss, as a fraction of net liq", max_digits=8, decimal_places=4, null=True, blank=True
    )
    buying_power_share = models.DecimalField(
        "Usable fraction of buying power", max_digits=8, decimal_places=4, null=True, blank=True
    )
    orders_a_second = models.DecimalField("Orders a second", max_digits=8, decimal_places=0, null=True, blank=True)
    web_orders_a_minute = models.DecimalField(
        "Orders a minute by hand", max_digits=8, decimal_places=0, null=True, blank=True
    )
    api_orders_a_minute = models.DecimalField(
        "Orders a minute by programs", max_digits=8, decimal_places=0, null=True, blank=True
    )
    orders_a_day = models.DecimalField("Orders a day", max_digits=8, decimal_places=0, null=True, blank=True)
    open_orders = models.DecimalField("Open orders", max_digits=8, decimal_places=0, null=True, blank=True)
    open_orders_a_symbol = models.DecimalField(
        "Open orders in one symbol", max_digits=8, decimal_places=0, null=True, blank=True
    )
    quote_seconds = models.DecimalField("Oldest quote, seconds", max_digits=8, decimal_places=1, null=True, blank=True)
    signal_seconds = models.DecimalField(
        "Oldest signal, seconds", max_digits=8, decimal_places=1, null=True, blank=True
    )
    installation_orders_a_second = models.DecimalField(
        "Orders a second of all people", max_digits=8, decimal_places=0, null=True, blank=True
    )
    installation_dollars_a_minute = models.DecimalField(
        "Dollars a minute of all people", max_digits=20, decimal_places=2, null=True, blank=True
    )
    allow_naked_options = models.BooleanField("Uncovered short options allowed", null=True, blank=True)
    allow_flip = models.BooleanField("Turning a position round allowed", null=True, blank=True)
    denied_symbols = models.JSONField("Symbols that are not traded", default=list, blank=True)

    changed_at = models.DateTimeField(default=timezone.now)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        verbose_name_plural = "risk limits"
        constraints = (
            models.CheckConstraint(
                name="limits_name_their_scope",
                condition=Q(scope=ScopeKind.INSTALLATION, user=None, account=None, key_id="")
                | Q(scope=ScopeKind.USER, user__isnull=False, account=None, key_id="")
                | Q(scope=ScopeKind.ACCOUNT, user=None, account__isnull=False, key_id="")
                | (Q(scope=ScopeKind.KEY, user__isnull=False, account=None) & ~Q(key_id="")),
            ),
            models.UniqueConstraint(fields=("user", "key_id"), name="one_set_for_a_person_and_for_each_key"),
            models.UniqueConstraint(
                fields=("scope",), condition=Q(scope=ScopeKind.INSTALLATION), name="one_set_for_the_installation"
            ),
        )

    def __str__(self) -> str:
        whose = {ScopeKind.USER: str(self.user), ScopeKind.ACCOUNT: str(self.account)}
        whose[ScopeKind.KEY] = f"{self.user}'s key {self.key_id}"
        return f"Limits of {whose.get(ScopeKind(self.scope), 'the installation')}"

    @property
    def values(self) -> Mapping[str, Any]:
        """What this level says, by the names of ``risk.Limits``; None where it says nothing."""
        return {name: getattr(self, name) for name in (*NUMBERS, *OF_ALL, *PERMISSIONS, "denied_symbols")}
