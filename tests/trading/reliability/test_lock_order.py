"""The broker's answer and its stream tell of the same replacement at once: neither waits for the other for ever."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from doomed.cluster import TESTS, Cluster, environment_for

pytestmark = [pytest.mark.servers, pytest.mark.timeout(200)]


def both_at_once(cluster: Cluster, folder: Path, how: str) -> dict[str, Any]:
    command = [sys.executable, str(TESTS / "lock_order_worker.py"), how]
    environment = environment_for(cluster.copy(), folder)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr[-3000:]
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def test_an_answer_and_the_streams_news_of_it_do_not_lock_each_other_out(cluster: Cluster, tmp_path: Path) -> None:
    found = both_at_once(cluster, tmp_path, "sound")
    assert found == {"deadlocks": 0, "replacement": "done", "successors": 1}


def test_recording_before_the_order_is_locked_is_caught(cluster: Cluster, tmp_path: Path) -> None:
    assert both_at_once(cluster, tmp_path, "unlocked")["deadlocks"] >= 1
