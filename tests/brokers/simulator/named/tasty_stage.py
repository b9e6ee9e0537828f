"""Where the names of tastytrade's reference are brought out: an account of its own, and connections to both sockets."""

import contextlib
import re
from collections.abc import Iterator
from datetime import datetime, timezone
from decimal import Decimal
from itertools import count
from typing import Any

import requests
from simulator_server import SimulatorServer
from tasty_client import Body, Socket, Tasty

from brokers.domain.instruments import Equity
from brokers.simulator.clock import Clock
from brokers.simulator.exchange import Holding
from brokers.simulator.world import Switches, World

SUPPORT = re.compile(r"\b[0-9a-f]{32}\b")
NUMBERS = count(1)
SETUP = {"type": "SETUP", "channel": 0, "version": "0.1", "keepaliveTimeout": 60, "acceptKeepaliveTimeout": 60}


class Stage:
    """One row's scene. Server and token are shared; the account is fresh: 25 shares of AAPL, and money."""

    def __init__(self, sim: SimulatorServer, tasty: Tasty) -> None:
        self.sim, self.tasty, self.tasty.number = sim, tasty, f"5WT7{next(NUMBERS):04d}"

        def begin(world: World) -> None:
            world.faults.clear()
            world.exchange.fills.clear()
            world.switches = Switches()
            held = [Holding(Equity("AAPL"), Decimal(25), Decimal(100), world.clock.now())]
            world.exchange.open_account(tasty.number, "demo", "Row", "margin", Decimal(100_000), held)

        sim.inside(begin)

    @property
    def token(self) -> str:
        return str(self.tasty.session.headers["Authorization"])

    def fault(self, effect: str, **how: Any) -> None:
        self.sim.faults({"effect": effect, **how})

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.tasty.session.request(method, f"{self.sim.api}{path}", timeout=20, **options)

    def send(self, body: Body) -> requests.Response:
        return self.ask("POST", f"/accounts/{self.tasty.number}/orders", json=body)

    # The account streamer

    @contextlib.contextmanager
    def streamer(self, *, connected: bool = True) -> Iterator[Socket]:
        with Socket(f"{self.sim.ws}/streamer") as socket:
            if connected:
                assert self.say(socket, "connect", value=[self.tasty.number])["status"] == "ok"
            yield socket

    def say(self, socket: Socket, action: str, **more: Any) -> Body:
        """The answer to a request."""
        socket.say({"action": action, "auth-token": self.token, "request-id": 7, **more})
        return socket.hear(lambda m: m.get("request-id") == 7)

    # DXLink

    @contextlib.contextmanager
    def quotes(self, *, until: str = "FEED") -> Iterator[Socket]:
        """A connection, as far as a word: SOCKET, SETUP, AUTH, or FEED with channel 1 open."""
        given = self.tasty.get("/api-quote-tokens")["data"]
        with Socket(given["dxlink-url"]) as socket:
            if until != "SOCKET":
                socket.say(SETUP)
            if until in ("AUTH", "FEED"):
                socket.say({"type": "AUTH", "channel": 0, "token": given["token"]})
                socket.hear(lambda m: m.get("state") == "AUTHORIZED")
            if until == "FEED":
                socket.say({"type": "CHANNEL_REQUEST", "channel": 1, "service": "FEED", "parameters": {}})
                socket.hear(lambda m: m["type"] == "CHANNEL_OPENED")
            yield socket

    def event(self, socket: Socket, kind: str, symbol: str, fields: str = "", **more: Any) -> list[Any]:
        """The fields of the first event of a type."""
        names = ["eventType", "eventSymbol", *fields.split()]
        body = {"acceptDataFormat": "COMPACT", "acceptEventFields": {kind: names}}
        add = {"type": kind, "symbol": symbol, **more}
        socket.say({"type": "FEED_SETUP", "channel": 1, **body})
        socket.say({"type": "FEED_SUBSCRIPTION", "channel": 1, "add": [add]})
        found = socket.hear(lambda m: m["type"] == "FEED_DATA" and m["data"][0] == kind)
        values: list[Any] = found["data"][1]
        return values


def told(answer: requests.Response) -> str:
    """An answer by its status and its code; where it has none, by what it is."""
    kind = answer.headers.get("content-type", "")
    if not answer.content:
        return f"{answer.status_code} bare"
    if "html" in kind:
        return f"{answer.status_code} HTML"
    error = answer.json()["error"]
    if SUPPORT.search(error["message"]):
        return f"{answer.status_code} support identifier"
    return f"{answer.status_code} {error['code']}"


@contextlib.contextmanager
def at(moment: str) -> Iterator[Stage]:
    """A server of its own whose market keeps its hours, at a moment (UTC)."""
    start = datetime.fromisoformat(moment).replace(tzinfo=timezone.utc)
    with SimulatorServer(always_open=False, clock=Clock(start)) as sim:
        yield Stage(sim, Tasty(sim))
