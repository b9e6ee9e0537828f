"""What is known of the companies behind shares: reports, dividends, and plain facts. All follows from the seed."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from zlib import crc32

from brokers.simulator.market.listings import Listing
from brokers.simulator.market.options.expiries import friday_of, last_day
from brokers.simulator.market.sessions import is_session, next_session

Day = date
PAST_YEARS = 5
GROWTH = 1.05  # a year, of dividends and earnings
HOME_DAY = date(2026, 7, 1)  # when the plain facts hold as they stand
CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class EarningsDay:
    """A report: before the open of ``date`` or after its close. The price jumps in the night around it."""

    date: Day
    before_open: bool

    @property
    def first_session(self) -> Day:
        """The trading day whose open shows the news first."""
        return self.date if self.before_open else next_session(self.date)


@dataclass(frozen=True, slots=True)
class Earnings:
    """One quarter's report: dollars a share, ``eps`` None before it is told; the quarter ended on ``quarter_end``."""

    date: Day
    eps: Decimal | None
    estimate: Decimal
    before_open: bool
    quarter_end: Day


@dataclass(frozen=True, slots=True)
class Dividend:
    """Dollars a share, to those who hold it before ``ex_date``, paid on ``pay_date``."""

    ex_date: Day
    pay_date: Day
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Facts:
    """``shares`` outstanding; ``eps`` dollars of the last four quarters at the usual price."""

    sector: str
    industry: str
    shares: int
    eps: float


# sector, industry, shares outstanding (millions), price by earnings at the usual level (below 0: a loss)
ROWS = {
    "AAPL": ("Technology", "Consumer Electronics", 15100, 29.0),
    "MSFT": ("Technology", "Software", 7430, 35.0),
    "NVDA": ("Technology", "Semiconductors", 24500, 48.0),
    "TSLA": ("Consumer Cyclical", "Auto Manufacturers", 3210, 92.0),
    "AMZN": ("Consumer Cyclical", "Internet Retail", 10500, 41.0),
    "GOOGL": ("Communication Services", "Internet Content", 12200, 23.0),
    "META": ("Communication Services", "Internet Content", 2530, 26.0),
    "AMD": ("Technology", "Semiconductors", 1620, 62.0),
    "INTC": ("Technology", "Semiconductors", 4310, -14.0),
    "NFLX": ("Communication Services", "Entertainment", 427, 47.0),
    "CSCO": ("Technology", "Communication Equipment", 3990, 24.0),
    "PLTR": ("Technology", "Software", 2280, 210.0),
    "F": ("Consumer Cyclical", "Auto Manufacturers", 3970, 11.0),
    "GM": ("Consumer Cyclical", "Auto Manufacturers", 1100, 6.0),
    "T": ("Communication Services", "Telecom Services", 7170, 12.0),
    "KO": ("Consumer Defensive", "Beverages", 4310, 25.0),
    "DIS": ("Communication Services", "Entertainment", 1810, 38.0),
    "JPM": ("Financial Services", "Banks", 2820, 13.0),
    "BAC": ("Financial Services", "Banks", 7670, 15.0),
    "XOM": ("Energy", "Oil & Gas Integrated", 4390, 14.0),
    "WMT": ("Consumer Defensive", "Discount Stores", 8030, 37.0),
    "BA": ("Industrials", "Aerospace & Defense", 748, -12.0),
    "BRK.B": ("Financial Services", "Insurance", 2160, 16.0),
    "PFE": ("Healthcare", "Drug Manufacturers", 5670, 17.0),
    "UBER": ("Technology", "Software", 2110, 34.0),
    "COIN": ("Financial Services", "Capital Markets", 250, 50.0),
    "GME": ("Consumer Cyclical", "Specialty Retail", 447, 120.0),
    "MSTR": ("Technology", "Software", 240, -40.0),
    "SOFI": ("Financial Services", "Credit Services", 1090, 130.0),
    "NKE": ("Consumer Cyclical", "Footwear & Accessories", 1490, 22.0),
}
UNKNOWN = ("Industrials", "Conglomerates", 500, 20.0)


def facts(listing: Listing, level: float) -> Facts | None:
    """What is known of a company, given the usual price of its share; None for funds and indexes."""
    if listing.is_etf or listing.is_index:
        return None
    sector, industry, millions, multiple = ROWS.get(listing.symbol, UNKNOWN)
    return Facts(sector, industry, millions * 1_000_000, level / multiple)


