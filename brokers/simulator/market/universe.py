"""The made-up market's cast: what is listed, at which level it starts, how it moves."""

from dataclasses import dataclass
from decimal import Decimal

from brokers.domain.instruments import Equity, Index, Instrument
from brokers.domain.market import PriceIncrements
from brokers.simulator.market.listings import (
    DIME_INCREMENTS,
    INDEX_INCREMENTS,
    NICKEL_INCREMENTS,
    PENNY_INCREMENTS,
    SHARE_INCREMENTS,
    Listing,
)

SHARE, FUND, INDEX = "share", "fund", "index"


@dataclass(frozen=True, slots=True)
class Character:
    """How one underlying behaves: volatilities are annual; ``rate`` quotes a second; ``spread`` dollars at the touch.

    ``strike_step`` is the finest distance between strikes; ``daily_volume`` shares on a usual day.
    """

    listing: Listing
    start: float
    beta: float
    own_volatility: float
    spread: float
    rate: float
    daily_volume: int
    strike_step: Decimal

    @property
    def volatility(self) -> float:
        """At-the-money volatility of its options on a usual day."""
        return float(((self.beta * MARKET_VOLATILITY) ** 2 + self.own_volatility**2) ** 0.5) * 1.06


MARKET_VOLATILITY = 0.15
PENNY, NICKEL, DIME = PENNY_INCREMENTS, NICKEL_INCREMENTS, DIME_INCREMENTS

# symbol, name, kind, exchange, start, beta, own volatility, dividend, spread, quotes/s, million a day, strikes, options
Row = tuple[str, str, str, str, str, str, float, str, float, float, float, str, PriceIncrements | None]
ROWS: tuple[Row, ...] = (
    ("SPY", "SPDR S&P 500 ETF Trust", FUND, "ARCX", "600", "1", 0.01, "1.85", 0.01, 7, 62, "1", PENNY),
    ("QQQ", "Invesco QQQ Trust, Series 1", FUND, "XNAS", "525", "1.2", 0.06, "0.75", 0.01, 7, 41, "1", PENNY),
    ("IWM", "iShares Russell 2000 ETF", FUND, "ARCX", "230", "1.15", 0.11, "0.62", 0.01, 5, 31, "1", PENNY),
    ("DIA", "SPDR Dow Jones Industrial ETF", FUND, "ARCX", "435", "0.85", 0.05, "0.6", 0.04, 3, 3.4, "1", NICKEL),
    ("TLT", "iShares 20+ Year Treasury Bond ETF", FUND, "XNAS", "91", "-0.2", 0.14, "0.95", 0.01, 4, 38, "0.5", PENNY),
    ("GLD", "SPDR Gold Shares", FUND, "ARCX", "285", "0.05", 0.16, "0", 0.02, 3, 9, "1", PENNY),
    ("XLE", "Energy Select Sector SPDR Fund", FUND, "ARCX", "89", "0.7", 0.19, "0.72", 0.01, 3, 15, "0.5", NICKEL),
    ("XLF", "Financial Select Sector SPDR Fund", FUND, "ARCX", "51", "0.95", 0.1, "0.18", 0.01, 4, 40, "0.5", PENNY),
    ("EEM", "iShares MSCI Emerging Markets ETF", FUND, "ARCX", "45", "0.8", 0.11, "0.53", 0.01, 3, 26, "0.5", NICKEL),
    ("AAPL", "Apple Inc.", SHARE, "XNAS", "190", "1.15", 0.19, "0.25", 0.01, 5, 52, "1", PENNY),
    ("MSFT", "Microsoft Corporation", SHARE, "XNAS", "430", "1.05", 0.17, "0.83", 0.03, 4, 21, "2.5", PENNY),
    ("NVDA", "NVIDIA Corporation", SHARE, "XNAS", "140", "1.75", 0.36, "0.01", 0.01, 6, 210, "1", PENNY),
    ("TSLA", "Tesla, Inc.", SHARE, "XNAS", "340", "1.9", 0.47, "0", 0.04, 6, 88, "2.5", PENNY),
    ("AMZN", "Amazon.com, Inc.", SHARE, "XNAS", "205", "1.25", 0.22, "0", 0.02, 4, 38, "1", PENNY),
    ("GOOGL", "Alphabet Inc. Class A", SHARE, "XNAS", "175", "1.1", 0.21, "0.2", 0.02, 4, 26, "1", PENNY),
    ("META", "Meta Platforms, Inc. Class A", SHARE, "XNAS", "580", "1.25", 0.26, "0.5", 0.08, 4, 13, "2.5", PENNY),
    ("AMD", "Advanced Micro Devices, Inc.", SHARE, "XNAS", "135", "1.7", 0.36, "0", 0.02, 5, 45, "1", PENNY),
    ("INTC", "Intel Corporation", SHARE, "XNAS", "24", "1.05", 0.4, "0", 0.01, 3, 60, "0.5", PENNY),
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
    ("XOM", "Exxon Mobil Corporation", SHARE, "XNYS", "118", "0.7", 0.2, "0.99", 0.01, 3, 14, "1", NICKEL),
    ("WMT", "Walmart Inc.", SHARE, "XNYS", "90", "0.6", 0.16, "0.21", 0.01, 3, 15, "1", NICKEL),
    ("BA", "The Boeing Company", SHARE, "XNYS", "155", "1.3", 0.3, "0", 0.05, 3, 8, "2.5", NICKEL),
    ("BRK.B", "Berkshire Hathaway Inc. Class B", SHARE, "XNYS", "470", "0.75", 0.1, "0", 0.09, 3, 3.8, "2.5", None),
    ("PFE", "Pfizer Inc.", SHARE, "XNYS", "26", "0.6", 0.22, "0.42", 0.01, 3, 34, "0.5", NICKEL),
    ("UBER", "Uber Technologies, Inc.", SHARE, "XNYS", "71", "1.3", 0.33, "0", 0.02, 4, 20, "1", NICKEL),
    ("COIN", "Coinbase Global, Inc. Class A", SHARE, "XNAS", "300", "2.1", 0.68, "0", 0.25, 4, 12, "5", NICKEL),
    ("VIX", "Cboe Volatility Index", INDEX, "XCBO", "15.8", "-6", 0.35, "0", 0.0, 2, 0, "0.5", None),
    ("SPX", "S&P 500 Index", INDEX, "XCBO", "6000", "1", 0.002, "0", 0.0, 5, 0, "5", None),
)  # fmt: skip


def characters() -> list[Character]:
    """The whole cast, in the order in which it is moved."""
    return [_character(row) for row in ROWS]


def _character(row: Row) -> Character:
    symbol, name, kind, exchange, start, beta, own, dividend, spread, rate, millions, step, options = row
    instrument: Instrument = Index(symbol) if kind == INDEX else Equity(symbol)
    listing = Listing(
        instrument=instrument,
        description=name,
        exchange=exchange,
        increments=INDEX_INCREMENTS if kind == INDEX else SHARE_INCREMENTS,
        option_increments=options,
        is_etf=kind == FUND,
        is_index=kind == INDEX,
        beta=Decimal(beta),
        dividend=Decimal(dividend),
    )
    volume = int(millions * 1_000_000)
    return Character(listing, float(start), float(beta), own, spread, rate, volume, Decimal(step))
