"""The fair price of every underlying as a function of time, and the market's fear; with what somebody put elsewhere."""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import lru_cache, partial
from math import exp, sqrt

import numpy as np

from brokers.domain.instruments import Instrument
from brokers.simulator.market.company import earnings_days, earnings_move
from brokers.simulator.market.options.surface import Term, fear_index
from brokers.simulator.market.paths.clockwork import EPOCH, HOUR, PARTS, Clockwork, Floats, Pace
from brokers.simulator.market.paths.puts import Puts
from brokers.simulator.market.paths.walks import Integers, Report, Reports, Source, Walks
from brokers.simulator.market.sessions import Session, session_on
from brokers.simulator.market.universe import (
    FACTORS,
    FEAR_INDEX,
    FEARED_INDEX,
    PREMIUM,
    Character,
    cast,
)

Key = Instrument | str  # an underlying, or the code of a futures product
Look = Callable[[str], float]
STRESS = "stress"
CALM, SWING, STEEP, WILDEST = 0.7, 0.3, 2.6, 0.8  # the floor of fear, its swing above, how it bends, its bound
NERVOUS = 1.8  # by so much its volatility is more than that of the walk below it, when fear is great
BEFORE_OPEN, AFTER_CLOSE = 7 * HOUR, 16 * HOUR + 300
OPENING, CLOSING = 1, 2  # which of a day's knots
SHORT = 60.0  # seconds within which a span is looked up moment by moment
FEAR_STEPS = np.linspace(0.02, 1.2, 119)


