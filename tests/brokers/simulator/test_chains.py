"""Which options are listed, and what is shown of them."""

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokers.domain.instruments import Equity, Index, Option, Right
from brokers.simulator.market import Interval, Market
from brokers.simulator.market.grids import grid_of
from brokers.simulator.market.listings import DIME_INCREMENTS, NICKEL_INCREMENTS
from brokers.simulator.market.options.chains import INDEX_PLANS, Ladder, strikes
from brokers.simulator.market.options.expiries import endings, fear_day, fund_rules, share_rules
from brokers.simulator.market.options.levels import sample_days
from brokers.simulator.market.pricing import RATE, YEAR, implied_volatility
from brokers.simulator.market.sessions import is_session

MORNING = datetime(2026, 11, 20, 15, 0, tzinfo=timezone.utc)
CLOSE = datetime(2026, 11, 20, 21, 0, tzinfo=timezone.utc)
WITH_CHAINS = (Equity("SPY"), Equity("AAPL"), Equity("NVDA"), Equity("NFLX"), Index("SPX"), Index("VIX"))
RULES = {"SPY": fund_rules("SPY", True), "AAPL": share_rules("AAPL", True)} | {
    root: plan.rules for root, plan in INDEX_PLANS.items()
}
days = st.dates(date(2025, 1, 1), date(2031, 12, 31))


@pytest.fixture(scope="module")
def market() -> Market:
    found = Market(8, MORNING)
    found.advance(MORNING + timedelta(seconds=10))
    return found


def all_options(market: Market, underlying: Equity | Index, every: int = 1) -> list[Option]:
    chain = market.chain(underlying)
    found = [option for e in chain.expirations for s in e.strikes for option in (s.call, s.put)]
    return found[::every]


# The calendar


@pytest.mark.parametrize("root", RULES)
@settings(max_examples=15, deadline=None)
@given(today=days)
def test_an_expiration_stays_as_it_was_listed_until_it_is_over(root, today):
    seen = {}
    for ahead in range(0, 120, 3):
        day = today + timedelta(days=ahead)
        found = {(one.expiry, one.root, one.settlement): one for one in endings(RULES[root], day)}
        assert {key for key in seen if key[0] >= day} <= found.keys()
        for key, one in found.items():
            assert seen.setdefault(key, one) == one
            assert is_session(one.expiry)
            assert one.expiry >= day


def test_expirations_avoid_holidays():
    found = {one.expiry: one.kind for one in endings(RULES["AAPL"], date(2027, 3, 22))}
    assert date(2027, 3, 25) in found  # the Thursday before Good Friday
    assert date(2027, 3, 26) not in found
    assert found[date(2027, 6, 17)] == "regular"  # Friday the 18th is a holiday


def test_a_busy_fund_ends_every_day_for_two_weeks_and_with_month_and_quarter():
    found = {one.expiry: one.kind for one in endings(RULES["SPY"], date(2026, 11, 20))}
    near = [date(2026, 11, 20) + timedelta(days=n) for n in range(14)]
    assert all(day in found for day in near if is_session(day))
    assert found[date(2026, 11, 30)] == "end_of_month"
    assert found[date(2026, 12, 31)] == "quarterly"
    assert found[date(2026, 12, 11)] == "weekly"
    assert {date(2027, 1, 15), date(2028, 1, 21), date(2029, 1, 19)} <= {d for d in found if found[d] == "regular"}


def test_the_fear_index_ends_thirty_days_before_the_next_months_options():
    assert fear_day(2026, 12) == date(2026, 12, 16)
    assert fear_day(2027, 1) == date(2027, 1, 20)
    assert fear_day(2027, 5) == date(2027, 5, 18)  # Friday the 18th of June is a holiday


