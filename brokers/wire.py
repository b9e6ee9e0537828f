"""Requests as values and strict readers of JSON: no sockets here.

A ``Node`` is a place in a decoded answer that knows its path, so that what cannot be read is named
(``data.items[0].price``) and never quoted.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from brokers.domain.orders import Notice
from brokers.errors import UnexpectedReply

T = TypeVar("T")
VERSION = "0.1.0"
PRODUCT = f"blotter/{VERSION}"
LONGEST_NUMBER = 40
PLAIN_NUMBER = 20
NUMBER_RE = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?", re.ASCII)
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Purpose(StrEnum):
    """What a request is about, so that the transport can tell a rejected order from another refusal."""

    OTHER = "other"
    PREVIEW = "preview"
    PLACE = "place"
    REPLACE = "replace"
    CANCEL = "cancel"


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
    purpose: Purpose = Purpose.OTHER


@dataclass(frozen=True, slots=True)
class ErrorDocument:
    """A broker's own words for a refusal. Only a codec makes one, from a body in the broker's own shape."""

    code: str
    message: str
    notices: tuple[Notice, ...] = ()


def exact(text: str) -> Decimal:
    """The decimal number a text spells, in digits and without an exponent; ``ValueError`` when it spells none."""
    if len(text) <= PLAIN_NUMBER and text.isascii() and text.replace(".", "", 1).isdigit():
        return Decimal(text)  # nearly all of them: spared the longer look
    if len(text) > LONGEST_NUMBER or not NUMBER_RE.fullmatch(text):
        raise ValueError("not a number")
    number = Decimal(text)
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or not -LONGEST_NUMBER <= exponent <= LONGEST_NUMBER:
        raise ValueError("a number of absurd size")
    return Decimal(f"{number:f}") if exponent > 0 else number


def decode(text: str | bytes, what: str = "answer") -> "Node":
    """Parse JSON with numbers as ``Decimal``; ``UnexpectedReply`` when it is not JSON."""
    try:
        value = json.loads(text, parse_float=exact, parse_int=_whole, parse_constant=_not_a_number)
    except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError
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
        """Text that can be stored and shown: no NUL, no half of a surrogate pair."""
        if not isinstance(self.value, str) or not storable(self.value):
            raise self.wrong("text")
        return self.value

    def identifier(self) -> str:
        """An id as text, whether it came as a number or as text."""
        if isinstance(self.value, bool) or not isinstance(self.value, str | int):
            raise self.wrong("an id")
        if isinstance(self.value, str) and not storable(self.value):
            raise self.wrong("an id")
        return str(self.value)

    def boolean(self) -> bool:
        if not isinstance(self.value, bool):
            raise self.wrong("true or false")
        return self.value

    def number(self) -> Decimal:
        """A finite number, from a JSON number or from text."""
        if isinstance(self.value, Decimal):
            return self.value
        if isinstance(self.value, bool) or not isinstance(self.value, str | int):
            raise self.wrong("a number")
        try:
            return exact(str(self.value))
        except ValueError:
            raise self.wrong("a number") from None

    def whole(self) -> int:
        """A whole number, from a JSON number or from text."""
        number = self.number()
        if number != number.to_integral_value():
            raise self.wrong("a whole number")
        return int(number)

    def instant(self) -> datetime:
        """An ISO 8601 time with its zone, or epoch milliseconds, as aware UTC."""
        try:
            if isinstance(self.value, int) and not isinstance(self.value, bool):
                return EPOCH + timedelta(milliseconds=self.value)
            moment = datetime.fromisoformat(self.text())
        except (ValueError, OverflowError):
            raise self.wrong("a time") from None
        if moment.tzinfo is None:
            raise self.wrong("a time with a zone")
        try:
            return moment.astimezone(timezone.utc)
        except OverflowError:
            raise self.wrong("a time") from None

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


def storable(text: str) -> bool:
    return (text.isascii() and "\0" not in text) or not any(c == "\0" or "\ud800" <= c <= "\udfff" for c in text)


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
