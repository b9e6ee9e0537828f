"""The price path of one underlying: a fair value that drifts home, and the quotes and trades made around it."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from math import exp, log, sqrt
from random import Random

from brokers.simulator.market.book import Book
from brokers.simulator.market.universe import Character

TRADING_YEAR = 252 * 6.5 * 3600
HOMEWARD = 12.0  # a distance from home halves in some fifteen trading days, so that levels stay credible
JUMPS_A_YEAR = 60.0
OVERNIGHT = 0.5  # the gap at the open, in the usual day's moves
CENTS = Decimal("0.01")


def dollars(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)


@dataclass(slots=True)
class Path:
    """The state of one underlying. Prices are in whole cents but for ``fair``; ``version`` counts its quotes."""

    character: Character
    fair: float
    at: datetime
    bid: int = 0
    ask: int = 0
    bid_size: int = 0
    ask_size: int = 0
    last: int = 0
    last_size: int = 0
    open: int = 0
    high: int = 0
    low: int = 0
    prev_close: int = 0
    volume: int = 0
    version: int = 0
    stress: float = 1.0  # the market's fear at the last quote: scales the volatility of the options
    home: float = field(init=False)

    def __post_init__(self) -> None:
        self.home = log(self.fair)

    def begin(self, rng: Random, day_part: float, market_move: float) -> None:
        """Make up the day so far: ``day_part`` is the share of the session that is over."""
        own = self.character.own_volatility / sqrt(252)
        moved = self.character.beta * market_move + own * rng.gauss(0, 0.8)
        self.prev_close = round(self.fair * exp(-moved) * 100)
        self.quote(self.at, rng, 1.0)
        self.open = round(self.fair * exp(-moved * rng.random()) * 100)
        self.high = round(max(self.open, self.last) * (1 + abs(rng.gauss(0, 0.3)) * own))
        self.low = round(min(self.open, self.last) * (1 - abs(rng.gauss(0, 0.3)) * own))
        self.volume = int(self.character.daily_volume * day_part) // 100 * 100

    def start_day(self, at: datetime, rng: Random, market_gap: float, stress: float) -> None:
        """The opening: yesterday's last trade becomes the previous close, the price gaps, the day's figures restart."""
        self.prev_close = self.last
        own = self.character.own_volatility / sqrt(252) * OVERNIGHT
        self._shift(self.character.beta * market_gap + own * rng.gauss(0, 1))
        self.volume = 0
        self.quote(at, rng, stress)
        self.last = self.bid if self.bid else self.last
        self.open = self.high = self.low = self.last

    def close(self, at: datetime) -> None:
        """The closing auction: one last trade at the fair price."""
        self.version += 1
        self.at = at
        self._print(round(self.fair * 100), 0 if self.character.listing.is_index else 100)

    def drift(self, years: float, market_move: float, rng: Random) -> None:
        """Move the fair value; nothing is shown until the next quote."""
        own = self.character.own_volatility * sqrt(years) * rng.gauss(0, 1)
        if rng.random() < years * JUMPS_A_YEAR:
            own += rng.gauss(0, 0.35) * self.character.volatility / sqrt(252)
        self._shift(self.character.beta * market_move + own, HOMEWARD * years)

    def put(self, price: Decimal, at: datetime, rng: Random, stress: float) -> None:
        """Make this the fair value and the home it drifts to, and quote it."""
        self.fair = float(price)
        self.home = log(self.fair)
        self.quote(at, rng, stress)

    def quote(self, at: datetime, rng: Random, stress: float) -> None:
        """Show a new touch around the fair value, and often a trade at it."""
        self.version += 1
        self.at, self.stress = at, stress
        cents = self.fair * 100
        if self.character.listing.is_index:
            self._print(round(cents), 0)
            return
        half = self.character.spread * 50 * (0.6 + 0.8 * rng.random())
        self.bid = round(cents - half)
        self.ask = max(self.bid + 1, round(cents + half))
        self.bid_size, self.ask_size = self._size(rng), self._size(rng)
        if not self.last or rng.random() < 0.6:
            size = 1 + int(rng.expovariate(1 / 90)) if rng.random() < 0.5 else 100 * (1 + int(rng.expovariate(0.8)))
            self._print(self.bid if rng.random() < 0.5 else self.ask, size)
            self.volume += size + int(self.character.daily_volume / (23400 * self.character.rate * 0.6) * rng.random())

    def book(self) -> Book:
        listing = self.character.listing
        two_sided = not listing.is_index
        return Book(
            instrument=listing.instrument,
            at=self.at,
            bid=dollars(self.bid) if two_sided else None,
            ask=dollars(self.ask) if two_sided else None,
            bid_size=self.bid_size,
            ask_size=self.ask_size,
            last=dollars(self.last),
            last_size=self.last_size,
            open=dollars(self.open),
            high=dollars(self.high),
            low=dollars(self.low),
            prev_close=dollars(self.prev_close),
            volume=self.volume,
            version=self.version,
        )

    def _shift(self, move: float, pull: float = 0.0) -> None:
        away = log(self.fair) - self.home
        self.fair = exp(self.home + away * exp(-pull) + move)

    def _print(self, price: int, size: int) -> None:
        self.last, self.last_size = price, size
        self.high = max(self.high, price)
        self.low = min(self.low or price, price)

    def _size(self, rng: Random) -> int:
        """Displayed shares: round lots, more of them in cheap and busy names."""
        lots = 1 + int(rng.expovariate(1.0) * max(1.5, 900 / (self.fair + 60)))
        return 100 * lots
