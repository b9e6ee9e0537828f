"""What lies between two steps when the clock jumps: the moments that matter, and the books as they were then."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from brokers.domain.instruments import Instrument
from brokers.domain.market import PriceIncrements
from brokers.simulator.exchange.floor.venue import ends_of_day
from brokers.simulator.market.book import Book
from brokers.simulator.market.market import Market
from brokers.simulator.market.sessions import Calendar, local_date

GAP = timedelta(minutes=1)
GRID, MOST = timedelta(minutes=5), 1_500
DAY = timedelta(days=1)
USUAL_SIZE = 100
ZERO = Decimal(0)


def moments(calendars: Iterable[Calendar], since: datetime, now: datetime, phases: Collection[str]) -> list[datetime]:
    """The moments after ``since`` and before ``now``, ascending: where sessions begin and end, and every few minutes of
    the ``phases`` in which orders work."""
    listed = list(calendars)
    found = {at for calendar in listed for at in _boundaries(calendar, since, now)}
    if phases:
        step = max(GRID, (now - since) / MOST)
        grid = (since + step * number for number in range(1, int((now - since) / step) + 1))
        found.update(at for at in grid if at < now and any(one.phase(at) in phases for one in listed))
    return sorted(found)


def _boundaries(calendar: Calendar, since: datetime, now: datetime) -> Iterable[datetime]:
    day, last = local_date(since) - DAY, local_date(now) + DAY
    while day <= last:
        session = calendar.on(day)
        if session is not None:
            yield from (at for at in ends_of_day(session) if since < at < now)
        day += DAY


class PastBooks:
    """Books rebuilt from the fair price at a moment, ``at``: a tick to either side, the sizes of today."""

    def __init__(self, market: Market) -> None:
        self.market, self.at = market, market.now
        self._frames: dict[Instrument, tuple[PriceIncrements, int, int] | None] = {}

    def __call__(self, instrument: Instrument) -> Book | None:
        if instrument not in self._frames:
            self._frames[instrument] = self._frame(instrument)
        frame, price = self._frames[instrument], self.market.price_at(instrument, self.at)
        if frame is None or price is None:
            return None
        increments, bid_size, ask_size = frame
        step = increments.at(price) or ZERO
        return Book(
            instrument=instrument,
            at=self.at,
            bid=max(price - step, ZERO),
            ask=price + step,
            bid_size=bid_size,
            ask_size=ask_size,
            last=price,
            last_size=0,
            open=None,
            high=None,
            low=None,
            prev_close=None,
            volume=0,
            version=-int(self.at.timestamp() * 1000),
        )

    def _frame(self, instrument: Instrument) -> tuple[PriceIncrements, int, int] | None:
        listing, book = self.market.listing(instrument), self.market.book(instrument)
        if listing is None:
            return None
        sizes = (book.bid_size, book.ask_size) if book is not None else (0, 0)
        return listing.increments, sizes[0] or USUAL_SIZE, sizes[1] or USUAL_SIZE
