"""Each test of the contract runs for every broker of the registry, at one simulator."""

from collections.abc import Iterator

import pytest
from any_broker import Desk, all_brokers, calm
from simulator_server import SimulatorServer

from brokers import transport


@pytest.fixture(scope="module")
def running() -> Iterator[SimulatorServer]:
    with SimulatorServer(seed=11) as server:
        yield server
    transport.forget_sessions()


@pytest.fixture
def sim(running: SimulatorServer) -> SimulatorServer:
    calm(running)
    return running


@pytest.fixture(params=all_brokers())
def desk(sim: SimulatorServer, request: pytest.FixtureRequest) -> Desk:
    return Desk(sim, request.param)
