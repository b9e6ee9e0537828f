"""Option books made on demand from the state of the underlying: nothing is kept but the day's extremes."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from math import ceil, exp, floor, sqrt
from zlib import crc32

from brokers.domain.instruments import Option, Right
from brokers.domain.market import PriceIncrements
from brokers.simulator.market.book import Book
from brokers.simulator.market.listings import DIME_INCREMENTS, NICKEL_INCREMENTS, PENNY_INCREMENTS
from brokers.simulator.market.paths import Path, dollars
from brokers.simulator.market.pricing import YEAR, greeks, implied, value
from brokers.simulator.market.sessions import session_on

# The grids in cents: (the finer increment, the price from which the coarser one holds, the coarser increment)
GRIDS = {PENNY_INCREMENTS: (1, 300, 1), NICKEL_INCREMENTS: (1, 300, 5), DIME_INCREMENTS: (5, 300, 10)}
SPREADS = {PENNY_INCREMENTS: (0.5, 0.006), NICKEL_INCREMENTS: (1.0, 0.012), DIME_INCREMENTS: (3.0, 0.02)}
SESSION_YEARS = 1 / 365


@dataclass(slots=True)
class Terms:
    """One listed option in the form the pricing needs, and its figures of the day. Prices in whole cents."""

    option: Option
    path: Path
    expires_at: datetime
    strike: float
    is_call: bool
    grid: tuple[int, int, int]
    spread: tuple[float, float]
    yield_: float
    seed: int
    prev_close: int = -1
    open: int = 0
    high: int = 0
    low: int = 0
    _day: tuple[int, int] = field(default=(0, 0))
    _range: tuple[int, int] = field(default=(0, 0))

    def book(self) -> Book:
        path = self.path
        spot = path.fair
        years = (self.expires_at - path.at).total_seconds() / YEAR
        volatility = implied(path.character.volatility * path.stress, spot, self.strike, years)
        found = greeks(spot, self.strike, years, volatility, self.yield_, self.is_call)
        bid, ask = self._touch(found.price * 100)
        noise = (self.seed ^ path.version * 0x9E3779B1) * 0x85EBCA6B >> 8 & 0xFFFFFF
        last = bid if noise & 1 and bid else ask
        self._keep_day(years, last)
        interest = self._interest(spot, volatility, years)
        return Book(
            instrument=self.option,
            at=path.at,
            bid=dollars(bid),
            ask=dollars(ask),
            bid_size=1 + (noise >> 4) % self._depth(interest) if bid else 0,
            ask_size=1 + (noise >> 12) % self._depth(interest),
            last=dollars(last),
            last_size=1 + (noise >> 2) % 9,
            open=dollars(self.open),
            high=dollars(self.high),
            low=dollars(self.low),
            prev_close=dollars(self.prev_close),
            volume=int(interest * 0.4 * path.volume / max(path.character.daily_volume, 1)),
            open_interest=interest,
            greeks=found,
            version=path.version,
        )

    def _touch(self, cents: float) -> tuple[int, int]:
        """Bid and ask around a fair price: on the grid, apart, the bid 0 where the option is worth nothing."""
        base, share = self.spread
        half = base + share * cents
        return self._down(cents - half), self._up(max(cents + half, 0.5))

    def _down(self, cents: float) -> int:
        fine, threshold, coarse = self.grid
        step = fine if cents < threshold else coarse
        return max(0, floor(cents / step) * step)

    def _up(self, cents: float) -> int:
        fine, threshold, coarse = self.grid
        found = ceil(cents / fine) * fine
        return found if found < threshold else ceil(found / coarse) * coarse

    def _depth(self, interest: int) -> int:
        return 10 + min(interest // 150, 190)

    def _interest(self, spot: float, volatility: float, years: float) -> int:
        """Open interest: most of it near the money, round the same all day."""
        away = (self.strike / spot - 1) / (volatility * sqrt(max(years, SESSION_YEARS)))
        busy = self.path.character.daily_volume**0.5 * 1.5
        return int(busy * exp(-min(away * away, 20) / 3) * (0.3 + (self.seed & 0xFF) / 256))

    def _keep_day(self, years: float, last: int) -> None:
        path = self.path
        if self._day != (path.prev_close, path.open):
            self._day, self._range = (path.prev_close, path.open), (0, 0)
            self.prev_close = self._at(path.prev_close, years + SESSION_YEARS)
            self.open = self.high = self.low = self._at(path.open, years + SESSION_YEARS / 4)
        if self._range != (path.low, path.high):
            self._range = (path.low, path.high)
            ends = self._at(path.low, years), self._at(path.high, years)
            self.high, self.low = max(self.high, *ends), min(self.low, *ends)
        self.high, self.low = max(self.high, last), min(self.low, last)

    def _at(self, spot_cents: int, years: float) -> int:
        """What it would be worth with the underlying elsewhere, on the grid."""
        spot = spot_cents / 100
        volatility = implied(self.path.character.volatility * self.path.stress, spot, self.strike, years)
        return self._up(value(spot, self.strike, years, volatility, self.yield_, self.is_call) * 100)


def terms(option: Option, path: Path, increments: PriceIncrements) -> Terms:
    listing = path.character.listing
    return Terms(
        option=option,
        path=path,
        expires_at=session_on(option.expiry).close_at,
        strike=float(option.strike),
        is_call=option.right is Right.CALL,
        grid=GRIDS[increments],
        spread=SPREADS[increments],
        yield_=float(listing.dividend * 4 / Decimal(str(path.character.start))),
        seed=crc32(str(option).encode()),
    )
