"""Loads what an account holds: balance, positions and quotes side by side, the last known when the broker is away.

Repeated questions within a moment are answered from one upstream call; news from the broker ends that moment.
What cannot be read is never shown as nothing: each part says what is known, since when, and why not newer.
"""

import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from threading import Lock
from typing import Any, Generic, TypeVar

from django.utils import timezone

from brokers.connections import broker_for
from brokers.connections.waiting import give_back, in_thread
from brokers.domain.accounts import Balance, Position
from brokers.domain.instruments import FutureOption, Instrument, Option, Other
from brokers.domain.market import Quote
from brokers.errors import BrokerError, Unavailable
from brokers.live.hub import hub
from brokers.models import Account
from brokers.port import Broker
from brokers.registry import spec
from portfolio import last_known

T = TypeVar("T")
FRESH_SECONDS = 2.0
FAILED_SECONDS = 4.0
PATIENCE_SECONDS = 5.0
ABANDONED_SECONDS = 30.0
DELTAS_GOOD_FOR = timedelta(seconds=60)


class Source(StrEnum):
    """Where figures are from: asked now, told by the broker's stream, or kept from before."""

    BROKER = "broker"
    STREAM = "stream"
    LAST_KNOWN = "last_known"


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """What is known of one thing: ``known`` None is "not known" (an empty tuple is "nothing there").

    ``seen_at`` is when the broker last told it; ``error`` says why it is not newer.
    """

    known: T | None
    seen_at: datetime | None = None
    source: Source | None = None
    error: BrokerError | None = None

    @property
    def is_stale(self) -> bool:
        return self.source is Source.LAST_KNOWN


@dataclass(frozen=True, slots=True)
class Held:
    """Positions with the newest quotes of their instruments; an instrument without a quote is left out."""

    positions: Part[tuple[Position, ...]]
    quotes: Mapping[Instrument, Quote] = field(default_factory=dict)
    quotes_error: BrokerError | None = None


@dataclass(frozen=True, slots=True)
class Holdings:
    """All that is known of one account, as of one look."""

    account: Account
    balance: Part[Balance]
    held: Held

    @property
    def error(self) -> BrokerError | None:
        """The first reason why something here is missing or old."""
        return self.balance.error or self.held.positions.error or self.held.quotes_error


def load(account: Account, now: datetime) -> Holdings:
    """Everything about one account; raises no ``BrokerError``: the parts carry it."""
    return load_many([account], now)[0]


def load_many(accounts: Sequence[Account], now: datetime) -> list[Holdings]:
    """Each account on its own, side by side: one that fails does not spoil the others."""
    asked = [(account, _ask_balance(account), _ask_held(account)) for account in accounts]
    until = time.monotonic() + PATIENCE_SECONDS
    return [
        Holdings(account, _wait(balance, until, account, _kept_balance), _wait(held, until, account, _kept_held))
        for account, balance, held in asked
    ]


def load_balance(account: Account) -> Part[Balance]:
    return _wait(_ask_balance(account), time.monotonic() + PATIENCE_SECONDS, account, _kept_balance)


def load_held(account: Account) -> Held:
    return _wait(_ask_held(account), time.monotonic() + PATIENCE_SECONDS, account, _kept_held)


# Asking: one flight per account and part.


class _Flight:
    """One question under way or just answered, and the state of the account's news when it was asked."""

    def __init__(self, account: Account, stamp: str, job: Callable[[Account], Any]) -> None:
        self.stamp = stamp
        self.begun = time.monotonic()
        self.good_until: float | None = None
        self.future: Future[Any] = in_thread(lambda: self._run(account, job))

    def _run(self, account: Account, job: Callable[[Account], Any]) -> Any:
        moment = 0.0
        try:
            answer = job(account)
            moment = FRESH_SECONDS if _error_of(answer) is None else FAILED_SECONDS
            return answer
        finally:
            self.good_until = time.monotonic() + moment

    def serves(self, stamp: str) -> bool:
        until = self.begun + ABANDONED_SECONDS if self.good_until is None else self.good_until
        return self.stamp == stamp and time.monotonic() < until


_flights: dict[tuple[str, uuid.UUID], _Flight] = {}
_boarding = Lock()


def _error_of(answer: "Part[Any] | Held") -> BrokerError | None:
    return answer.positions.error or answer.quotes_error if isinstance(answer, Held) else answer.error


def _ask(what: str, account: Account, job: Callable[[Account], T]) -> "Future[T]":
    stamp = last_known.stamp(account.pk)
    with _boarding:
        flight = _flights.get((what, account.pk))
        if flight is None or not flight.serves(stamp):
            for key in [key for key, old in _flights.items() if not old.serves(old.stamp)]:
                del _flights[key]
            flight = _flights[what, account.pk] = _Flight(account, stamp, job)
        return flight.future