@given(days, st.integers(1, 400), st.sampled_from((60, 160, 400, 1900)))
def test_the_days_looked_at_for_strikes_only_become_more(expiry, ahead, life):
    earlier, later = expiry - timedelta(days=ahead), expiry - timedelta(days=ahead // 2)
    if ahead < life:
        assert sample_days(expiry, life, earlier)
        assert set(sample_days(expiry, life, earlier)) <= set(sample_days(expiry, life, later))
        assert all(day < earlier for day in sample_days(expiry, life, earlier))


@given(st.floats(5, 9000), st.floats(0, 0.2), st.floats(0, 0.2), st.floats(0.1, 0.9), st.integers(0, 900))
def test_strikes_are_never_taken_away(level, wider, higher, volatility, days_left):
    ladder = Ladder(level / 100, level / 40, level / 20)
    first = strikes(ladder, level, level, volatility, days_left)
    later = strikes(ladder, level * (1 - wider), level * (1 + higher), volatility, days_left // 2)
    assert set(first) <= set(later)
    assert list(first) == sorted(set(first))
    assert first[0] < Decimal(level) < first[-1]


# Chains


def test_the_large_index_has_two_roots_and_many_thousand_contracts(market):
    chain = market.chain(Index("SPX"))
    assert 15_000 <= sum(2 * len(one.strikes) for one in chain.expirations) <= 26_000
    assert {(one.root, one.settlement) for one in chain.expirations} == {("SPX", "AM"), ("SPXW", "PM")}
    assert {one.kind for one in chain.expirations} == {"regular", "weekly", "quarterly", "end_of_month"}
    assert max(one.expiry for one in chain.expirations) > date(2031, 1, 1)
    near = next(one for one in chain.expirations if one.expiry == date(2026, 11, 27))
    spot = market.book(Index("SPX")).last
    steps = [b.price - a.price for a, b in pairwise(near.strikes) if abs(a.price - spot) < 200]
    assert set(steps) == {Decimal(5)}


@pytest.mark.parametrize("underlying", WITH_CHAINS)
def test_chains_are_sorted_and_each_strike_names_its_call_and_put(market, underlying):
    chain = market.chain(underlying)
    order = [(one.expiry, one.settlement, one.root) for one in chain.expirations]
    assert order == sorted(set(order))
    for one in chain.expirations:
        prices = [strike.price for strike in one.strikes]
        assert len(prices) >= 20
        assert prices == sorted(set(prices))
        strike = one.strikes[len(prices) // 2]
        assert strike.call == Option(one.root, one.expiry, Right.CALL, strike.price)
        assert strike.put == Option(one.root, one.expiry, Right.PUT, strike.price)


def test_there_are_strikes_with_halves(market):
    for underlying, strike in ((Equity("F"), "10.5"), (Equity("AAPL"), "197.5"), (Index("VIX"), "15.5")):
        assert Decimal(strike) in {s.price for e in market.chain(underlying).expirations for s in e.strikes}


def test_the_same_day_gives_the_same_chain_to_whoever_asks_when():
    one, other = Market(8, MORNING), Market(8, MORNING - timedelta(days=9))
    other.advance(MORNING)
    assert one.chain(Equity("TSLA")) == other.chain(Equity("TSLA"))
    assert one.chain(Equity("TSLA")) is one.chain(Equity("TSLA"))


def test_a_listed_option_stays_listed_until_it_ends_wherever_the_price_goes():
    market = Market(3, MORNING)
    before = {o for o in all_options(market, Equity("AAPL")) if o.expiry > date(2026, 12, 20)}
    market.put(Equity("AAPL"), Decimal("700"))
    after = set(all_options(market, Equity("AAPL")))
    assert before <= after
    assert max(o.strike for o in after) > 700 > max(o.strike for o in before)
    market.advance(MORNING + timedelta(days=25))
    assert after - set(all_options(market, Equity("AAPL"))) <= {o for o in after if o.expiry <= date(2026, 12, 15)}


def test_strikes_listed_around_a_price_somebody_put_are_there_after_a_restart():
    one, other = Market(3, MORNING), Market(3, MORNING)
    assert other.chain(Index("SPX")) == one.chain(Index("SPX"))
    one.put(Index("SPX"), Decimal(12000))
    assert max(s.price for s in one.chain(Index("SPX")).expirations[0].strikes) > 12000
    assert max(s.price for s in one.future_chain("ES")[0].strikes) > 12000
    other.restore(one.snapshot())
    assert other.chain(Index("SPX")) == one.chain(Index("SPX"))
    assert other.future_chain("ES") == one.future_chain("ES")


def test_an_adjusted_root_delivers_something_else(market):
    found = market.deliverable("T1")
    assert (found.shares, found.cash, found.standard) == (Decimal(90), Decimal("215.40"), False)
    assert market.deliverable("T").standard
    assert market.deliverable("ZZZ") is None
    expiration = next(one for one in market.chain(Equity("T")).expirations if one.root == "T1")
    strike = expiration.strikes[0]
    worth = (found.shares * market.book(Equity("T")).mark + found.cash) / 100 - strike.price
    assert float(market.book(strike.call).mark) == pytest.approx(float(worth), abs=0.15)
    assert market.underlying(strike.call) == Equity("T")


def test_options_end_when_their_root_says():
    market = Market(1, MORNING)
    third_friday = date(2026, 12, 18)
    morning, evening = (Option(root, third_friday, Right.CALL, Decimal(6000)) for root in ("SPX", "SPXW"))
    assert market.expires_at(morning) == datetime(2026, 12, 18, 14, 30, tzinfo=timezone.utc)
    assert market.expires_at(evening) == datetime(2026, 12, 18, 21, 0, tzinfo=timezone.utc)
    half_day = Option("SPY", date(2026, 11, 27), Right.CALL, Decimal(600))
    assert market.expires_at(half_day) == datetime(2026, 11, 27, 18, 0, tzinfo=timezone.utc)
    assert market.settles_in_cash(morning)
    assert not market.settles_in_cash(half_day)


def test_options_that_have_ended_are_gone_and_settle_at_the_price_of_their_fixing():
    market = Market(1, MORNING)
    ended = next(o for o in all_options(market, Equity("SPY")) if o.expiry == date(2026, 11, 20))
    assert market.book(ended) is not None
    assert market.settlement(ended) is None
    market.advance(CLOSE)
    assert market.book(ended) is None
    assert market.listing(ended) is None
    assert date(2026, 11, 20) not in {one.expiry for one in market.chain(Equity("SPY")).expirations}
    assert market.settlement(ended) == market.price_at(Equity("SPY"), CLOSE)
    market.advance(CLOSE + timedelta(days=3))
    assert market.settlement(ended) == market.price_at(Equity("SPY"), CLOSE)
    inside = max(market.settlement(ended) - ended.strike, Decimal(0))
    assert market.price_at(ended, CLOSE) == inside


def test_what_nobody_listed_is_unknown(market):
    assert market.book(Option("SPY", date(2026, 12, 18), Right.CALL, Decimal("601.37"))) is None
    assert market.listing(Option("SPY", date(2026, 12, 19), Right.CALL, Decimal(600))) is None
    assert market.listing(Option("QQQQ", date(2026, 12, 18), Right.CALL, Decimal(600))) is None
    assert market.chain(Equity("ZZZZ")) is None
    assert market.chain(Equity("BRK.B")) is None


# Books


@pytest.mark.parametrize("underlying", WITH_CHAINS)
def test_option_books_are_two_sided_on_their_grid_and_hold_the_fair_price(market, underlying):
    increments = {(one.root, one.expiry): one.increments for one in market.chain(underlying).expirations}
    for option in all_options(market, underlying, 7):
        book, grid = market.book(option), increments[option.root, option.expiry]
        assert 0 <= book.bid < book.ask
        assert float(book.bid) <= book.greeks.price <= float(book.ask)
        assert (book.bid_size == 0) == (book.bid == 0)
        assert book.ask_size > 0
        assert all(grid.fits(price) for price in (book.bid, book.ask, book.last, book.open, book.prev_close))
        assert book.low <= book.last <= book.high
        assert book.low <= book.open <= book.high
        assert book.open_interest >= 0
        assert market.listing(option).underlying == underlying


@pytest.mark.parametrize("underlying", [Index("SPX"), Equity("AAPL")])
def test_verticals_cost_between_nothing_and_their_width(market, underlying):
    for one in market.chain(underlying).expirations[::3]:
        for low, high in pairwise(one.strikes[::5]):
            width = float(high.price - low.price)
            calls, puts = ([market.book(option).greeks.price for option in pair] for pair in pairs(low, high))
            assert -1e-6 <= calls[0] - calls[1] <= width + 1e-6
            assert -1e-6 <= puts[1] - puts[0] <= width + 1e-6


def pairs(low, high):
    return ((low.call, high.call), (low.put, high.put))


def test_calls_and_puts_on_an_index_are_at_parity_within_the_spread(market):
    spot = float(market.book(Index("SPX")).last)
    for one in market.chain(Index("SPX")).expirations[:20]:
        for strike in (s for s in one.strikes if 0.9 < float(s.price) / spot < 1.1):
            call, put = market.book(strike.call), market.book(strike.put)
            years = (market.expires_at(strike.call) - call.at).total_seconds() / YEAR
            expected = call.greeks.price - put.greeks.price
            assert float(call.bid - put.ask) <= expected <= float(call.ask - put.bid)
            forward = spot * (1 + (RATE - 0.013) * years)
            assert expected == pytest.approx(
                (forward - float(strike.price)) * (1 - RATE * years), abs=0.01 * spot * years + 1
            )


def test_a_later_option_costs_more(market):
    chain = market.chain(Index("SPX"))
    afternoons = [one for one in chain.expirations if one.root == "SPXW"]
    for price in (Decimal(5500), Decimal(6000), Decimal(6500)):
        calls = [market.book(Option("SPXW", one.expiry, Right.CALL, price)) for one in afternoons]
        seen = [book.greeks.price for book in calls if book is not None]
        assert len(seen) > 20
        assert all(later >= sooner for sooner, later in pairwise(seen))


def test_the_volatility_on_show_is_the_one_in_the_price(market):
    spot = float(market.book(Index("SPX")).last)
    one = next(e for e in market.chain(Index("SPX")).expirations if e.expiry == date(2026, 12, 24))
    for strike in (s for s in one.strikes if 0.93 < float(s.price) / spot < 1.07):
        book = market.book(strike.put)
        years = (market.expires_at(strike.put) - book.at).total_seconds() / YEAR
        again = implied_volatility(book.greeks.price, spot, float(strike.price), years, RATE - 0.013, False, False)
        assert again == pytest.approx(book.greeks.volatility, abs=2e-3)


def test_option_quotes_stand_still_outside_their_hours():
    market = Market(5, CLOSE)
    option = next(o for o in all_options(market, Equity("AAPL")) if o.expiry > date(2026, 12, 1))
    market.advance(CLOSE + timedelta(minutes=1))
    closing = market.book(option)
    assert closing.at == CLOSE
    market.advance(CLOSE + timedelta(hours=3))
    later = market.book(option)
    assert (later.bid, later.ask, later.at) == (closing.bid, closing.ask, CLOSE)
    assert closing.close == market.price_at(option, CLOSE)


def test_yesterdays_close_of_an_option_is_its_price_then(market):
    close = datetime(2026, 11, 19, 21, 0, tzinfo=timezone.utc)
    for option in all_options(market, Equity("AAPL"), 97):
        assert market.book(option).prev_close == market.price_at(option, close)


@given(st.floats(0, 500), st.sampled_from((NICKEL_INCREMENTS, DIME_INCREMENTS)))
def test_the_grid_is_found_below_above_and_beside_a_price(price, increments):
    grid = grid_of(increments)
    below, above = grid.price(grid.down(price)), grid.price(grid.up(price))
    assert float(below) <= price + 1e-9
    assert float(above) >= price - 1e-9
    assert increments.fits(below)
    assert increments.fits(above)
    assert increments.fits(grid.at(price))
    assert above - below <= max(increment for _, increment in increments.steps)


@pytest.mark.parametrize("underlying", [Equity("AAPL"), Index("SPX")])
def test_deltas_run_from_nothing_to_one(market, underlying):
    for one in market.chain(underlying).expirations[::4]:
        for strike in one.strikes[::3]:
            call, put = market.book(strike.call).greeks, market.book(strike.put).greeks
            assert 0 <= call.delta <= 1
            assert -1 <= put.delta <= 0
            assert 0.8 < call.delta - put.delta < 1.2
            assert min(call.gamma, put.gamma, call.vega, put.vega) >= -1e-12


@pytest.mark.parametrize("underlying", [Equity("T"), Index("SPX")])
def test_the_greeks_of_a_whole_chain_are_those_of_its_books(market, underlying):
    options = all_options(market, underlying, 11)
    unknown = Option("SPY", date(2026, 12, 18), Right.CALL, Decimal("601.37"))
    found = market.derivatives.greeks_of_many([*options, unknown])
    assert found.pop() is None
    for option, values in zip(options, found, strict=True):
        shown = market.book(option).greeks
        for name in ("price", "volatility", "delta", "gamma", "theta", "vega", "rho"):
            assert getattr(values, name) == pytest.approx(getattr(shown, name), abs=1e-9), (option, name)


def test_bars_of_an_option_end_where_it_stands_and_their_volumes_add_up_to_its_day(market):
    spot = market.book(Equity("SPY")).mark
    one = next(e for e in market.chain(Equity("SPY")).expirations if e.expiry == date(2026, 12, 18))
    option = min(one.strikes, key=lambda strike: abs(strike.price - spot)).call
    bars = market.bars(option, Interval(1, "minute"), MORNING - timedelta(minutes=30), MORNING + timedelta(minutes=1))
    book = market.book(option)
    assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in bars)
    assert float(book.mark) == pytest.approx(bars[-1].close, abs=0.15)
    assert sum(bar.volume for bar in bars) == pytest.approx(book.volume, abs=20)
    days = market.bars(option, Interval(1, "day"), MORNING - timedelta(days=30), MORNING)
    closes = {bar.end: bar.close for bar in days}
    assert closes[datetime(2026, 11, 19, 21, 0, tzinfo=timezone.utc)] == float(book.prev_close)
