"""What a program has seen before it sends: a named preview of the very same thing, and what it confirms of that.

A confirmation agrees to numbers that were shown. So it needs the preview that showed them, which was of just this
order (its digest is in the signed token), of this person, and is not older than a minute.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rest_framework import exceptions
from rest_framework.request import Request

from brokers.models import Account
from trading import orders, tickets
from trading.api.documents import moment
from trading.drafting import previews, reviewed
from trading.drafting.previews import GOOD_FOR, NoPreview
from trading.models import Order, Replacement
from trading.protocol.sending import as_json
from trading.risk import Finding

OF_ANOTHER = "This preview was of another order. Preview this one first."
TOO_OLD = "This preview is older than a minute: prices have moved. Preview the order again."
NEEDS_PREVIEW = (
    "A confirmation is of what a preview shows: preview this very order, and send its preview_id with the codes."
)


class PreviewInvalid(exceptions.APIException):
    status_code = 422
    default_code = "preview_invalid"


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen and confirmed; ``document`` is what an order's preview showed."""

    codes: frozenset[str] = frozenset()
    document: Mapping[str, Any] | None = None


def heeded(account: Account, key: str, read: Callable[[], Seen]) -> Seen:
    """What a request names as seen. One that is repeated is answered, however old its preview has become."""
    try:
        return read()
    except PreviewInvalid:
        under_key = {"account": account, "idempotency_key": key}
        if Order.objects.filter(**under_key).exists() or Replacement.objects.filter(**under_key).exists():
            return Seen()
        raise


# --- an order ---


def sign_order(result: orders.PreviewResult, request: Request) -> dict[str, Any]:
    """``preview_id`` and until when it holds."""
    return {"preview_id": previews.sign(result, user_id(request)), "expires_at": moment(result.at + GOOD_FOR)}


def order_seen(request: Request, given: Mapping[str, Any]) -> Seen:
    """Of a request to send an order; ``PreviewInvalid`` says what is wrong with its preview or its confirmations."""
    token, codes = given["preview_id"], given["confirm"]
    if not token:
        return Seen(_confirmed(codes, None))
    try:
        shown = previews.read(token, user_id(request))
    except NoPreview as error:
        raise PreviewInvalid(str(error)) from None
    if shown.account_id != given["account"].pk or shown.ticket_sha256 != tickets.fingerprint(given["ticket"]):
        raise PreviewInvalid(OF_ANOTHER)
    if shown.is_old:
        raise PreviewInvalid(TOO_OLD)
    return Seen(_confirmed(codes, previews.soft_codes(shown.foreseen)), shown.foreseen)


# --- a group, a change ---


def sign_thing(
    what: str, subject: Mapping[str, str], findings: Iterable[Finding], at: datetime, request: Request
) -> dict[str, Any]:
    """The same of what is no single order: ``subject`` names it, with its digest."""
    content = {"subject": dict(subject), "findings": [as_json(finding) for finding in findings]}
    token = reviewed.sign(f"api.{what}", user_id(request), content, "")
    return {"preview_id": token, "expires_at": moment(at + GOOD_FOR)}


def thing_seen(what: str, subject: Mapping[str, str], given: Mapping[str, Any], request: Request) -> Seen:
    token, codes = given.get("preview_id"), given.get("confirm", [])
    if not token:
        return Seen(_confirmed(codes, None))
    try:
        shown = reviewed.read(f"api.{what}", user_id(request), token)
    except NoPreview as error:
        raise PreviewInvalid(str(error)) from None
    if shown.content["subject"] != dict(subject):
        raise PreviewInvalid(OF_ANOTHER)
    if shown.is_old:
        raise PreviewInvalid(TOO_OLD)
    return Seen(_confirmed(codes, previews.soft_codes(shown.content)))


def _confirmed(codes: Collection[str], shown: frozenset[str] | None) -> frozenset[str]:
    """``shown`` None: no preview was named."""
    asked = frozenset(codes)
    if asked and shown is None:
        raise PreviewInvalid(NEEDS_PREVIEW)
    if unseen := asked - (shown or frozenset()):
        names = ", ".join(sorted(unseen))
        raise PreviewInvalid(f"The preview showed no {names} that can be confirmed. Preview the order again.")
    return asked


def user_id(request: Request) -> int:
    return int(request.user.pk or 0)
