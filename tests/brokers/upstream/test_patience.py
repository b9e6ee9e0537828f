"""Patience with silent prices through a week with a holiday, a half day and two weekends, on a clock that is told."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from brokers.domain.bustle import Bustle, bustle, markets_of
from brokers.domain.instruments import Equity, Instrument, parse_instrument
from brokers.upstream import patience as module
from brokers.upstream.keeping import Timings
from brokers.upstream.patience import Patience

NEW_YORK = ZoneInfo("America/New_York")
TIMINGS = Timings(look=1.0)
SPY, SPX, BTC = Equity("SPY"), parse_instrument("$SPX"), parse_instrument("BTC/USD")
SUNDAY = datetime(2026, 11, 22, tzinfo=NEW_YORK)
TUESDAY = SUNDAY + timedelta(days=2)
EXTENDED = {day: (time(4), time(20)) for day in (23, 24, 25, 30)} | {27: (time(4), time(17))}
"""When SPY trades, by the day of November, written by hand: the 26th is Thanksgiving, the 27th a half day."""
STEP = 4
WEEK = 8 * 24.0


def shares_trade(at: datetime) -> bool:
    begin, end = EXTENDED.get(at.day, (time(0), time(0)))
    return begin <= at.time() < end


def never(at: datetime) -> bool:
    return False


def live_through(
    arrives: Callable[[datetime], bool],
    *,
    watched: Instrument = SPY,
    begin: datetime = SUNDAY,
    hours: float = WEEK,
    judge: Callable[..., Bustle] = bustle,
    make: type[Patience] = Patience,
    beats: bool = False,
) -> list[datetime]:
    """When a desk reconnects because prices seem to stand still. ``beats``: it takes signs of life for prices."""
    patience, markets = make(TIMINGS, 0.0), markets_of([watched])
    standing, told = judge(markets, begin), []
    for now in range(0, int(hours * 3600), STEP):
        at = begin + timedelta(seconds=now)
        if not at.second:
            standing = judge(markets, at)
        if arrives(at):
            patience.flow(now)
        elif beats:
            patience.hear(now)
        if patience.stands_still(now, standing):
            patience.stood(now)
            patience.begin(now)
            told.append(at)
    return told


def most_an_hour(told: list[datetime]) -> int:
    return max((sum(at <= each < at + timedelta(hours=1) for each in told) for at in told), default=0)


def outside(told: list[datetime]) -> list[datetime]:
    return [at for at in told if not shares_trade(at)]


def always_busy(markets: object, at: datetime) -> Bustle:
    return Bustle.BUSY


def test_a_week_in_which_prices_move_in_all_sessions_and_only_then_is_nothing_strange() -> None:
    assert live_through(shares_trade) == []


def test_a_desk_that_knows_no_hours_reconnects_all_night() -> None:
    night = {"begin": TUESDAY + timedelta(hours=19, minutes=59), "hours": 3}
    assert most_an_hour(outside(live_through(shares_trade, judge=always_busy, **night))) > 2
    assert live_through(shares_trade, **night) == []


def test_a_week_without_any_price_is_told_in_the_sessions_and_left_alone_outside_of_them() -> None:
    told = live_through(never)
    assert outside(told) == []
    assert min(told) <= SUNDAY + timedelta(days=1, hours=4, minutes=1, seconds=10)
    assert {at.day for at in told} == EXTENDED.keys() - {30}


def frozen(at: datetime) -> bool:
    return at < TUESDAY + timedelta(hours=11)


def test_prices_that_freeze_in_a_session_are_told_within_a_quarter_of_a_minute() -> None:
    morning = {"begin": TUESDAY + timedelta(hours=10, minutes=50), "hours": 0.5}
    told = live_through(frozen, **morning)
    assert timedelta(0) < told[0] - TUESDAY - timedelta(hours=11) <= timedelta(seconds=15 + STEP)
    assert live_through(frozen, beats=True, **morning) == [], "one that takes signs of life for prices sees nothing"


def test_a_market_that_is_open_though_it_should_not_be_is_watched_too_but_not_chased() -> None:
    """A simulator that is always open, or trading by night: first steady, then in bursts with pauses."""

    def bursts(at: datetime) -> bool:
        minutes = (at - SUNDAY).total_seconds() / 60
        return minutes < 10 or minutes % 2 > 0.5

    told = live_through(bursts, hours=12)
    assert timedelta(minutes=10) < told[0] - SUNDAY <= timedelta(minutes=10, seconds=15 + STEP)
    assert len(told) >= 2
    assert most_an_hour(told) <= 2


def test_what_still_comes_after_a_close_does_not_make_the_night_strange() -> None:
    close = TUESDAY + timedelta(hours=20)
    assert live_through(lambda at: at < close + timedelta(minutes=20), begin=close - timedelta(hours=1), hours=4) == []
    end = TUESDAY + timedelta(hours=16, minutes=15)
    assert live_through(lambda at: at < end, watched=SPX, begin=end - timedelta(hours=1), hours=4) == []


class Hasty(Patience):
    """Back at its usual patience with the first price."""

    def flow(self, now: float) -> None:
        super().flow(now)
        self._wait = self._timings.quiet


def test_what_trades_rarely_is_waited_for_longer_and_is_not_reconnected_all_day() -> None:
    def rare(at: datetime) -> bool:
        return (at - SUNDAY).total_seconds() % 40 == 0

    day = {"begin": TUESDAY + timedelta(hours=9, minutes=40), "hours": 6}
    assert len(live_through(rare, **day)) <= 3
    assert len(live_through(rare, make=Hasty, **day)) > 300


def test_it_is_stale_till_news_comes_or_the_market_has_been_closed_for_a_while() -> None:
    patience = Patience(TIMINGS, 0)
    assert patience.is_trusted
    assert patience.stands_still(1, Bustle.BUSY) is False
    patience.stood(20)
    patience.begin(20)
    patience.hear(21)
    assert not patience.is_trusted, "the old told once more"
    patience.flow(22)
    assert patience.is_trusted
    patience.stood(50)
    for now, trusted in ((60, False), (60 + TIMINGS.longest_quiet, True)):
        assert not patience.stands_still(now, Bustle.CLOSED)
        assert patience.is_trusted is trusted


@pytest.mark.parametrize(("starved", "stands"), [(module.STARVED, False), (float("inf"), True)])
def test_a_desk_that_stood_still_itself_blames_nobody(
    starved: float, stands: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came meanwhile lies unread; the naive watch finds that nothing came."""
    monkeypatch.setattr(module, "STARVED", starved)
    patience = Patience(TIMINGS, 0)
    for now in range(50):
        patience.flow(now)
        assert not patience.stands_still(now, Bustle.BUSY)
    assert patience.stands_still(49 + 40, Bustle.BUSY) is stands


