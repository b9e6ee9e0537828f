"""SQLite for many threads: whoever writes takes a turn, first come, first served.

SQLite's own waiting is unfair: those who find the file locked sleep, up to a tenth of a second, and try again, while
whoever comes at the right moment gets in. Other processes are waited for by SQLite itself.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

from config.sqlite.turns import Turns

WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")


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


_turns: dict[str, Turns] = {}


def _after_fork() -> None:
    """A child waits for nobody of its parent's."""
    _turns.clear()


os.register_at_fork(after_in_child=_after_fork)


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's, taking turns."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._has_turn = False

    @property
    def _line(self) -> Turns:
        """The line of all threads of this process that write to the same file."""
        return _turns.setdefault(str(self.settings_dict["NAME"]), Turns())

    def create_cursor(self, name: str | None = None) -> Cursor:
        cursor = self.connection.cursor(factory=Cursor)
        cursor.desk = self
        return cursor  # type: ignore[no-any-return]

    def _close(self) -> None:
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
        if not self._line.take(patience):
            raise OperationalError("database is locked")
        self._has_turn = True

    def _end_turn(self) -> None:
        if self._has_turn:
            self._has_turn = False
            self._line.give()
