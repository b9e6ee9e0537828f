"""What is known of one connection's calls, as a value that can be written down: its buckets and its breaker; pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from fnmatch import fnmatchcase
from typing import NamedTuple, Self

from brokers.port import Budget
from brokers.transport.breaker import Breaker
from brokers.transport.buckets import Bucket, told_by
from brokers.wire import Purpose, Request

AS_TEXT = json.JSONEncoder(separators=(",", ":")).encode


class Kind(Enum):
    """How a call is treated: ``URGENT`` ones (cancels, looking up orders in doubt) may use the kept share and pass an
    open breaker; ``ACTING`` ones are never a probe."""

    READING = "reading"
    ACTING = "acting"
    URGENT = "urgent"


def kind_of(request: Request, *, urgent: bool) -> Kind:
    if request.purpose is Purpose.CANCEL or (urgent and not request.acts):
        return Kind.URGENT
    return Kind.ACTING if request.acts else Kind.READING


def concerned(budgets: Sequence[Budget], request: Request) -> list[Budget]:
    """The budgets that a request counts against: its own category first."""
    line = f"{request.method} {request.path}"
    matching = [budget for budget in budgets if any(fnmatchcase(line, pattern) for pattern in budget.requests)]
    own = [budget for budget in matching if not budget.overall][:1]
    return own + [budget for budget in matching if budget.overall]


class Leave(NamedTuple):
    """It may go out. ``is_probe``: it is the one call that finds out whether the broker answers again."""

    is_probe: bool = False


class Wait(NamedTuple):
    """Not before so many seconds: ``category`` is spent."""

    seconds: float
    category: str


class Shut(NamedTuple):
    """The broker does not answer ``since``; it is asked again at ``probe_at``."""

    since: float
    probe_at: float


Verdict = Leave | Wait | Shut


@dataclass(frozen=True, slots=True)
class Book:
    breaker: Breaker = field(default_factory=Breaker)
    buckets: Mapping[str, Bucket] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> Self:
        """From ``text()``; an empty book where there is none or another version wrote it."""
        try:
            found = json.loads(text)
            buckets = {name: Bucket(**values) for name, values in found["buckets"].items()}
            return cls(read_breaker(found["breaker"]), buckets)
        except (ValueError, TypeError, KeyError, AttributeError):
            return cls()

    def text(self) -> str:
        buckets = {name: _values(bucket) for name, bucket in self.buckets.items()}
        return AS_TEXT({"breaker": _values(self.breaker), "buckets": buckets})

    def bucket(self, budget: Budget, now: float) -> Bucket:
        """As it stands; a budget whose configured figures were changed begins anew with them."""
        known = self.buckets.get(budget.category)
        same = known is not None and (known.told or (known.limit, known.seconds) == (budget.calls, budget.seconds))
        return known if known is not None and same else Bucket.full(budget, now)

    def ask(self, budgets: Sequence[Budget], kind: Kind, broker: Breaker, now: float) -> tuple[Self, Verdict]:
        """Whether a call may go out, with the book after it. ``broker`` is the breaker over all its connections."""
        shut = next((each for each in (self.breaker, broker) if each.is_open), None)
        if shut is not None and kind is not Kind.URGENT and (kind is Kind.ACTING or now < self.breaker.probe_at):
            return self, Shut(shut.since, max(now, self.breaker.probe_at))
        after, wait = self.spent(budgets, now, urgent=kind is Kind.URGENT)
        if wait is not None:
            return self, wait
        if shut is None or kind is Kind.URGENT:
            return after, Leave()
        return replace(after, breaker=self.breaker.probed(now)), Leave(is_probe=True)

    def spent(self, budgets: Sequence[Budget], now: float, *, urgent: bool = False) -> tuple[Self, Wait | None]:
        """One call less if it is to be had, whether or not the broker answers; else how long to wait."""
        stand = [(budget, self.bucket(budget, now)) for budget in budgets]
        waits = [Wait(each.wait(now, urgent=urgent), budget.category) for budget, each in stand]
        if (longest := max(waits, default=Wait(0, ""))).seconds > 0:
            return self, longest
        return self.counted(budgets, now), None

    def counted(self, budgets: Sequence[Budget], now: float) -> Self:
        """One call less, whether it was to be had or not."""
        taken = {budget.category: self.bucket(budget, now).taken(now) for budget in budgets}
        return replace(self, buckets={**self.buckets, **taken})

    def heard(
        self,
        budgets: Sequence[Budget],
        now: float,
        status: int,
        headers: Mapping[str, str],
        retry_after: float | None,
    ) -> Self:
        """After an answer. Figures in headers are the category's own; a bare 429 cuts all that the call counted for.

        An answer that says nothing of them leaves the book as it is.
        """
        bare = told_by(headers) is None
        if bare and status != 429 and not any(self.bucket(budget, now).cuts for budget in budgets):
            return self
        stand = [(budget, self.bucket(budget, now)) for budget in budgets if bare or not budget.overall]
        after = {budget.category: each.heard(now, status, headers, retry_after) for budget, each in stand}
        return replace(self, buckets={**self.buckets, **after})


def read_breaker(values: Mapping[str, object]) -> Breaker:
    known = Breaker(**values)  # type: ignore[arg-type]  # another version's words raise TypeError, which callers expect
    return replace(known, voices=tuple(known.voices))


def breaker_from(text: str) -> Breaker:
    """From ``breaker_text``; a closed one where there is none or another version wrote it."""
    try:
        return read_breaker(json.loads(text))
    except (ValueError, TypeError):
        return Breaker()


def breaker_text(breaker: Breaker) -> str:
    return AS_TEXT(_values(breaker))


def _values(value: Breaker | Bucket) -> dict[str, object]:
    return {name: getattr(value, name) for name in value.__slots__}
