"""An alert: something unusual that was noticed, with its numbers, its owner and what became of it."""

import uuid
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from brokers.models import Account, OwnedQuerySet
from trading.patterns import catalogue


class AlertQuerySet(OwnedQuerySet):
    def waiting(self) -> Self:
        """What nobody has closed yet."""
        return self.exclude(state=Alert.State.CLOSED)


class Alert(models.Model):
    """One per person, pattern and matter while it is not closed; the same again only counts up."""

    class State(models.TextChoices):
        OPEN = "open", "New"
        SEEN = "seen", "Seen"
        CLOSED = "closed", "Closed"

    class Gravity(models.TextChoices):
        NOTICE = "notice", "Notice"
        WARNING = "warning", "Warning"
        URGENT = "urgent", "Urgent"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="alerts")
    account = models.ForeignKey(Account, null=True, on_delete=models.SET_NULL, related_name="+")
    pattern = models.CharField(max_length=8)
    about = models.CharField(max_length=120, help_text="What it is about, so that the same is not told twice.")
    gravity = models.CharField(max_length=8, choices=Gravity.choices)
    words = models.CharField(max_length=500)
    numbers = models.JSONField(default=dict)
    done = models.CharField(max_length=200, blank=True, help_text="What the desk did about it by itself.")
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    times = models.PositiveIntegerField(default=1)
    first_at = models.DateTimeField(default=timezone.now)
    last_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    objects: ClassVar[AlertQuerySet] = AlertQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("-last_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=("user", "pattern", "about"),
                condition=~models.Q(state="closed"),
                name="one_open_alert_per_matter",
            ),
        )
        indexes = (models.Index(fields=("user", "state")),)

    def __str__(self) -> str:
        return self.words

    @property
    def title(self) -> str:
        return catalogue.TITLES.get(self.pattern, self.pattern)
