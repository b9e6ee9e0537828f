"""Connections: fresh tokens for many callers, failures told apart, nothing lost and nothing left behind."""

import contextlib
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connections as databases
from django.db import transaction
from django.utils import timezone
from simulator_server import SimulatorServer
from token_server import TokenServer, Told

from brokers import connections as desk
from brokers.connections import tokens as token_module
from brokers.connections.sealing import SEALED_COLUMNS
from brokers.errors import BrokerError, NotAuthorized, Refused, Unavailable
from brokers.models import Account, ConnectAttempt, Connection
from brokers.signals import connection_removed
from brokers.vault import Secret, fresh_key, sealed_with

DEAD = Told({"error_code": "invalid_grant", "error_description": "Grant has been revoked"}, 400)
State = Connection.State
Connect = Callable[..., Connection]


def age(connection: Connection, seconds: float) -> None:
    """Let time pass for a connection: everything it remembers moves into the past."""
    row = Connection.objects.get(pk=connection.pk)
    for name in ("access_expires_at", "not_before", "refreshed_at", "last_error_at", "lease_until"):
        if (moment := getattr(row, name)) is not None:
            setattr(row, name, moment - timedelta(seconds=seconds))
    row.save()


def reread(connection: Connection) -> Connection:
    return Connection.objects.get(pk=connection.pk)


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


# What failures mean

PASSING = [
    Told(b"<html>502</html>", 502),
    Told(b"", 500),
    Told(b"", 429),
    Told({"error_code": "invalid_request", "error_description": "not a customer"}, 400),
    Told({"error": "what_is_this"}, 400),
    Told(drop=True),
    Told({"error": "invalid_client"}, 401),
]


@pytest.fixture
def by_redirect(connection: Connection) -> Connection:
    Connection.objects.filter(pk=connection.pk).update(grant_kind="redirect", sealed_client_secret=None)
    return reread(connection)


@pytest.mark.parametrize("told", PASSING)
def test_half_an_hour_of_passing_trouble_never_looks_like_a_dead_grant(
    tokens: TokenServer, by_redirect: Connection, door_clock: Any, told: Told
) -> None:
    age(by_redirect, 900)
    tokens.always = told
    for _ in range(60):
        with pytest.raises(Unavailable):
            desk.access_token(by_redirect.pk)
        age(by_redirect, 30)
        door_clock.pass_by(30)
    row = reread(by_redirect)
    assert row.state == State.CONNECTED
    assert row.last_error
    assert len(tokens.asked) <= 60
    tokens.always = None
    age(by_redirect, 60)
    door_clock.pass_by(60)
    assert desk.access_token(by_redirect.pk)
    row = reread(by_redirect)
    assert (row.fail_count, row.last_error, row.not_before) == (0, "", None)


@pytest.mark.parametrize("told", PASSING)
def test_in_trouble_the_old_token_serves_as_long_as_it_lives(
    tokens: TokenServer, either: Connection, told: Told, one_moment: None
) -> None:
    age(either, 860)
    tokens.always = told
    assert [desk.access_token(either.pk) for _ in range(10)] == ["canary-access-0001"] * 10
    assert len(tokens.asked) == 1
    age(either, 32)
    with pytest.raises(Unavailable):
        desk.access_token(either.pk)


def test_failed_renewals_wait_longer_and_longer_up_to_a_minute(tokens: TokenServer, either: Connection) -> None:
    age(either, 900)
    tokens.always = Told(b"", 503)
    waits = []
    for _ in range(12):
        with pytest.raises(Unavailable):
            desk.access_token(either.pk)
        waits.append((reread(either).not_before - timezone.now()).total_seconds())
        age(either, 61)
    assert waits[0] <= 1
    assert max(waits) <= 60
    assert min(waits[7:]) > 10


def test_a_throttled_renewal_waits_as_long_as_the_broker_says(tokens: TokenServer, either: Connection) -> None:
    age(either, 900)
    tokens.always = Told(b"", 429, {"Retry-After": "45"})
    with pytest.raises(Unavailable):
        desk.access_token(either.pk)
    assert (reread(either).not_before - timezone.now()).total_seconds() > 20


