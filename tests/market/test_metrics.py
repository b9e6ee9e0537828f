"""The desk's own volatilities: by hand, where the answer is known."""

import math
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from brokers.domain.market import Bar
from market import metrics

TODAY = date(2026, 11, 20)


def closes(*prices: float, last_is_open: bool = False) -> list[Bar]:
    start = datetime(2026, 10, 1, tzinfo=timezone.utc)
    told = [Decimal(str(price)) for price in prices]
    return [
        Bar(
            start + timedelta(days=number),
            price,
            price,
            price,
            price,
            is_closed=not last_is_open or number < len(told) - 1,
        )
        for number, price in enumerate(told)
    ]


def swinging(days: int) -> list[float]:
    """Up and down by one percent, in logarithms."""
    return [100 * math.exp(0.01 * (number % 2)) for number in range(days)]


def test_the_past_volatility_is_the_spread_of_daily_returns_over_a_year() -> None:
    returns = [0.01 if number % 2 == 0 else -0.01 for number in range(metrics.RETURNS)]
    mean = sum(returns) / len(returns)
    variance = sum((one - mean) ** 2 for one in returns) / (len(returns) - 1)
    found = metrics.volatility_of(closes(*swinging(metrics.RETURNS + 1)))
    assert found is not None
    assert float(found) == pytest.approx(math.sqrt(variance * 252), abs=1e-6)


def test_what_stands_still_has_none_and_what_is_too_short_is_unknown() -> None:
    assert metrics.volatility_of(closes(*[100.0] * 40)) == 0
    assert metrics.volatility_of(closes(*swinging(metrics.RETURNS))) is None
    assert metrics.volatility_of([]) is None


def test_a_day_that_is_not_over_does_not_count() -> None:
    calm = [100.0] * 30
    assert metrics.volatility_of(closes(*calm, 200.0, last_is_open=True)) == 0
    assert metrics.volatility_of(closes(*calm, 200.0)) != 0


def in_days(**volatilities: str) -> dict[date, Decimal]:
    return {TODAY + timedelta(days=int(name[1:])): Decimal(text) for name, text in volatilities.items()}


def test_the_coming_month_lies_between_the_expirations_around_it() -> None:
    found = metrics.month_ahead(in_days(d7="0.9", d20="0.2", d40="0.3", d90="0.9"), TODAY)
    assert found is not None
    assert float(found) == pytest.approx(math.sqrt((0.2**2 * 20 + 0.3**2 * 40) / 2 / 30), abs=1e-6)
    assert metrics.month_ahead(in_days(d20="0.2", d30="0.25", d40="0.3"), TODAY) == Decimal("0.25")


def test_beyond_the_expirations_nothing_is_made_up() -> None:
    assert metrics.month_ahead(in_days(d7="0.2", d20="0.2"), TODAY) is None
    assert metrics.month_ahead(in_days(d40="0.2"), TODAY) is None
    assert metrics.month_ahead({}, TODAY) is None
