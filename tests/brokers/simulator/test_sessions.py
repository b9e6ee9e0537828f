"""When the made-up markets trade."""

from datetime import date, datetime, timedelta, timezone

import pytest

from brokers.domain.instruments import Crypto, Equity, Future, Index
from brokers.simulator.market import Calendar, Market
from brokers.simulator.market.sessions import Collection, half_days, holidays

ALL: tuple[Collection, ...] = ("equity", "cfe", "cme", "crypto")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def test_the_year_has_its_holidays_and_half_days() -> None:
    assert date(2026, 4, 3) in holidays(2026)  # Good Friday
    assert date(2026, 7, 3) in holidays(2026)
    assert date(2026, 6, 19) in holidays(2026)
    assert date(2026, 11, 26) in holidays(2026)
    assert len(holidays(2026)) == 10
    assert half_days(2026) == {date(2026, 11, 27), date(2026, 12, 24)}
    assert date(2027, 12, 31) not in holidays(2027)  # the first of January 2028 is a Saturday: no day in its place


def test_hours_follow_new_york_through_the_change_of_the_clocks() -> None:
    hours = Calendar()
    assert hours.is_open(at("2026-07-01T13:30"))
    assert not hours.is_open(at("2026-12-01T13:30"))
    assert hours.is_open(at("2026-12-01T14:30"))
    assert not hours.is_open(at("2026-11-27T18:30"))
    closed = at("2026-11-25T22:00")
    assert hours.session(closed).date == date(2026, 11, 27)
    assert hours.latest(closed).date == date(2026, 11, 25)


@pytest.mark.parametrize(
    ("moment", "phase"),
    [
        ("2026-11-20T08:59", "overnight"),
        ("2026-11-20T09:00", "pre"),
        ("2026-11-20T14:30", "open"),
        ("2026-11-20T21:00", "post"),
        ("2026-11-21T01:00", "closed"),  # Friday evening
        ("2026-11-22T18:00", "closed"),
        ("2026-11-23T01:00", "overnight"),  # Sunday evening
        ("2026-11-26T15:00", "closed"),  # Thanksgiving
        ("2026-11-27T18:00", "post"),  # the day after ends at one
        ("2026-11-27T22:00", "closed"),
    ],
)
def test_the_day_of_shares_has_its_phases(moment: str, phase: str) -> None:
    assert Calendar().phase(at(moment)) == phase


@pytest.mark.parametrize(
    ("moment", "is_open", "day"),
    [
        ("2026-11-22T22:59", False, date(2026, 11, 20)),
        ("2026-11-22T23:00", True, date(2026, 11, 23)),
        ("2026-11-23T21:59", True, date(2026, 11, 23)),
        ("2026-11-23T22:30", False, date(2026, 11, 23)),
        ("2026-11-23T23:00", True, date(2026, 11, 24)),
        ("2026-11-26T17:30", True, date(2026, 11, 26)),  # Thanksgiving until one
        ("2026-11-26T18:30", False, date(2026, 11, 26)),
        ("2026-12-25T15:00", False, date(2026, 12, 24)),
    ],
)
def test_futures_trade_from_sunday_evening_with_a_break_each_day(moment: str, is_open: bool, day: date) -> None:
    calendar = Calendar("cme")
    assert calendar.is_open(at(moment)) == is_open
    assert calendar.trading(at(moment)).date == day


def test_index_options_trade_a_quarter_of_an_hour_longer() -> None:
    market = Market(1, at("2026-11-20T15:00"))
    option = next(strike.call for strike in market.chain(Index("SPX")).expirations[3].strikes)
    assert market.is_open(at("2026-11-20T21:10"), option)
    assert not market.is_open(at("2026-11-20T21:10"), Equity("SPY"))
    assert market.calendar(Crypto("BTC", "USD")).collection == "crypto"
    assert market.calendar(Future("ES", 2026, 12)).collection == "cme"
    assert market.calendar(Index("SPX")).collection == market.calendar().collection == "equity"


@pytest.mark.parametrize("collection", ALL)
@pytest.mark.parametrize("always_open", [False, True])
def test_sessions_follow_each_other_without_overlap(collection: Collection, always_open: bool) -> None:
    calendar = Calendar(collection, always_open)
    session = calendar.session(at("2026-01-01T12:00"))
    while session.date < date(2027, 1, 10):
        following = calendar.on(calendar.next(session.date))
        assert following is not None
        assert calendar.before(following) == session
        assert calendar.previous(following.date) == session.date
        assert session.early_at <= session.start_at <= session.open_at < session.close_at <= session.close_at_ext
        assert session.close_at_ext <= following.early_at
        for moment in (session.open_at, session.close_at - timedelta(seconds=1)):
            assert calendar.is_open(moment)
            assert calendar.session(moment) == calendar.latest(moment) == calendar.trading(moment) == session
        assert calendar.last_traded(session.close_at - timedelta(seconds=1)) < session.close_at
        session = following


def test_an_always_open_day_lasts_from_midnight_to_midnight_in_new_york() -> None:
    for collection in ALL:
        session = Calendar(collection, always_open=True).session(at("2026-11-22T12:00"))
        assert (session.open_at, session.close_at) == (at("2026-11-22T05:00"), at("2026-11-23T05:00"))
    assert Calendar("equity", always_open=True).phase(at("2026-11-22T12:00")) == "open"


def test_holidays_are_told_by_exchange() -> None:
    assert date(2026, 11, 26) in Calendar().holidays(2026)
    assert date(2026, 11, 26) not in Calendar("cme").holidays(2026)
    assert date(2026, 11, 26) in Calendar("cme").half_days(2026)
    assert Calendar("cme").holidays(2026) == [date(2026, 1, 1), date(2026, 4, 3), date(2026, 12, 25)]
    assert Calendar("crypto").holidays(2026) == Calendar("equity", always_open=True).half_days(2026) == []
