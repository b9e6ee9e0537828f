"""Snapshots of prices over REST, and the token for the quote feed (sections 4.9 and 7.1)."""

from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

from brokers.domain.instruments import Crypto, Equity, Index
from brokers.simulator.dressing import dressed_market
from brokers.simulator.market import Book, Halt, Interval, Listing, Market
from brokers.simulator.tastytrade.envelope import Reply, amount, epoch_ms, invalid, not_found, zulu
from brokers.simulator.tastytrade.guard import Ask
from brokers.simulator.tastytrade.symbols import TYPE_NAMES, api_symbol, listed, type_name

MOST_SYMBOLS = 100
PARAMETERS = {name.lower().replace(" ", "-"): name for name in TYPE_NAMES.values()}
BAND = Decimal("0.05")
DAILY = Interval(1, "day")
NOT_HALTED = {"is-trading-halted": False, "halt-start-time": -1, "halt-end-time": -1}


def by_type(ask: Ask) -> Reply:
    """One parameter per instrument type, comma-joined or repeated. Unknown symbols are left out."""
    wanted = [(kind, symbol) for name, kind in PARAMETERS.items() for symbol in ask.many(name, commas=True)]
    if not wanted:
        raise invalid(symbols="is missing")
    if len(wanted) > MOST_SYMBOLS:
        raise invalid(symbols=f"has more than {MOST_SYMBOLS} entries")
    rows = [row for kind, symbol in wanted if (row := shown(ask, kind, symbol)) is not None]
    return Reply({"items": rows}, extra={"pagination": None})


def one(ask: Ask) -> Reply:
    kind = ask.names["kind"]
    row = shown(ask, PARAMETERS.get(kind.lower(), kind), ask.names["symbol"])
    if row is None:
        raise not_found("market data")
    return Reply(row)


def shown(ask: Ask, kind: str, symbol: str) -> dict[str, Any] | None:
    """The snapshot, with the words that faults put in it."""
    row = snapshot(ask.world.market, kind, symbol)
    return None if row is None else dressed_market(row, ask.world.faults, (symbol, row["symbol"]))


def snapshot(market: Market, kind: str, symbol: str) -> dict[str, Any] | None:
    listing = listed(market, symbol)
    if listing is None or type_name(listing.instrument) != kind:
        return None
    book = market.book(listing.instrument)
    return None if book is None else book_json(listing, book, market)


def book_json(listing: Listing, book: Book, market: Market) -> dict[str, Any]:
    """What is known of one instrument now; the wire leaves out what is not."""
    instrument = listing.instrument
    body: dict[str, Any] = {
        "symbol": api_symbol(instrument),
        "instrument-type": type_name(instrument),
        "updated-at": zulu(book.at),
        "bid-size": f"{book.bid_size}.0",
        "ask-size": f"{book.ask_size}.0",
        **prices(book),
        **days(listing, market),
        **halt_json(market.halted(instrument)),
    }
    if not isinstance(instrument, Index):
        body["volume"] = f"{book.volume}.0"
    if book.open_interest is not None:
        body["open-interest"] = f"{book.open_interest}.0"
    if book.last_at is not None and not isinstance(instrument, Equity | Index):
        body["last-trade-time"] = epoch_ms(book.last_at)
    if isinstance(instrument, Equity):
        body |= company(listing) | limits(listing, book) | extended_volume(book, market)
    return body | year(listing, market)


def halt_json(halt: Halt | None) -> dict[str, Any]:
    """The end is -1 while nobody knows it."""
    if halt is None:
        return NOT_HALTED
    until = -1 if halt.until is None else epoch_ms(halt.until)
    return {"is-trading-halted": True, "halt-start-time": epoch_ms(halt.since), "halt-end-time": until}


def prices(book: Book) -> dict[str, str]:
    """``last-mkt`` is the last trade of regular hours; after them ``last-ext`` is the last of all."""
    regular = (book.close or book.prev_close) if book.extended else book.last
    named = {
        "bid": book.bid,
        "ask": book.ask,
        "mid": mid_of(book),
        "mark": book.mark,
        "last": book.last,
        "last-ext": book.last if book.extended else None,
        "last-mkt": regular,
        "open": book.open,
        "day-high-price": book.high,
        "day-low-price": book.low,
        "close": book.close,
        "prev-close": book.prev_close,
    }
    return {name: amount(price) for name, price in named.items() if price is not None}


def mid_of(book: Book) -> Decimal | None:
    return (book.bid + book.ask) / 2 if book.bid is not None and book.ask is not None else None


def days(listing: Listing, market: Market) -> dict[str, str]:
    """Which trading day the figures are of, and which the close before."""
    under = market.underlying(listing.instrument)
    today = market.trading_date(market.now, under)
    return {
        "close-price-type": "Regular",
        "prev-close-price-type": "Regular" if isinstance(listing.instrument, Index) else "Final",
        "prev-close-date": market.calendar(under).previous(today).isoformat(),
        "summary-date": today.isoformat(),
    }


def company(listing: Listing) -> dict[str, str]:
    body = {"beta": amount(listing.beta)}
    if listing.dividend:
        body |= {"dividend-amount": amount(listing.dividend), "dividend-frequency": "4.0"}
    return body


def extended_volume(book: Book, market: Market) -> dict[str, str]:
    """What of the day's volume was traded outside regular hours; nothing where a day has none."""
    session = market.calendar(book.instrument).on(market.trading_date(market.now, book.instrument))
    if session is None:
        return {}
    bars = market.bars(book.instrument, DAILY, session.open_at, market.now, "regular")
    return {"volume-ext": f"{max(0, book.volume - sum(bar.volume for bar in bars))}.0"}


def limits(listing: Listing, book: Book) -> dict[str, str]:
    """The band around the price outside of which trading would pause."""
    middle = book.mark
    if middle is None:
        return {}
    edges = {"low-limit-price": middle * (1 - BAND), "high-limit-price": middle * (1 + BAND)}
    return {name: amount(on_grid(listing, price)) for name, price in edges.items()}


def on_grid(listing: Listing, price: Decimal) -> Decimal:
    step = listing.increments.at(price) or Decimal("0.01")
    return (price / step).quantize(Decimal(1)) * step


def year(listing: Listing, market: Market) -> dict[str, str]:
    """The range of 52 weeks of what has a past that long."""
    if not isinstance(listing.instrument, Equity | Index | Crypto):
        return {}
    found = market.year_range(listing.instrument)
    if found is None:
        return {}
    return {"year-low-price": amount(found[0]), "year-high-price": amount(found[1])}


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
