"""Recorded answers of TradeStation, and a connection of the user "demo" at the simulator."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from simulator_server import SimClient, SimulatorServer
from tradestation_wire import FRESH, FUTURES, PAYLOADS, open_accounts

from brokers import transport
from brokers.errors import NotAuthorized
from brokers.port import Hosts
from brokers.tradestation.client import TradestationBroker
from brokers.wire import Node, decode


@pytest.fixture
def payload_text() -> Callable[[str], str]:
    return lambda name: (PAYLOADS / f"{name}.json").read_text()


@pytest.fixture
def payload(payload_text: Callable[[str], str]) -> Callable[[str], Node]:
    return lambda name: decode(payload_text(name))


class Token:
    """A token of the test's own: posts to the token endpoint, tells a dead grant."""

    def __init__(self, sim: SimulatorServer, client: SimClient, refresh_token: str) -> None:
        self.sim, self.client, self.refresh_token, self.value, self.fetched = sim, client, refresh_token, "", 0

    def __call__(self, *, refused: str | None = None) -> str:
        if not self.value or refused == self.value:
            self.value = self._fetch()
        return self.value

    def _fetch(self) -> str:
        self.fetched += 1
        form = {"grant_type": "refresh_token", "refresh_token": self.refresh_token}
        form |= {"client_id": self.client.client_id, "client_secret": self.client.client_secret}
        answer = requests.post(f"{self.sim.url}/tradestation/signin/oauth/token", data=form, timeout=30)
        if answer.status_code != 200:
            raise NotAuthorized("The grant is gone. Connect again.", grant_is_dead=True)
        return str(answer.json()["access_token"])


class Desk:
    """A connection of a person: port, accounts, token. ``account`` holds 200,000 dollars and nothing else."""

    def __init__(self, sim: SimulatorServer, user: str = "demo", scope: str = "") -> None:
        self.sim = sim
        self.client = sim.add_client(broker="tradestation")
        body = {"client_id": self.client.client_id, "user": user} | ({"scope": scope} if scope else {})
        made: dict[str, Any] = sim.control("grants", body)
        self.refresh_token: str = made["refresh_token"]
        self.accounts: list[str] = made["accounts"]
        root = f"{sim.url}/tradestation"
        signin = f"{root}/signin"
        self.hosts = Hosts(api=f"{root}/v3", authorize=f"{signin}/authorize", token=f"{signin}/oauth/token")
        self.token = Token(sim, self.client, self.refresh_token)
        self.broker = TradestationBroker(self.hosts, self.token)
        self.account, self.futures = FRESH, FUTURES

    def sent(self, since: int) -> list[dict[str, Any]]:
        """What the ledger has of orders since an entry."""
        return [entry for entry in self.sim.ledger(since=since) if entry["made_order"]]


@pytest.fixture(scope="module")
def sim() -> Iterator[SimulatorServer]:
    with SimulatorServer(seed=11) as running:
        yield running
    transport.forget_sessions()


@pytest.fixture
def desk(sim: SimulatorServer) -> Iterator[Desk]:
    sim.reset()
    open_accounts(sim)
    yield Desk(sim)
    sim.faults(clear=True)
