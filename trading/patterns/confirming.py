"""Before an order is sent: is it far larger than usual, or does it look mistyped? Pure; the answers are soft.

The controls ask (trading/risk/habits.py); ``gathering.habits`` tells them the account's past.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median

ENOUGH_ORDERS = 10
JUMP = 10
TEN, HUNDRED = Decimal(10), Decimal(100)
NEAR = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What a person should confirm: ``field`` at fault ("" is the whole order), ``code`` stable, numbers as text."""

    field: str
    code: str
    words: str
    numbers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Last:
    """The last order in the same instrument: quantity, and unsigned price per unit where it had one."""

    quantity: Decimal
    price: Decimal | None


def size_jump(notional: Decimal | None, earlier: Sequence[Decimal]) -> Suspicion | None:
    """More than ten times the median of one's own earlier orders (dollars, unsigned); None with too few of them."""
    if notional is None or len(earlier) < ENOUGH_ORDERS:
        return None
    usual = median(earlier)
    if usual <= 0 or notional <= JUMP * usual:
        return None
    times = (notional / usual).quantize(Decimal(1))
    words = f"This order is worth ${notional:,.2f}, {times} times your usual ${usual:,.2f}. Is that what you mean?"
    return Suspicion("quantity", "SIZE_JUMP", words, {"notional": _text(notional), "usual": _text(usual)})


def fat_finger(quantity: Decimal, price: Decimal | None, last: Last | None) -> Suspicion | None:
    """A price ten times or a tenth of the last order's in the same instrument, or a hundred times its quantity."""
    if last is None:
        return None
    if price and last.price and (_is_near(price / last.price, TEN) or _is_near(last.price / price, TEN)):
        how = "ten times" if price > last.price else "a tenth of"
        words = f"The price {_text(price)} is {how} that of your last order here, {_text(last.price)}. Is it right?"
        return Suspicion("limit_price", "FAT_FINGER", words, {"price": _text(price), "last_price": _text(last.price)})
    if last.quantity > 0 and _is_near(quantity / last.quantity, HUNDRED):
        words = f"The quantity {_text(quantity)} is a hundred times that of your last order here, "
        words += f"{_text(last.quantity)}. Is it right?"
        numbers = {"quantity": _text(quantity), "last_quantity": _text(last.quantity)}
        return Suspicion("quantity", "FAT_FINGER", words, numbers)
    return None


def _is_near(ratio: Decimal, target: Decimal) -> bool:
    return abs(ratio / target - 1) <= NEAR


def _text(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
