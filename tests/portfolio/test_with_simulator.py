"""Holdings over the real wire: the desk's own sums agree with what the broker says, and an outage is survived."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from simulator_server import SimulatorServer, wait_until
from talking_broker import forget_flights

from brokers.connections import connect_personal
from brokers.models import Account
from brokers.vault import Secret
from portfolio.holdings import Source, load, load_many
from portfolio.valuation import total, value_all

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def sim() -> Iterator[SimulatorServer]:
    with SimulatorServer() as running:
        yield running


@pytest.fixture
def accounts(sim: SimulatorServer, settings: Any) -> Iterator[list[Account]]:
    """The demo user's accounts over a personal grant, the clock of the market standing still."""
    hosts = {"api": sim.api, "authorize": f"{sim.api}/auth.html", "token": f"{sim.api}/oauth/token", "streamer": sim.ws}
    settings.BROKER_HOSTS = {("tastytrade", "sim"): hosts}
    grant = sim.grant()
    user = get_user_model().objects.create_user("demo")
    connection = connect_personal(
        user, "tastytrade", "sim", Secret(grant.client.client_secret), Secret(grant.refresh_token)
    )
    cache.clear()
    sim.clock(speed=0)
    yield list(Account.objects.of(user).filter(connection=connection))
    sim.clear_faults()
    sim.clock(speed=1)


def test_cash_and_valued_positions_make_the_brokers_net_liq(accounts: list[Account]) -> None:
    now = timezone.now()
    held = 0
    for holdings in load_many(accounts, now):
        assert holdings.error is None
        assert holdings.balance.known is not None
        assert holdings.held.positions.known is not None
        totals = total(value_all(holdings.held.positions.known, holdings.held.quotes, now))
        cash, net_liq = holdings.balance.known.cash, holdings.balance.known.net_liquidating_value
        assert cash is not None
        assert totals.value.whole is not None
        assert net_liq is not None
        assert abs(cash + totals.value.whole - net_liq) <= Decimal("0.01")
        held += len(holdings.held.positions.known)
    assert held >= 3


def test_an_outage_leaves_the_last_known_and_its_end_brings_fresh_figures(
    sim: SimulatorServer, accounts: list[Account], client: Client
) -> None:
    account = accounts[0]
    client.force_login(account.connection.user)
    before = load(account, timezone.now())
    assert before.error is None
    sim.faults({"effect": "status", "status": 503, "path": "*"})
    forget_flights()
    away = load(account, timezone.now())
    assert away.balance.source is Source.LAST_KNOWN
    assert away.balance.known == before.balance.known
    assert away.held.positions.known == before.held.positions.known
    page = client.get(f"/portfolio/positions?account={account.pk}")
    assert "as last read" in page.content.decode()
    sim.clear_faults()
    wait_until(lambda: load(account, timezone.now()).error is None)
