"""The desk's own calendar: New York's published days, and every minute around the changes of the clock."""

import os
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta, timezone

import pytest

from brokers.domain import hours
from brokers.domain.market import MarketState, SessionKind
from brokers.simulator.market import sessions

UTC = timezone.utc
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
PUBLISHED = {
    2024: "0101 0115 0219 0329 0527 0619 0704 0902 1128 1225",
    2025: "0101 0109 0120 0217 0418 0526 0619 0704 0901 1127 1225",
    2026: "0101 0119 0216 0403 0525 0619 0703 0907 1126 1225",
    2027: "0101 0118 0215 0326 0531 0618 0705 0906 1125 1224",
    2028: "0117 0221 0414 0529 0619 0704 0904 1123 1225",
}
PUBLISHED_HALF = {2024: "0703 1129 1224", 2025: "0703 1128 1224", 2026: "1127 1224", 2027: "1126", 2028: "0703 1124"}


def days(year: int, text: str) -> list[date]:
    return [date(year, int(each[:2]), int(each[2:])) for each in text.split()]


@pytest.mark.parametrize("year", PUBLISHED)
def test_holidays_and_half_days_are_those_that_the_exchange_published(year: int) -> None:
    assert list(hours.holidays(year)) == days(year, PUBLISHED[year])
    assert sorted(hours.half_days(year)) == days(year, PUBLISHED_HALF[year])
    assert all(hours.holidays(year).values())


def test_the_rules_agree_with_another_program_for_years_to_come() -> None:
    for year in range(2022, 2060):
        ruled = [day for day in hours.holidays(year) if day not in hours.PAST_CLOSURES]
        assert ruled == sorted(sessions.holidays(year)), year
        assert hours.half_days(year) == sessions.half_days(year), year


# --- every minute -------------------------------------------------------------------------------------------------

SPRING, AUTUMN = datetime(2026, 3, 8, 7, tzinfo=UTC), datetime(2026, 11, 1, 6, tzinfo=UTC)
"""When New York's clocks change in 2026."""
WALKS = {
    "spring forward": (SPRING - 3 * DAY, SPRING + 3 * DAY),
    "fall back": (AUTUMN - 3 * DAY, AUTUMN + 3 * DAY),
    "weeks in which Europe's clocks differ": (datetime(2026, 3, 8, tzinfo=UTC), datetime(2026, 3, 29, tzinfo=UTC)),
}
ZONES = ("UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata", "Pacific/Auckland")


def oracle(at: datetime) -> MarketState:
    """By offsets written down here, on a day that is neither holiday nor half day."""
    local = at + timedelta(hours=-4 if SPRING <= at < AUTUMN else -5)
    minute = local.hour * 60 + local.minute
    if local.weekday() >= 5 or not 4 * 60 <= minute < 20 * 60:
        return MarketState.CLOSED
    if minute < 9 * 60 + 30:
        return MarketState.PRE
    return MarketState.OPEN if minute < 16 * 60 else MarketState.POST


def differences(start: datetime, end: datetime) -> int:
    """Minutes at which the calendar says something else than the oracle."""
    count, at = 0, start
    while at < end:
        count += hours.status(at).state is not oracle(at)
        at += MINUTE
    return count


@pytest.fixture
def in_zone() -> Iterator[Callable[[str], None]]:
    before = os.environ.get("TZ")

    def move(zone: str) -> None:
        os.environ["TZ"] = zone
        time.tzset()

    yield move
    if before is None:
        os.environ.pop("TZ", None)
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.parametrize("walk", WALKS)
@pytest.mark.parametrize("zone", ZONES)
def test_the_state_is_right_in_every_minute_wherever_the_machine_stands(
    walk: str, zone: str, in_zone: Callable[[str], None]
) -> None:
    in_zone(zone)
    assert differences(*WALKS[walk]) == 0


@pytest.mark.parametrize("walk", WALKS)
def test_a_calendar_that_knows_one_offset_alone_would_be_seen(walk: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hours, "NEW_YORK", timezone(timedelta(hours=-5)))
    assert differences(*WALKS[walk]) > 100


# --- days that are not like others --------------------------------------------------------------------------------


def new_york(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=hours.NEW_YORK).astimezone(UTC)


def test_a_half_day_ends_at_one_and_its_evening_at_five() -> None:
    state = {
        at: hours.status(new_york(f"2026-11-27T{at}"))
        for at in ("09:29:59", "09:30", "12:59:59", "13:00", "16:59", "17:00")
    }
    assert [each.state.value for each in state.values()] == ["pre", "open", "open", "post", "post", "closed"]
    assert all(each.early_close and not each.holiday for each in state.values())
    assert state["09:30"].next_change_at == new_york("2026-11-27T13:00")
    assert state["17:00"].next_change_at == new_york("2026-11-30T04:00")


def test_a_holiday_has_a_name_and_the_next_day_comes_first() -> None:
    status = hours.status(new_york("2026-11-26T11:00"))
    assert (status.state, status.holiday, status.early_close) == (MarketState.CLOSED, "Thanksgiving Day", False)
    assert status.next_change_at == new_york("2026-11-27T04:00")
    assert [each.kind for each in status.sessions] == list(SessionKind)


def test_a_weekend_is_no_holiday() -> None:
    status = hours.status(new_york("2026-11-21T11:00"))
    assert (status.state, status.holiday) == (MarketState.CLOSED, "")


def test_sessions_of_this_and_the_next_day_follow_each_other() -> None:
    status = hours.status(new_york("2026-10-30T15:59"))
    edges = [moment for each in status.sessions for moment in (each.opens_at, each.closes_at)]
    assert len(edges) == 12
    assert edges == sorted(edges)
    assert edges[6] - edges[0] == timedelta(days=3, hours=1)  # over a weekend on which the clock goes back


def test_a_closure_that_no_rule_foresees_is_given_the_day_before() -> None:
    day, closures = date(2026, 10, 29), {date(2026, 10, 29): "Storm"}
    assert hours.is_trading_day(day)
    assert not hours.is_trading_day(day, closures)
    before = hours.status(new_york("2026-10-28T12:00"), closures)
    assert before.sessions[3].opens_at == new_york("2026-10-30T04:00")
    status = hours.status(new_york("2026-10-29T12:00"), closures)
    assert (status.state, status.holiday, status.early_close) == (MarketState.CLOSED, "Storm", False)


def test_a_half_day_on_which_there_is_no_trading_closes_nothing_early() -> None:
    status = hours.status(new_york("2026-12-24T12:00"), {date(2026, 12, 24): "Storm"})
    assert (status.state, status.early_close) == (MarketState.CLOSED, False)
