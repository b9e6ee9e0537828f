"""Appending to a chain: the head is locked and moved in the caller's transaction, so that both stand or neither."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections, models

from trading import plain_sql
from trading.audit.acting import current
from trading.audit.canonical import around, clean, digest, text_of
from trading.audit.models import INSTALLATION, AuditHead, AuditRecord

HEADS, RECORDS = AuditHead._meta.db_table, AuditRecord._meta.db_table
BEGIN = f"INSERT INTO {HEADS} (chain, seq, hash) VALUES (%s, 0, '') ON CONFLICT (chain) DO NOTHING"  # noqa: S608


class NotInTransaction(RuntimeError):
    """A record belongs into the transaction of what it tells of."""


class NotThere(Exception):
    """The row was not as it was thought to be: neither it nor the record was written."""


def record(
    user_id: int | None,
    action: str,
    *,
    about: str = "",
    account_id: object = None,
    detail: Mapping[str, Any] | None = None,
    beside: Sequence[models.Model] = (),
    first: plain_sql.Statement | None = None,
) -> AuditRecord:
    """Append to a person's chain, or to the installation's (None), in the current transaction.

    Whoever is at work (acting.py) is named. Whatever fails here is raised, so that what can't be recorded
    does not happen. The chain stays locked until the transaction ends: ask no broker in between. ``beside`` are rows
    that are inserted with the record; they and it don't learn the numbers that the database gives them. ``first`` is
    what it tells of, an INSERT or an UPDATE of one row, to be written with it: ``NotThere``, and nothing is written,
    when there was no such row.
    """
    if not connection.in_atomic_block:
        raise NotInTransaction(f"“{action}” must be recorded in the transaction in which it is done.")
    actor = current()
    chain = INSTALLATION if user_id is None else int(user_id)
    text = text_of(detail or {})
    row = AuditRecord(
        chain=chain,
        actor_kind=actor.kind,
        actor_id=actor.user_id,
        address=clean(actor.address, 64),
        session=clean(actor.session, 32),
        request_id=clean(actor.request_id, 64),
        action=clean(action, 64),
        about=clean(about, 80),
        account_id="" if account_id is None else clean(str(account_id), 36),
        detail=text,
    )
    (_append_at_once if connection.vendor == "postgresql" else _append)(row, beside, first)
    return row


# --- one after the other ---

# The database's clock after the lock is had: one chain's times go forward. Asked with the lock, in one go.
CLOCK = "strftime('%%Y-%%m-%%dT%%H:%%M:%%f', 'now')"


def _append(row: AuditRecord, beside: Sequence[models.Model], first: plain_sql.Statement | None) -> None:
    if first is not None and not plain_sql.write(first):
        raise NotThere
    row.seq, row.prev_hash, row.at = _next_place(row.chain)
    row.hash = digest(row)
    goes_on = plain_sql.Statement(f"UPDATE {HEADS} SET hash = %s WHERE chain = %s", [row.hash, row.chain])  # noqa: S608
    plain_sql.write(*(plain_sql.insert(one) for one in (*beside, row)), goes_on)


def _next_place(chain: int) -> tuple[int, str, datetime]:
    """Lock the chain and take its next place: → place, the hash before it, the time."""
    move = f"UPDATE {HEADS} SET seq = seq + 1 WHERE chain = %s RETURNING seq, hash, {CLOCK}"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(move, [chain])
        found = cursor.fetchone()
        if found is None:
            cursor.execute(BEGIN, [chain])
            cursor.execute(move, [chain])
            found = cursor.fetchone()
    seq, prev_hash, at = found
    return int(seq), str(prev_hash), _moment(at)


def _moment(at: datetime | str) -> datetime:
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment


# --- in one go ---

GIVEN = {"id", "seq", "at", "prev_hash", "hash"}
OWN = [field for field in plain_sql.fields_of(AuditRecord) if field.name not in GIVEN]
"""The columns of a record that the chain does not give it."""
# As ``digest`` has it: each field with its length in front.
HASH = """
encode(sha256(convert_to(
    %s || octet_length(seq::text) || ':' || seq || '32:'
    || to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')
    || %s || octet_length(prev_hash) || ':' || prev_hash, 'UTF8')), 'hex')
"""
# What it tells of comes first: orders are locked before the record, by everybody. The clock is asked when the chain's
# lock is had: its times go forward.
LINKED = f"""
WITH first AS ({{first}}),
head AS MATERIALIZED (
    SELECT heads.seq + 1 AS seq, heads.hash AS prev_hash FROM first, {HEADS} heads WHERE heads.chain = %s
    FOR NO KEY UPDATE OF heads),
here AS MATERIALIZED (SELECT seq, prev_hash, clock_timestamp() AS at FROM head),
{{beside}}written AS (
    INSERT INTO {RECORDS} (seq, at, prev_hash, hash, {", ".join(field.column for field in OWN)})
    SELECT seq, at, prev_hash, {HASH}, {", ".join(["%s"] * len(OWN))} FROM here
    RETURNING seq, at, prev_hash, hash),
moved AS (UPDATE {HEADS} heads SET seq = written.seq, hash = written.hash FROM written WHERE heads.chain = %s)
SELECT written.* FROM first LEFT JOIN written ON true
"""  # noqa: S608
NOTHING = plain_sql.Statement("SELECT 1", ())


class NotAsReckoned(RuntimeError):
    """The database made another hash of a record than ``digest`` does."""


def _append_at_once(row: AuditRecord, beside: Sequence[models.Model], first: plain_sql.Statement | None) -> None:
    """Write what is told of, lock the chain, write the record and what is beside it and move the head: one statement.

    The database makes the hash, for only it knows the place; that it is the right one is looked at before it counts.
    """
    here = connections[DEFAULT_DB_ALIAS]
    inserts = [plain_sql.insert(one) for one in beside]
    with here.cursor() as cursor:
        plain_sql.run(cursor, here, _linked(row, inserts, first))
        if (found := cursor.fetchone()) is None:
            raise NotThere
        if found[0] is None:  # the chain's first record; what it tells of was written
            cursor.execute(BEGIN, [row.chain])
            plain_sql.run(cursor, here, _linked(row, inserts, None))
            found = cursor.fetchone()
    row.seq, row.at, row.prev_hash, row.hash = found
    if row.hash != digest(row):
        raise NotAsReckoned(f"Record {row.seq} of chain {row.chain} would not be provable.")


def _linked(
    row: AuditRecord, beside: Sequence[plain_sql.Statement], first: plain_sql.Statement | None
) -> plain_sql.Statement:
    told = NOTHING if first is None else plain_sql.Statement(f"{first.sql} RETURNING 1", first.values)
    parts = "".join(f"beside{number} AS ({_if_here(sql)}),\n" for number, (sql, _) in enumerate(beside))
    values = [*told.values, row.chain, *(value for one in beside for value in one.values), *around(row)]
    values += [getattr(row, field.attname) for field in OWN]
    return plain_sql.Statement(LINKED.format(first=told.sql, beside=parts), [*values, row.chain])


@cache
def _if_here(insert: str) -> str:
    """An INSERT of values as one that writes nothing where there is no place for the record."""
    into, _, values = insert.partition(" VALUES ")
    return f"{into} SELECT {values.removeprefix('(').removesuffix(')')} FROM here"  # noqa: S608 (the program's own)
