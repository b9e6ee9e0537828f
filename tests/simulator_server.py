"""The simulator under a real uvicorn in a thread, for any test that needs a broker: ``with SimulatorServer() …``."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import requests
from servers import free_port

from brokers.simulator.app import make_app
from brokers.simulator.clock import Clock
from brokers.simulator.server import make_server
from brokers.simulator.world import World

T = TypeVar("T")
USER_AGENT = "blotter-tests/1.0"


@dataclass(frozen=True)
class SimClient:
    """OAuth credentials as ``add_client`` answered them."""

    client_id: str
    client_secret: str


@dataclass(frozen=True)
class SimGrant:
    """A refresh token and the accounts it opens."""

    client: SimClient
    user: str
    refresh_token: str
    accounts: list[str]


class SimulatorServer:
    """Starts on a free loopback port. The market is open whatever the hour unless ``always_open=False``.

    ``url`` is the program's root, ``api`` the tastytrade base URL below it. ``add_client``, ``grant``, ``faults``,
    ``fills``, ``ledger``, ``clock`` and ``reset`` go through the control port, as any other program's would.
    """

    def __init__(
        self,
        *,
        seed: int = 7,
        always_open: bool = True,
        speed: float = 1.0,
        state_file: Path | None = None,
        port: int | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.api = f"{self.url}/tastytrade"
        self.ws = f"ws://127.0.0.1:{self.port}/tastytrade"
        self.app = make_app(seed=seed, always_open=always_open, speed=speed, state_file=state_file, clock=clock)
        self.server = make_server(self.app, self.port, quiet=True)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.loop: asyncio.AbstractEventLoop | None = None
        self.http = requests.Session()
        self.http.headers["User-Agent"] = USER_AGENT
        self.http.headers["Connection"] = "close"  # a kept one is closed by the server just when it is used again

    def _serve(self) -> None:
        async def serve() -> None:
            self.loop = asyncio.get_running_loop()
            await self.server.serve()

        asyncio.run(serve())

    def start(self) -> "SimulatorServer":
        self.thread.start()
        deadline = time.monotonic() + 60
        while not self.server.started:
            if not self.thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError("the simulator did not start")
            time.sleep(0.01)
        return self

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(15)
        self.http.close()

    def __enter__(self) -> "SimulatorServer":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def inside(self, act: Callable[[World], T]) -> T:
        """Run a function on the world in the simulator's own thread; for what the control port does not offer."""
        assert self.loop is not None

        async def call() -> T:
            return act(self.app.state.world)

        return asyncio.run_coroutine_threadsafe(call(), self.loop).result(60)

    # The control port

    def control(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """POST a body (GET without one) and give the answer; an ``AssertionError`` when it was refused."""
        url = f"{self.url}/control/{path}"
        answer = self.http.get(url, timeout=30) if body is None else self.http.post(url, json=body, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def add_client(self, *redirect_uris: str, broker: str = "tastytrade", name: str = "Blotter tests") -> SimClient:
        uris = list(redirect_uris) or ["http://localhost:8000/callback"]
        return SimClient(**self.control("clients", {"broker": broker, "redirect_uris": uris, "name": name}))

    def grant(self, user: str = "demo", client: SimClient | None = None, scope: str = "read trade openid") -> SimGrant:
        client = client or self.add_client()
        body = {"client_id": client.client_id, "user": user, "scope": scope}
        made = self.control("grants", body)
        return SimGrant(client, user, made["refresh_token"], made["accounts"])

    def revoke(self, grant: SimGrant, *, access_tokens: bool = True) -> None:
        self.control("grants/revoke", {"refresh_token": grant.refresh_token, "access_tokens": access_tokens})

    def faults(self, *faults: Mapping[str, Any], clear: bool = False, **switches: Any) -> Any:
        """Put faults in force: ``sim.faults({"effect": "drop_answer", "path": "*/orders"})``."""
        return self.control("faults", {"faults": list(faults), "clear": clear, "switches": switches})

    def clear_faults(self) -> None:
        self.control("faults", {"clear": True})

    def fills(self, mode: str, **how: Any) -> None:
        """``immediate``, ``delayed`` (delay=s), ``never``, ``partial`` (fraction=, interval=s); account=, symbol=."""
        self.control("fills", {"mode": mode, **how})

    def ledger(self, *, since: int = 0, account: str = "") -> list[dict[str, Any]]:
        answer = self.http.get(
            f"{self.url}/control/ledger", params={"since": str(since), "account": account}, timeout=10
        )
        entries: list[dict[str, Any]] = answer.json()["entries"]
        return entries

    def clock(self, *, speed: float | None = None, jump: float | None = None) -> Any:
        given = {"speed": speed, "jump": jump}
        return self.control("clock", {name: value for name, value in given.items() if value is not None})

    def price(self, symbol: str, price: str) -> None:
        self.control("prices", {"symbol": symbol, "price": price})

    def reset(self) -> None:
        self.control("reset", {})

    # The broker's side

    def token(self, grant: SimGrant) -> str:
        """A fresh access token, from the real token endpoint."""
        body = {"grant_type": "refresh_token", "refresh_token": grant.refresh_token}
        answer = self.http.post(
            f"{self.api}/oauth/token", json=body | {"client_secret": grant.client.client_secret}, timeout=10
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def session(self, grant: SimGrant | None = None) -> requests.Session:
        """A session that carries a token; paths go after ``sim.api``."""
        session = requests.Session()
        session.headers.update(
            {"User-Agent": USER_AGENT, "Authorization": f"Bearer {self.token(grant or self.grant())}"}
        )
        return session


@contextlib.contextmanager
def simulator(**options: Any) -> Iterator[SimulatorServer]:
    with SimulatorServer(**options) as running:
        yield running


def wait_until(ready: Callable[[], T], seconds: float = 30, every: float = 0.05) -> T:
    """The first true value of a function; ``AssertionError`` when it does not come in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := ready():
            return value
        time.sleep(every)
    raise AssertionError("it did not happen in time")


def equity_order(
    symbol: str = "AAPL",
    quantity: int | str = 1,
    price: str | None = None,
    action: str = "Buy to Open",
    **extra: Any,
) -> dict[str, Any]:
    """A tastytrade order body for shares: a limit order with a price, else a market order."""
    leg = {"instrument-type": "Equity", "symbol": symbol, "quantity": quantity, "action": action}
    body: dict[str, Any] = {"time-in-force": "Day", "order-type": "Limit" if price else "Market", "legs": [leg]}
    if price:
        body |= {"price": price, "price-effect": "Debit" if action.startswith("Buy") else "Credit"}
    return body | extra
