"""Bars of all lengths agree with each other and with the quotes."""

from datetime import datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokers.domain.instruments import Crypto, Equity, Future, Index, Instrument
from brokers.simulator.market import Bar, Interval, Market
from brokers.simulator.market.bars import Unit, join

NOW = datetime(2026, 11, 20, 15, 20, 30, tzinfo=timezone.utc)
OPEN = datetime(2026, 11, 20, 14, 30, tzinfo=timezone.utc)
AAPL, SPX, VIX, BTC = Equity("AAPL"), Index("SPX"), Index("VIX"), Crypto("BTC", "USD")
MARKETS = {always: Market(3, NOW, always) for always in (False, True)}
MARKET = MARKETS[False]
DAY, MINUTE = Interval(1, "day"), Interval(1, "minute")


def figures(bar: Bar) -> tuple[object, ...]:
    """What a bar made of shorter ones has exactly as one made at once."""
    trades = (bar.volume, bar.up_volume, bar.down_volume, bar.ticks, bar.up_ticks, bar.down_ticks)
    return (bar.start, bar.end, bar.open, bar.high, bar.low, bar.close, *trades)


@pytest.mark.parametrize("hours", ["regular", "extended"])
@pytest.mark.parametrize("always", [False, True])
def test_a_days_bar_is_what_its_minutes_add_up_to(hours: str, always: bool) -> None:
    market = MARKETS[always]
    start = NOW - timedelta(days=5)
    for name in (AAPL, SPX, VIX, BTC):
        days = market.bars(name, DAY, start, NOW, hours=hours)
        assert len(days) >= 3
        for day in days:
            minutes = market.bars(name, MINUTE, day.start, day.end, hours=hours)
            whole = join(minutes)
            assert figures(whole)[2:] == figures(day)[2:]
            assert whole.start == day.start
            if day.volume:
                assert whole.vwap == pytest.approx(day.vwap, rel=1e-4)


