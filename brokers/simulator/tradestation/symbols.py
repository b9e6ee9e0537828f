"""TradeStation's symbols both ways (section 6): ``$SPX.X``, ``MSFT 261218C400``, ``ESZ26``, ``@ES``, ``BTCUSD``."""

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from brokers.domain.instruments import (
    MONTH_CODES,
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

if TYPE_CHECKING:
    from brokers.simulator.market import Market

# Product codes of the exchanges, and the roots that this broker calls them by where they differ.
ROOTS = {
    "ZB": "US", "ZN": "TY", "ZF": "FV", "ZT": "TU", "TN": "TEN", "GE": "ED",
    "6A": "AD", "6B": "BP", "6C": "CD", "6E": "EC", "6J": "JY", "6L": "BR", "6M": "MP1", "6N": "NE1", "6R": "RU",
    "6S": "SF", "6Z": "RA",
    "KE": "KW", "ZC": "C", "ZL": "BO", "ZM": "SM", "ZO": "O", "ZS": "S", "ZW": "W",
    "GF": "FC", "HE": "LH", "LE": "LC", "LBS": "LB", "NKD": "NK", "RX": "REI", "B": "BRN",
}  # fmt: skip
PRODUCTS = {root: product for product, root in ROOTS.items()}
OPTION = re.compile(r"([A-Z0-9.$/]+) (\d{6})([CP])(\d+(?:\.\d+)?)")
FUTURE_OPTION = re.compile(r"([A-Z0-9]+) ([A-Z0-9]+) (\d{6})([CP])(\d+(?:\.\d+)?)")
FUTURE = re.compile(r"([A-Z0-9]{1,4})([FGHJKMNQUVXZ])(\d{2})")
CONTINUOUS = re.compile(r"@([A-Z0-9]{1,4})")
INDEX = re.compile(r"\$([A-Z][A-Z0-9]{0,9})(?:\.X)?")
CRYPTO = re.compile(r"([A-Z]{3,5})(USD)")
EQUITY = re.compile(r"[A-Z][A-Z0-9]{0,4}(?:[.\-][A-Z0-9]{1,4})?")


def future_root(product: str) -> str:
    """The broker's root of a product: ``ZB`` is ``US``."""
    return ROOTS.get(product, product)


def product_of(root: str) -> str:
    """The product of a root: ``US`` is ``ZB``."""
    return PRODUCTS.get(root, root)


def to_wire(instrument: Instrument) -> str:
    match instrument:
        case Equity(symbol):
            return symbol
        case Index(symbol):
            return f"${symbol}.X"
        case Option(root, expiry, right, strike):
            return f"{root} {expiry:%y%m%d}{right}{plain(strike)}"
        case Future(product, year, month):
            return f"{future_root(product)}{MONTH_CODES[month - 1]}{year % 100:02d}"
        case FutureOption(future, contract, expiry, right, strike):
            return f"{to_wire(future)} {contract} {expiry:%y%m%d}{right}{plain(strike)}"
        case Crypto(base, quote):
            return f"{base}{quote}"
        case Other(_, symbol):
            return symbol


def parse(text: str) -> Instrument:
    """What a symbol names, in whatever case; ``ValueError`` when nothing. Continuous futures need ``find``."""
    symbol = text.strip().upper()
    if len(symbol) > 40:
        raise ValueError("A symbol is not as long as that.")
    if found := OPTION.fullmatch(symbol):
        root, expiry, right, strike = found.groups()
        return Option(root, parse_date(expiry), Right(right), Decimal(strike))
    if found := FUTURE_OPTION.fullmatch(symbol):
        future, contract, expiry, right, strike = found.groups()
        return FutureOption(_future(future), contract, parse_date(expiry), Right(right), Decimal(strike))
    if found := INDEX.fullmatch(symbol):
        return Index(found[1])
    if found := CRYPTO.fullmatch(symbol):
        return Crypto(found[1], found[2])
    if FUTURE.fullmatch(symbol):
        return _future(symbol)
    if EQUITY.fullmatch(symbol):
        return Equity(symbol)
    raise ValueError(f"{text[:40]!r} is not a symbol")


def continuous(text: str) -> str | None:
    """The product of a continuous future (``@US`` is ``ZB``), None for any other symbol."""
    found = CONTINUOUS.fullmatch(text.strip().upper())
    return product_of(found[1]) if found else None


def find(text: str, market: "Market") -> Instrument | None:
    """The listed instrument that a symbol names, a continuous future's front month included; None when none is."""
    if (product := continuous(text)) is not None:
        return front_month(product, market)
    try:
        instrument = parse(text)
    except ValueError:
        return None
    return instrument if market.listing(instrument) is not None else None


def front_month(product: str, market: "Market") -> Future | None:
    """The active month of a product, None when it is not listed."""
    if market.product(product) is None:
        return None
    months = market.contracts(product)
    active = [contract for contract in months if contract.active_month] or months
    return active[0].future if active else None


def asset_type(instrument: Instrument, market: "Market") -> str:
    match instrument:
        case Option():
            try:
                return "INDEXOPTION" if isinstance(market.underlying(instrument), Index) else "STOCKOPTION"
            except KeyError:
                return "STOCKOPTION"
        case Equity():
            return "STOCK"
        case Index():
            return "INDEX"
        case Future():
            return "FUTURE"
        case FutureOption():
            return "FUTUREOPTION"
        case Crypto():
            return "CRYPTO"
        case _:
            return "UNKNOWN"


def underlying_of(instrument: Instrument, market: "Market") -> str:
    """What the wire names as the underlying: a symbol for options, the root for futures, "" for the rest."""
    match instrument:
        case Option(root):
            try:
                return to_wire(market.underlying(instrument))
            except KeyError:
                return root
        case Future(product):
            return future_root(product)
        case FutureOption(future):
            return to_wire(future)
        case _:
            return ""


def _future(symbol: str) -> Future:
    found = FUTURE.fullmatch(symbol)
    if found is None:
        raise ValueError(f"{symbol} is not a future")
    root, month, year = found.groups()
    return Future(product_of(root), 2000 + int(year), MONTH_CODES.index(month) + 1)
