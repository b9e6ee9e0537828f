"""How much a key and a user may ask: rolling quotas by category, and slots for open streams (section 3.3)."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

# category: requests in so many seconds. Those with 0 have no published quota, so none is kept or told.
QUOTAS: dict[str, tuple[int, int]] = {
    "accounts": (320, 300),
    "orders": (320, 300),
    "balances": (320, 300),
    "positions": (320, 300),
    "quotes": (500, 300),
    "streaming-quotes": (500, 300),
    "barcharts": (500, 300),
    "tickbars": (500, 300),
    "option-expirations": (90, 60),
    "option-strikes": (90, 60),
    "option-spreadtypes": (90, 60),
    "option-riskreward": (90, 60),
    "option-chains": (90, 60),
    "option-quotes": (90, 60),
    "marketdepth": (30, 60),
    "order-execution": (0, 300),
    "symbols": (0, 300),
}
# resource: streams open at the same time
SLOTS: dict[str, int] = {
    "streaming-marketdepth": 10,
    "streaming-option-chains": 10,
    "streaming-option-quotes": 10,
    "streaming-orders": 40,
    "streaming-orders-by-id": 40,
    "streaming-positions": 40,
}


class BadQuota(ValueError):
    """A quota that can't be: the text says why."""


def check_quotas(given: Mapping[str, Any]) -> None:
    """Whether a switch's quotas can be: ``{"accounts": [320, 300], "streaming-orders": 40}``; raises ``BadQuota``."""
    for name, value in given.items():
        pair = value if isinstance(value, list) and name in QUOTAS else [value, 1] if name in SLOTS else None
        if pair is None:
            raise BadQuota(f"{name} is not a category: {', '.join([*QUOTAS, *SLOTS])}")
        if len(pair) != 2 or not all(type(each) is int and each >= 0 for each in pair) or pair[1] == 0:
            raise BadQuota(f"{name}: give [requests, seconds] for a category, a number for a kind of stream")


@dataclass
class Bucket:
    """What is left of one quota. It fills up continuously, not at the end of a window."""

    limit: int
    period: int
    left: float
    at: float

    def refill(self, now: float) -> None:
        self.left = min(float(self.limit), self.left + max(0.0, now - self.at) * self.limit / self.period)
        self.at = now

    def take(self) -> bool:
        if self.left < 1:
            return False
        self.left -= 1
        return True

    def headers(self, category: str) -> dict[str, str]:
        """The reset is the number of seconds until the bucket is full again."""
        return {
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-period": str(self.period),
            "x-ratelimit-remaining": str(int(self.left)),
            "x-ratelimit-reset": str(math.ceil((self.limit - self.left) * self.period / self.limit)),
            "x-ratelimit-resource": category,
        }


@dataclass
class Slot:
    """One open stream's place; it is free again after ``close``, however often that is called."""

    release: Callable[[], None]
    headers: dict[str, str]
    closed: bool = False

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.release()


@dataclass
class Limits:
    """The quotas in use, by key, user and category. ``quotas`` are the ones that a switch has changed."""

    quotas: Callable[[], Mapping[str, Any]]
    now: Callable[[], float]
    buckets: dict[tuple[str, str, str], Bucket] = field(default_factory=dict)
    open: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def spend(self, client_id: str, user: str, category: str) -> tuple[bool, dict[str, str]]:
        """Take one request off the quota: whether there was one left, and the headers to answer with."""
        limit, period = self.quotas().get(category, QUOTAS[category])
        if limit == 0:
            return True, {}
        key, now = (client_id, user, category), self.now()
        bucket = self.buckets.get(key)
        if bucket is None or (bucket.limit, bucket.period) != (limit, period):
            bucket = self.buckets[key] = Bucket(limit, period, float(limit), now)
        bucket.refill(now)
        return bucket.take(), bucket.headers(category)

    def occupy(self, client_id: str, user: str, resource: str) -> Slot | dict[str, str]:
        """A slot for a stream; only the headers when all are taken."""
        most = int(self.quotas().get(resource, SLOTS[resource]))
        key = (client_id, user, resource)
        used = self.open.get(key, 0)
        headers = {
            "x-concurrency-limit": str(most),
            "x-concurrency-remaining": str(max(0, most - used - 1)),
            "x-concurrency-resource": resource,
        }
        if used >= most:
            return headers
        self.open[key] = used + 1
        return Slot(lambda: self._leave(key), headers)

    def _leave(self, key: tuple[str, str, str]) -> None:
        self.open[key] -= 1
        if not self.open[key]:
            del self.open[key]