def test_a_grant_is_dead_only_after_two_refusals_a_minute_apart(
    tokens: TokenServer, either: Connection, one_moment: None
) -> None:
    age(either, 900)
    tokens.always = DEAD
    for _ in range(10):
        with pytest.raises(Unavailable):
            desk.access_token(either.pk)
        age(either, 5)
    assert len(tokens.asked) == 1
    assert reread(either).state == State.CONNECTED
    age(either, 15)
    for _ in range(3):
        with pytest.raises(NotAuthorized) as caught:
            desk.access_token(either.pk)
        assert caught.value.grant_is_dead
    assert len(tokens.asked) == 2
    assert reread(either).state == State.NEEDS_SIGN_IN


@pytest.mark.parametrize("between", [Told(), Told(b"", 503)])
def test_one_refusal_is_forgotten_when_something_else_comes_between(
    tokens: TokenServer, either: Connection, between: Told
) -> None:
    age(either, 900)
    tokens.script = [DEAD, between, DEAD]
    for _ in range(3):
        with contextlib.suppress(Unavailable):
            desk.access_token(either.pk)
        age(either, 1000)
    assert len(tokens.asked) == 3
    assert reread(either).state == State.CONNECTED


def test_a_personal_grants_own_wrong_secret_needs_a_new_sign_in(tokens: TokenServer, connection: Connection) -> None:
    age(connection, 900)
    tokens.always = Told({"error": "invalid_client"}, 401)
    with pytest.raises(Unavailable):
        desk.access_token(connection.pk)
    age(connection, 61)
    with pytest.raises(NotAuthorized):
        desk.access_token(connection.pk)
    assert reread(connection).state == State.NEEDS_SIGN_IN


def test_a_rotated_refresh_token_replaces_the_old_one_and_none_keeps_it(
    tokens: TokenServer, either: Connection
) -> None:
    age(either, 900)
    tokens.script = [Told({"access_token": "a2", "refresh_token": "rotated", "expires_in": 900})]
    desk.access_token(either.pk)
    for _ in range(2):
        age(either, 900)
        desk.access_token(either.pk)
    assert [asked.fields["refresh_token"] for asked in tokens.asked] == [
        "canary-refresh-personal",
        "rotated",
        "rotated",
    ]


def test_a_renewal_that_names_fewer_scopes_takes_none_away(tokens: TokenServer, either: Connection) -> None:
    allowed = "openid read trade Trade"
    Connection.objects.filter(pk=either.pk).update(scopes=allowed)
    age(either, 900)
    tokens.script = [Told({"access_token": "a2", "expires_in": 900, "scope": "openid offline_access"})]
    assert desk.access_token(either.pk) == "a2"
    assert reread(either).scopes == allowed
    assert reread(either).may_trade


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


# Secrets that cannot be read


def test_an_unreadable_secret_suspends_and_its_key_brings_the_connection_back(
    tokens: TokenServer, connection: Connection, settings: Any
) -> None:
    keys = settings.TOKEN_KEYS
    settings.TOKEN_KEYS = [fresh_key()]
    with pytest.raises(NotAuthorized):
        desk.access_token(connection.pk)
    assert reread(connection).state == State.SUSPENDED
    with pytest.raises(NotAuthorized):
        desk.test_connection(reread(connection))
    settings.TOKEN_KEYS = keys
    assert desk.test_connection(reread(connection))
    assert reread(connection).state == State.CONNECTED


def test_a_ciphertext_copied_from_another_persons_row_suspends(
    connection: Connection, stranger: User, connect: Connect
) -> None:
    other = connect(stranger)
    Connection.objects.filter(pk=other.pk).update(sealed_access_token=reread(connection).sealed_access_token)
    with pytest.raises(NotAuthorized):
        desk.access_token(other.pk)
    assert reread(other).state == State.SUSPENDED


# Connecting


def test_a_personal_grant_is_tried_before_it_is_stored(tokens: TokenServer, person: User, connect: Connect) -> None:
    for told in (DEAD, Told({"error": "invalid_client"}, 401), Told(b"", 503)):
        tokens.script = [told]
        with pytest.raises(BrokerError):
            connect(person)
    tokens.accounts = []
    with pytest.raises(Refused):
        connect(person)
    tokens.accounts_status = 503
    with pytest.raises(Unavailable):
        connect(person)
    assert not Connection.objects.exists()
    assert not Account.objects.exists()


