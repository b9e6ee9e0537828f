"""Many threads at once: the last dollar is used once, and nothing begins to be sent after the switch was pressed."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from doomed.cluster import TESTS, Cluster, environment_for

pytestmark = [pytest.mark.servers, pytest.mark.nightly, pytest.mark.timeout(600)]  # by processes: test_bursts.py
WORKER = TESTS / "burst_worker.py"


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, cluster: Cluster, tmp_path: Path) -> str:
    return cluster.copy() if request.param == "postgresql" else f"sqlite:///{tmp_path / 'burst.sqlite3'}"


def burst(database: str, folder: Path, what: str, how: str) -> dict[str, Any]:
    command = [sys.executable, str(WORKER), what, how]
    environment = environment_for(database, folder, LOG_LEVEL="ERROR")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=550)
    assert done.returncode == 0, done.stderr[-3000:]
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(what, how, result)
    assert result["failures"] == [], result
    return result


def test_of_fifty_orders_at_once_just_ten_get_the_ten_tenths(database: str, tmp_path: Path) -> None:
    result = burst(database, tmp_path, "cap", "sound")
    assert result == {"passed": 10, "unknown": 5, "denied": 40, "for_power": 40, "failures": []}


def test_judging_before_the_transaction_would_let_more_through(database: str, tmp_path: Path) -> None:
    assert burst(database, tmp_path, "cap", "early")["passed"] > 10


def test_of_twenty_people_at_once_as_many_as_there_is_room_for_send(database: str, tmp_path: Path) -> None:
    result = burst(database, tmp_path, "everybody", "sound")
    assert result["passed"] == 5
    assert result["passed"] + result["denied"] + result["not_sent"] == 20
    assert result["unknown"] == 0


def test_a_look_in_the_transaction_alone_would_let_more_out(cluster: Cluster, tmp_path: Path) -> None:
    """On SQLite the transactions come one after the other, and this could not happen."""
    assert burst(cluster.copy(), tmp_path, "everybody", "once")["passed"] > 5


def test_nothing_begins_to_be_sent_after_the_switch_was_pressed(database: str, tmp_path: Path) -> None:
    result = burst(database, tmp_path, "halt", "sound")
    assert result["late"] == 0
    assert result["sent"] >= 3 * result["presses"], "there was something to stop"


def test_looking_at_the_switch_before_the_transaction_would_be_too_late(database: str, tmp_path: Path) -> None:
    assert burst(database, tmp_path, "halt", "early")["late"] > 0


def test_without_its_gate_a_press_would_miss_orders_that_are_being_written_down(
    cluster: Cluster, tmp_path: Path
) -> None:
    assert burst(cluster.copy(), tmp_path, "halt", "ungated")["late"] > 0
