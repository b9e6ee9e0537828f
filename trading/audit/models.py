"""The audit records and the head of each chain. Written by recording.py alone; triggers refuse everything else."""

import json
from typing import Any, ClassVar

from django.db import models

from trading.audit import actions

INSTALLATION = 0
"""The chain of what concerns nobody in particular; the others are numbered as the people are."""


class Immutable(Exception):
    """Somebody tried to change or remove a record: a fault of the program."""


class AuditHead(models.Model):
    """Where a chain ends. Its row is locked by whoever appends, so that two never take the same place."""

    chain = models.BigIntegerField(primary_key=True)
    seq = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"{self.chain}: {self.seq}"


class AuditQuerySet(models.QuerySet["AuditRecord"]):
    def update(self, **values: Any) -> int:
        raise Immutable("Audit records are never changed.")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise Immutable("Audit records are never removed.")


class AuditRecord(models.Model):
    """One thing that was done. People and objects are ids: names live elsewhere and can be erased there.

    ``detail`` is JSON as text, for the hash is over these very characters.
    """

    chain = models.BigIntegerField()
    seq = models.BigIntegerField()
    at = models.DateTimeField(help_text="The database's time.")
    actor_kind = models.CharField(max_length=8)
    actor_id = models.BigIntegerField(null=True, help_text="Who did it; another than the chain's person: on behalf.")
    address = models.CharField(max_length=64, blank=True)
    session = models.CharField(max_length=32, blank=True, help_text="A keyed hash; never the session itself.")
    request_id = models.CharField(max_length=64, blank=True)
    action = models.CharField(max_length=64)
    about = models.CharField(max_length=80, blank=True, help_text="kind:id")
    account_id = models.CharField(max_length=36, blank=True)
    detail = models.TextField(default="{}")
    prev_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    objects: ClassVar[models.Manager["AuditRecord"]] = AuditQuerySet.as_manager()

    class Meta:
        ordering = ("chain", "seq")
        constraints = (models.UniqueConstraint(fields=("chain", "seq"), name="one_record_per_place"),)
        indexes = (models.Index(fields=("about", "seq")), models.Index(fields=("action", "at")))

    def __str__(self) -> str:
        return f"{self.chain}/{self.seq}: {self.words}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise Immutable("Audit records are never changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise Immutable("Audit records are never removed.")

    @property
    def words(self) -> str:
        return actions.words(self.action)

    @property
    def facts(self) -> dict[str, Any]:
        """The detail, read; empty where somebody has made it unreadable."""
        try:
            facts = json.loads(self.detail)
        except ValueError:
            return {}
        return facts if isinstance(facts, dict) else {}

    @property
    def on_behalf(self) -> bool:
        return self.actor_id is not None and self.chain not in (INSTALLATION, self.actor_id)
