"""Bars of derivatives: what each bar of the path they move with makes of them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from brokers.simulator.market.bars import Bar
from brokers.simulator.market.contracts import Contract
from brokers.simulator.market.futures.curve import fair, share
from brokers.simulator.market.grids import Grid, grid_of
from brokers.simulator.market.options.boards import Moment
from brokers.simulator.market.options.strips import Strip, greeks_of_strip
from brokers.simulator.market.options.terms import Terms
from brokers.simulator.market.sessions import Calendar

STRIDE = 400  # bars that share one look at the volatility, at most
LONG = timedelta(hours=20)  # bars from here on are of whole sessions
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Look:
    """A price of the path in a bar, and when it was there: the ends at their times, high and low in the middle."""

    at: datetime
    level: float


def future_bars(contract: Contract, bars: list[Bar], calendar: Calendar, now: datetime) -> list[Bar]:
    """The bars of a delivery month, until its end."""
    last = min(contract.expires_at, now)
    kept = [bar for bar in bars if bar.start < last]
    product, month, ends = contract.product, contract.future.month, contract.expires_at
    grid = grid_of(product.tick)
    four = [
        [max(fair(product, month, ends, look.at, look.level), grid.size) for look in _looks(bar, last)] for bar in kept
    ]
    parts = list(_shares(contract, kept, calendar))
    volumes = [int(bar.volume * part) for bar, part in zip(kept, parts, strict=True)]
    interests = [int(product.daily_volume * 1.6 * part) for part in parts]
    return [
        _bar(bar, prices, volume, grid, interest)
        for bar, prices, volume, interest in zip(kept, four, volumes, interests, strict=True)
    ]


def _shares(contract: Contract, bars: list[Bar], calendar: Calendar) -> Iterator[float]:
    """The month's part of the trading in each bar: that of the day on which it began."""
    session, part = None, 0.0
    for bar in bars:
        if session is None or not session.early_at <= bar.start < session.close_at_ext:
            session = calendar.trading(bar.start)
            part = share(contract, session.date)
        yield part


def option_bars(terms: Terms, bars: list[Bar], now: datetime) -> list[Bar]:
    """The bars of an option, until its end, priced at the four prices of each; volatility is looked up now and then."""
    last = min(terms.expires_at, now)
    kept = [bar for bar in bars if bar.start < last]
    if not kept:
        return []
    rows: list[tuple[float, float, float, float]] = []
    interests: list[int] = []
    for first, after in pairwise([*_marks(kept), len(kept)]):
        group = kept[first:after]
        start, end = (terms.board.moment(at) for at in (group[0].start, min(group[-1].end, last)))
        interests += [terms.interest(terms.board.seen(start, terms.expires_at))] * len(group)
        for look in (look for bar in group for look in _looks(bar, last)):
            view = terms.board.seen(_between(start, end, look.at), terms.expires_at, look.level)
            rows.append((view.spot, view.slice.years, view.volatility(terms.strike), view.growth))
    table = np.array(rows)
    prices = _prices(terms, table).reshape(-1, 4).tolist()
    volumes = list(_volumes(kept, interests, terms.board.calendar, last))
    found = [_bar(*each, terms.grid, 0) for each in zip(kept, prices, volumes, strict=True)]
    for bar, volatility, interest in zip(found, table[3::4, 2].tolist(), interests, strict=True):
        bar.iv, bar.open_interest = volatility, interest
    return found


def _looks(bar: Bar, last: datetime) -> tuple[Look, Look, Look, Look]:
    end = min(bar.end, last)
    middle = bar.start + (end - bar.start) / 2
    return Look(bar.start, bar.open), Look(middle, bar.high), Look(middle, bar.low), Look(end, bar.close)


def _between(start: Moment, end: Moment, at: datetime) -> Moment:
    """The volatility in between, by time."""
    length = (end.at - start.at).total_seconds()
    share = (at - start.at).total_seconds() / length if length else 0.0
    return replace(start, at=at, volatility=start.volatility + share * (end.volatility - start.volatility))


def _prices(terms: Terms, table: Floats) -> Floats:
    count = len(table)
    side = np.full(count, 1.0 if terms.is_call else -1.0)
    strip = Strip(table[:, 0], np.full(count, terms.strike), table[:, 1], table[:, 2], table[:, 3], side)
    return greeks_of_strip(strip, np.full(count, terms.american))[0]


def _marks(bars: list[Bar]) -> list[int]:
    """Where the volatility is looked up anew: with each day, and within long runs."""
    found = [0]
    for n in range(1, len(bars)):
        if bars[n].start.date() != bars[n - 1].start.date() or n - found[-1] >= STRIDE:
            found.append(n)
    return found


def _volumes(bars: list[Bar], interests: list[int], calendar: Calendar, last: datetime) -> Iterator[int]:
    """What of a day's contracts falls into each bar: they trade evenly while the session lasts."""
    for bar, interest in zip(bars, interests, strict=True):
        total, end = interest * 0.4, min(bar.end, last)
        if bar.end - bar.start >= LONG:
            yield int(total * max(1, round((end - bar.start).days * 5 / 7)))
            continue
        session = calendar.session(bar.start)
        length = session.close_at - session.open_at
        done = (min(max((at - session.open_at) / length, 0.0), 1.0) for at in (bar.start, end))
        before, by_then = (int(total * part) for part in done)
        yield by_then - before


def _bar(bar: Bar, prices: list[float], volume: int, grid: Grid, interest: int) -> Bar:
    """On the grid, high and low in order; trades go up and down as those of the path did."""
    row = [grid.nearest(max(one, 0.0)) for one in prices]
    ticks = min(volume, 1 + volume // 3) if volume else 0
    ups = volume * bar.up_volume // bar.volume if bar.volume else volume // 2
    up_ticks = ticks * ups // volume if volume else 0
    size = float(grid.unit)
    return Bar(
        start=bar.start,
        end=bar.end,
        open=round(row[0] * size, 6),
        high=round(max(row) * size, 6),
        low=round(min(row) * size, 6),
        close=round(row[3] * size, 6),
        volume=volume,
        ticks=ticks,
        up_ticks=up_ticks,
        down_ticks=ticks - up_ticks,
        up_volume=ups,
        down_volume=volume - ups,
        vwap=round((row[0] + max(row) + min(row) + row[3]) / 4 * size, 6),
        open_interest=interest,
        iv=None,
    )