@given(
    count=st.integers(5, 90),
    unit=st.sampled_from(["second", "minute", "hour"]),
    name=st.sampled_from([AAPL, SPX, BTC, Equity("F")]),
    hours=st.sampled_from(["regular", "extended", "all"]),
)
@settings(max_examples=25, deadline=None)
def test_any_bars_of_a_session_follow_each_other_and_hold_their_prices(
    count: int, unit: Unit, name: Instrument, hours: str
) -> None:
    bars = MARKET.bars(name, Interval(count, unit), NOW - timedelta(days=1, hours=4), NOW, hours=hours)
    assert bars
    for one, following in pairwise(bars):
        assert one.end <= following.start
        assert one.close == following.open or one.end < following.start
        assert one.end <= NOW
    for bar in bars[:: len(bars) // 50 + 1]:
        assert bar.low <= min(bar.open, bar.close, bar.vwap)
        assert max(bar.open, bar.close, bar.vwap) <= bar.high
        assert bar.up_volume + bar.down_volume == bar.volume >= 0
        assert bar.up_ticks + bar.down_ticks == bar.ticks
        inside = MARKET.price_at(name, min(bar.start + (bar.end - bar.start) / 3, NOW))
        assert bar.low <= float(inside) <= bar.high
    assert bars[-1].start < NOW <= bars[-1].end


def test_bars_open_and_close_at_the_prices_of_their_moments() -> None:
    for bar in MARKET.bars(AAPL, Interval(30, "minute"), NOW - timedelta(days=4), NOW - timedelta(hours=12)):
        assert bar.open == float(MARKET.price_at(AAPL, bar.start))
        assert bar.close == float(MARKET.price_at(AAPL, bar.end))


def test_the_bar_in_progress_is_the_day_as_the_book_has_it() -> None:
    market = Market(3, NOW - timedelta(seconds=1))
    market.advance(NOW)
    for name in (AAPL, Equity("SPY"), SPX, VIX):
        [*_, day] = market.bars(name, DAY, NOW - timedelta(days=9), NOW)
        book = market.book(name)
        assert day.open == float(book.open)
        assert day.high >= float(book.high)
        assert day.low <= float(book.low)
        assert day.high - day.low == pytest.approx(float(book.high - book.low), rel=0.05)
        [*_, before] = market.bars(name, DAY, NOW - timedelta(days=9), OPEN)
        assert before.close == float(book.prev_close)


def test_the_volume_of_a_finished_day_is_that_of_the_book() -> None:
    market = Market(3, NOW)
    market.advance(datetime(2026, 11, 21, 1, 0, tzinfo=timezone.utc))
    [day] = market.bars(AAPL, DAY, NOW - timedelta(hours=12), market.now, hours="extended")
    assert day.volume == market.book(AAPL).volume
    market.advance(NOW + timedelta(days=3))
    assert day.volume == market.book(AAPL).prev_volume


def test_past_bars_are_the_same_whenever_they_are_asked_for() -> None:
    later = Market(3, NOW + timedelta(days=50))
    for interval in (MINUTE, Interval(1, "hour"), DAY, Interval(1, "week"), Interval(1, "month")):
        end = NOW - timedelta(days=60)
        start = end - (timedelta(days=3) if interval.unit in ("minute", "hour") else timedelta(days=400))
        assert MARKET.bars(AAPL, interval, start, end) == later.bars(AAPL, interval, start, end)


def test_weeks_and_months_are_made_of_whole_days() -> None:
    start = NOW - timedelta(days=200)
    for unit in ("week", "month", "year"):
        bars = MARKET.bars(AAPL, Interval(1, unit), start - timedelta(days=400), NOW)
        for bar in bars[:-1]:
            days = MARKET.bars(AAPL, DAY, bar.start, bar.end)
            assert figures(join(days)) == figures(bar)
        assert all(one.end < following.start for one, following in pairwise(bars))
    weeks = MARKET.bars(AAPL, Interval(1, "week"), start, NOW)
    assert {bar.start.weekday() for bar in weeks} <= {0, 1}
    assert len(weeks) == pytest.approx(200 / 7, abs=1)


def test_half_days_and_holidays_have_their_bars() -> None:
    market = Market(3, datetime(2026, 12, 1, 15, 0, tzinfo=timezone.utc))
    start = datetime(2026, 11, 25, tzinfo=timezone.utc)
    days = market.bars(AAPL, DAY, start, start + timedelta(days=4))
    assert [(bar.start.day, bar.end.hour) for bar in days] == [(25, 21), (27, 18)]
    assert len(market.bars(AAPL, MINUTE, days[1].start, days[1].end)) == 210
    assert days[1].volume < days[0].volume
    assert len(market.bars(AAPL, MINUTE, days[0].start, days[0].end)) == 390


def test_years_of_days_and_tens_of_thousands_of_minutes_can_be_had() -> None:
    days = MARKET.bars(AAPL, DAY, NOW - timedelta(days=5 * 365), NOW)
    assert 1250 < len(days) < 1262
    minutes = MARKET.bars(AAPL, MINUTE, NOW - timedelta(days=90), NOW)
    assert len(minutes) > 60 * 380
    year = MARKET.bars(AAPL, DAY, NOW - timedelta(days=365), NOW)
    low, high = MARKET.year_range(AAPL)
    assert (float(low), float(high)) == (min(bar.low for bar in year), max(bar.high for bar in year))


def test_futures_options_and_coins_have_bars_too() -> None:
    option = next(
        strike.call for one in MARKET.chain(AAPL).expirations if one.kind == "regular" for strike in one.strikes
    )
    for name, least in ((Future("ES", 2026, 12), 5), (BTC, 7), (option, 4)):
        bars = MARKET.bars(name, DAY, NOW - timedelta(days=8), NOW)
        assert len(bars) >= least
        assert all(bar.low <= min(bar.open, bar.close) and max(bar.open, bar.close) <= bar.high for bar in bars)
    [*_, now] = MARKET.bars(Future("ES", 2026, 12), DAY, NOW - timedelta(days=8), NOW)
    assert now.start.hour == 23
