"""The made-up market: prices that can be believed, chains that can be traded, times that are right."""

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from itertools import pairwise
from math import isclose

import pytest

from brokers.domain.instruments import Equity, Future, Index, Option, Right
from brokers.simulator.clock import Clock, ManualClock
from brokers.simulator.market import Market
from brokers.simulator.market.chains import expirations, strikes
from brokers.simulator.market.pricing import greeks, value
from brokers.simulator.market.sessions import Hours, half_days, holidays

MORNING = datetime(2026, 11, 20, 15, 0, tzinfo=timezone.utc)
WITH_CHAINS = ("SPY", "QQQ", "AAPL", "NVDA", "TSLA")


def walk(market: Market, start: datetime, steps: int, pause: float = 0.1) -> list[set]:
    return [market.advance(start + timedelta(seconds=pause * (step + 1))) for step in range(steps)]


def all_options(market: Market, symbol: str) -> list[Option]:
    chain = market.chain(Equity(symbol))
    return [option for e in chain.expirations for s in e.strikes for option in (s.call, s.put)]


def test_the_same_seed_and_the_same_times_give_the_same_prices():
    one, other, third = Market(5, MORNING), Market(5, MORNING), Market(6, MORNING)
    for market in (one, other, third):
        walk(market, MORNING, 200)
    books = [[market.book(i) for i in market.listings] for market in (one, other, third)]
    assert books[0] == books[1]
    assert books[0] != books[2]


def test_asking_for_option_books_does_not_disturb_the_path():
    one, other = Market(5, MORNING), Market(5, MORNING)
    for option in all_options(one, "SPY")[:50]:
        one.book(option)
    walk(one, MORNING, 50)
    walk(other, MORNING, 50)
    assert [one.book(i) for i in one.listings] == [other.book(i) for i in other.listings]


def test_every_share_is_two_sided_on_its_grid_and_inside_its_day():
    market = Market(1, MORNING)
    for _ in walk(market, MORNING, 100):
        for instrument, listing in market.listings.items():
            book = market.book(instrument)
            assert book.low <= book.last <= book.high
            assert book.low <= book.open <= book.high
            if not listing.is_index:
                assert 0 < book.bid < book.ask
                assert min(book.bid_size, book.ask_size) > 0
                assert listing.increments.fits(book.bid)
                assert listing.increments.fits(book.ask)


def test_the_list_is_long_enough_and_its_indexes_have_no_bid():
    market = Market(1, MORNING)
    assert len(market.listings) >= 24
    vix = market.book(Index("VIX"))
    assert (vix.bid, vix.ask) == (None, None)
    assert vix.mark == vix.last > 0


def test_busy_names_quote_several_times_a_second():
    market = Market(3, MORNING)
    changes = [Equity("SPY") in changed for changed in walk(market, MORNING, 300)]
    assert 3 * 30 < sum(changes) < 10 * 30


def test_names_move_together_and_the_fear_index_against_them():
    market = Market(11, MORNING)
    prices = {i: [] for i in (Equity("SPY"), Equity("QQQ"), Index("VIX"))}
    now = MORNING
    for _ in range(400):
        now += timedelta(seconds=30)
        market.advance(now)
        for instrument, seen in prices.items():
            seen.append(float(market.book(instrument).mark))
    moves = {i: [b / a - 1 for a, b in pairwise(s)] for i, s in prices.items()}
    spy, qqq, vix = moves.values()
    assert correlation(spy, qqq) > 0.6
    assert correlation(spy, vix) < -0.4


def correlation(one: list[float], other: list[float]) -> float:
    a, b = sum(one) / len(one), sum(other) / len(other)
    both = sum((x - a) * (y - b) for x, y in zip(one, other, strict=True))
    return both / (sum((x - a) ** 2 for x in one) * sum((y - b) ** 2 for y in other)) ** 0.5


def test_prices_stay_near_home_over_a_year():
    market = Market(2, MORNING)
    for days in range(1, 366):
        market.advance(MORNING + timedelta(days=days))
    for symbol, home in (("SPY", 600), ("AAPL", 190), ("F", 11)):
        assert 0.6 < float(market.book(Equity(symbol)).last) / home < 1.6


