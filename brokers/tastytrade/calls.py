"""Requests sent and answers read: whole listings, and what an unreadable answer means."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from brokers.errors import BrokerError, OutcomeUnknown, UnexpectedReply
from brokers.port import AccessToken, Hosts
from brokers.tastytrade.codec import envelope
from brokers.transport import Transport
from brokers.wire import Node, Request

T = TypeVar("T")
MOST_PAGES = 400


class Calls:
    """One connection's ways to the broker. Errors are ``BrokerError`` and carry the broker's name."""

    def __init__(self, hosts: Hosts, token: AccessToken) -> None:
        self._plain = not hosts.api.startswith("https://")
        headers = {"Accept-Version": envelope.ACCEPT_VERSION}
        self._door = Transport(hosts.api, token, broker="tastytrade", read_error=envelope.read_error, headers=headers)

    def _answer(self, request: Request) -> Node:
        return self._door.send(request)

    def _ask(self, request: Request, read: Callable[[Node], T]) -> T:
        return named(lambda: read(self._answer(request)))

    def _act(self, request: Request, read: Callable[[Node], T]) -> T:
        """As ``_ask``, for what changes something: an answer that cannot be read leaves the outcome unknown."""
        node = self._answer(request)
        try:
            return read(node)
        except UnexpectedReply as unreadable:
            words = f"{unreadable.message} The request may have been carried out; it is being looked up."
            raise OutcomeUnknown(words, broker="tastytrade") from None

    def _all_pages(self, request: Request, per_page: int, read: Callable[[Node], list[T]]) -> list[T]:
        """Every page or an error."""
        return named(lambda: [line for node in self._pages(request, per_page) for line in read(node)])

    def _pages(self, request: Request, per_page: int) -> Iterator[Node]:
        for number in range(MOST_PAGES):
            node = self._answer(envelope.on_page(request, number))
            yield node
            if envelope.page(node, number, per_page).is_last:
                return
        raise UnexpectedReply("The broker's list does not end.", path="pagination")


def named(read: Callable[[], T]) -> T:
    """What ``read`` gives; errors carry the broker's name."""
    try:
        return read()
    except BrokerError as error:
        error.broker = error.broker or "tastytrade"
        raise
