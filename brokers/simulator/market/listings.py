"""What is listed, and how its prices are written."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from brokers.domain.instruments import Instrument
from brokers.domain.market import PriceIncrements

CENT = Decimal("0.01")
SHARE_INCREMENTS = PriceIncrements(((Decimal(1), Decimal("0.0001")), (None, CENT)))
INDEX_INCREMENTS = PriceIncrements(((None, CENT),))
CRYPTO_INCREMENTS = PriceIncrements(((None, CENT),))
PENNY_INCREMENTS = PriceIncrements(((None, CENT),))
NICKEL_INCREMENTS = PriceIncrements(((Decimal(3), CENT), (None, Decimal("0.05"))))
DIME_INCREMENTS = PriceIncrements(((Decimal(3), Decimal("0.05")), (None, Decimal("0.10"))))


@dataclass(frozen=True, slots=True)
class Listing:
    """``exchange`` is a MIC; ``multiplier`` dollars per point of one unit; ``dividend`` dollars a share and quarter.

    ``option_increments`` is None where no options are listed; ``underlying`` and ``expires_at`` are None except for
    derivatives. ``borrow`` says how easily shares are lent to short sellers.
    """

    instrument: Instrument
    description: str
    exchange: str
    increments: PriceIncrements
    option_increments: PriceIncrements | None = None
    is_etf: bool = False
    is_index: bool = False
    multiplier: Decimal = Decimal(1)
    underlying: Instrument | None = None
    beta: Decimal = Decimal(1)
    dividend: Decimal = Decimal(0)
    currency: str = "USD"
    borrow: Literal["easy", "hard"] = "easy"
    expires_at: datetime | None = None

    @property
    def has_options(self) -> bool:
        return self.option_increments is not None

    @property
    def symbol(self) -> str:
        """The bare ticker: an index without its dollar sign."""
        return str(self.instrument).removeprefix("$")
