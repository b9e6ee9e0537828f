"""The quotes of delivery months, made on demand from their product's base price."""

from datetime import date, datetime
from zlib import crc32

from brokers.domain.instruments import Future
from brokers.simulator.market.book import Book
from brokers.simulator.market.contracts import Contract
from brokers.simulator.market.futures.curve import fair, share
from brokers.simulator.market.grids import grid_of
from brokers.simulator.market.sessions import Calendar, Session
from brokers.simulator.market.source import Source


class FutureQuotes:
    """Books and fair prices of contracts; what stands all day is looked up once a day."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._mornings: dict[Future, tuple[date, int, int, float]] = {}

    def spot(self, contract: Contract, at: datetime) -> float:
        """The fair price of a month at any time."""
        base = self.source.level(contract.product.path, at)
        return fair(contract.product, contract.future.month, contract.expires_at, at, base)

    def book(self, contract: Contract) -> Book:
        product, future, source = contract.product, contract.future, self.source
        state, grid = source.state(product.path), grid_of(product.tick)
        calendar = source.calendar(future)

        def worth(level: float, at: datetime) -> float:
            return fair(product, future.month, contract.expires_at, at, level)

        months = (future.year - state.at.year) * 12 + future.month - state.at.month
        noise = (crc32(str(future).encode()) ^ state.version * 0x9E3779B1) * 0x85EBCA6B >> 8 & 0xFFFFFF
        wide = product.spread + (0 if contract.active_month else max(1, months // 2))
        now = worth(state.fair, state.at)
        bid = max(1, grid.down(now) - (noise & 7) % wide)
        ask = bid + wide
        last = bid if noise & 8 else ask
        session = calendar.latest(state.at)
        opened, before, part = self._morning(contract, session, calendar)
        high = max(grid.nearest(worth(state.high, state.at)), opened, last)
        low = max(1, min(grid.nearest(worth(state.low, state.at)), opened, last))
        volume, depth = int(state.volume * part), 1 + int(60 * part)
        return Book(
            instrument=future,
            at=state.at,
            bid=grid.price(bid),
            ask=grid.price(ask),
            bid_size=1 + (noise >> 4) % depth,
            ask_size=1 + (noise >> 12) % depth,
            last=grid.price(last),
            last_size=1 + (noise >> 2) % 5,
            open=grid.price(opened),
            high=grid.price(high),
            low=grid.price(low),
            prev_close=grid.price(before),
            volume=volume,
            open_interest=int(product.daily_volume * 1.6 * part),
            version=state.version,
            last_at=state.at,
            tick=1 if last == ask else -1,
            vwap=grid.price((opened + high + low + last) // 4) if volume else None,
            prev_volume=int(product.daily_volume * part),
            close=None if session.holds(state.at) else grid.at(self.spot(contract, session.close_at)),
        )

    def _morning(self, contract: Contract, session: Session, calendar: Calendar) -> tuple[int, int, float]:
        """Today's open and yesterday's settlement price, in ticks, and the month's part of the trading."""
        kept = self._mornings.get(contract.future)
        if kept is None or kept[0] != session.date:
            nearest = grid_of(contract.product.tick).nearest
            before = calendar.on(calendar.previous(session.date))
            moments = (session.open_at, before.close_at if before else session.open_at)
            opened, closed = (max(1, nearest(self.spot(contract, at))) for at in moments)
            kept = self._mornings[contract.future] = (session.date, opened, closed, share(contract, session.date))
        return kept[1:]
