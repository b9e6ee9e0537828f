"""Self-contained tokens: claims signed with the program's key, so that they outlive a restart without a database."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any


def encode(raw: bytes) -> str:
    """URL-safe base64 without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Signer:
    """Signs and reads tokens shaped like JWTs. ``kind`` keeps one sort from passing for another."""

    def __init__(self, key: bytes) -> None:
        self.key = key

    def mac(self, text: str) -> bytes:
        return hmac.new(self.key, text.encode(), hashlib.sha256).digest()

    def sign(self, kind: str, claims: Mapping[str, Any]) -> str:
        head = encode(json.dumps({"alg": "HS256", "typ": kind}).encode())
        body = encode(json.dumps(claims, sort_keys=True, separators=(",", ":")).encode())
        return f"{head}.{body}.{encode(self.mac(f'{head}.{body}'))}"

    def read(self, kind: str, token: str) -> dict[str, Any] | None:
        """The claims of a token of this kind that this key signed; None for anything else."""
        try:
            head, body, signature = token.split(".")
            if not hmac.compare_digest(decode(signature), self.mac(f"{head}.{body}")):
                return None
            claims = json.loads(decode(body))
            wanted = json.loads(decode(head)).get("typ") == kind
        except (ValueError, binascii.Error):
            return None
        return claims if wanted and isinstance(claims, dict) else None

    def secret_for(self, name: str) -> str:
        """A secret that belongs to a name and can be worked out again from the key."""
        return self.mac(f"secret:{name}").hex()
