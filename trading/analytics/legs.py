"""The legs of an order or a holding as analytics sees them, and the marker for a gain or loss without an end."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timezone
from decimal import Decimal
from enum import Enum
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from brokers.domain.instruments import Future, FutureOption, Instrument, Option, Right

EXCHANGE_TIME = ZoneInfo("America/New_York")
SETTLES = {"AM": time(9, 30), "PM": time(16, 0)}
YEAR = 365 * 86400.0
SHORTEST = 60 / YEAR
ZERO = Decimal(0)


class Bound(Enum):
    UNLIMITED = "unlimited"


UNLIMITED: Final = Bound.UNLIMITED
Amount: TypeAlias = Decimal | Bound | None
"""Dollars from the account's side; ``UNLIMITED`` has no end, None is unknown."""


@dataclass(frozen=True, slots=True)
class AnalyticLeg:
    """One instrument of an order. ``signed_quantity``: long positive. ``multiplier``: dollars per point and unit.

    ``price`` is what one unit is bought or sold at, unsigned, None unknown. ``iv`` is a fraction a year; without it the
    price tells. ``settles_at`` is when an option's price is fixed, None for what does not expire.
    """

    instrument: Instrument
    signed_quantity: Decimal
    multiplier: Decimal
    price: Decimal | None = None
    iv: float | None = None
    settles_at: datetime | None = None

    @property
    def size(self) -> Decimal:
        """Signed dollars per point."""
        return self.signed_quantity * self.multiplier

    @property
    def is_option(self) -> bool:
        return isinstance(self.instrument, Option | FutureOption)

    @property
    def is_future(self) -> bool:
        return isinstance(self.instrument, Future)

    @property
    def strike(self) -> Decimal:
        return self.instrument.strike if isinstance(self.instrument, Option | FutureOption) else ZERO

    @property
    def side(self) -> int:
        """+1 for a call, −1 for a put, 0 for what is no option."""
        if not isinstance(self.instrument, Option | FutureOption):
            return 0
        return 1 if self.instrument.right is Right.CALL else -1

    def years(self, at: datetime) -> float:
        """Years of 365 days till it settles, never less than a minute; 0.0 for what does not expire."""
        if self.settles_at is None:
            return 0.0
        return max((self.settles_at - at).total_seconds() / YEAR, SHORTEST)

    def intrinsic(self, underlying: Decimal) -> Decimal:
        """What exercise brings for one unit; of a share or future, its price."""
        if not self.is_option:
            return underlying
        return max(self.side * (underlying - self.strike), ZERO)


def settle_moment(expiry: date, settlement: str = "PM") -> datetime:
    """When an option's price is fixed: the open (AM) or the close (PM) of its day in New York. UTC."""
    return datetime.combine(expiry, SETTLES[settlement], EXCHANGE_TIME).astimezone(timezone.utc)


def price_size(legs: Sequence[AnalyticLeg]) -> Decimal:
    """Dollars per point of an order's net price: 100 for one vertical, 200 for two, 100 for 100 shares with a call."""
    sizes = [abs(leg.size) for leg in legs]
    if len(sizes) == 1 or any(size % 1 for size in sizes):
        return min(sizes)
    return Decimal(math.gcd(*(int(size) for size in sizes)))


def cash(legs: Sequence[AnalyticLeg], net_price: Decimal | None = None) -> Decimal | None:
    """Dollars in (positive) or out for the whole order, without fees; None where a price is missing or a future is in
    it, for a future is not paid for but margined."""
    if any(leg.is_future for leg in legs):
        return None
    return entry(legs, net_price)


def entry(legs: Sequence[AnalyticLeg], net_price: Decimal | None) -> Decimal | None:
    """What profit is counted from: dollars from the account's side as if all legs were paid in full."""
    if net_price is not None:
        return net_price * price_size(legs)
    total = ZERO
    for leg in legs:
        if leg.price is None:
            return None
        total -= leg.size * leg.price
    return total
