"""Orders on a Saturday, and what the next session does with them."""

from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest
import requests
from simulator_server import SimulatorServer, equity_order, wait_until

from brokers.simulator.clock import Clock

SATURDAY = datetime(2026, 11, 21, 15, 0, tzinfo=timezone.utc)
MONDAY_OPEN = datetime(2026, 11, 23, 14, 30, tzinfo=timezone.utc)


class Weekend:
    def __init__(self, sim: SimulatorServer) -> None:
        self.sim = sim
        self.grant = sim.grant()
        self.session: requests.Session = sim.session(self.grant)
        self.orders = f"{sim.api}/accounts/{self.grant.accounts[0]}/orders"

    def place(self, status: int = 201, **order: Any) -> Any:
        answer = self.session.post(self.orders, json=equity_order(**order))
        assert answer.status_code == status, answer.text
        return answer.json()

    def status(self, number: int) -> str:
        answer = self.session.get(f"{self.orders}/{number}")
        if answer.status_code == 401:  # the jump over the weekend outlives any access token
            self.session = self.sim.session(self.grant)
            answer = self.session.get(f"{self.orders}/{number}")
        return str(answer.json()["data"]["status"])


@pytest.fixture
def weekend() -> Iterator[Weekend]:
    with SimulatorServer(always_open=False, clock=Clock(SATURDAY)) as sim:
        yield Weekend(sim)


def test_an_order_waits_for_the_next_session_and_says_so(weekend: Weekend) -> None:
    placed = weekend.place(price="1000.00")["data"]
    [warning] = placed["warnings"]
    assert warning["code"] == "tif.next_valid_session"
    number = placed["order"]["id"]
    assert weekend.status(number) == "Received"
    weekend.sim.clock(jump=(MONDAY_OPEN - SATURDAY).total_seconds() + 5)
    wait_until(lambda: weekend.status(number) == "Filled")


def test_what_was_never_routed_is_cancelled_at_once(weekend: Weekend) -> None:
    number = weekend.place(price="1.00")["data"]["order"]["id"]
    assert weekend.session.delete(f"{weekend.orders}/{number}").status_code == 200
    wait_until(lambda: weekend.status(number) == "Cancelled")
    order = weekend.session.get(f"{weekend.orders}/{number}").json()["data"]
    assert "cancelled-at" in order
    assert "ext-client-order-id" not in order


def test_opening_market_orders_are_refused(weekend: Weekend) -> None:
    error = weekend.place(422)["error"]
    assert error["errors"][0]["code"] == "tif_no_after_hours_opening_market_orders"


def test_a_day_order_expires_at_the_close(weekend: Weekend) -> None:
    number = weekend.place(price="1.00")["data"]["order"]["id"]
    weekend.sim.clock(jump=(MONDAY_OPEN - SATURDAY).total_seconds() + 5)
    wait_until(lambda: weekend.status(number) == "Live")
    weekend.sim.clock(jump=7 * 3600)
    wait_until(lambda: weekend.status(number) == "Expired")
