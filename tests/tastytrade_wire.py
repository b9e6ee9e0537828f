"""tastytrade's published examples, and a client to hold the simulator's answers against them."""

import json
import re
from pathlib import Path
from typing import Any

import requests
from simulator_server import SimGrant, SimulatorServer

PAYLOADS = Path(__file__).resolve().parent / "payloads" / "tastytrade"
DECIMAL = re.compile(r"-?\d+\.\d+")
OFFSET_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00")
ZULU_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
NOT_ALWAYS = {
    "E-ACCOUNTS": {"liquidity-needs", "risk-tolerance", "investment-time-horizon", "futures-account-purpose"},
    "E-MARKET-DATA": {
        *("dividend-frequency", "low-limit-price", "high-limit-price", "year-low-price", "year-high-price"),
        "volume-ext",
    },
    "E-POSITIONS": {"mark", "mark-price", "expires-at", "deliverable-type", "multiplier"},
    "E-EQUITY": {"threshold"},
    "E-CHAIN-NESTED": {"threshold"},
    "E-QTY-PRECISION": {"symbol"},
    "E-SYMBOL-SEARCH": {"price-increments", "trading-hours"},
    "E-ORDER-RESP": {"external-identifier"},
    "E-TRANSACTIONS": {"transaction-sub-type"},
    "E-REPLACE-RESP": {"contingent-status"},
}


def example(name: str) -> Any:
    return json.loads((PAYLOADS / f"{name}.json").read_text())


def kind(value: Any) -> str:
    """What sort of thing a value is on the wire."""
    if value is None or isinstance(value, bool):
        return str(type(value))
    if isinstance(value, str):
        for name, pattern in (("time+", OFFSET_TIME), ("timeZ", ZULU_TIME), ("decimal", DECIMAL), ("day", DAY)):
            if pattern.fullmatch(value):
                return name
        return "text"
    return "number" if isinstance(value, int | float) else str(type(value))


def differences(wanted: Any, given: Any, free: set[str], path: str = "") -> list[str]:
    """Where an answer is not shaped as the example: every key is wanted, and values of the same kind."""
    if isinstance(wanted, dict):
        if not isinstance(given, dict):
            return [f"{path} is no object"]
        found = [f"{path}.{key} is missing" for key in wanted if key not in given and key not in free]
        for key in wanted.keys() & given.keys() - free:
            found += differences(wanted[key], given[key], free, f"{path}.{key}")
        return found
    if isinstance(wanted, list):
        if not isinstance(given, list):
            return [f"{path} is no list"]
        return (
            [line for each in given[:20] for line in differences(wanted[0], each, free, f"{path}[]")] if wanted else []
        )
    return [] if kind(wanted) == kind(given) else [f"{path} is {kind(given)}, not {kind(wanted)}"]


def check(name: str, given: Any, *, but: set[str] | None = None) -> None:
    free = NOT_ALWAYS.get(name, set()) | (but or set())
    wanted = example(name)
    assert wanted.keys() == given.keys()
    if "items" in wanted["data"]:
        assert given["data"]["items"], "nothing to compare"
    assert differences(wanted, given, free) == []


class Desk:
    """A client with a full token on the demo user's first account."""

    def __init__(self, sim: SimulatorServer) -> None:
        self.sim = sim
        self.grant: SimGrant = sim.grant()
        self.number = self.grant.accounts[0]
        self.session: requests.Session = sim.session(self.grant)

    def call(self, method: str, path: str, status: int = 200, **options: Any) -> Any:
        answer = self.session.request(method, f"{self.sim.api}{path}", timeout=30, **options)
        assert answer.status_code == status, answer.text
        return answer.json()

    def get(self, path: str, **params: Any) -> Any:
        return self.call("GET", path, params=params)

    def mine(self, path: str, **params: Any) -> Any:
        return self.get(f"/accounts/{self.number}{path}", **params)

    def an_option(self) -> str:
        chain = self.get("/option-chains/SPY/nested")["data"]["items"][0]
        strikes = chain["expirations"][2]["strikes"]
        return str(strikes[len(strikes) // 2]["call"])
