"""Snapshots of prices over REST, and the token for the quote feed (sections 4.9 and 7.1)."""

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from brokers.domain.instruments import Index, Option
from brokers.simulator.market import Book, Listing
from brokers.simulator.tastytrade.envelope import Reply, amount, invalid, not_found, zulu
from brokers.simulator.tastytrade.guard import Ask
from brokers.simulator.tastytrade.instruments import listed
from brokers.simulator.tastytrade.symbols import TYPE_NAMES, api_symbol, type_name

MOST_SYMBOLS = 100
PARAMETERS = {name.lower().replace(" ", "-"): name for name in TYPE_NAMES.values()}
CENT = Decimal("0.01")


def by_type(ask: Ask) -> Reply:
    """One parameter per instrument type, comma-joined or repeated. Unknown symbols are left out."""
    wanted = [(kind, symbol) for name, kind in PARAMETERS.items() for symbol in ask.many(name, commas=True)]
    if not wanted:
        raise invalid(symbols="is missing")
    if len(wanted) > MOST_SYMBOLS:
        raise invalid(symbols=f"has more than {MOST_SYMBOLS} entries")
    rows = [row for kind, symbol in wanted if (row := snapshot(ask, kind, symbol)) is not None]
    return Reply({"items": rows}, extra={"pagination": None})


def one(ask: Ask) -> Reply:
    row = snapshot(ask, ask.names["kind"], ask.names["symbol"])
    if row is None:
        raise not_found("market data")
    return Reply(row)


def snapshot(ask: Ask, kind: str, symbol: str) -> dict[str, Any] | None:
    listing = listed(ask.world.market, symbol)
    if listing is None or type_name(listing.instrument) != kind:
        return None
    book = ask.world.market.book(listing.instrument)
    return None if book is None else book_json(listing, book)


def book_json(listing: Listing, book: Book) -> dict[str, Any]:
    body: dict[str, Any] = {
        "symbol": api_symbol(listing.instrument),
        "instrument-type": type_name(listing.instrument),
        "updated-at": zulu(book.at),
        "bid-size": f"{book.bid_size}.0",
        "ask-size": f"{book.ask_size}.0",
    }
    body |= prices(book)
    body |= {
        "close-price-type": "Regular",
        "prev-close-price-type": "Regular" if isinstance(listing.instrument, Index) else "Final",
        "prev-close-date": before(book.at),
        "summary-date": book.at.date().isoformat(),
        "is-trading-halted": False,
        "halt-start-time": -1,
        "halt-end-time": -1,
    }
    if not isinstance(listing.instrument, Index):
        body["volume"] = f"{book.volume}.0"
    if isinstance(listing.instrument, Option) and book.open_interest is not None:
        body["open-interest"] = f"{book.open_interest}.0"
    if not isinstance(listing.instrument, Index | Option):
        body |= {"beta": amount(listing.beta), "dividend-amount": amount(listing.dividend)}
    return body


def prices(book: Book) -> dict[str, str]:
    """The prices that are known; the wire leaves out the others."""
    mid = mid_of(book)
    named = {
        "bid": book.bid,
        "ask": book.ask,
        "mid": mid,
        "mark": mark_of(book),
        "last": book.last,
        "last-mkt": book.last,
        "open": book.open,
        "day-high-price": book.high,
        "day-low-price": book.low,
        "prev-close": book.prev_close,
    }
    return {name: amount(price) for name, price in named.items() if price is not None}


def mid_of(book: Book) -> Decimal | None:
    return (book.bid + book.ask) / 2 if book.bid is not None and book.ask is not None else None


def mark_of(book: Book) -> Decimal | None:
    """The middle of the market; the last price where there is none."""
    mid = mid_of(book)
    return mid if mid is not None else book.last


def before(at: datetime) -> str:
    """The weekday before."""
    day = at.date() - timedelta(days=1)
    while day.weekday() > 4:
        day -= timedelta(days=1)
    return day.isoformat()


def quote_token(ask: Ask) -> Reply:
    token, ends = ask.world.authority.quote_token(ask.caller.user)
    address = ask.base_url.replace("http", "ws", 1)
    return Reply(
        {
            "token": token,
            "dxlink-url": f"{address}/tastytrade/dxlink",
            "level": "api",
            "issued-at": zulu(ask.world.authority.now()),
            "expires-at": zulu(datetime.fromtimestamp(ends, timezone.utc)),
        }
    )
