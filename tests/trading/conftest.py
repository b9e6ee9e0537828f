"""A trader and a stranger, each with an account; behind both a broker with a ledger."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from bare_sending import Everything
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client
from ledger_broker import LedgerBroker, open_account
from simulator_server import SimulatorServer

from brokers import connections
from brokers.models import Account
from brokers.vault import Secret
from trading import risk
from trading.protocol import readiness
from trading.safety import limits


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def ledger_broker(controlled_broker: LedgerBroker, monkeypatch: pytest.MonkeyPatch) -> LedgerBroker:
    """For the protocol alone: the controls find nothing. They are tried in tests/trading/risk and test_denials.py."""
    for control in ("check", "check_group"):
        monkeypatch.setattr(risk, control, lambda *_: [])
    return controlled_broker


@pytest.fixture
def controlled_broker(monkeypatch: pytest.MonkeyPatch) -> LedgerBroker:
    broker = LedgerBroker()
    monkeypatch.setattr(connections, "broker_for", lambda connection, **_: broker)
    monkeypatch.setattr(connections, "access_token", lambda connection_id, refused=None: "made-up")
    monkeypatch.setattr(readiness, "_compared", Everything())
    return broker


@pytest.fixture
def trading_account(db: None) -> Account:
    return open_account("trader", "5WT00042")


@pytest.fixture
def foreign_account(db: None) -> Account:
    return open_account("stranger", "5WT00099")


@pytest.fixture
def trader_client(trading_account: Account) -> Client:
    client = Client()
    client.force_login(trading_account.connection.user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


@pytest.fixture
def stranger_client(foreign_account: Account) -> Client:
    client = Client()
    client.force_login(foreign_account.connection.user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


@pytest.fixture
def frames(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, dict[str, Any]]]:
    """What the tabs were told."""
    sent: list[tuple[int, dict[str, Any]]] = []
    monkeypatch.setattr("trading.receivers.announce", lambda user_id, frame: sent.append((user_id, frame)))
    return sent


@pytest.fixture
def simulated(settings: Any) -> Iterator[SimulatorServer]:
    """The simulator over HTTP, and tastytrade's sim environment pointed at it."""
    with SimulatorServer() as sim:
        hosts = {"api": sim.api, "token": f"{sim.api}/oauth/token", "streamer": f"{sim.ws}/streamer"}
        settings.BROKER_HOSTS = {("tastytrade", "sim"): hosts, ("tastytrade", "live"): {}}
        yield sim


@pytest.fixture
def no_limits(db: None) -> None:
    """For tests that send many orders at once."""
    many = Decimal(10**6)
    figures = ("orders_a_second", "web_orders_a_minute", "api_orders_a_minute", "orders_a_day", "open_orders")
    wide = dict.fromkeys((*figures, "open_orders_a_symbol", "order_notional", "position_notional"), many)
    wide |= dict.fromkeys(("gross_share", "concentration_share"), Decimal(9999))
    limits.change(wide, by=None, reason="a test of something else")


@pytest.fixture
def simulated_account(simulated: SimulatorServer, db: None) -> Account:
    """A margin account at the simulator, connected through the front door."""
    grant = simulated.grant()
    user = get_user_model().objects.create_user("trader")
    secrets = Secret(grant.client.client_secret), Secret(grant.refresh_token)
    connection = connections.connect_personal(user, "tastytrade", "sim", *secrets, "Simulated")
    account: Account = Account.objects.select_related("connection").get(connection=connection, number=grant.accounts[0])
    return account