def _ask_balance(account: Account) -> "Future[Part[Balance]]":
    return _ask("balance", account, _fetch_balance)


def _ask_held(account: Account) -> "Future[Held]":
    return _ask("held", account, _fetch_held)


def _wait(future: "Future[T]", until: float, account: Account, kept: Callable[[Account, BrokerError], T]) -> T:
    """The answer, or what is kept when it takes too long; the late answer still arrives for the next look."""
    give_back()
    try:
        return future.result(timeout=max(0.0, until - time.monotonic()))
    except TimeoutError:
        broker = account.connection.broker
        return kept(account, Unavailable("The broker takes long to answer.", broker=broker))


# Fetching: runs in a worker thread.


def _fetch_balance(account: Account) -> Part[Balance]:
    try:
        listed = broker_for(account.connection).get_balance(account.number)
    except BrokerError as error:
        return _kept_balance(account, error)
    kept = last_known.keep_balance(account.pk, listed, timezone.now())
    return Part(kept.balance, kept.seen_at, Source.STREAM if kept.streamed else Source.BROKER)


def _fetch_held(account: Account) -> Held:
    try:
        broker = broker_for(account.connection)
        listed = _with_day_gains(account, broker, broker.get_positions(account.number))
    except BrokerError as error:
        return _kept_held(account, error)
    kept = last_known.keep_positions(account.pk, listed, timezone.now())
    source = Source.STREAM if kept.is_streamed else Source.BROKER
    priced = {position.instrument for position in kept.held if not isinstance(position.instrument, Other)}
    return Held(Part(kept.held, kept.seen_at, source), *_fetch_quotes(account, broker, priced))


def _with_day_gains(account: Account, broker: Broker, listed: list[Position]) -> list[Position]:
    """What the listing leaves out; where that cannot be had the day's gain is unknown, and all else is shown."""
    if spec(account.connection.broker).capabilities.tells_day_gains:
        return listed
    try:
        return broker.with_day_gains(account.number, listed)
    except BrokerError:
        return listed


def _fetch_quotes(
    account: Account, broker: Broker, instruments: Collection[Instrument]
) -> tuple[dict[Instrument, Quote], BrokerError | None]:
    """The newest of what the feed holds and what the broker answers; of what was kept when it does not answer."""
    if not instruments:
        return {}, None
    streamed = hub.latest(account.connection_id, instruments)
    problem: BrokerError | None = None
    try:
        asked = broker.get_quotes(instruments)
    except BrokerError as error:
        problem = error.with_traceback(None)
        asked = last_known.quotes(account.pk)
    quotes = {
        instrument: newest
        for instrument in instruments
        if (newest := _newest(streamed.get(instrument), asked.get(instrument))) is not None
    }
    quotes = _with_deltas(account, quotes)
    last_known.keep_quotes(account.pk, quotes.values())
    return quotes, problem


def _with_deltas(account: Account, quotes: Mapping[Instrument, Quote]) -> dict[Instrument, Quote]:
    """A quote that was asked for has none: that which the stream told a moment ago stands beside it."""
    bare = [one for one, quote in quotes.items() if quote.delta is None and isinstance(one, Option | FutureOption)]
    oldest = timezone.now() - DELTAS_GOOD_FOR
    told = hub.latest_greeks(account.connection_id, bare) if bare else {}
    fresh = {one: greeks.delta for one, greeks in told.items() if greeks.as_of >= oldest}
    return {one: replace(quote, delta=fresh.get(one, quote.delta)) for one, quote in quotes.items()}


def _newest(one: Quote | None, other: Quote | None) -> Quote | None:
    """The newer of two; the previous close, which moves once a day, from the older one where it lacks it."""
    if one is None or other is None:
        return one or other
    newer, older = (one, other) if one.as_of >= other.as_of else (other, one)
    return newer if newer.prev_close is not None else replace(newer, prev_close=older.prev_close)


def _kept_balance(account: Account, error: BrokerError) -> Part[Balance]:
    error.with_traceback(None)  # it is kept for a moment: without the frames and what they hold
    kept = last_known.balance(account.pk)
    if kept is None:
        return Part(None, error=error)
    return Part(kept.balance, kept.seen_at, Source.LAST_KNOWN, error)


def _kept_held(account: Account, error: BrokerError) -> Held:
    """Old positions, but prices as new as the feed has them."""
    error.with_traceback(None)
    kept = last_known.positions(account.pk)
    if kept is None:
        return Held(Part(None, error=error))
    quotes = last_known.quotes(account.pk)
    for instrument, quote in hub.latest(account.connection_id, [p.instrument for p in kept.held]).items():
        quotes[instrument] = _newest(quote, quotes.get(instrument)) or quote
    return Held(Part(kept.held, kept.seen_at, Source.LAST_KNOWN, error), quotes)
