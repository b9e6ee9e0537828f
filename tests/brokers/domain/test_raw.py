"""Figures as they came stand for exact numbers."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.domain.raw import digits, exact


@given(st.integers(-(10**15) + 1, 10**15 - 1), st.integers(0, 12))
def test_fifteen_digits_come_back_as_they_were_written(whole: int, places: int) -> None:
    written = Decimal(whole).scaleb(-places)
    assert exact(float(f"{written:f}")) == written
    assert Decimal(digits(float(f"{written:f}"))) == written


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e40, max_value=1e40))
def test_a_longer_number_is_the_one_that_its_sender_had(number: float) -> None:
    found = exact(number)
    assert found is not None
    assert float(found) == number
    assert float(digits(number)) == number
    assert "e" not in digits(number).lower()


@pytest.mark.parametrize(
    ("raw", "written"),
    [(600.1, "600.1"), (1e-7, "0.0000001"), (1.5e17, "150000000000000000"), (3, "3"), (Decimal("1.10"), "1.10")],
)
def test_digits_have_no_exponent(raw: float, written: str) -> None:
    assert digits(raw) == written


def test_six_places_are_not_all_there_is() -> None:
    """The sabotaged twin: what ``format`` makes of a double by itself."""
    assert f"{0.00000123:f}" != digits(0.00000123) == "0.00000123"


def test_what_is_unknown_or_exact_already_stays() -> None:
    assert exact(None) is None
    assert exact(Decimal("1.10")) == Decimal("1.1")
