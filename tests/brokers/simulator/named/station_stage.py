"""Where the names of TradeStation's reference are brought out: an account of its own, requests and streams."""

import contextlib
from collections.abc import Iterator
from datetime import datetime, timezone
from decimal import Decimal
from itertools import count
from typing import Any

import requests
from simulator_server import SimulatorServer
from stream_reader import OpenStream
from tradestation_wire import TradeStation, order

from brokers.domain.instruments import Equity
from brokers.simulator.clock import Clock
from brokers.simulator.exchange import Holding
from brokers.simulator.tradestation.memory import Memory
from brokers.simulator.tradestation.names import ts_account
from brokers.simulator.world import Switches, World

Body = dict[str, Any]
NUMBERS = count(1)


class Stage:
    """One row's scene. Server and token are shared; the account is fresh: 100 shares of AAPL, and money."""

    def __init__(self, sim: SimulatorServer, ts: TradeStation) -> None:
        self.sim, self.ts, self.number = sim, ts, f"5WT8{next(NUMBERS):04d}"
        sim.clock(speed=1.0)

        def begin(world: World) -> str:
            world.faults.clear()
            world.exchange.fills.clear()
            world.switches = Switches(stream_heartbeat=0.3)
            Memory.of(world).limits.buckets.clear()
            held = [Holding(Equity("AAPL"), Decimal(100), Decimal(100), world.clock.now())]
            money = Decimal(200_000)
            return ts_account(world.exchange.open_account(self.number, "demo", "Row", "margin", money, held))

        self.account = sim.inside(begin)

    @property
    def accounts(self) -> str:
        return f"brokerage/accounts/{self.account}"

    def fault(self, effect: str, **how: Any) -> None:
        self.sim.faults({"effect": effect, **how})

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.ts.raw(method, f"/{path}", **options)

    # Orders

    def body(self, symbol: str = "KO", quantity: int = 10, action: str = "BUY", **extra: Any) -> Body:
        return order(symbol, quantity, action, **({"AccountID": self.account} | extra))

    def send(self, body: Body, path: str = "orders") -> Body:
        answer: Body = self.ask("POST", f"orderexecution/{path}", json=body).json()
        return answer

    def sent(self, **how: Any) -> str:
        """The number of an order that was taken."""
        return str(self.send(self.body(**how))["Orders"][0]["OrderID"])

    def resting(self) -> str:
        return self.sent(limit="1.00")

    def order(self, number: str) -> Body:
        found: Body = self.ask("GET", f"{self.accounts}/orders/{number}").json()["Orders"][0]
        return found

    def last(self, symbol: str = "KO") -> Decimal:
        return self.sim.inside(lambda world: Decimal(world.market.book(Equity(symbol)).last))  # type: ignore[union-attr,arg-type]

    # Streams

    def orders(self, what: str = "orders") -> OpenStream:
        return OpenStream(self.ts, f"brokerage/stream/accounts/{self.account}/{what}")

    def market(self, path: str) -> OpenStream:
        return OpenStream(self.ts, f"marketdata/stream/{path}")


@contextlib.contextmanager
def at(moment: str) -> Iterator[Stage]:
    """A server of its own whose market keeps its hours, at a moment (UTC)."""
    start = datetime.fromisoformat(moment).replace(tzinfo=timezone.utc)
    with SimulatorServer(always_open=False, clock=Clock(start)) as sim:
        yield Stage(sim, TradeStation(sim))
