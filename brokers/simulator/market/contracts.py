"""What a futures exchange lists: products, their delivery months, the options on them."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from brokers.domain.instruments import MONTH_CODES, Future, FutureOption, Index
from brokers.domain.market import PriceIncrements

Kind = Literal["regular", "weekly", "quarterly", "end_of_month"]


@dataclass(frozen=True, slots=True)
class OptionProduct:
    """A series of options on futures. ``rule`` names the calendar by which it ends (see ``months.py``)."""

    code: str
    product: str
    kind: Kind
    rule: str
    months: str
    listed: int
    increments: PriceIncrements
    strike_steps: tuple[float, float, float]
    description: str = ""
    style: Literal["American", "European"] = "American"
    cash_settled: bool = False


@dataclass(frozen=True, slots=True)
class Product:
    """A futures product. ``exchange`` is a MIC; ``multiplier`` dollars per point; margins dollars a contract.

    ``follows`` is the index whose level it settles to, None where the product has a price of its own. ``carry`` is the
    yearly slope of its curve, ``fade`` how much less (per year) the far months move than the near one; ``season`` are
    the months' factors. ``group`` is the contract whose path it shares (MES has that of ES).
    """

    code: str
    description: str
    exchange: str
    market_sector: str
    tick: PriceIncrements
    option_increments: PriceIncrements | None
    multiplier: Decimal
    months: str
    listed: int
    rule: str
    cash_settled: bool
    first_notice: bool
    initial_margin: Decimal
    maintenance_margin: Decimal
    display_factor: Decimal
    start: float
    volatility: float
    spread: int
    daily_volume: int
    carry: float = 0.0
    fade: float = 0.0
    season: tuple[float, ...] = ()
    follows: Index | None = None
    group: str = ""
    roll_days: int = 5
    options: tuple[OptionProduct, ...] = ()

    @property
    def path(self) -> str:
        """The code of the product whose price path this one has."""
        return self.group or self.code


@dataclass(frozen=True, slots=True)
class Contract:
    """One delivery month. It trades until ``last_trade_at`` and settles at ``expires_at``.

    ``active_month`` is the one most trade now; it passes on some days before the end, or before first notice.
    """

    future: Future
    product: Product
    last_trade_at: datetime
    expires_at: datetime
    first_notice_date: date | None
    active_month: bool
    next_active_month: bool

    @property
    def description(self) -> str:
        return f"{self.product.description} {date(self.future.year, self.future.month, 1):%b %Y}"


@dataclass(frozen=True, slots=True)
class FutureStrike:
    price: Decimal
    call: FutureOption
    put: FutureOption


@dataclass(frozen=True, slots=True)
class FutureExpiration:
    """The options of one series that end on one day; ``contract`` is their code with the month: ``EW3Z26``."""

    future: Future
    product: Product
    option_product: OptionProduct
    contract: str
    expiry: date
    expires_at: datetime
    kind: Kind
    increments: PriceIncrements
    strikes: tuple[FutureStrike, ...] = field(repr=False)


def option_contract(code: str, year: int, month: int) -> str:
    """The code of a series with its month: ``EW3`` and December 2026 make ``EW3Z26``."""
    return f"{code}{MONTH_CODES[month - 1]}{year % 100:02d}"
