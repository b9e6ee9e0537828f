"""The protocol of TradeStation's HTTP streams without I/O: bytes cut anywhere in, classified objects out (section 7).

Objects come one a line; the pieces they travel in know nothing of lines.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from brokers.errors import UnexpectedReply
from brokers.tradestation.quoted import Quotes
from brokers.wire import Node, decode, optional_text

LARGEST_LINE = 4 * 1024 * 1024
LONGEST_WORDS = 200


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Nothing to say, but there."""


@dataclass(frozen=True, slots=True)
class EndSnapshot:
    """All that was is told; what follows is new."""


@dataclass(frozen=True, slots=True)
class GoAway:
    """The server ends the stream soon."""


@dataclass(frozen=True, slots=True)
class Failed:
    """An error in the stream; with a ``symbol`` or an ``account`` it concerns that one alone."""

    code: str
    message: str = ""
    symbol: str = ""
    account: str = ""


@dataclass(frozen=True, slots=True)
class Deleted:
    """A position is closed."""

    position_id: str


@dataclass(frozen=True, slots=True)
class Data:
    """An object of the stream's own kind."""

    node: Node


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line that could not be read; the words never quote it."""

    words: str


Message: TypeAlias = Heartbeat | EndSnapshot | GoAway | Failed | Deleted | Data | Quotes | Unreadable
Quick: TypeAlias = Callable[[bytes], Sequence[Message] | None]
"""Reads whole lines, if it can read all of them."""
STATUSES: dict[str, Message] = {"EndSnapshot": EndSnapshot(), "GoAway": GoAway()}


class Chunks:
    """One stream's bytes. A line without end is an error: ``receive`` raises ``UnexpectedReply``.

    ``quick`` reads the lines that it can; the others are read here.
    """

    def __init__(self, quick: Quick | None = None) -> None:
        self._rest: list[bytes] = []  # put together once: a line may come in thousands of pieces
        self._waiting = 0
        self._quick = quick

    def receive(self, piece: bytes) -> Sequence[Message]:
        """The messages that this piece completes."""
        end = piece.rfind(b"\n")
        if end >= 0:
            rest, self._rest = self._rest, [piece[end + 1 :]]
            self._waiting = len(piece) - end - 1
            rest.append(piece[:end])
            return self._read(b"".join(rest))
        self._rest.append(piece)
        self._waiting += len(piece)
        if self._waiting > LARGEST_LINE:
            raise UnexpectedReply("TradeStation's stream sent a line without end.", path="")
        return []

    def _read(self, lines: bytes) -> Sequence[Message]:
        if self._quick is not None and (found := self._quick(lines)) is not None:
            return found
        messages: list[Message] = []
        for line in lines.split(b"\n"):
            quickly = self._quick(line) if self._quick is not None else None
            messages += _messages(line) if quickly is None else quickly
        return messages

    def finish(self) -> list[Message]:
        """The stream is over: its last line may have come without an end, or be torn."""
        line, self._rest = b"".join(self._rest), []
        return [message for message in _messages(line) if not isinstance(message, Unreadable)]


def _messages(line: bytes) -> Iterator[Message]:
    if not line.strip():
        return
    try:
        found = decode(line, "stream")
        nodes = list(found.items()) if isinstance(found.value, list) else [found]
    except UnexpectedReply as unreadable:
        yield Unreadable(unreadable.message)
        return
    for node in nodes:
        try:
            yield classify(node)
        except UnexpectedReply as unreadable:
            yield Unreadable(unreadable.message)


def classify(node: Node) -> Message:
    """What an object is, asked in the order of section 7.2; ``UnexpectedReply`` when it is no object."""
    if not isinstance(node.value, dict):
        raise node.wrong("an object")
    if "Heartbeat" in node:
        return Heartbeat()
    if "StreamStatus" in node:
        return node["StreamStatus"].one_of(STATUSES)
    if "Error" in node:
        return _failed(node)
    if node.value.get("Deleted") is True:
        return Deleted(node["PositionID"].identifier())
    return Data(node)


def _failed(node: Node) -> Message:
    code = node["Error"].text()[:LONGEST_WORDS]
    if code == "GoAway":
        return GoAway()
    words = optional_text(node, "Message")[:LONGEST_WORDS]
    return Failed(code, words, optional_text(node, "Symbol"), optional_text(node, "AccountID"))
