"""The whole desk against the simulator, without a browser: pages and API by Django's client, the broker over HTTP."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from signing_in import BOTH, MARGIN_ACCOUNTS, connect, point_at
from simulator_server import SimulatorServer
from talking_broker import forget_flights

from brokers import registry
from brokers.connections import connect_personal
from brokers.models import Account, Connection
from brokers.transport import forget_sessions
from brokers.vault import Secret


@pytest.fixture(scope="module")
def sim() -> Iterator[SimulatorServer]:
    with SimulatorServer() as running:
        yield running


@pytest.fixture(params=BOTH)
def account(
    request: pytest.FixtureRequest, sim: SimulatorServer, settings: Any, transactional_db: None
) -> Iterator[Account]:
    """The demo person's margin account at either broker, over a personal grant where the broker has them, else by its
    sign-in page; fills never come by themselves."""
    broker: str = request.param
    point_at(settings, sim, broker)
    sim.reset()
    sim.fills("never")
    user = get_user_model().objects.create_user("trader")
    has_personal_grants = registry.spec(broker).capabilities.personal_grant
    connection = by_personal_grant(sim, user, broker) if has_personal_grants else by_page(sim, user, broker)
    cache.clear()
    forget_flights()
    yield connection.accounts.select_related("connection").get(number=MARGIN_ACCOUNTS[broker])
    sim.clear_faults()
    forget_sessions()


def by_personal_grant(sim: SimulatorServer, user: User, broker: str) -> Connection:
    grant = sim.grant()
    return connect_personal(user, broker, "sim", Secret(grant.client.client_secret), Secret(grant.refresh_token))


def by_page(sim: SimulatorServer, user: User, broker: str) -> Connection:
    browser = Client()
    browser.force_login(user)
    return connect(browser, sim, broker)


@pytest.fixture
def trader(account: Account) -> Client:
    """A signed-in browser that, unlike Django's usual test client, answers 500 as a browser would see it."""
    client = Client(raise_request_exception=False)
    client.force_login(account.connection.user)
    return client
