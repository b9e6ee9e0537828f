"""What happened to an order and what was filled: written once, never changed."""

from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone

from brokers.domain.instruments import plain
from trading import lifecycle
from trading.lifecycle import Status


class Stale(Exception):
    """Somebody else changed the order since it was read: read again and decide anew."""


class IllegalMove(Exception):
    """A move that the table in lifecycle.py does not have: a fault of the program, never of the world."""


class AppendOnly(models.Model):
    """Rows that are written once and never changed or removed one by one."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise IllegalMove("This is a record: it is never changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise IllegalMove("This is a record: it is never removed.")


class OrderEvent(AppendOnly):
    """One thing that happened to an order. ``payload`` is the broker's word as we read it; it holds no secrets."""

    class Source(models.TextChoices):
        US = "us", "Desk"
        USER = "user", "You"
        POST = "post", "Broker's answer"
        STREAM = "stream", "Broker's stream"
        LISTING = "listing", "Broker's listing"

    order = models.ForeignKey("trading.Order", on_delete=models.PROTECT, related_name="events")
    seq = models.PositiveIntegerField()
    kind = models.CharField(max_length=24)
    source = models.CharField(max_length=8, choices=Source.choices)
    from_status = models.CharField(max_length=24, blank=True)
    to_status = models.CharField(max_length=24)
    words = models.CharField(max_length=500)
    payload = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    broker_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(default=timezone.now)
    dedupe_key = models.CharField(max_length=160)

    class Meta:
        ordering = ("seq",)
        constraints = (
            models.UniqueConstraint(fields=("order", "dedupe_key"), name="one_event_per_piece_of_news"),
            models.UniqueConstraint(fields=("order", "seq"), name="one_event_per_change"),
        )

    def __str__(self) -> str:
        return f"{self.seq}: {self.words}"

    @property
    def status_label(self) -> str:
        """The state it led to, where it changed it."""
        return lifecycle.LABELS[Status(self.to_status)] if self.to_status != self.from_status else ""


class Fill(AppendOnly):
    """One execution, counted once: its id is the broker's and unique within the order. Price per unit, unsigned."""

    order = models.ForeignKey("trading.Order", on_delete=models.PROTECT, related_name="fills")
    fill_id = models.CharField(max_length=128)
    symbol = models.CharField(max_length=64)
    quantity = models.DecimalField(max_digits=20, decimal_places=8)
    price = models.DecimalField(max_digits=20, decimal_places=8)
    filled_at = models.DateTimeField()

    class Meta:
        ordering = ("filled_at", "id")
        constraints = (models.UniqueConstraint(fields=("order", "fill_id"), name="each_fill_counts_once"),)

    def __str__(self) -> str:
        return f"{plain(self.quantity)} {self.symbol} at {plain(self.price)}"
