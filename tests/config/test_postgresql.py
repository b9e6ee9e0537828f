"""PostgreSQL's pool: a connection that died is not handed out, one that lives is not asked each time."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import pytest
import servers
from django.db import OperationalError
from psycopg_pool import ConnectionPool

from config.postgresql import base
from config.postgresql.base import DatabaseWrapper


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Its folder is not one of the tests' own: the server runs as somebody else, who may not look into those."""
    with TemporaryDirectory() as folder, servers.postgres(Path(folder)) as made:
        yield made


@pytest.fixture
def wrapper(url: str, django_db_blocker: Any) -> Iterator[Any]:
    known = dict.fromkeys(("USER", "PASSWORD", "HOST", "PORT"), "") | {"NAME": "", "TIME_ZONE": None, "CONN_MAX_AGE": 0}
    known |= {"AUTOCOMMIT": True, "ATOMIC_REQUESTS": False, "CONN_HEALTH_CHECKS": False, "TEST": {}}
    pool = {"min_size": 1, "max_size": 1, "timeout": 60}
    parts = psycopg.conninfo.conninfo_to_dict(url) | {"pool": pool, "prepare_threshold": 2}
    known |= {"NAME": parts.pop("dbname"), "OPTIONS": parts}
    made = DatabaseWrapper(known, alias="pooled")
    with django_db_blocker.unblock():
        yield made
        made.close()
        made.close_pool()


def ask(wrapper: Any, statement: str = "SELECT pg_backend_pid()") -> int:
    """As a request does: a connection is taken from the pool and given back."""
    with wrapper.cursor() as cursor:
        cursor.execute(statement)
        found = int(cursor.fetchone()[0])
    wrapper.close()
    return found


def ends(url: str, backend: int) -> None:
    """The server ends a connection, and has done so when this returns."""
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 20000)", [backend])


def test_a_connection_that_the_server_ended_a_moment_ago_is_not_handed_out(wrapper: Any, url: str) -> None:
    backend = ask(wrapper)
    ends(url, backend)
    assert ask(wrapper) != backend


def test_the_same_end_catches_a_check_that_does_not_look_at_the_socket(
    wrapper: Any, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "is_silent", lambda socket: True)
    ends(url, ask(wrapper))
    with pytest.raises(OperationalError):
        ask(wrapper)


@pytest.mark.parametrize(("again", "asked"), [(10.0**6, 1), (0.0, 4)], ids=["it spoke", "long ago"])
def test_a_connection_that_spoke_a_moment_ago_is_not_asked_whether_it_lives(
    wrapper: Any, monkeypatch: pytest.MonkeyPatch, again: float, asked: int
) -> None:
    questions: list[Any] = []
    monkeypatch.setattr(ConnectionPool, "check_connection", staticmethod(questions.append))
    monkeypatch.setattr(base, "ASKED_AGAIN", again)
    assert len({ask(wrapper) for _ in range(4)}) == 1
    assert len(questions) == asked


@pytest.mark.parametrize("threshold", [2, None], ids=["switched on", "as it is"])
def test_statements_that_come_again_are_prepared_where_that_is_switched_on(wrapper: Any, threshold: int | None) -> None:
    wrapper.settings_dict["OPTIONS"]["prepare_threshold"] = threshold
    for number in range(6):
        with wrapper.prepared_cursor() as cursor:
            cursor.execute("SELECT %(a)s::int + 1", {"a": number})
            assert cursor.fetchone() == (number + 1,)
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements")
        assert bool(cursor.fetchone()[0]) is (threshold is not None)
