"""TradeStation's answers: envelopes, numbers as text, times, and what is left out when it is empty (section 3)."""

import json
from collections.abc import Mapping
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

from starlette.responses import Response

from brokers.domain.instruments import plain

TITLES = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    429: "TooManyRequests",
    500: "InternalServerError",
    501: "NotImplemented",
    503: "ServiceUnavailable",
    504: "GatewayTimeout",
}


class JSONAnswer(Response):
    """JSON as the broker sends it. What is not a JSON value is a mistake of ours, so it raises."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return encode(content)


class Failure(Exception):
    """A whole request that failed: status, title and message of the envelope."""

    def __init__(self, status: int, title: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.title = title
        self.message = message
        self.headers = dict(headers or {})

    def answer(self, headers: Mapping[str, str] | None = None) -> Response:
        body = {"Error": self.title, "Message": self.message}
        return JSONAnswer(body, self.status, {**(headers or {}), **self.headers})


def failure(status: int, message: str) -> Failure:
    """A failure with the title that goes with the status."""
    return Failure(status, TITLES[status], message)


def bad_request(message: str) -> Failure:
    return failure(400, message)


def encode(content: Any) -> bytes:
    return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()


def decimal(number: Decimal | int | float, places: int | None = None) -> str:
    """A number as text: no exponent, no trailing zeros, no minus before nothing; rounded when ``places`` is given."""
    value = number if isinstance(number, Decimal) else Decimal(str(number))
    if places is not None:
        value = round(value, places)
    return plain(value) if value else "0"


def moment(at: datetime) -> str:
    """``2026-05-08T14:16:02Z``"""
    return f"{at.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"


def day(on: date) -> str:
    """A date as the wire carries it: midnight, to be read without its time."""
    return f"{on:%Y-%m-%dT00:00:00Z}"


def epoch_ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def compact(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without what has no value: None, empty text, empty lists."""
    return {name: value for name, value in values.items() if value is not None and value != "" and value != []}
