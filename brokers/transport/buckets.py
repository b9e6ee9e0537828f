"""How many calls are left of a budget: pure arithmetic on one bucket that fills up bit by bit."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

from brokers.port import Budget

KEPT = 0.2
"""The share that only cancels and the look-ups of orders in doubt may use."""
LEAST_SHARE = 1 / 16
RECOVERY = 1200.0
"""Seconds in which a budget that was cut to nothing would be whole again: a halved one takes half as long."""
ONE_STORM = 5.0
"""Seconds within which several 429 are answers to one burst, and cut the budget once."""
LONGEST_PAUSE = 60.0
LONGEST_REQUESTED_PAUSE = 300.0
HEADERS = ("x-ratelimit-", "ratelimit-")
LEADING_NUMBER = re.compile(r"\s*(\d{1,9})", re.ASCII)


class Told(NamedTuple):
    """What an answer's headers say of the budget: calls, in so many seconds, and how many of them are left."""

    limit: int
    seconds: float | None
    left: int | None


def told_by(headers: Mapping[str, str]) -> Told | None:
    """The figures in ``X-RateLimit-*`` or ``RateLimit-*``; None without a limit that can be read.

    A reset is not needed: a bucket that fills up bit by bit tells by itself when it is full.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    for prefix in HEADERS:
        limit, period, left = (_whole(lower.get(prefix + name)) for name in ("limit", "period", "remaining"))
        if limit:
            return Told(limit, float(period) if period else None, left)
    return None


def _whole(text: str | None) -> int | None:
    found = LEADING_NUMBER.match(text or "")
    return int(found[1]) if found else None


@dataclass(frozen=True, slots=True)
class Bucket:
    """``left`` of ``limit`` calls at the moment ``at``; ``limit`` come back in ``seconds``.

    After a 429 without figures ``share`` of the limit is used, growing again from ``cut_at`` on, and ordinary calls
    rest until ``rests_until``; ``cuts`` counts those answers in a row. ``told``: the broker itself gave the limit.
    Moments are seconds of one clock.
    """

    limit: float
    seconds: float
    left: float
    at: float
    told: bool = False
    share: float = 1.0
    cut_at: float = 0.0
    cuts: int = 0
    rests_until: float = 0.0

    @classmethod
    def full(cls, budget: Budget, now: float) -> Self:
        return cls(budget.calls, budget.seconds, budget.calls, now)

    def share_at(self, now: float) -> float:
        return min(1.0, self.share + max(0.0, now - self.cut_at) / RECOVERY)

    def most(self, now: float) -> float:
        """The calls it holds when full, at this moment's share of the limit."""
        return max(1.0, self.limit * self.share_at(now))

    def rate(self, now: float) -> float:
        return self.most(now) / self.seconds

    def filled(self, now: float) -> Self:
        gained = max(0.0, now - self.at) * self.rate(now)
        return replace(self, left=min(self.most(now), self.left + gained), at=now)

    def wait(self, now: float, *, urgent: bool) -> float:
        """Seconds until a call may go out; 0 when it may now. Ordinary ones leave the kept share alone."""
        here = self.filled(now)
        kept = 0.0 if urgent else min(KEPT * here.most(now), here.most(now) - 1)
        lacking = max(0.0, 1 + kept - here.left) / here.rate(now)
        return lacking if urgent else max(lacking, here.rests_until - now)

    def taken(self, now: float) -> Self:
        """One call less; never below nothing, for what goes out beyond the budget is not to be paid back."""
        here = self.filled(now)
        return replace(here, left=max(0.0, here.left - 1))

    def heard(self, now: float, status: int, headers: Mapping[str, str], retry_after: float | None) -> Self:
        """After an answer: the broker's figures win; a 429 without any halves the budget."""
        here, told = self.filled(now), told_by(headers)
        if told is not None:
            here = replace(here.corrected(told), cuts=0 if status != 429 else here.cuts)
        elif status == 429:
            here = here.cut(now, retry_after)
        elif here.cuts:
            here = replace(here, cuts=0)
        if status == 429 and retry_after is not None:
            here = replace(here, rests_until=now + min(retry_after, LONGEST_REQUESTED_PAUSE))
        return here

    def corrected(self, told: Told) -> Self:
        left = told.left if told.left is not None else min(self.left, told.limit)
        seconds = told.seconds or self.seconds
        return replace(self, limit=told.limit, seconds=seconds, left=min(left, told.limit), told=True, share=1.0)

    def cut(self, now: float, retry_after: float | None) -> Self:
        """Half the budget, once per burst, and a pause that doubles from one 429 to the next."""
        if self.cuts and now - self.cut_at < ONE_STORM:
            return self
        halved = replace(self, share=max(LEAST_SHARE, self.share_at(now) / 2), cut_at=now, cuts=self.cuts + 1)
        one_call = max(1.0, 1 / halved.rate(now))
        pause = min(LONGEST_PAUSE, one_call * 2.0 ** min(self.cuts, 10))
        return replace(halved, left=min(self.left, halved.most(now)), rests_until=now + pause)
