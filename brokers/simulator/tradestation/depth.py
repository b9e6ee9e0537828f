"""The made-up book around the touch: what stands at each price, by whom, adding up to the sizes that quotes show."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from zlib import crc32

from brokers.simulator.market import Book, Listing
from brokers.simulator.tradestation.answers import decimal, moment

PARTICIPANTS = ("NSDQ", "ARCX", "EDGX", "BATS", "NYSE", "MEMX", "IEX", "EDGA")
FALLBACK_TICK = Decimal("0.01")
Side = Literal["Bid", "Ask"]


@dataclass(frozen=True, slots=True)
class Standing:
    """What one participant shows at one price. ``at``: since when it stands there."""

    side: Side
    price: Decimal
    size: int
    orders: int
    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Level:
    """One price; ``standings`` in the order in which they came."""

    side: Side
    price: Decimal
    standings: tuple[Standing, ...]

    @property
    def size(self) -> int:
        return sum(each.size for each in self.standings)


def levels(listing: Listing, book: Book, side: Side, most: int) -> list[Level]:
    """Up to ``most`` prices from the touch outwards. The first holds what the quote shows, to the share; what stands
    at a price behind it is the same for a whole minute, whatever the touch does meanwhile."""
    touch, shown = (book.bid, book.bid_size) if side == "Bid" else (book.ask, book.ask_size)
    if touch is None or touch <= 0 or shown <= 0:
        return []
    found, price = [], touch
    for number in range(most):
        if price <= 0:
            break
        size = shown if number == 0 else _size(listing, book, price)
        found.append(Level(side, price, tuple(_standings(listing, book, side, price, size))))
        tick = listing.increments.at(price) or FALLBACK_TICK
        price = price - tick if side == "Bid" else price + tick
    return found


def quotes(listing: Listing, book: Book, most: int) -> dict[str, Any]:
    """By participant: bids from high to low, asks from low to high, ``most`` rows a side."""
    rows = {side: _rows(listing, book, side, most) for side in ("Bid", "Ask")}
    return {"Bids": [_quote(each) for each in rows["Bid"]], "Asks": [_quote(each) for each in rows["Ask"]]}


def aggregates(listing: Listing, book: Book, most: int) -> dict[str, Any]:
    """By price: the same book added up."""
    return {
        "Bids": [_aggregate(level) for level in levels(listing, book, "Bid", most)],
        "Asks": [_aggregate(level) for level in levels(listing, book, "Ask", most)],
    }


def _rows(listing: Listing, book: Book, side: str, most: int) -> list[Standing]:
    found = levels(listing, book, "Bid" if side == "Bid" else "Ask", most)
    return [standing for level in found for standing in level.standings][:most]


def _quote(standing: Standing) -> dict[str, Any]:
    return {
        "TimeStamp": moment(standing.at),
        "Side": standing.side,
        "Price": decimal(standing.price),
        "Size": str(standing.size),
        "OrderCount": standing.orders,
        "Name": standing.name,
    }


def _aggregate(level: Level) -> dict[str, Any]:
    sizes, times = [each.size for each in level.standings], [each.at for each in level.standings]
    return {
        "EarliestTime": moment(min(times)),
        "LatestTime": moment(max(times)),
        "Side": level.side,
        "Price": decimal(level.price),
        "TotalSize": str(level.size),
        "BiggestSize": str(max(sizes)),
        "SmallestSize": str(min(sizes)),
        "NumParticipants": len(level.standings),
        "TotalOrderCount": sum(each.orders for each in level.standings),
    }


def _noise(*of: object) -> int:
    return crc32("|".join(map(str, of)).encode())


def _lot(listing: Listing) -> int:
    """Shares come in round lots, contracts one by one."""
    return 100 if listing.multiplier == 1 else 1


def _size(listing: Listing, book: Book, price: Decimal) -> int:
    return _lot(listing) * (2 + _noise(listing.instrument, price, book.at.strftime("%H%M")) % 38)


def _standings(listing: Listing, book: Book, side: Side, price: Decimal, size: int) -> Iterator[Standing]:
    """A size cut among a few participants; none shows nothing."""
    noise, lot = _noise(listing.instrument, side, price), _lot(listing)
    left, count = size, max(1, min(1 + noise % 4, size // lot))
    for number in range(count):
        share = left if number == count - 1 else max(lot, left // (count - number) // lot * lot)
        name = PARTICIPANTS[(noise + number * 3) % len(PARTICIPANTS)]
        since = book.at - timedelta(seconds=(noise >> number) % 7)
        yield Standing(side, price, share, 1 + (noise >> (4 + number)) % 5, name, since)
        left -= share
