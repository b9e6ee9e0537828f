"""Seeded random walks that are functions of time: factors and each name's own movement, as log distances from home.

A walk is the sum of two that are drawn home, one within weeks, one within months, so that years of it look alive and
yet stay credible. It is fixed at three knots a day; between them it is a Brownian bridge in business time, with jumps
at seeded moments. Each day is made from the seed alone, so that whoever asks, in whatever order, sees the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from threading import Lock
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from brokers.simulator.market.paths.clockwork import PARTS, Clockwork, Floats, Pace
from brokers.simulator.market.recent import Recent

TRADING_DAYS, CALENDAR_DAYS = 252, 365
FAST, SLOW = 0.25, 0.55  # how far the two parts stray, as shares of a year's volatility
AHEAD = 400  # days made beyond the one asked for
KEPT, KEPT_ALONE = 800, 400  # days of walks kept: of those that many names share, of all others (a start needs 295)
Integers = NDArray[np.int64]
KNOTS, BRIDGE, JUMPS, REPORTS = range(4)  # uses of the seed


@dataclass(frozen=True, slots=True)
class Report:
    """A company's report: on which day, in which part and at which second the price jumps; ``move`` its deviation."""

    day: int
    part: int
    moment: float
    move: float


@dataclass(frozen=True, slots=True)
class Source:
    """One independent movement: volatility a year, its pace, sudden moves a year; whether many names move with it."""

    name: str
    volatility: float
    pace: Pace = "shares"
    jumps: float = 6.0
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Jump:
    step: int
    size: float


Jumps = dict[tuple[str, int], list[Jump]]


class Walks:
    """All walks of one seed. ``reports`` of a source must be the same whenever they are asked for."""

    def __init__(self, seed: int, clockwork: Clockwork, sources: Sequence[Source], reports: "Reports") -> None:
        self.seed, self.clockwork, self.reports = seed, clockwork, reports
        self.sources = {source.name: source for source in sources}
        self._columns = {source.name: column for column, source in enumerate(sources)}
        self._days = 0
        self._knots: Floats = np.zeros((0, len(sources)))
        self._jumps: Jumps = {}
        self._kept: dict[bool, Recent[tuple[str, int], Floats]] = {True: Recent(KEPT), False: Recent(KEPT_ALONE)}
        self._lock = Lock()

    def knots(self, name: str, index: int) -> Floats:
        """Where a walk is at midnight, at the open, at the close and at midnight again."""
        if index >= self._days:
            with self._lock:
                if index >= self._days:
                    self._make(index + AHEAD)
        first = PARTS * index
        return self._knots[first : first + PARTS + 1, self._columns[name]]

    def at_knots(self, name: str, knots: Integers) -> Floats:
        """Where a walk is at many knots, counted from the first midnight: three a day."""
        if len(knots):
            self.knots(name, int(knots.max()) // PARTS)
        found: Floats = self._knots[knots, self._columns[name]]
        return found

    def day(self, name: str, index: int) -> Floats:
        """Where a walk is at each moment of a day."""
        return self._kept[self.sources[name].shared].get((name, index), lambda: self._bridge(name, index))

    def rough(self, name: str, index: int, seconds: float) -> float:
        """About where a walk is: on the straight line between its knots."""
        shape = self.clockwork.shape(self.sources[name].pace, self.clockwork.kind(index))
        grid = self.clockwork.grid
        return float(np.interp(seconds, [grid[knot] for knot in shape.knots], self.knots(name, index)))

    def all_rough(self, name: str, at: Floats) -> Floats:
        """``rough`` at ascending times."""
        clockwork, pace = self.clockwork, self.sources[name].pace
        times, levels = [], []
        for index in range(clockwork.locate(float(at[0]))[0], clockwork.locate(float(at[-1]))[0] + 1):
            knots = list(clockwork.shape(pace, clockwork.kind(index)).knots)
            times.append(clockwork.times(index)[knots])
            levels.append(self.knots(name, index))
        return np.interp(at, np.concatenate(times), np.concatenate(levels))

    def _bridge(self, name: str, index: int) -> Floats:
        source, knots = self.sources[name], self.knots(name, index)
        shape = self.clockwork.shape(source.pace, self.clockwork.kind(index))
        steps = self._random(name, BRIDGE, index).standard_normal(len(shape.roots))
        steps *= shape.roots * (source.volatility / sqrt(self._days_a_year(source)))
        for jump in self._jumps.get((name, index), ()):
            steps[jump.step] += jump.size
        free = np.zeros(len(steps) + 1)
        np.cumsum(steps, out=free[1:])
        ends = list(shape.knots)
        found: Floats = free - shape.hats @ (free[ends] - knots)
        found[ends] = knots
        return found

    # The knots

    def _make(self, days: int) -> None:
        """Fix the knots of all days up to one; what was fixed before comes out the same."""
        jumps: Jumps = {}
        widths = {pace: self._widths(pace, days) for pace in ("shares", "coins")}
        decay: Floats = np.empty((2, PARTS * days, len(self.sources)))
        shocks: Floats = np.empty((2, PARTS * days, len(self.sources)))
        level: Floats = np.empty((2, len(self.sources)))
        for column, source in enumerate(self.sources.values()):
            random = self._random(source.name, KNOTS)
            begin, draws = random.standard_normal(2), random.standard_normal((PARTS * days, 2))
            for part, share in enumerate((FAST, SLOW)):
                spread = source.volatility * sqrt(0.5) * share
                drawn = np.exp(-widths[source.pace] / (2 * self._days_a_year(source) * share * share))
                decay[part, :, column] = drawn
                shocks[part, :, column] = spread * np.sqrt(1 - drawn * drawn) * draws[:, part]
                level[part, column] = begin[part] * spread
            shocks[1, :, column] += self._sudden(source, days, jumps)
        self._knots, self._jumps = _recur(level, decay, shocks), jumps
        self._days = days

    def _widths(self, pace: Pace, days: int) -> Floats:
        """The variance of each part of each day, in usual days' variance."""
        kinds = {kind: self.clockwork.shape(pace, kind).parts for kind in set(map(self.clockwork.kind, range(days)))}
        return np.array([kinds[self.clockwork.kind(index)] for index in range(days)]).reshape(-1)

    def _sudden(self, source: Source, days: int, jumps: Jumps) -> Floats:
        """The jumps in each part of each day; they are noted for the bridges."""
        total: Floats = np.zeros(PARTS * days)
        usual = source.volatility / sqrt(self._days_a_year(source))
        draws = self._random(source.name, JUMPS).standard_normal((days, 2))
        shares = self._random(source.name, JUMPS, 1).random((days, 2))
        for index in np.flatnonzero(shares[:, 0] < source.jumps / TRADING_DAYS).tolist():
            kind = self.clockwork.kind(index)
            if kind in ("session", "half", "round"):
                _, first, last, _ = self.clockwork.shape(source.pace, kind).knots
                step = first + int(shares[index, 1] * (last - first))
                jumps.setdefault((source.name, index), []).append(Jump(step, 0.9 * usual * draws[index, 0]))
                total[PARTS * index + 1] += 0.9 * usual * draws[index, 0]
        moves = self._random(source.name, REPORTS)
        for report in self.reports.of(source.name, days):
            size = report.move * moves.standard_normal()
            step = int(np.searchsorted(self.clockwork.moments, report.moment, side="right")) - 1
            jumps.setdefault((source.name, report.day), []).append(Jump(step, size))
            total[PARTS * report.day + report.part] += size
        return total

    def _days_a_year(self, source: Source) -> int:
        return CALENDAR_DAYS if source.pace == "coins" and not self.clockwork.always_open else TRADING_DAYS

    def _random(self, name: str, use: int, index: int = 0) -> np.random.Generator:
        return np.random.Generator(np.random.SFC64([self.seed, crc32(name.encode()), use, index]))


class Reports:
    """When names report; by default nobody does."""

    def of(self, name: str, days: int) -> list[Report]:
        """The reports before a day, ascending."""
        return []


def _recur(level: Floats, decay: Floats, shocks: Floats) -> Floats:
    """Both parts of all walks from their beginning, added up: each step is drawn home and shocked."""
    steps = decay.shape[1]
    found: Floats = np.empty((steps + 1, level.shape[1]))
    found[0] = level.sum(axis=0)
    for step in range(steps):
        level = level * decay[:, step] + shocks[:, step]
        found[step + 1] = level[0] + level[1]
    return found
