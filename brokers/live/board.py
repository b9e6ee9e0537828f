"""The newest figures of one connection's instruments, and what changed since they were last told."""

import json
from collections.abc import Collection, Iterable
from datetime import datetime, timezone
from decimal import Decimal
from threading import Lock

from brokers.domain.greeks import GREEK_FIELDS, Greeks
from brokers.domain.instruments import Instrument
from brokers.domain.market import QUOTE_FIELDS, Quote, Tick, fair_price
from brokers.domain.raw import Raw, TickBatch, exact
from brokers.live import frames
from brokers.live.candle import Candle
from brokers.live.fields import CANDLE
from brokers.live.told import raw_fragment

FIELDS = frozenset(QUOTE_FIELDS)
NEVER = datetime.min.replace(tzinfo=timezone.utc)
PRICED_BY = frozenset({"bid", "ask", "mark", "last"})
TRADED = frozenset({"last", "volume"})
UNTOLD = object()


class Figures:
    """One instrument's newest figures. The ``mark`` that is told is the price holdings are valued by."""

    __slots__ = ("as_of", "candle", "changed", "fair", "instrument", "key", "told", "values")

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.key = json.dumps(str(instrument))
        self.values: dict[str, Raw] = {}
        self.as_of = NEVER
        self.changed: set[str] = set()
        self.fair: Decimal | None = None
        self.told: list[tuple[str, str]] = []
        self.candle: Candle | None = None

    def merge(self, told: Iterable[tuple[str, Raw]], at: datetime) -> None:
        """Fields that are not named stay; the time counts even when nothing else is new."""
        if at > self.as_of:
            self.as_of = at
        values, was_traded = self.values, False
        for name, value in told:
            if name in TRADED:
                was_traded = True
            if values.get(name, UNTOLD) != value and name in FIELDS:
                values[name] = value
                self.changed.add(name)
        if was_traded and self.candle is not None:
            self.candle.take(exact(values.get("last")), exact(values.get("volume")), at)

    @property
    def is_known(self) -> bool:
        return self.as_of is not NEVER

    def take_changes(self) -> str:
        """What changed since it was last taken, as a fragment."""
        changed, values = self.changed, self.values
        if not PRICED_BY.isdisjoint(changed):
            changed.discard("mark")
            if (fair := self._fair()) != self.fair:
                self.fair = fair
                changed.add("mark")
        self.told = [(name, frames.figure(self.fair if name == "mark" else values[name])) for name in changed]
        changed.clear()
        if self.candle is not None:
            self.candle.fresh, self.candle.changed = self.candle.changed, False
        return frames.fragment(self.key, self.told, self.as_of)

    def narrowed(self, names: frozenset[str]) -> str | None:
        """What was taken last, but these names only; None where they did not change."""
        candle = self.candle if CANDLE in names and self.candle is not None and self.candle.fresh else None
        told = [pair for pair in self.told if pair[0] in names]
        if not told and candle is None:
            return None
        return frames.fragment(self.key, told, self.as_of, candle.text() if candle is not None else "")

    def raw_changes(self) -> str:
        """What changed, for other processes; it stays to be taken."""
        return raw_fragment(self.key, self.values, self.changed, self.as_of)

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
        known = {name: exact(value) for name, value in self.values.items()}
        return Quote(self.instrument, self.as_of, **known) if self.is_known else None

    def greeks(self) -> Greeks | None:
        told = {name: value for name in GREEK_FIELDS if (value := exact(self.values.get(name))) is not None}
        return Greeks(self.instrument, self.as_of, **told) if told else None

    def _fair(self) -> Decimal | None:
        get = self.values.get
        return fair_price(exact(get("bid")), exact(get("ask")), exact(get("mark")), exact(get("last")))


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

    def merge(self, ticks: Iterable[Tick | TickBatch]) -> bool:
        """Take ticks of instruments on the board, leave the others. Says whether there is anything to tell."""
        with self._lock:
            for tick in ticks:
                if isinstance(tick, TickBatch):
                    self._merge_batch(tick)
                elif (figures := self._figures.get(tick.instrument)) is not None:
                    figures.merge(tick.values.items(), tick.at)
                    self._dirty.add(figures)
        return bool(self._dirty)

    def _merge_batch(self, batch: TickBatch) -> None:
        names, at, dirty = batch.names, batch.at, self._dirty
        for instrument, row in batch.rows():
            if instrument is not None and (figures := self._figures.get(instrument)) is not None:
                figures.merge(zip(names, row, strict=True), at)
                dirty.add(figures)

    def raw_changes(self) -> list[str]:
        return [figures.raw_changes() for figures in self._dirty]

    def raw(self, instruments: Iterable[Instrument]) -> list[str]:
        found = [self._figures[one] for one in instruments if one in self._figures]
        return [figures.raw() for figures in found if figures.is_known]

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

    def latest_greeks(self, instruments: Iterable[Instrument]) -> dict[Instrument, Greeks]:
        """Greeks of those of which some are known."""
        with self._lock:
            found = [self._figures[one].greeks() for one in instruments if one in self._figures]
        return {greeks.instrument: greeks for greeks in found if greeks is not None}
