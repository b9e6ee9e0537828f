"""The broker's answer and its stream tell of the same replacement at once: neither waits for the other for ever."""

from collections.abc import Callable

import pytest
from doomed.cluster import Doomed

pytestmark = [pytest.mark.servers, pytest.mark.timeout(300)]
Desk = Callable[[], Doomed]


def test_an_answer_and_the_streams_news_of_it_do_not_lock_each_other_out(doomed_desk: Desk) -> None:
    found = doomed_desk().do("meeting", 250, how="sound")
    assert found == {"deadlocks": 0, "replacement": "done", "successors": 1}


def test_recording_before_the_order_is_locked_is_caught(doomed_desk: Desk) -> None:
    assert doomed_desk().do("meeting", 250, how="unlocked")["deadlocks"] >= 1
