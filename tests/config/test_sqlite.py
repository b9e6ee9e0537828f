"""SQLite under many threads: writers take turns in the order in which they came."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.db.backends.sqlite3 import base as django_sqlite
from django.db.utils import OperationalError

from config.sqlite.base import DatabaseWrapper
from config.sqlite.turns import Turns

Opened = Callable[..., Any]


@pytest.fixture
def opened(tmp_path: Path, django_db_blocker: Any) -> Iterator[Opened]:
    """Makes wrappers at one file, as threads have them: each its own."""
    made: list[Any] = []

    def make(kind: type[Any] = DatabaseWrapper, **options: Any) -> Any:
        options = {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": "PRAGMA journal_mode=WAL;"} | options
        known = connections.databases["default"]
        made.append(kind(known | {"NAME": str(tmp_path / "desk.sqlite3"), "OPTIONS": options}, alias="other"))
        made[-1].inc_thread_sharing()
        return made[-1]

    with django_db_blocker.unblock():
        first = make()
        run(first, "CREATE TABLE line (who INTEGER)")
        yield make
        for wrapper in made:
            wrapper.close()


def run(wrapper: Any, statement: str, *values: Any) -> list[Any]:
    with wrapper.cursor() as cursor:
        cursor.execute(statement, values or None)
        return list(cursor.fetchall())


def in_transaction(wrapper: Any, who: int, seconds: float = 0.0) -> None:
    wrapper.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
    try:
        run(wrapper, "INSERT INTO line VALUES (%s)", who)
        time.sleep(seconds)
        wrapper.commit()
    finally:
        wrapper.set_autocommit(True)


def order_of_writers(opened: Opened, kind: type[Any], writers: int = 12) -> list[int]:
    """Each comes while the first writes, one after the other; the order in which they got in."""
    threads = []
    for who in range(writers):
        wrapper = opened(kind)
        wrapper.ensure_connection()
        work = threading.Thread(target=in_transaction, args=(wrapper, who, 0.6 if who == 0 else 0.02))
        work.start()
        threads.append(work)
        time.sleep(0.04)
    for work in threads:
        work.join(30)
    return [row[0] for row in run(opened(), "SELECT who FROM line ORDER BY rowid")]


def test_writers_get_in_in_the_order_in_which_they_came(opened: Opened) -> None:
    assert order_of_writers(opened, DatabaseWrapper) == list(range(12))


def test_sqlites_own_waiting_lets_some_come_between(opened: Opened) -> None:
    """The twin: without turns the order is chance's."""
    assert order_of_writers(opened, django_sqlite.DatabaseWrapper) != list(range(12))


def test_a_statement_that_writes_by_itself_waits_for_its_turn_too(opened: Opened) -> None:
    holder, other = opened(), opened(timeout=0.2)
    holder.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
    with pytest.raises(OperationalError, match="locked"):
        run(other, "INSERT INTO line VALUES (1)")
    assert run(other, "SELECT count(*) FROM line") == [(0,)], "who only reads waits for nobody"
    holder.rollback()
    holder.set_autocommit(True)
    run(other, "INSERT INTO line VALUES (1)")


@pytest.mark.parametrize("end", ["rollback", "close"])
def test_a_turn_ends_however_its_transaction_does(end: str, opened: Opened) -> None:
    holder = opened()
    holder.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
    run(holder, "INSERT INTO line VALUES (1)")
    getattr(holder, end)()
    in_transaction(opened(timeout=0.2), 2)
    assert run(opened(), "SELECT who FROM line") == [(2,)]


def test_a_turn_that_comes_at_the_very_end_of_patience_is_taken_or_left_but_never_lost() -> None:
    turns, got = Turns(), []

    def visit(seconds: float) -> None:
        if turns.take(seconds):
            got.append(seconds)
            time.sleep(0.001)
            turns.give()

    visitors = [threading.Thread(target=visit, args=(0.0005 * (number % 7),)) for number in range(200)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join(20)
    assert got
    assert turns.take(0), "whoever was there has gone"