def test_connecting_the_same_accounts_again_renews_the_connection(
    tokens: TokenServer, person: User, connect: Connect
) -> None:
    first = connect(person)
    ids = set(first.accounts.values_list("id", flat=True))
    Connection.objects.filter(pk=first.pk).update(state=State.NEEDS_SIGN_IN, last_error="dead")
    second = connect(person)
    assert second.pk == first.pk
    assert Connection.objects.count() == 1
    assert set(second.accounts.values_list("id", flat=True)) == ids
    assert (reread(first).state, reread(first).last_error) == (State.CONNECTED, "")


def test_other_accounts_or_another_environment_make_a_connection_of_their_own(person: User, connect: Connect) -> None:
    made = {connect(person).pk, connect(person, "live").pk, connect(person, "sim", ["5WT00099"]).pk}
    assert len(made) == 3


def test_a_live_account_belongs_to_one_person_until_they_disconnect(
    person: User, stranger: User, connect: Connect
) -> None:
    mine = connect(person, "live")
    with pytest.raises(Refused):
        connect(stranger, "live")
    assert Connection.objects.count() == 1
    desk.disconnect(mine, by=person)
    assert connect(stranger, "live").user == stranger


def test_simulated_accounts_may_be_shared(person: User, stranger: User, connect: Connect) -> None:
    assert connect(person).pk != connect(stranger).pk


def test_the_first_account_becomes_the_default_and_stays_it(person: User, connect: Connect) -> None:
    connect(person)
    connect(person, "sim", ["5WT00001"])
    defaults = Account.objects.of(person).filter(is_default=True)
    assert [account.number for account in defaults] == ["5WT00042"]


# Accounts


def test_resync_keeps_ids_adds_the_new_and_closes_the_missing(tokens: TokenServer, connection: Connection) -> None:
    before = {account.number: account.pk for account in connection.accounts.all()}
    tokens.accounts = ["5WT00043", "5WT00044"]
    after = {account.number: account for account in desk.resync_accounts(connection)}
    assert set(after) == {"5WT00042", "5WT00043", "5WT00044"}
    assert {number: after[number].pk for number in before} == before
    assert [number for number, account in after.items() if account.is_closed] == ["5WT00042"]
    assert [number for number, account in after.items() if account.is_default] == ["5WT00043"]


def test_an_empty_listing_closes_nothing(tokens: TokenServer, connection: Connection) -> None:
    tokens.accounts = []
    with pytest.raises(Refused):
        desk.resync_accounts(connection)
    assert not connection.accounts.filter(is_closed=True).exists()


# Disconnecting


@pytest.fixture
def heard() -> Iterator[list[uuid.UUID]]:
    ids: list[uuid.UUID] = []

    def listen(connection_id: uuid.UUID, **_: object) -> None:
        ids.append(connection_id)

    connection_removed.connect(listen)
    yield ids
    connection_removed.disconnect(listen)


@pytest.mark.django_db(transaction=True)
def test_disconnect_erases_the_secrets_tells_once_and_asks_the_broker_nothing(
    tokens: TokenServer, connection: Connection, person: User, stranger: User, connect: Connect, heard: list[uuid.UUID]
) -> None:
    other = connect(stranger)
    assert desk.disconnect(connection, by=person)
    assert not desk.disconnect(connection, by=person)
    row = reread(connection)
    assert row.state == State.REMOVED
    assert [getattr(row, column) for column in SEALED_COLUMNS] == [None] * 3
    assert heard == [connection.pk]
    assert tokens.everything == []
    assert not Account.objects.of(person).exists()
    with pytest.raises(NotAuthorized):
        desk.access_token(connection.pk)
    assert desk.access_token(other.pk)


@pytest.mark.django_db(transaction=True)
def test_a_listener_that_fails_does_not_undo_a_disconnect(
    connection: Connection, person: User, heard: list[uuid.UUID]
) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError("no")

    connection_removed.connect(fail)
    try:
        assert desk.disconnect(connection, by=person)
    finally:
        connection_removed.disconnect(fail)
    assert reread(connection).state == State.REMOVED
    assert heard == [connection.pk]


