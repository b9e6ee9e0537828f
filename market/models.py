"""What a person keeps of the market: watchlists in their order, and the symbols looked at last."""

import uuid
from datetime import datetime
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from brokers.domain.instruments import Instrument, parse_instrument
from brokers.models import Connection, OwnedQuerySet

RECENT_KEPT = 12


class WatchlistQuerySet(OwnedQuerySet):
    def of(self, user: Any) -> Self:
        """A person's lists in their order: the own ones, then those that a broker makes for all (for as long as it is
        connected)."""
        shown = super().of(user).select_related("connection")
        return shown.exclude(is_writable=False, connection__state=Connection.State.REMOVED)

    def next_place(self) -> int:
        last: int | None = self.aggregate(last=models.Max("place"))["last"]
        return 0 if last is None else last + 1


class Watchlist(models.Model):
    """Symbols in a person's order. One that is kept at a broker too (``connection``) is brought in line with it.

    ``agreed`` is how both sides last were the same (name and symbols; null: never), ``agreed_at`` when that was last
    seen: what differs from it has changed since. ``note`` tells the person what became of a conflict, ``trouble`` why
    a change has not reached the broker. A list of the broker's own can't be written.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="watchlists")
    name = models.CharField(max_length=100)
    symbols = models.JSONField(default=list)
    place = models.PositiveIntegerField(default=0)
    version = models.PositiveIntegerField(default=1, help_text="Counts the changes.")
    created_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(default=timezone.now)

    connection = models.ForeignKey(Connection, null=True, on_delete=models.CASCADE, related_name="watchlists")
    broker_list_id = models.CharField(max_length=160, blank=True)
    is_writable = models.BooleanField(default=True)
    agreed = models.JSONField(null=True)
    agreed_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=500, blank=True)
    trouble = models.CharField(max_length=300, blank=True)

    objects: ClassVar[WatchlistQuerySet] = WatchlistQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("-is_writable", "place", "created_at")
        constraints = (
            models.UniqueConstraint(
                fields=("connection", "broker_list_id"),
                condition=~models.Q(broker_list_id=""),
                name="one_row_per_broker_list",
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def instruments(self) -> list[Instrument]:
        return [parse_instrument(symbol) for symbol in self.symbols]

    @property
    def as_kept(self) -> dict[str, Any]:
        """What both sides have to agree on."""
        return {"name": self.name, "symbols": self.symbols}

    @property
    def is_pending(self) -> bool:
        """Whether a change here is still to reach the broker."""
        return self.connection_id is not None and self.is_writable and self.agreed != self.as_kept


class RecentSymbol(models.Model):
    """A symbol that a person looked at; the newest few are kept."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    symbol = models.CharField(max_length=64)
    description = models.CharField(max_length=100, blank=True)
    seen_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[OwnedQuerySet] = OwnedQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("-seen_at", "-id")
        constraints = (models.UniqueConstraint(fields=("user", "symbol"), name="each_recent_symbol_once"),)

    def __str__(self) -> str:
        return self.symbol

    @classmethod
    def remember(cls, user: Any, symbol: str, description: str, now: datetime) -> None:
        cls.objects.update_or_create(
            user=user, symbol=symbol, defaults={"seen_at": now, "description": description[:100]}
        )
        old = cls.objects.of(user).values_list("pk", flat=True)[RECENT_KEPT:]
        cls.objects.filter(pk__in=list(old)).delete()
