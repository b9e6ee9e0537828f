"""What options are worth: formulas against trees and slopes, the surface against arbitrage, many against one."""

from itertools import pairwise, product
from math import exp, log, sqrt

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from brokers.simulator.market.options import surface
from brokers.simulator.market.options.strips import Strip, greeks_of_strip
from brokers.simulator.market.options.surface import Smile, Term, cut, fear_index
from brokers.simulator.market.pricing import RATE, greeks, implied_volatility, value

SMILES = (surface.EQUITY, surface.INDEX, surface.FLAT, surface.UPWARD)
TERMS = (Term(0.15, 0.15), Term(0.45, 0.18), Term(0.1, 0.3), Term(0.3, 0.35, ((0.1, 0.004), (0.35, 0.004))))

spots = st.floats(20, 400)
near = st.floats(0.6, 1.6)
lives = st.floats(0.003, 3)
volatilities = st.floats(0.08, 1.2)
growths = st.sampled_from((0.0, 0.02, RATE, -0.02))


def tree(spot: float, strike: float, years: float, volatility: float, growth: float, is_call: bool) -> float:
    """An American option by a binomial tree of 500 steps."""
    steps, side = 500, 1 if is_call else -1
    pause = years / steps
    up = exp(volatility * sqrt(pause))
    chance, discount = (exp(growth * pause) - 1 / up) / (up - 1 / up), exp(-RATE * pause)
    worth = np.maximum(side * (spot * up ** np.arange(steps, -steps - 1, -2.0) - strike), 0)
    for step in range(steps - 1, -1, -1):
        prices = spot * up ** np.arange(step, -step - 1, -2.0)
        waiting = discount * (chance * worth[:-1] + (1 - chance) * worth[1:])
        worth = np.maximum(waiting, side * (prices - strike))
    return float(worth[0])


def test_a_european_call_has_the_price_that_the_formula_gives_by_hand():
    # d1 = (ln 1.05 + 0.06 / 2) / 0.14142 = 0.5571, d2 = 0.4157: 42 N(d1) - 39.208 N(d2) = 29.876 - 25.925
    assert value(42.0, 40.0, 0.5, 0.2, RATE, True, american=False) == pytest.approx(3.95, abs=0.01)


@pytest.mark.parametrize("is_call", [True, False])
@pytest.mark.parametrize("growth", [RATE, 0.02, 0.0])
def test_american_prices_are_those_of_a_tree(growth, is_call):
    for spot, years, volatility in product((80.0, 95.0, 100.0, 105.0, 130.0), (0.05, 0.25, 1.0), (0.15, 0.3, 0.7)):
        found = value(spot, 100.0, years, volatility, growth, is_call)
        assert found == pytest.approx(tree(spot, 100.0, years, volatility, growth, is_call), rel=0.006, abs=0.05)


@given(spots, near, lives, volatilities, growths, st.booleans())
def test_an_american_option_is_worth_what_a_european_is_at_least_and_what_exercise_brings(
    spot, share, years, volatility, growth, is_call
):
    strike = spot * share
    american = value(spot, strike, years, volatility, growth, is_call)
    assert american >= value(spot, strike, years, volatility, growth, is_call, american=False) - 1e-9
    assert american >= (spot - strike) * (1 if is_call else -1)


@given(spots, near, lives, volatilities, growths)
def test_calls_and_puts_of_europe_are_at_parity(spot, share, years, volatility, growth):
    strike = spot * share
    call, put = (value(spot, strike, years, volatility, growth, is_call, american=False) for is_call in (True, False))
    assert call - put == pytest.approx(exp(-RATE * years) * (spot * exp(growth * years) - strike), abs=1e-8)


@given(spots, near, lives, volatilities, growths)
def test_calls_and_puts_of_america_keep_within_their_bounds(spot, share, years, volatility, growth):
    strike = spot * share
    call, put = (value(spot, strike, years, volatility, growth, is_call) for is_call in (True, False))
    slack = 0.005 * spot  # the early exercise premium is an approximation
    highest = spot * max(1.0, exp((growth - RATE) * years)) - strike * exp(-RATE * years)
    lowest = spot * min(1.0, exp((growth - RATE) * years)) - strike
    assert lowest - slack <= call - put <= highest + slack


@given(spots, near, st.floats(0.02, 2), volatilities, growths, st.booleans(), st.booleans())
def test_greeks_are_the_slopes_of_the_price(spot, share, years, volatility, growth, is_call, american):
    strike = spot * share
    found = greeks(spot, strike, years, volatility, growth, is_call, american)
    assume(abs(found.delta) < 0.999)  # at the critical price the slopes have a corner

    def price(spot=spot, years=years, volatility=volatility):
        return value(spot, strike, years, volatility, growth, is_call, american)

    step = spot / 1000
    scale = max(1.0, spot / 100)
    assert found.price == price()
    assert found.delta == pytest.approx((price(spot + step) - price(spot - step)) / (2 * step), abs=2e-3)
    later = (price(years=years - 1e-5) - price(years=years + 1e-5)) / 2e-5 / 365
    assert found.theta == pytest.approx(later, abs=4e-3 * scale)
    wilder = (price(volatility=volatility + 1e-4) - price(volatility=volatility - 1e-4)) / 0.02
    assert found.vega == pytest.approx(wilder, abs=4e-3 * scale)