class Fair:
    """Prices without spread or grid. Times are seconds since 1970; ``KeyError`` for what has no path of its own."""

    def __init__(self, seed: int, always_open: bool) -> None:
        self.cast = cast()
        self.walks = walks_of(seed, always_open)
        self.clockwork = self.walks.clockwork
        self._usual_fear = self.cast[FEARED_INDEX].volatility
        self._day = -1
        self._start = self._end = self._scale = 0.0
        self._tracks: dict[Key, list[float]] = {}
        self._latest: tuple[tuple[Key, int], Floats] = ("", -1), np.zeros(0)
        self._puts: Puts[Key] = Puts()

    # One price

    def price(self, key: Key, at: float) -> float:
        """The fair price at a time; cheap for the day that ``settle_in`` was last called for."""
        if key == FEAR_INDEX:
            return self._fear(self.stress(at))
        return self._plain(key, at) * self._puts.factor(key, at)

    def stress(self, at: float) -> float:
        """How afraid the market is: scales the volatility of what moves with it; 1 on a usual day."""
        return self._plain(STRESS, at) * self._puts.factor(STRESS, at)

    def volatility(self, key: Key, at: float) -> float:
        """The volatility at the money a year of short options: more when the market is afraid or the name has sunk."""
        character = self.cast[key]
        if key == FEAR_INDEX:
            return character.volatility
        index, seconds = self.clockwork.locate(at)
        market = character.beta * FACTORS["market"] * self.stress(at)
        others = sum((size * FACTORS[name]) ** 2 for name, size in character.loadings.items() if name != "market")
        sunk = self.walks.rough(_own(character), index, seconds) / character.own_volatility
        return PREMIUM * sqrt(market**2 + others + (character.own_volatility * exp(-0.35 * sunk)) ** 2)

    def volatilities(self, key: Key, at: Floats) -> Floats:
        """``volatility`` at ascending times."""
        character = self.cast[key]
        if key == FEAR_INDEX:
            return np.full(len(at), character.volatility)
        if len(at) <= 2:
            return np.array([self.volatility(key, one) for one in at.tolist()])
        return self._volatilities(character, self.many(STRESS, at), self.walks.all_rough(_own(character), at))

    def settle_in(self, at: float) -> None:
        """Make the prices of a time's day cheap to look up."""
        index, _ = self.clockwork.locate(at)
        if index != self._day:
            self._day, self._tracks = index, {}
            self._start, self._end = self.clockwork.midnight(index), self.clockwork.midnight(index + 1)
            self._scale = 86400.0 / (self._end - self._start)

    def _plain(self, key: Key, at: float) -> float:
        """The price without what was put."""
        if not self._start <= at < self._end:
            return self._distant(key, at)
        track = self._tracks.get(key)
        if track is None:
            track = self._tracks[key] = self.nodes(key, self._day).tolist()
        grid, seconds = self.clockwork.grid, (at - self._start) * self._scale
        right = bisect_right(grid, seconds)
        left, before = grid[right - 1], track[right - 1]
        return before + (track[right] - before) * (seconds - left) / (grid[right] - left)

    def _distant(self, key: Key, at: float) -> float:
        """As above, of any day: from the knots where there is one, else from the two moments around."""
        index, seconds = self.clockwork.locate(at)
        grid = self.clockwork.grid
        right = min(bisect_right(grid, seconds), len(grid) - 1)
        left = right - 1
        knots = self.clockwork.shape("shares", self.clockwork.kind(index)).knots
        if grid[left] == seconds and left in knots:
            return self._at_knot(key, index, knots.index(left))
        before, after = self._at_step(key, index, left), self._at_step(key, index, right)
        return before + (after - before) * (seconds - grid[left]) / (grid[right] - grid[left])

    def _at_knot(self, key: Key, index: int, knot: int) -> float:
        return self._worth(key, self._away(key, lambda name: float(self.walks.knots(name, index)[knot])))

    def _at_step(self, key: Key, index: int, step: int) -> float:
        return self._worth(key, self._away(key, lambda name: float(self.walks.day(name, index)[step])))

    def _away(self, key: Key, look: Look) -> float:
        """The log distance from home, each walk's part looked up."""
        if key == STRESS:
            key = FEAR_INDEX
        character = self.cast[key]
        away = look(_own(character))
        for name, size in character.loadings.items():
            away += size * look(name)
        return away

    def _worth(self, key: Key, away: float) -> float:
        if key == STRESS:
            return CALM + SWING * exp(STEEP * min(away, WILDEST))
        return self.cast[key].start * exp(away)

    # Many prices

    def by_day(self, key: Key, sessions: Sequence[Session]) -> tuple[list[float], list[float]]:
        """Prices in the morning and in the afternoon of sessions, at the opening and closing of shares then; quick.

        In the afternoon of a day on which shares close after the session, those of the morning are told once more.
        """
        days = np.array([(session.date - EPOCH).days for session in sessions])
        mornings = [session_on(session.date).open_at for session in sessions]
        afternoons = [session_on(session.date).close_at for session in sessions]
        late = np.array([at <= session.close_at for at, session in zip(afternoons, sessions, strict=True)], dtype=int)
        times = [np.array([at.timestamp() for at in each]) for each in (mornings, afternoons)]
        first = self._at_knots(key, PARTS * days + OPENING, times[0])
        second = self._at_knots(key, PARTS * days + OPENING + late, np.where(late, times[1], times[0]))
        return first.tolist(), second.tolist()

    def closing_volatilities(self, key: Key, days: Sequence[date]) -> list[float]:
        """``volatility`` at the close of trading days of shares; quick."""
        character = self.cast[key]
        if key == FEAR_INDEX:
            return [character.volatility] * len(days)
        knots = np.array([(day - EPOCH).days * PARTS + CLOSING for day in days])
        stress = self._at_knots(STRESS, knots, np.array([session_on(day).close_at.timestamp() for day in days]))
        found: list[float] = self._volatilities(character, stress, self.walks.at_knots(_own(character), knots)).tolist()
        return found

    @staticmethod
    def _volatilities(character: Character, stress: Floats, sunk: Floats) -> Floats:
        market = character.beta * FACTORS["market"] * stress
        others = sum((size * FACTORS[name]) ** 2 for name, size in character.loadings.items() if name != "market")
        own = character.own_volatility * np.exp(-0.35 * sunk / character.own_volatility)
        found: Floats = PREMIUM * np.sqrt(market**2 + others + own**2)
        return found

    def _at_knots(self, key: Key, knots: Integers, times: Floats) -> Floats:
        if key == FEAR_INDEX:
            stress = self._at_knots(STRESS, knots, times)
            return np.interp(stress * self._usual_fear, FEAR_STEPS, _fears(self._usual_fear))
        character = self.cast[FEAR_INDEX if key == STRESS else key]
        away = self.walks.at_knots(_own(character), knots)
        for name, size in character.loadings.items():
            away = away + size * self.walks.at_knots(name, knots)
        return self._all_worth(key, away) * self._puts.factors(key, times)

    def pace(self, key: Key) -> float:
        """At most so much a year does its price move in the short run."""
        return self.cast[key].volatility * (NERVOUS if key == FEAR_INDEX else 1.0)

    def nodes(self, key: Key, index: int) -> Floats:
        """The prices at the moments of a day, without what was put. They are shared: not to be changed."""
        if self._latest[0] != (key, index):
            self._latest = (key, index), self._nodes(key, index)
        return self._latest[1]

    def _nodes(self, key: Key, index: int) -> Floats:
        character = self.cast[FEAR_INDEX if key == STRESS else key]
        away = self.walks.day(_own(character), index).copy()
        for name, size in character.loadings.items():
            away += size * self.walks.day(name, index)
        return self._all_worth(key, away)

    def _all_worth(self, key: Key, away: Floats) -> Floats:
        if key == STRESS:
            return CALM + SWING * np.exp(STEEP * np.minimum(away, WILDEST))
        return self.cast[key].start * np.exp(away)

    def points(self, key: Key, start: float, end: float) -> tuple[Floats, Floats]:
        """Times and prices between which the path is straight, from before ``start`` until after ``end``."""
        if key == FEAR_INDEX:
            times, stress = self.points(STRESS, start, end)
            return times, np.interp(stress * self._usual_fear, FEAR_STEPS, _fears(self._usual_fear))
        first, last = self.clockwork.locate(start)[0], self.clockwork.locate(end)[0]
        days = range(first, last + 1)
        times = np.concatenate([self.clockwork.times(index)[first < index :] for index in days])
        prices = np.concatenate([self.nodes(key, index)[first < index :] for index in days])
        return self._puts.apply(key, times, prices)

    def many(self, key: Key, at: Floats) -> Floats:
        """The prices at ascending times."""
        if not len(at):
            return at
        times, prices = self.points(key, float(at[0]), float(at[-1]))
        return np.interp(at, times, prices)

    def span(self, key: Key, start: float, end: float) -> tuple[float, float]:
        """The lowest and the highest price from one time to another, both included."""
        if key == FEAR_INDEX:
            calm, wild = self.span(STRESS, start, end)
            return self._fear(calm), self._fear(wild)
        passed = self._passed(key, start, end)
        return min(passed), max(passed)

    def _passed(self, key: Key, start: float, end: float) -> list[float]:
        """The prices at both ends and at every moment between."""
        look = self.stress if key == STRESS else partial(self.price, key)
        ends = [look(start), look(end)]
        moved = self._puts.since(key, start)
        if moved or end - start > SHORT or not self._start <= start <= end < self._end:
            times, prices = self.points(key, start, end)
            between: list[float] = prices[(times >= start) & (times <= end)].tolist()
            return ends + between
        grid, track, factor = self.clockwork.grid, self._tracks[key], self._puts.factor(key, end)
        first = bisect_right(grid, (start - self._start) * self._scale)
        last = bisect_right(grid, (end - self._start) * self._scale)
        return ends + [price * factor for price in track[first:last]]

    # Puts

    def put(self, key: Key, price: float, at: float) -> None:
        """Make this the price at a time, and let the path go on from there."""
        if key not in self.cast:
            raise KeyError(key)
        if key == FEAR_INDEX:
            wanted = float(np.interp(price, _fears(self._usual_fear), FEAR_STEPS)) / self._usual_fear
            self.restore(key, at, wanted / self._plain(STRESS, at))
        else:
            self.restore(key, at, price / self._plain(key, at))

    def puts(self, key: Key) -> list[tuple[float, float]]:
        """When the price was put elsewhere, ascending, and by which factor in all it is off from then on."""
        return self._puts.of(STRESS if key == FEAR_INDEX else key)

    def factor(self, key: Key, at: float) -> float:
        """By how much the price of what is traded is off at a time."""
        return self._puts.factor(key, at)

    def factors(self, key: Key, times: Floats) -> Floats:
        return self._puts.factors(key, times)

    def restore(self, key: Key, at: float, factor: float) -> None:
        """Take in what ``puts`` told, in that order."""
        self._puts.add(STRESS if key == FEAR_INDEX else key, at, factor)

    def _fear(self, stress: float) -> float:
        return float(np.interp(stress * self._usual_fear, FEAR_STEPS, _fears(self._usual_fear)))


