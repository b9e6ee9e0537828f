"""DXLink's COMPACT frames at speed: the rows of a whole frame in one go, without a look at each value.

It reads what is entirely as it should be. Anything else it leaves to ``dxlink``, which reads value by value and says
what is wrong where.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from math import hypot
from typing import Any, TypeAlias

import msgspec

from brokers.domain.instruments import Instrument
from brokers.domain.raw import Raw, TickBatch

NOT_NUMBERS = frozenset({"NaN", "Infinity", "-Infinity"})
LARGEST = 1e40
"""``hypot`` of a row refuses what is no number, and is no less than the largest of them: one look at all."""
ABSURD = "a number of absurd size"
UNUSUAL = (msgspec.DecodeError, KeyError, TypeError, ValueError, OverflowError, RecursionError)
Cell: TypeAlias = str | int | float | None


class _Frame(msgspec.Struct, tag_field="type", tag="FEED_DATA", gc=False):
    data: list[str | list[Cell]]


_read = msgspec.json.Decoder(_Frame).decode


Layout: TypeAlias = tuple[int, slice, tuple[slice, ...], tuple[str, ...]]
"""How a type's events lie in a row: how wide each is; where the symbols are; what is no figure, the symbols among it,
to be cut out one after the other; the figures' own names, in the order in which they come. A bare tuple, for it is
taken apart at each frame."""


def layout_of(fields: Sequence[str], wanted: Mapping[str, str]) -> Layout | None:
    """None where the symbol is not told, or a field is told twice."""
    if "eventSymbol" not in fields or len(set(fields)) < len(fields):
        return None
    width = len(fields)
    places = [place for place, name in enumerate(fields) if name not in wanted][::-1]
    others = tuple(slice(place, None, width - cut) for cut, place in enumerate(places))
    names = tuple(wanted[name] for name in fields if name in wanted)
    return (width, slice(fields.index("eventSymbol"), None, width), others, names) if names else None


class Columns:
    """What it takes to read rows: how each type's events lie, and whose symbols they are."""

    def __init__(self) -> None:
        self.layouts: dict[str, Layout] = {}
        self.name({})

    def name(self, instruments: Mapping[str, tuple[Instrument, ...]]) -> None:
        named_by = {symbol: named[0] for symbol, named in instruments.items()}
        self._named: Callable[[str], Instrument | None] = named_by.get
        self._apart = frozenset(symbol for symbol, named in instruments.items() if len(named) > 1)

    def read(self, frame: str | bytes, now: datetime) -> list[TickBatch] | None:
        """The ticks of a frame of data; None where it is another frame, or has anything that wants a closer look."""
        try:
            parts: list[Any] = _read(frame).data
            if len(parts) == 2:
                return [self._batch(parts[0], parts[1], now)]
            return [self._batch(kind, row, now) for kind, row in zip(parts[::2], parts[1::2], strict=True)]
        except UNUSUAL:
            return None

    def _batch(self, kind: str, row: list[Any], now: datetime) -> TickBatch:
        """A row that is text, and no list, fails at its cutting."""
        width, symbols_at, others, names = self.layouts[kind]
        symbols = row[symbols_at]
        if len(row) % width or (self._apart and not self._apart.isdisjoint(symbols)):
            raise ValueError("not a row of whole events of one instrument each")
        for places in others:
            del row[places]
        try:
            if not hypot(*row) < LARGEST:
                raise ValueError(ABSURD)
        except TypeError:
            row = _without_nan(row)
        return TickBatch([*map(self._named, symbols)], names, row, now)


def _without_nan(row: list[Cell]) -> list[Raw]:
    figures: list[Any] = [None if value in NOT_NUMBERS else value for value in row]
    if not hypot(*(value for value in figures if value is not None)) < LARGEST:
        raise ValueError(ABSURD)
    return figures
