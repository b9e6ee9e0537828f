"""The made-up market: what is listed, quotes that can be believed, prices that can be put elsewhere."""

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from itertools import pairwise

import pytest

from brokers.domain.instruments import Crypto, Equity, Future, Index, Instrument
from brokers.simulator.clock import Clock, ManualClock
from brokers.simulator.market import Interval, Market

MORNING = datetime(2026, 11, 20, 15, 0, tzinfo=timezone.utc)
FRIDAY_CLOSE = datetime(2026, 11, 20, 21, 0, tzinfo=timezone.utc)
SATURDAY = datetime(2026, 11, 21, 17, 0, tzinfo=timezone.utc)
SPY, AAPL, VIX, SPX = Equity("SPY"), Equity("AAPL"), Index("VIX"), Index("SPX")


def moving(market: Market, start: datetime, steps: int, pause: float = 0.1) -> Iterator[set[Instrument]]:
    for step in range(steps):
        yield market.advance(start + timedelta(seconds=pause * (step + 1)))


def walk(market: Market, start: datetime, steps: int, pause: float = 0.1) -> list[set[Instrument]]:
    return list(moving(market, start, steps, pause))


def test_the_same_seed_and_the_same_times_give_the_same_books_and_prints() -> None:
    markets = [Market(5, MORNING), Market(5, MORNING), Market(6, MORNING)]
    for market in markets:
        walk(market, MORNING, 100)
    seen = [([market.book(i) for i in market.listings], market.prints) for market in markets]
    assert seen[0] == seen[1]
    assert seen[0] != seen[2]


def test_asking_for_books_bars_and_ranges_does_not_disturb_the_quotes() -> None:
    asked, left = Market(5, MORNING), Market(5, MORNING)
    asked.year_range(AAPL)
    asked.bars(SPY, Interval(1, "minute"), MORNING - timedelta(days=3), MORNING)
    for market in (asked, left):
        walk(market, MORNING, 50)
    assert [asked.book(i) for i in asked.listings] == [left.book(i) for i in left.listings]


def test_every_underlying_is_two_sided_on_its_grid_and_inside_its_day() -> None:
    market = Market(1, MORNING)
    for _ in moving(market, MORNING, 40, pause=0.5):
        for instrument, listing in market.listings.items():
            book = market.book(instrument)
            assert book is not None
            assert book.low <= book.last <= book.high, instrument
            assert book.low <= book.open <= book.high
            for price in (book.last, book.open, book.high, book.low, book.prev_close):
                assert listing.increments.fits(price)
            if isinstance(instrument, Index):
                assert (book.bid, book.ask, book.volume) == (None, None, 0)
            else:
                assert 0 < book.bid < book.ask
                assert min(book.bid_size, book.ask_size, book.volume) > 0
                assert listing.increments.fits(book.bid)
                assert listing.increments.fits(book.ask)
            if not isinstance(instrument, Index | Future):
                assert book.bid <= Decimal(market.spot(instrument, book.at)) <= book.ask


def test_all_kinds_of_underlyings_are_listed() -> None:
    kinds = [type(instrument) for instrument in Market(1, MORNING).listings]
    assert kinds.count(Equity) >= 40
    assert kinds.count(Index) == 5
    assert kinds.count(Crypto) == 5
    assert kinds.count(Future) > 24


def test_funds_go_with_their_indexes_and_futures_with_theirs() -> None:
    market = Market(4, MORNING)
    for later in range(0, 1500, 100):
        at = MORNING - timedelta(days=later)
        assert market.spot(SPY, at) * 10 == pytest.approx(market.spot(SPX, at), rel=0.001)
        assert market.spot(Equity("QQQ"), at) * 41 == pytest.approx(market.spot(Index("NDX"), at), rel=0.001)
    future = market.spot(market.contracts("ES")[0].future, MORNING)
    assert future == pytest.approx(market.spot(SPX, MORNING), rel=0.01)


def test_busy_names_quote_several_times_a_second_and_far_less_outside_regular_hours() -> None:
    def quotes(start: datetime) -> int:
        return sum(SPY in changed for changed in walk(Market(3, start), start, 300))

    assert 3 * 30 < quotes(MORNING) < 10 * 30
    assert 3 < quotes(MORNING - timedelta(hours=3)) < 60
    assert quotes(SATURDAY) == 0


