"""The Greeks of one option as its broker tells them."""

from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal

from brokers.domain.instruments import Instrument


@dataclass(frozen=True, slots=True)
class Greeks:
    """None is unknown. Per unit of the option: theta a day, vega and rho per one percentage point; ``volatility`` is
    a fraction (0.25 is 25 %). ``as_of`` is when the desk last heard of the instrument."""

    instrument: Instrument
    as_of: datetime
    volatility: Decimal | None = None
    delta: Decimal | None = None
    gamma: Decimal | None = None
    theta: Decimal | None = None
    vega: Decimal | None = None
    rho: Decimal | None = None


GREEK_FIELDS = tuple(part.name for part in fields(Greeks) if part.name not in ("instrument", "as_of"))
