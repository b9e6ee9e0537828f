"""Django's PostgreSQL, whose pool asks a connection without a round trip where its socket can tell that it lives."""

import select
import time
from typing import Any

from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql import base
from psycopg_pool import ConnectionPool

ASKED_AGAIN = 10.0
"""Seconds for which a silent socket is believed: a server that ends a connection, or is restarted, says so on it."""


class DatabaseWrapper(base.DatabaseWrapper):
    _connection_pools: dict[str, Any]
    _configure_connection: Any
    _prepare_cursor: Any

    @property
    def pool(self) -> Any:
        """Made as Django makes it, but for the check."""
        options = self.settings_dict["OPTIONS"].get("pool")
        if options and self.alias not in self._connection_pools and self.alias != NO_DB_ALIAS:
            kwargs = self.get_connection_params() | {"autocommit": True}
            made = ConnectionPool(
                kwargs=kwargs, open=False, configure=self._configure_connection, check=check, **options
            )
            self._connection_pools.setdefault(self.alias, made)
        return super().pool

    def prepared_cursor(self) -> Any:
        """For statements that are written out and come again and again: PostgreSQL gets their values apart from them,
        and after a few times keeps how it goes about them. Not by way of a pooler that hands on its connections
        between transactions."""
        if not self.settings_dict["OPTIONS"].get("prepare_threshold"):
            return self.cursor()
        self.ensure_connection()
        with self.wrap_database_errors:
            return self._prepare_cursor(base.ServerBindingCursor(self.connection))  # type: ignore[call-arg]


def check(connection: Any) -> None:
    """Raises when it is dead; the pool then opens another one. For a network that swallows everything the server is
    asked now and then."""
    now = time.monotonic()
    asked_at = getattr(connection, "_asked_at", None)
    if asked_at is not None and now - asked_at < ASKED_AGAIN and is_silent(connection.pgconn.socket):
        return
    ConnectionPool.check_connection(connection)
    connection._asked_at = now


def is_silent(socket: int) -> bool:
    """Nothing has come that nobody asked for, as an end or a farewell would be."""
    poll = select.poll()
    poll.register(socket, select.POLLIN | select.POLLPRI)
    return not poll.poll(0)
