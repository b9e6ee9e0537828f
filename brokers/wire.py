"""Requests as values and strict readers of JSON: no sockets here.

A ``Node`` is a place in a decoded answer that knows its path, so that what cannot be read is named
(``data.items[0].price``) and never quoted.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from brokers.errors import UnexpectedReply

T = TypeVar("T")
LONGEST_NUMBER = 40


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request below an API's base URL.

    ``params`` keep their order and may repeat. ``acts`` says that it changes something at the broker, so
    that a lost answer leaves the outcome unknown.
    """

    method: str
    path: str
    params: tuple[tuple[str, str], ...] = ()
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    acts: bool = False


def decode(text: str | bytes, what: str = "answer") -> "Node":
    """Parse JSON with numbers as ``Decimal``; ``UnexpectedReply`` when it is not JSON."""
    try:
        value = json.loads(text, parse_float=Decimal, parse_int=_whole, parse_constant=_not_a_number)
    except (ValueError, RecursionError):
        raise UnexpectedReply(f"The broker's {what} could not be read: it is not JSON.", path="") from None
    return Node(value, "")


def _whole(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise ValueError("a number of absurd length")
    return int(text)


def _not_a_number(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True)
class Node:
    """A value at a path of a decoded answer. Readers raise ``UnexpectedReply`` that names the path."""

    value: Any
    path: str

    def wrong(self, wanted: str) -> UnexpectedReply:
        path = self.path or "the answer"
        return UnexpectedReply(f"The broker's answer could not be read: {path} is not {wanted}.", path=self.path)

    def __contains__(self, key: str) -> bool:
        return isinstance(self.value, dict) and self.value.get(key) is not None

    def __getitem__(self, key: str) -> "Node":
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        child = Node(self.value.get(key), f"{self.path}.{key}" if self.path else key)
        if child.value is None:
            raise child.wrong("there")
        return child

    def get(self, key: str) -> "Node | None":
        """The child, None when it is absent or null."""
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        return self[key] if self.value.get(key) is not None else None

    def items(self) -> Iterator["Node"]:
        if not isinstance(self.value, list):
            raise self.wrong("a list")
        for index, value in enumerate(self.value):
            yield Node(value, f"{self.path}[{index}]")

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise self.wrong("text")
        return self.value

    def identifier(self) -> str:
        """An id as text, whether it came as a number or as text."""
        if isinstance(self.value, bool) or not isinstance(self.value, str | int):
            raise self.wrong("an id")
        return str(self.value)

    def boolean(self) -> bool:
        if not isinstance(self.value, bool):
            raise self.wrong("true or false")
        return self.value

    def number(self) -> Decimal:
        """A finite number, from a JSON number or from text."""
        if isinstance(self.value, bool) or not isinstance(self.value, str | int | Decimal):
            raise self.wrong("a number")
        if isinstance(self.value, str) and len(self.value) > LONGEST_NUMBER:
            raise self.wrong("a number")
        try:
            number = Decimal(self.value)
        except InvalidOperation:
            raise self.wrong("a number") from None
        if not number.is_finite():
            raise self.wrong("a finite number")
        return number

    def instant(self) -> datetime:
        """An ISO 8601 time with its zone, or epoch milliseconds, as aware UTC."""
        try:
            if isinstance(self.value, int) and not isinstance(self.value, bool):
                return datetime.fromtimestamp(self.value / 1000, tz=timezone.utc)
            moment = datetime.fromisoformat(self.text())
        except (ValueError, OverflowError, OSError):
            raise self.wrong("a time") from None
        if moment.tzinfo is None:
            raise self.wrong("a time with a zone")
        return moment.astimezone(timezone.utc)

    def day(self) -> date:
        try:
            return date.fromisoformat(self.text())
        except ValueError:
            raise self.wrong("a date") from None

    def one_of(self, table: Mapping[str, T]) -> T:
        """The value a word stands for; an unknown word is an error, for guessing could cost money."""
        word = self.text()
        if word not in table:
            raise self.wrong("a known word")
        return table[word]


def optional_number(node: Node, key: str) -> Decimal | None:
    child = node.get(key)
    return child.number() if child is not None else None


def optional_instant(node: Node, key: str) -> datetime | None:
    child = node.get(key)
    return child.instant() if child is not None else None


def optional_text(node: Node, key: str) -> str:
    child = node.get(key)
    return child.text() if child is not None else ""


def repeated(key: str, values: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """A query parameter given once for each value."""
    return tuple((key, value) for value in values)
