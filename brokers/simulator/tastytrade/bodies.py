"""Values read out of request bodies: words of a table, numbers written as numbers or text, days and times."""

from collections.abc import Mapping
from datetime import date, datetime, timezone
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from brokers.simulator.tastytrade.envelope import wrong

T = TypeVar("T")
Body = Mapping[str, Any]
LONGEST_NUMBER = 30


def word(body: Body, name: str, table: Mapping[str, T], domain: str = "") -> T:
    """What a word of a fixed list stands for; spelling counts. ``domain`` is the name in a refusal."""
    given = body.get(name)
    if given is None:
        raise wrong(domain or name, "is missing")
    if not isinstance(given, str) or given not in table:
        raise wrong(domain or name, "does not have a valid value")
    return table[given]


def number(body: Body, name: str, domain: str = "") -> Decimal:
    """A number at or above 0, written as a JSON number or as text."""
    given = body.get(name)
    if given is None or isinstance(given, bool):
        raise wrong(domain or name, "is missing")
    try:
        value = Decimal(str(given))
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0 or len(str(given)) > LONGEST_NUMBER:
        raise wrong(domain or name, "is not a number at or above 0")
    return value


def day(body: Body, name: str) -> date:
    try:
        return date.fromisoformat(str(body.get(name, "")))
    except ValueError:
        raise wrong(name, "is missing" if body.get(name) is None else "is not a date") from None


def instant(body: Body, name: str, domain: str = "") -> datetime | None:
    """A time in ISO 8601 (UTC where it names no zone); None when there is none."""
    given = body.get(name)
    if given is None:
        return None
    try:
        at = datetime.fromisoformat(str(given))
        return at.astimezone(timezone.utc) if at.tzinfo else at.replace(tzinfo=timezone.utc)
    except (ValueError, OverflowError):
        raise wrong(domain or name, "is not a time") from None


def text(body: Body, name: str) -> str | None:
    value = body.get(name)
    return value if isinstance(value, str) and value else None


def must_be_absent(body: Body, *names: str) -> None:
    """Refuse keys that do not go with the rest of the body; ``null`` is as good as absent."""
    for name in names:
        if body.get(name) is not None:
            raise wrong(name, "must be left out")
