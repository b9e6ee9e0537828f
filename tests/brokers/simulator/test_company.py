"""Companies: dividends and reports on business days, figures that follow from the prices."""

from datetime import date, datetime, timedelta, timezone
from itertools import pairwise
from math import log, sqrt
from statistics import stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.domain.instruments import Crypto, Equity, Future, Index
from brokers.simulator.market import Market
from brokers.simulator.market.company import dividend_dates, earnings_days
from brokers.simulator.market.sessions import is_session, next_session, session_on

MORNING = datetime(2026, 11, 20, 15, 0, tzinfo=timezone.utc)
TODAY = date(2026, 11, 20)
symbols = st.sampled_from(["AAPL", "T", "XOM", "GME"])
SHARES, FUNDS, INDEXES = (Equity("AAPL"), Equity("INTC")), (Equity("SPY"), Equity("TLT")), (Index("SPX"), Index("RUT"))


@pytest.fixture(scope="module")
def market() -> Market:
    return Market(6, MORNING)


@given(symbols, st.integers(0, 9), st.integers(2015, 2035))
def test_a_company_reports_once_a_quarter_on_a_business_day(symbol, seed, year):
    days = earnings_days(symbol, seed, year)
    assert len(days) == 4
    assert all(is_session(one.date) for one in days)
    assert all(60 < (b.date - a.date).days < 125 for a, b in pairwise(days))
    assert len({one.before_open for one in days}) == 1
    for one in days:
        assert one.first_session == (one.date if one.before_open else next_session(one.date))


@given(symbols, st.booleans(), st.integers(0, 9), st.integers(2015, 2035))
def test_dividends_go_ex_and_are_paid_on_business_days(symbol, is_fund, seed, year):
    dates = dividend_dates(symbol, is_fund, seed, year)
    assert len(dates) == 4
    for ex_date, pay_date in dates:
        assert is_session(ex_date)
        assert is_session(pay_date)
        assert 8 <= (pay_date - ex_date).days <= 30


def test_past_dividends_and_the_next_are_known(market):
    found = market.dividends(Equity("AAPL"))
    assert found[0].ex_date > TODAY >= found[1].ex_date
    assert found[1].amount == market.listings[Equity("AAPL")].dividend
    assert len(found) >= 20
    assert all(later.ex_date > earlier.ex_date for later, earlier in pairwise(found))
    assert all(later.amount >= earlier.amount > 0 for later, earlier in pairwise(found))
    assert market.dividends(Equity("TSLA")) == []
    assert market.dividends(Index("SPX")) == []


def test_the_past_does_not_change_as_time_goes_by():
    now, later = Market(6, MORNING), Market(6, MORNING + timedelta(days=400))
    for what in ("dividends", "earnings"):
        known = [
            one for one in getattr(now, what)(Equity("MSFT"))[1:] if getattr(one, "date", TODAY) > date(2023, 1, 1)
        ]
        seen = getattr(later, what)(Equity("MSFT"))
        assert len(known) > 8
        assert all(one in seen for one in known if getattr(one, "ex_date", TODAY) > date(2023, 1, 1))


def test_past_reports_have_earnings_and_the_next_only_an_estimate(market):
    found = market.earnings(Equity("AAPL"))
    assert found[0].date >= TODAY
    assert found[0].eps is None
    assert all(one.eps is not None for one in found[1:])
    assert all(one.quarter_end < one.date for one in found)
    assert all(later.date > earlier.date for later, earlier in pairwise(found))
    assert [one for one in market.earnings(Equity("INTC"))[1:] if one.eps > 0] == []  # it loses money
    assert market.earnings(Equity("SPY")) == []
    assert market.earnings(Index("SPX")) == []


@pytest.mark.parametrize("instrument", [*SHARES, *FUNDS, *INDEXES])
def test_figures_of_volatility_are_of_the_right_size(market, instrument):
    found = market.metrics(instrument)
    assert 0.05 < found.iv_index < 1.5
    assert 0 <= found.iv_rank <= 1
    assert 0 <= found.iv_percentile <= 1
    assert abs(found.iv_index_5_day_change) < 0.3
    assert all(0.02 < one < 1.5 for one in (found.hv_30, found.hv_60, found.hv_90))
    assert 0.3 < found.iv_index / found.hv_90 < 3
    assert 1 <= found.liquidity_rating <= 5
    assert 0 <= found.liquidity_rank <= 1
    expiries = [(one.expiry, one.settlement) for one in found.expirations]
    assert expiries == sorted(expiries)
    assert all(0.03 < one.iv < 1.5 for one in found.expirations)


def test_historical_volatility_is_that_of_the_closes(market):
    days, closes = [TODAY - timedelta(days=n) for n in range(60) if is_session(TODAY - timedelta(days=n))][1:22], []
    closes = [market.spot(Equity("SPY"), session_on(day).close_at) for day in reversed(days)]
    closes.append(market.spot(Equity("SPY"), MORNING))
    expected = stdev(log(b / a) for a, b in pairwise(closes)) * sqrt(252)
    assert market.metrics(Equity("SPY")).hv_30 == pytest.approx(expected, rel=1e-3)


def test_everything_moves_with_the_market_more_or_less(market):
    assert market.metrics(Equity("SPY")).correlation_spy == 1
    assert market.metrics(Equity("QQQ")).correlation_spy > 0.6
    assert market.metrics(Index("VIX")).correlation_spy < -0.4


def test_companies_have_a_size_and_funds_and_indexes_have_none(market):
    apple = market.metrics(Equity("AAPL"))
    price = float(market.price_at(Equity("AAPL"), MORNING))
    assert apple.market_cap == pytest.approx(apple.shares_outstanding * price, rel=1e-3)
    assert apple.price_earnings == pytest.approx(price / apple.eps, rel=1e-3)
    assert apple.next_earnings.eps is None
    assert market.metrics(Equity("INTC")).price_earnings is None
    for other in (*FUNDS, *INDEXES):
        found = market.metrics(other)
        assert (found.market_cap, found.eps, found.next_earnings) == (None, None, None)
    assert market.metrics(Crypto("BTC", "USD")) is None
    assert market.metrics(Future("ES", 2026, 12)) is None
    assert market.metrics(Equity("ZZZZ")) is None


def test_shares_that_are_hard_to_borrow_cost_something(market):
    assert market.metrics(Equity("AAPL")).borrow_rate == 0
    hard = market.metrics(Equity("GME"))
    assert 0.02 <= hard.borrow_rate <= 0.15
    assert hard.lendability == "Locate Required"


def test_an_option_that_spans_a_report_is_dearer_than_one_before_it():
    day = next(one for one in earnings_days("AAPL", 6, 2027) if one.date > date(2027, 1, 1))
    now = datetime.combine(day.date - timedelta(days=10), MORNING.time(), timezone.utc)
    found = Market(6, now).metrics(Equity("AAPL")).expirations
    before = [one.iv for one in found if one.expiry < day.date]
    after = [one.iv for one in found if day.first_session <= one.expiry < day.date + timedelta(days=14)]
    assert min(after) > max(before) + 0.02
