"""tastytrade's wire on the market: data, metrics, sessions; and what stands before all of it."""

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
import requests
from simulator_server import SimulatorServer, equity_order
from tastytrade_questions import a_future_option, front, rows
from tastytrade_wire import Desk, check, differences, example

from brokers.simulator.market import Market
from brokers.simulator.tastytrade import market_data, market_time


@pytest.fixture(scope="module")
def weekday() -> Iterator[SimulatorServer]:
    """A market that keeps its hours: sessions, holidays, states."""
    with SimulatorServer(always_open=False) as running:
        yield running


# Market data


def test_market_data_has_every_type(desk: Desk) -> None:
    future, option = front(desk), a_future_option(desk)["call"]
    asked = {
        "equity": "AAPL",
        "index": "SPX",
        "equity-option": desk.an_option(),
        "future": future["symbol"],
        "future-option": option,
        "cryptocurrency": "BTC/USD",
    }
    answer = desk.get("/market-data/by-type", **asked)
    assert answer["pagination"] is None
    found = {row["instrument-type"]: row for row in rows(answer)}
    assert len(found) == 6
    share, index = example("E-MARKET-DATA")["data"]["items"]
    assert differences(share, found["Equity"], set()) == []
    assert float(found["Equity"]["volume-ext"]) <= float(found["Equity"]["volume"])
    assert differences(index, found["Index"], set()) == []
    assert not {"bid", "ask", "mid", "volume"} & found["Index"].keys()
    for kind in ("Equity Option", "Future", "Future Option"):
        assert {"open-interest", "bid", "ask", "mark", "prev-close"} <= found[kind].keys()
    for kind, row in found.items():
        name = kind.replace(" ", "%20")
        one = desk.get(f"/market-data/{name}/{row['symbol'].replace('/', '%2F')}")["data"]
        assert one["symbol"] == row["symbol"]
    assert rows(desk.get("/market-data/by-type", equity="NOSUCH,/ESZ6", future="AAPL")) == []
    desk.call("GET", "/market-data/by-type", 400)
    desk.call("GET", "/market-data/Equity/NOSUCH", 404)


def test_prices_lie_within_their_ranges(desk: Desk) -> None:
    for row in rows(desk.get("/market-data/by-type", equity="AAPL,SPY,F,BRK/B,TSLA,TLT")):
        price = {name: Decimal(row[name]) for name in row if name.endswith("price") or name in ("bid", "ask", "mark")}
        assert price["day-low-price"] <= price["day-high-price"]
        assert price["year-low-price"] <= price["day-low-price"]
        assert price["year-high-price"] >= price["day-high-price"]
        assert price["low-limit-price"] < price["bid"] <= price["mark"] <= price["ask"] < price["high-limit-price"]


# Metrics


def test_metrics_dividends_and_earnings(desk: Desk) -> None:
    check("E-METRICS", desk.get("/market-metrics", symbols="AAPL"))
    some = rows(desk.get("/market-metrics", symbols="SPY,AAPL,NOSUCH"))
    assert [row["symbol"] for row in some] == ["SPY", "AAPL"]
    assert "earnings" not in some[0]
    assert [type(row["market-cap"]) for row in some] == [int, int]
    for row in some:
        assert 0 <= Decimal(row["implied-volatility-percentile"]) <= 1
        assert row["option-expiration-implied-volatilities"]
    check("E-DIVIDENDS", desk.get("/market-metrics/historic-corporate-events/dividends/AAPL"))
    path = "/market-metrics/historic-corporate-events/earnings-reports/AAPL"
    reports = desk.get(path, **{"start-date": "2020-01-01"})
    check("E-EARNINGS", reports)
    days = [row["occurred-date"] for row in rows(reports)]
    assert days == sorted(days, reverse=True)
    assert rows(desk.get(path, **{"start-date": days[1], "end-date": days[1]})) == rows(reports)[1:2]
    assert desk.call("GET", path, 400)["error"]["errors"][0]["domain"] == "start-date"
    assert rows(desk.get("/market-metrics", symbols="NOSUCH")) == []


# The day's phases, at a market that keeps its hours

PHASES = [("09:00", "Closed"), ("13:30", "Pre-market"), ("15:00", "Open"), ("22:00", "Extended"), ("02:00", "Closed")]


@pytest.mark.parametrize(("clock", "state"), PHASES)
def test_the_state_of_the_session_follows_the_clock(clock: str, state: str) -> None:
    market = Market(7, datetime.fromisoformat(f"2026-11-18T{clock}:00+00:00"))
    body = market_time.current_json("Equity", market)
    assert body["state"] == state
    assert body["open-at"] == "2026-11-18T14:30:00.000+00:00"


def test_after_the_close_there_is_a_close_and_a_later_price() -> None:
    market = Market(7, datetime(2026, 11, 18, 20, 30, tzinfo=timezone.utc))
    before = market_data.snapshot(market, "Equity", "SPY")
    assert before is not None
    assert not {"close", "last-ext"} & before.keys()
    for minutes in range(0, 91, 5):
        market.advance(datetime(2026, 11, 18, 20, 30, tzinfo=timezone.utc) + timedelta(minutes=minutes))
    after = market_data.snapshot(market, "Equity", "SPY")
    assert after is not None
    assert after["last-mkt"] == after["close"]
    assert after["last-ext"] == after["last"]
    assert after["prev-close"] == before["prev-close"]
    assert (after["summary-date"], after["prev-close-date"]) == ("2026-11-18", "2026-11-17")


