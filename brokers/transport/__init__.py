"""The one door to HTTP: sends a ``Request`` once (reads a little more often) and decides what went wrong.

What an error means is decided here alone, from what happened and from whether the request acts. "Was it
written?" is answered by watching the connection, not by the name of an exception. Before anything is sent the
connection's gate is asked (``gate.py``): whether there is budget left, and whether the broker answers at all.
"""

import contextlib
import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException

import requests
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as PoolTimeout

from brokers.errors import (
    BrokerError,
    NotAuthorized,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Unavailable,
    UnexpectedReply,
)
from brokers.port import AccessToken
from brokers.transport.answers import Answer, read_body
from brokers.transport.gate import CallsLeft, ConnectionGate, Gate, GatedToken, Heard, Standing, gate_of
from brokers.transport.ledger import forget_books, ledger_at
from brokers.transport.sessions import Door, close_doors, new_door, prepared, reading_door, trace
from brokers.wire import PRODUCT, ErrorDocument, Node, Purpose, Request, decode

__all__ = [
    "ACTING",
    "READING",
    "USER_AGENT",
    "CallsLeft",
    "ConnectionGate",
    "GatedToken",
    "Standing",
    "Timeouts",
    "Transport",
    "acting_watchers",
    "forget_sessions",
    "ledger_at",
]
log = logging.getLogger(__name__)

USER_AGENT = PRODUCT
DEFINITE = frozenset({400, 403, 404, 409, 422})
TRIES = 3
BRIEF = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses that may be over in a moment."""
LONGEST_REQUESTED_WAIT = 5.0
FAILURES = (requests.RequestException, HTTPError, HTTPException, OSError)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, between two pieces of an answer, and for the whole answer."""

    connect: float = 3.0
    read: float = 10.0
    total: float = 15.0


ACTING = Timeouts()
READING = Timeouts(read=15.0, total=40.0)


@dataclass(frozen=True, slots=True)
class _Lost:
    """No whole answer came. ``slow``: after a long wait."""

    error: BrokerError
    slow: bool


# Called as ``watcher(request, attempt)`` just before an acting request goes out, so that orders out can be counted.
acting_watchers: list[Callable[[Request, int], None]] = []


