"""Long chains made fast, and the ways around the desk by which somebody would tamper with one."""

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from django.db import models

from trading.audit.canonical import digest, text_of
from trading.audit.models import AuditHead, AuditRecord

BEGAN = datetime(2026, 11, 2, 14, 30, tzinfo=timezone.utc)
ROWS: "models.QuerySet[AuditRecord]" = models.QuerySet(AuditRecord)
"""Records as whoever owns the database sees them, without the desk's refusals."""


def make_chain(chain: int, length: int) -> None:
    rows, last = [], ""
    for seq in range(1, length + 1):
        row = AuditRecord(
            chain=chain,
            seq=seq,
            at=BEGAN + timedelta(seconds=seq),
            actor_kind="user",
            actor_id=chain,
            address="192.0.2.7",
            session="5c0ffee5",
            request_id=f"request-{seq}",
            action="order.sending",
            about=f"order:{seq}",
            account_id="",
            detail=text_of({"quantity": seq, "limit_price": "-190.00"}),
            prev_hash=last,
        )
        last = row.hash = digest(row)
        rows.append(row)
    AuditRecord.objects.bulk_create(rows, batch_size=500)
    AuditHead.objects.create(chain=chain, seq=length, hash=last)


def record_at(chain: int, seq: int) -> AuditRecord:
    return ROWS.get(chain=chain, seq=seq)


def alter(**fields: object) -> Callable[[int, int], None]:
    def attack(chain: int, seq: int) -> None:
        ROWS.filter(chain=chain, seq=seq).update(**fields)

    return attack


def alter_and_hash(chain: int, seq: int) -> None:
    """With a new hash that fits the altered record."""
    row = record_at(chain, seq)
    row.detail = text_of({"quantity": 1})
    ROWS.filter(pk=row.pk).update(detail=row.detail, hash=digest(row))


def delete(chain: int, seq: int) -> None:
    ROWS.filter(chain=chain, seq=seq).delete()


def delete_and_close_up(chain: int, seq: int) -> None:
    """So that no place is empty."""
    delete(chain, seq)
    for row in ROWS.filter(chain=chain, seq__gt=seq).order_by("seq"):
        ROWS.filter(pk=row.pk).update(seq=row.seq - 1)
    AuditHead.objects.filter(chain=chain).update(seq=models.F("seq") - 1)


def insert(chain: int, seq: int) -> None:
    """A record of its own, well hashed, between two others."""
    for row in ROWS.filter(chain=chain, seq__gt=seq).order_by("-seq"):
        ROWS.filter(pk=row.pk).update(seq=row.seq + 1)
    made = record_at(chain, seq)
    made.pk, made.seq, made.prev_hash, made._state.adding = None, seq + 1, made.hash, True
    made.hash = digest(made)
    made.save()
    AuditHead.objects.filter(chain=chain).update(seq=models.F("seq") + 1)


def swap(chain: int, seq: int) -> None:
    """Two records change their places."""
    one, other = record_at(chain, seq), record_at(chain, seq + 1)
    ROWS.filter(pk=one.pk).update(seq=10**9)
    ROWS.filter(pk=other.pk).update(seq=seq)
    ROWS.filter(pk=one.pk).update(seq=seq + 1)


def cut_off(chain: int, seq: int) -> None:
    """Everything from a place on is gone; the head is left."""
    ROWS.filter(chain=chain, seq__gte=seq).delete()


def move_in_from_another_chain(chain: int, seq: int) -> None:
    """A record that is whole where it comes from."""
    row = record_at(chain, seq)
    row.chain = chain + 1
    ROWS.filter(pk=row.pk).update(hash=digest(row))
