"""The simulator asked through its ASGI interface, without a socket and without an event loop: nothing in it waits."""

import json
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from brokers.simulator.app import make_app
from brokers.simulator.clock import ManualClock

FREE = {name: [0, 1] for name in ("accounts", "orders", "balances", "positions")}


class Program:
    """The whole program at a moment of its own."""

    def __init__(self, start: datetime, seed: int = 7, always_open: bool = False) -> None:
        self.clock = ManualClock(start)
        self.app = make_app(seed=seed, clock=self.clock, always_open=always_open)
        self.world = self.app.state.world
        self.control("faults", {"switches": {"tradestation_quotas": FREE}})

    def ask(self, method: str, path: str, body: Any = None, token: str = "", **query: str) -> tuple[int, Any]:
        """Status and JSON of an answer; what breaks inside is raised here."""
        headers = [
            (b"host", b"localhost"),
            (b"user-agent", b"blotter-tests/1.0"),
            (b"content-type", b"application/json"),
        ]
        if token:
            headers.append((b"authorization", f"Bearer {token}".encode()))
        scope = {
            **{"type": "http", "http_version": "1.1", "method": method, "path": path, "raw_path": path.encode()},
            **{"root_path": "", "scheme": "http", "query_string": urlencode(query).encode(), "headers": headers},
            **{"client": ("127.0.0.1", 1), "server": ("localhost", 80), "state": {}},
        }
        given = json.dumps(body).encode() if body is not None else b""
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": given, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        try:
            self.app(scope, receive, send).send(None)
        except StopIteration:
            status = sent[0]["status"]
            text = b"".join(part.get("body", b"") for part in sent[1:])
            assert status < 500, text
            return status, json.loads(text) if text else None
        raise AssertionError("The program waits for something.")

    def control(self, path: str, body: Any) -> Any:
        status, answer = self.ask("POST", f"/control/{path}", body)
        assert status == 200, answer
        return answer

    def token(self, broker: str) -> str:
        """An access token of the demo person."""
        client = self.control("clients", {"broker": broker, "redirect_uris": ["http://localhost/"], "name": "Lives"})
        self.control("grants", {"client_id": client["client_id"], "user": "demo"})
        scope = {
            "tastytrade": "read trade openid",
            "tradestation": "openid MarketData ReadAccount Trade OptionSpreads",
        }[broker]
        authority = self.world.authority
        grant = authority.grant(authority.client(client["client_id"]), "demo", scope)
        return str(authority.access_token(authority.refreshable(None, grant), scope, 1e9))

    def wait(self, seconds: float) -> None:
        """Let time pass, in one step."""
        self.clock.advance(seconds)
        self.world.tick()
