"""Many orders at once: the last dollar is used once, and nothing begins to be sent after the switch was pressed."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import servers

pytestmark = pytest.mark.nightly  # the same at PostgreSQL, by processes: tests/trading/reliability/test_bursts.py
SABOTAGED = pytest.mark.parametrize(
    "database",
    ["sqlite", pytest.param("postgresql", marks=(pytest.mark.servers, pytest.mark.nightly))],
    indirect=True,
)
WORKER = Path(__file__).parents[2] / "burst_worker.py"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'burst.sqlite3'}", tmp_path
        return
    with servers.postgres(tmp_path) as url:
        yield url, tmp_path


def burst(database: tuple[str, Path], what: str, how: str) -> dict[str, Any]:
    url, folder = database
    environment = os.environ | {
        "TEST_DATABASE_URL": url,
        "VAR_DIR": str(folder),
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "PYTHONPATH": os.pathsep.join((str(WORKER.parents[1]), str(WORKER.parent))),
        "LOG_LEVEL": "ERROR",
    }
    command = [sys.executable, str(WORKER), what, how]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr[-3000:]
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert result["failures"] == [], result
    return result


def test_of_fifty_orders_at_once_just_ten_get_the_ten_tenths(database: tuple[str, Path]) -> None:
    result = burst(database, "cap", "sound")
    assert result == {"passed": 10, "unknown": 5, "denied": 40, "for_power": 40, "failures": []}


@SABOTAGED
def test_judging_before_the_transaction_would_let_more_through(database: tuple[str, Path]) -> None:
    assert burst(database, "cap", "early")["passed"] > 10


def test_nothing_begins_to_be_sent_after_the_switch_was_pressed(database: tuple[str, Path]) -> None:
    result = burst(database, "halt", "sound")
    assert result["late"] == 0
    assert result["sent"] >= 3 * result["presses"], "there was something to stop"


@SABOTAGED
def test_looking_at_the_switch_before_the_transaction_would_be_too_late(database: tuple[str, Path]) -> None:
    assert burst(database, "halt", "early")["late"] > 0


@pytest.mark.servers
def test_without_its_gate_a_press_would_miss_orders_that_are_being_written_down(tmp_path: Path) -> None:
    with servers.postgres(tmp_path) as url:
        assert burst((url, tmp_path), "halt", "ungated")["late"] > 0
