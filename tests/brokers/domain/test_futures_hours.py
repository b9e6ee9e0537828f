"""The desk's calendar of futures: every minute of weeks around the changes of the clock, holidays, what is unknown."""

from datetime import date, datetime, timedelta, timezone

import pytest

from brokers.domain import futures_hours
from brokers.domain.market import MarketState, MarketStatus, SessionKind

UTC = timezone.utc
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
SPRING, AUTUMN = datetime(2026, 3, 8, 7, tzinfo=UTC), datetime(2026, 11, 1, 6, tzinfo=UTC)
OPEN, CLOSED, PRE, POST = MarketState.OPEN, MarketState.CLOSED, MarketState.PRE, MarketState.POST


def status(product: str, at: datetime) -> MarketStatus:
    found = futures_hours.status(product, at)
    assert found is not None
    return found


def new_york(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=futures_hours.NEW_YORK).astimezone(UTC)


def oracle(at: datetime) -> MarketState:
    """By offsets and minutes of the week written down here; of weeks without holidays."""
    local = at + timedelta(hours=-4 if SPRING <= at < AUTUMN else -5)
    since_sunday = (local.weekday() + 1) % 7 * 1440 + local.hour * 60 + local.minute
    in_pause = 17 * 60 <= since_sunday % 1440 < 18 * 60
    return OPEN if 18 * 60 <= since_sunday < 5 * 1440 + 17 * 60 and not in_pause else CLOSED


def differences(middle: datetime) -> int:
    """Minutes of the eight days around a moment at which the calendar says something else than the oracle."""
    start = middle - 4 * DAY
    return sum(status("ES", at).state is not oracle(at) for at in (start + n * MINUTE for n in range(8 * 1440)))


@pytest.mark.parametrize("change", [SPRING, AUTUMN, datetime(2026, 3, 22, tzinfo=UTC)])
def test_the_state_is_right_in_every_minute_around_the_changes_of_the_clock(change: datetime) -> None:
    assert differences(change) == 0


@pytest.mark.parametrize("change", [SPRING, AUTUMN])
def test_a_calendar_that_knows_one_offset_alone_would_be_seen(
    change: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(futures_hours, "NEW_YORK", timezone(timedelta(hours=-5)))
    assert differences(change) > 100


@pytest.mark.parametrize(
    ("at", "state", "changes_at"),
    [
        ("2026-11-20T16:59:59", OPEN, "2026-11-20T17:00"),  # a Friday, and the weekend after it
        ("2026-11-20T17:00", CLOSED, "2026-11-22T18:00"),
        ("2026-11-22T17:59:59", CLOSED, "2026-11-22T18:00"),
        ("2026-11-22T18:00", OPEN, "2026-11-23T17:00"),
        ("2026-11-23T17:30", CLOSED, "2026-11-23T18:00"),  # the daily pause
        ("2026-11-26T12:59:59", OPEN, "2026-11-26T13:00"),  # Thanksgiving: till one, and on again in the evening
        ("2026-11-26T13:00", CLOSED, "2026-11-26T18:00"),
        ("2026-11-26T18:00", OPEN, "2026-11-27T13:00"),  # the half day after it
        ("2026-11-27T13:00", CLOSED, "2026-11-29T18:00"),
        ("2026-12-24T13:00", CLOSED, "2026-12-27T18:00"),  # Christmas Day is a Friday
        ("2026-12-31T18:00", CLOSED, "2027-01-03T18:00"),  # and so is New Year's Day
        ("2027-03-25T18:00", CLOSED, "2027-03-28T18:00"),  # the evening before Good Friday
        ("2025-01-08T18:00", CLOSED, "2025-01-09T18:00"),  # a day of mourning, which no rule foresaw
    ],
)
def test_at_holidays_and_pauses_the_state_and_its_next_change_are_known(at: str, state: MarketState, changes_at: str):
    found = status("CL", new_york(at))
    assert (found.state, found.next_change_at) == (state, new_york(changes_at))


def test_a_closure_that_was_given_closes_its_whole_trading_day() -> None:
    closures = {date(2026, 10, 29): "Storm"}
    states = [
        futures_hours.status("ES", new_york(f"2026-10-{at}"), closures)
        for at in ("28T16:59", "28T18:00", "29T12:00", "29T17:59", "29T18:00")
    ]
    assert [each and each.state for each in states] == [OPEN, CLOSED, CLOSED, CLOSED, OPEN]
    assert [each and each.holiday for each in states] == ["", "", "Storm", "Storm", "Storm"]


@pytest.mark.parametrize(
    ("at", "state"),
    [
        ("2026-11-19T18:00", PRE),
        ("2026-11-20T09:29:59", PRE),
        ("2026-11-20T09:30", OPEN),
        ("2026-11-20T16:00", POST),
        ("2026-11-20T17:00", CLOSED),
        ("2026-11-26T10:00", PRE),  # Thanksgiving
        ("2026-11-27T12:59", OPEN),
        ("2026-11-27T13:00", CLOSED),
    ],
)
def test_volatility_futures_have_regular_hours_within_the_long_ones(at: str, state: MarketState) -> None:
    assert status("VX", new_york(at)).state is state


def test_two_trading_days_are_told_and_in_order() -> None:
    sessions = status("ES", new_york("2026-11-25T17:30")).sessions
    assert [(each.opens_at, each.closes_at) for each in sessions] == [
        (new_york("2026-11-25T18:00"), new_york("2026-11-26T13:00")),
        (new_york("2026-11-26T18:00"), new_york("2026-11-27T13:00")),
    ]
    assert {each.kind for each in sessions} == {SessionKind.REGULAR}


@pytest.mark.parametrize("product", ["ZC", "ZW", "LE", "HE", "XYZ", ""])
def test_of_products_with_hours_of_their_own_nothing_is_said(product: str) -> None:
    assert futures_hours.status(product, new_york("2026-11-20T11:00")) is None
