"""What a person was shown before a change or a group is sent, as a signed token: what, when, and under which key."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core import signing
from django.utils import timezone

from trading.drafting.previews import GOOD_FOR, LIFE, LONGEST, NoPreview

SALT = "trading.reviewed"


@dataclass(frozen=True, slots=True)
class Reviewed:
    """``content`` is whatever was shown; ``key`` the idempotency key under which it is sent."""

    content: dict[str, Any]
    key: str
    at: datetime

    @property
    def is_old(self) -> bool:
        return timezone.now() - self.at > GOOD_FOR


def new_key() -> str:
    return f"web-{secrets.token_urlsafe(18)}"


def sign(what: str, user_id: int, content: dict[str, Any], key: str) -> str:
    """``what`` names the kind of thing: a token of one kind is none of another."""
    held = {"user": user_id, "content": content, "key": key, "at": timezone.now().isoformat()}
    return signing.dumps(held, salt=f"{SALT}.{what}", compress=True)


def read(what: str, user_id: int, token: str) -> Reviewed:
    """What was shown; ``NoPreview`` when the token can't be relied on."""
    try:
        if len(token) > LONGEST:
            raise signing.BadSignature
        held = signing.loads(token, salt=f"{SALT}.{what}", max_age=LIFE)
    except signing.SignatureExpired:
        raise NoPreview("This review is older than ten minutes: prices have moved. Look at it again.") from None
    except signing.BadSignature:
        raise NoPreview("This is not a review of this desk. Look at it again before you send it.") from None
    if held["user"] != user_id:
        raise NoPreview("This is not a review of this desk. Look at it again before you send it.")
    return Reviewed(held["content"], held["key"], datetime.fromisoformat(held["at"]))
