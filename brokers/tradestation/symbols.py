"""TradeStation's spelling of instruments against ours (section 6): ``$SPX.X``, ``MSFT 261218C400``, ``TYH26``.

What cannot be named in the desk's vocabulary becomes ``Other``: still shown, never priced or traded.
"""

import re
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

# The exchanges' product codes where TradeStation's root differs.
ROOTS = {
    "ZB": "US", "ZN": "TY", "ZF": "FV", "ZT": "TU", "TN": "TEN", "GE": "ED",
    "6A": "AD", "6B": "BP", "6C": "CD", "6E": "EC", "6J": "JY", "6L": "BR", "6M": "MP1", "6N": "NE1", "6R": "RU",
    "6S": "SF", "6Z": "RA",
    "KE": "KW", "ZC": "C", "ZL": "BO", "ZM": "SM", "ZO": "O", "ZS": "S", "ZW": "W",
    "GF": "FC", "HE": "LH", "LE": "LC", "LBS": "LB", "NKD": "NK", "RX": "REI", "B": "BRN",
}  # fmt: skip
PRODUCTS = {root: product for product, root in ROOTS.items()}

# Roots of options on indexes: the index of each; its second root is that of the ones settled in the afternoon.
INDEX_OF_ROOT = {
    "SPX": "SPX", "SPXW": "SPX", "NDX": "NDX", "NDXP": "NDX", "RUT": "RUT", "RUTW": "RUT", "VIX": "VIX",
    "VIXW": "VIX", "XSP": "XSP", "XND": "XND", "MRUT": "MRUT", "DJX": "DJX", "OEX": "OEX", "XEO": "XEO",
}  # fmt: skip
KINDS = {"FOREX": "currency", "CURRENCYOPTION": "currency", "BOND": "bond", "MUTUALFUND": "fund"}

STOCK, FUTURE, INDEX = "STOCK", "FUTURE", "INDEX"
OPTIONS = frozenset({"STOCKOPTION", "INDEXOPTION"})
WIRE_OPTION_RE = re.compile(r"([A-Z0-9.$/]{1,6}) (\d{6})([CP])(\d+(?:\.\d+)?)", re.ASCII)
WIRE_FUTURE_RE = re.compile(r"([A-Z0-9]{1,4})([FGHJKMNQUVXZ])(\d{2})", re.ASCII)
WIRE_INDEX_RE = re.compile(r"\$([A-Z][A-Z0-9]{0,9})(?:\.X)?", re.ASCII)


def wire_symbol(instrument: Instrument) -> str | None:
    """The broker's spelling; None for what it cannot be asked about."""
    match instrument:
        case Equity(symbol):
            return symbol
        case Index(symbol):
            return f"${symbol}.X"
        case Option(root, expiry, right, strike):
            return f"{root} {expiry:%y%m%d}{right}{plain(strike)}"
        case Future(product, year, month):
            return f"{ROOTS.get(product, product)}{MONTH_CODES[month - 1]}{year % 100:02d}"
        case Crypto(base, quote):
            return f"{base}{quote}"
        case FutureOption() | Other():
            return None


def read_symbol(symbol: str, kind: str = "") -> Instrument:
    """The instrument of a symbol and the broker's asset type; without a type, by its form. Case does not matter."""
    text = symbol.strip().upper()
    try:
        found = _read(text, kind.upper())
    except (ValueError, InvalidOperation):
        found = None
    return found if found is not None else unnamed(symbol, kind)


def unnamed(symbol: str, kind: str) -> Other:
    text = re.sub(r"[^!-~]", "", symbol)[:26]
    return Other(KINDS.get(kind.upper(), "other"), text or "?")


def _read(text: str, kind: str) -> Instrument | None:
    if kind in OPTIONS:
        return read_option(text)
    if kind == FUTURE:
        return read_future(text)
    if kind == INDEX:
        return read_index(text)
    if kind == STOCK:
        return Equity(text) if EQUITY_RE.fullmatch(text) else None
    return _by_form(text) if not kind else None


def _by_form(text: str) -> Instrument | None:
    found = read_option(text) or read_index(text) or read_future(text)
    return found or (Equity(text) if EQUITY_RE.fullmatch(text) else None)


def read_option(text: str) -> Option | None:
    """None for what is no option symbol or has no OCC spelling; ``ValueError`` for a day that does not exist."""
    found = WIRE_OPTION_RE.fullmatch(text)
    if found is None:
        return None
    root, expiry, right, strike = found.groups()
    option = Option(root, parse_date(expiry), Right(right), Decimal(strike))
    exact = option.strike * 1000 == int(option.strike * 1000)
    return option if exact and OPTION_RE.fullmatch(str(option)) else None


def read_future(text: str) -> Future | None:
    found = WIRE_FUTURE_RE.fullmatch(text)
    if found is None:
        return None
    root, month, year = found.groups()
    return Future(PRODUCTS.get(root, root), 2000 + int(year), MONTH_CODES.index(month) + 1)


def read_index(text: str) -> Index | None:
    found = WIRE_INDEX_RE.fullmatch(text)
    return Index(found[1]) if found and INDEX_RE.fullmatch(f"${found[1]}") else None


def underlying_of(instrument: Instrument) -> Instrument:
    """What an instrument is listed under, as far as its symbol tells: an option's by its root."""
    if not isinstance(instrument, Option):
        return instrument
    if (index := INDEX_OF_ROOT.get(instrument.root)) is not None:
        return Index(index)
    return Equity(instrument.root) if EQUITY_RE.fullmatch(instrument.root) else unnamed(instrument.root, "")
