"""What is tastytrade's own, against the simulator; what every broker does is under tests/brokers/contract."""

import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
import requests
from simulator_server import SimGrant, SimulatorServer

from brokers import transport
from brokers.domain.instruments import Equity
from brokers.domain.orders import Action, BrokerStatus, Leg, OrderTicket, OrderType, OrderUpdate, TimeInForce
from brokers.errors import NotAuthorized, OrderRejected
from brokers.port import Broker, Hosts
from brokers.registry import BROKERS, spec

AAPL, SPY = Equity("AAPL"), Equity("SPY")


class Token:
    """A token of the test's own: posts to the token endpoint, tells a dead grant from bad minutes."""

    def __init__(self, sim: SimulatorServer, grant: SimGrant) -> None:
        self.sim, self.grant, self.value, self.fetched = sim, grant, "", 0

    def __call__(self, *, refused: str | None = None) -> str:
        if not self.value or refused == self.value:
            self.value = self._fetch()
        return self.value

    def _fetch(self) -> str:
        self.fetched += 1
        body = {"grant_type": "refresh_token", "refresh_token": self.grant.refresh_token}
        body["client_secret"] = self.grant.client.client_secret
        url, headers = f"{self.sim.api}/oauth/token", {"User-Agent": transport.USER_AGENT}
        answer = requests.post(url, json=body, headers=headers, timeout=30)
        if answer.status_code != 200:
            raise NotAuthorized("The grant is gone. Connect again.", grant_is_dead=True)
        return str(answer.json()["access_token"])


class Desk:
    """A connection of the user "demo": port, accounts, token."""

    def __init__(self, sim: SimulatorServer, user: str = "demo") -> None:
        self.sim = sim
        self.grant = sim.grant(user)
        self.token = Token(sim, self.grant)
        api, streamer = sim.api, f"{sim.ws}/streamer"
        self.hosts = Hosts(api=api, authorize=f"{api}/auth.html", token=f"{api}/oauth/token", streamer=streamer)
        self.broker: Broker = spec("tastytrade").make_broker(self.hosts, self.token)
        self.account = self.grant.accounts[0]


@pytest.fixture(scope="module")
def sim() -> Iterator[SimulatorServer]:
    with SimulatorServer(seed=11) as running:
        yield running
    transport.forget_sessions()


@pytest.fixture
def desk(sim: SimulatorServer) -> Iterator[Desk]:
    sim.reset()
    yield Desk(sim)
    sim.faults(clear=True)


def buy(symbol: str, price: Decimal | None, quantity: int = 1, **rest: Any) -> OrderTicket:
    kind = OrderType.MARKET if price is None else OrderType.LIMIT
    limit = None if price is None else -price
    leg = Leg(Equity(symbol), Action.BUY_TO_OPEN, Decimal(quantity))
    return OrderTicket((leg,), kind, TimeInForce.DAY, limit_price=limit, **rest)


def low_bid(desk: Desk, symbol: str) -> Decimal:
    """A price at which nothing will be bought."""
    bid = desk.broker.get_quotes([Equity(symbol)])[Equity(symbol)].bid
    assert bid is not None
    return (bid * Decimal("0.9")).quantize(Decimal("0.01"))


def until(desk: Desk, order_id: str, *wanted: BrokerStatus) -> OrderUpdate:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        order = desk.broker.get_order(desk.account, order_id)
        if order.status in wanted:
            return order
        time.sleep(0.05)
    raise AssertionError(f"the order stayed {order.status}")


def since() -> date:
    return (datetime.now(timezone.utc) - timedelta(days=2)).date()


def test_the_registry_knows_tastytrade() -> None:
    assert "tastytrade" in BROKERS
    assert spec("tastytrade").capabilities.max_legs == 4
    assert TimeInForce.FOK not in spec("tastytrade").capabilities.times_in_force


def test_a_rejection_carries_every_remark_of_the_broker(desk: Desk) -> None:
    ticket = buy("AAPL", low_bid(desk, "AAPL"), quantity=1_000_000)
    for send in (
        lambda: desk.broker.preview_order(desk.account, ticket),
        lambda: desk.broker.place_order(desk.account, ticket, uuid4().hex),
    ):
        with pytest.raises(OrderRejected) as caught:
            send()
        assert caught.value.notices
        assert caught.value.broker == "tastytrade"


def test_a_cancel_that_comes_too_late_is_refused_by_its_code(desk: Desk) -> None:
    placed = desk.broker.place_order(desk.account, buy("AAPL", None, 3), uuid4().hex)
    order = until(desk, placed.order.broker_order_id, BrokerStatus.FILLED)
    with pytest.raises(OrderRejected) as caught:
        desk.broker.cancel_order(desk.account, order.broker_order_id)
    assert caught.value.broker_code == "cannot_update_order"


def test_history_names_the_kinds_of_its_lines(desk: Desk) -> None:
    lines = desk.broker.get_transactions(desk.account, date(2020, 1, 1))
    assert {"Money Movement", "Trade"} <= {line.kind for line in lines}
