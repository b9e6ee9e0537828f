"""Whoever renews a token is killed, wherever it stands: the next takes over, and only a lost rotation ends it."""

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections as databases
from reliability_times import pass_time
from token_server import TokenServer, Told

from brokers import connections as desk
from brokers import oauth
from brokers.connections import tokens as token_module
from brokers.connections.sealing import unseal_from
from brokers.errors import BrokerError, NotAuthorized, Unavailable
from brokers.models import Connection
from brokers.signals import connection_changed

pytestmark = pytest.mark.django_db(transaction=True)
State = Connection.State
OLD = "canary-refresh-personal"
DEAD = Told({"error": "invalid_grant", "error_code": "invalid_grant"}, 400)


def die(*_: Any, **__: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def after(real: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args, **more: die(real(*args, **more))


def before_the_lease() -> None:
    token_module._take_lease = die


def with_the_lease() -> None:
    token_module._take_lease = after(token_module._take_lease)


def before_the_call() -> None:
    oauth.refresh = die


def in_the_call() -> None:
    """The broker kills, while it has the request (see ``killed``)."""


def with_the_answer() -> None:
    oauth.refresh = after(oauth.refresh)


def before_it_is_written() -> None:
    token_module.grant_fields = after(token_module.grant_fields)


def when_it_is_written() -> None:
    token_module.tell = die


POINTS = [
    before_the_lease,
    with_the_lease,
    before_the_call,
    in_the_call,
    with_the_answer,
    before_it_is_written,
    when_it_is_written,
]
LOST = [in_the_call, with_the_answer, before_it_is_written]
"""Where the broker has given what nobody wrote down."""


@pytest.fixture
def due(either: Connection) -> Connection:
    """One of the installation's own client, whose token has run out."""
    Connection.objects.filter(pk=either.pk).update(grant_kind="redirect", sealed_client_secret=None)
    pass_time(either, 3600)
    return either


@pytest.fixture
def ended() -> Iterator[list[str]]:
    """What was told of connections."""
    told: list[str] = []

    def hear(event: str, **_: Any) -> None:
        told.append(event)

    connection_changed.connect(hear)
    yield told
    connection_changed.disconnect(hear)


def rotate(tokens: TokenServer) -> None:
    """From now on each answer has a refresh token of its own."""
    real = tokens.token_answer

    def answer() -> dict[str, Any]:
        return real() | {"refresh_token": f"canary-refresh-{tokens.given:04d}"}

    tokens.token_answer = answer  # type: ignore[method-assign]


def killed(connection: Connection, tokens: TokenServer, point: Callable[[], None]) -> None:
    """A process of the desk wants the token and dies at a point of the way."""
    pids: list[int] = []
    if point is in_the_call:
        tokens.script = [Told(meanwhile=lambda: os.kill(pids[0], signal.SIGKILL))]
    databases.close_all()
    if (pid := os.fork()) == 0:
        try:
            point()
            desk.access_token(connection.pk)
        finally:
            os._exit(0)
    pids.append(pid)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status), f"it was to die {point.__name__}"


def taken_over(connection: Connection, tokens: TokenServer) -> None:
    """A second after the lease has run out the next caller has a token; the broker was asked twice at most."""
    pass_time(connection, token_module.LEASE.total_seconds() + 1)
    token = desk.access_token(connection.pk)
    row = Connection.objects.get(pk=connection.pk)
    assert token == f"canary-access-{tokens.given:04d}"
    assert len(tokens.asked) <= 2
    assert (row.state, row.fail_count, row.lease_owner) == (State.CONNECTED, 0, "")


@pytest.mark.parametrize("rotates", [False, True], ids=["one refresh token", "rotation with overlap"])
@pytest.mark.parametrize("point", POINTS)
def test_whoever_renews_may_be_killed_anywhere(
    due: Connection, tokens: TokenServer, point: Callable[[], None], rotates: bool
) -> None:
    if rotates:
        rotate(tokens)
    killed(due, tokens, point)
    taken_over(due, tokens)
    kept = unseal_from(Connection.objects.get(pk=due.pk), "sealed_refresh_token").reveal()
    assert kept == (f"canary-refresh-{tokens.given:04d}" if rotates else OLD)


@pytest.mark.parametrize("point", POINTS)
def test_a_rotation_that_was_lost_with_its_process_ends_in_a_new_sign_in_told_once(
    due: Connection, tokens: TokenServer, ended: list[str], point: Callable[[], None]
) -> None:
    """The broker takes the older refresh token no more once it has given a newer one."""
    rotate(tokens)
    killed(due, tokens, point)
    if point not in LOST:
        taken_over(due, tokens)
        assert ended == []
        return
    tokens.always = DEAD
    pass_time(due, token_module.LEASE.total_seconds() + 1)
    with pytest.raises(Unavailable):
        desk.access_token(due.pk)
    pass_time(due, 61)
    for _ in range(5):
        with pytest.raises(NotAuthorized):
            desk.access_token(due.pk)
        pass_time(due, 120)
    assert Connection.objects.get(pk=due.pk).state == State.NEEDS_SIGN_IN
    assert ended == [State.NEEDS_SIGN_IN.value], "said once"
    assert {each.fields["refresh_token"] for each in tokens.asked} == {OLD}
    assert len(tokens.asked) == 3, "no loop"


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("point", POINTS)
def test_two_hundred_deaths_at_each_point(due: Connection, tokens: TokenServer, point: Callable[[], None]) -> None:
    for _ in range(200):
        tokens.asked.clear()
        killed(due, tokens, point)
        taken_over(due, tokens)
        pass_time(due, 3600)


def test_a_lease_that_outlives_its_owner_for_long_is_noticed(
    due: Connection, tokens: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sabotaged twin: nobody takes over."""
    monkeypatch.setattr(token_module, "PATIENCE", 0.3)
    with monkeypatch.context() as patch:
        patch.setattr(token_module, "LEASE", token_module.LEASE * 100)
        killed(due, tokens, with_the_lease)
    with pytest.raises(BrokerError):
        taken_over(due, tokens)
