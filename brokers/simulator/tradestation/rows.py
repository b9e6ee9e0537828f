"""What streams last said of one thing: its fields, when each changed, and lines of JSON shared by all who read them."""

import json
from collections.abc import Mapping
from typing import Any


def line(value: Mapping[str, Any]) -> bytes:
    """One object as a stream carries it: compact JSON and CRLF."""
    return json.dumps(value, separators=(",", ":")).encode() + b"\r\n"


class Row:
    """A thing's fields on the wire. Readers remember the ``version`` they saw and ask what came ``since``.

    Every line is encoded once, however many ask: the whole per version, a change per pair of versions.
    """

    __slots__ = ("changed", "fields", "key", "lines", "version")

    def __init__(self, key: str, fields: Mapping[str, Any]) -> None:
        self.key = key
        self.fields = dict(fields)
        self.version = 1
        self.changed = dict.fromkeys(fields, 1)
        self.lines: dict[int, bytes] = {}

    def update(self, fields: Mapping[str, Any]) -> bool:
        """Take the newest fields; whether any of them differs from what was known."""
        known = self.fields
        news = [name for name, value in fields.items() if known.get(name) != value]
        gone = [name for name in known if name not in fields]
        if not news and not gone:
            return False
        self.version += 1
        self.lines.clear()
        for name in news:
            self.changed[name] = self.version
        for name in gone:
            del self.changed[name]
        self.fields = dict(fields)
        return True

    def full(self) -> bytes:
        """The whole of it."""
        return self._line(0, self.fields)

    def since(self, version: int) -> bytes:
        """The key and the fields that changed after a version; empty when none did."""
        if version >= self.version:
            return b""
        kept = self.lines.get(version)
        return kept if kept is not None else self._encode(version)

    def _encode(self, version: int) -> bytes:
        news = {name: self.fields[name] for name, at in self.changed.items() if at > version and name != self.key}
        if not news:
            self.lines[version] = b""
            return b""
        return self._line(version, {self.key: self.fields[self.key], **news})

    def _line(self, version: int, value: Mapping[str, Any]) -> bytes:
        kept = self.lines.get(version)
        if kept is None:
            kept = self.lines[version] = line(value)
        return kept