def test_another_default_is_chosen_when_the_default_goes(person: User, connect: Connect) -> None:
    first = connect(person)
    connect(person, "sim", ["5WT00001"])
    desk.disconnect(first, by=person)
    assert [account.number for account in Account.objects.of(person).filter(is_default=True)] == ["5WT00001"]


def test_a_removed_connection_comes_back_as_itself(person: User, connect: Connect) -> None:
    first = connect(person)
    accounts = set(first.accounts.values_list("id", flat=True))
    desk.disconnect(first, by=person)
    back = connect(person)
    assert back.pk == first.pk
    assert set(back.accounts.values_list("id", flat=True)) == accounts
    assert desk.access_token(back.pk)


# Key rotation


def key_ids() -> set[str]:
    rows = Connection.objects.values_list(*SEALED_COLUMNS)
    return {sealed_with(bytes(sealed)) for row in rows for sealed in row if sealed is not None}


def rotate(*arguments: str) -> str:
    out = StringIO()
    call_command("rotate_token_keys", *arguments, stdout=out, stderr=out)
    return out.getvalue()


def test_rotation_seals_all_anew_and_a_second_run_finds_nothing(
    person: User, stranger: User, connect: Connect, settings: Any
) -> None:
    made = [connect(person), connect(stranger), connect(person, "live", ["5WT00001"])]
    desk.disconnect(made[1], by=stranger)
    settings.TOKEN_KEYS = [fresh_key(), *settings.TOKEN_KEYS]
    newest = settings.TOKEN_KEYS[0].partition(":")[0]
    with pytest.raises(CommandError):
        rotate("--check")
    assert "6 secrets sealed anew" in rotate()
    assert "0 secrets sealed anew" in rotate()
    rotate("--check")
    assert key_ids() == {newest}
    settings.TOKEN_KEYS = settings.TOKEN_KEYS[:1]
    assert desk.access_token(made[0].pk) == "canary-access-0001"
    age(made[0], 900)
    assert desk.access_token(made[0].pk)


def test_rotation_leaves_what_it_cannot_read_and_says_so(
    person: User, connect: Connect, settings: Any, stranger: User
) -> None:
    lost = connect(person)
    settings.TOKEN_KEYS = [fresh_key()]
    kept = connect(stranger)
    before = reread(lost).sealed_refresh_token
    settings.TOKEN_KEYS = [fresh_key(), *settings.TOKEN_KEYS]
    with pytest.raises(CommandError):
        rotate()
    assert reread(lost).sealed_refresh_token == before
    assert desk.access_token(kept.pk)


def test_a_secret_renewed_during_the_rotation_is_not_overwritten(connection: Connection, settings: Any) -> None:
    from brokers.connections.sealing import reseal

    settings.TOKEN_KEYS = [fresh_key(), *settings.TOKEN_KEYS]
    stale = reread(connection)
    sealed = bytes(stale.sealed_access_token or b"")
    age(connection, 900)
    token = desk.access_token(connection.pk)
    assert not reseal(stale, "sealed_access_token", sealed)
    assert desk.access_token(connection.pk) == token


# Against the whole simulator


def test_the_simulators_grant_works_and_its_end_is_noticed(person: User, settings: Any) -> None:
    with SimulatorServer() as sim:
        hosts = {"api": sim.api, "authorize": f"{sim.api}/auth.html", "token": f"{sim.api}/oauth/token"}
        settings.BROKER_HOSTS = {("tastytrade", "sim"): hosts}
        grant = sim.grant()
        secret, refresh = Secret(grant.client.client_secret), Secret(grant.refresh_token)
        made = desk.connect_personal(person, "tastytrade", "sim", secret, refresh)
        assert {account.number for account in made.accounts.all()} == set(grant.accounts)
        assert desk.broker_for(made).get_balance(grant.accounts[0]).currency == "USD"
        sim.revoke(grant)
        with pytest.raises(Unavailable):
            desk.test_connection(made)
        age(made, 61)
        with pytest.raises(NotAuthorized):
            desk.test_connection(made)
        assert reread(made).state == State.NEEDS_SIGN_IN
    assert not ConnectAttempt.objects.exists()
