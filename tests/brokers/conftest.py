"""People, a token endpoint that answers as told, and connections made through the front door."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from token_server import TokenServer

from brokers import connections as desk
from brokers import oauth
from brokers.connections import tokens as tokens_module
from brokers.connections.sealing import seal_for, unseal_from
from brokers.models import Connection
from brokers.transport.ledger import forget_books
from brokers.vault import Secret

CLIENT_SECRET = "canary-client-secret"


@dataclass
class DoorClock:
    """The time by which refused sign-ins are counted."""

    seconds: float = 0.0

    def pass_by(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture(autouse=True)
def nothing_counted() -> None:
    """What one test was refused does not count in the next."""
    forget_books()


@pytest.fixture
def one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time passes for tokens but what a test lets pass, however slow the machine is."""
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)
    monkeypatch.setattr(tokens_module, "now_of", lambda _: now)


@pytest.fixture
def door_clock(monkeypatch: pytest.MonkeyPatch) -> DoorClock:
    clock, real = DoorClock(), oauth.doorstep
    monkeypatch.setattr(oauth, "doorstep", lambda provider: replace(real(provider), now=lambda: 1e9 + clock.seconds))
    return clock


@pytest.fixture
def person(db: None) -> User:
    return User.objects.create_user("ann", "ann@example.invalid")


@pytest.fixture
def stranger(db: None) -> User:
    return User.objects.create_user("bob", "bob@example.invalid")


@pytest.fixture
def browser(person: User) -> Client:
    """Ann's browser, signed in."""
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def tokens(settings: Any) -> Iterator[TokenServer]:
    """tastytrade's two environments and TradeStation's SIM, all served by a token endpoint of the test's own."""
    with TokenServer() as server:
        client = {"client_id": "blotter-test", "client_secret": CLIENT_SECRET}
        contexts = [("tastytrade", "sim"), ("tastytrade", "live"), ("tradestation", "sim")]
        settings.BROKER_HOSTS = dict.fromkeys(contexts, server.overrides)
        settings.BROKER_CLIENTS = dict.fromkeys(contexts, client)
        yield server


@pytest.fixture
def connect(tokens: TokenServer) -> Callable[..., Connection]:
    """Connects a person by a personal grant; the endpoint's notes are cleared afterwards."""

    def make(user: User, environment: str = "sim", accounts: list[str] | None = None) -> Connection:
        if accounts is not None:
            tokens.accounts = accounts
        secret, refresh = Secret("canary-own-secret"), Secret("canary-refresh-personal")
        connection = desk.connect_personal(user, "tastytrade", environment, secret, refresh, "Mine")
        tokens.asked.clear()
        tokens.everything.clear()
        return connection

    return make


@pytest.fixture
def connection(person: User, connect: Callable[..., Connection]) -> Connection:
    return connect(person)


@pytest.fixture(params=["tastytrade", "tradestation"])
def either(request: pytest.FixtureRequest, person: User, connect: Callable[..., Connection]) -> Connection:
    """The same at each broker, for what must hold at both; at TradeStation it came by its sign-in page."""
    connection = connect(person)
    if request.param == "tradestation":
        moved = ("sealed_access_token", "sealed_refresh_token")
        secrets = {column: unseal_from(connection, column) for column in moved}
        connection.broker, connection.grant_kind = "tradestation", Connection.GrantKind.REDIRECT
        for column, secret in secrets.items():
            setattr(connection, column, seal_for(connection, column, secret))
        connection.sealed_client_secret = None
        connection.save()
    return connection
