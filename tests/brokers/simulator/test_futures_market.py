"""Futures and the options on them: the exchanges' calendars, curves that end at the price they settle to, books."""

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokers.domain.instruments import Future, FutureOption, Index, Right, parse_instrument
from brokers.simulator.market import Interval, Market
from brokers.simulator.market.futures.months import contracts_of, first_notice, future_ends, option_ends
from brokers.simulator.market.products import PRODUCTS
from brokers.simulator.market.sessions import NEW_YORK, is_session

MORNING = datetime(2026, 11, 20, 15, 0, tzinfo=timezone.utc)
moments = st.integers(0, 7 * 365 * 24).map(
    lambda hours: datetime(2025, 1, 1, tzinfo=timezone.utc) + timedelta(hours=hours)
)
WITH_OPTIONS = [code for code, product in PRODUCTS.items() if product.options]


@pytest.fixture(scope="module")
def market() -> Market:
    found = Market(4, MORNING)
    found.advance(MORNING + timedelta(seconds=20))
    return found


def last_day(rule: str, year: int, month: int) -> date:
    return future_ends(rule, year, month).astimezone(NEW_YORK).date()


# The calendar


@pytest.mark.parametrize(
    ("code", "year", "month", "expected"),
    [
        ("ES", 2026, 12, date(2026, 12, 18)),  # the third Friday
        ("ES", 2027, 6, date(2027, 6, 17)),  # Friday the 18th is a holiday
        ("CL", 2026, 12, date(2026, 11, 20)),  # three business days before Wednesday the 25th
        ("CL", 2027, 8, date(2027, 7, 20)),  # before Friday the 23rd: the 25th is a Sunday
        ("GC", 2026, 12, date(2026, 12, 29)),  # the third last business day
        ("ZB", 2026, 12, date(2026, 12, 21)),  # seven business days before the 31st
        ("6E", 2026, 12, date(2026, 12, 14)),  # two business days before Wednesday the 16th
        ("NG", 2026, 12, date(2026, 11, 25)),  # three business days before the 1st
    ],
)
def test_futures_end_by_their_exchanges_rules(code, year, month, expected):
    assert last_day(PRODUCTS[code].rule, year, month) == expected


def test_the_large_contract_ends_at_the_open_in_new_york():
    assert future_ends("index", 2026, 12) == datetime(2026, 12, 18, 14, 30, tzinfo=timezone.utc)
    assert future_ends("index", 2027, 9) == datetime(2027, 9, 17, 13, 30, tzinfo=timezone.utc)


@settings(max_examples=40, deadline=None)
@given(moments, st.sampled_from(sorted(PRODUCTS)))
def test_months_are_listed_in_order_one_is_active_and_none_comes_late_or_leaves_early(now, code):
    product = PRODUCTS[code]
    found = contracts_of(product, now)
    assert len(found) == product.listed
    assert [one.expires_at for one in found] == sorted({one.expires_at for one in found})
    assert found[0].expires_at > now
    assert [one.active_month for one in found].count(True) == 1
    active = next(n for n, one in enumerate(found) if one.active_month)
    assert found[active + 1].next_active_month
    today = now.astimezone(NEW_YORK).date()
    if found[active].first_notice_date is not None:
        assert today < found[active].first_notice_date
    assert all(is_session(last_day(product.rule, one.future.year, one.future.month)) for one in found)
    later = {one.future for one in contracts_of(product, now + timedelta(days=20))}
    assert {one.future for one in found if one.expires_at > now + timedelta(days=20)} <= later


def test_delivery_is_announced_before_the_last_trade_of_metals_and_bonds():
    assert first_notice("metal", 2026, 12) == date(2026, 11, 30)
    assert first_notice("treasury", 2026, 12) == date(2026, 11, 30)
    assert first_notice("crude", 2026, 12) == date(2026, 11, 23)