@lru_cache(maxsize=4096)
def earnings_days(symbol: str, seed: int, year: int) -> tuple[EarningsDay, ...]:
    """The four report days of a company in a year, ascending. The caller asks only for shares, not for funds."""
    noise = crc32(f"{symbol}:{seed}".encode())
    first, early = 12 + noise % 24, bool(noise >> 8 & 1)
    return tuple(EarningsDay(_report(symbol, seed, year, month, first), early) for month in (1, 4, 7, 10))


@lru_cache(maxsize=1024)
def earnings_move(symbol: str, seed: int) -> float:
    """The standard deviation of the log move after a report: 3 % to 7.5 %."""
    return 0.03 + 0.045 * (crc32(f"move:{symbol}:{seed}".encode()) % 1000) / 1000


def earnings(symbol: str, seed: int, today: date, yearly: float) -> list[Earnings]:
    """Past reports and the next expected, the latest first. ``yearly`` is what it earns a share at home."""
    days = [day for year in range(today.year - PAST_YEARS, today.year + 2) for day in earnings_days(symbol, seed, year)]
    ahead = next(n for n, day in enumerate(days) if day.date >= today)
    return [_told(symbol, seed, day, today, yearly) for day in reversed(days[: ahead + 1])]


def _told(symbol: str, seed: int, day: EarningsDay, today: date, yearly: float) -> Earnings:
    usual = yearly / 4 * GROWTH ** ((day.date - HOME_DAY).days / 365)
    noise = crc32(f"eps:{symbol}:{seed}:{day.date}".encode())
    estimate = usual * (1 + 0.1 * (noise % 1000 / 1000 - 0.5))
    surprise = abs(estimate) * 0.12 * (noise // 1000 % 1000 / 1000 - 0.42)
    eps = None if day.date >= today else _cents(estimate + surprise)
    quarter = date(day.date.year, (day.date.month - 1) // 3 * 3 + 1, 1)
    return Earnings(day.date, eps, _cents(estimate), day.before_open, quarter - timedelta(days=1))


def _report(symbol: str, seed: int, year: int, month: int, first: int) -> date:
    wobble = crc32(f"{symbol}:{seed}:{year}:{month}".encode()) % 4
    day = date(year, month, 1) + timedelta(days=first + wobble)
    while not (is_session(day) and day.weekday() < 4):
        day += timedelta(days=1)
    return day


def dividends(listing: Listing, seed: int, today: date) -> list[Dividend]:
    """Past dividends and the next one, the latest ex date first; none where none are paid."""
    if not listing.dividend:
        return []
    years = range(today.year - PAST_YEARS, today.year + 2)
    dates = [pair for year in years for pair in dividend_dates(listing.symbol, listing.is_etf, seed, year)]
    ahead = next(n for n, (ex_date, _) in enumerate(dates) if ex_date > today)
    return [Dividend(ex, pay, _raised(listing.dividend, ex.year)) for ex, pay in reversed(dates[: ahead + 1])]


@lru_cache(maxsize=4096)
def dividend_dates(symbol: str, is_fund: bool, seed: int, year: int) -> tuple[tuple[date, date], ...]:
    """Ex dates and pay dates of a year, ascending: funds with the quarter's third Friday, shares as each does."""
    noise = crc32(f"dividend:{symbol}:{seed}".encode())
    if is_fund:
        ex_dates = [last_day(friday_of(year, month, 3)) for month in (3, 6, 9, 12)]
    else:
        first = 1 + noise % 3
        ex_dates = [last_day(date(year, month, 6 + noise // 3 % 16)) for month in range(first, 13, 3)]
    return tuple((ex_date, last_day(ex_date + timedelta(days=14 + noise // 100 % 14))) for ex_date in ex_dates)


@lru_cache(maxsize=4096)
def _raised(amount: Decimal, year: int) -> Decimal:
    """What a dividend is or was in a year: it is raised each January."""
    return max(CENT, (amount * Decimal(str(GROWTH)) ** (year - HOME_DAY.year)).quantize(CENT))


def _cents(dollars: float) -> Decimal:
    return Decimal(str(round(dollars, 2))).quantize(CENT)
