"""tastytrade's wire on accounts: balances, what they were worth, positions, margin, transactions."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests
from simulator_server import equity_order
from tastytrade_questions import a_future_option, fill, front, order, rows
from tastytrade_wire import DECIMAL, Desk, check, differences, example

HALF_A_CENT = Decimal("0.005")


# Balances and what an account was worth


def test_balance_snapshots_go_back_to_the_opening(desk: Desk) -> None:
    opened = date.fromisoformat(desk.get(f"/customers/me/accounts/{desk.number}")["data"]["funding-date"])
    ends = desk.mine("/balance-snapshots", **{"time-of-day": "EOD"})
    assert ends["pagination"].keys() == example("E-PAGINATION").keys()
    days = [date.fromisoformat(row["snapshot-date"]) for row in rows(ends)]
    assert days == sorted(days, reverse=True)
    assert len(days) >= 15
    assert all(opened <= day for day in days)
    wanted = example("E-BALANCE")["data"]
    assert differences(wanted, rows(ends)[0], {"updated-at"}) == []
    assert {row["time-of-day"] for row in rows(ends)} == {"EOD"}
    third = days[2].isoformat()
    only = desk.mine("/balance-snapshots", **{"time-of-day": "EOD", "snapshot-date": third})
    assert [row["snapshot-date"] for row in rows(only)] == [third]
    some = desk.mine("/balance-snapshots", **{"time-of-day": "BOD", "start-date": third, "per-page": 1})
    assert len(rows(some)) == 1
    assert some["pagination"]["total-items"] >= 2


def test_the_balance_of_now_is_the_intraday_snapshot(desk: Desk) -> None:
    now = desk.mine("/balances/USD")["data"]
    (row,) = rows(desk.mine("/balance-snapshots", **{"time-of-day": "Intraday"}))
    assert (row["cash-balance"], row["snapshot-date"]) == (now["cash-balance"], now["snapshot-date"])
    assert "updated-at" not in row


@pytest.mark.parametrize("time_of_day", [None, "", "EoD", "Noon"])
def test_a_balance_snapshot_needs_a_time_of_day(desk: Desk, time_of_day: str | None) -> None:
    path = f"/accounts/{desk.number}/balance-snapshots"
    error = desk.call("GET", path, 400, params={"time-of-day": time_of_day})["error"]
    assert error["errors"][0]["domain"] == "time-of-day"


def test_values_of_all_classes_add_up_to_net_liq(desk: Desk) -> None:
    for account in desk.grant.accounts:
        balance = {name: Decimal(text) for name, text in numbers(desk.get(f"/accounts/{account}/balances/USD")["data"])}
        longs = ("equity", "derivative", "futures-derivative", "index-derivative", "cryptocurrency")
        value = sum(balance[f"long-{kind}-value"] - balance[f"short-{kind}-value"] for kind in longs)
        total = balance["cash-balance"] + value + balance["intraday-futures-cash-amount"]
        told = [balance[f"{way}-{kind}-value"] for kind in longs for way in ("long", "short")]
        rounded = sum(amount != 0 for amount in told) * HALF_A_CENT  # marks in the middle have half cents
        assert abs(total - balance["net-liquidating-value"]) <= rounded + HALF_A_CENT


def numbers(body: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, text in body.items():
        if isinstance(text, str) and DECIMAL.fullmatch(text):
            signed = f"-{text}" if body.get(name.replace("-amount", "-effect")) == "Debit" else text
            yield name, signed


def test_old_versions_have_one_balance_and_no_pages(fresh: Desk) -> None:
    fresh.sim.faults(oldest_version=20240101)
    fresh.session.headers["Accept-Version"] = "20240115"
    assert "cash-balance" in fresh.mine("/balances")["data"]
    assert "pagination" not in fresh.get("/instruments/equities")
    fresh.session.headers["Accept-Version"] = "20250715"
    assert "items" in fresh.mine("/balances")["data"]
    assert fresh.get("/instruments/equities")["pagination"]["per-page"] == 1000


@pytest.mark.parametrize("back", ["1d", "1w", "1m", "3m", "6m", "1y", "all"])
def test_net_liq_has_a_past(desk: Desk, back: str) -> None:
    answer = desk.mine("/net-liq/history", **{"time-back": back})
    check("E-NETLIQ", answer)
    for row in rows(answer):
        assert Decimal(row["low"]) <= min(Decimal(row["open"]), Decimal(row["close"]))
        assert Decimal(row["high"]) >= max(Decimal(row["open"]), Decimal(row["close"]))
        assert row["total-close"] == row["close"]
    times = [row["time"] for row in rows(answer)]
    assert times == sorted(set(times))


def test_net_liq_between_two_times_ends_where_the_balance_is(desk: Desk) -> None:
    now = desk.sim.inside(lambda world: world.clock.now())
    asked = {"start-time": (now - timedelta(hours=4)).isoformat(), "end-time": now.isoformat(), "interval": "30m"}
    answer = desk.mine("/net-liq/history", **asked)
    assert 7 <= len(rows(answer)) <= 9
    worth = Decimal(desk.mine("/net-liq")["data"]["net-liquidating-value"])
    assert abs(Decimal(rows(answer)[-1]["close"]) / worth - 1) < Decimal("0.02")
    assert rows(desk.mine("/net-liq/history", **{"time-back": "1m"}))[0]["time"] < rows(answer)[0]["time"]


@pytest.mark.parametrize(
    "asked",
    [{}, {"time-back": "2d"}, {"time-back": "1d", "interval": "0m"}, {"start-time": "noon"}, {"start-time": "1 2"}],
)
def test_net_liq_needs_a_time_it_can_read(desk: Desk, asked: dict[str, str]) -> None:
    desk.call("GET", f"/accounts/{desk.number}/net-liq/history", 400, params=asked)


# Positions


def test_positions_of_every_class_have_their_types(fresh: Desk) -> None:
    future = front(fresh, "MNQ")["symbol"]
    fill(fresh, order("Future", future, "Buy"))
    option = a_future_option(fresh)["put"]
    fill(fresh, order("Future Option", option, "Buy to Open"))
    held = {row["symbol"]: row for row in rows(fresh.mine("/positions", **{"include-marks": "true"}))}
    body = held[future]
    assert (body["multiplier"], body["underlying-symbol"], body["quantity"]) == ("2.0", future, 1)
    assert body["expires-at"] == fresh.get(f"/instruments/futures/{future}")["data"]["expires-at"]
    body = held[option]
    assert (body["multiplier"], body["quantity"]) == ("50.0", "1.0")
    assert body["streamer-symbol"].startswith("./")
    wanted = example("E-POSITIONS")["data"]["items"][0]
    for row in held.values():
        assert differences(wanted, row, {"multiplier", "quantity"}) == []
        size, price = Decimal(str(row["quantity"])), Decimal(row["mark-price"])
        assert Decimal(row["mark"]) == size * price * Decimal(str(row["multiplier"]))
    only = rows(fresh.mine("/positions", **{"underlying-product-code": "MNQ"}))
    assert [row["symbol"] for row in only] == [future]
    kinds = rows(fresh.mine("/positions", **{"instrument-type": "Future Option"}))
    assert [row["symbol"] for row in kinds] == [option]


def test_fractions_of_shares_are_fractional_numbers(fresh: Desk) -> None:
    fill(fresh, equity_order("KO", quantity="0.5"))
    (row,) = rows(fresh.mine("/positions", symbol="KO"))
    assert row["quantity"] == 0.5


def test_a_closed_position_is_shown_when_asked_for(fresh: Desk) -> None:
    fill(fresh, equity_order("KO", quantity=2))
    fill(fresh, equity_order("KO", quantity=2, action="Sell to Close"))
    assert rows(fresh.mine("/positions", symbol="KO")) == []
    (row,) = rows(fresh.mine("/positions", **{"symbol": "KO", "include-closed-positions": "true"}))
    assert (row["quantity"], row["quantity-direction"]) == (0, "Zero")


# Margin


def test_the_margin_report_adds_up(desk: Desk) -> None:
    answer = desk.get(f"/margin/accounts/{desk.number}/requirements")
    check("E-MARGIN-REPORT", answer, but={"close-price"})
    report = answer["data"]
    assert len(report["groups"]) >= 3
    total = sum(Decimal(group["initial-requirement"]) for group in report["groups"])
    assert abs(total - Decimal(report["initial-requirement"])) < 1
    assert report["maintenance-requirement"] == desk.mine("/balances/USD")["data"]["maintenance-requirement"]
    entries = [entry for group in report["groups"] for part in group["groups"] for entry in part["position-entries"]]
    assert {entry["instrument-type"] for entry in entries} >= {"Equity", "Equity Option"}
    assert "LONG_UNDERLYING" in {part["description"] for group in report["groups"] for part in group["groups"]}


def test_margin_rates_and_limits_are_told(desk: Desk) -> None:
    check("E-MARGIN-EFFECTIVE", desk.mine("/margin-requirements/AAPL/effective"))
    broad = desk.mine("/margin-requirements/SPX/effective")["data"]
    assert (broad["naked-option-standard"], broad["naked-option-floor"]) == ("0.15", "0.0")
    desk.call("GET", f"/accounts/{desk.number}/margin-requirements/NOSUCH/effective", 404)
    check("E-POSITION-LIMIT", desk.mine("/position-limit"))
    open_to_all = requests.get(f"{desk.sim.api}/margin-requirements-public-configuration", timeout=30)
    assert DECIMAL.fullmatch(open_to_all.json()["data"]["risk-free-rate"])


def test_margin_of_an_order_is_estimated_and_nothing_is_placed(desk: Desk) -> None:
    path = f"/margin/accounts/{desk.number}/dry-run"
    body = equity_order("KO", quantity=10, price="60.00") | {"account-number": desk.number, "underlying-symbol": "KO"}
    before = desk.mine("/orders/live")
    effect = desk.call("POST", path, json=body)["data"]
    assert differences(example("E-ORDER-RESP")["data"]["buying-power-effect"], effect, set()) == []
    assert desk.mine("/orders/live")["data"] == before["data"]
    error = desk.call("POST", path, 422, json=equity_order("KO", quantity=1_000_000, price="60.00"))["error"]
    assert error["errors"][0]["code"] == "margin_check_failed"


# Transactions


def test_transactions_are_chosen_by_every_parameter(fresh: Desk) -> None:
    future = front(fresh, "MES")["symbol"]
    fill(fresh, order("Future", future, "Buy"))
    everything = rows(fresh.mine("/transactions", **{"per-page": 2000}))
    cases: list[tuple[dict[str, Any], Any]] = [
        ({"type": "Money Movement"}, lambda row: row["transaction-type"] == "Money Movement"),
        ({"types[]": ["Trade", "Receive Deliver"]}, lambda row: row["transaction-type"] != "Money Movement"),
        ({"sub-type[]": ["Sell to Open"]}, lambda row: row["transaction-sub-type"] == "Sell to Open"),
        ({"symbol": "AAPL"}, lambda row: row.get("symbol") == "AAPL"),
        ({"underlying-symbol": "SPY"}, lambda row: row.get("underlying-symbol") == "SPY"),
        ({"instrument-type": "Equity Option"}, lambda row: row.get("instrument-type") == "Equity Option"),
        ({"futures-symbol": future}, lambda row: row.get("symbol") == future),
        ({"action": "Buy to Open"}, lambda row: row.get("action") == "Buy to Open"),
    ]
    for asked, wanted in cases:
        found = rows(fresh.mine("/transactions", **asked, **{"per-page": 2000}))
        assert found == [row for row in everything if wanted(row)]
        assert 0 < len(found) < len(everything)
    assert rows(fresh.mine("/transactions", currency="EUR")) == []
    assert rows(fresh.mine("/transactions", sort="Asc", **{"per-page": 2000})) == everything[::-1]
    middle = everything[len(everything) // 2]
    since = rows(fresh.mine("/transactions", **{"start-at": middle["executed-at"]}))
    assert since == [row for row in everything if row["executed-at"] >= middle["executed-at"]]
    until = rows(fresh.mine("/transactions", **{"end-date": middle["transaction-date"]}))
    assert until == [row for row in everything if row["transaction-date"] <= middle["transaction-date"]]
    assert fresh.mine(f"/transactions/{middle['id']}")["data"] == middle


@pytest.mark.parametrize(
    "asked",
    [{"start-date": "soon"}, {"end-at": "never"}, {"futures-symbol": "AAPL?"}, {"sort": "Up"}, {"per-page": "x"}],
)
def test_a_filter_that_can_not_be_read_is_refused(desk: Desk, asked: dict[str, str]) -> None:
    error = desk.call("GET", f"/accounts/{desk.number}/transactions", 400, params=asked)["error"]
    assert error["errors"][0]["domain"] == next(iter(asked))


def test_a_closing_trade_names_its_lots_and_a_days_fees_add_up(fresh: Desk) -> None:
    fill(fresh, equity_order("AAPL", quantity=2, action="Sell to Close"))
    newest = rows(fresh.mine("/transactions", symbol="AAPL"))[0]
    assert [(lot["quantity"], lot["quantity-direction"]) for lot in newest["lots"]] == [("2.0", "Long")]
    today = [row for row in rows(fresh.mine("/transactions")) if row["transaction-date"] == newest["transaction-date"]]
    fees = sum(Decimal(row["net-value"]) - Decimal(row["value"]) for row in today if row["value-effect"] == "Credit")
    told = fresh.mine("/transactions/total-fees", date=newest["transaction-date"])
    check("E-TOTAL-FEES", told)
    assert Decimal(told["data"]["total-fees"]) == abs(fees)
