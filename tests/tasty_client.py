"""A client of the simulator's tastytrade wire that speaks plain JSON, and a websocket that speaks objects."""

import contextlib
import json
import time
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from itertools import count
from typing import Any

import requests
from simulator_server import SimGrant, SimulatorServer, wait_until
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from brokers.domain.instruments import Equity
from brokers.simulator.exchange import Holding
from brokers.simulator.world import World

Body = dict[str, Any]


NUMBERS = count(1)


def with_new_account(sim: SimulatorServer, **shares: int) -> "Tasty":
    """On a new margin account of the demo person that holds these shares: far quicker than a reset."""
    sim.clear_faults()
    sim.control("fills", {"clear": True})
    number = f"5WT9{next(NUMBERS):04d}"

    def open_it(world: World) -> None:
        at = world.clock.now()
        held = [Holding(Equity(symbol), Decimal(quantity), Decimal(100), at) for symbol, quantity in shares.items()]
        world.exchange.open_account(number, "demo", "Test", "margin", Decimal(100_000), held, opened_at=at)

    sim.inside(open_it)
    return Tasty(sim, number=number)


class Tasty:
    """One person with a full token; paths below ``/accounts/{n}`` of the first account, or another one's."""

    def __init__(self, sim: SimulatorServer, user: str = "demo", account: int = 0, number: str = "") -> None:
        self.sim = sim
        self.grant: SimGrant = sim.grant(user)
        self.number = number or self.grant.accounts[account]
        self.session: requests.Session = sim.session(self.grant)

    def call(self, method: str, path: str, status: int = 200, **options: Any) -> Any:
        """The answer's JSON; ``AssertionError`` when the status is another one."""
        answer = self.session.request(method, f"{self.sim.api}{path}", timeout=30, **options)
        assert answer.status_code == status, answer.text
        return answer.json()

    def get(self, path: str, status: int = 200, **params: Any) -> Any:
        return self.call("GET", path, status, params=params)

    def mine(self, path: str, status: int = 200, **params: Any) -> Any:
        return self.get(f"/accounts/{self.number}{path}", status, **params)

    def send(self, method: str, path: str, body: Any, status: int) -> Any:
        return self.call(method, f"/accounts/{self.number}{path}", status, json=body)

    def place(self, body: Body) -> Body:
        """The order that was made."""
        order: Body = self.send("POST", "/orders", body, 201)["data"]["order"]
        return order

    def order(self, number: int) -> Body:
        found: Body = self.mine(f"/orders/{number}")["data"]
        return found

    def until(self, number: int, status: str) -> Body:
        """The order once it has a status."""
        return wait_until(lambda: (now := self.order(number))["status"] == status and now)

    def refusal(self, body: Body, status: int = 422, path: str = "/orders", method: str = "POST") -> str:
        """The code of the first thing wrong with a body (422), or the part of it that is (400)."""
        error = self.send(method, path, body, status)["error"]
        return str(error["errors"][0]["code" if status == 422 else "domain"]) if "errors" in error else error["code"]

    def strikes(self, symbol: str = "SPY", expiration: int = 2) -> list[Body]:
        """The strikes of one expiration that stand around the spot."""
        chain = self.get(f"/option-chains/{symbol}/nested")["data"]["items"][0]
        found = chain["expirations"][expiration]["strikes"]
        middle = len(found) // 2
        return list(found[middle - 5 : middle + 5])


class Socket:
    """A websocket that speaks objects."""

    def __init__(self, url: str) -> None:
        self.stack = contextlib.ExitStack()
        self.raw: ClientConnection = self.stack.enter_context(connect(url, compression=None, max_size=65_536))

    def __enter__(self) -> "Socket":
        return self

    def __exit__(self, *error: object) -> None:
        self.stack.close()

    def say(self, *messages: Body) -> None:
        for message in messages:
            self.raw.send(json.dumps(message))

    def hear(self, wanted: Callable[[Body], Any], seconds: float = 20) -> Body:
        """The next message that is wanted; others are passed over."""
        deadline = time.monotonic() + seconds
        while True:
            message: Body = json.loads(self.raw.recv(timeout=max(deadline - time.monotonic(), 0.001)))
            if wanted(message):
                return message

    def hear_all(self, seconds: float) -> list[Body]:
        """What comes within a time."""
        heard: list[Body] = []
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                heard.append(json.loads(self.raw.recv(timeout=left)))
            except TimeoutError:
                break
        return heard

    def hear_until(self, last: Callable[[Body], Any], seconds: float = 20) -> list[Body]:
        """Everything up to the first message that is the last one."""
        heard: list[Body] = []

        def taken(message: Body) -> Any:
            heard.append(message)
            return last(message)

        self.hear(taken, seconds)
        return heard

    def is_dropped(self, seconds: float = 20) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                self.raw.recv(timeout=0.2)
            except TimeoutError:
                continue
            except ConnectionClosed:
                return True
        return False


def option_leg(symbol: str, action: str, quantity: int | str = 1) -> Body:
    return {"instrument-type": "Equity Option", "symbol": symbol, "quantity": quantity, "action": action}


def order(*legs: Body, kind: str = "Limit", tif: str = "Day", price: str | None = None, **extra: Any) -> Body:
    """An order body; a price above 0 is a credit, one below a debit."""
    body: Body = {"order-type": kind, "time-in-force": tif, "legs": list(legs)} | extra
    if price is not None:
        body |= {"price": price.lstrip("-"), "price-effect": "Debit" if price.startswith("-") else "Credit"}
    return body


def new_york_today(sim: SimulatorServer) -> date:
    return sim.inside(lambda world: world.today())
