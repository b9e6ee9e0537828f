"""The exchange's state as JSON-able values and back, so that a restart forgets no order and no dollar."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, get_args

from brokers.domain.instruments import Instrument, parse_instrument
from brokers.domain.orders import Action, Leg
from brokers.simulator.exchange.books.accounts import (
    ClosedLot,
    DividendDue,
    Holding,
    Lot,
    OpenedWith,
    SimAccount,
    SimPosition,
    SimTransaction,
)
from brokers.simulator.exchange.books.standing import Standing
from brokers.simulator.exchange.orders.groups import Bond, SimGroup
from brokers.simulator.exchange.orders.orders import OrderStatus, Preview, SimFill, SimLeg, SimOrder
from brokers.simulator.exchange.orders.tickets import (
    Component,
    Condition,
    Duration,
    Hours,
    OrderType,
    Ticket,
    Trail,
    Watch,
)

VERSION = 2
INSTRUMENTS = get_args(Instrument)
RECORDS: dict[str, Callable[..., Any]] = {
    kind.__name__: kind
    for kind in (
        *(SimAccount, SimPosition, Holding, OpenedWith, Lot, ClosedLot, DividendDue, SimTransaction),
        *(SimOrder, SimLeg, SimFill, Preview, SimGroup, Ticket, Leg, Trail, Condition, Component),
    )
}
WORDS: dict[str, Callable[[str], Any]] = {
    kind.__name__: kind for kind in (OrderStatus, Action, OrderType, Duration, Hours, Watch, Bond, Standing)
}
LEFT_OUT = {"weighed", "seen"}

Loaded = tuple[dict[str, SimAccount], int, int, date, datetime | None]


class UnknownSnapshot(ValueError):
    """The snapshot is of another version, or none at all; the text says which."""


def save(accounts: dict[str, SimAccount], last_id: int, last_order_id: int, day: date, at: datetime) -> dict[str, Any]:
    return {
        "version": VERSION,
        "last_id": last_id,
        "last_order_id": last_order_id,
        "day": day.isoformat(),
        "at": at.isoformat(),
        "accounts": [_write(account) for account in accounts.values()],
    }


def load(snapshot: dict[str, Any]) -> Loaded:
    """Accounts by number, the last numbers (entries, orders), the trading day, how far all was brought (None where an
    older program did not say); ``UnknownSnapshot`` in words."""
    version = snapshot.get("version") if isinstance(snapshot, dict) else None
    if version != VERSION:
        raise UnknownSnapshot(f"This state is of version {version!r}; this program reads version {VERSION}.")
    try:
        accounts = [_read(one) for one in snapshot["accounts"]]
        last = int(snapshot["last_id"]), int(snapshot["last_order_id"])
        at = datetime.fromisoformat(snapshot["at"]) if "at" in snapshot else None
        return {one.number: one for one in accounts}, *last, date.fromisoformat(snapshot["day"]), at
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise UnknownSnapshot(f"This state cannot be read: {type(error).__name__}.") from None


def _write(value: Any) -> Any:
    """A value with its kind beside it wherever JSON has none of its own."""
    match value:
        case None | bool() | int():
            return value
        case StrEnum():
            return {"word": type(value).__name__, "is": value.value}
        case str():
            return value
        case Decimal():
            return {"number": str(value)}
        case datetime():
            return {"time": value.isoformat()}
        case date():
            return {"date": value.isoformat()}
        case list() | tuple():
            return [_write(one) for one in value]
        case dict():
            return {"pairs": [[_write(key), _write(one)] for key, one in value.items()]}
        case _ if isinstance(value, INSTRUMENTS):
            return {"instrument": str(value)}
        case _ if is_dataclass(value):
            over = isinstance(value, SimOrder) and value.is_terminal
            left_out = LEFT_OUT | {"preview"} if over else LEFT_OUT
            names = [one.name for one in fields(value) if one.name not in left_out]
            return {"record": type(value).__name__, "has": {name: _write(getattr(value, name)) for name in names}}
    raise TypeError(f"A {type(value).__name__} has no place in a snapshot.")


def _read(value: Any) -> Any:
    match value:
        case {"word": kind, "is": text}:
            return WORDS[kind](text)
        case {"number": text}:
            return Decimal(text)
        case {"time": text}:
            return datetime.fromisoformat(text)
        case {"date": text}:
            return date.fromisoformat(text)
        case {"pairs": pairs}:
            return {_read(key): _read(one) for key, one in pairs}
        case {"instrument": text}:
            return parse_instrument(text)
        case {"record": kind, "has": found}:
            return _build(kind, {name: _read(one) for name, one in found.items()})
        case list():
            return [_read(one) for one in value]
        case _:
            return value


def _build(kind: str, found: dict[str, Any]) -> Any:
    """The record of a name; warnings and legs are tuples where the record says so."""
    if kind == "Ticket":
        found["legs"], found["conditions"] = tuple(found["legs"]), tuple(found["conditions"])
    if kind == "Condition":
        found["components"] = tuple(found.get("components", ()))
    if kind in ("SimOrder", "Preview"):
        found["warnings"] = [(code, message) for code, message in found["warnings"]]
    if kind == "SimOrder":
        found["waived"] = tuple(found.get("waived", ()))
    return RECORDS[kind](**found)
