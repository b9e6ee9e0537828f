"""SQLite for many threads: whoever writes takes a turn, first come, first served; connections outlive threads.

SQLite's own waiting is unfair: those who find the file locked sleep, up to a tenth of a second, and try again, while
whoever comes at the right moment gets in. And each request has a thread of its own under ASGI: a connection opened
anew costs more than the queries of a page, and the last one that closes empties the write-ahead log each time.
Other processes are waited for by SQLite itself.
"""

import os
import sqlite3
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

from config.sqlite.turns import Turns

WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")
MOST_KEPT = 8


class Cursor(base.SQLiteCursorWrapper):
    """A statement that writes outside of a transaction takes a turn for itself."""

    desk: "DatabaseWrapper"

    def execute(self, query: str, params: Any = None) -> "Cursor":
        with self.desk.turn_for(query):
            super().execute(query, params)
            return self

    def executemany(self, query: str, param_list: Iterable[Any]) -> "Cursor":
        with self.desk.turn_for(query):
            super().executemany(query, param_list)
            return self


class Shared:
    """What all threads of this process have in common about one file."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.kept: list[tuple[sqlite3.Connection, tuple[int, int]]] = []

    def take(self, path: str) -> sqlite3.Connection | None:
        """A connection that somebody has done with, if the file is still the one that it was opened for."""
        while self.kept:
            try:
                connection, of = self.kept.pop()
            except IndexError:  # another thread was quicker
                return None
            if of == identity(path):
                return connection
            connection.close()
        return None

    def keep(self, connection: sqlite3.Connection, path: str) -> bool:
        of = identity(path)
        if of is None or len(self.kept) >= MOST_KEPT:
            return False
        self.kept.append((connection, of))
        return True


def identity(path: str) -> tuple[int, int] | None:
    """Which file stands at a path; None when there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


_shared: dict[str, Shared] = {}
_parents: list[Shared] = []


def _after_fork() -> None:
    """A child opens its own connections, and leaves its parent's alone."""
    _parents.extend(_shared.values())
    _shared.clear()


os.register_at_fork(after_in_child=_after_fork)


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's, taking turns."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._has_turn = False
        self._cursors: weakref.WeakSet[Cursor] = weakref.WeakSet()
        self._opened_as: tuple[int, int] | None = None

    @property
    def _path(self) -> str:
        return str(self.settings_dict["NAME"])

    @property
    def _commons(self) -> Shared:
        return _shared.setdefault(self._path, Shared())

    # connections

    def get_new_connection(self, conn_params: dict[str, Any]) -> sqlite3.Connection:
        kept = None if self.is_in_memory_db() else self._commons.take(self._path)
        connection: sqlite3.Connection = kept or super().get_new_connection(conn_params)
        self._opened_as = identity(self._path)
        return connection

    def create_cursor(self, name: str | None = None) -> Cursor:
        cursor = self.connection.cursor(factory=Cursor)
        cursor.desk = self
        self._cursors.add(cursor)
        return cursor  # type: ignore[no-any-return]

    def _close(self) -> None:
        """Keep the connection for somebody else, unless a transaction is open in it or its file is another by now."""
        connection = self.connection
        for cursor in list(self._cursors):
            cursor.close()  # one that is not read to its end would hold on to the past
        self._cursors.clear()
        clean = connection is not None and not connection.in_transaction and not self.in_atomic_block
        same = self._opened_as is not None and self._opened_as == identity(self._path)
        if not (clean and same and self._commons.keep(connection, self._path)):
            super()._close()  # type: ignore[misc]
        self._end_turn()

    # turns

    def _start_transaction_under_autocommit(self) -> None:
        self._take_turn()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except BaseException:
            self._end_turn()
            raise

    def _commit(self) -> None:
        super()._commit()  # type: ignore[misc]
        self._end_turn()  # if it could not be committed the turn ends with the rollback

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        finally:
            self._end_turn()

    @contextmanager
    def turn_for(self, query: str) -> Iterator[None]:
        alone = not self._has_turn and query.lstrip()[:8].upper().startswith(WRITES)
        if alone:
            self._take_turn()
        try:
            yield
        finally:
            if alone:
                self._end_turn()

    def _take_turn(self) -> None:
        patience = float(self.settings_dict["OPTIONS"].get("timeout", 5))
        if not self._commons.turns.take(patience):
            raise OperationalError("database is locked")
        self._has_turn = True

    def _end_turn(self) -> None:
        if self._has_turn:
            self._has_turn = False
            self._commons.turns.give()
