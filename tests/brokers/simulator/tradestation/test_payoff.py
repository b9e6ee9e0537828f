from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.simulator.tradestation.payoff import Payoff, Piece, chance

STRIKES = st.integers(1, 400).map(lambda n: D(n) / 2)
PIECES = st.builds(Piece, st.sampled_from(["call", "put", "unit"]), st.integers(-3, 3).filter(bool).map(D), STRIKES)


def test_a_bought_call_gains_without_limit_and_loses_what_it_cost() -> None:
    payoff = Payoff((Piece("call", D(100), D(150)),), D(24))
    assert payoff.most is None
    assert payoff.least == D(-24)
    assert payoff.zeros() == [D("150.24")]


def test_a_sold_call_loses_without_limit() -> None:
    payoff = Payoff((Piece("call", D(-100), D(150)),), D(-24))
    assert payoff.least is None
    assert payoff.most == D(24)


def test_a_condor_gains_between_two_prices() -> None:
    legs = (
        Piece("put", D(1), D(80)),
        Piece("put", D(-1), D(90)),
        Piece("call", D(-1), D(100)),
        Piece("call", D(1), D(110)),
    )
    payoff = Payoff(legs, D(-4))
    assert (payoff.most, payoff.least) == (D(4), D(-6))
    assert payoff.zeros() == [D(86), D(104)]
    assert list(payoff.gains()) == [(D(86), D(104))]


@given(st.lists(PIECES, min_size=1, max_size=5), st.integers(-50, 50).map(D), st.integers(0, 500).map(D))
def test_no_price_gains_more_or_loses_more_than_the_payoff_says(pieces: list[Piece], cost: D, price: D) -> None:
    payoff = Payoff(tuple(pieces), cost)
    if payoff.most is not None:
        assert payoff.at(price) <= payoff.most
    if payoff.least is not None:
        assert payoff.at(price) >= payoff.least


@given(
    st.lists(PIECES, min_size=1, max_size=5), st.integers(-50, 50).map(D), st.integers(1, 999).map(lambda n: D(n) / 2)
)
def test_a_price_gains_exactly_within_the_ranges_of_gain(pieces: list[Piece], cost: D, price: D) -> None:
    payoff = Payoff(tuple(pieces), cost)
    inside = any(low < price and (high is None or price < high) for low, high in payoff.gains())
    worth = payoff.at(price)
    assert abs(worth) < D("1e-20") or inside is (worth > 0)


def test_chances_of_a_straddle_and_its_opposite_add_up_to_one() -> None:
    legs = (Piece("call", D(1), D(100)), Piece("put", D(1), D(100)))
    sold = tuple(Piece(each.kind, -each.quantity, each.strike) for each in legs)
    uniform = lambda level: min(float(level) / 200, 1.0)  # noqa: E731
    bought_wins, sold_wins = chance(Payoff(legs, D(10)), uniform), chance(Payoff(sold, D(-10)), uniform)
    assert bought_wins == pytest.approx(0.9)
    assert bought_wins + sold_wins == pytest.approx(1)
