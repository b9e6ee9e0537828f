"""All sealed secrets moved to a new key, while they are used."""

from io import StringIO
from typing import Any

import pytest
from connection_days import Connect, age, reread
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from brokers import connections as desk
from brokers.connections.sealing import SEALED_COLUMNS
from brokers.models import Connection
from brokers.vault import fresh_key, sealed_with


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
