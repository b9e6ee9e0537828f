"""Web servers are killed at random while orders are posted: each key is one order, and its client is told which."""

from collections.abc import Callable

import pytest
from doomed.cluster import Doomed, found_wrong

pytestmark = [pytest.mark.servers, pytest.mark.timeout(900)]
Desk = Callable[[], Doomed]
LONG = [pytest.mark.nightly, pytest.mark.timeout(7_200)]


@pytest.mark.parametrize("how_many", [60, pytest.param(2_000, marks=LONG)])
def test_orders_posted_to_servers_that_die_are_placed_once_and_answered(doomed_desk: Desk, how_many: int) -> None:
    result = doomed_desk().do("dead_servers", 7_000, how_many=how_many)
    assert found_wrong(result) == {}
    assert result["rows"] == result["agreed"] == result["same"] == how_many
    assert result["settled"], "the servers' own order watch did not find out what was in doubt"
    assert result["sent_again"] == result["halts"] == 0
    assert set(result["answers"]) <= {"200", "201", "202", "503"}
    assert result["deaths"] >= how_many / 6
    assert result["cut"] >= how_many / 6, "the deaths struck nobody"
    assert result["broken_off"] > 0, "no death fell between writing down and the answer"


@pytest.mark.parametrize("sabotage", ["keyless", pytest.param("resends", marks=pytest.mark.nightly)])
def test_a_server_that_forgets_keys_or_sends_at_its_start_is_caught(doomed_desk: Desk, sabotage: str) -> None:
    result = doomed_desk().do("dead_servers", how_many=40, sabotage=sabotage)
    assert result["doubled"] > 0
