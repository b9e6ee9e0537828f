"""What is known here of the orders that a broker reports: rows, fills and accounts, read by statements written out."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection as database

from brokers.domain.orders import OrderUpdate
from brokers.models import Account, Connection
from brokers.owned import OF_ACCOUNT, OF_CONNECTION
from brokers.rows import columns, fields_of, instance
from trading import lifecycle, plain_sql
from trading.models import Fill, Order

AT_ONCE = 100
"""Reports that are looked up by one statement."""
SELDOM = ("preview", "findings", "confirmed", "positions_before", "warnings")
"""Written once with an order and looked at by who looks at it alone: read when somebody asks for them."""
OF_ORDER = tuple(field for field in fields_of(Order) if field.name not in SELDOM)
OF_FILL = fields_of(Fill)
FIELDS = (*OF_ACCOUNT, *OF_CONNECTION, *OF_ORDER)
ORDERS, FILLS = Order._meta.db_table, Fill._meta.db_table
ACCOUNTS, CONNECTIONS = Account._meta.db_table, Connection._meta.db_table
HAS_FILLS = f"EXISTS (SELECT 1 FROM {FILLS} f WHERE f.order_id = o.id)"  # noqa: S608 (the program's own words)
COLUMNS = f"{columns('a', OF_ACCOUNT)}, {columns('c', OF_CONNECTION)}, {columns('o', OF_ORDER)}, {HAS_FILLS}"
FROM = f"FROM {ACCOUNTS} a JOIN {CONNECTIONS} c ON c.id = a.connection_id"
SELECT = f"SELECT {COLUMNS} {FROM}"
BY_ID = f"{SELECT} JOIN {ORDERS} o ON o.account_id = a.id WHERE o.id = %(order)s"
OF_PERSON = f"{BY_ID} AND o.user_id = %(person)s AND o.adopted_by_id IS NULL"
DUE = f"{SELECT} JOIN {ORDERS} o ON o.account_id = a.id WHERE a.id = %(account)s AND o.next_check_at <= %(now)s"
SELECT_FILLS = f"SELECT {columns('f', OF_FILL)} FROM {FILLS} f WHERE f.order_id IN"  # noqa: S608


class Row(NamedTuple):
    """An order with its account and its connection (without secrets), and the fills that are kept of it, as they were
    at one moment."""

    order: Order
    fills: Sequence[Fill]


class Known:
    """What is known of the orders that some reports of a connection are of, and of those they replace.

    A row is an object: who changes the order changes what is found here.
    """

    def __init__(self, connection_id: UUID, updates: Sequence[OrderUpdate]) -> None:
        self.accounts: dict[str, Account] = {}
        self._by_ref: dict[tuple[str, str], Row] = {}
        self._by_number: dict[tuple[str, str], Row] = {}
        for begin in range(0, len(updates), AT_ONCE):
            self._read(connection_id, updates[begin : begin + AT_ONCE])

    def find(self, update: OrderUpdate) -> Row | None:
        """Ours by our reference first, for that one can't be mistaken; then by the broker's number.

        A replacement may carry the reference of the order that it replaced: that is another order.
        """
        account = update.account_number
        ours = self._by_ref.get((account, update.client_ref)) if update.client_ref else None
        if ours is not None and ours.order.broker_order_id in (None, update.broker_order_id):
            return ours
        return self._by_number.get((account, update.broker_order_id))

    def replaced_by(self, update: OrderUpdate) -> Order | None:
        """The order whose place a broker's order takes, where it is known here."""
        row = self._by_number.get((update.account_number, update.replaces_order_id or ""))
        return row.order if row is not None else None

    def waiting(self) -> set[str]:
        """References and numbers of those for which somebody waits: in doubt themselves, their cancel or their
        replacement."""
        rows = [row.order for row in (*self._by_ref.values(), *self._by_number.values())]
        urgent = [one for one in rows if one.status in lifecycle.UNCERTAIN or one.cancel_pending or one.replace_pending]
        return {name for one in urgent for name in (one.client_ref, one.broker_order_id) if name}

    def _read(self, connection_id: UUID, updates: Iterable[OrderUpdate]) -> None:
        told = list(updates)
        accounts = _filled_up({one.account_number for one in told})
        references = _filled_up({one.client_ref for one in told if one.client_ref})
        numbers = _filled_up({name for one in told for name in (one.broker_order_id, one.replaces_order_id) if name})
        values = {"connection": connection_id} | plain_sql.named("account", accounts)
        values |= plain_sql.named("ref", references) | plain_sql.named("number", numbers)
        lines = plain_sql.rows(_reported(len(accounts), len(references), len(numbers)), values, FIELDS)
        found = []
        for line in lines:
            account = _account(line)
            account = self.accounts.setdefault(account.number, account)
            if line[ORDER_ID] is not None:
                found.append((_order(line, account), line[-1]))
        kept = _fills([order for order, has_fills in found if has_fills])
        for order, _ in found:
            row = Row(order, kept.get(order.pk, ()))
            if order.client_ref:
                self._by_ref[order.account.number, order.client_ref] = row
            if order.broker_order_id:
                self._by_number[order.account.number, order.broker_order_id] = row


