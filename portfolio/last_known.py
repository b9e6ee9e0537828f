"""What was last known of an account, kept in the cache for when the broker cannot be asked.

Kept as JSON text: figures, symbols and times, nothing else. An entry that cannot be read counts as absent.
News from the broker's stream is kept here too: for a moment it outranks a listing that lags behind it.
"""

import json
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from threading import Lock
from typing import Any, TypeVar, get_args, get_type_hints

from django.core.cache import cache

from brokers.domain.accounts import Balance, Position
from brokers.domain.instruments import Instrument, parse_instrument
from brokers.domain.market import Quote
from portfolio.valuation import EXCHANGE_TIME

KEPT = timedelta(days=7)
LISTINGS_LAG = timedelta(seconds=10)
T = TypeVar("T", Balance, Position, Quote)
_writing = Lock()


@dataclass(frozen=True, slots=True)
class KeptBalance:
    balance: Balance
    seen_at: datetime
    streamed: bool = False


@dataclass(frozen=True, slots=True)
class KeptPositions:
    """``heard``: when the stream last spoke of an instrument; a position closed there is kept at quantity 0."""

    positions: tuple[Position, ...]
    seen_at: datetime
    heard: dict[Instrument, datetime]

    @property
    def held(self) -> tuple[Position, ...]:
        """What is held, and what was closed today with a gain or a loss: day P/L counts that too."""
        return tuple(position for position in self.positions if position.quantity != 0 or position.realized_day)

    @property
    def is_streamed(self) -> bool:
        """Whether the stream has just told more than the listing shows."""
        return any(self.seen_at - at < LISTINGS_LAG for at in self.heard.values())


def balance(account_id: uuid.UUID) -> KeptBalance | None:
    data = _read("balance", account_id)
    try:
        return KeptBalance(_unpack(Balance, data["balance"]), _instant(data["seen_at"]), bool(data["streamed"]))
    except _UNREADABLE:
        return None


def positions(account_id: uuid.UUID) -> KeptPositions | None:
    data = _read("positions", account_id)
    try:
        rows = tuple(_unpack(Position, row) for row in data["positions"])
        heard = {parse_instrument(symbol): _instant(at) for symbol, at in data["heard"].items()}
        return KeptPositions(rows, _instant(data["seen_at"]), heard)
    except _UNREADABLE:
        return None


def quotes(account_id: uuid.UUID) -> dict[Instrument, Quote]:
    data = _read("quotes", account_id)
    try:
        listed = [_unpack(Quote, row) for row in data["quotes"]]
    except _UNREADABLE:
        return {}
    return {quote.instrument: quote for quote in listed}


def keep_balance(account_id: uuid.UUID, listed: Balance, now: datetime) -> KeptBalance:
    """Keep what the broker answered, unless the stream has just told something newer."""
    with _writing:
        kept = balance(account_id)
        if kept and kept.streamed and now - kept.seen_at < LISTINGS_LAG and kept.balance.as_of > listed.as_of:
            return kept
        return _write_balance(account_id, KeptBalance(listed, now))


def keep_positions(account_id: uuid.UUID, listed: Iterable[Position], now: datetime) -> KeptPositions:
    """Keep the broker's listing, with what the stream has told and the listing does not show (yet)."""
    with _writing:
        kept = positions(account_id)
        rows = {position.instrument: position for position in listed}
        heard = {}
        for position in kept.positions if kept else ():
            heard_at = kept.heard.get(position.instrument) if kept else None
            if heard_at and _outranks(position, rows.get(position.instrument), heard_at, now):
                rows[position.instrument] = position
                heard[position.instrument] = heard_at
        return _write_positions(account_id, KeptPositions(tuple(rows.values()), now, heard))


def _outranks(told: Position, listed: Position | None, heard_at: datetime, now: datetime) -> bool:
    """For a moment the stream is ahead of the listing. What it said was closed stays for the day, with its gain."""
    if now - heard_at < LISTINGS_LAG:
        return listed is None or told.as_of >= listed.as_of
    is_today = heard_at.astimezone(EXCHANGE_TIME).date() == now.astimezone(EXCHANGE_TIME).date()
    return listed is None and told.quantity == 0 and is_today


