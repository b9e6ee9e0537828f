"""An account with its connection, by statements written out: what every order and all news begin with."""

from typing import Any
from uuid import UUID

from brokers.models import Account, Connection
from brokers.rows import columns, fields_of, instance, rows

SEALED = ("sealed_refresh_token", "sealed_access_token", "sealed_client_secret")
OF_ACCOUNT = fields_of(Account)
OF_CONNECTION = tuple(field for field in fields_of(Connection) if field.name not in SEALED)
SELECT = (
    f"SELECT {columns('a', OF_ACCOUNT)}, {columns('c', OF_CONNECTION)} FROM {Account._meta.db_table} a "  # noqa: S608
    f"JOIN {Connection._meta.db_table} c ON c.id = a.connection_id WHERE"
)
OF_PERSON = f"{SELECT} c.user_id = %(person)s AND a.id = %(account)s AND c.state <> '{Connection.State.REMOVED.value}'"
NAMED = f"{SELECT} a.connection_id = %(connection)s AND a.number = %(number)s"
BY_ID = f"{SELECT} a.id = %(account)s"


def account_named(connection_id: UUID, number: str) -> Account | None:
    """A connection's account by the broker's number, for what the broker tells of it."""
    return _first(NAMED, connection=connection_id, number=number)


def account_by_id(account_id: UUID) -> Account | None:
    """Anybody's: for the desk's own work."""
    return _first(BY_ID, account=account_id)


def account_of(user: Any, account_id: UUID) -> Account | None:
    """As ``Account.objects.of(user)`` finds it, by a statement that is written out. No secrets are read with it."""
    if user.pk is None:
        return None
    return _first(OF_PERSON, person=user.pk, account=account_id)


def _first(sql: str, **values: Any) -> Account | None:
    for row in rows(sql, values, (*OF_ACCOUNT, *OF_CONNECTION)):
        account = instance(Account, OF_ACCOUNT, row[: len(OF_ACCOUNT)])
        account.connection = instance(Connection, OF_CONNECTION, row[len(OF_ACCOUNT) :])
        return account
    return None
