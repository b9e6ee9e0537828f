"""Replacements that were asked for, read by statements written out."""

from typing import Any
from uuid import UUID

from brokers.rows import columns, fields_of, instance
from trading import lifecycle, plain_sql
from trading.lifecycle import Asked
from trading.models import Order, Replacement
from trading.protocol import known

FIELDS = fields_of(Replacement)
TABLE, ORDERS = Replacement._meta.db_table, Order._meta.db_table
SELECT = f"SELECT {columns('r', FIELDS)} FROM {TABLE} r"  # noqa: S608
OPEN = f"r.status IN ({plain_sql.words(lifecycle.ASKED_OPEN)})"
OF_ACCOUNT = f"{SELECT} WHERE r.account_id = %(account)s AND {OPEN} ORDER BY r.created_at DESC"
NOT_OVER = f"r.status NOT IN ({plain_sql.words((Asked.DENIED, Asked.DONE))})"
OF_ORDER = f"{SELECT} WHERE r.order_id = %(order)s AND {NOT_OVER} ORDER BY r.created_at DESC"
IS_OPEN = f"SELECT 1 FROM {TABLE} r WHERE r.order_id = %(order)s AND {OPEN} LIMIT 1"  # noqa: S608
UNDER_KEY = (
    f"SELECT {columns('r', FIELDS)}, EXISTS (SELECT 1 FROM {ORDERS} o "  # noqa: S608
    "WHERE o.account_id = %(account)s AND o.idempotency_key = %(key)s) FROM (SELECT 1 AS one) always "
    f"LEFT JOIN {TABLE} r ON r.account_id = %(account)s AND r.idempotency_key = %(key)s"
)
ONE = f"{SELECT} WHERE r.id = %(replacement)s"
STANDING = (
    f"SELECT {columns('r', FIELDS)}, {known.COLUMNS} {known.FROM} JOIN {ORDERS} o ON o.account_id = a.id "
    f"JOIN {TABLE} r ON o.id = COALESCE(r.successor_id, r.order_id) WHERE r.id = %(replacement)s"
)


def open_of(account_id: UUID) -> list[Replacement]:
    """An account's whose end is not known, the newest first."""
    return _read(OF_ACCOUNT, account=account_id)


def of_order(order_id: UUID) -> list[Replacement]:
    """An order's that may have led somewhere, the newest first: a denied or a finished one has not."""
    return _read(OF_ORDER, order=order_id)


def is_open(order_id: UUID) -> bool:
    """Whether one of this order is being carried out."""
    return bool(plain_sql.rows(IS_OPEN, {"order": order_id}, ()))


def under_key(account_id: UUID, key: str) -> tuple[Replacement | None, bool]:
    """The replacement under a key, and whether an order was sent under it."""
    (line,) = plain_sql.rows(UNDER_KEY, {"account": account_id, "key": key}, FIELDS)
    found = instance(Replacement, FIELDS, line[:-1]) if line[0] is not None else None
    return found, bool(line[-1])


def refresh(replacement: Replacement) -> None:
    """As the row is now."""
    (now,) = plain_sql.rows(ONE, {"replacement": replacement.pk}, FIELDS)
    _becomes(replacement, now)


def standing(replacement: Replacement) -> Order:
    """The order that stands now: the successor where there is one. The replacement becomes as its row is."""
    (line,) = plain_sql.rows(STANDING, {"replacement": replacement.pk}, (*FIELDS, *known.FIELDS))
    _becomes(replacement, line[: len(FIELDS)])
    return known.out_of(line[len(FIELDS) :])


def _becomes(replacement: Replacement, values: list[Any]) -> None:
    for field, value in zip(FIELDS, values, strict=True):
        setattr(replacement, field.attname, value)
    replacement._state.fields_cache.clear()  # its order may have moved too


def _read(sql: str, **values: object) -> list[Replacement]:
    return [instance(Replacement, FIELDS, line) for line in plain_sql.rows(sql, values, FIELDS)]
