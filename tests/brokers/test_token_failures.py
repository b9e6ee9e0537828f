"""What a failed renewal means: passing trouble, a dead grant, a secret that nobody can read."""

import contextlib
from typing import Any

import pytest
from connection_days import DEAD, Connect, State, age, reread
from django.contrib.auth.models import User
from django.utils import timezone
from token_server import TokenServer, Told

from brokers import connections as desk
from brokers.errors import NotAuthorized, Unavailable
from brokers.models import Connection
from brokers.vault import fresh_key

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
