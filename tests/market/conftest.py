"""A trader with an account at either broker of the simulator, and a stranger. Nothing is traded here."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client
from signing_in import BOTH, MARGIN_ACCOUNTS, point_at
from simulator_server import SimulatorServer

from brokers import registry
from brokers.models import Account, Connection
from brokers.transport import forget_sessions
from tests.desk.conftest import by_page, by_personal_grant


@pytest.fixture(scope="module")
def sim() -> Iterator[SimulatorServer]:
    cache.clear()
    with SimulatorServer() as running:
        yield running
    cache.clear()
    forget_sessions()


@pytest.fixture(params=BOTH)
def account(request: pytest.FixtureRequest, sim: SimulatorServer, settings: Any, db: None) -> Iterator[Account]:
    """Reached as a person reaches it. The cache goes on from test to test, for chains take many calls: what belongs to
    one connection does not, for each test makes its own."""
    broker: str = request.param
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    point_at(settings, sim, broker)
    user = get_user_model().objects.create_user("trader")
    connection = _connect(sim, user, broker)
    yield connection.accounts.select_related("connection").get(number=MARGIN_ACCOUNTS[broker])
    sim.clear_faults()


def _connect(sim: SimulatorServer, user: Any, broker: str) -> Connection:
    has_personal_grants = registry.spec(broker).capabilities.personal_grant
    return by_personal_grant(sim, user, broker) if has_personal_grants else by_page(sim, user, broker)


@pytest.fixture
def trader(account: Account) -> Client:
    return _client(account.connection.user)


@pytest.fixture
def stranger(account: Account) -> Client:
    """Somebody else, with nothing connected."""
    return _client(get_user_model().objects.create_user("stranger"))


def _client(user: Any) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client
