"""What is read by statements that are written out is what the models' own queries find."""

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db import connection as database
from ledger_broker import open_account

from brokers import owned
from brokers.connections import accounts, clock
from brokers.models import Account, Connection
from brokers.owned import account_of

pytestmark = pytest.mark.django_db
EVERYBODYS = owned.OF_PERSON.replace("c.user_id = %(person)s AND ", "")
REMOVED_TOO = owned.OF_PERSON.rpartition(" AND c.state")[0]


def finds_as_the_models_do() -> bool:
    """Each person's look at each account, gone ones too."""
    mine, other = open_account("mine", "5WT00001"), open_account("other", "5WT00002")
    gone = open_account("gone", "5WT00003")
    Connection.objects.filter(pk=gone.connection_id).update(state=Connection.State.REMOVED)
    people: list[Any] = [*User.objects.all(), AnonymousUser()]
    asked = [(person, one.pk) for person in people for one in (mine, other, gone)]
    found = [account_of(*each) for each in asked]
    assert [one.pk for one in found if one is not None]
    return found == [Account.objects.of(person).filter(pk=pk).first() for person, pk in asked]


def test_an_account_is_found_by_its_owner_alone() -> None:
    assert finds_as_the_models_do()


@pytest.mark.parametrize("sabotaged", [EVERYBODYS, REMOVED_TOO], ids=["anybody's", "removed ones too"])
def test_the_same_look_catches_a_statement_that_finds_too_much(sabotaged: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sabotaged != owned.OF_PERSON
    monkeypatch.setattr(owned, "OF_PERSON", sabotaged)
    assert not finds_as_the_models_do()


def test_an_account_comes_with_all_but_the_secrets_of_its_connection() -> None:
    there = open_account("mine", "5WT00001")
    found = account_of(there.connection.user, there.pk)
    assert found is not None
    told = Account.objects.select_related("connection").get(pk=there.pk)
    with database.execute_wrapper(_no_more_statements):
        for one, other in ((found, told), (found.connection, told.connection)):
            for field in one._meta.concrete_fields:
                if field.name not in owned.SEALED:
                    assert getattr(one, field.attname) == getattr(other, field.attname)
    assert found.connection.get_deferred_fields() == set(owned.SEALED)


def _no_more_statements(*_: Any) -> Any:
    raise AssertionError("it was read with the account")


def test_a_row_with_the_clock_is_the_whole_row() -> None:
    there = open_account("mine", "5WT00001").connection
    found, told = clock.row_with_clock(there.pk), Connection.objects.get(pk=there.pk)
    assert found is not None
    for field in Connection._meta.concrete_fields:
        assert _bytes(getattr(found, field.attname)) == _bytes(getattr(told, field.attname)), field.attname
    assert abs(clock.skew_of(found).total_seconds()) < 60


def _bytes(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


def test_a_token_that_was_just_read_is_not_read_again_and_a_refused_one_is(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str | None] = []
    monkeypatch.setattr(accounts, "access_token", lambda _, refused=None: asked.append(refused) or "newer")
    source = accounts.token_source(open_account("mine", "5WT00001").connection, "just read")
    assert [source(), source()] == ["just read"] * 2
    assert asked == []
    assert source(refused="just read") == "newer"
    assert asked == ["just read"]


def test_a_token_that_was_read_a_while_ago_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "access_token", lambda _, refused=None: "newer")
    source = accounts.token_source(open_account("mine", "5WT00001").connection, "just read")
    monkeypatch.setattr(accounts, "TOKEN_KEPT", -1.0)
    assert source() == "newer"
