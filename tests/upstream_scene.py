"""A broker's live stream at the simulator with a proxy between that can do harm; the same for every broker."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from chaos_proxy import ChaosProxy
from market_times import busy
from simulator_server import SimulatorServer, equity_order
from tasty_client import Tasty
from tradestation_desk import RARELY, SWIFT, Listener, Token
from tradestation_wire import FRESH, FUTURES, TradeStation, open_accounts, order

from brokers import transport
from brokers.domain.instruments import Equity, Instrument
from brokers.domain.market import Tick
from brokers.port import Hosts, Stream, StreamState
from brokers.simulator.tastytrade import newsroom
from brokers.tastytrade import sockets
from brokers.tastytrade.stream import TastytradeStream
from brokers.tradestation import lines
from brokers.tradestation.stream import TradestationStream

LIVE, RECONNECTING, STALE = StreamState.LIVE, StreamState.RECONNECTING, StreamState.STALE
SYMBOLS = tuple(Equity(symbol) for symbol in ["SPY", "QQQ", "AAPL", "MSFT", "F", "IWM", "NVDA", "TSLA", "AMD", "META"])
SOURCES = ("quotes", "account")
BROKERS = ("tastytrade", "tradestation")


class Scene:
    """One person's stream. ``paths``: by source, shell patterns of what it opens; ``upstreams``: how many they are."""

    paths: dict[str, str]
    upstreams: int

    def __init__(self, sim: SimulatorServer, proxy: ChaosProxy) -> None:
        self.sim, self.proxy = sim, proxy

    def stream(self, **timings: Any) -> Stream:
        raise NotImplementedError

    def place(self, symbol: str, quantity: int = 1) -> str:
        """Buy at the market, past the proxy; the order's number."""
        raise NotImplementedError

    def open_upstreams(self) -> int:
        """How many streams the simulator feeds."""
        raise NotImplementedError

    @asynccontextmanager
    async def listening(
        self, watch: Collection[Instrument] = SYMBOLS, stream: Stream | None = None, **timings: Any
    ) -> AsyncIterator[Listener]:
        stream = stream or self.stream(**timings)
        stream.watch(watch)
        listener = Listener(stream)
        try:
            yield listener
        finally:
            await stream.close()
            await asyncio.wait_for(listener.task, 20)


class TastytradeScene(Scene):
    paths = {"quotes": "/tastytrade/dxlink", "account": "/tastytrade/streamer"}
    upstreams = 2
    timings: dict[str, Any] = {
        "first_delay": 0.02,
        "longest_delay": 0.2,
        "settled": 0.3,
        "quiet": 20.0,
        "heartbeat": 5.0,
        "answer": 10.0,
        "look": 0.05,
        "ping": 10.0,
        "bustle": busy,
    }

    def __init__(self, sim: SimulatorServer, proxy: ChaosProxy) -> None:
        super().__init__(sim, proxy)
        self.wire = Tasty(sim)

    def stream(self, **timings: Any) -> Stream:
        root = f"{self.proxy.url}/tastytrade"
        hosts = Hosts(api=root, authorize="", token="", streamer=f"{root.replace('http', 'ws', 1)}/streamer")
        grant = self.wire.grant

        def token(*, refused: str | None = None) -> str:
            return self.sim.token(grant)

        return TastytradeStream(hosts, token, grant.accounts, timings=sockets.Timings(**self.timings | timings))

    def place(self, symbol: str, quantity: int = 1) -> str:
        return str(self.wire.place(equity_order(symbol, quantity))["id"])

    def open_upstreams(self) -> int:
        def count(world: Any) -> int:
            room = newsroom.NEWSROOMS.get(world)
            readers = len(room.readers) if room is not None else 0
            sockets = [each for each in world.tick_listeners if "QuoteSocket" in type(each.__self__).__name__]
            return readers + len(sockets)

        return self.sim.inside(count)


class TradestationScene(Scene):
    paths = {"quotes": "*/marketdata/stream/*", "account": "*/brokerage/stream/*"}
    upstreams = 3
    timings: dict[str, Any] = {**SWIFT, **RARELY, "silence": 20.0, "quiet": 20.0, "answer": 10.0}

    def __init__(self, sim: SimulatorServer, proxy: ChaosProxy) -> None:
        super().__init__(sim, proxy)
        self.wire = TradeStation(sim)
        sim.faults(stream_heartbeat=0.3)

    def stream(self, **timings: Any) -> Stream:
        wire = self.wire
        api = wire.base.replace(self.sim.url, self.proxy.url)
        hosts = Hosts(api=api, authorize=f"{wire.signin}/authorize", token=f"{wire.signin}/oauth/token")
        chosen = lines.Timings(**self.timings | timings)
        return TradestationStream(hosts, Token(wire), (FRESH, FUTURES), timings=chosen)

    def place(self, symbol: str, quantity: int = 1) -> str:
        return self.wire.sent(order(symbol, quantity))[0]

    def open_upstreams(self) -> int:
        return self.sim.inside(lambda world: len(world.event_listeners))


SCENES: dict[str, type[Scene]] = {"tastytrade": TastytradeScene, "tradestation": TradestationScene}


@contextmanager
def scene_of(broker: str, sim: SimulatorServer) -> Iterator[Scene]:
    with ChaosProxy(sim.port) as proxy:
        try:
            yield SCENES[broker](sim, proxy)
        finally:
            transport.forget_sessions()


@dataclass
class Mark:
    """A moment in what a listener has heard."""

    heard: Listener
    at: int

    @classmethod
    def now(cls, heard: Listener) -> "Mark":
        return cls(heard, len(heard.events))

    def ticked(self) -> set[Instrument]:
        """What has had a price since."""
        return {each.instrument for each in self.heard.events[self.at :] if isinstance(each, Tick)}


def is_live(heard: Listener) -> bool:
    return all(heard.state(source) is LIVE for source in SOURCES)


def fresh_simulator() -> Iterator[SimulatorServer]:
    with SimulatorServer(seed=11) as running:
        open_accounts(running)
        yield running
    transport.forget_sessions()
