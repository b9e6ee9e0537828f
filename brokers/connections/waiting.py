"""Waiting for a broker without holding up anybody else: no database connection is kept meanwhile, no thread shared.

A pool of threads would be full of one broker's silence, and whoever asks another broker would stand in its queue.
So each question has a thread of its own, and one connection's questions are bounded by themselves.
"""

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import connection as database

T = TypeVar("T")
MOST_AT_ONCE = 12
"""Threads beside their callers for one connection; with more, a caller asks one after the other itself."""
PATIENCE = 10.0


def give_back() -> None:
    """Return this thread's database connection to the pool, if there is a pool and nothing is under way.

    The next statement takes one again. Without a pool a connection costs more to open than to keep.
    """
    if getattr(database, "pool", None) is not None and database.connection is not None and not database.in_atomic_block:
        database.close()


def sleep(seconds: float) -> None:
    give_back()
    time.sleep(seconds)


def side_by_side(whose: Hashable, questions: Sequence[Callable[[], Any]]) -> list[Any]:
    """The answers in order. One after the other in a transaction, whose rows no other thread sees."""
    if database.in_atomic_block:
        return [question() for question in questions]
    beside = [_beside(whose, question) for question in questions[1:]]
    here = [_outcome(question) for question in questions[:1]]
    outcomes = here + [future or _outcome(ask) for future, ask in zip(beside, questions[1:], strict=True)]
    give_back()
    return [outcome.result() for outcome in outcomes]


@contextmanager
def one_at_a_time(whose: Hashable) -> Iterator[None]:
    """This process's threads enter one by one for each ``whose``: those who would wait for the same row in the database
    wait here, without a connection. It is no lock to rely on: after a while whoever waits goes on, to wait there.
    """
    with _lock:
        turn, waiting = _turns.get(whose, (threading.Lock(), 0))
        _turns[whose] = turn, waiting + 1
    give_back()
    is_mine = turn.acquire(timeout=PATIENCE)
    try:
        yield
    finally:
        if is_mine:
            turn.release()
        with _lock:
            turn, waiting = _turns[whose]
            _turns[whose] = turn, waiting - 1
            if waiting == 1:
                del _turns[whose]


def in_thread(work: Callable[[], T]) -> "Future[T]":
    """Run it in a thread of its own, whose database connection ends before the outcome is told."""
    future: Future[T] = Future()

    def run() -> None:
        outcome = _outcome(work)
        database.close()
        _pass_on(outcome, future)

    threading.Thread(target=run, name="asking", daemon=True).start()
    return future


_asking: Counter[Hashable] = Counter()
_turns: dict[Hashable, tuple[threading.Lock, int]] = {}
"""By name: its lock, and how many want it or have it."""
_lock = threading.Lock()


_parents: list[Any] = []


def _after_fork() -> None:
    """A child has none of its parent's threads, and makes a pool of its own: the parent's connections are not its."""
    global _lock
    _lock = threading.Lock()
    _asking.clear()
    _turns.clear()
    if (postgresql := sys.modules.get("django.db.backends.postgresql.base")) is not None:
        pools = postgresql.DatabaseWrapper._connection_pools
        _parents.append(dict(pools))  # kept, for at their end they would say goodbye in the parent's name
        pools.clear()


os.register_at_fork(after_in_child=_after_fork)


def _beside(whose: Hashable, question: Callable[[], T]) -> "Future[T] | None":
    """Under way in a thread of its own, None when there are too many of those."""
    with _lock:
        if _asking[whose] >= MOST_AT_ONCE:
            return None
        _asking[whose] += 1

    def ask() -> T:
        try:
            return question()
        finally:
            _over(whose)

    return in_thread(ask)


def _over(whose: Hashable) -> None:
    with _lock:
        _asking[whose] -= 1
        if not _asking[whose]:
            del _asking[whose]


def _outcome(work: Callable[[], T]) -> "Future[T]":
    future: Future[T] = Future()
    try:
        future.set_result(work())
    except BaseException as error:  # whoever asks for the result is told
        future.set_exception(error)
    return future


def _pass_on(outcome: "Future[T]", future: "Future[T]") -> None:
    if (error := outcome.exception()) is not None:
        future.set_exception(error)
    else:
        future.set_result(outcome.result())
