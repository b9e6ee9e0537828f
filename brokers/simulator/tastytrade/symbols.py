"""tastytrade's names for instruments: API symbols, streamer symbols and instrument types (section 6).

An API symbol leaves out the decade of a future: ``on`` is the day it is read on, and the first year that fits is meant.
A streamer symbol leaves out the day of an option on a future: only the market can tell it (``find_streamed``).
"""

import re
from datetime import date
from decimal import Decimal

from brokers.domain.instruments import (
    EQUITY_RE,
    MONTH_CODES,
    Crypto,
    Equity,
    Future,
    FutureOption,
    Index,
    Instrument,
    Option,
    Right,
    parse_date,
    parse_instrument,
    plain,
)
from brokers.simulator.market import Listing, Market
from brokers.simulator.market.products import PRODUCTS

TYPE_NAMES: dict[type[Instrument], str] = {
    Equity: "Equity",
    Index: "Index",
    Option: "Equity Option",
    Future: "Future",
    FutureOption: "Future Option",
    Crypto: "Cryptocurrency",
}
CRYPTO_VENUE = "CXTALP"

SHARE_CLASS = re.compile(r"[A-Z][A-Z0-9]*/[A-Z]")
FUTURE = re.compile(r"/?([A-Z0-9]{1,4}?)([FGHJKMNQUVXZ])(\d{1,2})")
FUTURE_OPTION = re.compile(
    r"\./?([A-Z0-9]{1,4}?[FGHJKMNQUVXZ]\d{1,2}) +([A-Z0-9]{1,4}?)([FGHJKMNQUVXZ])(\d{1,2}) *"
    r"(\d{6})([CP])(\d+(?:\.\d+)?)"
)
STREAMED_OPTION = re.compile(r"\.([A-Z0-9]{1,6}?)(\d{6})([CP])(\d+(?:\.\d+)?)")
STREAMED_FUTURE = re.compile(r"/([A-Z0-9]{1,4}?)([FGHJKMNQUVXZ])(\d{2})(?::[A-Z]{4,6})?")
STREAMED_FUTURE_OPTION = re.compile(r"\./([A-Z0-9]{1,4}?[FGHJKMNQUVXZ]\d{2})([CP])(\d+(?:\.\d+)?)(?::[A-Z]{4,6})?")
STREAMED_CRYPTO = re.compile(r"([A-Z0-9]{2,8})/([A-Z]{3,4}):[A-Z]+")


# Written


def api_symbol(instrument: Instrument) -> str:
    """The spelling of requests and answers: ``BRK/B``, OCC, ``/ESZ6``, ``./ESZ6 EW3Z6 261218P6300``, ``BTC/USD``."""
    match instrument:
        case Equity(symbol):
            return symbol.replace(".", "/")
        case Index(symbol):
            return symbol
        case Future(product, year, month):
            return f"/{product}{MONTH_CODES[month - 1]}{year % 10}"
        case FutureOption(future, contract, expiry, right, strike):
            return f".{api_symbol(future)} {short_year(contract):<6}{expiry:%y%m%d}{right}{plain(strike)}"
        case _:
            return str(instrument)


def streamer_symbol(instrument: Instrument) -> str:
    """The quote feed's spelling: ``.SPY261218P600``, ``/ESZ26:XCME``, ``./EW3Z26P6300:XCME``, ``BTC/USD:CXTALP``."""
    match instrument:
        case Option(root, expiry, right, strike):
            return f".{root}{expiry:%y%m%d}{right}{plain(strike)}"
        case Future(product):
            return f"{instrument}:{venue(product)}"
        case FutureOption(future, contract, _, right, strike):
            return f"./{contract}{right}{plain(strike)}:{venue(future.product)}"
        case Crypto():
            return f"{instrument}:{CRYPTO_VENUE}"
        case _:
            return api_symbol(instrument)


def type_name(instrument: Instrument) -> str:
    return TYPE_NAMES[type(instrument)]


def venue(product: str) -> str:
    """The exchange's code behind a future's streamer symbol."""
    return PRODUCTS[product].exchange if product in PRODUCTS else "XCME"


