"""All paths in motion: when each quotes and trades, and what was traded last."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from math import exp
from random import Random

from brokers.domain.instruments import Crypto
from brokers.simulator.market.book import Print
from brokers.simulator.market.halts import Halts
from brokers.simulator.market.paths.fair import Fair, Key
from brokers.simulator.market.paths.quotes import Path
from brokers.simulator.market.paths.turnover import Turnover
from brokers.simulator.market.sessions import Calendar, Collection, Phase
from brokers.simulator.market.universe import Character, fair_key

BUSY: Mapping[Phase, float] = {"open": 1.0, "pre": 0.15, "post": 0.12, "overnight": 0.03, "closed": 0.0}
QUIET_FUTURES = 0.3  # while the share market is closed


class Tape:
    """Deterministic: the same seed and the same times give the same quotes; fair prices need not the same times."""

    def __init__(
        self,
        seed: int,
        now: datetime,
        calendars: Mapping[Collection, Calendar],
        prices: Fair,
        turnover: Turnover,
        cast: Mapping[Key, Character],
    ) -> None:
        self.now, self.calendars, self.prices = now, calendars, prices
        self.prints: list[Print] = []
        self.halts = Halts()
        self._rng = Random(seed)
        self._sequence = 0
        self._days: dict[Collection, tuple[date, Phase]] = {}
        self.paths = {
            key: Path(key, character, calendars[collection(key)], prices, turnover, fair_key(key))
            for key, character in cast.items()
        }
        prices.settle_in(now.timestamp())
        self._turn(now)

    def advance(self, now: datetime) -> set[Key]:
        """Move to a time; the answer names the paths whose quotes changed."""
        self.prints = []
        seconds = (now - self.now).total_seconds()
        if seconds <= 0:
            return set()
        self.now = now
        self.prices.settle_in(now.timestamp())
        return self._turn(now) | self._reopen(now) | self.halts.begun() | self._walk(now, seconds)

    def again(self, now: datetime) -> None:
        """Make all figures of the day afresh, for the paths have changed."""
        self._days = {}
        self._turn(now)

    def put(self, source: Key) -> None:
        """A fair price was put elsewhere: quote and trade there."""
        self.prints = []
        for path in self.paths.values():
            if path.source == source and path.key not in self.halts.found:
                self._note(path.put(self.now, self._rng))

    def _turn(self, now: datetime) -> set[Key]:
        """Where a session has begun, opened, closed or gone over: the figures of the day anew."""
        turned = set()
        for name, calendar in self.calendars.items():
            mark = calendar.trading(now).date, calendar.phase(now)
            if self._days.get(name) != mark:
                self._days[name] = mark
                turned.add(name)
        if not turned:
            return set()
        changed = {key for key in self.paths if collection(key) in turned and key not in self.halts.found}
        for key, path in self.paths.items():
            if key in changed:
                path.arrive(now, self._rng)
        return changed

    def _reopen(self, now: datetime) -> set[Key]:
        """Quote and trade what is halted no more, where its fair price is by now."""
        over = self.halts.over(now)
        for key in over:
            path = self.paths[key]
            path.arrive(now, self._rng)
            if path.session.holds(now):
                self._note(path.put(now, self._rng))
        return set(over)

    def _walk(self, now: datetime, seconds: float) -> set[Key]:
        random, changed = self._rng.random, set()
        busy = {name: self._busy(name) * seconds for name in self.calendars}
        for key, path in self.paths.items():
            length = busy[path.calendar.collection]
            if path.character.listing.is_index and self._days["equity"][1] != "open":
                length = 0.0
            if key in self.halts.found:
                continue
            if length and random() < 1 - exp(-path.character.rate * length):
                self._note(path.quote(now, self._rng))
                changed.add(key)
        return changed

    def _busy(self, name: Collection) -> float:
        level = BUSY[self._days[name][1]]
        return level * QUIET_FUTURES if name == "cme" and self._days["equity"][1] != "open" else level

    def _note(self, found: Print | None) -> None:
        if found is not None:
            self._sequence += 1
            self.prints.append(replace(found, sequence=self._sequence))


def collection(key: Key) -> Collection:
    """The calendar that a path goes by."""
    if isinstance(key, str):
        return "cme"
    return "crypto" if isinstance(key, Crypto) else "equity"
