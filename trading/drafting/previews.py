"""A preview as a signed token: proof that this person was shown what this order would do, and when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

from django.core import signing
from django.core.exceptions import ValidationError
from django.utils import timezone as clock

from brokers.domain.orders import OrderTicket
from trading import tickets
from trading.orders import PreviewResult

SALT = "trading.preview"
LIFE = timedelta(minutes=10)
LONGEST = 8000
GOOD_FOR = timedelta(seconds=60)
"""How long what was shown may be sent, or confirmed, as it is."""


class NoPreview(Exception):
    """The token is missing, altered, too old or somebody else's; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a token holds. ``idempotency_key`` is minted with a page's review, empty for programs."""

    account_id: UUID
    ticket: OrderTicket
    idempotency_key: str
    foreseen: dict[str, Any]
    at: datetime

    @property
    def ticket_sha256(self) -> str:
        return tickets.fingerprint(self.ticket)

    @property
    def is_old(self) -> bool:
        return clock.now() - self.at > GOOD_FOR


def soft_codes(shown: Mapping[str, Any]) -> frozenset[str]:
    """Of a preview's document: the codes of what may be confirmed. Nothing else was there to be agreed to."""
    return frozenset(finding["code"] for finding in shown["findings"] if not finding["hard"])


def sign(result: PreviewResult, user_id: int, idempotency_key: str = "") -> str:
    content = {
        "user": user_id,
        "account": str(result.account.pk),
        "ticket": tickets.to_json(result.ticket),
        "key": idempotency_key,
        "shown": result.document,
        "at": result.at.isoformat(),
    }
    return signing.dumps(content, salt=SALT, compress=True)


def read(token: str, user_id: int) -> Shown:
    """What was shown; ``NoPreview`` when the token can't be relied on."""
    try:
        if len(token) > LONGEST:
            raise signing.BadSignature
        content = signing.loads(token, salt=SALT, max_age=LIFE)
    except signing.SignatureExpired:
        raise NoPreview("This review is older than ten minutes: prices have moved. Look at the order again.") from None
    except (signing.BadSignature, ValidationError, ValueError):
        raise NoPreview("This is not a preview of this desk. Preview the order first.") from None
    if content["user"] != user_id:
        raise NoPreview("This is not a preview of this desk. Preview the order first.")
    return Shown(
        account_id=UUID(content["account"]),
        ticket=tickets.from_json(content["ticket"]),
        idempotency_key=content["key"],
        foreseen=content["shown"],
        at=datetime.fromisoformat(content["at"]).astimezone(timezone.utc),
    )
