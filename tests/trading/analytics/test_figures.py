"""Profit, loss and break-evens against brute force; chances, Greeks and curves against slower counting."""

import random
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from option_legs import FAR, NOW, option, shares

from brokers.domain.instruments import Future, FutureOption, Right
from trading.analytics import UNLIMITED, AnalyticLeg, black_scholes, figures, payoff, settle_moment
from trading.analytics.legs import cash, price_size

SPOT = Decimal(600)
PUT_VERTICAL = [option("580", "P", -1, "3.10"), option("575", "P", 1, "1.85")]
IRON_CONDOR = [option("575", "P", 2), option("580", "P", -2), option("620", "C", -2), option("625", "C", 2)]


def test_a_put_vertical_sold_for_a_credit() -> None:
    found = figures(PUT_VERTICAL, SPOT, NOW)
    assert found.cash == Decimal("125.00")
    assert found.max_profit == Decimal(125)
    assert found.max_loss == Decimal(-375)
    assert found.break_evens == (Decimal("578.75"),)
    assert found.exact
    assert found.return_on_capital == pytest.approx(125 / 375)
    assert found.extrinsic == Decimal("125.00")


def test_the_net_price_goes_before_the_legs_prices() -> None:
    found = figures(IRON_CONDOR, SPOT, NOW, net_price=Decimal("1.60"))
    assert found.cash == Decimal(320)
    assert (found.max_profit, found.max_loss) == (Decimal(320), Decimal(-680))
    assert found.break_evens == (Decimal("578.40"), Decimal("621.60"))


def test_what_has_no_end_is_unlimited_even_without_a_price() -> None:
    naked = figures([option("620", "C", -1)], SPOT, NOW)
    assert naked.max_loss is UNLIMITED
    assert naked.max_profit is None
    assert figures([shares(100, None)], SPOT, NOW).max_profit is UNLIMITED
    ratio = [option("600", "C", 1, "9"), option("620", "C", -2, "4")]
    assert figures(ratio, SPOT, NOW).max_loss is UNLIMITED
    assert figures([option("580", "P", -1, "3")], SPOT, NOW).max_loss == Decimal(-57_700)


def test_a_covered_call_is_priced_per_share() -> None:
    legs = [shares(200), option("610", "C", -2, "5")]
    assert price_size(legs) == 200
    found = figures(legs, SPOT, NOW, net_price=Decimal(-595))
    assert found.cash == Decimal(-119_000)
    assert found.max_profit == Decimal(3000)
    assert found.max_loss == Decimal(-119_000)
    assert found.break_evens == (Decimal(595),)


def test_a_future_is_not_paid_for() -> None:
    es = Future("ES", 2026, 12)
    legs = [AnalyticLeg(es, Decimal(1), Decimal(50), Decimal(6000))]
    assert cash(legs) is None
    found = figures(legs, Decimal(6000), NOW)
    assert found.break_evens == (Decimal(6000),)
    assert found.greeks is not None
    assert found.greeks.delta == 50
    put = AnalyticLeg(
        FutureOption(es, "EW3Z26", FAR, Right.PUT, Decimal(5900)),
        Decimal(-1), Decimal(50), Decimal(40), 0.18, settle_moment(FAR),
    )  # fmt: skip
    assert figures([put], Decimal(6000), NOW).max_profit == Decimal(2000)


def test_a_calendar_is_estimated_and_loses_at_most_what_it_cost() -> None:
    legs = [option("600", "C", -1, "9.20"), option("600", "C", 1, "14.00", expiry=FAR)]
    found = figures(legs, SPOT, NOW)
    assert not found.exact
    assert found.max_loss == Decimal("-480.00")
    assert isinstance(found.max_profit, Decimal)
    assert found.max_profit > 0
    assert found.break_evens is not None
    low, high = found.break_evens
    assert low < 600 < high
    inverted = figures([replace(leg, signed_quantity=-leg.signed_quantity) for leg in legs], SPOT, NOW)
    assert inverted.max_profit == Decimal("480.00")


def test_a_diagonal_that_sells_more_than_it_covers_has_no_end() -> None:
    legs = [option("605", "C", -2, "7"), option("600", "C", 1, "14", expiry=FAR)]
    assert figures(legs, SPOT, NOW).max_loss is UNLIMITED


def test_what_is_unknown_stays_unknown() -> None:
    legs = [option("600", "C", 1, None, None), option("610", "C", -1, "4")]
    found = figures(legs, SPOT, NOW)
    assert (found.cash, found.max_profit, found.max_loss, found.break_evens) == (None, None, None, None)
    assert (found.probability, found.greeks, found.extrinsic, found.curve) == (None, None, None, ())
    priced = figures(legs, SPOT, NOW, net_price=Decimal(-5))
    assert priced.max_profit == Decimal(500)
    assert priced.greeks is None
    assert all(point.today is None and point.at_expiry is not None for point in priced.curve)
    nowhere = figures(PUT_VERTICAL, None, NOW)
    assert nowhere.max_loss == Decimal(-375)
    assert nowhere.probability is None
    calendar = [option("600", "C", -1, "9", None), option("600", "C", 1, "14", None, FAR)]
    assert figures(calendar, None, NOW).max_loss is None


def test_a_price_gives_the_volatility_that_is_missing() -> None:
    known = figures([option("580", "P", -1, "3.10", 0.2)], SPOT, NOW)
    assert known.greeks is not None
    price = f"{float(black_scholes(600, 580, option('580', 'P', 1).years(NOW), 0.2, -1).price):.6f}"
    found = figures([option("580", "P", -1, price, None)], SPOT, NOW)
    assert found.greeks is not None
    assert found.greeks.delta == pytest.approx(known.greeks.delta, rel=1e-4)


