"""A desk's stream at the simulator's TradeStation, and who listens: ``async with listening(ts, [SPY]) as heard``."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import requests
from market_times import busy
from simulator_server import SimulatorServer
from ticks_apart import apart
from tradestation_wire import FRESH, FUTURES, TradeStation

from brokers.domain.instruments import Equity, Instrument
from brokers.domain.market import Tick
from brokers.domain.orders import BrokerStatus, OrderUpdate
from brokers.errors import NotAuthorized, Unavailable
from brokers.port import AccountChanged, Hosts, StatusChange, Stream, StreamState
from brokers.tradestation.lines import Timings
from brokers.tradestation.stream import TradestationStream

SPY, QQQ, AAPL, MSFT = (Equity(symbol) for symbol in ("SPY", "QQQ", "AAPL", "MSFT"))
LIVE, RECONNECTING, STALE, SIGN_IN = (
    StreamState.LIVE,
    StreamState.RECONNECTING,
    StreamState.STALE,
    StreamState.SIGN_IN,
)
SWIFT: dict[str, Any] = {
    "answer": 4.0,
    "first_delay": 0.02,
    "longest_delay": 0.2,
    "settled": 0.3,
    "quiet": 2.0,
    "look": 0.05,
    "silence": 5.0,
    "limited": 0.1,
    "cool_down": 0.4,
    "gather": 0.05,
    "churn": 0.1,
    "bustle": busy,
}
RARELY = {"sweeps": (600.0,), "sweep_open": 600.0, "sweep_idle": 600.0}
ACCOUNT_PATHS, QUOTE_PATHS = "*/brokerage/stream/*", "*/marketdata/stream/*"


class Token:
    """A token of the test's own, fetched at the sign-in host."""

    def __init__(self, ts: TradeStation) -> None:
        self.ts, self.value, self.refused = ts, "", 0

    def __call__(self, *, refused: str | None = None) -> str:
        if refused is not None:
            self.refused += 1
        if not self.value or refused == self.value:
            values = {"grant_type": "refresh_token", "refresh_token": self.ts.refresh_token}
            values |= {"client_id": self.ts.client.client_id, "client_secret": self.ts.client.client_secret}
            answer = requests.post(f"{self.ts.signin}/oauth/token", data=values, timeout=30)
            if answer.status_code == 403:
                raise NotAuthorized("The grant is gone. Connect again.", grant_is_dead=True)
            if answer.status_code != 200:
                raise Unavailable("The sign-in is not answering.")
            self.value = answer.json()["access_token"]
        return self.value


class Listener:
    """Reads a stream in a task of its own."""

    def __init__(self, stream: Stream) -> None:
        self.stream, self.events, self.ended = stream, [], False
        self.at: list[float] = []
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for together in self.stream.events():
            batch = apart(together)
            self.events.extend(batch)
            self.at.extend([time.monotonic()] * len(batch))
        self.ended = True

    def states(self, source: str) -> list[StreamState]:
        return [each.state for each in self.events if isinstance(each, StatusChange) and each.source == source]

    def state(self, source: str) -> StreamState | None:
        return next(iter(self.states(source)[::-1]), None)

    def ticks(self, instrument: Instrument, since: int = 0) -> list[Tick]:
        return [each for each in self.events[since:] if isinstance(each, Tick) and each.instrument == instrument]

    def values(self, instrument: Instrument) -> dict[str, Decimal | None]:
        return {name: value for tick in self.ticks(instrument) for name, value in tick.values.items()}

    def orders(self, number: str) -> list[OrderUpdate]:
        return [each for each in self.events if isinstance(each, OrderUpdate) and each.broker_order_id == number]

    def is_filled(self, number: str) -> bool:
        """Whether it was told filled with a price: in single fills or in a sum, as its broker tells them."""
        ended = [each for each in self.orders(number) if each.status is BrokerStatus.FILLED]
        return any(each.fills or each.legs[0].average_price for each in ended)

    def changes(self, account: str = FRESH) -> set[str]:
        return {
            each.what for each in self.events if isinstance(each, AccountChanged) and each.account_number == account
        }


async def until(ready: Callable[[], object], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not ready():  # noqa: ASYNC110 (a test looks, nobody tells it)
            await asyncio.sleep(0.02)


@asynccontextmanager
async def listening(
    ts: TradeStation,
    watch: Collection[Instrument] = (),
    accounts: Collection[str] = (FRESH, FUTURES),
    token: Any = None,
    **timings: Any,
) -> AsyncIterator[Listener]:
    hosts = Hosts(api=ts.base, authorize=f"{ts.signin}/authorize", token=f"{ts.signin}/oauth/token")
    stream = TradestationStream(hosts, token or Token(ts), tuple(accounts), timings=Timings(**SWIFT | timings))
    stream.watch(watch)
    listener = Listener(stream)
    try:
        yield listener
    finally:
        await stream.close()
        await asyncio.wait_for(listener.task, 30)


def open_streams(sim: SimulatorServer) -> int:
    """How many streams the simulator feeds."""
    return sim.inside(lambda world: len(world.event_listeners))