def test_options_on_futures_end_by_their_series():
    by_code = {one.code: one for one in PRODUCTS["ES"].options}
    assert option_ends(by_code["EW3"], PRODUCTS["ES"], 2027, 1) == datetime(2027, 1, 15, 21, 0, tzinfo=timezone.utc)
    assert option_ends(by_code["EW"], PRODUCTS["ES"], 2026, 12) == datetime(2026, 12, 31, 21, 0, tzinfo=timezone.utc)
    assert option_ends(by_code["E1A"], PRODUCTS["ES"], 2026, 12).date() == date(2026, 12, 7)
    assert option_ends(by_code["E4D"], PRODUCTS["ES"], 2026, 11) is None  # Thanksgiving
    oil, gold = PRODUCTS["CL"], PRODUCTS["GC"]
    assert option_ends(oil.options[0], oil, 2027, 1).date() == date(2026, 12, 16)
    assert option_ends(gold.options[0], gold, 2027, 1).date() == date(2026, 12, 28)
    bond = PRODUCTS["ZB"]
    assert option_ends(bond.options[0], bond, 2027, 1).date() == date(2026, 12, 24)  # Friday the 25th is a holiday


# Contracts and prices


def test_the_contracts_terms_are_the_exchanges(market):
    es, zb, euro = (market.product(code) for code in ("ES", "ZB", "6E"))
    assert (es.multiplier, es.tick.at(Decimal(6000)), es.exchange, es.cash_settled) == (
        50,
        Decimal("0.25"),
        "XCME",
        True,
    )
    assert (zb.multiplier, zb.tick.at(Decimal(110)), zb.cash_settled) == (1000, Decimal(1) / 32, False)
    assert (euro.multiplier, euro.tick.at(Decimal(1))) == (125000, Decimal("0.00005"))
    assert {p.code for p in market.products()} >= {"NQ", "RTY", "CL", "NG", "GC", "SI", "ZN", "MES", "MNQ"}
    assert all(p.initial_margin > p.maintenance_margin > 0 for p in market.products())
    assert market.product("XX") is None
    assert market.contracts("XX") == []


@pytest.mark.parametrize("code", PRODUCTS)
def test_books_of_futures_are_two_sided_on_the_grid_and_inside_their_day(market, code):
    for contract in market.contracts(code):
        book, grid = market.book(contract.future), contract.product.tick
        assert 0 < book.bid < book.ask
        assert min(book.bid_size, book.ask_size) > 0
        assert all(grid.fits(price) for price in (book.bid, book.ask, book.last, book.open, book.high, book.low))
        assert book.low <= book.last <= book.high
        assert book.low <= book.open <= book.high
        fair = market.spot(contract.future, book.at)
        assert float(book.bid) <= fair <= float(book.ask)
        assert market.listing(contract.future).multiplier == contract.product.multiplier
        assert parse_instrument(str(contract.future)) == contract.future


def test_the_active_month_trades_most(market):
    for code in PRODUCTS:
        volumes = [(market.book(one.future).volume, one.active_month) for one in market.contracts(code)]
        assert max(volumes)[1]


def test_an_index_future_stands_above_its_index_and_meets_it_at_the_end():
    market = Market(4, MORNING)
    near, far = (one.future for one in market.contracts("ES")[:2])
    index = market.spot(Index("SPX"), MORNING)
    assert index < market.spot(near, MORNING) < market.spot(far, MORNING)
    ends = market.expires_at(near)
    assert market.spot(near, ends) == pytest.approx(market.spot(Index("SPX"), ends))
    assert market.settlement(near) is None
    market.advance(ends)
    assert market.contract(near) is None
    assert market.book(near) is None
    tick = Decimal("0.25")
    assert abs(market.settlement(near) - market.price_at(Index("SPX"), ends)) <= tick
    market.advance(ends + timedelta(days=30))
    assert market.expires_at(near) == ends
    assert abs(market.settlement(near) - market.price_at(Index("SPX"), ends)) <= tick
    assert market.settles_in_cash(near)
    assert not market.settles_in_cash(market.contracts("CL")[0].future)


def test_the_small_contract_has_the_price_of_the_large_one(market):
    large, small = market.contracts("ES")[0].future, market.contracts("MES")[0].future
    assert market.price_at(large, MORNING) == market.price_at(small, MORNING)


def test_far_months_of_oil_move_less_than_near_ones(market):
    near, far = (market.contracts("CL")[n].future for n in (1, 12))
    days = [MORNING - timedelta(days=n) for n in range(1, 60)]
    moves = [[abs(market.spot(one, b) / market.spot(one, a) - 1) for a, b in pairwise(days)] for one in (near, far)]
    assert sum(moves[1]) < 0.9 * sum(moves[0])


def test_yesterdays_settlement_of_a_future_is_its_price_at_the_close(market):
    future = market.contracts("GC")[2].future
    calendar = market.calendar(future)
    before = calendar.on(calendar.previous(calendar.latest(market.now).date))
    assert market.book(future).prev_close == market.price_at(future, before.close_at)


