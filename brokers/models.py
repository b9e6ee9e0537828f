"""A person's connections to brokers and the accounts found there. Only connections.py seals and unseals."""

import uuid
from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.utils import timezone

from brokers.port import Environment
from brokers.registry import BROKERS


class OwnedQuerySet(models.QuerySet[Any]):
    """Rows are looked up from their owner: ``Account.objects.of(user)``."""

    owner_path = "user"

    def of(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        return self.filter(**{self.owner_path: user.pk}) if user.pk else self.none()


class ConnectionQuerySet(OwnedQuerySet):
    def present(self) -> Self:
        """All but the removed ones."""
        return self.exclude(state=Connection.State.REMOVED)


class AccountQuerySet(OwnedQuerySet):
    owner_path = "connection__user"

    def of(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        return super().of(user).select_related("connection").exclude(connection__state=Connection.State.REMOVED)


class Connection(models.Model):
    """A permission to use one broker's environment. Its tokens are sealed to this row (see vault.py)."""

    class State(models.TextChoices):
        CONNECTED = "connected", "Connected"
        NEEDS_SIGN_IN = "needs_sign_in", "Needs sign-in"
        SUSPENDED = "suspended", "Suspended"
        REMOVED = "removed", "Removed"

    class GrantKind(models.TextChoices):
        REDIRECT = "redirect", "Broker's sign-in page"
        PERSONAL = "personal", "Personal grant"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="connections")
    broker = models.CharField(max_length=32)
    environment = models.CharField(max_length=8, choices=[(e.value, e.value.upper()) for e in Environment])
    label = models.CharField(max_length=64, blank=True)
    grant_kind = models.CharField(max_length=16, choices=GrantKind.choices)
    state = models.CharField(max_length=16, choices=State.choices, default=State.CONNECTED)
    scopes = models.CharField(max_length=255, blank=True)
    client_id = models.CharField(max_length=128, blank=True, help_text="A personal grant's own client, where given.")
    broker_customer = models.CharField(max_length=64, blank=True, help_text="The broker's id of the signed-in person.")

    sealed_refresh_token = models.BinaryField(null=True)
    sealed_access_token = models.BinaryField(null=True)
    sealed_client_secret = models.BinaryField(null=True, help_text="Personal grants bring their own.")
    access_expires_at = models.DateTimeField(null=True)
    token_version = models.PositiveIntegerField(default=0)
    lease_owner = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True, help_text="No refresh is tried before this time.")
    fail_count = models.PositiveIntegerField(default=0)

    connected_at = models.DateTimeField(default=timezone.now)
    refreshed_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)
    last_error_code = models.CharField(max_length=64, blank=True)
    last_error = models.CharField(max_length=500, blank=True)
    last_error_at = models.DateTimeField(null=True)

    objects: ClassVar[ConnectionQuerySet] = ConnectionQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("connected_at",)
        indexes = (models.Index(fields=("user", "state")),)

    def __str__(self) -> str:
        return f"{self.title} {self.environment.upper()}"

    @property
    def title(self) -> str:
        known = BROKERS.get(self.broker)
        return self.label or (known.title if known else self.broker)

    @property
    def is_connected(self) -> bool:
        return self.state == self.State.CONNECTED

    @property
    def may_trade(self) -> bool:
        """False where the broker told what was granted and trading is not among it."""
        known = BROKERS.get(self.broker)
        if known is None or not known.trade_scope or not self.scopes:
            return True
        return known.trade_scope in self.scopes.split()

    @property
    def is_live(self) -> bool:
        """Whether real money moves here."""
        return self.environment == Environment.LIVE


class Account(models.Model):
    """One account at a broker, found through a connection."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="accounts")
    number = models.CharField(max_length=32)
    nickname = models.CharField(max_length=64, blank=True)
    kind = models.CharField(max_length=16)
    type_name = models.CharField(max_length=64, blank=True)
    is_default = models.BooleanField(default=False)
    is_closed = models.BooleanField(default=False)
    can_trade = models.BooleanField(default=True)
    found_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[AccountQuerySet] = AccountQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("connection__connected_at", "number")
        constraints = (
            models.UniqueConstraint(fields=("connection", "number"), name="one_row_per_account_and_connection"),
        )

    def __str__(self) -> str:
        """For pages: no line breaks between the dots and the number."""
        return self.label.replace("…", "…\N{WORD JOINER}")

    @property
    def label(self) -> str:
        return f"{self.nickname or self.type_name or 'Account'} …{self.number[-4:]}"


class ConnectAttempt(models.Model):
    """A sign-in at a broker that was begun here: its state parameter, kept hashed, good once for ten minutes."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    broker = models.CharField(max_length=32)
    environment = models.CharField(max_length=8)
    reconnects = models.ForeignKey(Connection, null=True, on_delete=models.CASCADE)
    state_sha256 = models.CharField(max_length=64, unique=True)
    session_sha256 = models.CharField(max_length=64)
    sealed_verifier = models.BinaryField()
    created_at = models.DateTimeField(default=timezone.now)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.broker} {self.environment} {self.created_at:%Y-%m-%d %H:%M}"
