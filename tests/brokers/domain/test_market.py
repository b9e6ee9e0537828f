"""Fair prices and the tick grid."""

from decimal import Decimal

import pytest

from brokers.domain.market import PriceIncrements, fair_price

EQUITY = PriceIncrements(((Decimal(1), Decimal("0.0001")), (None, Decimal("0.01"))))
PENNY_PILOT = PriceIncrements(((Decimal(3), Decimal("0.01")), (None, Decimal("0.05"))))


@pytest.mark.parametrize(
    ("bid", "ask", "mark", "last", "fair"),
    [
        ("1.00", "1.10", "9", "9", "1.05"),
        ("0", "0.05", None, None, "0.025"),
        (None, "1.10", "1.07", "9", "1.07"),
        ("1.20", "1.10", None, "1.15", "1.15"),
        ("0", "0", None, None, None),
        (None, None, None, None, None),
    ],
)
def test_a_holding_is_valued_by_the_best_that_is_known(
    bid: str | None, ask: str | None, mark: str | None, last: str | None, fair: str | None
) -> None:
    numbers = [None if text is None else Decimal(text) for text in (bid, ask, mark, last)]
    assert fair_price(*numbers) == (None if fair is None else Decimal(fair))


def test_the_increment_follows_the_price() -> None:
    assert EQUITY.at(Decimal("0.5")) == Decimal("0.0001")
    assert EQUITY.at(Decimal(1)) == Decimal("0.01")
    assert PENNY_PILOT.at(Decimal("-2.99")) == Decimal("0.01")


def test_a_price_off_the_grid_does_not_fit() -> None:
    assert PENNY_PILOT.fits(Decimal("2.99"))
    assert PENNY_PILOT.fits(Decimal("3.05"))
    assert not PENNY_PILOT.fits(Decimal("3.01"))
