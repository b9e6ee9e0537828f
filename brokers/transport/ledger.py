"""Where books are kept: in this process, or in a Redis that all processes share.

A change is a function of the text before it. In Redis it is written by compare-and-set, so that no process undoes
another's; what the function decides on is what was there.
"""

import logging
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Any, Protocol, TypeVar

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

T = TypeVar("T")
Step = Callable[[str], tuple[str, T]]
log = logging.getLogger(__name__)

PREFIX = "blotter:calls:"
LIFE = 3600
"""Seconds after which what nobody has touched is forgotten: every bucket is full by then."""
AWAY = 2.0
"""Seconds for which a Redis that failed is not asked again."""
ANSWERS_WITHIN = 0.25
MOST_TRIES = 50
LOCKS = 64
COMPARE_AND_SET = """
local found = redis.call('GET', KEYS[1]) or ''
if found ~= ARGV[1] then return {0, found} end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return {1, found}
"""


class Ledger(Protocol):
    def read(self, key: str) -> str:
        """What is written there, "" for nothing."""
        ...

    def change(self, key: str, step: Step[T]) -> T:
        """Replace what is written by what ``step`` makes of it; gives its second result. ``step`` may run more than
        once, the last time counts."""
        ...


class OwnLedger:
    """For one process."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._locks = [threading.Lock() for _ in range(LOCKS)]

    def read(self, key: str) -> str:
        return self._texts.get(key, "")

    def write(self, key: str, text: str) -> None:
        self._texts[key] = text

    def lock(self, key: str) -> threading.Lock:
        return self._locks[hash(key) % LOCKS]

    def change(self, key: str, step: Step[T]) -> T:
        with self.lock(key):
            text, result = step(self.read(key))
            self.write(key, text)
            return result

    def forget(self) -> None:
        self._texts.clear()


class SharedLedger:
    """For all processes at one Redis. While it is away each process goes on by its own copy, said once."""

    def __init__(self, url: str) -> None:
        self._redis: Any = Redis.from_url(
            url,
            socket_timeout=ANSWERS_WITHIN,
            socket_connect_timeout=ANSWERS_WITHIN,
            retry=Retry(NoBackoff(), 1),
            decode_responses=True,
        )
        self._compare_and_set = self._redis.register_script(COMPARE_AND_SET)
        self._own = OwnLedger()
        self._away_until = float("-inf")
        self._is_away = False

    def read(self, key: str) -> str:
        if time.monotonic() < self._away_until:
            return self._own.read(key)
        try:
            found: str = self._redis.get(PREFIX + key) or ""
        except (RedisError, OSError):
            self._note_away()
            return self._own.read(key)
        self._note_back()
        return found

    def change(self, key: str, step: Step[T]) -> T:
        with self._own.lock(key):
            if time.monotonic() >= self._away_until:
                try:
                    return self._change_shared(key, step)
                except (RedisError, OSError):
                    self._note_away()
            text, result = step(self._own.read(key))
            self._own.write(key, text)
            return result

    def _change_shared(self, key: str, step: Step[T]) -> T:
        """Guesses that nobody has written since we did; when somebody has, goes by what they wrote."""
        expected = base = self._own.read(key)
        for _ in range(MOST_TRIES):
            text, result = step(base)
            is_done, found = self._compare_and_set(keys=[PREFIX + key], args=[expected, text, LIFE])
            if is_done:
                self._own.write(key, text)
                self._note_back()
                return result
            expected = found
            base = found or base  # a Redis that came back empty is told what this process knows
        raise RedisError("too many write at once")

    def _note_away(self) -> None:
        self._away_until = time.monotonic() + AWAY
        if not self._is_away:
            self._is_away = True
            log.warning("Redis does not answer: each process counts its own calls to the brokers until it does.")

    def _note_back(self) -> None:
        if self._is_away:
            self._is_away = False
            log.warning("Redis answers again: calls to the brokers are counted for all processes together.")

    def forget(self) -> None:
        self._own.forget()


OWN = OwnLedger()


@cache
def _shared(url: str) -> SharedLedger:
    return SharedLedger(url)


def ledger_at(redis_url: str) -> Ledger:
    """The process's one ledger for a Redis, or its own without one."""
    return _shared(redis_url) if redis_url else OWN


def forget_books() -> None:
    """For tests: whatever was counted in this process."""
    OWN.forget()
    _shared.cache_clear()
