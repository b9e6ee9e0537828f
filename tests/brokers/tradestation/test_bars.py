"""Bars, opening balances and what is told of futures, against the simulator; bars also fed by hand."""

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from simulator_server import SimulatorServer
from tradestation_wire import open_accounts

from brokers import transport
from brokers.domain.instruments import Future, FutureOption, Right
from brokers.domain.market import Interval
from brokers.errors import Refused, UnexpectedReply
from brokers.tradestation.codec.bars import bars_request, read_bars
from brokers.wire import Node

from .conftest import Desk
from .test_against_simulator import SPY

UTC = timezone.utc
NOW = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def sim() -> Iterator[SimulatorServer]:
    with SimulatorServer(seed=11) as running:
        yield running
    transport.forget_sessions()


@pytest.fixture(scope="module")
def desk(sim: SimulatorServer) -> Desk:
    open_accounts(sim)
    return Desk(sim)


def test_a_chart_of_days_ends_near_the_price(desk: Desk) -> None:
    bars = desk.broker.get_bars(SPY, "1d", datetime.now(UTC) - timedelta(days=60))
    assert 35 <= len(bars) <= 61
    assert [bar.at for bar in bars] == sorted({bar.at for bar in bars})
    assert all((bar.at.hour, bar.at.minute, bar.at.tzinfo) == (0, 0, UTC) for bar in bars)
    assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in bars)
    quote = desk.broker.get_quotes([SPY])[SPY]
    assert quote.fair_price is not None
    assert abs(bars[-1].close / quote.fair_price - 1) < Decimal("0.02")


def test_only_the_time_that_was_asked_for_is_told(desk: Desk) -> None:
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=1)
    start = end - timedelta(days=4)
    bars = desk.broker.get_bars(SPY, timedelta(minutes=5), start, end)
    assert bars
    assert all(start <= bar.at < end and bar.is_closed for bar in bars)
    assert all((bar.at.minute % 5, bar.at.second) == (0, 0) for bar in bars)


@pytest.mark.parametrize("interval", ["1w", "1mo"])
def test_longer_bars_are_dated_by_their_first_day(desk: Desk, interval: Interval) -> None:
    bars = desk.broker.get_bars(SPY, interval, datetime.now(UTC) - timedelta(days=200))
    assert len(bars) >= 6
    assert all(bar.at.weekday() == 0 if interval == "1w" else bar.at.day == 1 for bar in bars)


def test_the_day_began_with_what_the_broker_says(desk: Desk) -> None:
    for account in desk.broker.get_accounts():
        opening = desk.broker.get_opening_balance(account.number)
        assert (opening.account_number, opening.is_opening) == (account.number, True)
        assert opening.net_liquidating_value is not None
    with pytest.raises(Refused):
        desk.broker.get_balance_history(desk.account, NOW.date())


def test_a_future_tells_its_grid_and_size(desk: Desk) -> None:
    held = [row.instrument for number in desk.accounts for row in desk.broker.get_positions(number)]
    futures = [each for each in held if isinstance(each, Future)]
    assert futures
    for future in futures:
        details = desk.broker.get_details(future)
        step = details.increments.at(Decimal(100))
        assert step is not None
        assert details.tradeable
        assert (step > 0, details.multiplier > 1) == (True, True)


# --- fed by hand ---------------------------------------------------------------------------------------------------


def row(ended_at: str, **more: Any) -> dict[str, Any]:
    prices = {"Open": "1.1", "High": "1.3", "Low": "1.0", "Close": "1.2", "TotalVolume": "500"}
    return {**prices, "TimeStamp": ended_at, "BarStatus": "Closed", **more}


def test_bars_are_dated_by_their_beginning_and_the_last_of_a_session_may_be_short() -> None:
    day = "2026-11-20T"
    rows = [row(f"{day}19:30:00Z"), row(f"{day}20:30:00Z"), row(f"{day}21:00:00Z", BarStatus="Open")]
    bars = read_bars(Node({"Bars": rows}, ""), timedelta(hours=1), NOW - timedelta(days=1), None)
    assert [f"{bar.at:%H:%M}" for bar in bars] == ["18:30", "19:30", "20:30"]
    assert [bar.is_closed for bar in bars] == [True, True, False]
    assert (bars[0].open, bars[0].volume) == (Decimal("1.1"), 500)


def test_a_day_is_the_one_in_new_york() -> None:
    rows = [row("2026-11-19T21:00:00Z"), row("2026-11-20T21:00:00Z")]
    bars = read_bars(Node({"Bars": rows}, ""), "1d", datetime(2026, 11, 20, 12, tzinfo=UTC), None)
    assert [bar.at for bar in bars] == [datetime(2026, 11, 20, tzinfo=UTC)]


def test_what_the_broker_has_no_bars_of_is_refused() -> None:
    option = FutureOption(Future("ES", 2026, 12), "EW3Z26", NOW.date(), Right.PUT, Decimal(6300))
    with pytest.raises(Refused):
        bars_request(option, "1d", NOW, None, NOW)
    for length in (timedelta(seconds=30), timedelta(0), timedelta(days=2)):
        with pytest.raises(Refused):
            bars_request(SPY, length, NOW, None, NOW)


@pytest.mark.parametrize("missing", ["TimeStamp", "Open", "Close"])
def test_a_bar_without_its_figures_is_unreadable(missing: str) -> None:
    with pytest.raises(UnexpectedReply, match=missing):
        read_bars(Node({"Bars": [{**row("2026-11-20T21:00:00Z"), missing: None}]}, ""), "1d", NOW, None)
