"""The newest figures of one connection's instruments, and what changed since they were last told."""

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timezone
from threading import Lock

from brokers.domain.greeks import GREEK_FIELDS, Greeks
from brokers.domain.instruments import Instrument
from brokers.domain.market import QUOTE_FIELDS, Quote, Tick, fair_price
from brokers.domain.raw import Batch, Raw, exact
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
    """One instrument's newest figures. The ``mark`` that is told is the price holdings are valued by. ``is_parted``:
    some are told but a part of them.

    A desk has tens of thousands, few of which change in a batch. What a change costs is mostly fetching them from far
    memory, so nothing is kept here that is of use for the batch alone.
    """

    __slots__ = ("as_of", "candle", "fair", "instrument", "is_parted", "key", "told", "values")

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.key = json.dumps(str(instrument))
        self.values: dict[str, Raw] = {}
        self.as_of = NEVER
        self.fair: Raw = None
        self.is_parted = False
        self.told: Sequence[tuple[str, str]] = ()
        self.candle: Candle | None = None

    def merge(self, told: Iterable[tuple[str, Raw]], at: datetime, changed: set[str]) -> None:
        """Fields that are not named stay; the time counts even when nothing else is new. Adds to ``changed``."""
        if at > self.as_of:
            self.as_of = at
        values = self.values
        if self.candle is not None:
            told = [*told]
        for name, value in told:
            if values.get(name, UNTOLD) != value and name in FIELDS:
                values[name] = value
                changed.add(name)
        if self.candle is not None and any(name in TRADED for name, _ in told):
            self.candle.take(exact(values.get("last")), exact(values.get("volume")), at)

    @property
    def is_known(self) -> bool:
        return self.as_of is not NEVER

    def taken(self, changed: set[str]) -> str:
        """What changed, as a fragment."""
        values, figure = self.values, frames.figure
        told = [(name, figure(values[name])) for name in changed if name != "mark"]
        if not PRICED_BY.isdisjoint(changed) and (fair := self._fair()) != self.fair:
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

    def raw_changes(self, changed: set[str]) -> str:
        """What changed, for other processes."""
        return raw_fragment(self.key, self.values, changed, self.as_of)

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

    def _fair(self) -> Raw:
        """As ``fair_price`` has it; where there is no market of two sides, just what was told."""
        get = self.values.get
        bid, ask = get("bid"), get("ask")
        if bid is None or ask is None:
            mark = get("mark")
            return mark if mark is not None else get("last")
        return fair_price(exact(bid), exact(ask), exact(get("mark")), exact(get("last")))


class Board:
    """Figures by instrument. One thread writes; ``latest`` may be asked from any."""

    def __init__(self) -> None:
        self._figures: dict[Instrument, Figures] = {}
        self._by_object: dict[int, Figures] = {}
        self._dirty: dict[Figures, set[str]] = {}
        self._lock = Lock()

    def __contains__(self, instrument: Instrument) -> bool:
        return instrument in self._figures

    def figures(self, instrument: Instrument) -> Figures:
        """The instrument's place on the board, made when there is none."""
        if (found := self._figures.get(instrument)) is None:
            with self._lock:
                if (found := self._figures.get(instrument)) is None:  # nobody else made it meanwhile
                    found = self._figures[instrument] = self._by_object[id(instrument)] = Figures(instrument)
        return found

    def merge(self, ticks: Iterable[Tick | Batch]) -> bool:
        """Take ticks of instruments on the board, leave the others. Says whether there is anything to tell."""
        with self._lock:
            for tick in ticks:
                if isinstance(tick, Tick):
                    self._merge(tick.instrument, tick.values.items(), tick.at)
                else:
                    for instrument, told in tick.rows():
                        if instrument is not None:
                            self._merge(instrument, told, tick.at)
        return bool(self._dirty)

    def _merge(self, instrument: Instrument, told: Iterable[tuple[str, Raw]], at: datetime) -> None:
        """Streams name instruments by the objects that they were asked to watch: those are found without a look at
        what they are."""
        figures = self._by_object.get(id(instrument)) or self._figures.get(instrument)
        if figures is not None:
            if (changed := self._dirty.get(figures)) is None:
                changed = self._dirty[figures] = set()
            figures.merge(told, at, changed)

    def raw_changes(self) -> list[str]:
        """What changed, for other processes; it stays to be taken."""
        return [figures.raw_changes(changed) for figures, changed in self._dirty.items()]

    def raw(self, instruments: Iterable[Instrument]) -> list[str]:
        found = [self._figures[one] for one in instruments if one in self._figures]
        return [figures.raw() for figures in found if figures.is_known]

    def take_changes(self) -> dict[Figures, str]:
        """What changed since it was last taken, as fragments."""
        dirty, self._dirty = self._dirty, {}
        return {figures: figures.taken(changed) for figures, changed in dirty.items()}

    def keep_only(self, instruments: Collection[Instrument]) -> None:
        with self._lock:
            for instrument in self._figures.keys() - instruments:
                figures = self._figures.pop(instrument)
                del self._by_object[id(figures.instrument)]
                self._dirty.pop(figures, None)

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
