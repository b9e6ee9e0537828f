"""Figures as a wire had them, until somebody asks for the number or its digits; ticks that came together, in columns.

A double whose text had at most 15 significant digits gives just these digits back as its shortest text (IEEE 754), and
no price has more. A longer text is that of a sender that counts in doubles itself, and its shortest text says which one
was meant. So ``exact`` loses nothing, and most figures, which another follows before anybody asks, cost nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import TypeAlias

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
    if type(raw) is not float:
        return f"{raw:f}" if isinstance(raw, Decimal) else str(raw)
    text = repr(raw)
    return f"{Decimal(text):f}" if "e" in text else text


@dataclass(slots=True)
class TickBatch:
    """News of the same figures of many instruments: each instrument's follow those of the one before in ``figures``, in
    the order of ``names``. None stands for an instrument that nobody asked about.

    Not to be changed; not frozen only because that would make it three times as dear to make.
    """

    instruments: Sequence[Instrument | None]
    names: tuple[str, ...]
    figures: Sequence[Raw]
    at: datetime

    def rows(self) -> Iterator[tuple[Instrument | None, tuple[Raw, ...]]]:
        return zip(self.instruments, zip(*[iter(self.figures)] * len(self.names), strict=True), strict=True)

    def ticks(self) -> Iterator[Tick]:
        """The same, one by one, as numbers."""
        for instrument, row in self.rows():
            if instrument is not None:
                yield Tick(instrument, dict(zip(self.names, map(exact, row), strict=True)), self.at)
