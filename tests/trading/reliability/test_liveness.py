"""A reconciler that is killed all the time still finds every order in doubt: those come before the late watch."""

from collections.abc import Callable

import pytest
from doomed.cluster import Doomed

pytestmark = [pytest.mark.servers, pytest.mark.timeout(900)]
Desk = Callable[[], Doomed]


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("closed", "doubtful"),
    [(250, 100), pytest.param(10_000, 500, marks=[pytest.mark.nightly, pytest.mark.timeout(900)])],
)
def test_all_orders_in_doubt_are_found_by_a_reconciler_that_hardly_lives(
    doomed_desk: Desk, closed: int, doubtful: int
) -> None:
    result = doomed_desk().do("liveness", 800, closed=closed, doubtful=doubtful)
    assert result["left"] == 0
    assert result["deaths"] >= 1


@pytest.mark.nightly
def test_a_reconciler_that_begins_with_the_late_watch_is_caught(doomed_desk: Desk) -> None:
    result = doomed_desk().do("liveness", closed=250, doubtful=100, sabotage="late first", seconds=15)
    assert result["left"] > 0
