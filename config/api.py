"""One shape for every error of the JSON API: application/problem+json (RFC 9457).

``PROBLEMS`` is the catalogue: the code in ``type`` and ``code`` is stable, the status follows from it.
"""

import logging
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from brokers.domain.orders import InvalidTicket
from brokers.errors import BrokerError, RateLimited, Refused
from config.middleware import request_id

logger = logging.getLogger(__name__)
CONTENT_TYPE = "application/problem+json"

PROBLEMS: dict[str, tuple[int, str]] = {
    "bad_request": (400, "The request could not be read"),
    "not_signed_in": (401, "Sign in first"),
    "forbidden": (403, "You may not do this"),
    "not_found": (404, "There is no such thing here"),
    "method_not_allowed": (405, "This address does not take that method"),
    "conflict": (409, "It is no longer in the state you expect"),
    "unsupported_media_type": (415, "Send JSON"),
    "invalid": (422, "Something in the request is not right"),
    "too_many_requests": (429, "Too many requests"),
    "server_error": (500, "Something went wrong here"),
    "idempotency_key_missing": (400, "An Idempotency-Key is needed"),
    "idempotency_key_reused": (422, "This key was used for another order"),
    "preview_invalid": (422, "The preview does not hold for this order"),
    "order_rejected": (422, "The order was not accepted"),
    "order_denied": (422, "The desk's own checks did not let it out"),
    "connection_not_ready": (503, "The desk is not ready to send"),
    "database_unavailable": (503, "The desk's database can't be reached"),
    "broker_refused": (422, "The broker said no"),
    "broker_not_authorized": (403, "The broker no longer lets us in"),
    "broker_rate_limited": (429, "The broker asks us to slow down"),
    "broker_unavailable": (503, "The broker can't be reached"),
    "outcome_unknown": (504, "The broker did not answer: the outcome is unknown"),
    "broker_unexpected_reply": (502, "The broker's answer could not be read"),
    "broker_error": (502, "The broker had a problem"),
}
NO_DATABASE = (OperationalError, InterfaceError)
TRY_AGAIN = {"Retry-After": "5"}
ASK_AGAIN = "Try again in a moment. An order is safe to repeat under its own Idempotency-Key: it is never sent twice."
BY_STATUS = {status: code for code, (status, _) in reversed(PROBLEMS.items())}


def problem(code: str, detail: str = "", *, instance: str = "", **more: Any) -> dict[str, Any]:
    """A problem document; ``more`` are its extra members (None is left out)."""
    status, title = PROBLEMS[code]
    document = {
        "type": f"/docs/problems#{code}",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail or title + ".",
        "instance": instance,
        "request_id": request_id(),
    }
    return document | {key: value for key, value in more.items() if value is not None}


def problem_response(
    code: str, detail: str = "", *, instance: str = "", headers: dict[str, str] | None = None, **more: Any
) -> Response:
    document = problem(code, detail, instance=instance, **more)
    return Response(document, status=document["status"], headers=headers, content_type=CONTENT_TYPE)


def problem_from_exception(error: Exception, context: dict[str, Any]) -> Response | None:
    """The REST framework's exception handler: every error leaves as a problem document."""
    set_rollback()
    request = context.get("request")
    instance = request.path if request is not None else ""
    if isinstance(error, BrokerError):
        return _broker_problem(error, instance)
    if isinstance(error, InvalidTicket):
        return problem_response("invalid", str(error), instance=instance, errors={error.field: [str(error)]})
    if isinstance(error, Http404):
        return problem_response("not_found", instance=instance)
    if isinstance(error, PermissionDenied):
        return problem_response("forbidden", str(error), instance=instance)
    if isinstance(error, SuspiciousOperation):
        return problem_response("bad_request", "The request is too large or malformed.", instance=instance)
    if isinstance(error, exceptions.APIException):
        return _framework_problem(error, instance)
    if isinstance(error, NO_DATABASE):
        logger.exception("the database could not be reached", extra={"request_id": request_id()})
        return problem_response("database_unavailable", ASK_AGAIN, instance=instance, headers=TRY_AGAIN, retryable=True)
    logger.exception("unexpected error in the API", extra={"request_id": request_id()})
    return problem_response("server_error", "The request id helps us to find out why.", instance=instance)


def _broker_problem(error: BrokerError, instance: str) -> Response:
    notices = [{"code": n.code, "message": n.message} for n in error.notices] if isinstance(error, Refused) else None
    headers = {}
    if isinstance(error, RateLimited) and error.retry_after is not None:
        headers["Retry-After"] = str(max(1, round(error.retry_after)))
    return problem_response(
        error.code if error.code in PROBLEMS else "broker_error",
        error.message,
        instance=instance,
        headers=headers,
        broker=error.broker or None,
        broker_code=error.broker_code or None,
        broker_messages=notices or None,
        retryable=error.retryable,
    )


def _framework_problem(error: exceptions.APIException, instance: str) -> Response:
    headers = {}
    wait = getattr(error, "wait", None)
    if wait is not None:
        headers["Retry-After"] = str(int(wait) + 1)
    if isinstance(error, exceptions.ValidationError):
        return problem_response("invalid", _first_words(error.detail), instance=instance, errors=error.detail)
    if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        headers["WWW-Authenticate"] = 'Session realm="Blotter"'
        return problem_response("not_signed_in", str(error.detail), instance=instance, headers=headers)
    code = error.default_code if error.default_code in PROBLEMS else BY_STATUS.get(error.status_code, "server_error")
    headers |= getattr(error, "headers", {})
    members = getattr(error, "members", {})  # what an error of ours has to say beyond its words
    return problem_response(code, str(error.detail), instance=instance, headers=headers, **members)


def _first_words(detail: Any) -> str:
    """The first message of a validation error's tree, with its field."""
    if isinstance(detail, dict) and detail:
        field, inner = next(iter(detail.items()))
        words = _first_words(inner)
        return words if field in ("non_field_errors", "detail") else f"{field}: {words}"
    if isinstance(detail, list) and detail:
        return _first_words(next((entry for entry in detail if entry), ""))
    return str(detail)


def plain_problem(request: HttpRequest, code: str, detail: str = "") -> JsonResponse:
    """The same document outside the REST framework: unknown addresses, crashes."""
    document = problem(code, detail, instance=request.path)
    return JsonResponse(document, status=document["status"], content_type=CONTENT_TYPE)


def database_away(request: HttpRequest) -> JsonResponse:
    """Where the database failed before or behind the REST framework, as with the session that says who asks."""
    document = problem("database_unavailable", ASK_AGAIN, instance=request.path, retryable=True)
    return JsonResponse(document, status=document["status"], content_type=CONTENT_TYPE, headers=TRY_AGAIN)


def document_problems(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Schema hook: says in the OpenAPI document that every operation may answer a problem."""
    text = {"type": "string"}
    names = ("type", "title", "code", "detail", "instance", "request_id")
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = {
        "type": "object",
        "required": ["type", "title", "status", "code", "detail"],
        "properties": dict.fromkeys(names, text)
        | {"status": {"type": "integer"}, "errors": {"type": "object"}, "retryable": {"type": "boolean"}}
        | {"broker": text, "broker_code": text},
    }
    content = {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path in result.get("paths", {}).values():
        for operation in path.values():
            if isinstance(operation, dict) and "responses" in operation:
                for status in (400, 401, 403, 404, 405, 409, 415, 422, 429, 502, 503, 504):
                    description = HTTPStatus(status).phrase
                    operation["responses"].setdefault(str(status), {"description": description, "content": content})
    return result
