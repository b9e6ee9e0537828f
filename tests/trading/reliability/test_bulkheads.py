"""A broker that does not answer holds up its own callers and nobody else: no thread, lock or database connection."""

import json
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from doomed.cluster import TESTS, Cluster, environment_for
from servers import free_port
from simulator_server import SimulatorServer

pytestmark = [pytest.mark.servers, pytest.mark.timeout(1_500)]
SILENT = "5WT00001"
ENOUGH = 550.0
"""Seconds in which all orders have come to hang, on any machine; what is silent is so for longer."""
WIDE = "orders sent=10000/1,everything=10000/1,order lists=10000/1,balances=10000/1,positions=10000/1,quotes=10000/1"


@contextmanager
def desk(cluster: Cluster, sim: SimulatorServer, folder: Path, pool: int, sabotage: str) -> Iterator[tuple[str, Any]]:
    """Its address, and how the two people are signed in."""
    port = free_port()
    environment = environment_for(
        cluster.copy(),
        folder,
        DATABASE_CONNECTIONS=str(pool),
        TASTYTRADE_SIM_API_URL=sim.api,
        TASTYTRADE_SIM_TOKEN_URL=f"{sim.api}/oauth/token",
        TASTYTRADE_SIM_STREAMER_URL=f"{sim.ws}/streamer",
        TASTYTRADE_SIM_BUDGETS=WIDE,
    )
    command = [sys.executable, str(TESTS / "bulkhead_desk.py"), sim.url, str(port), *sabotage.split()]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        people = json.loads(process.stdout.readline())
        url = f"http://127.0.0.1:{port}"
        until(lambda: answers(url), 60)
        yield url, people
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()  # type: ignore[union-attr]


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/health/", timeout=30).ok
    except requests.ConnectionError:
        return False


def until(is_so: Any, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if is_so():
            return True
        time.sleep(0.1)
    return bool(is_so())


class Person:
    def __init__(self, url: str, signed_in: dict[str, str]) -> None:
        self.url, self.account = url, signed_in["account"]
        self.cookies = {"sessionid": signed_in["session"], "csrftoken": "x" * 32}

    def page(self, path: str) -> int:
        return requests.get(f"{self.url}{path}", cookies=self.cookies, timeout=60).status_code

    def place(self, cents: int) -> int:
        body = {
            "account": self.account,
            "legs": [{"symbol": "F", "action": "buy_to_open", "quantity": "1"}],
            "order_type": "limit",
            "time_in_force": "day",
            "limit_price": f"{cents / 100:.2f}",
        }
        headers = {"X-CSRFToken": "x" * 32, "Idempotency-Key": secrets.token_hex(16)}
        path = f"{self.url}/api/v1/orders"
        return requests.post(path, json=body, headers=headers, cookies=self.cookies, timeout=700).status_code


def struck(sim: SimulatorServer) -> int:
    """How many requests hang at the broker."""
    return sum(fault["struck"] for fault in sim.control("faults")["faults"] if fault["name"] == "silence")


def others_while_it_is_silent(
    cluster: Cluster, folder: Path, orders: int, pool: int, sabotage: str = ""
) -> dict[str, Any]:
    """So many orders at an account whose broker is silent; then another person's order and pages."""
    with SimulatorServer() as sim, desk(cluster, sim, folder, pool, sabotage) as (url, people):
        stuck, free = (Person(url, signed_in) for signed_in in people)
        assert stuck.place(100) == free.place(100) == 201  # all that is asked once is asked by now
        silence = {"name": "silence", "effect": "latency", "method": "POST", "path": "*/orders", "seconds": 600.0}
        sim.control("faults", {"faults": [silence | {"account": SILENT}]})
        back: list[int] = []

        def send(cents: int) -> None:
            with suppress(requests.RequestException):  # in the end the desk is stopped
                back.append(stuck.place(cents))

        threads = [threading.Thread(target=send, args=(101 + number,), daemon=True) for number in range(orders)]
        for thread in threads:
            thread.start()
        all_hang = until(lambda: struck(sim) == orders, 20 if sabotage else ENOUGH)
        found = {"hang": struck(sim), "all": all_hang, "order": free.place(101), "page": free.page("/orders/")}
        found |= {"positions": free.page("/portfolio/positions"), "own": stuck.page("/orders/"), "back": list(back)}
        return found


@pytest.mark.parametrize(
    ("orders", "pool"),
    [(30, 4), pytest.param(150, 20, marks=pytest.mark.nightly)],
)
def test_orders_that_hang_at_one_broker_hold_up_neither_others_nor_any_page(
    cluster: Cluster, tmp_path: Path, orders: int, pool: int
) -> None:
    found = others_while_it_is_silent(cluster, tmp_path, orders, pool)
    assert found == {"hang": orders, "all": True, "order": 201, "page": 200, "positions": 200, "own": 200, "back": []}


@pytest.mark.nightly
def test_a_desk_that_keeps_its_connections_while_it_waits_is_caught(cluster: Cluster, tmp_path: Path) -> None:
    found = others_while_it_is_silent(cluster, tmp_path, 30, 4, "keeps its connection")
    assert found["hang"] < 10, "about as many as it has connections"