def test_trades_are_told_one_by_one_with_the_touch_they_were_made_at() -> None:
    market = Market(3, MORNING)
    seen = []
    for _ in moving(market, MORNING, 200):
        seen += market.prints
    assert [one.sequence for one in seen] == sorted({one.sequence for one in seen})
    assert len({one.instrument for one in seen}) > 40
    for one in seen:
        assert one.bid <= one.price <= one.ask
        assert one.size > 0
        assert not one.extended
        assert {1: one.price == one.ask, -1: one.price == one.bid, 0: one.bid < one.price < one.ask}[one.side]
    assert {one.side for one in seen} >= {1, -1}


def test_the_volume_of_a_day_only_grows_and_starts_afresh() -> None:
    market = Market(3, MORNING)
    volumes = []
    for minutes in range(0, 360, 10):
        market.advance(MORNING + timedelta(minutes=minutes))
        volumes.append(market.book(AAPL).volume)
    assert all(later > earlier for earlier, later in pairwise(volumes[:-6]))
    assert volumes == sorted(volumes)
    market.advance(MORNING + timedelta(days=3))
    book = market.book(AAPL)
    assert book.volume < book.prev_volume


def test_names_move_together_and_the_fear_index_against_them() -> None:
    market = Market(11, MORNING)
    times = [MORNING - timedelta(hours=24 * n) for n in range(500)]
    prices = {i: [market.spot(i, at) for at in times] for i in (SPY, Equity("QQQ"), AAPL, VIX, Equity("KO"))}
    moves = {i: [b / a - 1 for a, b in pairwise(seen)] for i, seen in prices.items()}
    spy, qqq, aapl, vix, ko = moves.values()
    assert correlation(spy, qqq) > 0.8
    assert correlation(spy, aapl) > 0.3
    assert 0.2 < correlation(spy, ko) < 0.9
    assert correlation(spy, vix) < -0.5


def correlation(one: list[float], other: list[float]) -> float:
    a, b = sum(one) / len(one), sum(other) / len(other)
    both = sum((x - a) * (y - b) for x, y in zip(one, other, strict=True))
    return both / (sum((x - a) ** 2 for x in one) * sum((y - b) ** 2 for y in other)) ** 0.5


def test_after_the_close_the_official_close_stands_and_trading_thins_out() -> None:
    market = Market(4, MORNING)
    regular = market.book(AAPL)
    market.advance(FRIDAY_CLOSE)
    closing = market.book(AAPL)
    assert closing.bid <= closing.last <= closing.ask
    assert closing.close == closing.last == market.price_at(AAPL, FRIDAY_CLOSE)
    market.advance(FRIDAY_CLOSE + timedelta(hours=2))
    walk(market, FRIDAY_CLOSE + timedelta(hours=2), 60, pause=5)
    evening = market.book(AAPL)
    assert evening.extended
    assert (evening.close, evening.high, evening.low) == (closing.close, closing.high, closing.low)
    assert evening.ask - evening.bid > regular.ask - regular.bid


def test_nothing_moves_at_the_weekend_and_monday_starts_afresh() -> None:
    market = Market(4, MORNING)
    market.advance(FRIDAY_CLOSE)
    close = market.book(AAPL).close
    market.advance(SATURDAY)
    resting = market.book(AAPL)
    assert not any(isinstance(one, Equity | Index) for one in market.advance(SATURDAY + timedelta(hours=3)))
    assert market.book(AAPL) == resting
    assert market.trading_date(SATURDAY) == date(2026, 11, 20)
    monday = datetime(2026, 11, 23, 14, 30, 1, tzinfo=timezone.utc)
    assert AAPL in market.advance(monday)
    opened = market.book(AAPL)
    assert opened.prev_close == close
    assert opened.close is None
    assert opened.volume < resting.volume
    assert market.trading_date(monday) == date(2026, 11, 23)


def test_futures_trade_on_sunday_night_and_coins_at_any_time() -> None:
    sunday = datetime(2026, 11, 22, 23, 30, tzinfo=timezone.utc)
    market = Market(4, sunday)
    changed = set().union(*walk(market, sunday, 100))
    kinds = {type(one) for one in changed}
    assert {Future, Crypto} <= kinds
    assert Index not in kinds
    assert {type(one) for one in set().union(*walk(Market(4, SATURDAY), SATURDAY, 100))} == {Crypto}


def test_a_market_that_is_always_open_moves_at_night_and_rolls_at_midnight() -> None:
    night = datetime(2026, 11, 22, 3, 0, tzinfo=timezone.utc)
    market = Market(4, night, always_open=True)
    assert market.is_open(night)
    assert SPY in set().union(*walk(market, night, 20))
    midnight = datetime(2026, 11, 22, 5, 0, tzinfo=timezone.utc)
    market.advance(midnight)
    assert market.trading_date(market.now) == date(2026, 11, 22)
    assert market.book(SPY).prev_close == market.price_at(SPY, midnight) == market.book(SPY).open


