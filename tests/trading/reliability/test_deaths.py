"""Senders and reconcilers are killed at random while a fifth of the calls fail: nothing is doubled, nothing lost."""

from collections.abc import Callable

import pytest
from doomed.cluster import Doomed, found_wrong

pytestmark = [pytest.mark.servers, pytest.mark.timeout(900)]
Desk = Callable[[], Doomed]


@pytest.mark.parametrize(
    "how_many", [2_000, pytest.param(10_000, marks=[pytest.mark.nightly, pytest.mark.timeout(7_200)])]
)
def test_a_desk_whose_processes_die_at_random_doubles_and_loses_nothing(doomed_desk: Desk, how_many: int) -> None:
    result = doomed_desk().do("submissions", 7_000, how_many=how_many)
    assert found_wrong(result) == {}
    assert result["rows"] == how_many
    assert result["deaths"] >= how_many / 20
    assert sum(result["befell"].values()) > how_many / 10, "the faults did not strike"


@pytest.mark.parametrize("how_many", [200, pytest.param(1_000, marks=pytest.mark.nightly)])
def test_whoever_sends_again_when_no_answer_came_is_caught(doomed_desk: Desk, how_many: int) -> None:
    result = doomed_desk().do("submissions", 900, how_many=how_many, sabotage="naive", deaths=False)
    assert result["doubled"] >= how_many / 20
    assert result["sent_twice"] >= how_many / 10
    assert result["excess"] > 0, "more went out than was written down, and the counters saw it while it happened"


def test_whoever_never_doubts_a_sender_that_died_is_caught(doomed_desk: Desk) -> None:
    result = doomed_desk().do("submissions", how_many=60, sabotage="no reconciler", senders=1)
    assert found_wrong(result), "a death between writing down and the answer went unseen"
