"""The gate before each call of a connection: is there budget, does the broker answer at all; and what came of it."""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Protocol
from zoneinfo import ZoneInfo

from brokers.errors import RateLimited, Unavailable
from brokers.port import AccessToken, Budget
from brokers.transport.book import (
    Book,
    Leave,
    Shut,
    Verdict,
    Wait,
    breaker_from,
    breaker_text,
    concerned,
    kind_of,
)
from brokers.transport.breaker import Breaker
from brokers.transport.ledger import Ledger
from brokers.wire import Purpose, Request

NEW_YORK = ZoneInfo("America/New_York")
PATIENCE = 2.0
"""Seconds for which a call waits for its budget, at most."""
ORDERS_PATIENCE = 0.5
BROKERS_IN_A_ROW = 10
BROKERS_VOICES = 2
"""One connection's trouble is not the broker's: so many must have it."""
SLOW_WEIGHT = 2
"""A time-out held somebody up for long, so fewer of them are let happen."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of a call: a status with its headers, or no answer (None), perhaps after a long wait."""

    status: int | None
    headers: Mapping[str, str]
    retry_after: float | None = None
    slow: bool = False

    @property
    def is_failure(self) -> bool:
        """Whether the broker itself did not answer. A refusal is an answer; a redirect to elsewhere is none."""
        return self.status is None or self.status >= 500 or self.status == 408 or 300 <= self.status < 400


@dataclass(frozen=True, slots=True)
class CallsLeft:
    """One category as it stands. ``is_told``: by the broker's headers, else as configured."""

    category: str
    limit: int
    left: int
    full_at: datetime
    is_told: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """A connection as it stands: what it may still ask, and since when the broker does not answer, if it does not."""

    calls: tuple[CallsLeft, ...]
    silent_since: datetime | None = None
    asked_again_at: datetime | None = None


_written: dict[str, tuple[str, Book]] = {}
"""By connection: the text that this process wrote last, and the book that it says."""


class Gate(Protocol):
    def admit(self, request: Request, patience: float) -> bool:
        """Wait until a call may go out, count it, and say whether it may be repeated if it fails.

        Raises ``RateLimited`` or ``Unavailable`` before anything is sent.
        """
        ...

    def count(self, request: Request) -> None:
        """A call goes out that cannot be held back."""
        ...

    def settle(self, request: Request, heard: Heard, *, again: bool = False) -> None:
        """What came of a call; ``again``: it is about to be repeated, so a failure does not count yet."""
        ...

    def open(self, request: Request) -> None:
        """A stream is to be opened: counted, or ``RateLimited`` at once. Whether the broker answers calls is not asked,
        and what becomes of the stream says nothing of that."""
        ...

    def opened(self, request: Request, status: int, headers: Mapping[str, str], retry_after: float | None) -> None:
        """What the answer to such an opening says of the budget."""
        ...


class OpenGate:
    """Lets everything pass: for a token that belongs to no connection."""

    def admit(self, request: Request, patience: float) -> bool:
        return True

    def count(self, request: Request) -> None:
        return

    def settle(self, request: Request, heard: Heard, *, again: bool = False) -> None:
        return

    def open(self, request: Request) -> None:
        return

    def opened(self, request: Request, status: int, headers: Mapping[str, str], retry_after: float | None) -> None:
        return


