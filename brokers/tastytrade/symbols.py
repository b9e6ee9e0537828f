"""tastytrade's three spellings of an instrument: ours, its API's and its streamer's.

What cannot be named in the desk's vocabulary becomes ``Other``: still shown, never priced or traded.
"""

import re
from datetime import date
from decimal import Decimal, InvalidOperation

from brokers.domain.instruments import (
    EQUITY_RE,
    INDEX_RE,
    MONTH_CODES,
    OPTION_RE,
    Crypto,
    Equity,
    Future,
    FutureOption,
    Index,
    Instrument,
    Option,
    Other,
    Right,
    parse_date,
    plain,
)

EQUITY, OPTION, FUTURE, FUTURE_OPTION = "Equity", "Equity Option", "Future", "Future Option"
CRYPTO, INDEX = "Cryptocurrency", "Index"

# The broker files cash indexes under equities; these are the ones with listed options or wide use. No share has such a
# name here: a share that is written so is nothing that the broker knows, or it would be told the index's prices.
INDEXES = frozenset({"SPX", "XSP", "NDX", "XND", "RUT", "MRUT", "DJX", "OEX", "XEO", "VIX", "VVIX", "NANOS"})
CRYPTO_VENUE = "CXTALP"
VENUES = {
    "XCME": "ES MES NQ MNQ RTY M2K EMD NKD 6A 6B 6C 6E 6J 6M 6N 6S M6A M6B M6E BTC MBT ETH MET SR1 SR3 GE HE LE GF",
    "XCBT": "YM MYM ZB ZN ZF ZT UB TN ZC ZS ZW ZM ZL ZO KE XC XK XW ZQ 2YY 10Y 30Y",
    "XNYM": "CL MCL QM NG QG MNG HO RB BZ PL PA",
    "XCEC": "GC MGC SI SIL HG MHG QO QI",
    "XCBF": "VX VXM",
}
VENUE_OF = {product: venue for venue, products in VENUES.items() for product in products.split()}
KINDS = {
    "Bond": "bond",
    "Fixed Income Security": "bond",
    "Warrant": "warrant",
    "Equity Offering": "offering",
    "Event Contract": "event",
    "Currency Pair": "currency",
    "Liquidity Pool": "pool",
}

API_FUTURE_RE = re.compile(r"/?([A-Z0-9]{1,4})([FGHJKMNQUVXZ])(\d{1,2})")
API_FUTURE_OPTION_RE = re.compile(r"\./(\w+) ([A-Z0-9]{1,4}[FGHJKMNQUVXZ]\d{1,2}) *(\d{6})([CP])(\d+(?:\.\d+)?)")
CONTRACT_RE = re.compile(r"([A-Z0-9]{1,4})([FGHJKMNQUVXZ])(\d{1,2})")
STREAMER_OPTION_RE = re.compile(r"\.([A-Z0-9]{1,6}?)(\d{6})([CP])(\d+(?:\.\d+)?)")
PAIR_RE = re.compile(r"([A-Z0-9]{2,8})/([A-Z]{3,4})")


def type_name(instrument: Instrument) -> str | None:
    """The broker's word for the class; None for what it cannot be asked about."""
    match instrument:
        case Equity(symbol) if symbol in INDEXES:
            return None
        case Equity():
            return EQUITY
        case Index():
            return INDEX
        case Option():
            return OPTION
        case Future():
            return FUTURE
        case FutureOption():
            return FUTURE_OPTION
        case Crypto():
            return CRYPTO
        case _:
            return None


def api_symbol(instrument: Instrument) -> str:
    """The spelling of requests and answers: ``BRK/B``, OCC, ``/ESZ6``, ``./ESZ6 EW3Z6 261218P6300``."""
    match instrument:
        case Equity(symbol):
            return symbol.replace(".", "/")
        case Index(symbol) | Other(_, symbol):
            return symbol
        case Future(product, year, month):
            return f"/{product}{MONTH_CODES[month - 1]}{year % 10}"
        case FutureOption(future, contract, expiry, right, strike):
            code = contract[:-2] + contract[-1]
            return f".{api_symbol(future)} {code:<6}{expiry:%y%m%d}{right}{plain(strike)}"
        case _:
            return str(instrument)