def test_nothing_moves_while_the_market_is_closed_and_the_next_day_starts_afresh():
    friday_close = datetime(2026, 11, 20, 21, 0, tzinfo=timezone.utc)
    market = Market(4, MORNING)
    market.advance(friday_close)
    closing = market.book(Equity("AAPL"))
    assert closing.bid <= closing.last <= closing.ask
    assert market.advance(friday_close + timedelta(hours=20)) == set()
    assert market.book(Equity("AAPL")) == closing
    assert market.trading_date(friday_close + timedelta(hours=20)) == date(2026, 11, 20)
    monday = datetime(2026, 11, 23, 14, 30, 1, tzinfo=timezone.utc)
    assert Equity("AAPL") in market.advance(monday)
    opened = market.book(Equity("AAPL"))
    assert opened.prev_close == closing.last
    assert opened.volume < closing.volume
    assert market.trading_date(monday) == date(2026, 11, 23)


def test_a_market_that_is_always_open_moves_at_night_and_rolls_at_midnight():
    night = datetime(2026, 11, 22, 3, 0, tzinfo=timezone.utc)
    market = Market(4, night, always_open=True)
    assert market.is_open(night)
    assert any(walk(market, night, 20))
    before = market.book(Equity("SPY")).last
    market.advance(datetime(2026, 11, 22, 5, 0, tzinfo=timezone.utc))
    assert market.trading_date(market.now) == date(2026, 11, 22)
    assert market.book(Equity("SPY")).prev_close != before


@pytest.mark.parametrize("symbol", WITH_CHAINS)
def test_chains_have_weeklies_and_monthlies_with_enough_strikes(symbol):
    chain = Market(1, MORNING).chain(Equity(symbol))
    assert len(chain.expirations) >= 6
    assert {"weekly", "regular"} <= {expiration.kind for expiration in chain.expirations}
    expiries = [expiration.expiry for expiration in chain.expirations]
    assert expiries == sorted(set(expiries))
    for expiration in chain.expirations:
        prices = [strike.price for strike in expiration.strikes]
        assert len(prices) >= 31
        assert prices == sorted(set(prices))


def test_expirations_avoid_holidays():
    found = expirations(date(2027, 3, 22))
    assert date(2027, 3, 25) in found
    assert date(2027, 3, 26) not in found
    assert found[date(2027, 6, 17)] == "regular"


def test_a_listed_option_stays_listed_until_it_ends():
    today = date(2026, 11, 20)
    seen: dict[date, set[Decimal]] = {}
    for ahead in range(200):
        day = today + timedelta(days=ahead)
        found = expirations(day)
        gone = {expiry for expiry in seen if expiry >= day} - found.keys()
        assert not gone
        for expiry in found:
            listed = set(strikes(Decimal(600), Decimal(1), (expiry - day).days))
            assert seen.get(expiry, set()) <= listed
            seen[expiry] = listed


def test_option_books_are_two_sided_and_on_their_grid():
    market = Market(8, MORNING)
    walk(market, MORNING, 10)
    for symbol in (*WITH_CHAINS, "NFLX", "DIA"):
        increments = market.listings[Equity(symbol)].option_increments
        for option in all_options(market, symbol):
            book = market.book(option)
            assert 0 <= book.bid < book.ask
            assert (book.bid_size == 0) == (book.bid == 0)
            assert book.ask_size > 0
            assert increments.fits(book.bid)
            assert increments.fits(book.ask)
            assert book.low <= book.last <= book.high
            assert market.listing(option).underlying == Equity(symbol)


def test_calls_get_cheaper_and_puts_dearer_as_strikes_rise():
    market = Market(8, MORNING)
    for expiration in market.chain(Equity("SPY")).expirations:
        calls = [market.book(strike.call).greeks.price for strike in expiration.strikes]
        puts = [market.book(strike.put).greeks.price for strike in expiration.strikes]
        assert all(nearer >= farther - 1e-9 for nearer, farther in pairwise(calls))
        assert all(farther <= nearer + 1e-9 for farther, nearer in pairwise(puts))


def test_deltas_run_from_nothing_to_one():
    market = Market(8, MORNING)
    for expiration in market.chain(Equity("AAPL")).expirations:
        for strike in expiration.strikes:
            call, put = market.book(strike.call).greeks, market.book(strike.put).greeks
            assert 0 <= call.delta <= 1
            assert -1 <= put.delta <= 0
            assert isclose(call.delta - put.delta, 1, abs_tol=0.03)
            assert call.gamma >= 0
            assert call.vega >= 0