@pytest.mark.parametrize("always_open", [False, True])
def test_a_jump_ends_where_small_steps_do(always_open: bool) -> None:
    jumped, walked = Market(9, MORNING, always_open), Market(9, MORNING, always_open)
    there = MORNING + timedelta(days=6, hours=2)
    jumped.advance(there)
    for hours in range(0, 147, 7):
        walked.advance(MORNING + timedelta(hours=hours))
    walked.advance(there)
    for instrument in (one for one in jumped.listings if not isinstance(one, Future)):
        one, other = jumped.book(instrument), walked.book(instrument)
        assert (one.open, one.prev_close, one.prev_volume) == (other.open, other.prev_close, other.prev_volume)
        assert (one.high, one.low) == (other.high, other.low)


def test_a_price_that_is_put_stays_and_is_seen_everywhere() -> None:
    market = Market(2, MORNING)
    before = market.price_at(AAPL, MORNING - timedelta(minutes=1))
    market.put(AAPL, Decimal("250"))
    book = market.book(AAPL)
    assert book.last == Decimal("250.00")
    assert book.bid <= 250 <= book.ask
    assert book.high >= 250
    assert market.price_at(AAPL, MORNING - timedelta(minutes=1)) == before
    market.advance(MORNING + timedelta(minutes=5))
    assert 245 < market.book(AAPL).last < 255
    [*_, bar] = market.bars(AAPL, Interval(1, "minute"), MORNING - timedelta(hours=1), market.now)
    assert 245 < bar.close < 255
    assert market.bars(AAPL, Interval(1, "day"), MORNING - timedelta(days=1), market.now)[-1].high >= 250


def test_what_was_put_survives_a_snapshot() -> None:
    market = Market(2, MORNING)
    market.put(AAPL, Decimal("250"))
    market.put(VIX, Decimal("40"))
    market.advance(MORNING + timedelta(hours=1))
    market.put(AAPL, Decimal("100"))
    saved = json.loads(json.dumps(market.snapshot()))
    later = MORNING + timedelta(hours=2)
    other = Market(2, later)
    other.restore(saved)
    for instrument in (AAPL, VIX, SPY):
        assert other.spot(instrument, later) == market.spot(instrument, later)
        assert other.book(instrument).high >= other.book(instrument).last
    assert other.spot(AAPL, MORNING + timedelta(minutes=30)) == market.spot(AAPL, MORNING + timedelta(minutes=30))
    assert other.book(AAPL).high >= 249
    assert other.book(AAPL).low <= 101


def test_putting_the_fear_index_up_makes_options_dearer() -> None:
    market = Market(2, MORNING)
    calm = market.at_the_money_vol(SPX, MORNING)
    market.put(VIX, Decimal("45"))
    assert market.book(VIX).last == pytest.approx(Decimal("45"), abs=Decimal("0.05"))
    assert market.at_the_money_vol(SPX, MORNING) > 1.8 * calm


def test_an_index_that_is_put_takes_its_future_along() -> None:
    market = Market(2, MORNING)
    market.put(SPX, Decimal("5000"))
    front = market.contracts("ES")[0].future
    assert market.book(front).last == pytest.approx(Decimal(5020), abs=Decimal(60))
    market.put(front, Decimal("5500"))
    assert market.book(front).last == pytest.approx(Decimal(5500), abs=Decimal(1))
    assert market.book(SPX).last == pytest.approx(Decimal(5480), abs=Decimal(60))


def test_nothing_unknown_can_be_put_or_has_a_price() -> None:
    market = Market(2, MORNING)
    nobody = Equity("ZZZZ")
    assert market.book(nobody) is market.listing(nobody) is market.chain(nobody) is market.year_range(nobody) is None
    assert market.price_at(nobody, MORNING) is None
    assert market.bars(nobody, Interval(1, "day"), MORNING - timedelta(days=9), MORNING) == []
    for act in (lambda: market.put(nobody, Decimal(1)), lambda: market.spot(nobody, MORNING)):
        with pytest.raises(KeyError):
            act()


def test_search_puts_symbols_before_names() -> None:
    market = Market(1, MORNING)
    assert [one.symbol for one in market.search("a")][:3] == ["AAPL", "AMD", "AMZN"]
    assert [one.symbol for one in market.search("apple")] == ["AAPL"]
    assert [one.symbol for one in market.search("vix")] == ["VIX"]
    assert "SPY" in [one.symbol for one in market.search("spdr")]
    assert market.search("/es")[0].symbol.startswith("/ES")
    assert market.search("  ") == []


def test_a_clock_can_be_sped_up_and_put_forward() -> None:
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
