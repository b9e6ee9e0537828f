"""The API's bars against the simulator, for either broker."""

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from urllib.parse import quote

from django.test import Client
from market_answers import AWAY, a_future, has_source, told
from simulator_server import SimulatorServer

from brokers.models import Account

LENGTHS = {"1m": 2, "5m": 3, "1h": 10, "1d": 30, "1w": 120, "1M": 400}
"""In days."""


def test_bars_of_every_length_are_told_in_order(account: Account, trader: Client) -> None:
    today = datetime.now(timezone.utc)
    for interval, days in LENGTHS.items():
        document = told(trader, f"bars/SPY?interval={interval}&start={today - timedelta(days=days):%Y-%m-%d}")
        assert has_source(document, account)
        assert (document["symbol"], document["interval"], document["extended"]) == ("SPY", interval, False)
        times = [each["at"] for each in document["bars"]]
        assert len(times) >= 10
        assert times == sorted(set(times))
        assert all(each["closed"] for each in document["bars"][:-1])
        for each in document["bars"]:
            low, high = Decimal(each["low"]), Decimal(each["high"])
            assert 0 < low <= Decimal(each["open"]) <= high
            assert low <= Decimal(each["close"]) <= high


def test_a_futures_bars_are_found_under_its_symbol(account: Account, trader: Client) -> None:
    future = str(a_future())
    document = told(trader, f"bars/{quote(future, safe='')}?interval=1h")
    assert document["symbol"] == future
    assert document["bars"]


BAD = (
    ("interval=7m", "interval"),
    ("interval=1D", "interval"),
    ("start=yesterday", "start"),
    ("start=2026-11-20T10:00:00", "start"),
    ("start=2026-11-20&end=2026-11-19", "start"),
    ("start=2099-01-01", "start"),
    ("interval=1m&start=2020-01-01", "start"),
    ("end=0001-01-01", "end"),
    ("end=9999-12-31T23:59:59-14:00", "end"),
    ("extended=maybe", "extended"),
)


def test_times_that_cannot_be_are_refused_by_their_name(account: Account, trader: Client) -> None:
    for query, field in BAD:
        assert field in told(trader, f"bars/SPY?{query}", 422)["errors"], query


def test_bars_are_asked_for_once_in_a_while_and_trouble_is_told(
    account: Account, trader: Client, sim: SimulatorServer
) -> None:
    first = told(trader, "bars/SPY?interval=1d&start=2026-06-01&end=2026-07-01")
    sim.faults({**AWAY, "path": "*"})
    assert told(trader, "bars/SPY?interval=1d&start=2026-06-01&end=2026-07-01") == first
    assert told(trader, "bars/SPY?interval=1d&start=2026-06-01&end=2026-07-02", 503)["retryable"] is True