def test_bars_of_a_future_are_on_its_grid_and_end_where_it_stands(market):
    future = market.contracts("ES")[0].future
    bars = market.bars(future, Interval(1, "minute"), market.now - timedelta(hours=2), market.now)
    assert len(bars) > 100
    for bar in bars:
        assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
        assert bar.close % 0.25 == 0
        assert bar.up_volume + bar.down_volume == bar.volume
    assert float(market.book(future).mark) == pytest.approx(bars[-1].close, abs=1.0)
    assert market.bars(Future("XX", 2026, 12), Interval(1, "day"), MORNING - timedelta(days=9), MORNING) == []


# Options on futures


@pytest.mark.parametrize("code", WITH_OPTIONS)
def test_every_option_series_is_on_a_listed_month_that_outlives_it(market, code):
    listed = {one.future: one for one in market.contracts(code)}
    chain = market.future_chain(code)
    assert [one.expires_at for one in chain] == sorted(one.expires_at for one in chain)
    assert len({(one.contract, one.expiry) for one in chain}) == len(chain)
    for one in chain:
        assert one.expires_at <= listed[one.future].expires_at
        assert one.expires_at > market.now
        prices = [strike.price for strike in one.strikes]
        assert prices == sorted(set(prices))
        spot = market.spot(one.future, market.now)
        assert prices[0] < spot < prices[-1]
        assert parse_instrument(str(one.strikes[0].put)) == one.strikes[0].put


def test_the_large_future_has_weeklies_quarterlies_month_ends_and_days(market):
    chain = {one.contract: one for one in market.future_chain("ES")}
    assert {one.kind for one in chain.values()} == {"quarterly", "weekly", "end_of_month"}
    assert {"ESZ26", "EW3Z26", "EWX26", "EW1Z26", "E4AX26"} <= chain.keys()
    option = FutureOption(Future("ES", 2026, 12), "EW3Z26", date(2026, 12, 18), Right.PUT, Decimal(5700))
    assert market.listing(option).underlying == Future("ES", 2026, 12)
    assert market.expires_at(option) == market.expires_at(option.future)
    assert not market.settles_in_cash(option)


@pytest.mark.parametrize("code", WITH_OPTIONS)
def test_books_of_options_on_futures_hold_the_fair_price_and_are_at_parity(market, code):
    for one in market.future_chain(code)[::3]:
        spot = market.spot(one.future, market.book(one.future).at)
        for strike in one.strikes[:: max(1, len(one.strikes) // 12)]:
            call, put = market.book(strike.call), market.book(strike.put)
            for book in (call, put):
                assert float(book.bid) <= book.greeks.price <= float(book.ask)
                assert book.bid < book.ask
                assert one.increments.fits(book.bid)
                assert one.increments.fits(book.ask)
                assert book.low <= book.last <= book.high
            apart = call.greeks.price - put.greeks.price
            assert abs(apart - (spot - float(strike.price))) < 0.04 * abs(spot - float(strike.price)) + spot * 1e-3


def test_an_option_on_a_future_ends_at_the_futures_price():
    market = Market(4, MORNING)
    one = next(each for each in market.future_chain("ES") if each.contract == "EW4X26")
    option = one.strikes[len(one.strikes) // 2].call
    market.advance(one.expires_at)
    assert market.book(option) is None
    assert market.settlement(option) == market.price_at(option.future, one.expires_at)
    inside = max(market.settlement(option) - option.strike, Decimal(0))
    assert market.price_at(option, one.expires_at) == inside
    market.advance(one.expires_at + timedelta(days=10))
    assert market.expires_at(option) == one.expires_at
    assert market.settlement(option) == market.price_at(option.future, one.expires_at)


def test_bars_of_options_follow_what_they_are_on(market):
    one = next(each for each in market.future_chain("CL") if each.contract == "LOF27")
    strike = min(one.strikes, key=lambda each: abs(float(each.price) - market.spot(one.future, market.now)))
    bars = market.bars(strike.call, Interval(5, "minute"), market.now - timedelta(hours=3), market.now)
    assert len(bars) > 20
    assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in bars)
    assert float(market.book(strike.call).mark) == pytest.approx(bars[-1].close, abs=0.1)
    assert bars[-1].iv == pytest.approx(market.book(strike.call).greeks.volatility, abs=0.01)
