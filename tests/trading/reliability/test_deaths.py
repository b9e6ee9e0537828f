"""Senders and the reconciler are killed at random while a fifth of the calls fail: nothing is doubled, nothing lost."""

from collections.abc import Callable

import pytest
from doomed_cluster import Doomed, found_wrong

pytestmark = [pytest.mark.servers, pytest.mark.nightly, pytest.mark.timeout(300)]
Desk = Callable[[], Doomed]


@pytest.mark.parametrize(
    ("how_many", "seconds"),
    [
        (50, 280),
        pytest.param(2_000, 3_500, marks=[pytest.mark.nightly, pytest.mark.timeout(3_600)]),
        pytest.param(10_000, 14_000, marks=[pytest.mark.nightly, pytest.mark.timeout(14_400)]),
    ],
)
def test_a_desk_whose_processes_die_at_random_doubles_and_loses_nothing(
    doomed_desk: Desk, how_many: int, seconds: float
) -> None:
    result = doomed_desk().do("submissions", seconds, how_many=how_many)
    assert found_wrong(result) == {}
    assert result["rows"] == how_many
    assert result["deaths"] >= how_many / 15
    assert sum(result["befell"].values()) > how_many / 10, "the faults did not strike"


def test_whoever_sends_again_when_no_answer_came_is_caught(doomed_desk: Desk) -> None:
    result = doomed_desk().do("submissions", how_many=50, sabotage="naive", deaths=False)
    assert result["doubled"] >= 2
    assert result["sent_twice"] >= 2


def test_whoever_never_doubts_a_sender_that_died_is_caught(doomed_desk: Desk) -> None:
    result = doomed_desk().do("submissions", how_many=25, sabotage="no reconciler", senders=1)
    assert found_wrong(result), "a death between writing down and the answer went unseen"
