"""Frames for tabs and programs as JSON text; each figure is written once, however many read it.

A ``snapshot`` sets the count ``seq`` of its connection; each ``quotes`` frame after it counts one more, so that a
lost frame is seen. Numbers are decimal strings, times RFC 3339 UTC, null is unknown.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from functools import lru_cache
from struct import Struct
from typing import Any
from uuid import UUID

from brokers.domain.raw import Raw, digits
from brokers.port import StatusChange

_longer = Struct(">BBH").pack


class Frame:
    """A frame that is written once: as ``text``, as an ASGI ``message``, and ``raw`` as it goes over the wire."""

    __slots__ = ("_raw", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._raw: bytes | None = None

    @property
    def message(self) -> dict[str, Any]:
        return {"type": "websocket.send", "text": self.text}

    @property
    def raw(self) -> bytes:
        """RFC 6455, section 5.2: a final, unmasked text frame."""
        if self._raw is None:
            self._raw = text_frame(self.text.encode())
        return self._raw


def text_frame(payload: bytes) -> bytes:
    length = len(payload)
    if length < 126:
        return bytes((0x81, length)) + payload
    if length < 1 << 16:
        return _longer(0x81, 126, length) + payload
    return b"\x81\x7f" + length.to_bytes(8, "big") + payload


HEARTBEAT = Frame('{"type":"heartbeat"}')


def encode(frame: Mapping[str, Any]) -> str:
    return json.dumps(frame, separators=(",", ":"))


def quotes(kind: str, seq: int, connection: UUID | str, fragments: Iterable[str]) -> str:
    """``kind`` is "snapshot" or "quotes"; fragments come from ``fragment``."""
    return f'{{"type":"{kind}","seq":{seq},"connection":"{connection}","quotes":{{{",".join(fragments)}}}}}'


def fragment(key: str, values: Iterable[tuple[str, str]], as_of: datetime, candle: str = "") -> str:
    """One instrument's part of a frame. ``key`` is its symbol, ``candle`` a bar, as JSON, and so are the values (see
    ``figure``); names are the desk's own."""
    figures = ""
    for name, value in values:
        figures += f'"{name}":{value},'
    if candle:
        figures += f'"candle":{candle},'
    return f'{key}:{{{figures}"as_of":"{moment(as_of)}"}}'


def figure(value: Raw) -> str:
    """As JSON: text of digits."""
    text = str(value)
    if "e" in text or "E" in text:  # an exponent, or None
        return "null" if value is None else f'"{digits(value)}"'
    return f'"{text}"'


@lru_cache(maxsize=1024)
def moment(at: datetime) -> str:
    """What comes together has the same time, so most are written once for many."""
    return at.astimezone(timezone.utc).isoformat(timespec="milliseconds")[:-6] + "Z"


def status(connection_id: UUID, change: StatusChange) -> str:
    return encode(
        {
            "type": "status",
            "connection": str(connection_id),
            "source": change.source,
            "state": change.state,
            "detail": change.detail,
        }
    )


def error(message_id: object, code: str, detail: str) -> str:
    return encode({"type": "error", "id": message_id, "code": code, "detail": detail})