def test_greeks_are_the_slopes_of_the_price():
    spot, strike, years, sigma, yield_ = 100.0, 105.0, 0.4, 0.3, 0.01
    for is_call in (True, False):
        found = greeks(spot, strike, years, sigma, yield_, is_call)
        up, down = (value(spot + step, strike, years, sigma, yield_, is_call) for step in (0.01, -0.01))
        assert isclose(found.delta, (up - down) / 0.02, abs_tol=1e-4)
        assert isclose(found.gamma, (up - 2 * found.price + down) / 0.0001, abs_tol=1e-3)
        later = value(spot, strike, years - 0.01 / 365, sigma, yield_, is_call)
        assert isclose(found.theta, (later - found.price) / 0.01, abs_tol=1e-3)
        wilder = value(spot, strike, years, sigma + 0.0001, yield_, is_call)
        assert isclose(found.vega, (wilder - found.price) / 0.01, abs_tol=1e-3)


def test_a_call_has_the_price_that_the_formula_gives_by_hand():
    # d1 = (ln 1.05 + 0.06 / 2) / 0.14142 = 0.5571, d2 = 0.4157: 42 N(d1) - 39.208 N(d2) = 29.876 - 25.925
    assert isclose(value(42.0, 40.0, 0.5, 0.2, 0.0, True), 3.95, abs_tol=0.01)


def test_expired_and_unknown_options_are_not_listed():
    market = Market(1, MORNING)
    today = next(o for o in all_options(market, "SPY") if o.expiry == date(2026, 11, 20))
    assert market.book(today) is not None
    market.advance(datetime(2026, 11, 20, 21, 0, tzinfo=timezone.utc))
    assert market.book(today) is None
    assert market.listing(today) is None
    assert market.chain(Equity("SPY")).expirations[0].expiry == date(2026, 11, 27)
    assert market.book(Option("SPY", date(2026, 12, 18), Right.CALL, Decimal("601.37"))) is None
    assert market.book(Equity("ZZZZ")) is None
    assert market.chain(Equity("ZZZZ")) is None
    assert market.listing(Future("ES", 2026, 12)) is None


def test_search_puts_symbols_before_names():
    market = Market(1, MORNING)
    assert [one.symbol for one in market.search("a")][:3] == ["AAPL", "AMD", "AMZN"]
    assert [one.symbol for one in market.search("apple")] == ["AAPL"]
    assert [one.symbol for one in market.search("vix")] == ["VIX"]
    assert "SPY" in [one.symbol for one in market.search("spdr")]
    assert market.search("  ") == []


def test_the_year_has_its_holidays_and_half_days():
    assert date(2026, 4, 3) in holidays(2026)  # Good Friday
    assert date(2026, 7, 3) in holidays(2026)
    assert date(2026, 11, 26) in holidays(2026)
    assert len(holidays(2026)) == 10
    assert half_days(2026) == {date(2026, 11, 27), date(2026, 12, 24)}


def test_hours_follow_new_york_through_the_change_of_the_clocks():
    hours = Hours()
    assert hours.is_open(datetime(2026, 7, 1, 13, 30, tzinfo=timezone.utc))
    assert not hours.is_open(datetime(2026, 12, 1, 13, 30, tzinfo=timezone.utc))
    assert hours.is_open(datetime(2026, 12, 1, 14, 30, tzinfo=timezone.utc))
    assert not hours.is_open(datetime(2026, 11, 27, 18, 30, tzinfo=timezone.utc))
    closed = datetime(2026, 11, 25, 22, 0, tzinfo=timezone.utc)
    assert hours.session(closed).date == date(2026, 11, 27)
    assert hours.latest(closed).date == date(2026, 11, 25)


def test_a_clock_can_be_sped_up_and_put_forward():
    clock = Clock(MORNING)
    clock.jump(3600)
    assert clock.now() >= MORNING + timedelta(hours=1)
    clock.set_speed(0)
    assert clock.now() == clock.now()
    with pytest.raises(ValueError, match="below 0"):
        clock.set_speed(-1)
    still = ManualClock(MORNING)
    still.advance(0.5)
    assert still.now() == MORNING + timedelta(seconds=0.5)
