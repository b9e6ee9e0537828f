"""The account streamer's client side without a socket: text in, events out (section 8)."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

from brokers.domain.orders import OrderUpdate
from brokers.errors import UnexpectedReply
from brokers.port import AccountChanged
from brokers.tastytrade.codec.accounts import read_balance_item, read_position
from brokers.tastytrade.codec.orders import read_order
from brokers.wire import PRODUCT, Node, decode, optional_text


@dataclass(frozen=True, slots=True)
class Connected:
    """The accounts' notifications are on."""


@dataclass(frozen=True, slots=True)
class Beat:
    """A heartbeat was answered."""


@dataclass(frozen=True, slots=True)
class Denied:
    """A request was answered with an error; the socket stays open but is of no use."""

    action: str
    message: str


@dataclass(frozen=True, slots=True)
class Fault:
    """A frame or a notification could not be read. ``text`` names the place, never what stood there."""

    text: str


Event: TypeAlias = OrderUpdate | AccountChanged | Connected | Beat | Denied | Fault


class Alerts:
    """One socket's worth of protocol. Each request carries a token that is valid when it is sent."""

    def __init__(self, account_numbers: Sequence[str]) -> None:
        self._accounts = tuple(account_numbers)
        self._asked: dict[int, str] = {}
        self._last_id = 0

    # --- outwards ---

    def connect(self, token: str) -> str:
        return self._request("connect", token, value=list(self._accounts))

    def heartbeat(self, token: str) -> str:
        return self._request("heartbeat", token)

    @property
    def unanswered(self) -> int:
        """How many requests wait for their answer."""
        return len(self._asked)

    def _request(self, action: str, token: str, **rest: Any) -> str:
        self._last_id += 1
        self._asked[self._last_id] = action
        message = {"action": action, **rest, "auth-token": f"Bearer {token}", "request-id": self._last_id}
        return json.dumps({**message, "source": PRODUCT}, separators=(",", ":"))

    # --- inwards ---

    def receive(self, text: str | bytes, today: date) -> list[Event]:
        """The events of one frame; ``today`` is the day in New York."""
        try:
            return list(self._react(decode(text, "account stream"), today))
        except UnexpectedReply as unreadable:
            return [Fault(unreadable.message)]

    def _react(self, message: Node, today: date) -> Iterator[Event]:
        if "results" in message:
            for member in message["results"].items():
                yield from _notification(member, today)
        elif "status" in message:
            yield from self._answer(message)
        else:
            yield from _notification(message, today)

    def _answer(self, message: Node) -> Iterator[Event]:
        action = self._asked_for(message)
        if message["status"].text() != "ok":
            yield Denied(action, optional_text(message, "message")[:200])
        elif action == "connect":
            yield Connected()
        elif action == "heartbeat":
            yield Beat()

    def _asked_for(self, message: Node) -> str:
        """What the answer is to: by its id, which may come back as text, else by the action it names."""
        named, number = optional_text(message, "action"), message.get("request-id")
        if number is not None:
            return self._asked.pop(number.whole(), named)
        self._asked = {key: action for key, action in self._asked.items() if action != named}
        return named


def _notification(message: Node, today: date) -> Iterator[Event]:
    """One notification. One that cannot be read is told of: the listing must then be read in its place."""
    try:
        kind = message["type"].text()
    except UnexpectedReply as unreadable:
        yield Fault(unreadable.message)
        return
    if kind not in READERS:
        return
    what, read = READERS[kind]
    try:
        yield read(message["data"], today)
    except UnexpectedReply as unreadable:
        yield Fault(unreadable.message)
        if account := _account_number(message):
            yield AccountChanged(account, what)


def _account_number(message: Node) -> str:
    try:
        return message["data"]["account-number"].text()
    except UnexpectedReply:
        return ""


def _order(data: Node, today: date) -> Event:
    return read_order(data)


def _balance(data: Node, today: date) -> Event:
    balance = read_balance_item(data)
    return AccountChanged(balance.account_number, "balance", (balance,))


def _position(data: Node, today: date) -> Event:
    position = read_position(data, today)
    return AccountChanged(position.account_number, "positions", (position,))


READERS: dict[str, tuple[str, Callable[[Node, date], Event]]] = {
    "Order": ("orders", _order),
    "AccountBalance": ("balance", _balance),
    "CurrentPosition": ("positions", _position),
}
