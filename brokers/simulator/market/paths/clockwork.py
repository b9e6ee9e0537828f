"""Business time: how fast prices move at each hour of each kind of day, on a grid of moments that all days share."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from threading import Lock
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from brokers.simulator.market.sessions import NEW_YORK, half_days, is_session

Floats = NDArray[np.float64]
DayKind = Literal["session", "half", "eve", "rest", "round"]
Pace = Literal["shares", "coins"]  # coins move around the clock, all else with the share market
EPOCH = date(2015, 1, 1)
DAY_SECONDS = 86400.0
HOUR = 3600
PARTS = 3  # a day is three parts: the night and morning, the regular hours, the evening

# Stretches of the day: (from hour, to hour, seconds between moments). Minutes always fall on moments.
STRETCHES = ((0.0, 4.0, 60), (4.0, 9.5, 30), (9.5, 16.0, 10), (16.0, 20.0, 30), (20.0, 24.0, 60))
EVEN_STRETCHES = ((0.0, 24.0, 20),)


@dataclass(frozen=True)
class Shape:
    """A kind of day: the variance of each step, in usual days' variance, and how the day hangs between its knots.

    ``hats`` are, for each moment, the weights of the four knots (midnight, open, close, midnight) in business time.
    """

    roots: Floats
    parts: tuple[float, float, float]
    knots: tuple[int, int, int, int]
    hats: Floats


class Clockwork:
    """Which day a time is in, where on the grid, and how fast prices move there. Times are seconds since 1970."""

    def __init__(self, always_open: bool) -> None:
        self.always_open = always_open
        stretches = EVEN_STRETCHES if always_open else STRETCHES
        pieces = [np.arange(start * HOUR, end * HOUR, step, dtype=float) for start, end, step in stretches]
        self.moments: Floats = np.append(np.concatenate(pieces), DAY_SECONDS)
        self.grid: list[float] = self.moments.tolist()
        self.steps = len(self.grid) - 1
        self._midnights = [_midnight(EPOCH)]
        self._lock = Lock()
        self._shapes: dict[tuple[Pace, DayKind], Shape] = {}
        self._kinds: dict[int, DayKind] = {}

    def midnight(self, index: int) -> float:
        """When a day begins in New York; days are counted from the epoch."""
        if index >= len(self._midnights):
            with self._lock:
                while index >= len(self._midnights):
                    self._midnights.append(_midnight(EPOCH + timedelta(days=len(self._midnights))))
        return self._midnights[index]

    def locate(self, at: float) -> tuple[int, float]:
        """The day of a time and the second on the grid; days on which clocks change are stretched to fit it."""
        index = max(0, int((at - self._midnights[0]) // DAY_SECONDS))
        while self.midnight(index + 1) <= at:
            index += 1
        while index and self.midnight(index) > at:
            index -= 1
        start, end = self.midnight(index), self.midnight(index + 1)
        return index, max(0.0, (at - start) * (DAY_SECONDS / (end - start)))

    def times(self, index: int) -> Floats:
        """The moments of a day."""
        start, end = self.midnight(index), self.midnight(index + 1)
        return start + self.moments * ((end - start) / DAY_SECONDS)

    def kind(self, index: int) -> DayKind:
        found = self._kinds.get(index)
        if found is None:
            found = self._kinds[index] = self._kind(EPOCH + timedelta(days=index))
        return found

    def shape(self, pace: Pace, kind: DayKind) -> Shape:
        found = self._shapes.get((pace, kind))
        if found is None:
            found = self._shapes[pace, kind] = self._shape(pace, kind)
        return found

    def _kind(self, day: date) -> DayKind:
        if self.always_open:
            return "round"
        if is_session(day):
            return "half" if day in half_days(day.year) else "session"
        return "eve" if is_session(day + timedelta(days=1)) else "rest"

    def _shape(self, pace: Pace, kind: DayKind) -> Shape:
        close = 13.0 if kind == "half" else 16.0
        knots = (0, self.grid.index(9.5 * HOUR), self.grid.index(close * HOUR), self.steps)
        even = pace == "coins" or kind == "round"
        weights = np.diff(self.moments) / DAY_SECONDS if even else self._weights(kind, close)
        passed = np.append(0.0, np.cumsum(weights))
        ends = passed[list(knots)]
        hats = np.stack([np.interp(passed, ends, np.eye(PARTS + 1)[knot]) for knot in range(PARTS + 1)], axis=1)
        parts = np.diff(ends)
        return Shape(np.sqrt(weights), (float(parts[0]), float(parts[1]), float(parts[2])), knots, hats)

    def _weights(self, kind: DayKind, close: float) -> Floats:
        hours = (self.moments[:-1] + self.moments[1:]) / 2 / HOUR
        lengths = np.diff(self.moments)
        total = np.zeros(self.steps)
        for start, end, share in _shares(kind, close):
            inside = (hours > start) & (hours < end)
            pull = lengths * inside * _profile(start, close, (hours - start) / (end - start))
            total += share * pull / pull.sum()
        return total


def _shares(kind: DayKind, close: float) -> tuple[tuple[float, float, float], ...]:
    """Stretches of a day and the share of a usual day's variance that falls on each."""
    if kind == "rest":
        return ((0, 24, 0.01),)
    if kind == "eve":
        return ((0, 18, 0.01), (18, 24, 0.03))
    night, morning, evening = (0, 4, 0.03), (4, 9.5, 0.13), (20, 24, 0.02)
    if kind == "half":
        return night, morning, (9.5, close, 0.5), (close, 20, 0.07), evening
    return night, morning, (9.5, close, 0.72), (close, 20, 0.1), evening


def _profile(start: float, close: float, done: Floats) -> Floats:
    """The shape of a stretch: regular hours are wild at both ends, the hours around them next to the regular ones."""
    if start == 9.5:
        return 1 + 2.2 * np.exp(-done / 0.06) + 0.9 * np.exp((done - 1) / 0.08)
    if start == 4:
        return 0.15 + np.abs(done) ** 1.5
    return 0.05 + np.exp(-3 * done) if start == close else np.ones_like(done)


def _midnight(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=NEW_YORK).timestamp()