def test_greeks_are_in_the_units_of_the_desk() -> None:
    found = figures([option("600", "C", -2, "9")], SPOT, NOW).greeks
    assert found is not None
    assert -115 < found.delta < -95  # shares: two contracts at about 0.52
    assert 20 < found.theta < 60  # dollars a day, towards the seller
    assert -160 < found.vega < -120  # dollars a volatility point


def test_the_curve_runs_over_three_deviations_and_meets_the_figures() -> None:
    found = figures(PUT_VERTICAL, SPOT, NOW)
    prices = [point.price for point in found.curve]
    assert prices == sorted(prices)
    assert prices[0] < 520
    assert prices[-1] > 690
    assert {580.0, 575.0, 600.0} <= set(prices)
    ends = [point.at_expiry for point in found.curve if point.at_expiry is not None]
    assert (max(ends), min(ends)) == (pytest.approx(125), pytest.approx(-375))
    today = {point.price: point.today for point in found.curve}
    assert today[600.0] is not None
    assert -50 < today[600.0] < 125


# --- against brute force ---

legs_of_one_expiry = st.lists(
    st.tuples(
        st.sampled_from(["S", "C", "P"]),
        st.integers(90, 110),
        st.integers(-3, 3).filter(bool),
        st.decimals(Decimal("0.05"), Decimal(12), places=2),
    ),
    min_size=1,
    max_size=4,
)


def made(rows: list[tuple[str, int, int, Decimal]]) -> list[AnalyticLeg]:
    return [
        shares(100 * quantity, "100") if right == "S" else option(str(strike), right, quantity, str(price), 0.3)
        for right, strike, quantity, price in rows
    ]


@settings(max_examples=300, deadline=None)
@given(legs_of_one_expiry)
def test_best_worst_and_break_evens_agree_with_a_grid(rows: list[tuple[str, int, int, Decimal]]) -> None:
    assert_agrees_with_a_grid(rows, payoff.extremes, payoff.break_evens)


def assert_agrees_with_a_grid(rows, extremes, break_evens) -> None:  # type: ignore[no-untyped-def]
    legs = made(rows)
    paid = sum((-leg.size * (leg.price or 0) for leg in legs), Decimal(0))

    def profit(price: Decimal) -> Decimal:  # another way than payoff's: leg by leg from entry to end
        gained = Decimal(0)
        for leg, (right, strike, _, cost) in zip(legs, rows, strict=True):
            end = {"S": price, "C": max(price - strike, Decimal(0)), "P": max(strike - price, Decimal(0))}[right]
            gained += leg.signed_quantity * leg.multiplier * (end - (Decimal(100) if right == "S" else cost))
        return gained

    grid = [Decimal(step) / 4 for step in range(0, 4 * 400)]
    values = [profit(price) for price in grid]
    best, worst = extremes(legs, paid)
    rises, falls = values[-1] > values[-2], values[-1] < values[-2]
    assert best is UNLIMITED if rises else best == max(values)
    assert worst is UNLIMITED if falls else worst == min(values)
    signs = [(a, b) for a, b, x, y in zip(grid, grid[1:], values, values[1:], strict=False) if x * y < 0]
    found = break_evens(legs, paid)
    for low, high in signs:
        assert any(low <= price <= high for price in found)
    for price in found:
        assert abs(profit(price)) < Decimal("1e-15")


@pytest.mark.parametrize(
    "sabotage", ["forgets the price zero", "forgets the slope above", "first crossing only", "swaps puts"]
)
def test_the_grid_notices_a_wrong_pay_off(sabotage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = payoff.break_evens
    crossings = real
    if sabotage == "forgets the price zero":
        monkeypatch.setattr(payoff, "kinks", lambda legs: sorted({leg.strike for leg in legs}))
    elif sabotage == "forgets the slope above":
        monkeypatch.setattr(payoff, "slope_above", lambda legs: Decimal(0))
    elif sabotage == "first crossing only":
        crossings = lambda legs, paid: real(legs, paid)[:1]  # noqa: E731
    else:
        monkeypatch.setattr(AnalyticLeg, "side", property(lambda leg: 1 if leg.is_option else 0))
    cases = [
        [("P", 95, -1, Decimal(2))],
        [("C", 100, -2, Decimal(3))],
        [("C", 100, 1, Decimal("3.05")), ("P", 100, 1, Decimal("3.05"))],
    ]

    def all_cases() -> None:
        for rows in cases:
            assert_agrees_with_a_grid(rows, payoff.extremes, crossings)

    with pytest.raises(AssertionError):
        all_cases()


@pytest.mark.parametrize(
    "legs", [PUT_VERTICAL, [option("600", "C", 1, "9")], [shares(100), option("610", "C", -1, "5")]]
)
def test_the_chance_of_profit_is_that_of_drawn_prices(legs: list[AnalyticLeg]) -> None:
    found = figures(legs, SPOT, NOW).probability
    assert found is not None
    drawn = random.Random(7)  # noqa: S311
    years = legs[-1].years(NOW)
    wins, draws = 0, 40_000
    for _ in range(draws):
        move = drawn.gauss(-0.02 * years, 0.2 * years**0.5)  # −σ²/2 a year
        price = Decimal(repr(600 * 2.718281828459045**move))
        gained = sum(leg.size * (leg.intrinsic(price) - (leg.price or 0)) for leg in legs)
        wins += gained > 0
    assert found == pytest.approx(wins / draws, abs=0.01)