def again(order_id: UUID) -> Row:
    """An order as it is now; of one that turned out to be another's twin that other one."""
    order, has_fills = one(BY_ID, order=order_id)
    if order.adopted_by_id is not None:
        order, has_fills = one(BY_ID, order=order.adopted_by_id)
    return Row(order, _fills([order]).get(order.pk, ()) if has_fills else ())


def order_of(order_id: UUID) -> Order:
    """An order's row as it is now."""
    return one(BY_ID, order=order_id)[0]


def of_person(user: Any, order_id: UUID) -> Order:
    """As ``Order.objects.of(user)`` finds it; ``Order.DoesNotExist`` also of somebody else's."""
    return one(OF_PERSON, order=order_id, person=user.pk)[0]


def locked(order_id: UUID) -> Order:
    """An order's row, to be changed in this transaction together with others.

    Orders are locked first and the record after, by everybody: so two never wait for each other.
    """
    locking = " FOR NO KEY UPDATE OF o" if database.features.has_select_for_no_key_update else ""
    return one(BY_ID + locking, order=order_id)[0]


def due(account_id: UUID, now: datetime) -> list[Order]:
    """An account's orders that are to be looked at by now, the newest first."""
    lines = plain_sql.rows(f"{DUE} ORDER BY o.created_at DESC, o.id DESC", {"account": account_id, "now": now}, FIELDS)
    return [out_of(line) for line in lines]


def fills_of(order: Order) -> Sequence[Fill]:
    return _fills([order]).get(order.pk, ())


# --- out of what was read ---

ORDER_AT = len(OF_ACCOUNT) + len(OF_CONNECTION)
ORDER_ID = ORDER_AT + next(place for place, field in enumerate(OF_ORDER) if field.primary_key)


def one(sql: str, **values: Any) -> tuple[Order, bool]:
    """By a statement that begins with ``SELECT``: an order, and whether fills of it are kept."""
    for line in plain_sql.rows(sql, values, FIELDS):
        return out_of(line), bool(line[-1])
    raise Order.DoesNotExist(f"not there: {values}")


def out_of(line: list[Any]) -> Order:
    """An order with its account, of what ``COLUMNS`` hold."""
    return _order(line, _account(line))


def _account(line: list[Any]) -> Account:
    account = instance(Account, OF_ACCOUNT, line[: len(OF_ACCOUNT)])
    account.connection = instance(Connection, OF_CONNECTION, line[len(OF_ACCOUNT) : ORDER_AT])
    return account


def _order(line: list[Any], account: Account) -> Order:
    order = instance(Order, OF_ORDER, line[ORDER_AT:-1])
    order.account = account
    return order


def _fills(orders: Collection[Order]) -> dict[UUID, list[Fill]]:
    """The fills of each, as they came."""
    found: dict[UUID, list[Fill]] = {}
    numbers = _filled_up({order.pk for order in orders})
    if numbers:
        sql = f"{SELECT_FILLS} ({plain_sql.names('order', len(numbers))}) ORDER BY f.filled_at, f.id"
        for line in plain_sql.rows(sql, plain_sql.named("order", numbers), OF_FILL):
            fill = instance(Fill, OF_FILL, line)
            found.setdefault(fill.order_id, []).append(fill)
    return found


@lru_cache
def _reported(accounts: int, references: int, numbers: int) -> str:
    """The account of each report, with the orders that it may be of; the account alone where there are none."""
    mine = f"a.connection_id = %(connection)s AND a.number IN ({plain_sql.names('account', accounts)})"
    ids = [
        f"SELECT n.id FROM {ORDERS} n JOIN {ACCOUNTS} b ON b.id = n.account_id "  # noqa: S608
        f"WHERE b.connection_id = %(connection)s AND n.broker_order_id IN ({plain_sql.names('number', numbers)})"
    ]
    if references:
        ids.append(f"SELECT r.id FROM {ORDERS} r WHERE r.client_ref IN ({plain_sql.names('ref', references)})")  # noqa: S608
    return f"{SELECT} LEFT JOIN {ORDERS} o ON o.account_id = a.id AND o.id IN ({' UNION ALL '.join(ids)}) WHERE {mine}"


def _filled_up(values: Collection[Any]) -> list[Any]:
    """To a round number by naming the last one again, so that there are few statements and databases know them."""
    told = sorted(values)
    return told + told[-1:] * ((1 << (len(told) - 1).bit_length()) - len(told)) if told else []