def test_one_that_looks_late_each_time_still_notices() -> None:
    patience = Patience(TIMINGS, 0)
    assert any(patience.stands_still(now, Bustle.BUSY) for now in range(0, 300, 10))


# --- how busy markets are ------------------------------------------------------------------------------------------

MOMENTS = [
    ("SPY", "2026-11-24 03:59", Bustle.CLOSED),
    ("SPY", "2026-11-24 04:00", Bustle.THIN),
    ("SPY", "2026-11-24 09:30", Bustle.BUSY),
    ("SPY", "2026-11-24 16:00", Bustle.THIN),
    ("SPY", "2026-11-24 20:00", Bustle.CLOSING),
    ("SPY", "2026-11-24 20:30", Bustle.CLOSED),
    ("SPY", "2026-11-26 11:00", Bustle.CLOSED),
    ("SPY", "2026-11-27 13:30", Bustle.THIN),
    ("SPY", "2026-11-27 17:10", Bustle.CLOSING),
    ("SPY", "2026-11-28 11:00", Bustle.CLOSED),
    ("$SPX", "2026-11-24 09:29", Bustle.CLOSED),
    ("$SPX", "2026-11-24 15:59", Bustle.BUSY),
    ("$SPX", "2026-11-24 17:00", Bustle.CLOSING),
    ("$SPX", "2026-11-24 17:20", Bustle.CLOSED),
    ("/ESZ26", "2026-11-24 11:00", Bustle.BUSY),
    ("/ESZ26", "2026-11-24 03:00", Bustle.THIN),
    ("/ESZ26", "2026-11-24 17:10", Bustle.CLOSING),
    ("/ESZ26", "2026-11-24 18:00", Bustle.THIN),
    ("/ESZ26", "2026-11-28 11:00", Bustle.CLOSED),
    ("/ESZ26", "2026-11-29 18:00", Bustle.THIN),
    ("/ZCZ26", "2026-11-24 11:00", Bustle.CLOSED),
    ("BTC/USD", "2026-11-28 03:00", Bustle.BUSY),
    ("SPY   261218C00600000", "2026-11-24 11:00", Bustle.CLOSED),
]


@pytest.mark.parametrize(("symbol", "moment", "wanted"), MOMENTS)
def test_each_class_keeps_hours_of_its_own(symbol: str, moment: str, wanted: Bustle) -> None:
    at = datetime.fromisoformat(moment).replace(tzinfo=NEW_YORK)
    assert bustle(markets_of([parse_instrument(symbol)]), at) is wanted


def test_the_busiest_of_several_counts_and_a_closure_is_heeded() -> None:
    at = datetime(2026, 11, 24, 11, tzinfo=NEW_YORK)
    both = markets_of([SPY, SPX])
    assert bustle(both, at) is Bustle.BUSY
    assert bustle(both, at, {at.date(): "Storm"}) is Bustle.CLOSED
    assert bustle(markets_of([SPY, BTC]), at, {at.date(): "Storm"}) is Bustle.BUSY
