"""Fresh tokens: for one caller and for many at once, as long as they live, whatever becomes of the row meanwhile."""

import contextlib
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from connection_days import Connect, State, age, reread
from django.contrib.auth.models import User
from django.db import connections as databases
from django.db import transaction
from django.utils import timezone
from token_server import TokenServer, Told

from brokers import connections as desk
from brokers.connections import tokens as token_module
from brokers.connections.sealing import SEALED_COLUMNS
from brokers.errors import BrokerError, NotAuthorized, Unavailable
from brokers.models import Connection


def together(count: int, act: Callable[[], str]) -> list[str]:
    """What many threads get that begin at the same moment."""
    ready = threading.Barrier(count)

    def run(_: int) -> str:
        ready.wait(20)
        try:
            return act()
        finally:
            databases.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


# Fresh tokens


def test_a_token_with_life_left_is_given_without_asking(tokens: TokenServer, either: Connection) -> None:
    assert [desk.access_token(either.pk) for _ in range(3)] == ["canary-access-0001"] * 3
    assert tokens.asked == []


@pytest.mark.parametrize(("seconds", "asked"), [(825, 0), (840, 1), (900, 1), (100_000, 1)])
def test_a_token_is_renewed_when_less_than_a_minute_is_left(
    tokens: TokenServer, connection: Connection, seconds: int, asked: int
) -> None:
    age(connection, seconds)
    token = desk.access_token(connection.pk)
    assert len(tokens.asked) == asked
    assert token == ("canary-access-0002" if asked else "canary-access-0001")
    row = reread(connection)
    assert (row.token_version, row.lease_owner, row.lease_until) == (1 + asked, "", None)


def test_a_refused_token_is_renewed_although_it_has_life_left(tokens: TokenServer, either: Connection) -> None:
    old = desk.access_token(either.pk)
    assert desk.access_token(either.pk, refused=old) == "canary-access-0002"
    assert len(tokens.asked) == 1


def test_a_refused_token_that_was_replaced_meanwhile_asks_nobody(tokens: TokenServer, either: Connection) -> None:
    old = desk.access_token(either.pk)
    new = desk.access_token(either.pk, refused=old)
    tokens.asked.clear()
    assert desk.access_token(either.pk, refused=old) == new
    assert tokens.asked == []


def test_a_broker_that_refuses_its_fresh_tokens_is_not_asked_in_a_circle(
    tokens: TokenServer, either: Connection, one_moment: None
) -> None:
    token = desk.access_token(either.pk)
    for _ in range(20):
        with contextlib.suppress(Unavailable):
            token = desk.access_token(either.pk, refused=token)
    assert len(tokens.asked) == 1


# Many at once


def no_flights(monkeypatch: pytest.MonkeyPatch) -> None:
    class Alone:
        def join(self, _key: object, work: Callable[[], str], *, patience: float) -> str:
            return work()

    monkeypatch.setattr(token_module, "_flights", Alone())


def no_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_module, "_take_lease", lambda row: uuid.uuid4().hex)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("refused", [None, "canary-access-0001"])
@pytest.mark.parametrize("sabotage", [(), (no_flights,)])
def test_fifty_threads_cause_exactly_one_renewal(
    tokens: TokenServer,
    either: Connection,
    monkeypatch: pytest.MonkeyPatch,
    refused: str | None,
    sabotage: tuple[Callable[[pytest.MonkeyPatch], None], ...],
) -> None:
    """Without the flights of one process the lease alone must do it, as it does between processes."""
    for saw in sabotage:
        saw(monkeypatch)
    tokens.seconds = 0.3
    if refused is None:
        age(either, 900)
    got = together(50, lambda: desk.access_token(either.pk, refused=refused))
    assert set(got) == {"canary-access-0002"}
    assert len(tokens.asked) == 1


