"""Figures as a wire had them, until somebody asks for the number or its digits; ticks that came together, in columns.

A double whose text had at most 15 significant digits gives just these digits back as its shortest text (IEEE 754), and
no price has more. A longer text is that of a sender that counts in doubles itself, and its shortest text says which one
was meant. So ``exact`` loses nothing, and most figures, which another follows before anybody asks, cost nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from itertools import repeat
from typing import Any, TypeAlias

import msgspec

from brokers.domain.instruments import Instrument
from brokers.domain.market import Tick

Raw: TypeAlias = Decimal | float | int | None
"""Not to be reckoned with: ``exact`` is the number."""


def exact(raw: Raw) -> Decimal | None:
    return raw if raw is None or isinstance(raw, Decimal) else _exact(raw)


@lru_cache(maxsize=1 << 14)
def _exact(raw: float) -> Decimal:
    return Decimal(repr(raw))


def digits(raw: Decimal | float) -> str:
    """The number in digits, without an exponent."""
    text = str(raw)
    return f"{Decimal(text):f}" if "e" in text or "E" in text else text


class TickBatch(msgspec.Struct, frozen=True, gc=False):
    """News of the same figures of many instruments: each instrument's follow those of the one before in ``figures``, in
    the order of ``names``. None stands for an instrument that nobody asked about.

    A struct, for that is frozen and yet as quick to make as can be: one is made of each frame.
    """

    instruments: Sequence[Instrument | None]
    names: tuple[str, ...]
    figures: Sequence[Raw]
    at: datetime

    def rows(self) -> Iterator[tuple[Instrument | None, Iterable[tuple[str, Raw]]]]:
        """Each instrument and what is told of it."""
        width, names = len(self.names), self.names
        values = zip(*[iter(self.figures)] * width, strict=True)
        return zip(self.instruments, map(zip, repeat(names), values), strict=True)

    def ticks(self) -> Iterator[Tick]:
        """The same, one by one, as numbers."""
        return _ticks(self)


class Deltas(msgspec.Struct, frozen=True, gc=False):
    """News of some figures of each of many instruments, in the order of arrival: ``told`` has those of each by the
    names of a wire, and ``names`` what these are here. What is not in ``names`` is no figure."""

    instruments: Sequence[Instrument | None]
    told: Sequence[Mapping[str, Any]]
    names: Mapping[str, str]
    at: datetime

    def rows(self) -> Iterator[tuple[Instrument | None, Iterable[tuple[str, Raw]]]]:
        """Each instrument and what is told of it; where that is no figure it is left out."""
        names = self.names
        for instrument, told in zip(self.instruments, self.told, strict=True):
            if row := [(names[key], value) for key, value in told.items() if key in names]:
                yield instrument, row

    def ticks(self) -> Iterator[Tick]:
        """The same, one by one, as numbers."""
        return _ticks(self)


Batch: TypeAlias = TickBatch | Deltas
BATCHES = (TickBatch, Deltas)


def _ticks(batch: Batch) -> Iterator[Tick]:
    for instrument, told in batch.rows():
        if instrument is not None:
            yield Tick(instrument, {name: exact(value) for name, value in told}, batch.at)
