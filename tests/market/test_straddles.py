"""Which strikes an expiration is likely to have near the money, where only another's are known."""

from datetime import date
from decimal import Decimal

import pytest

from brokers.domain.instruments import Option, Right
from brokers.domain.market import Expiration, PriceIncrements, Quote, Strike
from market import straddles
from market.straddles import both_sides, likely_strikes, with_quotes
from tests.market.test_chain_board import NOW

NEAR, FAR = date(2026, 12, 18), date(2027, 6, 18)


def listed(expiry: date, *prices: str, root: str = "SPY") -> Expiration:
    def option(price: str, right: Right) -> Option:
        return Option(root, expiry, right, Decimal(price))

    strikes = tuple(Strike(Decimal(each), option(each, Right.CALL), option(each, Right.PUT)) for each in prices)
    return Expiration(expiry, "regular", "PM", root, Decimal(100), PriceIncrements(()), strikes)


def prices(strikes: tuple[Strike, ...]) -> list[str]:
    return [f"{strike.price.normalize():f}" for strike in strikes]


ONES = [str(price) for price in range(560, 650)]
HALVES = [f"{price / 2:.1f}" for price in range(16, 34)]


@pytest.mark.parametrize(
    ("known", "price", "expected"),
    [
        (ONES, "603.7", ["600", "604", "605"]),  # next to the price, and the next multiples of 5, 10 and 25
        (ONES, "612.4", ["600", "610", "612"]),
        (HALVES, "12.3", ["12", "12.5"]),  # of a tenth of that: 0.5, 1, 2.5
        (ONES, "900", []),  # nothing of it is at the money
        ([], "603.7", []),
    ],
)
def test_the_nearest_strike_and_the_nearest_round_ones_are_likely(
    known: list[str], price: str, expected: list[str]
) -> None:
    found = likely_strikes(listed(FAR), listed(NEAR, *known), Decimal(price))
    assert prices(found) == expected
    assert all(option.expiry == FAR for option in both_sides(found))  # type: ignore[union-attr]


def test_of_a_root_of_its_own_the_options_have_that_root() -> None:
    (first, *_) = likely_strikes(listed(FAR, root="SPXW"), listed(NEAR, *ONES, root="SPX"), Decimal(604))
    assert str(first.call).startswith("SPXW")


def test_what_nobody_quotes_does_not_exist() -> None:
    each = listed(FAR, "600", "605", "625")
    call = each.strikes[1].call
    assert call is not None
    (left,) = with_quotes([each], {call: Quote(call, NOW, Decimal(1), Decimal(2))})
    assert prices(left.strikes) == ["605"]


def test_strikes_that_are_known_are_not_guessed_and_one_expiration_is_asked_for_at_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    near, far = listed(NEAR), listed(FAR)
    known = listed(FAR, "590", "603", "620")

    def expiration_on(_account: object, _underlying: str, name: str) -> Expiration:
        asked.append(name)
        return known

    monkeypatch.setattr(straddles.chains, "told_on", lambda *_: (near, far))
    monkeypatch.setattr(straddles.chains, "expiration_on", expiration_on)
    first, second = straddles.near_the_money(None, "SPY", [near, far], Decimal("603.7"))  # type: ignore[arg-type]
    assert asked == ["2027-06-18-SPY"]
    assert prices(second.strikes) == ["603"]
    assert prices(first.strikes) == ["590", "603"]
    monkeypatch.setattr(straddles.chains, "told_on", lambda *_: (near, known))
    straddles.near_the_money(None, "SPY", [near, far], Decimal("603.7"))  # type: ignore[arg-type]
    assert len(asked) == 1
