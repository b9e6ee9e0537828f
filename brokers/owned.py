"""A person's account by its id, with its connection: what every order and every preview begins with."""

from typing import Any
from uuid import UUID

from brokers.models import Account, Connection
from brokers.rows import columns, fields_of, instance, rows

SEALED = ("sealed_refresh_token", "sealed_access_token", "sealed_client_secret")
OF_ACCOUNT = fields_of(Account)
OF_CONNECTION = tuple(field for field in fields_of(Connection) if field.name not in SEALED)
SQL = (
    f"SELECT {columns('a', OF_ACCOUNT)}, {columns('c', OF_CONNECTION)} FROM {Account._meta.db_table} a "  # noqa: S608
    f"JOIN {Connection._meta.db_table} c ON c.id = a.connection_id "
    f"WHERE c.user_id = %(person)s AND a.id = %(account)s AND c.state <> '{Connection.State.REMOVED.value}'"
)


def account_of(user: Any, account_id: UUID) -> Account | None:
    """As ``Account.objects.of(user)`` finds it, by a statement that is written out. No secrets are read with it."""
    if user.pk is None:
        return None
    for row in rows(SQL, {"person": user.pk, "account": account_id}, (*OF_ACCOUNT, *OF_CONNECTION)):
        account = instance(Account, OF_ACCOUNT, row[: len(OF_ACCOUNT)])
        account.connection = instance(Connection, OF_CONNECTION, row[len(OF_ACCOUNT) :])
        return account
    return None
