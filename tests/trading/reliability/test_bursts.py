"""Several processes at once: the last dollar is used once, and nothing begins to be sent once the switch is pressed."""

from collections.abc import Callable

import pytest
from doomed.cluster import Doomed

pytestmark = [pytest.mark.servers, pytest.mark.timeout(900)]
Desk = Callable[[], Doomed]


def test_of_fifty_orders_from_five_processes_just_ten_get_the_ten_tenths(doomed_desk: Desk) -> None:
    result = doomed_desk().do("cap", how="sound")
    assert result == {"passed": 10, "denied": 40, "for_power": 40}


def test_judging_before_the_transaction_lets_more_through(doomed_desk: Desk) -> None:
    assert doomed_desk().do("cap", how="early")["passed"] > 10


def test_of_eight_peoples_orders_just_three_leave_where_there_is_room_for_three(doomed_desk: Desk) -> None:
    assert doomed_desk().do("everybody", how="sound") == {"passed": 3, "not_sent": 5, "rows": 8}


@pytest.mark.parametrize(
    ("how", "passed"), [("once", 8), ("cautious", 0), pytest.param("counts on", 0, marks=pytest.mark.nightly)]
)
def test_a_last_count_that_lets_more_leave_or_fewer_is_caught(doomed_desk: Desk, how: str, passed: int) -> None:
    assert doomed_desk().do("everybody", how=how)["passed"] == passed


@pytest.mark.parametrize("presses", [4, pytest.param(100, marks=[pytest.mark.nightly, pytest.mark.timeout(1_200)])])
def test_no_process_begins_to_send_after_the_switch_was_pressed(doomed_desk: Desk, presses: int) -> None:
    result = doomed_desk().do("switch", 1_100, how="sound", presses=presses)
    assert result["late"] == 0
    assert result["sent"] >= 3 * presses, "there was something to stop"


@pytest.mark.parametrize("how", ["early", "ungated"])
def test_a_switch_that_is_read_too_early_or_without_its_gate_is_caught(doomed_desk: Desk, how: str) -> None:
    assert doomed_desk().do("switch", how=how, presses=20)["late"] > 0
