"""Appending to a chain: the head is locked and moved in the caller's transaction, so that both stand or neither."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from django.db import connection, models

from trading import plain_sql
from trading.audit.acting import current
from trading.audit.canonical import clean, digest, text_of
from trading.audit.models import INSTALLATION, AuditHead, AuditRecord

# The database's clock after the lock is had: one chain's times go forward. Asked with the lock, in one go.
CLOCK = {"postgresql": "clock_timestamp()", "sqlite": "strftime('%%Y-%%m-%%dT%%H:%%M:%%f', 'now')"}


class NotInTransaction(RuntimeError):
    """A record belongs into the transaction of what it tells of."""


def record(
    user_id: int | None,
    action: str,
    *,
    about: str = "",
    account_id: object = None,
    detail: Mapping[str, Any] | None = None,
    beside: Sequence[models.Model] = (),
) -> AuditRecord:
    """Append to a person's chain, or to the installation's (None), in the current transaction.

    Whoever is at work (acting.py) is named. Whatever fails here is raised, so that what can't be recorded
    does not happen. The chain stays locked until the transaction ends: ask no broker in between. ``beside`` are rows
    that are inserted with the record; they and it don't learn the numbers that the database gives them.
    """
    if not connection.in_atomic_block:
        raise NotInTransaction(f"“{action}” must be recorded in the transaction in which it is done.")
    actor = current()
    chain = INSTALLATION if user_id is None else int(user_id)
    text = text_of(detail or {})
    seq, prev_hash, at = _next_place(chain)
    row = AuditRecord(
        chain=chain,
        seq=seq,
        at=at,
        actor_kind=actor.kind,
        actor_id=actor.user_id,
        address=clean(actor.address, 64),
        session=clean(actor.session, 32),
        request_id=clean(actor.request_id, 64),
        action=clean(action, 64),
        about=clean(about, 80),
        account_id="" if account_id is None else clean(str(account_id), 36),
        detail=text,
        prev_hash=prev_hash,
    )
    row.hash = digest(row)
    plain_sql.write(*(plain_sql.insert(one) for one in (*beside, row)), _goes_on(chain, row.hash))
    return row


def _goes_on(chain: int, last: str) -> plain_sql.Statement:
    return plain_sql.Statement(f"UPDATE {AuditHead._meta.db_table} SET hash = %s WHERE chain = %s", [last, chain])  # noqa: S608


def _next_place(chain: int) -> tuple[int, str, datetime]:
    """Lock the chain and take its next place: → place, the hash before it, the time."""
    table = AuditHead._meta.db_table
    move = f"UPDATE {table} SET seq = seq + 1 WHERE chain = %s RETURNING seq, hash, {CLOCK[connection.vendor]}"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(move, [chain])
        found = cursor.fetchone()
        if found is None:
            begin = f"INSERT INTO {table} (chain, seq, hash) VALUES (%s, 0, '') ON CONFLICT (chain) DO NOTHING"  # noqa: S608
            cursor.execute(begin, [chain])
            cursor.execute(move, [chain])
            found = cursor.fetchone()
    seq, prev_hash, at = found
    return int(seq), str(prev_hash), _moment(at)


def _moment(at: datetime | str) -> datetime:
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment
