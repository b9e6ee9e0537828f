"""How much of each underlying is traded by when: a day's volume spread over its hours, in units and in dollars."""

from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from itertools import pairwise
from math import exp
from typing import Literal
from zlib import crc32

import numpy as np

from brokers.simulator.market.paths.clockwork import EPOCH, HOUR, DayKind, Floats
from brokers.simulator.market.paths.fair import Fair, Key
from brokers.simulator.market.recent import Recent
from brokers.simulator.market.sessions import futures_holidays
from brokers.simulator.market.universe import fair_key

Habit = Literal["shares", "futures", "coins"]
TRADE = {"shares": 90, "futures": 3, "coins": 1}  # the usual size of a trade
USE = 9  # of the seed; the walks use others
KEPT = 200  # days of all names: enough for today and yesterday of each
RUN = 10  # steps that are equally lively


@dataclass(frozen=True, slots=True)
class Flow:
    """Running totals at the moments of a day: units traded, those traded while the price rose, units times price."""

    units: Floats
    rising: Floats
    value: Floats


class Turnover:
    """Volumes as functions of time, like the prices. An index has none."""

    def __init__(self, seed: int, fair: Fair, habits: dict[Key, Habit]) -> None:
        self.seed, self.fair, self.habits = seed, fair, habits
        self._curves: dict[tuple[Habit, DayKind], Floats] = {}
        self._kept = _flows(seed, fair.clockwork.always_open)

    def totals(self, key: Key, at: float) -> tuple[float, float, float]:
        """Units, rising units and value traded since midnight."""
        index, seconds = self.fair.clockwork.locate(at)
        flow, moments = self.day(key, index), self.fair.clockwork.moments
        right = min(int(np.searchsorted(moments, seconds, side="right")), len(moments) - 1)
        part = (seconds - moments[right - 1]) / (moments[right] - moments[right - 1])
        left = right - 1

        def between(run: Floats) -> float:
            return float(run[left] + (run[right] - run[left]) * part)

        return between(flow.units), between(flow.rising), between(flow.value)

    def between(self, key: Key, start: float, end: float) -> tuple[int, float]:
        """Units traded from one time to another, and their value."""
        source = fair_key(key)
        leaps = [at for at, _ in self.fair.puts(source) if start < at < end]
        pieces = [(*self._between(key, *piece), piece[0]) for piece in pairwise([start, *leaps, end])]
        return (
            sum(units for units, _, _ in pieces),
            sum(value * self.fair.factor(source, since) for _, value, since in pieces),
        )

    def _between(self, key: Key, start: float, end: float) -> tuple[int, float]:
        """As above, without what was put."""
        first, last = self.fair.clockwork.locate(start)[0], self.fair.clockwork.locate(end)[0]
        begun, ended = self.totals(key, start), self.totals(key, end)
        units, value = int(ended[0]) - int(begun[0]), ended[2] - begun[2]
        for index in range(first, last):
            flow = self.day(key, index)
            units, value = units + int(flow.units[-1]), value + float(flow.value[-1])
        return units, value

    def points(self, key: Key, start: float, end: float) -> tuple[Floats, Floats, Floats, Floats]:
        """Times and running totals from the midnight before ``start`` until the one after ``end``."""
        clockwork = self.fair.clockwork
        first, last = clockwork.locate(start)[0], clockwork.locate(end)[0]
        flows = [self.day(key, index) for index in range(first, last + 1)]
        times = np.concatenate([clockwork.times(index)[:-1] for index in range(first, last + 1)])
        runs = []
        for run in ([flow.units for flow in flows], [flow.rising for flow in flows], [flow.value for flow in flows]):
            done = np.cumsum([0.0, *(part[-1] for part in run)])
            pieces = [part[:-1] + done[place] for place, part in enumerate(run)]
            runs.append(np.append(np.concatenate(pieces), done[-1]))
        times = np.append(times, clockwork.midnight(last + 1))
        if self.fair.puts(fair_key(key)):
            runs[2] = _run(np.diff(runs[2]) * self.fair.factors(fair_key(key), times[:-1]))
        return times, runs[0], runs[1], runs[2]

    def day(self, key: Key, index: int) -> Flow:
        return self._kept.get((key, index), lambda: self._day(key, index))

    def _day(self, key: Key, index: int) -> Flow:
        character, clockwork = self.fair.cast[key], self.fair.clockwork
        shares = self._shares(key, index)
        if not character.daily_volume or not shares.any():
            nothing = np.zeros(len(clockwork.moments))
            return Flow(nothing, nothing, nothing)
        random = np.random.Generator(np.random.SFC64([self.seed, crc32(str(key).encode()), USE, index]))
        busy = character.daily_volume * exp(0.3 * float(random.standard_normal()) - 0.045)
        lively = np.exp(0.7 * random.standard_normal(len(shares) // RUN + 1)).repeat(RUN)[: len(shares)]
        units = _run(shares * lively)
        units = np.floor(units * (busy * float(shares.sum()) / units[-1]))
        prices, traded = self.fair.nodes(fair_key(key), index), np.diff(units)
        rising = _run(traded * (prices[1:] > prices[:-1]))
        return Flow(units, rising, _run(traded * (prices[1:] + prices[:-1]) / 2))

    def _shares(self, key: Key, index: int) -> Floats:
        """The shares of a usual day's volume in the steps of a day."""
        habit, kind = self.habits[key], self.fair.clockwork.kind(index)
        if habit == "futures" and kind == "rest":
            day = EPOCH + timedelta(days=index)
            kind = "eve" if day.weekday() == 6 else kind
            if day.weekday() < 5 and day not in futures_holidays(day.year):
                kind = "half"  # a holiday of shares alone
        found = self._curves.get((habit, kind))
        if found is None:
            found = self._curves[habit, kind] = self._make(habit, kind)
        return found

    def _make(self, habit: Habit, kind: DayKind) -> Floats:
        moments = self.fair.clockwork.moments
        hours, lengths = (moments[:-1] + moments[1:]) / 2 / HOUR, np.diff(moments)
        shares = np.zeros(len(lengths))
        for start, end, share in _habit(habit, kind):
            inside = (hours > start) & (hours < end)
            done = (hours - start) / (end - start)
            pull = lengths * inside * (1 + (start == 9.5) * 2 * (2 * done - 1) ** 4)
            shares += share * pull / pull.sum()
        return shares


@lru_cache(maxsize=3)
def _flows(seed: int, always_open: bool) -> Recent[tuple[Key, int], Flow]:
    """The days asked for last of a seed. Nothing changes them: all markets of the process share them."""
    return Recent(KEPT)


def _run(steps: Floats) -> Floats:
    """Running totals, from 0 on."""
    total = np.zeros(len(steps) + 1)
    np.cumsum(steps, out=total[1:])
    return total


def _habit(habit: Habit, kind: DayKind) -> tuple[tuple[float, float, float], ...]:
    """Stretches of a day and the share of a usual day's volume in each."""
    if kind == "round" or habit == "coins":
        return ((0, 24, 1.0),)
    if habit == "futures":
        evening = (18.0, 24.0, 0.06)
        return {
            "session": ((0, 9.5, 0.14), (9.5, 16, 0.74), (16, 17, 0.06), evening),
            "half": ((0, 9.5, 0.14), (9.5, 13, 0.4), evening),
            "eve": (evening,),
        }.get(kind, ())
    if kind == "half":
        return ((0, 4, 0.002), (4, 9.5, 0.02), (9.5, 13, 0.55), (13, 17, 0.02))
    if kind == "session":
        return ((0, 4, 0.002), (4, 9.5, 0.02), (9.5, 16, 0.95), (16, 20, 0.025), (20, 24, 0.003))
    return ((20, 24, 0.003),) if kind == "eve" else ()
