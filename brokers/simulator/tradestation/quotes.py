"""Quotes (M1): a book on the wire, the same for snapshots and streams but for how the change in percent is counted."""

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from brokers.domain.instruments import Crypto, Future, FutureOption, Index, Instrument, Option
from brokers.simulator.dressing import dressed_market
from brokers.simulator.market import Book, Listing, Market
from brokers.simulator.tradestation.answers import Failure, bad_request, compact, day, decimal, moment
from brokers.simulator.tradestation.symbols import find, to_wire
from brokers.simulator.tradestation.year_ranges import year_range

if TYPE_CHECKING:
    from brokers.simulator.tradestation.gate import Ask
    from brokers.simulator.world import World

MOST_SYMBOLS = 100
VENUES = ("NSDQ", "ARCX", "EDGX", "TRF", "BATS", "NYSE", "MEMX")
FUTURE_VENUES = {"XCME": "CME", "XCBT": "CBOT", "XNYM": "NYMEX", "XCEC": "COMEX"}
LIMIT_SHARE = Decimal("0.07")


def quote_fields(market: Market, symbol: str, instrument: Instrument, *, fraction: bool = False) -> dict[str, Any]:
    """The quote of what is listed, in the broker's order of fields. ``fraction``: the change as streams count it,
    0.0132 for what snapshots call 1.32. Unknown figures are left out."""
    listing, book = market.listing(instrument), market.book(instrument)
    if listing is None or book is None:
        return {"Symbol": symbol}
    fields = {
        "Symbol": symbol,
        "Open": _text(book.open),
        "High": _text(book.high),
        "Low": _text(book.low),
        "PreviousClose": _text(book.prev_close),
        "Last": _text(book.last),
        "Ask": _text(book.ask),
        "AskSize": None if book.ask is None else str(book.ask_size),
        "Bid": _text(book.bid),
        "BidSize": None if book.bid is None else str(book.bid_size),
        **_change(book, fraction),
        **_year(market, book),
        "Volume": str(book.volume),
        "PreviousVolume": None if book.prev_volume is None else str(book.prev_volume),
        "Close": _text(book.close if book.close is not None else book.last),
        "DailyOpenInterest": str(book.open_interest or 0),
        "TradeTime": moment(book.last_at or book.at),
        "TickSizeTier": "0",
        "MarketFlags": flags(listing, market),
        "LastSize": str(book.last_size),
        "LastVenue": venue(instrument, listing, book),
        "VWAP": _text(book.vwap),
        **_future(market, instrument, book),
    }
    return compact(fields)


def flags(listing: Listing, market: Market) -> dict[str, bool]:
    return {
        "IsDelayed": False,
        "IsHardToBorrow": listing.borrow == "hard",
        "IsBats": False,
        "IsHalted": market.halted(listing.instrument) is not None,
    }


def venue(instrument: Instrument, listing: Listing, book: Book) -> str:
    """Where the last trade was: the same as long as it is the last trade."""
    match instrument:
        case Option():
            return "OPRA"
        case Future() | FutureOption():
            return FUTURE_VENUES.get(listing.exchange, listing.exchange)
        case Index():
            return "CBOE"
        case Crypto():
            return "CRYPTO"
    return VENUES[int((book.last_at or book.at).timestamp()) % len(VENUES)]


def _change(book: Book, fraction: bool) -> dict[str, str]:
    if book.last is None or not book.prev_close:
        return {}
    net = book.last - book.prev_close
    share = net / book.prev_close * (1 if fraction else 100)
    return {"NetChange": decimal(net), "NetChangePct": decimal(share, 6 if fraction else 14)}


def _year(market: Market, book: Book) -> dict[str, str]:
    found = year_range(market, book.instrument)
    if found is None:
        return {}
    today = market.trading_date(market.now, book.instrument)
    high, high_on, low, low_on = found.high, found.high_on, found.low, found.low_on
    if book.high is not None and book.high > high:
        high, high_on = book.high, today
    if book.low is not None and book.low < low:
        low, low_on = book.low, today
    return {
        "High52Week": decimal(high),
        "High52WeekTimestamp": day(high_on),
        "Low52Week": decimal(low),
        "Low52WeekTimestamp": day(low_on),
    }


def _future(market: Market, instrument: Instrument, book: Book) -> dict[str, str | None]:
    """What only futures have: how far they may go today, and their last days."""
    if not isinstance(instrument, Future) or (contract := market.contract(instrument)) is None:
        return {}
    fields = {
        "FirstNoticeDate": day(contract.first_notice_date) if contract.first_notice_date else None,
        "LastTradingDate": day(contract.last_trade_at.date()),
    }
    if book.prev_close is not None:
        fields["MinPrice"] = decimal(_on_grid(contract.product.tick.at(book.prev_close), book.prev_close, -LIMIT_SHARE))
        fields["MaxPrice"] = decimal(_on_grid(contract.product.tick.at(book.prev_close), book.prev_close, LIMIT_SHARE))
    return fields


def _on_grid(tick: Decimal | None, price: Decimal, share: Decimal) -> Decimal:
    step = tick or Decimal("0.01")
    return (price * (1 + share) / step).quantize(Decimal(1)) * step


def _text(price: Decimal | None) -> str | None:
    return None if price is None else decimal(price)


# The snapshot


def get_quotes(ask: "Ask") -> dict[str, Any]:
    """M1: quotes in alphabetical order; what is not known is told in ``Errors``, which is absent otherwise."""
    symbols = split_symbols(ask.names["symbols"], MOST_SYMBOLS)
    quotes, errors = [], []
    for symbol in sorted(symbols):
        instrument = find(symbol, ask.world.market)
        if instrument is None:
            errors.append({"Symbol": symbol, "Error": "FAILED, INVALID SYMBOL"})
        elif is_withheld(ask.world, symbol, instrument, ask.path):
            errors.append({"Symbol": symbol, "Error": "FAILED, NOT ENTITLED"})
        else:
            row = quote_fields(ask.world.market, symbol, instrument)
            quotes.append(dressed_market(row, ask.world.faults, names_of(symbol, instrument)))
    answer: dict[str, Any] = {"Quotes": quotes} if quotes or not errors else {}
    return answer | ({"Errors": errors} if errors else {})


def is_withheld(world: "World", symbol: str, instrument: Instrument, path: str) -> bool:
    """Whether the caller is told that the data of a symbol are not his to see: a fault decides."""
    return world.faults.struck("not_entitled", symbols=names_of(symbol, instrument), path=path) is not None


def names_of(symbol: str, instrument: Instrument) -> set[str]:
    """What a symbol goes by: as it was asked for, on this wire, and here."""
    return {symbol, to_wire(instrument), str(instrument)}


def split_symbols(text: str, most: int) -> list[str]:
    """The symbols of a comma list in capitals, each once; raises ``Failure`` when there are none or too many."""
    symbols = list(dict.fromkeys(part.strip().upper() for part in text.split(",") if part.strip()))
    if not symbols:
        raise bad_request("At least one symbol is required.")
    if len(symbols) > most:
        raise bad_request(f"The number of symbols must not be more than {most}.")
    return symbols


def symbol_or_404(names: Mapping[str, str], market: Market, name: str = "symbol") -> tuple[str, Instrument]:
    """The symbol of a path in capitals and what it names; raises ``Failure``."""
    symbol = names[name].strip().upper()
    instrument = find(symbol, market)
    if instrument is None:
        raise Failure(404, "NotFound", "Invalid symbol.")
    return symbol, instrument
