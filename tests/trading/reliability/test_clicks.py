"""One ticket posted twenty times at once to two server processes is one order, and all the answers name it."""

from collections.abc import Callable

import pytest
from doomed.cluster import Doomed

pytestmark = [pytest.mark.servers, pytest.mark.timeout(900)]
Desk = Callable[[], Doomed]


LONG = [pytest.mark.nightly, pytest.mark.timeout(7_200)]


@pytest.mark.parametrize("how_many", [100, *(pytest.param(many, marks=LONG) for many in (1_000,))])
def test_twenty_clicks_are_one_order_and_all_answers_name_it(doomed_desk: Desk, how_many: int) -> None:
    result = doomed_desk().do("clicks", 7_000, how_many=how_many)
    assert result["rows"] == result["asked"] == result["agreed"] == result["first"] == how_many
    assert set(result["statuses"]) <= {"200", "201", "202"}
    assert sum(result["statuses"].values()) == 20 * how_many


def test_a_desk_that_forgets_its_keys_is_caught(doomed_desk: Desk) -> None:
    result = doomed_desk().do("clicks", how_many=1, sabotage="keyless")
    assert result["asked"] > 1
    assert result["agreed"] == 0
