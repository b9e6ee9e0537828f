"""Which installation may send orders from this database, and since when: one row (trading/protocol/epoch.py)."""

from django.db import models
from django.utils import timezone


class Installation(models.Model):
    """The epoch grows with each restore, failover or copy. An order of an older epoch is never sent.

    ``name`` is random and stands beside the database too: a database that was copied elsewhere lacks its other half.
    """

    ONLY = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY)
    name = models.CharField(max_length=64)
    epoch = models.PositiveIntegerField(default=1)
    since = models.DateTimeField(default=timezone.now)
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = (models.CheckConstraint(condition=models.Q(id=1), name="one_installation"),)

    def __str__(self) -> str:
        return f"{self.name} epoch {self.epoch}"
