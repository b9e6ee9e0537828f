"""Requests sent and answers read: what counts as an answer, and what a lost one means."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

from brokers.errors import BrokerError, OutcomeUnknown, UnexpectedReply
from brokers.port import AccessToken, Hosts
from brokers.tradestation.codec import envelope
from brokers.tradestation.codec.envelope import BROKER
from brokers.transport import Timeouts, Transport
from brokers.wire import Node, Request

T = TypeVar("T")
MOST_PAGES = 100
GLANCE = Timeouts(connect=1.0, read=2.0, total=3.0)


class Calls:
    """One connection's ways to the broker. Errors are ``BrokerError`` and carry the broker's name."""

    def __init__(self, hosts: Hosts, token: AccessToken) -> None:
        self._door = Transport(hosts.api, token, broker=BROKER, read_error=envelope.read_error)
        self._glancing = replace(self._door, reading=GLANCE)
        self._old_door = replace(self._door, base_url=f"{hosts.api.removesuffix('/v3')}/v2")

    def ask(self, request: Request, read: Callable[[Node], T]) -> T:
        return named(lambda: read(envelope.check(self._door.send(request), request)))

    def ask_account(self, request: Request, read: Callable[[Node], T]) -> T:
        """As ``ask``, about one account: an answer that names a failure is no answer, whatever its status."""
        return named(lambda: read(envelope.check_account(self._door.send(request), request)))

    def ask_old(self, request: Request, read: Callable[[Node], T]) -> T:
        """As ``ask``, of the API's second version."""
        return named(lambda: read(envelope.check(self._old_door.send(request), request)))

    def act(self, request: Request, read: Callable[[Node], T]) -> T:
        """For what changes something: an answer that cannot be read leaves the outcome unknown."""
        node = self._door.send(request)
        try:
            return named(lambda: read(node))
        except UnexpectedReply as unreadable:
            words = f"{unreadable.message} The request may have been carried out; it is being looked up."
            raise OutcomeUnknown(words, broker=BROKER) from None

    def glance(self, request: Request, read: Callable[[Node], T | None]) -> T | None:
        """An answer if one can be had at once; None for any failure."""
        try:
            return read(self._glancing.send(request))
        except BrokerError:
            return None

    def pages(self, request: Request, read: Callable[[Node], list[T]]) -> list[T]:
        """Every page of a listing of one account, or an error."""
        pages = each_page(request, lambda page: self.ask_account(page, lambda node: node))
        return named(lambda: [row for node in pages for row in read(node)])


def each_page(request: Request, fetch: Callable[[Request], Node]) -> Iterator[Node]:
    """The pages of a listing, each asked for by the token on the one before. A list without end is an error."""
    page = request
    for _ in range(MOST_PAGES):
        node = fetch(page)
        yield node
        if not (token := envelope.text(node, "NextToken")):
            return
        page = replace(request, params=(*request.params, ("nextToken", token)))
    raise UnexpectedReply("The broker's list does not end.", broker=BROKER, path="NextToken")


def named(read: Callable[[], T]) -> T:
    """What ``read`` gives; errors carry the broker's name."""
    try:
        return read()
    except BrokerError as error:
        error.broker = error.broker or BROKER
        raise