def short_year(contract: str) -> str:
    """An option contract's code as the API writes it: ``EW3Z26`` is ``EW3Z6``."""
    return contract[:-2] + contract[-1]


# Read


def parse_api_symbol(text: str, on: date) -> Instrument:
    """What an API symbol may name; ``ValueError`` when nothing. An index looks like a share here."""
    if SHARE_CLASS.fullmatch(text):
        return Equity(text.replace("/", "."))
    if text.startswith("/") and (found := FUTURE.fullmatch(text)):
        return _future(found, on)
    if found := FUTURE_OPTION.fullmatch(text):
        return _future_option(found, on)
    return parse_instrument(text)


def parse_future(text: str, on: date) -> Future:
    """A future by its API symbol, with or without the slash; ``ValueError`` when it is none."""
    found = FUTURE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:40]!r} is not a future")
    return _future(found, on)


def parse_streamer_symbol(text: str) -> Instrument:
    """What a streamer symbol may name; ``ValueError`` when nothing, and for options on futures (``find_streamed``)."""
    if found := STREAMED_OPTION.fullmatch(text):
        root, expiry, right, strike = found.groups()
        return Option(root, parse_date(expiry), Right(right), Decimal(strike))
    if found := STREAMED_FUTURE.fullmatch(text):
        product, month, year = found.groups()
        return Future(product, 2000 + int(year), MONTH_CODES.index(month) + 1)
    if found := STREAMED_CRYPTO.fullmatch(text):
        return Crypto(*found.groups())
    if EQUITY_RE.fullmatch(text) or SHARE_CLASS.fullmatch(text):
        return Equity(text.replace("/", "."))
    raise ValueError(f"{text[:40]!r} is not a streamer symbol")


def _future(found: re.Match[str], on: date) -> Future:
    product, month, digits = found.groups()
    which = MONTH_CODES.index(month) + 1
    return Future(product, year_of(digits, which, on), which)


def _future_option(found: re.Match[str], on: date) -> FutureOption:
    """The contract's own year is told by the expiry, which is written out whole."""
    under, code, month, digits, day, right, strike = found.groups()
    expiry = parse_date(day)
    year = year_of(digits, MONTH_CODES.index(month) + 1, expiry)
    contract = f"{code}{month}{year % 100:02d}"
    return FutureOption(parse_future(under, on), contract, expiry, Right(right), Decimal(strike))


def year_of(digits: str, month: int, on: date) -> int:
    """The year of a contract listed on a day: the first that fits, with a month's grace for what is over."""
    if len(digits) == 2:
        return 2000 + int(digits)
    earliest = on.year * 12 + on.month - 2
    year = earliest // 120 * 10 + int(digits)
    while year * 12 + month - 1 < earliest:
        year += 10
    return year


# Looked up


def listed(market: Market, symbol: str) -> Listing | None:
    """What an API symbol names at this market: a share, an index of that name, or anything else that is listed."""
    try:
        instrument = parse_api_symbol(symbol, market.now.date())
    except ValueError:
        return None
    return _listing(market, instrument)


def find_streamed(market: Market, symbol: str) -> Instrument | None:
    """The listed instrument of a streamer symbol, None when there is none."""
    if found := STREAMED_FUTURE_OPTION.fullmatch(symbol):
        return _streamed_future_option(market, *found.groups())
    try:
        listing = _listing(market, parse_streamer_symbol(symbol))
    except ValueError:
        return None
    return listing.instrument if listing else None


def _listing(market: Market, instrument: Instrument) -> Listing | None:
    found = market.listing(instrument)
    if found is None and isinstance(instrument, Equity):
        found = market.listing(Index(instrument.symbol))
    return found


def _streamed_future_option(market: Market, contract: str, right: str, strike: str) -> FutureOption | None:
    price = Decimal(strike)
    for product in market.products():
        for expiration in market.future_chain(product.code) if product.options else ():
            if expiration.contract == contract:
                for each in expiration.strikes:
                    if each.price == price:
                        return each.call if right == "C" else each.put
    return None
