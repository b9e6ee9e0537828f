"""One running simulator for the wire tests; each test starts from a fresh market and no faults."""

from collections.abc import Iterator

import pytest
from simulator_server import SimulatorServer
from tastytrade_wire import Desk


@pytest.fixture(scope="module")
def running() -> Iterator[SimulatorServer]:
    with SimulatorServer() as server:
        yield server


@pytest.fixture
def sim(running: SimulatorServer) -> SimulatorServer:
    running.reset()
    running.clock(speed=1.0)
    return running


@pytest.fixture(scope="module")
def desk(running: SimulatorServer) -> Desk:
    """For questions alone: the market goes on from test to test."""
    return Desk(running)


@pytest.fixture
def fresh(sim: SimulatorServer) -> Desk:
    """For tests that trade or turn switches."""
    return Desk(sim)
