"""Black-Scholes, Black-76 and implied volatility: known values, parity, a slower way of counting, round trips."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.analytics import black_76, black_scholes, implied_volatility
from trading.analytics.pricing import normal

spots = st.floats(5, 5000)
moneyness = st.floats(0.5, 2.0)
years = st.floats(0.01, 3)
volatilities = st.floats(0.05, 1.5)
rates = st.floats(-0.02, 0.08)


def test_the_normal_distribution_agrees_with_the_standard_librarys() -> None:
    points = np.linspace(-12, 12, 2401)
    exact = np.array([0.5 * math.erfc(-x / math.sqrt(2)) for x in points])
    assert np.max(np.abs(normal(points) - exact)) < 1e-14
    tail = points < -3
    assert np.max(np.abs(normal(points)[tail] / exact[tail] - 1)) < 1e-6


def test_known_values_of_black_scholes() -> None:
    """Hull, Options, Futures and Other Derivatives, 15.6: call 4.76, put 0.81."""
    known = (42, 40, 0.5, 0.20)
    assert float(black_scholes(*known, 1, 0.10).price) == pytest.approx(4.7594, abs=5e-5)
    assert float(black_scholes(*known, -1, 0.10).price) == pytest.approx(0.8086, abs=5e-5)


def test_known_values_of_the_greeks() -> None:
    """Hull, chapter 19: delta 0.522, gamma 0.066, vega 12.1, theta −4.31 a year, rho 8.91."""
    found = black_scholes(49, 50, 0.3846, 0.20, 1, 0.05)
    assert float(found.delta) == pytest.approx(0.522, abs=5e-4)
    assert float(found.gamma) == pytest.approx(0.0655, abs=1e-4)
    assert float(found.vega) * 100 == pytest.approx(12.1, abs=0.05)
    assert float(found.theta) * 365 == pytest.approx(-4.31, abs=5e-3)
    assert float(found.rho) * 100 == pytest.approx(8.91, abs=5e-3)


def test_a_known_value_of_black_76() -> None:
    """Hull, 18.7: a put on a future at 60, strike 60, 4 months, 25 %, rate 9 %: 3.35 (both models' middle)."""
    assert float(black_76(60, 60, 1 / 3, 0.25, -1, 0.09).price) == pytest.approx(3.35, abs=5e-3)


@settings(deadline=None)
@given(spots, moneyness, years, volatilities, rates, st.floats(0, 0.05))
def test_put_call_parity(spot: float, ratio: float, left: float, volatility: float, rate: float, paid: float) -> None:
    strike = spot * ratio
    call, put = (black_scholes(spot, strike, left, volatility, side, rate, paid) for side in (1, -1))
    forward = spot * math.exp(-paid * left) - strike * math.exp(-rate * left)
    assert float(call.price - put.price) == pytest.approx(forward, abs=1e-9 * spot)
    assert float(call.gamma) == pytest.approx(float(put.gamma))
    assert float(call.delta - put.delta) == pytest.approx(math.exp(-paid * left))


@settings(max_examples=60, deadline=None)
@given(spots, moneyness, years, volatilities, rates, st.sampled_from([1, -1]), st.booleans())
def test_greeks_are_the_slopes_of_the_price(
    spot: float, ratio: float, left: float, volatility: float, rate: float, side: int, on_future: bool
) -> None:
    def price(of: float = spot, at: float = left, vol: float = volatility, r: float = rate) -> float:
        model = black_76 if on_future else black_scholes
        return float(model(of, spot * ratio, at, vol, side, r).price)

    found = (black_76 if on_future else black_scholes)(spot, spot * ratio, left, volatility, side, rate)
    step = spot * 1e-4
    assert float(found.delta) == pytest.approx((price(spot + step) - price(spot - step)) / (2 * step), abs=1e-3)
    assert float(found.vega) == pytest.approx((price(vol=volatility + 1e-4) - price(vol=volatility - 1e-4)) / 0.02,
                                              rel=1e-3, abs=spot * 1e-5)  # fmt: skip
    aged = (price(at=left - left * 1e-4) - price(at=left + left * 1e-4)) / (2 * left * 1e-4) / 365
    assert float(found.theta) == pytest.approx(aged, rel=1e-3, abs=spot * 1e-5)
    dearer = (price(r=rate + 1e-5) - price(r=rate - 1e-5)) / 2e-5 / 100
    assert float(found.rho) == pytest.approx(dearer, rel=1e-3, abs=spot * 1e-5)


@settings(deadline=None)
@given(spots, moneyness, years, volatilities, rates, st.sampled_from([1, -1]), st.booleans())
def test_a_price_gives_its_volatility_back(
    spot: float, ratio: float, left: float, volatility: float, rate: float, side: int, on_future: bool
) -> None:
    strike = spot * ratio
    model = black_76 if on_future else black_scholes
    known = model(spot, strike, left, volatility, side, rate)
    found = float(implied_volatility(known.price, spot, strike, left, side, rate, on_future=on_future))
    if float(known.vega) < 1e-6 * spot:  # so little time value that the price holds no volatility
        assert math.isnan(found) or float(model(spot, strike, left, found, side, rate).price) == pytest.approx(
            float(known.price), abs=1e-7 * spot
        )
    else:
        assert found == pytest.approx(volatility, rel=1e-5)


@pytest.mark.parametrize(
    "price", [0.0, -1.0, 100.0, 101.0, math.nan, 9.999999], ids=["0", "under", "spot", "over", "nan", "intrinsic"]
)
def test_an_impossible_price_has_no_volatility(price: float) -> None:
    assert math.isnan(float(implied_volatility(price, 100, 90, 0.5, 1)))


def test_a_whole_chain_is_solved_at_once() -> None:
    strikes = np.linspace(60, 160, 2000)
    smile = 0.2 + 0.3 * np.log(strikes / 100) ** 2
    left = np.where(np.arange(2000) % 2, 0.02, 0.8)
    side = np.where(strikes < 100, -1.0, 1.0)
    prices = black_scholes(100, strikes, left, smile, side, 0.04, 0.01).price
    found = implied_volatility(prices, 100, strikes, left, side, 0.04, 0.01)
    worth_something = prices > 1e-4
    assert np.max(np.abs(found - smile)[worth_something]) < 1e-7


def test_the_bell_is_the_standard_one() -> None:
    assert float(normal(1.0)) == pytest.approx(NormalDist().cdf(1.0), abs=1e-15)
