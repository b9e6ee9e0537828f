"""The newest figures of one connection's instruments, and what changed since they were last told."""

import json
from collections.abc import Collection, Iterable
from datetime import datetime, timezone
from decimal import Decimal
from threading import Lock

from brokers.domain.instruments import Instrument
from brokers.domain.market import QUOTE_FIELDS, Quote, Tick, fair_price
from brokers.live import frames

FIELDS = frozenset(QUOTE_FIELDS)
NEVER = datetime.min.replace(tzinfo=timezone.utc)
PRICED_BY = frozenset({"bid", "ask", "mark", "last"})


class Figures:
    """One instrument's newest figures. The ``mark`` that is told is the price holdings are valued by."""

    __slots__ = ("as_of", "changed", "fair", "instrument", "key", "values")

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.key = json.dumps(str(instrument))
        self.values: dict[str, Decimal | None] = {}
        self.as_of = NEVER
        self.changed: set[str] = set()
        self.fair: Decimal | None = None

    def merge(self, tick: Tick) -> None:
        """Fields that the tick does not name stay; its time counts even when nothing else is new."""
        if tick.at > self.as_of:
            self.as_of = tick.at
        values = self.values
        for name, value in tick.values.items():
            if (name not in values or values[name] != value) and name in FIELDS:
                values[name] = value
                self.changed.add(name)

    @property
    def is_known(self) -> bool:
        return self.as_of is not NEVER

    def take_changes(self) -> str:
        """What changed since it was last taken, as a fragment."""
        if self.changed & PRICED_BY:
            self.changed.discard("mark")
            if (fair := self._fair()) != self.fair:
                self.fair = fair
                self.changed.add("mark")
        told = [(name, self._told(name)) for name in self.changed]
        self.changed.clear()
        return frames.fragment(self.key, told, self.as_of)

    def whole(self) -> str:
        """All that is known, as a fragment; to be asked only when something is."""
        told = {**self.values, "mark": self._fair()}
        return frames.fragment(self.key, told.items(), self.as_of)

    def quote(self) -> Quote | None:
        return Quote(self.instrument, self.as_of, **self.values) if self.is_known else None

    def _told(self, name: str) -> Decimal | None:
        return self.fair if name == "mark" else self.values[name]

    def _fair(self) -> Decimal | None:
        get = self.values.get
        return fair_price(get("bid"), get("ask"), get("mark"), get("last"))


class Board:
    """Figures by instrument. One thread writes; ``latest`` may be asked from any."""

    def __init__(self) -> None:
        self._figures: dict[Instrument, Figures] = {}
        self._dirty: set[Figures] = set()
        self._lock = Lock()

    def __contains__(self, instrument: Instrument) -> bool:
        return instrument in self._figures

    def figures(self, instrument: Instrument) -> Figures:
        """The instrument's place on the board, made when there is none."""
        if (found := self._figures.get(instrument)) is None:
            with self._lock:
                found = self._figures[instrument] = Figures(instrument)
        return found

    def merge(self, ticks: Iterable[Tick]) -> bool:
        """Take ticks of instruments on the board, leave the others. Says whether there is anything to tell."""
        with self._lock:
            for tick in ticks:
                if (figures := self._figures.get(tick.instrument)) is not None:
                    figures.merge(tick)
                    self._dirty.add(figures)
        return bool(self._dirty)

    def take_changes(self) -> dict[Figures, str]:
        dirty, self._dirty = self._dirty, set()
        return {figures: figures.take_changes() for figures in dirty}

    def keep_only(self, instruments: Collection[Instrument]) -> None:
        with self._lock:
            for instrument in self._figures.keys() - instruments:
                self._dirty.discard(self._figures.pop(instrument))

    def latest(self, instruments: Iterable[Instrument]) -> dict[Instrument, Quote]:
        """Quotes of those that something is known of."""
        with self._lock:
            found = [self._figures[one].quote() for one in instruments if one in self._figures]
        return {quote.instrument: quote for quote in found if quote is not None}
