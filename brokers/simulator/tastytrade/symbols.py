"""tastytrade's names for instruments: API symbols, streamer symbols and instrument types (section 6)."""

import re
from decimal import Decimal

from brokers.domain.instruments import (
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

STREAMER_OPTION = re.compile(r"\.([A-Z0-9]{1,6}?)(\d{6})([CP])(\d+(?:\.\d+)?)")
TYPE_NAMES: dict[type[Instrument], str] = {
    Equity: "Equity",
    Index: "Index",
    Option: "Equity Option",
    Future: "Future",
    FutureOption: "Future Option",
    Crypto: "Cryptocurrency",
}


def api_symbol(instrument: Instrument) -> str:
    match instrument:
        case Equity(symbol):
            return symbol.replace(".", "/")
        case Index(symbol):
            return symbol
        case _:
            return str(instrument)


def streamer_symbol(instrument: Instrument) -> str:
    match instrument:
        case Option(root, expiry, right, strike):
            return f".{root}{expiry:%y%m%d}{right}{plain(strike)}"
        case _:
            return api_symbol(instrument)


def type_name(instrument: Instrument) -> str:
    return TYPE_NAMES[type(instrument)]


def parse_api_symbol(text: str) -> Instrument:
    """What an API symbol may name; ``ValueError`` when nothing. An index looks like a share here."""
    if re.fullmatch(r"[A-Z][A-Z0-9]*/[A-Z]", text):
        return Equity(text.replace("/", "."))
    return parse_instrument(text)


def parse_streamer_symbol(text: str) -> Instrument:
    """What a streamer symbol may name; ``ValueError`` when nothing."""
    if found := STREAMER_OPTION.fullmatch(text):
        root, expiry, right, strike = found.groups()
        return Option(root, parse_date(expiry), Right(right), Decimal(strike))
    return parse_api_symbol(text)
