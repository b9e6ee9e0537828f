"""What really arrived at the order endpoints, and what came of it: the truth that a desk is checked against."""

import hashlib
import json
from collections import deque
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

MOST_REQUESTS = 10_000
LONGEST_PATH = 500
DEEPEST = 50


@dataclass
class Entry:
    """One request as it came in. ``order_id`` is the order it made or touched; ``status`` what was answered,
    None when the connection was dropped without an answer."""

    number: int
    at: str
    method: str
    path: str
    account: str
    digest: str
    external_identifier: str | None
    order_id: str | None = None
    made_order: bool = False
    fault: str | None = None
    status: int | None = None


@dataclass
class Ledger:
    entries: list[Entry] = field(default_factory=list)
    next_number: int = 1
    requests: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=MOST_REQUESTS))

    def record(self, now: datetime, method: str, path: str, account: str, body: bytes, reference: str | None) -> Entry:
        """A new entry; ``reference`` is the sender's own mark on the order."""
        entry = Entry(self.next_number, now.isoformat(), method, path, account, digest(body), reference)
        self.next_number += 1
        self.entries.append(entry)
        return entry

    def heard(self, now: datetime, method: str, path: str, status: int | None, fault: str | None) -> None:
        """Any request at all, in short; the newest are kept."""
        short = path[:LONGEST_PATH]
        self.requests.append({"at": now.isoformat(), "method": method, "path": short, "status": status, "fault": fault})

    def since(self, number: int = 0, account: str = "") -> list[dict[str, Any]]:
        """Entries after a number, oldest first."""
        return [
            asdict(entry)
            for entry in self.entries
            if entry.number > number and (not account or entry.account == account)
        ]

    def clear(self) -> None:
        self.entries.clear()
        self.requests.clear()


def parse(body: bytes | str) -> Any:
    """The JSON in a body or a message; None when there is none that a program could mean."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return None if is_deep(value) else value


def is_deep(value: Any, left: int = DEEPEST) -> bool:
    """Whether lists and objects lie deeper in each other than any request needs."""
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return left == 0 or any(is_deep(each, left - 1) for each in inner)


def digest(body: bytes) -> str:
    """SHA-256 of the body in canonical JSON (sorted keys, no spaces); of the bytes themselves when not JSON."""
    value = parse(body)
    if value is not None:
        body = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    return hashlib.sha256(body).hexdigest()
