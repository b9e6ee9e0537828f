"""TradeStation's published examples, and a client to hold the simulator's answers against them."""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import requests
from simulator_server import SimClient, SimulatorServer, wait_until

from brokers.simulator.world import World

PAYLOADS = Path(__file__).resolve().parent / "payloads" / "tradestation"
DECIMAL = re.compile(r"-?\d+(\.\d+)?")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
MARGIN, CASH = "SIM5000001M", "SIM5000002M"
FRESH, FUTURES = "SIM5000071M", "SIM5000072F"


def open_accounts(sim: SimulatorServer) -> None:
    """Two accounts of the demo person that hold nothing but cash: ``FRESH`` and ``FUTURES``."""

    def act(world: World) -> None:
        world.exchange.open_account("5WT00071", "demo", "Fresh", "margin", Decimal(0))
        world.exchange.open_account("5WT00072", "demo", "Futures", "futures", Decimal(0))
        for number in ("5WT00071", "5WT00072"):
            world.exchange.deposit(number, Decimal(200_000))

    sim.inside(act)


def example(name: str) -> Any:
    return json.loads((PAYLOADS / f"{name}.json").read_text())


def kind(value: Any) -> str:
    """What sort of thing a value is on the wire."""
    if isinstance(value, str):
        for name, pattern in (("time", TIME), ("decimal", DECIMAL)):
            if pattern.fullmatch(value):
                return name
        return "text"
    return type(value).__name__


def differences(wanted: Any, given: Any, free: frozenset[str] = frozenset(), path: str = "") -> list[str]:
    """Where an answer is not shaped as the example: the same keys and no others, values of the same kind.

    ``free`` names keys that may be there or not, and whose values are not compared. Account names differ in kind.
    """
    if isinstance(wanted, dict):
        if not isinstance(given, dict):
            return [f"{path} is no object"]
        found = [f"{path}.{key} is missing" for key in wanted.keys() - given.keys() - free]
        found += [f"{path}.{key} is too much" for key in given.keys() - wanted.keys() - free]
        for key in wanted.keys() & given.keys() - free - {"AccountID"}:
            found += differences(wanted[key], given[key], free, f"{path}.{key}")
        return found
    if isinstance(wanted, list):
        if not isinstance(given, list):
            return [f"{path} is no list"]
        return (
            [line for each in given[:20] for line in differences(wanted[0], each, free, f"{path}[]")] if wanted else []
        )
    return [] if kind(wanted) == kind(given) else [f"{path} is {kind(given)}, not {kind(wanted)}"]


def check(name: str, given: Any, *, free: set[str] | None = None) -> None:
    assert differences(example(name), given, frozenset(free or ())) == []


class TradeStation:
    """A client with a full token of one person. Bodies and answers are JSON; ``status`` is what is expected."""

    def __init__(self, sim: SimulatorServer, user: str = "demo", scope: str | None = None) -> None:
        self.sim = sim
        self.base = f"{sim.url}/tradestation/v3"
        self.signin = f"{sim.url}/tradestation/signin"
        self.client: SimClient = sim.add_client(broker="tradestation")
        body = {"client_id": self.client.client_id, "user": user} | ({"scope": scope} if scope else {})
        made = sim.control("grants", body)
        self.refresh_token: str = made["refresh_token"]
        self.accounts: list[str] = made["accounts"]
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {self.refresh()['access_token']}"

    def refresh(self) -> dict[str, Any]:
        values = {"grant_type": "refresh_token", "refresh_token": self.refresh_token}
        values |= {"client_id": self.client.client_id, "client_secret": self.client.client_secret}
        answer = requests.post(f"{self.signin}/oauth/token", data=values, timeout=30)
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        return tokens

    def call(self, method: str, path: str, status: int = 200, **options: Any) -> Any:
        answer = self.raw(method, path, **options)
        assert answer.status_code == status, answer.text
        return answer.json()

    def raw(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.session.request(method, f"{self.base}{path}", timeout=30, **options)

    def get(self, path: str, expected: int = 200, **params: Any) -> Any:
        return self.call("GET", path, expected, params=params)

    # Orders

    def place(self, body: dict[str, Any], status: int = 200) -> Any:
        return self.call("POST", "/orderexecution/orders", status, json=body)

    def sent(self, body: dict[str, Any]) -> list[str]:
        """Place and expect success: the numbers in the answer's order."""
        answer = self.place(body)
        assert "Errors" not in answer, answer
        return [row["OrderID"] for row in answer["Orders"]]

    def filled(self, body: dict[str, Any]) -> str:
        """Place one order and wait until it is filled: its number."""
        number = self.sent(body)[0]
        wait_until(lambda: self.status(number, body["AccountID"]) == "FLL")
        return number

    def failure(self, body: dict[str, Any]) -> str:
        """Place and expect one FAILED element: its text."""
        answer = self.place(body)
        assert [row["Error"] for row in answer["Errors"]] == ["FAILED"]
        return str(answer["Errors"][0]["Message"])

    def order(self, number: str, account: str = FRESH) -> dict[str, Any]:
        answer = self.get(f"/brokerage/accounts/{account}/orders/{number}")
        assert answer["Errors"] == [], answer
        found: dict[str, Any] = answer["Orders"][0]
        return found

    def status(self, number: str, account: str = FRESH) -> str:
        return str(self.order(number, account)["Status"])

    def price(self, symbol: str, field: str = "Last") -> float:
        return float(self.get(f"/marketdata/quotes/{symbol}")["Quotes"][0][field])


def order(symbol: str = "MSFT", quantity: int | str = 10, action: str = "BUY", **extra: Any) -> dict[str, Any]:
    """An order body for one instrument: a limit order with ``limit=``, a stop with ``stop=``, else at the market."""
    limit, stop = extra.pop("limit", None), extra.pop("stop", None)
    kind = {(True, False): "Limit", (False, True): "StopMarket", (True, True): "StopLimit"}
    body: dict[str, Any] = {"AccountID": FRESH, "Symbol": symbol, "Quantity": str(quantity), "TradeAction": action}
    body["OrderType"] = kind.get((limit is not None, stop is not None), "Market")
    body |= {"LimitPrice": str(limit)} if limit is not None else {}
    body |= {"StopPrice": str(stop)} if stop is not None else {}
    return body | {"TimeInForce": {"Duration": extra.pop("duration", "DAY")}} | extra
