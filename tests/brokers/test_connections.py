"""Connections: made, renewed, their accounts, disconnected; nothing lost and nothing left behind."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from connection_days import DEAD, Connect, State, age, reread
from django.contrib.auth.models import User
from simulator_server import SimulatorServer
from token_server import TokenServer, Told

from brokers import connections as desk
from brokers.connections.sealing import SEALED_COLUMNS
from brokers.errors import BrokerError, NotAuthorized, Refused, Unavailable
from brokers.models import Account, ConnectAttempt, Connection
from brokers.signals import connection_removed
from brokers.vault import Secret

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