# Market time


def test_sessions_and_holidays_are_told(weekday: SimulatorServer) -> None:
    desk = Desk(weekday)
    both = desk.get("/market-time/sessions/current", **{"instrument-collections[]": ["Equity", "CME"]})
    check("E-SESSIONS", both)
    assert [row["instrument-collection"] for row in rows(both)] == ["Equity", "CME"]
    for row in rows(both):
        assert row["start-at"] <= row["open-at"] < row["close-at"] <= row["close-at-ext"]
        assert row["previous-session"]["close-at"] <= row["open-at"] < row["close-at"] <= row["next-session"]["open-at"]
        assert row["state"] in ("Open", "Closed", "Extended", "Pre-market")
    one = desk.get("/market-time/equities/sessions/current")["data"]
    assert one["open-at"] == rows(both)[0]["open-at"]
    assert desk.get("/market-time/equities/sessions/next")["data"] == one["next-session"]
    assert desk.get("/market-time/futures/sessions/previous/CME")["data"] == rows(both)[1]["previous-session"]
    assert len(rows(desk.get("/market-time/futures/sessions/current"))) == 2
    check("E-HOLIDAYS", desk.get("/market-time/equities/holidays"))
    futures = desk.get("/market-time/futures/holidays/CME")["data"]
    shares = desk.get("/market-time/equities/holidays")["data"]
    assert set(futures["market-holidays"]) <= set(shares["market-holidays"])
    desk.call("GET", "/market-time/futures/sessions/current/XYZ", 400)
    desk.call("GET", "/market-time/equities/sessions/last", 404)


def test_sessions_are_listed_over_up_to_nine_months(weekday: SimulatorServer) -> None:
    desk = Desk(weekday)
    asked = {"from-date": "2026-11-23", "to-date": "2026-11-30", "instrument-collection": "Equity"}
    week = rows(desk.get("/market-time/sessions", **asked))
    assert [row["session-date"][-2:] for row in week] == ["23", "24", "25", "27", "30"]
    friday = next(row for row in week if row["session-date"] == "2026-11-27")
    assert friday["close-at"] == "2026-11-27T18:00:00.000+00:00"
    for change in ({"to-date": "2027-11-23"}, {"to-date": "2026-11-01"}, {"to-date": None}, {"from-date": "x"}):
        desk.call("GET", "/market-time/sessions", 400, params=asked | change)


# What stands before the API


def test_browsers_of_any_origin_may_ask(desk: Desk) -> None:
    asked = requests.options(f"{desk.sim.api}/customers/me", headers={"Origin": "https://example.invalid"}, timeout=30)
    assert asked.status_code == 200
    answer = desk.session.get(f"{desk.sim.api}/customers/me", timeout=30)
    for response in (asked, answer):
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert "Accept-Version" in response.headers["Access-Control-Allow-Headers"]
    assert {"AWSALB", "AWSALBCORS"} <= {cookie.name for cookie in answer.cookies}


def test_a_sandbox_answers_502_for_what_it_does_not_host(fresh: Desk) -> None:
    fresh.sim.faults(sandbox_502=True)
    missing = ["/market-data/by-type?equity=AAPL", "/symbols/search/AA", "/quote-alerts", "/watchlists"]
    missing += ["/public-watchlists", "/pairs-watchlists", f"/accounts/{fresh.number}/net-liq/history?time-back=1d"]
    for path in missing:
        answer = fresh.session.get(f"{fresh.sim.api}{path}", timeout=30)
        assert answer.status_code == 502
        assert answer.headers["Content-Type"].startswith("text/html")
        with pytest.raises(json.JSONDecodeError):
            json.loads(answer.text)
    fresh.mine("/balances")
    fresh.get("/instruments/equities/AAPL")
    fresh.sim.faults(sandbox_502=False)


def test_answers_to_strangers_are_refused_on_every_path_of_an_account(desk: Desk) -> None:
    foreign = desk.sim.grant("other").accounts[0]
    paths = ["balances", "balance-snapshots?time-of-day=EOD", "net-liq/history?time-back=1d", "net-liq", "positions"]
    paths += ["transactions", "transactions/1", "transactions/total-fees", "position-limit", "trading-status"]
    paths += ["margin-requirements/AAPL/effective"]
    for path in [*(f"/accounts/{foreign}/{path}" for path in paths), f"/margin/accounts/{foreign}/requirements"]:
        assert desk.call("GET", path, 403) == example("E-ERR-SIMPLE")
    desk.call("POST", f"/margin/accounts/{foreign}/dry-run", 403, json=equity_order())


def test_a_mistake_of_the_server_names_a_number_for_support(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Market, code: str) -> None:
        raise RuntimeError("the vault is on fire")

    monkeypatch.setattr(Market, "product", fail)
    error = desk.call("GET", "/futures-option-chains/ES", 500)["error"]
    assert re.search(r"\b[0-9a-f]{32}$", error["message"])
    assert "vault" not in error["message"]