# --- the door -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Transport:
    """A broker's API for one connection.

    ``read_error`` gives the broker's own words out of an answer, None when the body is not its own document.
    All but GET goes out on a fresh connection of its own, once: a kept one may have died unseen.
    """

    base_url: str
    token: AccessToken | None
    broker: str
    read_error: Callable[[int, Node], ErrorDocument | None]
    headers: Mapping[str, str] = field(default_factory=dict)
    acting: Timeouts = ACTING
    reading: Timeouts = READING
    sleep: Callable[[float], None] = time.sleep

    def send(self, request: Request) -> Node:
        """The decoded answer (``Node(None)`` without content), or the ``BrokerError`` that says what to do next.

        A read may go out again after a pause. What acts never does, but for a 401 that proves it was not taken.
        """
        limits = self.acting if request.acts else self.reading
        deadline = time.monotonic() + limits.total
        tries = TRIES if request.method == "GET" and not request.acts else 1
        may_repeat = self._admit(request, limits.total / 4)
        attempt = 0
        while True:
            attempt += 1
            came = self._exchange(request, limits)
            pause = self._pause(came, attempt, deadline) if may_repeat and attempt < tries else None
            self._gate.settle(request, _heard(came), again=pause is not None)
            if pause is None or not self._admit_again(request, limits.total / 40, pause):
                return self._read(request, came)

    def _admit(self, request: Request, patience: float) -> bool:
        try:
            return self._gate.admit(request, patience)
        except Unavailable as held_back:
            held_back.broker = self.broker
            raise

    def _admit_again(self, request: Request, patience: float, pause: float) -> bool:
        """Whether a read may go out once more, after a pause; else what came first is the answer."""
        self.sleep(pause)
        try:
            self._admit(request, patience)
        except Unavailable:
            return False
        return True

    def _pause(self, came: Answer | _Lost, attempt: int, deadline: float) -> float | None:
        """Seconds until a read is tried again, None when it is not: longer each time, and never all at the same."""
        if isinstance(came, _Lost):
            # One long wait is enough; a kept connection that the broker had closed is worth another try.
            return random.uniform(0, 0.1) if attempt == 1 and not came.slow else None  # noqa: S311
        if came.status not in BRIEF:
            return None
        growing = 0.2 * 2 ** (attempt - 1)
        asked = came.retry_after or 0.0
        pause = max(asked, random.uniform(growing / 2, growing)) + random.uniform(0, 0.1)  # noqa: S311 (spreads them)
        too_long = asked > LONGEST_REQUESTED_WAIT or time.monotonic() + pause > deadline
        return None if too_long else pause

    def _token(self, refused: str | None = None, *, acts: bool = False) -> str:
        """Of what acts no byte has left by now, or the broker has proven that it did not take it: so it is unsent,
        whatever goes wrong here."""
        if self.token is None:
            raise NotAuthorized("There is no sign-in for this broker.", broker=self.broker)
        try:
            return self.token(refused=refused)
        except (UnexpectedReply, OutcomeUnknown):
            words = f"{self._title} did not answer our sign-in as expected. Nothing was sent."
            raise Unavailable(words, broker=self.broker) from None
        except BrokerError:
            raise
        except Exception as error:
            if not acts:
                raise
            log.exception("The sign-in for a request that acts could not be read: it is not sent.")
            raise Unavailable("The desk could not read the sign-in. Nothing was sent.", broker=self.broker) from error

    @property
    def _title(self) -> str:
        return self.broker or "The broker"

    @property
    def _gate(self) -> Gate:
        return gate_of(self.token)

    # one exchange

    def _exchange(self, request: Request, limits: Timeouts) -> Answer | _Lost:
        token = self._token(acts=request.acts) if self.token is not None else None
        came = self._once(request, token, limits, attempt=1)
        if isinstance(came, Answer) and came.status == 401 and token is not None and came.json is not None:
            # A 401 in the broker's own form proves that the request was not taken: once more, with a newer token.
            newer = self._token(refused=token, acts=request.acts)
            if newer != token:
                log.info("%s refused the token of a %s (%s): attempt 2", self.broker, request.method, request.purpose)
                self._gate.count(request)
                return self._once(request, newer, limits, attempt=2)
        return came

    def _once(self, request: Request, token: str | None, limits: Timeouts, attempt: int) -> Answer | _Lost:
        trace.reset()
        if request.acts:
            for watch in acting_watchers:
                watch(request, attempt)
        try:
            if request.method == "GET" and not request.acts:
                return self._asked(reading_door(self.base_url), request, token, limits)
            with contextlib.closing(new_door(pool=1)) as door:
                return self._asked(door, request, token, limits)
        except FAILURES as failure:
            slow = isinstance(failure, requests.Timeout | PoolTimeout | TimeoutError)
            return _Lost(self._failed(request, slow=slow), slow)

    def _asked(self, door: Door, request: Request, token: str | None, limits: Timeouts) -> Answer:
        deadline = time.monotonic() + limits.total
        url, headers = self.base_url + request.path, self._headers(request, token)
        wanted = prepared(request.method, url, request.params, headers, request.body)
        response = door.send(wanted, stream=True, timeout=(limits.connect, limits.read))
        try:
            return Answer(response.status_code, response.headers, read_body(response, deadline))
        finally:
            response.close()

    def _headers(self, request: Request, token: str | None) -> dict[str, str]:
        headers = {"User-Agent": USER_AGENT, "Accept": "application/json", **self.headers, **request.headers}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if request.method != "GET":
            headers["Connection"] = "close"
        return headers

    # what it means

    def _failed(self, request: Request, *, slow: bool) -> BrokerError:
        """No whole answer came: harmless if nothing was written or the request only asked."""
        if trace.surely_unsent:
            words = f"{self._title} cannot be reached." + (" Nothing was sent." if request.acts else "")
            return Unavailable(words, broker=self.broker)
        if request.acts:
            what = "did not answer in time" if slow else "broke off before its answer was whole"
            return self._unknown(f"{self._title} {what}")
        what = "did not answer in time." if slow else "broke off its answer."
        return Unavailable(f"{self._title} {what}", broker=self.broker)

    def _unknown(self, what: str) -> OutcomeUnknown:
        return OutcomeUnknown(f"{what}: it may have acted or not. It is being looked up.", broker=self.broker)

    def _read(self, request: Request, answer: Answer | _Lost) -> Node:
        if isinstance(answer, _Lost):
            raise answer.error
        if 200 <= answer.status < 300:
            return self._success(request, answer)
        raise (self._acting_error if request.acts else self._reading_error)(request, answer)

    def _success(self, request: Request, answer: Answer) -> Node:
        if answer.status == 204:
            return Node(None, "")
        try:
            return decode(answer.body)
        except UnexpectedReply as unreadable:
            unreadable.broker = self.broker
            if request.acts:
                raise self._unknown(f"{self._title} answered what we could not read") from None
            raise

    def _acting_error(self, request: Request, answer: Answer) -> BrokerError:
        document = self._document(answer)
        if answer.status == 429 and (document is not None or answer.names_a_limit):
            return self._limited(answer, document)
        if answer.status == 401 and answer.json is not None:
            return self._not_authorized(answer, document)
        if document is not None and answer.status in DEFINITE:
            return self._refusal(request, answer, document)
        return self._unknown(f"{self._title} answered with status {answer.status} instead of a yes or a no")

    def _reading_error(self, request: Request, answer: Answer) -> BrokerError:
        document = self._document(answer)
        if answer.status == 429:
            return self._limited(answer, document)
        if answer.status == 401 and answer.json is not None:
            return self._not_authorized(answer, document)
        if document is None or answer.status >= 500 or answer.status == 408:
            words = f"{self._title} is not available at the moment (status {answer.status})."
            return Unavailable(words, broker=self.broker)
        if answer.status == 403 and request.purpose is Purpose.OTHER:
            return self._not_authorized(answer, document)
        return self._refusal(request, answer, document)

    def _refusal(self, request: Request, answer: Answer, document: ErrorDocument) -> Refused:
        kind = Refused if request.purpose is Purpose.OTHER else OrderRejected
        return kind(
            document.message,
            broker=self.broker,
            broker_code=document.code,
            status=answer.status,
            notices=document.notices,
        )

    def _not_authorized(self, answer: Answer, document: ErrorDocument | None) -> NotAuthorized:
        words = document.message if document is not None else f"{self._title} did not accept the sign-in."
        code = document.code if document is not None else ""
        return NotAuthorized(words, broker=self.broker, broker_code=code, status=answer.status)

    def _limited(self, answer: Answer, document: ErrorDocument | None) -> RateLimited:
        words = f"{self._title} asks for fewer requests. Nothing was done; try again in a moment."
        code = document.code if document is not None else ""
        return RateLimited(words, broker=self.broker, broker_code=code, retry_after=answer.retry_after)

    def _document(self, answer: Answer) -> ErrorDocument | None:
        node = answer.json
        if node is None:
            return None
        try:
            return self.read_error(answer.status, node)
        except UnexpectedReply:
            return None


def _heard(came: Answer | _Lost) -> Heard:
    if isinstance(came, _Lost):
        return Heard(None, {}, slow=came.slow)
    return Heard(came.status, came.headers, came.retry_after)


def forget_sessions() -> None:
    """Close the pooled connections, and forget what was counted and which broker did not answer."""
    close_doors()
    forget_books()
