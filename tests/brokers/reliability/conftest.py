"""A running simulator, and each broker's stream at it through a proxy that can do harm."""

from collections.abc import Iterator

import pytest
from simulator_server import SimulatorServer
from upstream_scene import BROKERS, Scene, fresh_simulator, scene_of


@pytest.fixture(scope="module")
def running() -> Iterator[SimulatorServer]:
    yield from fresh_simulator()


@pytest.fixture(params=BROKERS)
def scene(request: pytest.FixtureRequest, running: SimulatorServer) -> Iterator[Scene]:
    running.clear_faults()
    with scene_of(request.param, running) as made:
        yield made
