"""What a feed's owner tells the other processes, as text: changed figures, states, signs of life. No I/O.

Each carries the owner's ``fence`` and a count: of an older owner nothing is taken, and a hole in the count is seen.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Self

from brokers.domain.instruments import Instrument, parse_instrument
from brokers.domain.market import Tick
from brokers.domain.raw import Raw
from brokers.port import StatusChange, StreamState

QUOTES, SNAPSHOT, STATUS, BEAT, BYE = "quotes", "snapshot", "status", "beat", "bye"
COUNTED = frozenset({QUOTES, STATUS})
instrument_of = lru_cache(maxsize=20_000)(parse_instrument)


@dataclass(frozen=True, slots=True)
class Told:
    """``kind`` BEAT: the owner lives. BYE: it gives the feed up. SNAPSHOT: what is asked for, whole, as of ``seq``."""

    fence: int
    seq: int
    kind: str
    ticks: tuple[Tick, ...] = ()
    statuses: tuple[StatusChange, ...] = ()

    @classmethod
    def read(cls, text: str) -> Self:
        raw = json.loads(text)
        ticks = tuple(_tick(symbol, figures) for symbol, figures in raw.get("quotes", {}).items())
        statuses = tuple(StatusChange(source, StreamState(state), detail) for source, state, detail in raw["statuses"])
        return cls(raw["fence"], raw["seq"], raw["kind"], ticks, statuses)


def write(fence: int, seq: int, kind: str, fragments: Iterable[str] = (), statuses: Iterable[StatusChange] = ()) -> str:
    """``fragments`` are figures as the feed has them, by ``raw_fragment``."""
    states = json.dumps([[one.source, one.state, one.detail] for one in statuses])
    quotes = ",".join(fragments)
    return f'{{"fence":{fence},"seq":{seq},"kind":"{kind}","statuses":{states},"quotes":{{{quotes}}}}}'


def raw_fragment(key: str, values: Mapping[str, Raw], names: Collection[str], at: datetime) -> str:
    """As the board has them, the broker's own mark among them, where tabs are told the fair price."""
    figures = "".join([f'"{name}":{_text(values[name])},' for name in names])
    return f'{key}:{{{figures}"as_of":"{at.isoformat()}"}}'


def _text(value: Raw) -> str:
    return "null" if value is None else f'"{value}"'


def _tick(symbol: str, figures: dict[str, Any]) -> Tick:
    at = datetime.fromisoformat(figures.pop("as_of"))
    values = {name: None if value is None else Decimal(value) for name, value in figures.items()}
    return Tick(instrument_of(symbol), values, at)


@dataclass(frozen=True, slots=True)
class Ask:
    """What a process without the upstream wants of the one that has it. ``anew``: all of it is to be told whole."""

    process: str
    symbols: tuple[str, ...]
    anew: bool = False
    gone: bool = False

    def text(self) -> str:
        wish = {"process": self.process, "symbols": self.symbols, "anew": self.anew, "gone": self.gone}
        return json.dumps(wish, separators=(",", ":"))

    @classmethod
    def read(cls, text: str) -> Self:
        raw = json.loads(text)
        return cls(raw["process"], tuple(raw["symbols"]), raw["anew"], raw["gone"])

    def instruments(self) -> list[Instrument]:
        return [instrument_of(symbol) for symbol in self.symbols]
