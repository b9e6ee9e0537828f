"""Bars over the quote socket: against the simulator, and the protocol fed by hand."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from simulator_server import SimulatorServer

from brokers import transport
from brokers.domain.instruments import Crypto, Equity, Future, Index, Instrument, Other
from brokers.domain.market import Interval
from brokers.errors import Refused, Unavailable, UnexpectedReply
from brokers.tastytrade import candles, charts
from brokers.tastytrade.candles import Candles, candle_symbol, read_bars
from brokers.tastytrade.charts import fetch_bars
from brokers.tastytrade.codec.market import QuotePass

from .test_against_simulator import Desk

SPY = Equity("SPY")
UTC = timezone.utc
SINCE = datetime(2026, 11, 20, 14, 45, tzinfo=UTC)


@pytest.fixture(scope="module")
def sim() -> Iterator[SimulatorServer]:
    with SimulatorServer(seed=11) as running:
        yield running
    transport.forget_sessions()


@pytest.fixture(scope="module")
def desk(sim: SimulatorServer) -> Desk:
    return Desk(sim)


# --- the simulator's -----------------------------------------------------------------------------------------------


def test_a_chart_of_days_ends_near_the_price(desk: Desk) -> None:
    now = datetime.now(UTC)
    bars = desk.broker.get_bars(SPY, "1d", now - timedelta(days=60))
    assert 35 <= len(bars) <= 61
    assert [bar.at for bar in bars] == sorted({bar.at for bar in bars})
    assert all((bar.at.hour, bar.at.minute, bar.at.tzinfo) == (0, 0, UTC) for bar in bars)
    assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in bars)
    assert all(bar.is_closed for bar in bars[:-1])
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


def test_opening_and_past_balances_are_told_by_day(desk: Desk) -> None:
    opening = desk.broker.get_opening_balance(desk.account)
    assert opening.is_opening
    assert opening.net_liquidating_value is not None
    history = desk.broker.get_balance_history(desk.account, (datetime.now(UTC) - timedelta(days=30)).date())
    assert len(history) >= 10
    assert [each.day for each in history] == sorted(each.day for each in history)
    assert all(not each.is_opening and each.account_number == desk.account for each in history)


def test_a_socket_that_says_nothing_is_given_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charts, "PATIENCE_SECONDS", 0.5)
    desk.sim.faults({"effect": "dxlink_silent"})
    try:
        with pytest.raises(Unavailable, match="in time"):
            desk.broker.get_bars(SPY, "1d", SINCE)
    finally:
        desk.sim.faults(clear=True)


def test_a_wrong_pass_and_an_address_that_is_not_secure_are_told(desk: Desk) -> None:
    leave = QuotePass("wrong", f"{desk.sim.ws}/dxlink", is_delayed=False, expires_at=None)
    with pytest.raises(Unavailable):
        fetch_bars(leave, SPY, "1d", SINCE, None, plain=True)
    with pytest.raises(Unavailable, match="not secure"):
        fetch_bars(leave, SPY, "1d", SINCE, None, plain=False)


# --- the protocol --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("instrument", "interval", "symbol"),
    [
        (SPY, timedelta(minutes=5), "SPY{=5m,tho=true}"),
        (SPY, timedelta(hours=1), "SPY{=h,tho=true}"),
        (SPY, timedelta(minutes=90), "SPY{=90m,tho=true}"),
        (SPY, "1d", "SPY{=d}"),
        (Index("SPX"), "1w", "SPX{=w}"),
        (Future("ES", 2026, 12), timedelta(hours=4), "/ESZ26:XCME{=4h}"),
        (Crypto("BTC", "USD"), "1mo", "BTC/USD:CXTALP{=mo}"),
    ],
    ids=str,
)
def test_a_chart_has_a_symbol(instrument: Instrument, interval: Interval, symbol: str) -> None:
    assert candle_symbol(instrument, interval) == symbol


@pytest.mark.parametrize("interval", [timedelta(seconds=30), timedelta(0), timedelta(days=2), timedelta(minutes=-1)])
def test_a_length_that_the_broker_lacks_is_refused(interval: timedelta) -> None:
    with pytest.raises(Refused):
        candle_symbol(SPY, interval)
    with pytest.raises(Refused):
        candle_symbol(Other("bond", "912797KX4"), "1d")


def message(kind: str, **rest: Any) -> str:
    return json.dumps({"type": kind, "channel": 1, **rest})


def row(minute: int, flags: int = 0, close: Any = 191.25) -> list[Any]:
    at = int(datetime(2026, 11, 20, 14, minute, tzinfo=UTC).timestamp() * 1000)
    return ["AAPL{=5m}", flags, at, 191.2, 191.4, 191.1, close, 51234.0]


def test_a_conversation_ends_with_the_snapshot() -> None:
    talk = Candles("pass", "AAPL{=5m}", SINCE)
    assert talk.setup()["type"] == "SETUP"
    assert talk.receive(message("AUTH_STATE", state="UNAUTHORIZED")) == [
        {"type": "AUTH", "channel": 0, "token": "pass"}
    ]
    (asked,) = talk.receive(message("AUTH_STATE", state="AUTHORIZED"))
    assert asked["type"] == "CHANNEL_REQUEST"
    setup, wanted = talk.receive(message("CHANNEL_OPENED"))
    assert setup["acceptEventFields"] == {"Candle": list(candles.FIELDS)}
    assert wanted["add"] == [{"type": "Candle", "symbol": "AAPL{=5m}", "fromTime": 1795185900000}]
    talk.receive(message("FEED_CONFIG", eventFields={"Candle": list(candles.FIELDS)}))
    talk.receive(message("FEED_DATA", data=["Candle", [*row(55, 4), *row(50, close="191.20")]]))
    assert not talk.is_whole
    talk.receive(message("FEED_DATA", data=["Candle", [*row(45), *row(40), *row(40, 2), *row(45, 10, "NaN")]]))
    assert talk.is_whole
    early = SINCE - timedelta(minutes=30)
    bars = read_bars(talk.rows, timedelta(minutes=5), early, None, datetime(2026, 11, 20, 14, 58, tzinfo=UTC))
    assert [(bar.at.minute, bar.close, bar.is_closed) for bar in bars] == [
        (50, Decimal("191.20"), True),
        (55, Decimal("191.25"), False),
    ]


def test_whole_objects_are_read_as_well_as_rows() -> None:
    talk = Candles("pass", "AAPL{=5m}", SINCE)
    talk.receive(message("FEED_DATA", data=[dict(zip(candles.FIELDS, row(50, 4 | 8), strict=True))]))
    assert talk.is_whole
    assert len(talk.rows) == 1


@pytest.mark.parametrize(
    "frame",
    [message("ERROR", error="TIMEOUT"), message("CHANNEL_CLOSED"), message("ERROR", error="UNAUTHORIZED")],
)
def test_a_server_that_ends_it_is_believed(frame: str) -> None:
    with pytest.raises(Unavailable):
        Candles("pass", "AAPL{=5m}", SINCE).receive(frame)


@pytest.mark.parametrize(
    "data", [["Candle", [1, 2, 3]], ["Candle", [*row(50)[:2], "noon", *row(50)[3:]]], ["Quote", []]]
)
def test_what_cannot_be_read_is_told_of(data: Any) -> None:
    with pytest.raises(UnexpectedReply):
        Candles("pass", "AAPL{=5m}", SINCE).receive(message("FEED_DATA", data=data))


@pytest.mark.parametrize(
    ("interval", "first", "still", "over"),
    [
        ("1d", "2026-11-20", "2026-11-21T00:59Z", "2026-11-21T05:00Z"),
        ("1d", "2026-07-10", "2026-07-11T03:59Z", "2026-07-11T04:00Z"),
        ("1w", "2026-11-16", "2026-11-23T04:59Z", "2026-11-23T05:00Z"),
        ("1mo", "2026-12-01", "2027-01-01T00:30Z", "2027-01-01T05:00Z"),
    ],
)
def test_a_day_is_not_over_before_it_is_over_in_new_york(interval: Interval, first: str, still: str, over: str) -> None:
    """Midnight UTC is seven in the evening there: shares trade for another hour."""
    talk = Candles("pass", "AAPL{=d}", SINCE)
    at = datetime.fromisoformat(f"{first}T00:00Z")
    candle = [row(0)[0], 0, int(at.timestamp() * 1000), *row(0)[3:]]
    talk.receive(message("FEED_DATA", data=["Candle", candle]))
    for now, is_closed in ((still, False), (over, True)):
        (bar,) = read_bars(talk.rows, interval, at, None, datetime.fromisoformat(now))
        assert (bar.at, bar.is_closed) == (at, is_closed)


def test_a_chart_that_comes_in_parts_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve years of months took a busy simulator half a minute."""
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(charts, "time", SimpleNamespace(monotonic=lambda: clock.now))
    patience = charts.Patience()
    for rows in range(1, 4):
        clock.now += charts.PATIENCE_SECONDS - 1
        assert patience.left(rows) > 0
    assert patience.left(3) == charts.LONGEST_SECONDS - 3 * (charts.PATIENCE_SECONDS - 1)
    clock.now += charts.PATIENCE_SECONDS
    assert charts.Patience().left(0) == charts.PATIENCE_SECONDS
    assert patience.left(4) == 0


def test_a_chart_of_which_nothing_more_comes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(charts, "time", SimpleNamespace(monotonic=lambda: clock.now))
    patience = charts.Patience()
    clock.now += 5
    assert patience.left(10) == charts.PATIENCE_SECONDS
    clock.now += charts.PATIENCE_SECONDS
    assert patience.left(10) == 0
