"""A desk at TradeStation's wire of the running simulator. Between tests the exchange goes back, the market goes on."""

from typing import Any

import pytest
from simulator_server import SimulatorServer
from tradestation_wire import TradeStation, open_accounts

from brokers.simulator.tradestation.memory import Memory
from brokers.simulator.world import Switches, World


@pytest.fixture(scope="module")
def beginning(running: SimulatorServer) -> dict[str, Any]:
    """The exchange as it was at the start, two fresh accounts included."""
    open_accounts(running)
    return running.inside(lambda world: world.exchange.snapshot())


@pytest.fixture
def sim(running: SimulatorServer, beginning: dict[str, Any]) -> SimulatorServer:
    def act(world: World) -> None:
        world.exchange.restore(beginning)
        world.switches = Switches()
        world.faults.clear()
        world.exchange.fills.clear()
        world.ledger.clear()
        world.authority.revoked.clear()
        memory = Memory.of(world)
        for kept in (memory.limits.buckets, memory.words, memory.confirmed, memory.pages, memory.paid):
            kept.clear()

    running.inside(act)
    running.clock(speed=1.0)
    return running


@pytest.fixture
def ts(sim: SimulatorServer) -> TradeStation:
    return TradeStation(sim)
