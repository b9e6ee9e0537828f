"""Option books made on demand from the state of the underlying: nothing is kept but what is dear to make anew."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from math import exp, log, sqrt
from zlib import crc32

from brokers.domain.instruments import FutureOption, Index, Option, Right
from brokers.domain.market import PriceIncrements
from brokers.simulator.market.book import Book, GreekValues
from brokers.simulator.market.grids import Grid, grid_of
from brokers.simulator.market.listings import DIME_INCREMENTS, NICKEL_INCREMENTS, PENNY_INCREMENTS
from brokers.simulator.market.options.boards import Board, View
from brokers.simulator.market.pricing import greeks, value

# Half the spread: in ticks, and as a share of the price
SPREADS = {PENNY_INCREMENTS: (0.5, 0.006), NICKEL_INCREMENTS: (1.0, 0.012), DIME_INCREMENTS: (0.6, 0.02)}
USUAL_SPREAD, INDEX_SPREAD = (0.8, 0.008), (0.6, 0.005)
CLOSED = 1.6  # how much wider the last quotes of a day are


@dataclass(slots=True)
class Terms:
    """One listed option in the form the pricing needs. Prices in ticks of its grid."""

    option: Option | FutureOption
    board: Board
    expires_at: datetime
    last_trade_at: datetime
    strike: float
    is_call: bool
    american: bool
    grid: Grid
    spread: tuple[float, float]
    busy: float
    seed: int
    _day: date = date.min
    _figures: tuple[int, int, int] = field(default=(0, 0, 0))

    def book(self, found: GreekValues | None = None) -> Book:
        """The book as of the underlying's last quote; ``found`` are its Greeks where they are known already."""
        board = self.board
        board.refresh()
        view = board.view(self.expires_at)
        if found is None:
            found = self.greeks(view)
        bid, ask = self._touch(found.price)
        noise = (self.seed ^ board.version * 0x9E3779B1) * 0x85EBCA6B >> 8 & 0xFFFFFF
        last = bid if noise & 1 and bid else ask
        if self._day != board.day:
            self._day, self._figures = board.day, self._morning()
        before, opened, interest = self._figures
        high, low = self._range(view, found, opened, last)
        price, depth = self.grid.price, 10 + min(interest // 150, 190)
        at, volume = board.now.at, int(interest * 0.4 * board.done)
        return Book(
            instrument=self.option,
            at=at,
            bid=price(bid),
            ask=price(ask),
            bid_size=1 + (noise >> 4) % depth if bid else 0,
            ask_size=1 + (noise >> 12) % depth,
            last=price(last),
            last_size=1 + (noise >> 2) % 9,
            open=price(opened),
            high=price(high),
            low=price(low),
            prev_close=price(before),
            volume=volume,
            open_interest=interest,
            greeks=found,
            version=board.version,
            last_at=at,
            tick=1 if last == ask else -1,
            vwap=price((opened + high + low + last) // 4) if volume else None,
            prev_volume=int(interest * 0.38),
            close=None if board.is_open else self._on_grid(found.price),
        )

    def greeks(self, view: View) -> GreekValues:
        """Price and sensitivities seen so; on a future, a dearer rate only makes the price later cheaper."""
        years = view.slice.years
        volatility = view.volatility(self.strike)
        found = greeks(view.spot, self.strike, years, volatility, view.growth, self.is_call, self.american)
        if self.board.contract is not None:
            found.rho = -years * found.price / 100
        if self.board.shares != 1.0:  # by the share, not by what the contract delivers
            found.delta *= self.board.shares
            found.gamma *= self.board.shares**2
        return found

    def fair(self, view: View) -> float:
        volatility = view.volatility(self.strike)
        return value(view.spot, self.strike, view.slice.years, volatility, view.growth, self.is_call, self.american)

    def price_at(self, at: datetime) -> Decimal:
        """The fair price on the grid at any moment before its end."""
        return self._on_grid(self.fair(self.board.seen(self.board.moment(at), self.expires_at)))

    def _on_grid(self, price: float) -> Decimal:
        return self.grid.price(self.grid.nearest(price))

    def _touch(self, price: float) -> tuple[int, int]:
        """Bid and ask around a fair price: on the grid, apart, the bid 0 where the option is worth nothing."""
        base, share = self.spread
        half = base * self.grid.size + share * price
        if not self.board.is_open:
            half *= CLOSED
        bid = self.grid.down(max(price - half, 0.0))
        return bid, max(self.grid.up(price + half), 1)

    def _morning(self) -> tuple[int, int, int]:
        """What stands all day: yesterday's close and today's open, and open interest, most of it near the money."""
        board, nearest = self.board, self.grid.nearest
        before = board.seen(board.before, self.expires_at)
        opened = board.seen(board.opening, self.expires_at)
        return nearest(self.fair(before)), nearest(self.fair(opened)), self.interest(before)

    def interest(self, view: View) -> int:
        """Open contracts as of a view: most of them near the money."""
        away = log(self.strike / view.spot) / sqrt(view.slice.theta)
        return int(self.busy * exp(-min(away * away, 20) / 3) * (0.3 + (self.seed & 0xFF) / 256))

    def _range(self, view: View, found: GreekValues, opened: int, last: int) -> tuple[int, int]:
        """The day's high and low: what the underlying's would make of it, by the slope and the bend of now."""
        ends = [self._elsewhere(view, found, level) for level in (self.board.high, self.board.low)]
        return max(opened, last, *ends), min(opened, last, *ends)

    def _elsewhere(self, view: View, found: GreekValues, level: float) -> int:
        board = self.board
        away = level - board.now.level
        if board.contract is not None:
            away *= view.spot / board.now.level
        inside = (view.spot + away * board.shares - self.strike) * (1 if self.is_call else -1)
        return self.grid.nearest(max(found.price + away * (found.delta + away * found.gamma / 2), inside, 0.0))


def terms(
    option: Option | FutureOption,
    board: Board,
    increments: PriceIncrements,
    expires_at: datetime,
    last_trade_at: datetime,
    busy: float,
) -> Terms:
    return Terms(
        option=option,
        board=board,
        expires_at=expires_at,
        last_trade_at=last_trade_at,
        strike=float(option.strike),
        is_call=option.right is Right.CALL,
        american=board.american,
        grid=grid_of(increments),
        spread=INDEX_SPREAD if isinstance(board.key, Index) else SPREADS.get(increments, USUAL_SPREAD),
        busy=busy,
        seed=crc32(str(option).encode()),
    )
