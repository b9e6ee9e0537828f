"""A running simulator whose streams beat often, and a client of TradeStation at it; between tests no faults."""

from collections.abc import Iterator

import pytest
from simulator_server import SimulatorServer
from tradestation_wire import TradeStation, open_accounts

from brokers import transport
from brokers.simulator.tradestation.memory import Memory
from brokers.simulator.world import Switches, World


@pytest.fixture(scope="module")
def running() -> Iterator[SimulatorServer]:
    with SimulatorServer(seed=11) as server:
        open_accounts(server)
        yield server
    transport.forget_sessions()


@pytest.fixture
def sim(running: SimulatorServer) -> SimulatorServer:
    def act(world: World) -> None:
        world.switches = Switches()
        world.faults.clear()
        world.exchange.fills.clear()
        world.authority.revoked.clear()
        memory = Memory.of(world)
        for kept in (memory.limits.buckets, memory.words):
            kept.clear()

    running.inside(act)
    running.faults(stream_heartbeat=0.3)
    return running


@pytest.fixture
def ts(sim: SimulatorServer) -> TradeStation:
    return TradeStation(sim)
