"""Asking side by side: in order, in bounds, and no connection's silence is another's."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from brokers.connections import waiting
from brokers.connections.waiting import MOST_AT_ONCE, one_at_a_time, side_by_side

Ask = Callable[[str, list[Callable[[], Any]]], list[Any]]


@pytest.fixture(autouse=True)
def _no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    class Nothing:
        in_atomic_block = False
        pool = connection = None

        def close(self) -> None:
            return

    monkeypatch.setattr(waiting, "database", Nothing())


def test_answers_come_in_the_order_of_the_questions_and_an_error_is_raised() -> None:
    def slow() -> int:
        time.sleep(0.05)
        return 1

    assert side_by_side("a", [slow, lambda: 2, slow, lambda: 4]) == [1, 2, 1, 4]
    with pytest.raises(ZeroDivisionError):
        side_by_side("a", [lambda: 1, lambda: 1 // 0])


def test_they_really_are_asked_at_the_same_time() -> None:
    all_there = threading.Barrier(3, timeout=20)
    assert len(side_by_side("a", [all_there.wait] * 3)) == 3


def another_is_answered(ask: Ask) -> bool:
    """While one connection's broker is silent to forty threads, is another's answered?"""
    silence, asked = threading.Event(), threading.Semaphore(0)

    def silent() -> None:
        asked.release()
        silence.wait(60)

    stuck = [threading.Thread(target=ask, args=("silent", [silent, silent]), daemon=True) for _ in range(40)]
    for thread in stuck:
        thread.start()
    for _ in stuck:
        assert asked.acquire(timeout=20)
    answers: list[Any] = []
    other = threading.Thread(target=lambda: answers.extend(ask("other", [lambda: 1, lambda: 2])), daemon=True)
    other.start()
    other.join(30)
    was_answered = answers == [1, 2]
    silence.set()
    for thread in [*stuck, other]:
        thread.join(60)
    return was_answered


def test_a_silent_brokers_callers_leave_room_for_the_others() -> None:
    assert another_is_answered(side_by_side)


def test_a_pool_that_all_share_would_not() -> None:
    """The twin: a pool of as many threads, as there was before."""
    pool = ThreadPoolExecutor(16)

    def by_pool(_: str, questions: list[Callable[[], Any]]) -> list[Any]:
        return [future.result() for future in [pool.submit(question) for question in questions]]

    first = ThreadPoolExecutor(1)
    silence = threading.Event()
    full = [pool.submit(silence.wait, 60) for _ in range(16)]
    answered = first.submit(by_pool, "other", [lambda: 1, lambda: 2])
    time.sleep(0.5)
    assert not answered.done()
    silence.set()
    assert answered.result(20) == [1, 2]
    assert all(future.result(20) for future in full)


def test_one_connection_has_only_so_many_threads_beside_its_callers() -> None:
    names: list[str] = []
    begun = threading.active_count()

    all_asked = threading.Event()

    def ask() -> None:
        """Who is beside stays until the callers' own are all asked: none of them has room for one more."""
        names.append(threading.current_thread().name)
        if len(names) == MOST_AT_ONCE + 8:
            all_asked.set()
        if threading.current_thread().name == "asking":
            all_asked.wait(60)

    side_by_side("a", [ask] * (MOST_AT_ONCE + 8))
    assert names.count("asking") == MOST_AT_ONCE
    assert len(names) == MOST_AT_ONCE + 8
    assert not waiting._asking
    assert threading.active_count() <= begun + MOST_AT_ONCE


def test_threads_enter_one_at_a_time_for_each_name_and_nothing_is_left_behind() -> None:
    inside, most = [0], [0]

    def enter() -> None:
        with one_at_a_time("account"):
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            time.sleep(0.005)
            inside[0] -= 1

    with one_at_a_time("another"):
        threads = [threading.Thread(target=enter) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert most == [1]
    assert not waiting._turns


def test_who_waits_too_long_for_a_turn_goes_on_to_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PATIENCE", 0.05)
    went_on = threading.Event()

    def enter() -> None:
        with one_at_a_time("account"):
            went_on.set()

    with one_at_a_time("account"):
        thread = threading.Thread(target=enter)
        thread.start()
        assert went_on.wait(20)
        thread.join(20)
    assert not waiting._turns
