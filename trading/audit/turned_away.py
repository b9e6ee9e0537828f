"""Requests about orders that never began: turned away in words, or repeated and answered from the record."""

import logging
from typing import Any

from django.db import DatabaseError, transaction
from django.http import HttpRequest, HttpResponse

from trading.audit.recording import record

logger = logging.getLogger(__name__)
ACTING_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
ABOUT_ORDERS = "/api/v1/orders"
REPLAYED = "Idempotency-Replayed"
SAID = "turned_away"
LOOK_AGAIN = "look_again"
"""The code of a review that was too old, or from which the market had moved away."""


def say(request: HttpRequest, code: str) -> None:
    """A page says of its request that nothing was sent, and why; it is recorded with the request's end."""
    setattr(request, SAID, code)


def note(request: HttpRequest, response: HttpResponse) -> None:
    """After a request: what was not done is recorded too, though its answer does not wait for that."""
    if request.method not in ACTING_METHODS:
        return
    user = getattr(request, "user", None)
    said = getattr(request, SAID, "")
    action = "order.refused" if said else _action(response) if request.path.startswith(ABOUT_ORDERS) else None
    if action is None or user is None or not user.is_authenticated:
        return
    reason = {"code": said} if said else _reason(response)
    try:
        with transaction.atomic():
            record(user.pk, action, about=_about(response), detail={"status": response.status_code, **reason})
    except DatabaseError:
        logger.exception("A request that was turned away could not be recorded.")


def _action(response: HttpResponse) -> str | None:
    if response.headers.get(REPLAYED) == "true":
        return "order.replayed"
    return "order.refused" if 400 <= response.status_code < 500 else None


def _document(response: HttpResponse) -> dict[str, Any]:
    document = getattr(response, "data", None)
    return document if isinstance(document, dict) else {}


def _reason(response: HttpResponse) -> dict[str, Any]:
    """The problem's code, and the codes of what was found; never the words, which repeat what was typed."""
    document = _document(response)
    findings = [found.get("code") for found in document.get("findings") or () if isinstance(found, dict)]
    return {"code": document.get("code", "")} | ({"findings": findings} if findings else {})


def _about(response: HttpResponse) -> str:
    document = _document(response)
    order = document.get("order")
    found = order.get("id") if isinstance(order, dict) else document.get("id")
    return f"order:{found}" if isinstance(found, str) and response.headers.get(REPLAYED) == "true" else ""