@lru_cache(maxsize=3)
def walks_of(seed: int, always_open: bool) -> Walks:
    """The walks of a seed. Nothing changes them, so all markets of the process share them and what they remember."""
    own = {one.own: one for one in cast().values()}
    factors = [
        Source(name, size, "coins" if name == "coins" else "shares", shared=True) for name, size in FACTORS.items()
    ]
    alone = [Source(_own(one), one.own_volatility, _pace(one)) for one in own.values()]
    return Walks(seed, Clockwork(always_open), [*factors, *alone], CompanyReports(seed, cast()))


class CompanyReports(Reports):
    """The jumps after the companies' reports."""

    def __init__(self, seed: int, names: Mapping[Key, Character]) -> None:
        self.seed = seed
        self.symbols = {_own(one): one.listing.symbol for one in names.values() if one.reports}

    def of(self, name: str, days: int) -> list[Report]:
        symbol = self.symbols.get(name)
        if symbol is None:
            return []
        move = earnings_move(symbol, self.seed)
        found = []
        for year in range(EPOCH.year, EPOCH.year + days // 365 + 1):
            for day in earnings_days(symbol, self.seed, year):
                first = day.before_open
                shown = day.first_session if first else day.date
                moment = float(BEFORE_OPEN if first else AFTER_CLOSE)
                found.append(Report((shown - EPOCH).days, 0 if first else 2, moment, move))
        return [report for report in found if report.day < days]


@lru_cache(maxsize=8)
def _fears(usual: float) -> Floats:
    """The fear index at each of the steps of volatility at the money."""
    return np.array([fear_index(Term(step, usual)) for step in FEAR_STEPS.tolist()])


def _own(character: Character) -> str:
    return f"own {character.own}"


def _pace(character: Character) -> Pace:
    return "coins" if "/" in character.own else "shares"
