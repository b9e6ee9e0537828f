"""A cache at Redis that a process goes on without: what is kept there are hints, figures of a moment and counts.

While Redis is away, or takes nothing, each process keeps its own; it is asked again a few seconds later.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)
ASK_AGAIN = 5.0
"""Seconds for which Redis is left alone after it failed: nobody waits for it at every step."""


class RedisOrMemory(RedisCache):
    """Django's cache at Redis, with the process's own memory behind it."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        entries = params.get("MEMORY_ENTRIES", 300)
        options = {"socket_connect_timeout": 1, "socket_timeout": 1} | params.get("OPTIONS", {})
        super().__init__(server, params | {"OPTIONS": options})
        self._memory = LocMemCache(f"beside {server}", {"max_entries": entries})
        self._lock = threading.Lock()
        self._away_until = float("-inf")

    def _ask(self, name: str, *given: Any, **named: Any) -> Any:
        if time.monotonic() >= self._away_until:
            try:
                return getattr(super(), name)(*given, **named)
            except (RedisError, OSError) as error:
                self._is_away(error)
        return getattr(self._memory, name)(*given, **named)

    def _is_away(self, error: Exception) -> None:
        with self._lock:
            self._away_until = time.monotonic() + ASK_AGAIN
        logger.warning("Redis keeps nothing at the moment (%s): this process goes on by itself.", type(error).__name__)


def _asking(name: str) -> Callable[..., Any]:
    def ask(self: RedisOrMemory, *given: Any, **named: Any) -> Any:
        return self._ask(name, *given, **named)

    ask.__name__ = name
    return ask


for _name in (
    "add",
    "get",
    "set",
    "touch",
    "delete",
    "get_many",
    "has_key",
    "incr",
    "set_many",
    "delete_many",
    "clear",
):
    setattr(RedisOrMemory, _name, _asking(_name))
