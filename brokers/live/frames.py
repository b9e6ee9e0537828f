"""Frames for tabs and programs as JSON text; each figure is written once, however many read it.

A ``snapshot`` sets the count ``seq`` of its connection; each ``quotes`` frame after it counts one more, so that a
lost frame is seen. Numbers are decimal strings, times RFC 3339 UTC, null is unknown.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

from brokers.port import StatusChange

HEARTBEAT = '{"type":"heartbeat"}'


def encode(frame: Mapping[str, Any]) -> str:
    return json.dumps(frame, separators=(",", ":"))


def quotes(kind: str, seq: int, connection_id: UUID, fragments: Iterable[str]) -> str:
    """``kind`` is "snapshot" or "quotes"; fragments come from ``fragment``."""
    return f'{{"type":"{kind}","seq":{seq},"connection":"{connection_id}","quotes":{{{",".join(fragments)}}}}}'


def fragment(key: str, values: Iterable[tuple[str, Decimal | None]], as_of: datetime) -> str:
    """One instrument's part of a frame. ``key`` is its symbol as JSON text; names are the desk's own."""
    figures = "".join([f'"{name}":{figure(value)},' for name, value in values])
    return f'{key}:{{{figures}"as_of":"{moment(as_of)}"}}'


def figure(value: Decimal | None) -> str:
    return "null" if value is None else f'"{value:f}"'


def moment(at: datetime) -> str:
    return at.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


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
