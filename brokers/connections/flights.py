"""Joins threads that want the same work at the same time: one does it, all get the outcome."""

import os
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Flights(Generic[T]):
    """``join`` runs the work, or waits for the thread that is running it under the same key."""

    def __init__(self) -> None:
        self._land()
        os.register_at_fork(after_in_child=self._land)

    def _land(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[Hashable, Future[T]] = {}

    def join(self, key: Hashable, work: Callable[[], T], *, patience: float) -> T:
        """Raises what the work raised, and TimeoutError to those who waited ``patience`` seconds in vain."""
        with self._lock:
            flight = self._open.get(key)
            if flight is None:
                mine: Future[T] = Future()
                self._open[key] = mine
        return flight.result(patience) if flight is not None else self._fly(key, mine, work)

    def _fly(self, key: Hashable, flight: Future[T], work: Callable[[], T]) -> T:
        try:
            result = work()
        except BaseException as error:
            self._close(key)
            flight.set_exception(error)
            raise
        self._close(key)
        flight.set_result(result)
        return result

    def _close(self, key: Hashable) -> None:
        with self._lock:
            del self._open[key]
