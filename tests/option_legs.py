"""Legs for the tests of analytics."""

from datetime import date, datetime, timezone
from decimal import Decimal

from brokers.domain.instruments import Equity, Option, Right
from trading.analytics import AnalyticLeg, settle_moment

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=timezone.utc)
NEAR, FAR = date(2026, 12, 18), date(2027, 1, 15)


def option(
    strike: str, right: str, quantity: int, price: str | None = None, iv: float | None = 0.2, expiry: date = NEAR
) -> AnalyticLeg:
    return AnalyticLeg(
        instrument=Option("SPY", expiry, Right(right), Decimal(strike)),
        signed_quantity=Decimal(quantity),
        multiplier=Decimal(100),
        price=Decimal(price) if price is not None else None,
        iv=iv,
        settles_at=settle_moment(expiry),
    )


def shares(quantity: int, price: str | None = "600") -> AnalyticLeg:
    return AnalyticLeg(Equity("SPY"), Decimal(quantity), Decimal(1), Decimal(price) if price is not None else None)
