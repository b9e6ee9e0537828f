"""Positions and quotes against what the broker says: told when they stay apart, not when they catch up."""

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

from brokers.domain.instruments import Equity
from brokers.domain.market import Quote
from trading.patterns import trouble
from trading.patterns.confirming import Last, fat_finger, size_jump
from trading.patterns.probing import Mark, Positions, Quotes

ACCOUNT = UUID(int=7)
NOON = datetime(2026, 11, 20, 17, 0, tzinfo=timezone.utc)
SPY = Equity("SPY")


def look(positions: Positions, minute: float, held: str, fill_id: int, *fills: str) -> list[str]:
    """Look at a time; → the symbols that a drift alert would name."""
    now = NOON + timedelta(minutes=minute)
    theirs = {"AAPL": Decimal(held)} if Decimal(held) else {}
    told = [("AAPL", Decimal(fill)) for fill in fills]
    drifts = positions.compare(ACCOUNT, Mark(now.date(), theirs, fill_id), told, now)
    return [sighting.about for sighting in trouble.drift(drifts, now)]


def test_a_position_that_no_fill_explains_is_told_after_two_minutes_and_only_then() -> None:
    positions = Positions()
    assert look(positions, 0, "10", 1) == look(positions, 1, "10", 1) == []
    assert look(positions, 2, "15", 1) == []
    assert look(positions, 3, "15", 1) == []
    assert look(positions, 4, "15", 1) == [f"{ACCOUNT}:AAPL"]


def test_fills_explain_a_position_and_a_late_one_ends_the_doubt() -> None:
    positions = Positions()
    look(positions, 0, "10", 1)
    look(positions, 1, "10", 1)
    assert look(positions, 2, "15", 2, "5") == []
    assert look(positions, 3, "12", 2) == []  # the fill of −3 is not here yet
    assert look(positions, 4, "12", 3, "-3") == []
    assert look(positions, 9, "12", 3) == []


def test_a_fill_that_comes_while_the_first_mark_is_set_makes_no_drift() -> None:
    positions = Positions()
    look(positions, 0, "10", 1)  # the broker has a fill of 10 that we learn of a minute later
    look(positions, 1, "10", 2)
    for minute in range(2, 9):
        assert look(positions, minute, "10", 2) == []


TOMORROW = 24 * 60


def test_what_changed_overnight_is_told_once_without_a_remedy_and_the_new_day_begins_anew() -> None:
    positions = Positions()
    look(positions, 0, "10", 1)
    look(positions, 1, "10", 1)
    assert look(positions, TOMORROW, "0", 1) == []
    now = NOON + timedelta(minutes=TOMORROW + 1)
    (drift,) = positions.compare(ACCOUNT, Mark(now.date(), {}, 1), [], now)
    (told_of,) = trouble.drift([drift], now)
    assert (drift.ours, drift.theirs, drift.overnight) == (Decimal(10), Decimal(0), True)
    assert (told_of.gravity, told_of.remedy) == ("warning", "")
    assert look(positions, TOMORROW + 5, "0", 1) == []
    assert look(positions, TOMORROW + 9, "0", 1) == []


def test_an_order_that_filled_overnight_and_is_known_is_no_drift_and_an_unseen_one_is() -> None:
    for fills, expected in ((("5",), []), ((), [f"{ACCOUNT}:AAPL:overnight"])):
        positions = Positions()
        look(positions, 0, "10", 1)
        look(positions, 1, "10", 1)
        assert look(positions, TOMORROW, "15", 2, *fills) == []
        assert look(positions, TOMORROW + 1, "15", 2, *fills) == expected


def test_an_option_that_expired_is_gone_the_next_day_and_the_shares_of_its_assignment_are_told() -> None:
    positions, option = Positions(), f"SPY   {NOON:%y%m%d}C00580000"
    for minute, held in ((0, {option: "-1"}), (1, {option: "-1"}), (TOMORROW, {"SPY": "-100"})):
        now = NOON + timedelta(minutes=minute)
        positions.compare(ACCOUNT, Mark(now.date(), {one: Decimal(text) for one, text in held.items()}, 1), [], now)
    now = NOON + timedelta(minutes=TOMORROW + 1)
    drifts = positions.compare(ACCOUNT, Mark(now.date(), {"SPY": Decimal(-100)}, 1), [], now)
    assert [drift.symbol for drift in drifts] == ["SPY"]


def a_quote(minute: float, middle: str) -> Quote:
    at, price = NOON + timedelta(minutes=minute), Decimal(middle)
    return Quote(SPY, at, price - Decimal("0.01"), price + Decimal("0.01"))


def told(quotes: Quotes, minute: float, streamed: Quote, probed: str) -> bool:
    now = NOON + timedelta(minutes=minute)
    still = quotes.compare(ACCOUNT, streamed, a_quote(minute, probed), now)
    return bool(list(trouble.silent_streams([still] if still else [], now)))


def test_a_stream_that_stands_still_while_the_market_moves_is_told_and_a_quiet_market_is_not() -> None:
    quotes, stuck = Quotes(), a_quote(0, "580")
    assert not told(quotes, 1, stuck, "580")
    assert not told(quotes, 2, stuck, "579")
    assert told(quotes, 3, stuck, "578.50")
    assert not told(quotes, 3.2, a_quote(3.1, "578.50"), "578.40")  # it speaks again
    assert not told(quotes, 5, a_quote(3.1, "578.50"), "578.40")
    assert told(quotes, 6, a_quote(3.1, "578.50"), "578.20")


def test_what_is_asked_before_an_order_goes_out_names_its_numbers() -> None:
    usual = [Decimal(1000)] * 10
    assert size_jump(Decimal(10_000), usual) is None
    jump = size_jump(Decimal("10000.01"), usual)
    assert jump is not None
    assert (jump.code, jump.numbers) == ("SIZE_JUMP", {"notional": "10000.01", "usual": "1000"})
    assert size_jump(Decimal(10**6), usual[:9]) is None
    assert size_jump(None, usual) is None
    last = Last(Decimal(1), Decimal("1.25"))
    for price, found in (("12.50", True), ("0.125", True), ("0.13", True), ("2.50", False), ("1.25", False)):
        assert (fat_finger(Decimal(1), Decimal(price), last) is not None) == found
    for quantity, found in (("100", True), ("10", False), ("1", False), ("50", False)):
        assert (fat_finger(Decimal(quantity), None, last) is not None) == found
    assert fat_finger(Decimal(100), Decimal(12), None) is None
