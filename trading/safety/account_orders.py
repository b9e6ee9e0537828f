"""An account's orders and replacements that matter to the controls, read with one statement: a few more than each
control needs, which looks at the rows itself."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from brokers.models import Account, Connection
from trading import lifecycle, plain_sql
from trading.lifecycle import Asked
from trading.models import Order, Replacement
from trading.patterns.gathering import LOOKED_AT, REFUSED
from trading.patterns.rules import LAST_COUNTS

TWINS_WITHIN = timedelta(seconds=60)
MAY_FILL = lifecycle.OPEN | lifecycle.UNCERTAIN


class Row(NamedTuple):
    """What the controls look at in an order. ``pk`` of a replacement is its order's."""

    pk: UUID
    account_id: UUID
    status: str
    symbol: str
    order_type: str
    quantity: Decimal
    filled_quantity: Decimal
    limit_price: Decimal | None
    stop_price: Decimal | None
    average_fill_price: Decimal | None
    group: UUID | None
    group_kind: str
    changed_at: datetime
    created_at: datetime
    first_seen_at: datetime | None
    reserved: Decimal | None
    ticket: dict[str, Any]
    ticket_sha256: str


class AccountOrders(NamedTuple):
    """``working``: may fill, or filled since. ``elsewhere``: work in the person's other accounts, in the same symbols.

    ``twins``: the same, sent a moment ago. ``past``: the latest about each of the asked sets of symbols, newest first.
    ``replacements``: on their way, or done since.
    """

    working: list[Row]
    elsewhere: list[Row]
    twins: list[Row]
    past: list[Row]
    replacements: list[Row]


def read(
    account: Account,
    since: datetime,
    now: datetime,
    *,
    symbols: Sequence[str] = (),
    fingerprints: Sequence[str] = (),
    asked: Sequence[frozenset[str]] = (),
) -> AccountOrders:
    """``since`` is when the broker's figures were asked for; ``asked`` the symbols of each order's legs."""
    found = AccountOrders([], [], [], [], [])
    for which, *row in plain_sql.rows(
        *question(account, since, now, symbols=symbols, fingerprints=fingerprints, asked=asked)
    ):
        found[which].append(Row(*row))
    found.past.sort(key=lambda row: row.created_at, reverse=True)
    return found


def question(
    account: Account,
    since: datetime,
    now: datetime,
    *,
    symbols: Sequence[str] = (),
    fingerprints: Sequence[str] = (),
    asked: Sequence[frozenset[str]] = (),
) -> plain_sql.Question:
    """What ``read`` asks the database."""
    different = list(dict.fromkeys(asked))
    values: dict[str, Any] = {
        "account": account.pk,
        "person": account.connection.user_id,
        "since": since,
        "moment_ago": now - TWINS_WITHIN,
        "days_ago": now - LAST_COUNTS,
        **plain_sql.named("symbol", symbols),
        **plain_sql.named("twin", fingerprints),
    }
    for number, names in enumerate(different):
        values |= plain_sql.named(f"past{number}_", sorted(names))
    sql = _sql(len(symbols), len(fingerprints), tuple(len(names) for names in different))
    return plain_sql.Question(sql, values, FIELDS)


COLUMNS = (
    "id", "account_id", "status", "symbol", "order_type", "quantity", "filled_quantity", "limit_price", "stop_price",
    "average_fill_price", "group", "group_kind", "changed_at", "created_at", "first_seen_at", "reserved", "ticket",
    "ticket_sha256",
)  # fmt: skip
FIELDS = (Order._meta.get_field("seq"), *(Order._meta.get_field(name) for name in COLUMNS))
OF_REPLACEMENT = {"id": "order_id"} | {name: name for name in ("account_id", "status", "reserved", "ticket")}
WORDS = {
    "columns": ", ".join(f'"{name}"' for name in COLUMNS),
    "columns_of_replacement": ", ".join(OF_REPLACEMENT.get(name, "NULL") for name in COLUMNS),
    "orders": Order._meta.db_table,
    "replacements": Replacement._meta.db_table,
    "accounts": Account._meta.db_table,
    "connections": Connection._meta.db_table,
    "may_fill": plain_sql.words(MAY_FILL),
    "never_there": plain_sql.words(lifecycle.NEVER_THERE),
    "refused": plain_sql.words(REFUSED),
    "on_their_way": plain_sql.words(lifecycle.ASKED_OPEN),
    "done": Asked.DONE.value,
    "most": LOOKED_AT,
}

# The statement's parts, each beginning with the place in ``AccountOrders`` that its rows belong to.
WORKING = """SELECT 0, {columns} FROM {orders} WHERE account_id = %(account)s AND adopted_by_id IS NULL
    AND (status IN ({may_fill})
         OR (filled_quantity > 0 AND (changed_at >= %(since)s OR first_seen_at >= %(since)s)))"""
ELSEWHERE = """SELECT 1, {columns} FROM {orders} WHERE adopted_by_id IS NULL AND status IN ({may_fill})
    AND symbol IN ({symbols}) AND account_id IN (
        SELECT a.id FROM {accounts} a JOIN {connections} c ON c.id = a.connection_id
        WHERE c.user_id = %(person)s AND a.id <> %(account)s)"""
TWINS = """SELECT 2, {columns} FROM {orders} WHERE account_id = %(account)s AND adopted_by_id IS NULL
    AND created_at >= %(moment_ago)s AND status NOT IN ({never_there})
    AND ticket_sha256 <> '' AND ticket_sha256 IN ({twins})"""
PAST = """SELECT * FROM (SELECT 3, {columns} FROM {orders} WHERE account_id = %(account)s AND NOT is_external
    AND status NOT IN ({refused}) AND created_at >= %(days_ago)s AND symbol IN ({names})
    ORDER BY created_at DESC LIMIT {most}) {alias}"""
REPLACEMENTS = """SELECT 4, {columns_of_replacement} FROM {replacements} WHERE account_id = %(account)s
    AND (status IN ({on_their_way}) OR (status = '{done}' AND settled_at >= %(since)s))"""


@cache
def _sql(symbols: int, fingerprints: int, asked: tuple[int, ...]) -> str:
    """The statement for so many of each; a part for each order's set of legs."""
    parts = "\nUNION ALL\n".join((WORKING, ELSEWHERE, TWINS, REPLACEMENTS)).format(
        **WORDS, symbols=plain_sql.names("symbol", symbols), twins=plain_sql.names("twin", fingerprints)
    )
    for number, names in enumerate(asked):
        own = {"names": plain_sql.names(f"past{number}_", names), "alias": f"past{number}"}
        parts += "\nUNION ALL\n" + PAST.format(**WORDS, **own)
    return parts
