"""Django's PostgreSQL, whose pool asks a connection without a round trip where its socket can tell that it lives."""

import re
import select
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql import base
from psycopg.adapt import Transformer
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

    def written_out(self, sql: str, values: Mapping[str, Any] | Sequence[Any]) -> str:
        """A statement with its values in their places, quoted by psycopg as its own cursors quote them. A statement is
        taken apart once, however long it is."""
        self.ensure_connection()
        quote = Transformer(self.connection).as_literal
        if not isinstance(values, Mapping):
            texts = [quote(value).decode() for value in values]
            first, *others = _by_place(sql)
            return "".join([first, *(text + part for text, part in zip(texts, others, strict=True))])
        quoted = {name: quote(value).decode() for name, value in values.items()}
        first, *named = _by_name(sql)
        return "".join([first, *(quoted[name] + part for name, part in named)])


@lru_cache(maxsize=1024)
def _by_place(sql: str) -> tuple[str, ...]:
    """The parts between each ``%s``."""
    return tuple(part.replace("%%", "%") for part in re.split(r"(?<!%)%s", sql))


@lru_cache(maxsize=1024)
def _by_name(sql: str) -> tuple[Any, ...]:
    """What stands before the first ``%(name)s``; then each name with what follows it."""
    first, *rest = re.split(r"%\((\w+)\)s", sql)
    after = [part.replace("%%", "%") for part in rest[1::2]]
    return first.replace("%%", "%"), *zip(rest[::2], after, strict=True)


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
