"""Out is to a later day, though two kinds of options end on one day."""

from datetime import date
from decimal import Decimal

import pytest

from brokers.domain.instruments import Option, Right
from brokers.domain.market import Expiration, PriceIncrements, Strike
from brokers.models import Account
from trading.drafting import chains
from trading.tickets import InvalidTicket

FIRST, SECOND = date(2026, 12, 18), date(2027, 1, 15)


def expiration(expiry: date, root: str) -> Expiration:
    strikes = [Strike(Decimal(at), call(expiry, root, at), None) for at in (6800, 6850)]
    return Expiration(expiry, "regular", "PM", root, Decimal(100), PriceIncrements(()), tuple(strikes))


def call(expiry: date, root: str, strike: int = 6800) -> Option:
    return Option(root, expiry, Right.CALL, Decimal(strike))


@pytest.fixture(autouse=True)
def _listed(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = {chains.name_of(each): each for each in (
        expiration(FIRST, "SPX"), expiration(FIRST, "SPXW"), expiration(SECOND, "SPX"), expiration(SECOND, "SPXW"),
    )}  # fmt: skip
    monkeypatch.setattr(chains, "underlying_of", lambda *_: "$SPX")
    monkeypatch.setattr(chains, "expirations_on", lambda *_: tuple(listed.values()))
    monkeypatch.setattr(chains, "expiration_on", lambda _account, _underlying, name: listed.get(name))


@pytest.mark.parametrize("root", ["SPX", "SPXW"])
def test_a_later_day_and_of_two_kinds_its_own(root: str) -> None:
    assert chains.rolled_out(Account(), call(FIRST, root)) == call(SECOND, root)


def test_the_next_in_the_list_is_no_later_day() -> None:
    """What rolling out is not: the step from one row of the list to the next."""
    assert chains.next_expiry(Account(), call(FIRST, "SPX"), 1).expiry == FIRST


def test_the_last_cannot_be_rolled_out() -> None:
    with pytest.raises(InvalidTicket, match="no later"):
        chains.rolled_out(Account(), call(SECOND, "SPX"))
