"""Fair prices as functions of time: the same for whoever asks, credible over years."""

from datetime import date, datetime, timedelta, timezone
from itertools import pairwise
from math import log, sqrt
from statistics import pstdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokers.domain.instruments import Crypto, Equity, Index, Instrument
from brokers.simulator.market import Market
from brokers.simulator.market.company import earnings_days, earnings_move
from brokers.simulator.market.paths.clockwork import EPOCH, Clockwork
from brokers.simulator.market.paths.walks import Reports, Source, Walks
from brokers.simulator.market.sessions import session_on

MORNING = datetime(2026, 11, 20, 15, 0, tzinfo=timezone.utc)
SPY, AAPL, KO, BTC = Equity("SPY"), Equity("AAPL"), Equity("KO"), Crypto("BTC", "USD")
SPX, VIX = Index("SPX"), Index("VIX")
NAMES: tuple[Instrument, ...] = (SPY, AAPL, KO, BTC, SPX, VIX)

seconds = st.integers(0, 6 * 365 * 86400).map(lambda ago: timedelta(seconds=ago))
MARKETS = {always: Market(3, MORNING, always) for always in (False, True)}


@given(asked=st.lists(st.tuples(st.sampled_from(NAMES), seconds), min_size=2, max_size=6), always=st.booleans())
@settings(max_examples=12, deadline=None)
def test_prices_are_the_same_in_any_order_of_asking(asked: list[tuple[Instrument, timedelta]], always: bool) -> None:
    used = MARKETS[always]
    fresh = Market(3, MORNING - timedelta(days=40), always)
    forward = [used.spot(name, MORNING - ago) for name, ago in asked]
    backward = [fresh.spot(name, MORNING - ago) for name, ago in reversed(asked)]
    assert forward == pytest.approx(backward[::-1], rel=1e-12)  # today's are looked up by another road


@pytest.mark.parametrize("always", [False, True])
def test_a_restart_goes_on_where_the_clock_is(always: bool) -> None:
    first, second = Market(7, MORNING, always), Market(7, MORNING + timedelta(days=30), always)
    first.advance(MORNING + timedelta(days=30))
    for name in first.listings:
        assert first.spot(name, first.now) == second.spot(name, first.now)
        one, other = first.book(name), second.book(name)
        assert (one.open, one.prev_close, one.prev_volume) == (other.open, other.prev_close, other.prev_volume)


def test_other_seeds_give_other_prices() -> None:
    one, other = Market(1, MORNING), Market(2, MORNING)
    assert all(one.spot(name, MORNING) != other.spot(name, MORNING) for name in NAMES)


@pytest.mark.parametrize("always", [False, True])
def test_there_is_no_leap_at_midnight_nor_when_clocks_change(always: bool) -> None:
    market = MARKETS[always]
    for text in ("2026-03-08T05:00", "2026-03-08T07:00", "2026-03-09T04:00", "2026-11-01T06:00", "2026-11-02T05:00"):
        midnight = datetime.fromisoformat(text).replace(tzinfo=timezone.utc)
        for name in (SPY, KO, BTC):
            before, after = (market.spot(name, midnight + timedelta(seconds=n)) for n in (-0.5, 0.5))
            assert abs(log(after / before)) < 0.001


def test_levels_stay_credible_over_many_years() -> None:
    for seed in range(4):
        market = Market(seed, MORNING)
        days = [MORNING - timedelta(days=7 * week) for week in range(420)]
        for name, home, least, most in ((SPX, 6000, 0.7, 1.4), (AAPL, 190, 0.5, 1.75), (KO, 63, 0.6, 1.5)):
            found = [market.spot(name, day) / home for day in days]
            assert least < min(found) < 0.97
            assert 1.03 < max(found) < most
        fear = [market.spot(VIX, day) for day in days]
        assert 9 < min(fear) < 16
        assert 22 < max(fear) < 80


@pytest.mark.parametrize("name", [SPY, AAPL, KO, Equity("TSLA"), Equity("TLT")])
def test_prices_move_about_as_much_as_their_options_say(name: Equity) -> None:
    market = MARKETS[False]
    closes = market.closes(name, date(2026, 11, 19), 1200)
    moves = [log(after / before) for before, after in pairwise(closes)]
    realised = pstdev(moves) * sqrt(252)
    reports = 4 * earnings_move(name.symbol, 3) ** 2 if name in (AAPL, KO, Equity("TSLA")) else 0.0
    assert realised == pytest.approx(sqrt(market.usual_vol(name) ** 2 + reports), rel=0.15)


def test_closes_are_the_prices_at_the_close() -> None:
    market = MARKETS[False]
    found = market.closes(AAPL, date(2026, 11, 19), 30)
    assert found[-1] == float(market.price_at(AAPL, session_on(date(2026, 11, 19)).close_at))
    assert found == market.closes(AAPL, date(2026, 11, 18), 29) + found[-1:]


def test_regular_hours_are_wilder_than_the_night_and_the_weekend() -> None:
    market = MARKETS[False]

    def moved(start: datetime, hours: int) -> float:
        moves = [
            log(market.spot(SPY, start - week + timedelta(hours=hours)) / market.spot(SPY, start - week))
            for week in (timedelta(weeks=n) for n in range(60))
        ]
        return pstdev(moves)

    regular = moved(datetime(2026, 11, 18, 15, 0, tzinfo=timezone.utc), 5)
    night = moved(datetime(2026, 11, 18, 3, 0, tzinfo=timezone.utc), 5)
    weekend = moved(datetime(2026, 11, 14, 15, 0, tzinfo=timezone.utc), 5)
    assert regular > 2.5 * night > 2.5 * weekend


def test_shares_leap_after_their_reports_and_only_then() -> None:
    market = MARKETS[False]
    leaps, usual = [], []
    for year in (2022, 2023, 2024, 2025):
        for report in earnings_days("AAPL", 3, year):
            shown = session_on(report.first_session)
            before = session_on(market.hours.previous(shown.date))
            leaps.append(log(market.spot(AAPL, shown.open_at) / market.spot(AAPL, before.close_at)))
            week = session_on(market.hours.previous(before.date - timedelta(days=7)))
            usual.append(log(market.spot(AAPL, week.open_at) / market.spot(AAPL, week.open_at - timedelta(hours=17))))
    assert pstdev(leaps) > 2.5 * pstdev(usual)


def test_a_day_hangs_on_its_knots_whatever_the_days_made_before() -> None:
    clockwork = Clockwork(always_open=False)
    sources = [Source("one", 0.2), Source("two", 0.5, pace="coins")]
    near, far = (Walks(5, clockwork, sources, Reports()) for _ in range(2))
    index = (date(2024, 2, 29) - EPOCH).days
    far.knots("one", index + 2000)
    for name in ("one", "two"):
        assert near.day(name, index).tolist() == far.day(name, index).tolist()
        assert near.knots(name, index).tolist() == far.knots(name, index).tolist()
        assert near.day(name, index)[0] == near.day(name, index - 1)[-1]
        assert near.rough(name, index, 9.5 * 3600) == pytest.approx(near.knots(name, index)[1])


def test_volatility_at_the_money_rises_with_fear() -> None:
    market = MARKETS[False]
    times = [MORNING - timedelta(days=n) for n in range(300)]
    ranked = sorted(times, key=market.stress)
    calm, wild = ranked[0], ranked[-1]
    for name in (SPY, AAPL):
        assert market.at_the_money_vol(name, wild) > 1.15 * market.at_the_money_vol(name, calm)
    assert market.spot(VIX, wild) > market.spot(VIX, calm) * 1.4