def streamer_symbol(instrument: Instrument) -> str | None:
    """The spelling of DXLink, None where there is none or it cannot be told without asking the broker."""
    match instrument:
        case Option(root, expiry, right, strike):
            return f".{root}{expiry:%y%m%d}{right}{plain(strike)}"
        case Future(product):
            venue = VENUE_OF.get(product)
            return f"{instrument}:{venue}" if venue else None
        case FutureOption(future, contract, _, right, strike):
            venue = VENUE_OF.get(future.product)
            return f"./{contract}{right}{plain(strike)}:{venue}" if venue else None
        case Crypto():
            return f"{instrument}:{CRYPTO_VENUE}"
        case _:
            return api_symbol(instrument) if type_name(instrument) is not None else None


def read_symbol(symbol: str, kind: str, on: date) -> Instrument:
    """The instrument of an API symbol; ``on`` is a day on which it was listed, to tell the decade of a future."""
    try:
        found = _read(symbol, kind, on)
    except (ValueError, InvalidOperation):
        found = None
    return found if found is not None else unnamed(symbol, kind)


def unnamed(symbol: str, kind: str) -> Other:
    text = re.sub(r"[^!-~]", "", symbol)[:26]
    return Other(KINDS.get(kind, "other"), text or "?")


def _read(symbol: str, kind: str, on: date) -> Instrument | None:
    if kind == OPTION:
        return read_option(symbol)
    if kind == FUTURE:
        return read_future(symbol, on)
    if kind == FUTURE_OPTION:
        return _read_future_option(symbol, on)
    if kind == CRYPTO and (pair := PAIR_RE.fullmatch(symbol)):
        return Crypto(*pair.groups())
    if kind == INDEX or (kind == EQUITY and symbol in INDEXES):
        return read_index(symbol)
    return read_share(symbol) if kind == EQUITY else None


def read_share(symbol: str) -> Equity | None:
    text = symbol.replace("/", ".")
    return Equity(text) if EQUITY_RE.fullmatch(text) else None


def read_index(symbol: str) -> Index | None:
    text = symbol.removeprefix("$").replace("/", ".")
    return Index(text) if INDEX_RE.fullmatch(f"${text}") else None


def read_underlying(symbol: str) -> Instrument:
    """A share, an index or a future, by its API symbol alone."""
    if symbol in INDEXES:
        return Index(symbol)
    return read_share(symbol) or unnamed(symbol, "")


def read_option(symbol: str) -> Option | None:
    found = OPTION_RE.fullmatch(symbol)
    if found is None:
        return None
    root, expiry, right, strike = found.groups()
    return Option(root, parse_date(expiry), Right(right), Decimal(strike) / 1000)


def read_future(symbol: str, on: date) -> Future | None:
    found = API_FUTURE_RE.fullmatch(symbol)
    if found is None:
        return None
    month = MONTH_CODES.index(found[2]) + 1
    return Future(found[1], _year(found[3], month, on), month)


def _year(digits: str, month: int, on: date) -> int:
    """The year of a contract that was listed on a day: the first that fits, a month's grace for settlement."""
    if len(digits) == 2:
        return 2000 + int(digits)
    earliest = on.year * 12 + on.month - 2
    year = earliest // 120 * 10 + int(digits)
    while year * 12 + month - 1 < earliest:
        year += 10
    return year


def _read_future_option(symbol: str, on: date) -> FutureOption | None:
    found = API_FUTURE_OPTION_RE.fullmatch(symbol)
    future = read_future(found[1], on) if found else None
    contract = CONTRACT_RE.fullmatch(found[2]) if found else None
    if found is None or future is None or contract is None:
        return None
    expiry = parse_date(found[3])
    year = _year(contract[3], MONTH_CODES.index(contract[2]) + 1, expiry)
    code = f"{contract[1]}{contract[2]}{year % 100:02d}"
    return FutureOption(future, code, expiry, Right(found[4]), Decimal(found[5]))


def read_streamer(symbol: str) -> Instrument | None:
    """The instrument of a streamer symbol, None for options on futures, whose day it leaves out."""
    if found := STREAMER_OPTION_RE.fullmatch(symbol):
        return Option(found[1], parse_date(found[2]), Right(found[3]), Decimal(found[4]))
    name, _, venue = symbol.partition(":")
    if venue == CRYPTO_VENUE:
        pair = PAIR_RE.fullmatch(name)
        return Crypto(*pair.groups()) if pair else None
    if name.startswith("/"):
        found = API_FUTURE_RE.fullmatch(name)
        month = MONTH_CODES.index(found[2]) + 1 if found else 0
        return Future(found[1], 2000 + int(found[3]), month) if found and len(found[3]) == 2 else None
    return Index(symbol) if symbol in INDEXES else read_share(symbol)
