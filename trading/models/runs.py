"""Runs that cancel all working orders of a person, an account or an underlying: what was asked, what became of it."""

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from brokers.models import Account, OwnedQuerySet
from trading import lifecycle
from trading.models.orders import Order, OrderQuerySet


class CancelRun(models.Model):
    """``asked`` are ids of orders. ``refused``: ``{"order": id, "description": …, "words": …}`` for each that could not
    be asked for. ``problems``: accounts whose orders could not be listed at the end, in words."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="cancel_runs")
    account = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="+")
    underlying = models.CharField(max_length=64, blank=True)
    began_at = models.DateTimeField(default=timezone.now)
    compared_at = models.DateTimeField(null=True, help_text="When it was compared with a fresh listing.")
    asked = models.JSONField(default=list)
    refused = models.JSONField(default=list)
    problems = models.JSONField(default=list)

    objects: ClassVar[OwnedQuerySet] = OwnedQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("-began_at",)

    def __str__(self) -> str:
        return f"{len(self.asked)} asked, {len(self.refused)} refused"

    @property
    def orders(self) -> OrderQuerySet:
        return Order.objects.shown().filter(pk__in=self.asked)

    @property
    def confirmed(self) -> list[Order]:
        """Those that are over by now."""
        return list(self.orders.filter(status__in=lifecycle.TERMINAL))

    @property
    def still_open(self) -> list[Order]:
        """Those that may still fill."""
        return list(self.orders.exclude(status__in=lifecycle.TERMINAL))

    def keep(self, **values: Any) -> None:
        CancelRun.objects.filter(pk=self.pk).update(**values)
        for name, value in values.items():
            setattr(self, name, value)
