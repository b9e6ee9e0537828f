"""What is shown of one underlying: the touch around its fair price, its trades, the figures of its day."""

from dataclasses import dataclass, field
from datetime import datetime
from math import exp, isclose
from random import Random

from brokers.simulator.market.book import Book, Print
from brokers.simulator.market.grids import PathGrid
from brokers.simulator.market.paths.fair import Fair, Key
from brokers.simulator.market.paths.turnover import Turnover
from brokers.simulator.market.sessions import Calendar, Phase, Session
from brokers.simulator.market.universe import Character

TRADES = 0.6  # the share of quotes with a trade
NERVES = 300.0  # seconds in which the opening's wide touch narrows
WIDER: dict[Phase, float] = {"open": 1.0, "pre": 3.0, "post": 3.0, "overnight": 6.0, "closed": 6.0}


@dataclass(slots=True)
class Path:
    """The state of one underlying as of its last quote; prices are floats on the grid but for ``fair``.

    ``version`` counts the quotes. ``regular`` says whether the last one was in regular hours.
    """

    key: Key
    character: Character
    calendar: Calendar
    prices: Fair
    turnover: Turnover
    source: Key  # whose fair price it has: for futures on an index, the index
    grid: PathGrid = field(init=False)
    at: datetime = field(init=False)
    session: Session = field(init=False)
    fair: float = 0.0
    bid: float = 0.0
    ask: float = 0.0
    bid_size: int = 0
    ask_size: int = 0
    last: float = 0.0
    last_size: int = 0
    last_at: datetime = field(init=False)
    tick: int = 0
    extended: bool = False
    regular: bool = True
    open: float = 0.0
    high: float = 0.0
    low: float = 0.0
    prev_close: float = 0.0
    close: float | None = None
    volume: int = 0
    value: float = 0.0
    prev_volume: int = 0
    version: int = 0
    _seen: float = 0.0

    def __post_init__(self) -> None:
        self.grid = PathGrid(self.character.listing.increments)

    @property
    def daily_volume(self) -> int:
        return self.character.daily_volume

    # The day

    def arrive(self, now: datetime, rng: Random) -> None:
        """Make the day's figures afresh, at the beginning and whenever a session opens, closes or goes over."""
        at = self._last_active(now)
        self.session = session = self.calendar.trading(at)
        before = self.calendar.before(session)
        self.prev_close = self._price(before.close_at)
        self.close = self._price(session.close_at) if at >= session.close_at else None
        first = session.open_at if at >= session.open_at else session.early_at
        until = min(at, session.close_at)
        self.open = self.high = self.low = self._price(first)
        self._seen = first.timestamp()
        self._stretch(until.timestamp())
        self.prev_volume, _ = self._traded(before.early_at, before.close_at_ext)
        self.volume, self.value = self._traded(session.early_at, at)
        self._touch(at, rng)
        self.last_size = 0 if self.character.listing.is_index else 100
        self._show_last(self.close or self.grid.near(self.fair), until)

    def _last_active(self, now: datetime) -> datetime:
        if self.character.listing.is_index and not self.calendar.is_open(now):
            return self.calendar.latest(now).close_at
        return self.calendar.last_traded(now)

    def _traded(self, start: datetime, end: datetime) -> tuple[int, float]:
        return self.turnover.between(self.key, start.timestamp(), end.timestamp())

    def _price(self, at: datetime) -> float:
        return self.grid.near(self.prices.price(self.source, at.timestamp()))

    def _stretch(self, until: float) -> None:
        """Take into the day's high and low where the path has been since it was last looked at."""
        low, high = self.prices.span(self.source, self._seen, until)
        self.low, self.high = min(self.low, self.grid.near(low)), max(self.high, self.grid.near(high))
        self._seen = until

    # Quotes and trades

    def quote(self, at: datetime, rng: Random) -> Print | None:
        """Show a new touch, and often a trade at it, which is the answer."""
        self._touch(at, rng)
        if self.character.listing.is_index:
            self._show_last(self.grid.near(self.fair), at)
            return None
        self.volume, self.value = self._traded(self.session.early_at, at)
        if rng.random() >= TRADES:
            return None
        at_ask = rng.random() < 0.5
        return self._trade(self.ask if at_ask else self.bid, rng)

    def put(self, at: datetime, rng: Random) -> Print | None:
        """After the price was put elsewhere: a touch around it and a trade at it."""
        self._seen = min(self._seen, at.timestamp())
        self._touch(at, rng)
        if self.session.holds(at):
            self._stretch(at.timestamp())
        if self.character.listing.is_index:
            self._show_last(self.grid.near(self.fair), at)
            return None
        return self._trade(self.grid.near(self.fair), rng)

    def _touch(self, at: datetime, rng: Random) -> None:
        self.version += 1
        self.at = at
        moment = at.timestamp()
        self.fair = self.prices.price(self.source, moment)
        session = self.session
        self.regular = session.open_at <= at < session.close_at
        if moment > self._seen and (self.regular or at < session.open_at):
            self._stretch(moment)
        if self.character.listing.is_index:
            return
        grid, step = self.grid, self.grid.step(self.fair)
        half = self.character.spread / 2 * self._width(at) * (0.6 + 0.8 * rng.random())
        half = max(0.0, half - step / 2)  # the grid widens it by as much again
        self.bid = grid.below(self.fair - half)
        self.ask = max(grid.above(self.fair + half), grid.near(self.bid + step))
        self.bid_size, self.ask_size = self._size(rng), self._size(rng)

    def _width(self, at: datetime) -> float:
        if self.calendar.always_open or self.calendar.collection == "crypto":
            return 1.0
        if not self.regular:
            return WIDER[self.calendar.phase(at)]
        return 1.0 + 1.5 * exp(-(at - self.session.open_at).total_seconds() / NERVES)

    def _trade(self, price: float, rng: Random) -> Print:
        """A trade; in regular hours none is outside the day's range, which is the path's own."""
        if self.regular:
            price = min(max(price, self.low), self.high)
        self.last_size = self._trade_size(rng)
        self._show_last(price, self.at)
        decimal = self.grid.decimal
        side = (price >= self.ask) - (price <= self.bid)
        instrument = self.character.listing.instrument
        bid, ask = decimal(self.bid), decimal(self.ask)
        return Print(instrument, self.at, decimal(price), self.last_size, bid, ask, side, self.extended, 0)

    def _show_last(self, price: float, at: datetime) -> None:
        if self.last and not isclose(price, self.last):
            self.tick = 1 if price > self.last else -1
        self.last, self.last_at = price, at
        self.extended = not self.session.open_at <= at <= self.session.close_at

    def _size(self, rng: Random) -> int:
        """Displayed units: for shares round lots, more of them in cheap and busy names."""
        kind = self.calendar.collection
        if kind == "cme":
            return 1 + int(rng.expovariate(1.0) * self.character.daily_volume / 20_000)
        if kind == "crypto":
            return 1 + int(rng.expovariate(1.0) * 20_000 / (self.fair + 100))
        return 100 * (1 + int(rng.expovariate(1.0) * max(1.5, 900 / (self.fair + 60))))

    def _trade_size(self, rng: Random) -> int:
        if self.calendar.collection != "equity":
            return 1 + int(rng.expovariate(0.7))
        if rng.random() < 0.5:
            return 1 + int(rng.expovariate(1 / 90))
        return 100 * (1 + int(rng.expovariate(0.8)))

    def book(self) -> Book:
        decimal, two_sided = self.grid.decimal, not self.character.listing.is_index
        return Book(
            instrument=self.character.listing.instrument,
            at=self.at,
            bid=decimal(self.bid) if two_sided else None,
            ask=decimal(self.ask) if two_sided else None,
            bid_size=self.bid_size,
            ask_size=self.ask_size,
            last=decimal(self.last),
            last_size=self.last_size,
            open=decimal(self.open),
            high=decimal(self.high),
            low=decimal(self.low),
            prev_close=decimal(self.prev_close),
            volume=self.volume,
            version=self.version,
            last_at=self.last_at,
            tick=self.tick,
            vwap=decimal(self.grid.near(self.value / self.volume)) if self.volume else None,
            prev_volume=self.prev_volume if two_sided else None,
            extended=self.extended,
            close=decimal(self.close) if self.close is not None else None,
        )
