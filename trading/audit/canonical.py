"""What a record's hash is over: every field with its length in front, so that no two records read alike. Pure."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timezone
from decimal import Decimal
from enum import Enum
from typing import Any, Protocol

from brokers.redaction import MASK, SHORTEST, one_line, redact

VERSION = "1"
LONGEST_TEXT = 2000
LONGEST_LIST = 200
SECRET_NAMES = ("token", "secret", "password", "verifier", "api_key", "authorization", "cookie", "session_key")


class Hashed(Protocol):
    """A record's fields, all but its hash."""

    chain: int
    seq: int
    at: datetime
    actor_kind: str
    actor_id: int | None
    address: str
    session: str
    request_id: str
    action: str
    about: str
    account_id: str
    detail: str
    prev_hash: str


def digest(record: Hashed) -> str:
    """SHA-256 in hexadecimal; the record before is part of it."""
    first, second = around(record)
    at = record.at.astimezone(timezone.utc).isoformat(timespec="microseconds")
    text = f"{first}{_measured(str(record.seq), at)}{second}{_measured(record.prev_hash)}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def around(record: Hashed) -> tuple[str, str]:
    """What the hash is over without what the chain gives a record: before its place and its time, and between these and
    the hash of the record before."""
    actor = "" if record.actor_id is None else str(record.actor_id)
    told = _measured(
        record.actor_kind,
        actor,
        record.address,
        record.session,
        record.request_id,
        record.action,
        record.about,
        record.account_id,
        record.detail,
    )
    return _measured(VERSION, str(record.chain)), told


def _measured(*fields: str) -> str:
    """Each with its length in bytes in front."""
    return "".join([f"{len(field) if field.isascii() else _bytes(field)}:{field}" for field in fields])


def _bytes(field: str) -> int:
    return len(field.encode("utf-8", "surrogatepass"))


def text_of(detail: Mapping[str, Any]) -> str:
    """A detail as JSON text without secrets: one way to write it, decimals and times as text, plain ASCII."""
    return json.dumps(_clean(detail), sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def clean(text: str, longest: int = LONGEST_TEXT) -> str:
    """One line without secrets, cut to a length, that any database can hold."""
    if len(text) < SHORTEST and text.isascii() and text.isprintable() and "=" not in text:
        return text  # too short to hold one, as most of a record's texts are
    plain = one_line(redact(text)).encode("utf-8", "replace").decode()
    return plain if len(plain) <= longest else f"{plain[: longest - 1]}…"


def _clean(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {clean(str(key), 100): MASK if _is_secret(key, one) else _clean(one) for key, one in value.items()}
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, str | bytes):
        items = sorted(value, key=str) if isinstance(value, set | frozenset) else list(value)
        return [_clean(one) for one in items[:LONGEST_LIST]]
    return clean(_text(value))


def _is_secret(name: Any, value: Any) -> bool:
    known = str(name).lower().replace("-", "_")
    return isinstance(value, str | bytes) and any(part in known for part in SECRET_NAMES)


def _text(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, bytes):
        return MASK
    return str(value)
