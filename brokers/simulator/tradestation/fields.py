"""Reading the fields of a request's JSON, whose names are in lower case by now; 400 for what can't be read."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from brokers.simulator.tradestation.answers import bad_request

T = TypeVar("T")
MOST_OBJECTS = 20


def number(body: Mapping[str, Any], name: str, said: str) -> Decimal | None:
    """A number written as text or as a number; None when it is not there."""
    given = body.get(name)
    if given is None or given == "":
        return None
    try:
        value = Decimal(str(given)) if not isinstance(given, bool) and len(str(given)) <= 30 else Decimal("NaN")
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        raise bad_request(f"{said} is invalid.")
    return value


def amount(body: Mapping[str, Any], name: str, said: str) -> Decimal | None:
    """A number above 0; None when it is not there."""
    value = number(body, name, said)
    if value is not None and value <= 0:
        raise bad_request(f"{said} is invalid.")
    return value


def word(body: Mapping[str, Any], name: str, table: Mapping[str, T], said: str) -> T:
    """What a word stands for, in whatever case it is written."""
    given = body.get(name)
    if given is None or given == "":
        raise bad_request(f"{said} is required.")
    found = table.get(str(given).lower())
    if found is None:
        raise bad_request(f"{said} is invalid: {str(given)[:40]}")
    return found


def flag(body: Mapping[str, Any], name: str, said: str) -> bool:
    value = body.get(name)
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if value is not None and not isinstance(value, bool):
        raise bad_request(f"{said} must be true or false.")
    return bool(value)


def objects(body: Mapping[str, Any], name: str, said: str) -> list[dict[str, Any]]:
    """A list of objects; empty when it is not there."""
    given = body.get(name) or []
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given) or len(given) > MOST_OBJECTS:
        raise bad_request(f"{said} is invalid.")
    return given
