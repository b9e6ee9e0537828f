"""Seals and unseals secrets: AES-256-GCM under a ring of keys, each ciphertext bound to its place.

Format: version (1 byte, 0x01) · length of the key id (1 byte) · key id · nonce (12 bytes) · ciphertext with tag.
The associated data name the format, the key and the place, each part with its length in front; so a ciphertext
that is moved to another row, column, person, broker or environment can't be opened.

``python -m brokers.vault`` prints one fresh entry for TOKEN_KEYS.
"""

import base64
import binascii
import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any, NoReturn, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from brokers.redaction import remember

VERSION = 1
NONCE_BYTES = 12
KEY_BYTES = 32
KEY_ID = re.compile(r"[A-Za-z0-9_.\-]{1,32}")


class CannotUnseal(Exception):
    """The ciphertext is damaged, was moved, or its key is gone. Never says what it held."""


class BadKeys(ValueError):
    """TOKEN_KEYS can't be used; says in words what is wrong, never a key."""


class Secret:
    """Text that shows itself to nobody but the caller of ``reveal``."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        remember(value)
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret(…)"

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a secret is not written down")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a ciphertext belongs. ``row`` is the row's id as text."""

    table: str
    column: str
    row: str
    user: str
    broker: str
    environment: str

    def associated_data(self, key_id: bytes) -> bytes:
        parts = [b"blotter", bytes([VERSION]), key_id, *(part.encode() for part in astuple(self))]
        return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


@dataclass(frozen=True)
class Keyring:
    """The keys by id; ``newest`` seals, all unseal."""

    newest: str
    keys: dict[str, AESGCM] = field(repr=False)

    @classmethod
    def parse(cls, entries: Sequence[str]) -> Self:
        """From "id:base64" entries, newest first; raises ``BadKeys``."""
        keys: dict[str, AESGCM] = {}
        seen: set[bytes] = set()
        for number, entry in enumerate(entries, 1):
            key_id, raw = _parse_entry(number, entry)
            if key_id in keys or raw in seen:
                raise BadKeys(f"TOKEN_KEYS: entry {number} ({key_id}) repeats an id or a key that stands before it.")
            keys[key_id] = AESGCM(raw)
            seen.add(raw)
        if not keys:
            raise BadKeys("TOKEN_KEYS is empty. Make a key with `python -m brokers.vault`.")
        return cls(next(iter(keys)), keys)

    def seal(self, secret: Secret | str, place: Place) -> bytes:
        text = secret.reveal() if isinstance(secret, Secret) else secret
        key_id, nonce = self.newest.encode(), os.urandom(NONCE_BYTES)
        ciphertext = self.keys[self.newest].encrypt(nonce, text.encode(), place.associated_data(key_id))
        return bytes([VERSION, len(key_id)]) + key_id + nonce + ciphertext

    def unseal(self, sealed: bytes, place: Place) -> Secret:
        """The secret; ``CannotUnseal`` when this is not what was sealed for this very place."""
        key_id = sealed_with(sealed)
        key = self.keys.get(key_id)
        if key is None:
            raise CannotUnseal(f"The key {key_id!r} is not among TOKEN_KEYS.")
        rest = bytes(sealed)[2 + len(key_id) :]
        try:
            plain = key.decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], place.associated_data(key_id.encode()))
            return Secret(plain.decode())
        except (InvalidTag, ValueError):
            raise CannotUnseal("The stored secret is damaged or does not belong here.") from None


def _parse_entry(number: int, entry: str) -> tuple[str, bytes]:
    key_id, colon, text = entry.strip().partition(":")
    if not colon or not KEY_ID.fullmatch(key_id):
        raise BadKeys(f"TOKEN_KEYS: entry {number} does not look like id:base64.")
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != KEY_BYTES:
        raise BadKeys(f"TOKEN_KEYS: entry {number} ({key_id}) is not the base64 of {KEY_BYTES} bytes.")
    return key_id, raw


def sealed_with(sealed: bytes) -> str:
    """The id of the key a ciphertext was sealed under; ``CannotUnseal`` when it has no readable head."""
    head = bytes(sealed[:2])
    if len(head) < 2 or head[0] != VERSION:
        raise CannotUnseal("The stored secret has a form that this version does not know.")
    raw = bytes(sealed[2 : 2 + head[1]])
    if len(raw) != head[1] or not raw.isascii() or not KEY_ID.fullmatch(raw.decode()):
        raise CannotUnseal("The stored secret does not name its key.")
    return raw.decode()


@lru_cache(maxsize=8)
def _keyring(entries: tuple[str, ...]) -> Keyring:
    return Keyring.parse(entries)


def keyring() -> Keyring:
    """The ring of this installation's settings; raises ``BadKeys``."""
    return _keyring(tuple(settings.TOKEN_KEYS))


def seal(secret: Secret | str, place: Place) -> bytes:
    return keyring().seal(secret, place)


def unseal(sealed: bytes, place: Place) -> Secret:
    return keyring().unseal(sealed, place)


def fresh_key() -> str:
    """A new "id:base64" entry for TOKEN_KEYS."""
    day = datetime.now(timezone.utc)
    raw = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
    return f"k{day:%Y%m%d}-{secrets.token_hex(2)}:{raw}"


if __name__ == "__main__":
    print(fresh_key())