@pytest.mark.django_db(transaction=True)
def test_without_flights_and_lease_the_same_harness_sees_the_stampede(
    tokens: TokenServer, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_flights(monkeypatch)
    no_lease(monkeypatch)
    tokens.seconds = 0.3
    age(connection, 900)

    def careless() -> str:
        try:
            return token_module._renew(reread(connection), "nobody", None) or ""
        except BrokerError:
            return ""

    together(20, careless)
    assert len(tokens.asked) > 1


@pytest.mark.django_db(transaction=True)
def test_several_processes_cause_exactly_one_renewal(
    tokens: TokenServer, connection: Connection, settings: Any, tmp_path: Path
) -> None:
    database = settings.DATABASES["default"]
    if "sqlite" not in database["ENGINE"]:
        pytest.skip("the other processes are pointed at the test's SQLite file")
    tokens.seconds = 0.4
    age(connection, 900)
    program = (
        "import django, sys, uuid; django.setup()\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from brokers import connections as desk\n"
        "from brokers.connections import tokens; tokens.PATIENCE = 60.0\n"
        "sys.stdout.write('ready\\n'); sys.stdout.flush(); sys.stdin.readline()\n"
        f"ask = lambda _: desk.access_token(uuid.UUID('{connection.pk}'))\n"
        "with ThreadPoolExecutor(8) as pool: print(*set(pool.map(ask, range(8))))\n"
    )
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": f"sqlite:///{databases['default'].settings_dict['NAME']}",
        "TOKEN_KEYS": ",".join(settings.TOKEN_KEYS),
        "TASTYTRADE_SIM_TOKEN_URL": f"{tokens.url}/oauth/token",
    }
    command = [sys.executable, "-c", program]
    root = Path(__file__).resolve().parents[2]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    running = [subprocess.Popen(command, cwd=root, env=environment, **pipes) for _ in range(3)]  # type: ignore[call-overload]
    for process in running:
        assert process.stdout.readline() == "ready\n"
    outputs = []
    for process in running:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in running:
        outputs.append(process.communicate(timeout=60)[0].split())
    assert outputs == [["canary-access-0002"]] * 3
    assert len(tokens.asked) == 1


@pytest.mark.django_db(transaction=True)
def test_a_lease_whose_owner_died_is_taken_over_when_it_runs_out(
    tokens: TokenServer, either: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    age(either, 900)
    soon = timezone.now() + timedelta(seconds=1)
    Connection.objects.filter(pk=either.pk).update(lease_owner="dead", lease_until=soon)
    assert desk.access_token(either.pk) == "canary-access-0002"
    assert timezone.now() >= soon


def test_a_held_lease_gives_the_old_token_as_long_as_it_lives(
    tokens: TokenServer, either: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_module, "PATIENCE", 0.3)
    held = timezone.now() + timedelta(minutes=5)
    age(either, 860)
    Connection.objects.filter(pk=either.pk).update(lease_owner="other", lease_until=held)
    assert desk.access_token(either.pk) == "canary-access-0001"
    age(either, 40)
    Connection.objects.filter(pk=either.pk).update(lease_owner="other", lease_until=held)
    with pytest.raises(Unavailable):
        desk.access_token(either.pk)
    assert tokens.asked == []


@pytest.mark.django_db(transaction=True)
def test_a_token_is_not_renewed_inside_of_a_transaction(tokens: TokenServer, either: Connection) -> None:
    age(either, 900)
    with pytest.raises(RuntimeError), transaction.atomic():
        desk.access_token(either.pk)
    assert tokens.asked == []


# Lifetimes


@pytest.mark.parametrize("expires_in", [1, 5, 60, 61, 900, 1200, "900", 10**12, -1, 0, ..., None, "soon", 1e300])
def test_no_token_known_dead_is_given_and_no_lifetime_makes_a_storm(
    tokens: TokenServer, either: Connection, expires_in: Any
) -> None:
    age(either, 900)
    tokens.expires_in = expires_in
    for _ in range(30):
        asked = timezone.now()
        try:
            desk.access_token(either.pk)
        except Unavailable:
            continue
        assert reread(either).access_expires_at > asked + timedelta(seconds=4)
    assert len(tokens.asked) == 1
    assert reread(either).state == State.CONNECTED


# While the broker is asked, the row may change


@pytest.mark.django_db(transaction=True)
def test_a_connection_removed_during_its_renewal_stays_removed(
    tokens: TokenServer, either: Connection, person: User
) -> None:
    def remove() -> None:
        desk.disconnect(reread(either), by=person)
        databases.close_all()

    age(either, 900)
    tokens.script = [Told(meanwhile=remove)]
    with pytest.raises(NotAuthorized):
        desk.access_token(either.pk)
    row = reread(either)
    assert row.state == State.REMOVED
    assert [getattr(row, column) for column in SEALED_COLUMNS] == [None] * 3


@pytest.mark.django_db(transaction=True)
def test_a_connection_renewed_by_its_owner_during_a_renewal_keeps_the_owners_grant(
    tokens: TokenServer, connection: Connection, person: User, connect: Connect
) -> None:
    def again() -> None:
        connect(person)
        databases.close_all()

    age(connection, 900)
    tokens.script = [
        Told({"access_token": "late", "refresh_token": "late-refresh", "expires_in": 900}, meanwhile=again)
    ]
    token = desk.access_token(connection.pk)
    assert token.startswith("canary-access-")
    assert reread(connection).token_version == 2
    age(connection, 900)
    desk.access_token(connection.pk)
    assert tokens.asked[-1].fields["refresh_token"] == "canary-refresh-personal"
