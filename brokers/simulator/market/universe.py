"""The made-up market's cast: what is listed, at which level it starts, what it moves with and how much of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from math import sqrt
from typing import Literal

from brokers.domain.instruments import Crypto, Equity, Future, Index, Instrument
from brokers.domain.market import PriceIncrements
from brokers.simulator.market.contracts import Product
from brokers.simulator.market.listings import (
    CRYPTO_INCREMENTS,
    DIME_INCREMENTS,
    INDEX_INCREMENTS,
    NICKEL_INCREMENTS,
    PENNY_INCREMENTS,
    SHARE_INCREMENTS,
    Listing,
)
from brokers.simulator.market.products import PRODUCTS

Kind = Literal["share", "fund", "index", "crypto"]
SHARE: Kind = "share"
FUND: Kind = "fund"
INDEX: Kind = "index"
COIN: Kind = "crypto"

# What moves many names at once, and by how much a year
MARKET_VOLATILITY = 0.15
FACTORS: Mapping[str, float] = {
    "market": MARKET_VOLATILITY,
    "rates": 0.12,
    "oil": 0.28,
    "gold": 0.15,
    "tech": 0.10,
    "dollar": 0.07,
    "coins": 0.55,
    "fear": 0.45,
}
FEAR_INDEX = Index("VIX")
FEARED_INDEX = Index("SPX")  # whose options the fear index is made of
PREMIUM = 1.06  # options cost a little more volatility than there is


@dataclass(frozen=True, slots=True)
class Character:
    """How one underlying behaves: volatilities are annual; ``rate`` quotes a second; ``spread`` dollars at the touch.

    ``loadings`` say how far it goes with each factor, ``own_volatility`` how much it moves alone; ``own`` names that
    movement, which those share who are the same thing (an index, its fund, its future). ``strike_step`` is the finest
    distance between strikes; ``daily_volume`` shares on a usual day.
    """

    listing: Listing
    start: float
    loadings: Mapping[str, float]
    own: str
    own_volatility: float
    spread: float
    rate: float
    daily_volume: int
    strike_step: Decimal
    reports: bool = False
    volatility: float = field(init=False)

    def __post_init__(self) -> None:
        spread = sum((share * FACTORS[name]) ** 2 for name, share in self.loadings.items())
        object.__setattr__(self, "volatility", sqrt(spread + self.own_volatility**2) * PREMIUM)

    @property
    def beta(self) -> float:
        return self.loadings.get("market", 0.0)


PENNY, NICKEL, DIME = PENNY_INCREMENTS, NICKEL_INCREMENTS, DIME_INCREMENTS
HARD_TO_BORROW = frozenset({"GME", "COIN", "MSTR"})

# symbol, name, kind, exchange, start, beta, own volatility, dividend, spread, quotes/s, million a day, strikes, options
Row = tuple[str, str, Kind, str, str, str, float, str, float, float, float, str, PriceIncrements | None]
ROWS: tuple[Row, ...] = (
    ("SPY", "SPDR S&P 500 ETF Trust", FUND, "ARCX", "600", "1", 0.004, "1.85", 0.01, 7, 62, "1", PENNY),
    ("QQQ", "Invesco QQQ Trust, Series 1", FUND, "XNAS", "525", "1.2", 0.02, "0.75", 0.01, 7, 41, "1", PENNY),
    ("IWM", "iShares Russell 2000 ETF", FUND, "ARCX", "230", "1.15", 0.11, "0.62", 0.01, 5, 31, "1", PENNY),
    ("DIA", "SPDR Dow Jones Industrial ETF", FUND, "ARCX", "435", "0.85", 0.05, "0.6", 0.04, 3, 3.4, "1", NICKEL),
    ("TLT", "iShares 20+ Year Treasury Bond ETF", FUND, "XNAS", "91", "-0.2", 0.03, "0.95", 0.01, 4, 38, "0.5", PENNY),
    ("GLD", "SPDR Gold Shares", FUND, "ARCX", "285", "0.05", 0.03, "0", 0.02, 3, 9, "1", PENNY),
    ("XLE", "Energy Select Sector SPDR Fund", FUND, "ARCX", "89", "0.7", 0.1, "0.72", 0.01, 3, 15, "0.5", NICKEL),
    ("XLF", "Financial Select Sector SPDR Fund", FUND, "ARCX", "51", "0.95", 0.1, "0.18", 0.01, 4, 40, "0.5", PENNY),
    ("EEM", "iShares MSCI Emerging Markets ETF", FUND, "ARCX", "45", "0.8", 0.1, "0.53", 0.01, 3, 26, "0.5", NICKEL),
    ("AAPL", "Apple Inc.", SHARE, "XNAS", "190", "1.15", 0.18, "0.25", 0.01, 5, 52, "1", PENNY),
    ("MSFT", "Microsoft Corporation", SHARE, "XNAS", "430", "1.05", 0.15, "0.83", 0.03, 4, 21, "2.5", PENNY),
    ("NVDA", "NVIDIA Corporation", SHARE, "XNAS", "140", "1.75", 0.33, "0.01", 0.01, 6, 210, "1", PENNY),
    ("TSLA", "Tesla, Inc.", SHARE, "XNAS", "340", "1.9", 0.47, "0", 0.04, 6, 88, "2.5", PENNY),
    ("AMZN", "Amazon.com, Inc.", SHARE, "XNAS", "205", "1.25", 0.22, "0", 0.02, 4, 38, "1", PENNY),
    ("GOOGL", "Alphabet Inc. Class A", SHARE, "XNAS", "175", "1.1", 0.2, "0.2", 0.02, 4, 26, "1", PENNY),
    ("META", "Meta Platforms, Inc. Class A", SHARE, "XNAS", "580", "1.25", 0.25, "0.5", 0.08, 4, 13, "2.5", PENNY),
    ("AMD", "Advanced Micro Devices, Inc.", SHARE, "XNAS", "135", "1.7", 0.33, "0", 0.02, 5, 45, "1", PENNY),
    ("INTC", "Intel Corporation", SHARE, "XNAS", "24", "1.05", 0.38, "0", 0.01, 3, 60, "0.5", PENNY),
    ("NFLX", "Netflix, Inc.", SHARE, "XNAS", "880", "1.2", 0.28, "0", 0.35, 3, 3.6, "5", DIME),
    ("CSCO", "Cisco Systems, Inc.", SHARE, "XNAS", "58", "0.85", 0.15, "0.4", 0.01, 3, 18, "0.5", NICKEL),
    ("PLTR", "Palantir Technologies Inc. Class A", SHARE, "XNAS", "64", "1.8", 0.5, "0", 0.01, 5, 75, "1", PENNY),
    ("F", "Ford Motor Company", SHARE, "XNYS", "11", "1.1", 0.26, "0.15", 0.01, 3, 58, "0.5", PENNY),
    ("GM", "General Motors Company", SHARE, "XNYS", "55", "1.2", 0.27, "0.12", 0.01, 3, 12, "0.5", NICKEL),
    ("T", "AT&T Inc.", SHARE, "XNYS", "22", "0.6", 0.16, "0.28", 0.01, 3, 33, "0.5", NICKEL),
    ("KO", "Coca-Cola Company", SHARE, "XNYS", "63", "0.5", 0.11, "0.49", 0.01, 3, 14, "0.5", NICKEL),
    ("DIS", "The Walt Disney Company", SHARE, "XNYS", "113", "1.05", 0.2, "0.5", 0.02, 3, 9, "1", NICKEL),
    ("JPM", "JPMorgan Chase & Co.", SHARE, "XNYS", "240", "1.05", 0.16, "1.25", 0.04, 3, 9, "2.5", NICKEL),
    ("BAC", "Bank of America Corporation", SHARE, "XNYS", "46", "1.15", 0.18, "0.26", 0.01, 4, 36, "0.5", PENNY),
    ("XOM", "Exxon Mobil Corporation", SHARE, "XNYS", "118", "0.7", 0.15, "0.99", 0.01, 3, 14, "1", NICKEL),
    ("WMT", "Walmart Inc.", SHARE, "XNYS", "90", "0.6", 0.16, "0.21", 0.01, 3, 15, "1", NICKEL),
    ("BA", "The Boeing Company", SHARE, "XNYS", "155", "1.3", 0.3, "0", 0.05, 3, 8, "2.5", NICKEL),
    ("BRK.B", "Berkshire Hathaway Inc. Class B", SHARE, "XNYS", "470", "0.75", 0.1, "0", 0.09, 3, 3.8, "2.5", None),
    ("PFE", "Pfizer Inc.", SHARE, "XNYS", "26", "0.6", 0.22, "0.42", 0.01, 3, 34, "0.5", NICKEL),
    ("UBER", "Uber Technologies, Inc.", SHARE, "XNYS", "71", "1.3", 0.33, "0", 0.02, 4, 20, "1", NICKEL),
    ("COIN", "Coinbase Global, Inc. Class A", SHARE, "XNAS", "300", "2.1", 0.55, "0", 0.25, 4, 12, "5", NICKEL),
    ("SLV", "iShares Silver Trust", FUND, "ARCX", "29", "0.15", 0.19, "0", 0.01, 3, 16, "0.5", NICKEL),
    ("USO", "United States Oil Fund, LP", FUND, "ARCX", "74", "0.2", 0.06, "0", 0.01, 3, 4, "0.5", NICKEL),
    ("XLK", "Technology Select Sector SPDR Fund", FUND, "ARCX", "232", "1.2", 0.06, "0.4", 0.02, 3, 5, "1", NICKEL),
    ("HYG", "iShares iBoxx High Yield Bond ETF", FUND, "ARCX", "79", "0.3", 0.02, "1.1", 0.01, 3, 32, "0.5", NICKEL),
    ("GME", "GameStop Corp. Class A", SHARE, "XNYS", "27", "1.1", 0.7, "0", 0.02, 3, 11, "0.5", NICKEL),
    ("MSTR", "Strategy Inc. Class A", SHARE, "XNAS", "330", "1.6", 0.42, "0", 0.35, 4, 14, "2.5", NICKEL),
    ("SOFI", "SoFi Technologies, Inc.", SHARE, "XNAS", "15", "1.7", 0.45, "0", 0.01, 4, 48, "0.5", PENNY),
    ("NKE", "NIKE, Inc. Class B", SHARE, "XNYS", "76", "1.0", 0.22, "0.4", 0.02, 3, 11, "1", NICKEL),
    ("SPX", "S&P 500 Index", INDEX, "XCBO", "6000", "1", 0.002, "0", 0.0, 5, 0, "5", DIME),
    ("VIX", "Cboe Volatility Index", INDEX, "XCBO", "15.8", "-4", 0.0, "0", 0.0, 2, 0, "0.5", DIME),
    ("NDX", "Nasdaq 100 Index", INDEX, "XNAS", "21525", "1.2", 0.002, "0", 0.0, 3, 0, "10", DIME),
    ("RUT", "Russell 2000 Index", INDEX, "XCBO", "2300", "1.15", 0.002, "0", 0.0, 3, 0, "5", DIME),
    ("DJX", "1/100 Dow Jones Industrial Average Index", INDEX, "XCBO", "435", "0.85", 0.002, "0", 0.0, 3, 0, "1", None),
    ("BTC/USD", "Bitcoin", COIN, "ZERO", "95000", "0.5", 0.12, "0", 12.0, 4, 0.03, "1000", None),
    ("ETH/USD", "Ethereum", COIN, "ZERO", "3400", "0.6", 0.3, "0", 0.6, 4, 0.3, "50", None),
    ("LTC/USD", "Litecoin", COIN, "ZERO", "92", "0.5", 0.4, "0", 0.06, 2, 0.5, "5", None),
    ("BCH/USD", "Bitcoin Cash", COIN, "ZERO", "480", "0.5", 0.42, "0", 0.4, 2, 0.1, "10", None),
    ("SOL/USD", "Solana", COIN, "ZERO", "225", "0.6", 0.45, "0", 0.08, 3, 3, "5", None),
)  # fmt: skip

# What moves a name besides the market
WITH: Mapping[str, Mapping[str, float]] = {
    "QQQ": {"tech": 0.6}, "XLK": {"tech": 1.2}, "AAPL": {"tech": 0.6}, "MSFT": {"tech": 0.8}, "NVDA": {"tech": 1.4},
    "AMD": {"tech": 1.4}, "INTC": {"tech": 0.8}, "META": {"tech": 0.7}, "GOOGL": {"tech": 0.7}, "AMZN": {"tech": 0.6},
    "PLTR": {"tech": 1.0}, "NFLX": {"tech": 0.5}, "TSLA": {"tech": 0.6},
    "TLT": {"rates": 1.0}, "HYG": {"rates": 0.15}, "XLF": {"rates": -0.2}, "JPM": {"rates": -0.2},
    "BAC": {"rates": -0.3}, "GLD": {"gold": 1.0}, "SLV": {"gold": 1.2}, "USO": {"oil": 1.0}, "XLE": {"oil": 0.5},
    "XOM": {"oil": 0.45}, "EEM": {"dollar": -0.6}, "COIN": {"coins": 0.6}, "MSTR": {"coins": 0.9},
    "VIX": {"fear": 1.0}, "BTC/USD": {"coins": 0.8}, "ETH/USD": {"coins": 1.0}, "LTC/USD": {"coins": 0.9},
    "BCH/USD": {"coins": 0.9}, "SOL/USD": {"coins": 1.1},
    "NG": {"oil": 0.35}, "SI": {"gold": 1.2, "market": 0.15},
    "ZB": {"rates": 0.95}, "ZN": {"rates": 0.5}, "6E": {"dollar": -0.95},
}  # fmt: skip

# Those that are the same thing: all of one's movement, its own included, is in the other
SAME: Mapping[str, str] = {"SPX": "SPY", "NDX": "QQQ", "RUT": "IWM", "DJX": "DIA", "GC": "GLD", "CL": "USO"}


@lru_cache(maxsize=1)
def characters() -> tuple[Character, ...]:
    """All shares, funds, indexes and coins, in the order in which they are moved."""
    return tuple(_character(row) for row in ROWS)


@lru_cache(maxsize=1)
def cast() -> Mapping[Instrument | str, Character]:
    """Everything with a path of its own quotes: by its instrument, or by the code of a futures product."""
    found: dict[Instrument | str, Character] = {one.listing.instrument: one for one in characters()}
    return found | dict(fronts())


def _character(row: Row) -> Character:
    symbol, name, kind, exchange, start, beta, own, dividend, spread, rate, millions, step, options = row
    listing = Listing(
        instrument=_instrument(symbol, kind),
        description=name,
        exchange=exchange,
        increments={INDEX: INDEX_INCREMENTS, COIN: CRYPTO_INCREMENTS}.get(kind, SHARE_INCREMENTS),
        option_increments=options,
        is_etf=kind == FUND,
        is_index=kind == INDEX,
        beta=Decimal(beta),
        dividend=Decimal(dividend),
        borrow="hard" if symbol in HARD_TO_BORROW else "easy",
    )
    twin = next((one for one in ROWS if one[0] == SAME.get(symbol)), None)
    return Character(
        listing=listing,
        start=float(start),
        loadings=moves_with(symbol, float(beta)),
        own=symbol if twin is None else twin[0],
        own_volatility=own if twin is None else twin[6],
        spread=spread,
        rate=rate,
        daily_volume=int(millions * 1_000_000),
        strike_step=Decimal(step),
        reports=kind == SHARE,
    )


def moves_with(symbol: str, beta: float) -> dict[str, float]:
    """The factors a name moves with, and how much; no factor twice."""
    return ({"market": beta} if beta else {}) | dict(WITH.get(SAME.get(symbol, symbol), {}))


def _instrument(symbol: str, kind: Kind) -> Instrument:
    if kind == COIN:
        base, quote = symbol.split("/")
        return Crypto(base, quote)
    return Index(symbol) if kind == INDEX else Equity(symbol)


@lru_cache(maxsize=1)
def fronts() -> Mapping[str, Character]:
    """The base paths of the futures products by their codes; those that follow an index move as it does."""
    by_symbol = {one.listing.symbol: one for one in characters()}
    return {code: _front(product, by_symbol) for code, product in PRODUCTS.items() if product.path == code}


def _front(product: Product, by_symbol: Mapping[str, Character]) -> Character:
    twin = by_symbol.get(product.follows.symbol if product.follows else SAME.get(product.path, ""))
    loadings = dict(twin.loadings) if twin else moves_with(product.path, 0.0)
    shared = sum((share * FACTORS[name]) ** 2 for name, share in loadings.items())
    alone = sqrt(max(product.volatility**2 - shared, (0.1 * product.volatility) ** 2))
    return Character(
        listing=Listing(Future(product.code, 0, 0), product.description, product.exchange, product.tick),
        start=twin.start if twin and product.follows else product.start,
        loadings=loadings,
        own=twin.own if twin else product.path,
        own_volatility=twin.own_volatility if twin else alone,
        spread=product.spread * float(product.tick.steps[-1][1]),
        rate=5.0 if product.follows else 3.0,
        daily_volume=product.daily_volume,
        strike_step=Decimal(1),
    )


def fair_key(key: Instrument | str) -> Instrument | str:
    """Whose fair price a path has: that of a product on an index is the index's."""
    if not isinstance(key, str):
        return key
    product = PRODUCTS[key]
    return product.follows or product.path
