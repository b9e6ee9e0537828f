"""One instrument's newest figures, what of them changed since it was last told, and how that is written."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import Any, NamedTuple

from brokers.domain.greeks import GREEK_FIELDS, Greeks
from brokers.domain.instruments import Instrument
from brokers.domain.market import QUOTE_FIELDS, Quote, fair_price
from brokers.domain.raw import Raw, exact
from brokers.live import frames
from brokers.live.candle import Candle
from brokers.live.fields import CANDLE
from brokers.live.told import raw_fragment

NEVER = datetime.min.replace(tzinfo=timezone.utc)
PRICED_BY = frozenset({"bid", "ask", "mark", "last"})
TRADED = frozenset({"last", "volume"})
UNTOLD = object()
TOUCHED = 1
BITS = {name: TOUCHED << place for place, name in enumerate(QUOTE_FIELDS, start=1)}


class _Shape(NamedTuple):
    """Of what changed: the names, those that are told as they are, and whether the mark may be another one."""

    names: tuple[str, ...]
    told: tuple[str, ...]
    is_priced: bool


class _Shapes(dict[int, _Shape]):
    """By the bits of what changed."""

    def __missing__(self, changed: int) -> _Shape:
        names = tuple(name for name, bit in BITS.items() if changed & bit)
        told = tuple(name for name in names if name != "mark")
        self[changed] = shape = _Shape(names, told, not PRICED_BY.isdisjoint(names))
        return shape


_shapes = _Shapes()


class Figures:
    """One instrument's newest figures. The ``mark`` that is told is the price holdings are valued by. ``is_parted``:
    some are told but a part of them. ``changed``: which figures did since they were taken, as bits.

    A desk has tens of thousands, few of which change in a batch. What a change costs is mostly fetching them from far
    memory, so little is kept here that is of use for the batch alone.
    """

    __slots__ = ("as_of", "candle", "changed", "fair", "instrument", "is_parted", "key", "told", "values")

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.key = json.dumps(str(instrument))
        self.values: dict[str, Raw] = {}
        self.as_of = NEVER
        self.changed = 0
        self.fair: Raw = None
        self.is_parted = False
        self.told: Sequence[tuple[str, str]] = ()
        self.candle: Candle | None = None

    def merge(self, told: Iterable[tuple[str, Raw]], at: datetime) -> bool:
        """Fields that are not named stay; the time counts even when nothing else is new. Says whether this is the
        first news since what changed was taken."""
        if at > self.as_of:
            self.as_of = at
        if self.candle is not None:
            told = [*told]
        values, changed = self.values, self.changed
        is_first = not changed
        changed |= TOUCHED
        for name, value in told:
            if values.get(name, UNTOLD) != value and name in BITS:
                values[name] = value
                changed |= BITS[name]
        self.changed = changed
        if self.candle is not None and any(name in TRADED for name, _ in told):
            self.candle.take(exact(values.get("last")), exact(values.get("volume")), at)
        return is_first

    def forget(self, names: Iterable[str]) -> None:
        for name in names:
            self.values.pop(name, None)
            self.changed &= ~BITS[name]

    @property
    def is_known(self) -> bool:
        return self.as_of is not NEVER

    def taken(self) -> str:
        """What changed, as a fragment."""
        values, figure = self.values, frames.figure
        _, names, is_priced = _shapes[self.changed]
        self.changed = 0
        told = [(name, figure(values[name])) for name in names]
        if is_priced and (fair := self._fair()) != self.fair:
            self.fair = fair
            told.append(("mark", figure(fair)))
        if self.is_parted:
            self.told = told
            if self.candle is not None:
                self.candle.fresh, self.candle.changed = self.candle.changed, False
        return frames.fragment(self.key, told, self.as_of)

    def narrowed(self, names: frozenset[str]) -> str | None:
        """What was taken last, but these names only; None where they did not change. Only of what ``is_parted``."""
        candle = self.candle if CANDLE in names and self.candle is not None and self.candle.fresh else None
        told = [pair for pair in self.told if pair[0] in names]
        if not told and candle is None:
            return None
        return frames.fragment(self.key, told, self.as_of, candle.text() if candle is not None else "")

    def raw_changes(self) -> str:
        """What changed, for other processes; it stays to be taken."""
        return raw_fragment(self.key, self.values, _shapes[self.changed].names, self.as_of)

    def raw(self) -> str:
        """All that is known, for other processes."""
        return raw_fragment(self.key, self.values, self.values.keys(), self.as_of)

    def whole(self, names: frozenset[str] | None = None) -> str:
        """All that is known, or these names of it, as a fragment; to be asked only when something is."""
        known = {**self.values, "mark": self._fair()}
        told = [(name, frames.figure(value)) for name, value in known.items() if names is None or name in names]
        candle = self.candle.text() if names is not None and CANDLE in names and self.candle is not None else ""
        return frames.fragment(self.key, told, self.as_of, candle)

    def quote(self) -> Quote | None:
        known: dict[str, Any] = {name: exact(value) for name, value in self.values.items()}
        return Quote(self.instrument, self.as_of, **known) if self.is_known else None

    def greeks(self) -> Greeks | None:
        told = {name: value for name in GREEK_FIELDS if (value := exact(self.values.get(name))) is not None}
        return Greeks(self.instrument, self.as_of, **told) if told else None

    def _fair(self) -> Raw:
        """As ``fair_price`` has it; where there is no market of two sides, just what was told."""
        get = self.values.get
        bid, ask = get("bid"), get("ask")
        if bid is None or ask is None:
            mark = get("mark")
            return mark if mark is not None else get("last")
        return fair_price(exact(bid), exact(ask), exact(get("mark")), exact(get("last")))