@given(spots, near, lives, volatilities, growths, st.booleans(), st.booleans())
def test_the_volatility_found_from_a_price_is_the_one_it_was_made_with(
    spot, share, years, volatility, growth, is_call, american
):
    strike = spot * share
    found = greeks(spot, strike, years, volatility, growth, is_call, american)
    assume(found.vega > spot * 1e-5)  # else the price tells nothing of it
    assume(found.price > (spot - strike) * (1 if is_call else -1) + 1e-3)
    again = implied_volatility(found.price, spot, strike, years, growth, is_call, american)
    assert again == pytest.approx(volatility, abs=1e-5)


def test_a_price_below_exercise_has_no_volatility():
    assert implied_volatility(4.0, 110.0, 100.0, 0.5, RATE, True) is None
    assert implied_volatility(120.0, 110.0, 100.0, 0.5, RATE, True) is None


@settings(max_examples=30)
@given(st.lists(st.tuples(spots, near, lives, volatilities, growths, st.booleans(), st.booleans()), min_size=1))
def test_many_at_once_are_priced_as_each_alone(rows):
    columns = list(zip(*rows, strict=True))
    spot, share, years, volatility, growth = (np.array(column, dtype=float) for column in columns[:5])
    side, american = np.where(columns[5], 1.0, -1.0), np.array(columns[6], dtype=bool)
    found = greeks_of_strip(Strip(spot, spot * share, years, volatility, growth, side), american)
    names = ("price", "volatility", "delta", "gamma", "theta", "vega", "rho")
    for n, row in enumerate(rows):
        one = greeks(row[0], row[0] * row[1], *row[2:])
        for name, column in zip(names, found, strict=True):
            assert column[n] == pytest.approx(getattr(one, name), abs=1e-9, rel=1e-9), name


@pytest.mark.parametrize("smile", SMILES)
@pytest.mark.parametrize("term", TERMS)
def test_the_surface_has_no_butterfly_below_nothing(smile: Smile, term: Term):
    for years in (1 / 365, 7 / 365, 30 / 365, 0.5, 2.0):
        shape = cut(term, smile, years)
        strikes = [100 * exp(n * 0.05 * sqrt(shape.theta)) for n in range(-80, 81)]
        calls = [forward_call(strike, shape.volatility(log(strike / 100)), years) for strike in strikes]
        slopes = [(b - a) / (k2 - k1) for (k1, a), (k2, b) in pairwise(zip(strikes, calls, strict=True))]
        assert all(-1 - 1e-9 <= slope <= 1e-9 for slope in slopes)
        assert all(later >= earlier - 1e-7 for earlier, later in pairwise(slopes))


@pytest.mark.parametrize("smile", SMILES)
@pytest.mark.parametrize("term", TERMS)
def test_the_surface_has_no_calendar_spread_below_nothing(smile: Smile, term: Term):
    lives = [n / 365 for n in (1, 2, 5, 10, 20, 40, 90, 180, 365, 730, 1500)]
    for moneyness in (-0.5, -0.2, -0.05, 0.0, 0.05, 0.2, 0.5):
        totals = [cut(term, smile, years).volatility(moneyness) ** 2 * years for years in lives]
        assert all(far >= soon - 1e-12 for soon, far in pairwise(totals))


def test_lower_strikes_cost_more_volatility_where_crashes_are_feared():
    index, fear = cut(TERMS[0], surface.INDEX, 30 / 365), cut(TERMS[0], surface.UPWARD, 30 / 365)
    assert index.volatility(-0.05) > index.volatility(0.0) > index.volatility(0.03)
    assert fear.volatility(-0.05) < fear.volatility(0.0) < fear.volatility(0.05)


def test_volatility_falls_back_after_a_report():
    term = Term(0.3, 0.3, ((10 / 365, 0.05**2),))
    before, after = cut(term, surface.EQUITY, 9 / 365), cut(term, surface.EQUITY, 11 / 365)
    assert after.volatility(0.0) > before.volatility(0.0) + 0.05


def test_the_fear_index_is_the_price_of_the_strip_of_options():
    term = Term(0.16, 0.18)
    years, shape = 30 / 365, cut(term, surface.INDEX, 30 / 365)
    strikes = np.exp(np.linspace(-8, 8, 4001) * sqrt(shape.theta)) * 100
    total = 0.0
    for low, high in pairwise(strikes):
        strike = (low + high) / 2
        volatility = shape.volatility(log(strike / 100))
        total += value(100.0, strike, years, volatility, 0.0, strike > 100, american=False) / strike**2 * (high - low)
    expected = 100 * sqrt(2 * exp(RATE * years) * total / years)
    assert fear_index(term) == pytest.approx(expected, rel=2e-3)
    assert 16 < fear_index(term) < 20


def forward_call(strike: float, volatility: float, years: float) -> float:
    return value(100.0, strike, years, volatility, 0.0, True, american=False) * exp(RATE * years)
