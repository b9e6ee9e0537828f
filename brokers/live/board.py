"""The newest figures of one connection's instruments, and what changed since they were last told."""

from collections.abc import Iterable, Set
from datetime import datetime
from threading import Lock

from brokers.domain.greeks import GREEK_FIELDS, Greeks
from brokers.domain.instruments import Instrument
from brokers.domain.market import Quote, Tick
from brokers.domain.raw import Batch, Raw
from brokers.live.figures import Figures


class Board:
    """Figures by instrument. One thread writes; ``latest`` may be asked from any."""

    def __init__(self) -> None:
        self._figures: dict[Instrument, Figures] = {}
        self._by_object: dict[int, Figures] = {}
        self._dirty: list[Figures] = []
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
                    at = tick.at
                    for instrument, told in tick.rows():
                        if instrument is not None:
                            self._merge(instrument, told, at)
        return bool(self._dirty)

    def _merge(self, instrument: Instrument, told: Iterable[tuple[str, Raw]], at: datetime) -> None:
        """Streams name instruments by the objects that they were asked to watch: those are found without a look at
        what they are."""
        figures = self._by_object.get(id(instrument)) or self._figures.get(instrument)
        if figures is not None and figures.merge(told, at):
            self._dirty.append(figures)

    def raw_changes(self) -> list[str]:
        """What changed, for other processes; it stays to be taken."""
        return [figures.raw_changes() for figures in self._dirty]

    def raw(self, instruments: Iterable[Instrument]) -> list[str]:
        found = [self._figures[one] for one in instruments if one in self._figures]
        return [figures.raw() for figures in found if figures.is_known]

    def take_changes(self) -> dict[Figures, str]:
        """What changed since it was last taken, as fragments."""
        dirty, self._dirty = self._dirty, []
        try:
            return {figures: figures.taken() for figures in dirty}
        except Exception:
            for figures in dirty:  # else they would count as noted already, and never be told again
                figures.changed = 0
            raise

    def keep_only(self, instruments: Set[Instrument], carried: Set[Instrument] = frozenset()) -> None:
        """Forget all others. Of those ``carried`` quotes are told, but no Greeks: old ones would look as new as the
        quotes."""
        with self._lock:
            for instrument in carried - instruments:
                if (found := self._figures.get(instrument)) is not None:
                    found.forget(GREEK_FIELDS)
            for instrument in self._figures.keys() - instruments - carried:
                figures = self._figures.pop(instrument)
                del self._by_object[id(figures.instrument)]
            self._dirty = [figures for figures in self._dirty if figures.instrument in self._figures]

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
