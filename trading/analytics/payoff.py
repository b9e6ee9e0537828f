"""The pay-off at expiry, exactly: legs of one expiration make a line that bends at strikes only. Decimals.

Legs of several expirations have no such line: valuing.py estimates theirs.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal

from trading.analytics.legs import UNLIMITED, ZERO, Amount, AnalyticLeg


def has_one_expiry(legs: Sequence[AnalyticLeg]) -> bool:
    return len({leg.settles_at for leg in legs if leg.is_option}) <= 1


def profit_at(legs: Sequence[AnalyticLeg], paid: Decimal, underlying: Decimal) -> Decimal:
    """Dollars gained (positive) or lost when the options end with the underlying at a price."""
    return paid + sum((leg.size * leg.intrinsic(underlying) for leg in legs), ZERO)


def slope_above(legs: Sequence[AnalyticLeg]) -> Decimal:
    """Dollars per point above the highest strike: what has no upper end decides what is unlimited."""
    return sum((leg.size for leg in legs if leg.side >= 0), ZERO)


def kinks(legs: Sequence[AnalyticLeg]) -> list[Decimal]:
    """Where the line may bend, from 0 up."""
    return sorted({ZERO, *(leg.strike for leg in legs if leg.is_option)})


def extremes(legs: Sequence[AnalyticLeg], paid: Decimal | None) -> tuple[Amount, Amount]:
    """(best, worst) profit: at a kink, or without an end. What is unlimited is known without any price."""
    slope = slope_above(legs)
    values = [profit_at(legs, paid, price) for price in kinks(legs)] if paid is not None else []
    best: Amount = UNLIMITED if slope > 0 else max(values, default=None)
    worst: Amount = UNLIMITED if slope < 0 else min(values, default=None)
    return best, worst


def break_evens(legs: Sequence[AnalyticLeg], paid: Decimal) -> tuple[Decimal, ...]:
    """Prices at which the profit turns from one side of zero to the other, or begins or ceases to be zero."""
    corners = kinks(legs)
    corners.append(corners[-1] + 1)  # stands for all that is above
    values = [profit_at(legs, paid, price) for price in corners]
    found: set[Decimal] = set()
    for left, right, low, high in zip(corners, corners[1:], values, values[1:], strict=False):
        last = right is corners[-1]
        if low == high == 0:
            found |= {left} if last else {left, right}
        elif (low < 0 < high) or (high < 0 < low) or (last and low and (high - low) * low < 0):
            found.add(left - low * (right - left) / (high - low))
        elif low == 0 and _turns(lambda price: profit_at(legs, paid, price), left):
            found.add(left)
    return tuple(sorted(price for price in found if price > 0))


def _turns(profit: Callable[[Decimal], Decimal], price: Decimal) -> bool:
    """Whether a touch of zero at a kink changes the sign."""
    little = Decimal("0.000001")
    return price > 0 and profit(price - little) * profit(price + little) < 0
