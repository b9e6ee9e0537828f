"""The one door to HTTP: sends a ``Request`` once (reads a little more often) and decides what went wrong.

What an error means is decided here alone, from what happened and from whether the request acts. "Was it
written?" is answered by watching the connection, not by the name of an exception.
"""

import logging
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
from brokers.transport.sessions import forget_sessions, new_session, reading_session, trace
from brokers.wire import PRODUCT, ErrorDocument, Node, Purpose, Request, decode

__all__ = ["ACTING", "READING", "USER_AGENT", "Timeouts", "Transport", "acting_watchers", "forget_sessions"]
log = logging.getLogger(__name__)

USER_AGENT = PRODUCT
CHUNK = 64 * 1024
LARGEST_ANSWER = 48 * 1024 * 1024
DEFINITE = frozenset({400, 403, 404, 409, 422})
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
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def retry_after(self) -> float | None:
        try:
            return max(0.0, float(self.headers.get("Retry-After", "")))
        except ValueError:
            return None

    @property
    def names_a_limit(self) -> bool:
        wanted = ("retry-after", "ratelimit", "x-ratelimit")
        return any(name.lower().startswith(wanted) for name in self.headers)


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

    def send(self, request: Request) -> Node:
        """The decoded answer (``Node(None)`` without content), or the ``BrokerError`` that says what to do next."""
        token = self._token() if self.token is not None else None
        answer = self._once(request, token, attempt=1)
        if answer.status == 401 and token is not None and _json(answer) is not None:
            # A 401 in the broker's own form proves that the request was not taken: once more, with a newer token.
            newer = self._token(refused=token)
            if newer != token:
                log.info("%s refused the token of a %s (%s): attempt 2", self.broker, request.method, request.purpose)
                answer = self._once(request, newer, attempt=2)
        return self._read(request, answer)

    def _token(self, refused: str | None = None) -> str:
        if self.token is None:
            raise NotAuthorized("There is no sign-in for this broker.", broker=self.broker)
        try:
            return self.token(refused=refused)
        except (UnexpectedReply, OutcomeUnknown):
            words = f"{self._title} did not answer our sign-in as expected. Nothing was sent."
            raise Unavailable(words, broker=self.broker) from None

    @property
    def _title(self) -> str:
        return self.broker or "The broker"

    # one exchange

    def _once(self, request: Request, token: str | None, attempt: int) -> _Answer:
        trace.reset()
        if request.acts:
            for watch in acting_watchers:
                watch(request, attempt)
        try:
            if request.method == "GET" and not request.acts:
                return self._exchange(reading_session(self.base_url), request, token, self.reading)
            with new_session(0, pool=1) as session:
                limits = self.acting if request.acts else self.reading
                return self._exchange(session, request, token, limits)
        except FAILURES as failure:
            raise self._failed(request, failure) from None

    def _exchange(self, session: requests.Session, request: Request, token: str | None, limits: Timeouts) -> _Answer:
        deadline = time.monotonic() + limits.total
        response = session.request(
            request.method,
            self.base_url + request.path,
            params=list(request.params),
            json=request.body,
            headers=self._headers(request, token),
            timeout=(limits.connect, limits.read),
            allow_redirects=False,
            stream=True,
        )
        try:
            return _Answer(response.status_code, response.headers, _body(response, deadline))
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

    def _failed(self, request: Request, failure: Exception) -> BrokerError:
        """No whole answer came: harmless if nothing was written or the request only asked."""
        slow = isinstance(failure, requests.Timeout | PoolTimeout | TimeoutError)
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

    def _read(self, request: Request, answer: _Answer) -> Node:
        if 200 <= answer.status < 300:
            return self._success(request, answer)
        raise (self._acting_error if request.acts else self._reading_error)(request, answer)

    def _success(self, request: Request, answer: _Answer) -> Node:
        if answer.status == 204:
            return Node(None, "")
        try:
            return decode(answer.body)
        except UnexpectedReply as unreadable:
            unreadable.broker = self.broker
            if request.acts:
                raise self._unknown(f"{self._title} answered what we could not read") from None
            raise

    def _acting_error(self, request: Request, answer: _Answer) -> BrokerError:
        document = self._document(answer)
        if answer.status == 429 and (document is not None or answer.names_a_limit):
            return self._limited(answer, document)
        if answer.status == 401 and _json(answer) is not None:
            return self._not_authorized(answer, document)
        if document is not None and answer.status in DEFINITE:
            return self._refusal(request, answer, document)
        return self._unknown(f"{self._title} answered with status {answer.status} instead of a yes or a no")

    def _reading_error(self, request: Request, answer: _Answer) -> BrokerError:
        document = self._document(answer)
        if answer.status == 429:
            return self._limited(answer, document)
        if answer.status == 401 and _json(answer) is not None:
            return self._not_authorized(answer, document)
        if document is None or answer.status >= 500 or answer.status == 408:
            words = f"{self._title} is not available at the moment (status {answer.status})."
            return Unavailable(words, broker=self.broker)
        if answer.status == 403 and request.purpose is Purpose.OTHER:
            return self._not_authorized(answer, document)
        return self._refusal(request, answer, document)

    def _refusal(self, request: Request, answer: _Answer, document: ErrorDocument) -> Refused:
        kind = Refused if request.purpose is Purpose.OTHER else OrderRejected
        return kind(
            document.message,
            broker=self.broker,
            broker_code=document.code,
            status=answer.status,
            notices=document.notices,
        )

    def _not_authorized(self, answer: _Answer, document: ErrorDocument | None) -> NotAuthorized:
        words = document.message if document is not None else f"{self._title} did not accept the sign-in."
        code = document.code if document is not None else ""
        return NotAuthorized(words, broker=self.broker, broker_code=code, status=answer.status)

    def _limited(self, answer: _Answer, document: ErrorDocument | None) -> RateLimited:
        words = f"{self._title} asks for fewer requests. Nothing was done; try again in a moment."
        code = document.code if document is not None else ""
        return RateLimited(words, broker=self.broker, broker_code=code, retry_after=answer.retry_after)

    def _document(self, answer: _Answer) -> ErrorDocument | None:
        node = _json(answer)
        if node is None:
            return None
        try:
            return self.read_error(answer.status, node)
        except UnexpectedReply:
            return None


def _body(response: requests.Response, deadline: float) -> bytes:
    """The whole body, piece by piece as it comes, so that one that trickles cannot hold us."""
    body = bytearray()
    while piece := response.raw.read1(CHUNK, decode_content=True):
        body += piece
        if time.monotonic() > deadline:
            raise TimeoutError("the answer trickled")
        if len(body) > LARGEST_ANSWER:
            raise HTTPException("the answer is too large")
    return bytes(body)


def _json(answer: _Answer) -> Node | None:
    """The body as a JSON object, None when it is anything else (a gateway's page, nothing)."""
    try:
        node = decode(answer.body)
    except UnexpectedReply:
        return None
    return node if isinstance(node.value, dict) else None
