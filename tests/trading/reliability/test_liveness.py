"""A reconciler that is killed all the time still finds every order in doubt: those come before the late watch."""

from collections.abc import Callable

import pytest
from doomed.cluster import Doomed

pytestmark = [pytest.mark.servers, pytest.mark.nightly, pytest.mark.timeout(1_800)]
Desk = Callable[[], Doomed]


@pytest.mark.parametrize(("closed", "doubtful"), [(250, 100), (10_000, 500)])
def test_all_orders_in_doubt_are_found_by_a_reconciler_that_hardly_lives(
    doomed_desk: Desk, closed: int, doubtful: int
) -> None:
    result = doomed_desk().do("liveness", 1_700, closed=closed, doubtful=doubtful, seconds=1_200)
    assert result["left"] == 0
    assert result["deaths"] >= 1


def test_a_reconciler_that_begins_with_the_late_watch_is_caught(doomed_desk: Desk) -> None:
    """With as many lives as the sound one has."""
    result = doomed_desk().do("liveness", 1_700, closed=250, doubtful=100, sabotage="late first")
    assert (result["left"], result["deaths"]) == (100, 100)
