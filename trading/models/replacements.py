"""Replacements that were asked for: each written down before it is sent, sent once, and found out when in doubt."""

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from brokers.domain.orders import OrderTicket
from brokers.models import Account, OwnedQuerySet
from trading import lifecycle, plain_sql, tickets
from trading.lifecycle import Asked
from trading.models.history import IllegalMove, Stale
from trading.models.orders import Order


class Replacement(models.Model):
    """A change of a working order. It moves by ``change`` alone, along the table in lifecycle.py.

    ``successor`` is the order that stands in the old one's place, where the broker gives a new number.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="replacements")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    chain = models.UUIDField(help_text="The first order of those that took each other's place.")
    source = models.CharField(max_length=8, choices=Order.Source.choices)
    idempotency_key = models.CharField(max_length=64)
    ticket = models.JSONField()
    ticket_sha256 = models.CharField(max_length=64)
    description = models.CharField(max_length=300)
    status = models.CharField(max_length=16, choices=[(s.value, lifecycle.ASKED_LABELS[s]) for s in Asked])
    epoch = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, help_text="Committed before the first byte could leave.")
    settled_at = models.DateTimeField(null=True)
    successor = models.ForeignKey(Order, null=True, on_delete=models.PROTECT, related_name="+")
    reserved = models.DecimalField(
        max_digits=20, decimal_places=2, null=True, help_text="Dollars of buying power it takes beyond its order's."
    )
    listings_without = models.PositiveIntegerField(default=0, help_text="Complete listings that did not show it.")
    error_code = models.CharField(max_length=64, blank=True)
    last_error = models.CharField(max_length=500, blank=True)

    objects: ClassVar[OwnedQuerySet] = OwnedQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("-created_at",)
        constraints = (
            models.UniqueConstraint(fields=("account", "idempotency_key"), name="one_replacement_per_key"),
            models.UniqueConstraint(
                fields=("chain",),
                condition=models.Q(status__in=sorted(status.value for status in lifecycle.ASKED_OPEN)),
                name="one_open_replacement_per_chain",
            ),
        )
        indexes = (models.Index(fields=("account", "status")),)

    def __str__(self) -> str:
        return f"{self.description} ({self.status})"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise IllegalMove("A replacement is changed by Replacement.change alone.")
        super().save(*args, **kwargs)

    def change(self, to: Asked, **fields: Any) -> None:
        """Move it; ``Stale`` when somebody else did meanwhile. To be called in the order's own transaction."""
        before = Asked(self.status)
        if to is not before and to not in lifecycle.ASKED_NEXT[before]:
            raise IllegalMove(f"{before} can't become {to}")
        values = fields | {"status": to.value}
        if to not in lifecycle.ASKED_OPEN:
            values["settled_at"] = timezone.now()
        if not plain_sql.write(plain_sql.change(Replacement, self.pk, values, {"status": before.value})):
            raise Stale
        for name, value in values.items():
            setattr(self, name, value)

    @property
    def order_ticket(self) -> OrderTicket:
        return tickets.from_json(self.ticket)

    @property
    def label(self) -> str:
        return lifecycle.ASKED_LABELS[Asked(self.status)]

    @property
    def meaning(self) -> str:
        return lifecycle.ASKED_MEANINGS[Asked(self.status)]