def keep_quotes(account_id: uuid.UUID, known: Iterable[Quote]) -> None:
    _write("quotes", account_id, {"quotes": [_pack(quote) for quote in known]})


def hear_balance(account_id: uuid.UUID, told: Balance, now: datetime) -> None:
    with _writing:
        kept = balance(account_id)
        if kept is None or told.as_of >= kept.balance.as_of:
            _write_balance(account_id, KeptBalance(told, now, streamed=True))


def hear_position(account_id: uuid.UUID, told: Position, now: datetime) -> None:
    """Put one position in its place among those known; where no listing is known yet, there is none to put it in."""
    with _writing:
        kept = positions(account_id)
        if kept is None:
            return
        rows = {position.instrument: position for position in kept.positions}
        before = rows.get(told.instrument)
        if before is None or told.as_of >= before.as_of:
            rows[told.instrument] = told
            heard = kept.heard | {told.instrument: now}
            _write_positions(account_id, replace(kept, positions=tuple(rows.values()), heard=heard))


def stamp(account_id: uuid.UUID) -> str:
    """Changes whenever the account has changed at the broker, in whichever process that was heard."""
    found = cache.get(_key("stamp", account_id))
    return found if isinstance(found, str) else ""


def mark_changed(account_id: uuid.UUID) -> None:
    cache.set(_key("stamp", account_id), uuid.uuid4().hex, KEPT.total_seconds())


def forget(account_ids: Iterable[uuid.UUID]) -> None:
    whats = ("balance", "positions", "quotes")
    for account_id in account_ids:
        mark_changed(account_id)
        cache.delete_many([_key(what, account_id) for what in whats])


def _key(what: str, account_id: uuid.UUID) -> str:
    return f"portfolio:{what}:{account_id}"


def _read(what: str, account_id: uuid.UUID) -> Any:
    text = cache.get(_key(what, account_id))
    try:
        return json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _write(what: str, account_id: uuid.UUID, data: dict[str, Any]) -> None:
    cache.set(_key(what, account_id), json.dumps(data), KEPT.total_seconds())


def _write_balance(account_id: uuid.UUID, kept: KeptBalance) -> KeptBalance:
    data = {"balance": _pack(kept.balance), "seen_at": kept.seen_at.isoformat(), "streamed": kept.streamed}
    _write("balance", account_id, data)
    return kept


def _write_positions(account_id: uuid.UUID, kept: KeptPositions) -> KeptPositions:
    data = {
        "positions": [_pack(position) for position in kept.positions],
        "seen_at": kept.seen_at.isoformat(),
        "heard": {str(instrument): at.isoformat() for instrument, at in kept.heard.items()},
    }
    _write("positions", account_id, data)
    return kept


_UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, InvalidOperation)
_instant = datetime.fromisoformat


def _pack(record: Balance | Position | Quote) -> dict[str, str | None]:
    packed: dict[str, str | None] = {}
    for field in fields(record):
        found = getattr(record, field.name)
        packed[field.name] = found.isoformat() if isinstance(found, datetime) else None if found is None else str(found)
    return packed


def _reader(kind: Any) -> Callable[[str], Any]:
    kinds = get_args(kind) or (kind,)
    if bool in kinds:
        return "True".__eq__
    return Decimal if Decimal in kinds else _instant if datetime in kinds else str if kind is str else parse_instrument


_READERS = {
    kind: {name: _reader(hint) for name, hint in get_type_hints(kind).items()} for kind in (Balance, Position, Quote)
}
_NEWER = frozenset({"halted", "halted_since"})
"""What entries of an older desk lack."""


def _unpack(kind: type[T], packed: dict[str, str | None]) -> T:
    values: dict[str, Any] = {}
    for name, read in _READERS[kind].items():
        text = packed.get(name) if name in _NEWER else packed[name]
        values[name] = None if text is None else read(text)
    return kind(**values)
