"""tastytrade's answers: the envelope, pagination, errors, and how numbers and times are written (section 3)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from starlette.responses import HTMLResponse, Response

NGINX_401 = (
    "<html><head><title>401 Authorization Required</title></head><body><center><h1>401 Authorization Required</h1>"
    "</center><hr><center>nginx</center></body></html>"
)


class JSONAnswer(Response):
    """JSON as the broker sends it. What is not a JSON value is a mistake of ours, so it raises."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Encoded:
    """A value that is JSON already: for long answers that stay the same all day."""

    json: bytes


class Refusal(Exception):
    """A request answered by an error envelope."""

    def __init__(self, status: int, code: str | int, message: str, errors: Sequence[Mapping[str, str]] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.errors = errors

    def body(self) -> dict[str, Any]:
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.errors:
            error["errors"] = list(self.errors)
        return {"error": error}

    def answer(self) -> Response:
        return JSONAnswer(self.body(), self.status)


def not_permitted() -> Refusal:
    return Refusal(403, "not_permitted", "User not permitted access")


def not_found(what: str = "record") -> Refusal:
    return Refusal(404, "record_not_found", f"Could not find {what}")


def invalid(**reasons: str) -> Refusal:
    """400: what is wrong with which parameter; an underscore in a name stands for the wire's dash."""
    errors = [{"domain": name.replace("_", "-"), "reason": reason} for name, reason in reasons.items()]
    return Refusal(400, "validation_error", "Request validation failed", errors)


def wrong(name: str, reason: str) -> Refusal:
    """400 for one parameter, by its name on the wire."""
    return Refusal(400, "validation_error", "Request validation failed", [{"domain": name, "reason": reason}])


def preflight(code: str, message: str) -> Refusal:
    checks = [{"code": code, "message": message}]
    return Refusal(422, "preflight_check_failure", "One or more preflight checks failed", checks)


def nginx_401() -> Response:
    """What a missing User-Agent gets: not JSON."""
    return HTMLResponse(NGINX_401, 401)


@dataclass(frozen=True)
class Reply:
    """What an endpoint answers, before the envelope."""

    data: Any
    status: int = 200
    pagination: Mapping[str, Any] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def answer(self, path: str) -> Response:
        if self.status == 204:
            return Response(status_code=204)
        if isinstance(self.data, Encoded):
            return self._spliced(self.data, quote(path, safe="/:"))
        body = {"data": self.data, **self.extra, "context": quote(path, safe="/:")}
        if self.pagination is not None:
            body["pagination"] = self.pagination
        return JSONAnswer(body, self.status)

    def _spliced(self, data: Encoded, context: str) -> Response:
        body = b'{"data":%b,"context":%b}' % (data.json, json.dumps(context).encode())
        return Response(body, self.status, media_type="application/json")


def items(rows: Sequence[Any], **extra: Any) -> Reply:
    return Reply({"items": list(rows)}, extra=extra)


def paged(rows: Sequence[Any], query: Mapping[str, str], per_page: int, most: int | None = None) -> Reply:
    """One page of the rows. ``page-offset`` is a page number from 0; links are null, as at the broker."""
    size = whole(query, "per-page", per_page)
    size = max(1, min(size, most or size))
    page = whole(query, "page-offset", 0)
    shown = list(rows[page * size : (page + 1) * size])
    pagination = {
        "per-page": size,
        "page-offset": page,
        "item-offset": page * size,
        "total-items": len(rows),
        "total-pages": -(-len(rows) // size),
        "current-item-count": len(shown),
        "previous-link": None,
        "next-link": None,
        "paging-link-template": None,
    }
    return Reply({"items": shown}, pagination=pagination)


def whole(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise wrong(name, "is invalid")
    return int(text)


def day_in(query: Mapping[str, str], name: str) -> date | None:
    """A date parameter; None when it was not given."""
    text = query.get(name)
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise wrong(name, "is not a date") from None


def moment_in(query: Mapping[str, str], name: str) -> datetime | None:
    """A time parameter (ISO 8601; UTC where it names no zone); None when it was not given."""
    text = query.get(name)
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text.replace(" ", "+"))
        return at.astimezone(timezone.utc) if at.tzinfo else at.replace(tzinfo=timezone.utc)
    except (ValueError, OverflowError):
        raise wrong(name, "is not a time") from None


def truth(query: Mapping[str, str], name: str) -> bool | None:
    """A boolean parameter; None when it was not given."""
    text = query.get(name)
    return None if text is None else text.lower() == "true"


def amount(number: Decimal) -> str:
    """A decimal as text with at least one digit after the point."""
    text = f"{number:f}"
    if "." not in text:
        return f"{text}.0"
    text = text.rstrip("0")
    return f"{text}0" if text.endswith(".") else text


def quantity(number: Decimal) -> int | float:
    """A quantity as a JSON number: whole unless it is a fraction."""
    return int(number) if number == number.to_integral_value() else float(number)


def effect(number: Decimal) -> str:
    return "None" if number == 0 else "Credit" if number > 0 else "Debit"


def with_effect(name: str, number: Decimal) -> dict[str, str]:
    """A signed amount as the broker writes it: unsigned, with its direction beside it."""
    return {name: amount(abs(number)), f"{name}-effect": effect(number)}


def moment(at: datetime) -> str:
    """``2026-11-20T14:30:00.123+00:00``"""
    return at.astimezone(timezone.utc).isoformat(timespec="milliseconds")


def zulu(at: datetime) -> str:
    """``2026-11-20T14:30:00.123Z``"""
    return moment(at).replace("+00:00", "Z")


def epoch_ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
