"""The market where it is pushed: prices out of all reach, clocks put back, last minutes, long charts, memory."""

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from itertools import pairwise
from math import isfinite

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokers.domain.instruments import Crypto, Equity, Future, FutureOption, Index, Instrument, Option, Right
from brokers.simulator.market import Bar, Book, Interval, Market
from brokers.simulator.market.bars import KEPT, Unit
from brokers.simulator.market.options.chains import expirations, plan_of
from brokers.simulator.market.options.levels import sample_days
from brokers.simulator.market.paths.fair import walks_of
from brokers.simulator.market.pricing import greeks, value
from brokers.simulator.market.recent import Recent
from brokers.simulator.market.universe import characters

MORNING = datetime(2026, 11, 20, 15, 0, tzinfo=timezone.utc)
AAPL, TSLA, SPY, SPX, VIX, BTC = (
    Equity("AAPL"),
    Equity("TSLA"),
    Equity("SPY"),
    Index("SPX"),
    Index("VIX"),
    Crypto("BTC", "USD"),
)
DAY, MINUTE = Interval(1, "day"), Interval(1, "minute")


def nearest(market: Market, underlying: Instrument) -> list[Option]:
    """Options of the first expirations, from the lowest strike to the highest."""
    chain = market.chain(underlying)
    assert chain is not None
    strikes = [strike for each in chain.expirations[:3] for strike in each.strikes[:: max(1, len(each.strikes) // 7)]]
    return [option for strike in strikes for option in (strike.call, strike.put) if option is not None]


def sound(book: Book | None) -> None:
    """What holds for any book at any time."""
    assert book is not None
    assert book.low <= book.open <= book.high
    assert book.low > 0 or book.greeks is not None
    assert book.volume >= 0
    if book.bid is not None:
        assert 0 <= book.bid < book.ask
        assert book.ask_size > 0
        assert book.bid_size > 0 or not book.bid
    if book.greeks is not None:
        found = book.greeks
        assert all(isfinite(one) for one in (found.price, found.delta, found.gamma, found.theta, found.vega, found.rho))


@pytest.mark.parametrize("price", ["0.01", "900000", "5"])
@pytest.mark.parametrize("name", [AAPL, SPX, Future("ES", 2026, 12), Future("CL", 2027, 1), BTC])
def test_books_stay_sound_at_any_price_that_is_put(name: Instrument, price: str) -> None:
    market = Market(3, MORNING)
    market.put(name, Decimal(price))
    for later in (0, 5, 3600, 86400 * 3, 86400 * 40):
        market.advance(MORNING + timedelta(seconds=later))
        if market.listing(name) is None:
            continue
        sound(market.book(name))
        assert market.bars(name, MINUTE, market.now - timedelta(hours=1), market.now) is not None
        if name in (AAPL, SPX):
            for option in nearest(market, name):
                sound(market.book(option))
    low, high = market.year_range(name) or (Decimal(0), Decimal(0))
    assert market.listing(name) is None or low <= Decimal(price) <= high or name == SPX


@pytest.mark.parametrize("price", ["0", "-1", "1000000000", "NaN", "Infinity"])
def test_what_cannot_be_a_price_is_refused(price: str) -> None:
    market = Market(3, MORNING)
    with pytest.raises((ValueError, ArithmeticError)):
        market.put(AAPL, Decimal(price))
    assert market.snapshot() == {"puts": {}, "halts": {}}


def test_a_chain_of_a_price_out_of_reach_keeps_its_strikes_and_does_not_swell() -> None:
    market = Market(3, MORNING)
    before = market.chain(AAPL)
    market.put(AAPL, Decimal(900_000))
    after = market.chain(AAPL)
    assert before is not None
    assert after is not None
    for old, new in zip(before.expirations, after.expirations, strict=True):
        assert {strike.price for strike in old.strikes} <= {strike.price for strike in new.strikes}
        assert len(new.strikes) < 1500
        assert new.strikes[-1].price > 900_000


def test_every_expiration_of_every_day_has_been_listed_for_a_while() -> None:
    plans = [plan for one in characters() if (plan := plan_of(one.listing, one.start))]
    distinct = {tuple((rule.name, rule.ahead, rule.life) for rule in plan.rules): plan for plan in plans}
    for number in range(0, 760, 3):
        today = MORNING.date() + timedelta(days=number)
        for plan in distinct.values():
            assert all(sample_days(each.expiry, each.life, today) for each in expirations(plan, today))


@pytest.mark.parametrize("stress", ["0.5", "9", "80", "500"])
def test_options_stay_sound_however_afraid_the_market_is(stress: str) -> None:
    market = Market(3, MORNING)
    market.put(VIX, Decimal(stress))
    market.advance(MORNING + timedelta(seconds=20))
    for name in (VIX, SPX, TSLA):
        sound(market.book(name))
        for option in nearest(market, name):
            sound(market.book(option))


def test_the_last_minutes_of_an_option_have_a_price() -> None:
    end = datetime(2026, 11, 20, 21, 0, tzinfo=timezone.utc)
    market = Market(3, end - timedelta(minutes=10))
    options = nearest(market, TSLA)
    for left in (300, 100, 61, 59, 10, 1):
        market.advance(end - timedelta(seconds=left))
        for option in options:
            sound(market.book(option))
    market.advance(end)
    over = [option for option in options if option.expiry == end.date()]
    assert over
    assert all(market.book(option) is None and market.settlement(option) is not None for option in over)


@given(
    spot=st.floats(0.01, 1e6),
    away=st.floats(0.01, 100),
    years=st.floats(1e-7, 4),
    volatility=st.floats(0.02, 10),
    growth=st.sampled_from([0.0, 0.04, 0.027, 0.039, -0.4]),
    is_call=st.booleans(),
    american=st.booleans(),
)
@settings(max_examples=400, deadline=None)
def test_no_option_costs_less_than_nothing_or_more_than_what_it_is_on(
    spot: float, away: float, years: float, volatility: float, growth: float, is_call: bool, american: bool
) -> None:
    strike = spot * away
    found = value(spot, strike, years, volatility, growth, is_call, american)
    assert 0 <= found <= (spot if is_call else strike) * 1.0001
    if american:
        assert found >= (spot - strike if is_call else strike - spot)
        assert found >= value(spot, strike, years, volatility, growth, is_call, False) * (1 - 1e-9)
    assert isfinite(greeks(spot, strike, years, volatility, growth, is_call, american).delta)


moments = st.lists(st.integers(0, 86400 * 12), min_size=2, max_size=40).map(sorted)


@given(seconds=moments, always=st.booleans())
@settings(max_examples=12, deadline=None)
def test_volume_only_grows_in_a_session_and_the_fair_price_is_in_the_touch(seconds: list[int], always: bool) -> None:
    market = Market(3, MORNING, always)
    names = [AAPL, BTC, SPY, *(one.future for one in market.contracts("CL")[:3])]
    seen: dict[tuple[Instrument, date], int] = {}
    for second in seconds:
        market.advance(MORNING + timedelta(seconds=second))
        for name in names:
            book = market.book(name)
            if book is None:
                continue
            day = market.trading_date(book.at, name)
            assert book.volume >= seen.get((name, day), 0)
            seen[name, day] = book.volume
            if book.at == market.now:
                assert float(book.bid) <= market.spot(name, market.now) * 1.0000001
                assert market.spot(name, market.now) <= float(book.ask) * 1.0000001


def test_the_past_volume_of_a_delivery_month_does_not_change_when_trading_rolls() -> None:
    december = Future("ES", 2026, 12)
    early, late = Market(3, MORNING), Market(3, datetime(2026, 12, 17, 15, 0, tzinfo=timezone.utc))
    start, end = MORNING - timedelta(days=9), MORNING - timedelta(days=1)
    assert early.contracts("ES")[0].active_month != late.contracts("ES")[0].active_month
    for interval in (DAY, Interval(1, "hour")):
        assert early.bars(december, interval, start, end) == late.bars(december, interval, start, end)


def test_the_active_month_does_not_change_in_a_session() -> None:
    market = Market(3, MORNING)
    calendar = market.calendar(Future("ES", 2026, 12))
    active: dict[tuple[str, date], Future] = {}
    for hours in range(0, 24 * 28, 12):
        market.advance(MORNING + timedelta(hours=hours))
        for code in ("ES", "CL", "GC"):
            now = next(one.future for one in market.contracts(code) if one.active_month)
            assert active.setdefault((code, calendar.trading(market.now).date), now) == now


def test_a_month_that_has_ended_is_listed_nowhere() -> None:
    market = Market(3, MORNING)
    december = Future("ES", 2026, 12)
    end = market.expires_at(december)
    market.advance(end - timedelta(seconds=1))
    assert december in market.listings
    assert market.book(december) is not None
    market.advance(end)
    assert december not in market.listings
    assert market.listing(december) is market.book(december) is None
    assert market.settlement(december) is not None
    assert market.price_at(december, end) is not None


@pytest.mark.parametrize(
    "option",
    [
        FutureOption(Future("ES", 2026, 12), "E", date(2026, 12, 18), Right.CALL, Decimal(6000)),
        FutureOption(Future("ES", 2026, 12), "EW?Z26", date(2026, 12, 18), Right.CALL, Decimal(6000)),
        FutureOption(Future("ES", 2026, 12), "EWZxx", date(2026, 12, 18), Right.CALL, Decimal(6000)),
        FutureOption(Future("ES", 2026, 12), "EWZ26", date(2026, 12, 18), Right.PUT, Decimal(0)),
        FutureOption(Future("ES", 2026, 11), "EWZ26", date(2026, 12, 18), Right.PUT, Decimal(6000)),
        Option("AAPL", date(2026, 12, 18), Right.CALL, Decimal(0)),
        Option("NONE", date(2026, 12, 18), Right.CALL, Decimal(10)),
        Future("ES", 2026, 11),
    ],
)
def test_nonsense_has_no_price(option: Option | FutureOption | Future) -> None:
    market = Market(3, MORNING)
    assert market.listing(option) is market.book(option) is market.price_at(option, MORNING) is None
    assert market.books([option]) == [None]
    assert market.bars(option, DAY, MORNING - timedelta(days=9), MORNING) == []


def test_a_clock_put_back_stops_the_market_and_a_later_price_is_forgotten() -> None:
    market = Market(3, MORNING)
    market.advance(MORNING + timedelta(hours=1))
    kept = market.book(AAPL)
    market.advance(MORNING)
    assert market.now == MORNING + timedelta(hours=1)
    assert market.book(AAPL) == kept
    market.put(AAPL, Decimal(400))
    back = Market(3, MORNING)
    back.restore(json.loads(json.dumps(market.snapshot())))
    back.put(AAPL, Decimal(300))
    back.advance(MORNING + timedelta(hours=2))
    assert 285 < back.spot(AAPL, back.now) < 315
    assert back.price_at(AAPL, MORNING - timedelta(hours=1)) == Market(3, MORNING).price_at(
        AAPL, MORNING - timedelta(hours=1)
    )


def test_restored_prices_are_in_bars_and_ranges_that_were_asked_for_before() -> None:
    first = Market(3, MORNING)
    first.put(AAPL, Decimal(900))
    first.advance(MORNING + timedelta(days=3))
    second = Market(3, first.now)
    for market in (second, first):
        market.bars(AAPL, DAY, MORNING - timedelta(days=5), market.now)
        market.year_range(AAPL)
    second.restore(first.snapshot())
    assert second.bars(AAPL, DAY, MORNING - timedelta(days=5), second.now) == first.bars(
        AAPL, DAY, MORNING - timedelta(days=5), first.now
    )
    assert second.year_extremes(AAPL) == first.year_extremes(AAPL)
    assert second.year_range(AAPL)[1] >= 900


def test_the_average_price_of_a_day_goes_with_prices_that_were_put() -> None:
    market = Market(3, MORNING)
    market.put(AAPL, Decimal(900))
    market.advance(MORNING + timedelta(days=4))
    book = market.book(AAPL)
    assert book.low <= book.vwap <= book.high
    [*_, bar] = market.bars(AAPL, DAY, market.now - timedelta(hours=12), market.now)
    assert bar.low < bar.vwap < bar.high


@pytest.mark.parametrize("name", [AAPL, VIX, BTC, Future("CL", 2027, 1), Future("ES", 2026, 12)])
@pytest.mark.parametrize("always", [False, True])
def test_the_extremes_of_a_year_are_those_of_its_days(name: Instrument, always: bool) -> None:
    market = Market(5, MORNING.replace(hour=3), always)
    found = market.year_extremes(name)
    today = market.trading_date(market.now, name)
    days = [
        bar
        for bar in market.bars(name, DAY, market.now - timedelta(days=368), market.now)
        if today - timedelta(days=365) < (bar.end - timedelta(seconds=1, hours=5)).date() < today
    ]
    assert found is not None
    assert min(bar.low for bar in days) >= float(found.low)
    assert max(bar.high for bar in days) <= float(found.high)
    if found.low_on != today:
        assert min(bar.low for bar in days) == pytest.approx(float(found.low))
    if found.high_on != today:
        assert max(bar.high for bar in days) == pytest.approx(float(found.high))


def runs(market: Market, name: Instrument, interval: Interval, days: float, hours: str) -> Iterator[list[Bar]]:
    return market.bar_runs(name, interval, market.now - timedelta(days=days), market.now, hours)


@given(
    name=st.sampled_from([AAPL, VIX, BTC, Future("ES", 2026, 12)]),
    count=st.integers(1, 40),
    unit=st.sampled_from(["second", "minute", "hour", "day", "week", "month", "year"]),
    hours=st.sampled_from(["regular", "extended", "all"]),
)
@settings(max_examples=8, deadline=None)
def test_bars_in_runs_are_the_bars_at_once(name: Instrument, count: int, unit: Unit, hours: str) -> None:
    market = Market(3, MORNING)
    days = {"second": 0.1, "minute": 3, "hour": 9}.get(unit, 150)
    interval = Interval(count, unit)
    found = [bar for run in runs(market, name, interval, days, hours) for bar in run]
    assert found == market.bars(name, interval, market.now - timedelta(days=days), market.now, hours)
    assert all(one.end <= other.start for one, other in pairwise(found))


def test_bars_of_seconds_are_the_same_whatever_part_of_the_day_is_asked_for() -> None:
    market = Market(3, MORNING)
    start = MORNING - timedelta(minutes=9)
    whole = market.bars(AAPL, Interval(5, "second"), start, MORNING)
    part = market.bars(AAPL, Interval(5, "second"), start + timedelta(minutes=3), start + timedelta(minutes=4))
    assert len(part) == 12
    assert [bar for bar in whole if part[0].start <= bar.start <= part[-1].start] == part


def test_a_bar_of_a_month_is_whole_though_the_chart_ends_in_its_middle() -> None:
    market = Market(3, MORNING)
    middle, end = datetime(2026, 9, 15, 12, 0, tzinfo=timezone.utc), datetime(2026, 10, 1, 12, 0, tzinfo=timezone.utc)
    for unit in ("week", "month"):
        [*_, cut] = market.bars(AAPL, Interval(1, unit), middle - timedelta(days=40), middle)
        whole = market.bars(AAPL, Interval(1, unit), middle - timedelta(days=40), end)
        assert cut in whole


def test_books_of_many_are_the_books_of_each() -> None:
    market = Market(3, MORNING)
    names: list[Instrument] = [
        AAPL,
        *nearest(market, AAPL),
        VIX,
        *nearest(market, SPX),
        market.contracts("ES")[0].future,
    ]
    for one, other in zip([market.book(name) for name in names], market.books(names), strict=True):
        assert one is not None
        assert other is not None
        assert (one.instrument, one.bid, one.ask, one.last, one.high) == (
            other.instrument,
            other.bid,
            other.ask,
            other.last,
            other.high,
        )


def test_what_is_remembered_is_bounded() -> None:
    kept: Recent[int, int] = Recent(3)
    assert [kept.get(number, lambda number=number: number) for number in (1, 2, 3, 1, 4)] == [1, 2, 3, 1, 4]
    assert len(kept) == 3
    assert kept.get(1, lambda: 9) == 1
    assert kept.get(2, lambda: 9) == 9


def test_heavy_charting_leaves_little_behind() -> None:
    market = Market(3, MORNING)
    for name in list(market.listings)[:12]:
        market.bars(name, MINUTE, MORNING - timedelta(days=30), MORNING, "extended")
    assert sum(map(len, market._bars._kept.values())) <= KEPT
    walks = walks_of(3, False)
    assert sum(len(kept) for kept in walks._kept.values()) <= 800 + 400  # of those that names share, and of all others
    assert walks_of(3, False) is walks


def test_the_last_trade_of_a_morning_settlement_is_the_evening_before() -> None:
    market = Market(3, MORNING)
    option = Option("SPX", date(2026, 12, 18), Right.CALL, Decimal(6000))
    assert market.last_trade_at(option) == datetime(2026, 12, 17, 21, 0, tzinfo=timezone.utc)
    assert market.expires_at(option) == datetime(2026, 12, 18, 14, 30, tzinfo=timezone.utc)
    with pytest.raises(KeyError):
        market.last_trade_at(AAPL)
