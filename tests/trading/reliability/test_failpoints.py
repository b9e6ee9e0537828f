"""Killed, failing or stalled at each of eighteen places on an order's way, at both brokers: there once, or not."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from doomed.cluster import Doomed
from doomed.failpoints import FAULTS, POINTS
from simulator_server import SimulatorServer

from brokers.simulator.world import World

pytestmark = [pytest.mark.servers, pytest.mark.timeout(900)]
Desk = Callable[[], Doomed]
WRONG = ("doubled", "lost", "invented", "unsettled", "missing", "external", "out_over_in", "excess")
MORE_ACCOUNTS = 8


@pytest.fixture
def sim() -> Iterator[SimulatorServer]:
    def open_accounts(world: World) -> None:
        for number in range(101, 101 + MORE_ACCOUNTS):
            world.exchange.open_account(f"5WT00{number}", "demo", "More", "margin", Decimal(0))
            world.exchange.deposit(f"5WT00{number}", Decimal(200_000))

    with SimulatorServer() as running:
        running.inside(open_accounts)
        yield running


def found_wrong(result: dict[str, Any]) -> dict[str, Any]:
    return {name: result[name] for name in WRONG if result[name]}


@pytest.mark.parametrize(
    "repeats",
    [
        pytest.param(1, marks=pytest.mark.nightly),
        pytest.param(20, marks=[pytest.mark.nightly, pytest.mark.timeout(14_400)]),
    ],
)
def test_wherever_a_process_dies_fails_or_stalls_an_order_is_there_once_or_not_and_the_desk_knows(
    doomed_desk: Desk, sim: SimulatorServer, repeats: int
) -> None:
    result = doomed_desk().do("matrix", 14_000, url=sim.url, repeats=repeats)
    assert found_wrong(result) == {}
    assert result["settled"]
    assert result["cells"] == len(POINTS) * len(FAULTS) * 2 * repeats
    assert result["struck"] >= result["cells"] * 0.95, "failpoints that nobody passed"
    assert result["at_broker"] >= result["cells"] / 3, "most orders came through in the end"


def test_whoever_sends_what_was_cut_off_once_more_is_caught(doomed_desk: Desk, sim: SimulatorServer) -> None:
    result = doomed_desk().do(
        "matrix", 800, url=sim.url, repeats=1, points=[12, 13, 14], faults=["kill"], sabotage="resume"
    )
    assert len(result["doubled"]) >= 4
    assert result["out_over_in"] >= 4
