"""What can be held and traded, each with one canonical text: ``parse_instrument(str(i)) == i``."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

MONTH_CODES = "FGHJKMNQUVXZ"


class Right(StrEnum):
    CALL = "C"
    PUT = "P"


@dataclass(frozen=True, slots=True, order=True)
class Equity:
    """A share or ETF. Share classes take a dot: ``BRK.B``."""

    symbol: str

    def __str__(self) -> str:
        return self.symbol


@dataclass(frozen=True, slots=True, order=True)
class Index:
    """A computed figure that can be watched, not traded: ``$SPX``."""

    symbol: str

    def __str__(self) -> str:
        return f"${self.symbol}"


@dataclass(frozen=True, slots=True, order=True)
class Option:
    """A listed option on a share or an index, written as its 21-character OCC symbol.

    ``root`` is the OCC root, which need not be the underlying (SPXW on SPX, adjusted roots).
    """

    root: str
    expiry: date
    right: Right
    strike: Decimal

    def __str__(self) -> str:
        return f"{self.root:<6}{self.expiry:%y%m%d}{self.right}{int(self.strike * 1000):08d}"


@dataclass(frozen=True, slots=True, order=True)
class Future:
    """One delivery month: ``/ESZ26`` (product, month code, two-digit year)."""

    product: str
    year: int
    month: int

    def __str__(self) -> str:
        return f"/{self.product}{MONTH_CODES[self.month - 1]}{self.year % 100:02d}"


@dataclass(frozen=True, slots=True, order=True)
class FutureOption:
    """An option on a future: ``./ESZ26 EW3Z26 261218P6300``; ``contract`` is the option contract's code."""

    future: Future
    contract: str
    expiry: date
    right: Right
    strike: Decimal

    def __str__(self) -> str:
        return f".{self.future} {self.contract} {self.expiry:%y%m%d}{self.right}{plain(self.strike)}"


@dataclass(frozen=True, slots=True, order=True)
class Crypto:
    """A pair: ``BTC/USD``."""

    base: str
    quote: str

    def __str__(self) -> str:
        return f"{self.base}/{self.quote}"


@dataclass(frozen=True, slots=True, order=True)
class Other:
    """Something held that the desk neither prices nor trades (a bond, an offering), so that it is still shown:
    ``~bond:912797KX4``. ``symbol`` is the broker's own."""

    kind: str
    symbol: str

    def __str__(self) -> str:
        return f"~{self.kind}:{self.symbol}"


Instrument: TypeAlias = Equity | Index | Option | Future | FutureOption | Crypto | Other

EQUITY_RE = re.compile(r"[A-Z][A-Z0-9]{0,9}(?:[.\-][A-Z0-9]{1,4})?")
INDEX_RE = re.compile(r"\$([A-Z][A-Z0-9.]{0,9})")
OPTION_RE = re.compile(r"([A-Z0-9.]{1,6}) *(\d{6})([CP])(\d{8})")
FUTURE_RE = re.compile(r"/([A-Z0-9]{1,4})([FGHJKMNQUVXZ])(\d{2})")
FUTURE_OPTION_RE = re.compile(r"\.(/[A-Z0-9]+) ([A-Z0-9]+) +(\d{6})([CP])(\d+(?:\.\d+)?)")
CRYPTO_RE = re.compile(r"([A-Z0-9]{2,8})/([A-Z]{3,4})")
OTHER_RE = re.compile(r"~([a-z]{1,10}):([!-~]{1,26})")


def plain(number: Decimal) -> str:
    """The number in digits: no exponent, no trailing zeros, no minus before nothing."""
    text = f"{number or abs(number):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def parse_date(yymmdd: str) -> date:
    """A six-digit OCC date; ``ValueError`` when there is no such day."""
    return date(2000 + int(yymmdd[:2]), int(yymmdd[2:4]), int(yymmdd[4:]))


def parse_instrument(text: str) -> Instrument:
    """The instrument a canonical text names; ``ValueError`` in words when it names none."""
    for pattern, build in PARSERS:
        if len(text) <= 40 and (found := pattern.fullmatch(text)):
            try:
                return build(found)
            except ValueError as error:
                raise ValueError(f"{text!r} is not a symbol: {error}") from None
    raise ValueError(f"{text[:40]!r} is not a symbol")


def _option(found: re.Match[str]) -> Option:
    root, expiry, right, strike = found.groups()
    return Option(root, parse_date(expiry), Right(right), Decimal(strike) / 1000)


def _future(found: re.Match[str]) -> Future:
    product, month, year = found.groups()
    return Future(product, 2000 + int(year), MONTH_CODES.index(month) + 1)


def _future_option(found: re.Match[str]) -> FutureOption:
    future, contract, expiry, right, strike = found.groups()
    under = FUTURE_RE.fullmatch(future)
    if under is None:
        raise ValueError(f"{future} is not a future")
    return FutureOption(_future(under), contract, parse_date(expiry), Right(right), Decimal(strike))


PARSERS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Instrument]], ...] = (
    (OPTION_RE, _option),
    (FUTURE_RE, _future),
    (FUTURE_OPTION_RE, _future_option),
    (CRYPTO_RE, lambda found: Crypto(*found.groups())),
    (INDEX_RE, lambda found: Index(found[1])),
    (EQUITY_RE, lambda found: Equity(found[0])),
    (OTHER_RE, lambda found: Other(*found.groups())),
)


def describe(instrument: Instrument) -> str:
    """The instrument as traders say it: ``SPY 18 Dec 26 600 C``."""
    match instrument:
        case Option(root, expiry, right, strike):
            return f"{root} {expiry.day} {expiry:%b %y} {plain(strike)} {right}"
        case FutureOption(future, contract, expiry, right, strike):
            return f"{future} {contract} {expiry.day} {expiry:%b %y} {plain(strike)} {right}"
        case _:
            return str(instrument)


def contract_multiplier(instrument: Instrument) -> Decimal | None:
    """Dollars per point of price for one unit where the class fixes it; None for futures and adjusted options.

    Standard equity options deliver 100 shares. A broker's own figure, where it gives one, wins.
    """
    match instrument:
        case Equity() | Crypto():
            return Decimal(1)
        case Option(root) if not root[-1].isdigit():
            return Decimal(100)
        case _:
            return None
