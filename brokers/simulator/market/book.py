"""What is shown of one instrument at one moment: touch, last trade, the day's figures, Greeks."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from brokers.domain.instruments import Instrument


@dataclass(slots=True)
class GreekValues:
    """Per unit of the option: theta a calendar day, vega and rho per percentage point; volatility 0.25 is 25 %."""

    price: float
    volatility: float
    delta: float
    gamma: float
    theta: float
    vega: float
    rho: float


@dataclass(slots=True)
class Book:
    """Prices on the tick grid; sizes in shares or contracts. A bid of 0 means nobody bids (its size is 0).

    An index has neither bid nor ask. ``version`` grows with each change; sizes are shown once per version.
    ``last_at`` is when it last traded, ``extended`` that this was outside regular hours, ``tick`` whether that was
    above (+1) or below (-1) the trade before. ``open``, ``high``, ``low``, ``volume`` and ``vwap`` are the trading
    day's so far; ``close`` is its official close once there is one, ``prev_close`` that of the day before.
    """

    instrument: Instrument
    at: datetime
    bid: Decimal | None
    ask: Decimal | None
    bid_size: int
    ask_size: int
    last: Decimal | None
    last_size: int
    open: Decimal | None
    high: Decimal | None
    low: Decimal | None
    prev_close: Decimal | None
    volume: int
    open_interest: int | None = None
    greeks: GreekValues | None = None
    version: int = 0
    last_at: datetime | None = None
    tick: int = 0
    vwap: Decimal | None = None
    prev_volume: int | None = None
    extended: bool = False
    close: Decimal | None = None

    @property
    def mark(self) -> Decimal | None:
        """The middle of the touch, else the last trade."""
        if self.bid is not None and self.ask is not None:
            return (self.bid + self.ask) / 2
        return self.last


@dataclass(frozen=True, slots=True)
class Print:
    """One trade: ``side`` is +1 at the ask, -1 at the bid, 0 in between; ``sequence`` numbers all trades."""

    instrument: Instrument
    at: datetime
    price: Decimal
    size: int
    bid: Decimal | None
    ask: Decimal | None
    side: int
    extended: bool
    sequence: int
