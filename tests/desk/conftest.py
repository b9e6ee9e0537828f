"""The whole desk against the simulator, without a browser: pages and API by Django's client, the broker over HTTP."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client
from simulator_server import SimulatorServer
from talking_broker import forget_flights

from brokers.connections import connect_personal
from brokers.models import Account
from brokers.transport import forget_sessions
from brokers.vault import Secret


@pytest.fixture(scope="module")
def sim() -> Iterator[SimulatorServer]:
    with SimulatorServer() as running:
        yield running


@pytest.fixture
def account(sim: SimulatorServer, settings: Any, transactional_db: None) -> Iterator[Account]:
    """The demo person's margin account, over a personal grant; fills never come by themselves."""
    hosts = {"api": sim.api, "authorize": f"{sim.api}/auth.html", "token": f"{sim.api}/oauth/token", "streamer": sim.ws}
    settings.BROKER_HOSTS = {("tastytrade", "sim"): hosts}
    sim.reset()
    sim.fills("never")
    grant = sim.grant()
    user = get_user_model().objects.create_user("trader")
    secrets = Secret(grant.client.client_secret), Secret(grant.refresh_token)
    connection = connect_personal(user, "tastytrade", "sim", *secrets)
    cache.clear()
    forget_flights()
    yield Account.objects.of(user).get(connection=connection, number="5WT00001")
    sim.clear_faults()
    forget_sessions()


@pytest.fixture
def trader(account: Account) -> Client:
    """A signed-in browser that, unlike Django's usual test client, answers 500 as a browser would see it."""
    client = Client(raise_request_exception=False)
    client.force_login(account.connection.user)
    return client