@dataclass(frozen=True)
class ConnectionGate:
    """For one connection. ``connection`` names it; ``world`` names its broker's environment, whose breaker all its
    connections share. ``urgent``: what is read through this gate looks up orders in doubt."""

    connection: str
    world: str
    title: str
    budgets: tuple[Budget, ...]
    ledger: Ledger
    urgent: bool = False
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    _known: dict[tuple[str, str], list[Budget]] = field(default_factory=dict, repr=False, compare=False)
    """The budgets that a request counts against, by its method and path: asked before it and after it."""

    # before

    def admit(self, request: Request, patience: float) -> bool:
        left = min(patience, _patience(request))
        while True:
            broker = breaker_from(self.ledger.read(self.world))
            verdict, is_well = self._ask(request, broker)
            if isinstance(verdict, Shut):
                raise self._shut(request, verdict)
            if isinstance(verdict, Leave):
                return is_well
            left -= verdict.seconds
            if left < 0:
                raise self._spent(request, verdict)
            self.sleep(verdict.seconds * random.uniform(1.0, 1.2) + 0.001)  # noqa: S311 (spreads those who wait)

    def _ask(self, request: Request, broker: Breaker) -> tuple[Verdict, bool]:
        budgets, kind, now = self._concerned(request), kind_of(request, urgent=self.urgent), self.now()

        def step(text: str) -> tuple[str, tuple[Verdict, bool]]:
            before = self._book(text)
            after, verdict = before.ask(budgets, kind, broker, now)
            is_well = not before.breaker.failures and not broker.failures
            return self._text(text, before, after), (verdict, is_well)

        return self.ledger.change(self.connection, step)

    def count(self, request: Request) -> None:
        budgets, now = self._concerned(request), self.now()
        self._change(lambda book: book.counted(budgets, now))

    # after

    def settle(self, request: Request, heard: Heard, *, again: bool = False) -> None:
        now = self.now()
        self._change(lambda book: self._after(book, request, heard, now, again=again))
        if not again:
            self.ledger.change(self.world, lambda text: (self._world_after(text, heard, now), None))

    def _after(self, book: Book, request: Request, heard: Heard, now: float, *, again: bool) -> Book:
        if heard.status is not None:
            budgets = self._concerned(request)
            book = book.heard(budgets, now, heard.status, heard.headers, heard.retry_after)
        if heard.is_failure and not again:
            return replace(book, breaker=book.breaker.failed(now, weight=SLOW_WEIGHT if heard.slow else 1))
        breaker = book.breaker if heard.is_failure else book.breaker.answered(now)
        return book if breaker is book.breaker else replace(book, breaker=breaker)

    def _world_after(self, text: str, heard: Heard, now: float) -> str:
        before = breaker_from(text)
        if heard.is_failure:
            after = before.failed(now, self.connection, in_a_row=BROKERS_IN_A_ROW, voices=BROKERS_VOICES)
        else:
            after = before.answered(now)
        return text if after is before else breaker_text(after)

    def _change(self, change: Callable[[Book], Book]) -> None:
        def step(text: str) -> tuple[str, None]:
            before = self._book(text)
            return self._text(text, before, change(before)), None

        self.ledger.change(self.connection, step)

    def _concerned(self, request: Request) -> list[Budget]:
        line = (request.method, request.path)
        if line not in self._known:
            self._known[line] = concerned(self.budgets, request)
        return self._known[line]

    def _book(self, text: str) -> Book:
        """What stands there; mostly this process wrote it a moment ago and knows what it says."""
        known, book = _written.get(self.connection, ("", None))
        return book if book is not None and known == text else Book.read(text)

    def _text(self, text: str, before: Book, after: Book) -> str:
        if after is before:
            return text
        written = after.text()
        _written[self.connection] = written, after
        return written

    # streams

    def open(self, request: Request) -> None:
        budgets, now = self._concerned(request), self.now()

        def step(text: str) -> tuple[str, Wait | None]:
            before = self._book(text)
            after, wait = before.spent(budgets, now)
            return self._text(text, before, after), wait

        wait = self.ledger.change(self.connection, step)
        if wait is not None:
            raise self._spent(request, wait)

    def opened(self, request: Request, status: int, headers: Mapping[str, str], retry_after: float | None) -> None:
        budgets, now = self._concerned(request), self.now()
        self._change(lambda book: book.heard(budgets, now, status, headers, retry_after))

    # in words

    def _spent(self, request: Request, wait: Wait) -> RateLimited:
        sent = " Nothing was sent." if request.acts else ""
        words = (
            f"{self.title} may be asked only so often ({wait.category}), and that is used up for now.{sent} "
            f"Try again in {_seconds(wait.seconds)}."
        )
        return RateLimited(words, retry_after=round(wait.seconds, 3))

    def _shut(self, request: Request, shut: Shut) -> Unavailable:
        since, again = _clock(shut.since), _clock(shut.probe_at)
        if request.acts:
            return Unavailable(f"{self.title} does not answer since {since}. Nothing was sent; try again later.")
        return Unavailable(f"{self.title} does not answer since {since}; it is asked again at {again} ET.")

    # for people

    def standing(self) -> Standing:
        now = self.now()
        book = Book.read(self.ledger.read(self.connection))
        broker = breaker_from(self.ledger.read(self.world))
        calls = tuple(self._calls_left(book, budget, now) for budget in self.budgets)
        shut = next((each for each in (book.breaker, broker) if each.is_open), None)
        if shut is None:
            return Standing(calls)
        return Standing(calls, _moment(shut.since), _moment(max(now, book.breaker.probe_at)))

    def _calls_left(self, book: Book, budget: Budget, now: float) -> CallsLeft:
        bucket = book.bucket(budget, now).filled(now)
        most = bucket.most(now)
        full_at = _moment(now + (most - bucket.left) / bucket.rate(now))
        return CallsLeft(budget.category, int(most), int(bucket.left), full_at, bucket.told)


@dataclass(frozen=True)
class GatedToken:
    """A connection's token source, which knows the gate that the connection's calls go through."""

    source: AccessToken
    gate: Gate

    def __call__(self, *, refused: str | None = None) -> str:
        return self.source(refused=refused)


def gate_of(token: AccessToken | None) -> Gate:
    return token.gate if isinstance(token, GatedToken) else OpenGate()


def _patience(request: Request) -> float:
    return ORDERS_PATIENCE if request.acts and request.purpose is not Purpose.CANCEL else PATIENCE


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)


def _clock(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, NEW_YORK):%H:%M:%S}"


def _seconds(seconds: float) -> str:
    whole = max(1, round(seconds))
    return "a second" if whole == 1 else f"{whole} seconds" if whole < 120 else f"{round(whole / 60)} minutes"
