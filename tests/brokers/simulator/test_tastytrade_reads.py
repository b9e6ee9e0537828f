"""What tastytrade's wire answers to questions: shapes as published, figures as the market and the books have them."""

import json
import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
import requests
from simulator_server import SimulatorServer, equity_order, wait_until
from tastytrade_wire import DECIMAL, Desk, check, differences, example

from brokers.simulator.market import Market
from brokers.simulator.tastytrade import daily, market_data, market_time
from brokers.simulator.tastytrade.symbols import find_streamed, listed
from brokers.simulator.world import World


@pytest.fixture(scope="module")
def desk(running: SimulatorServer) -> Desk:
    """For questions alone: the market goes on from test to test."""
    return Desk(running)


@pytest.fixture
def fresh(sim: SimulatorServer) -> Desk:
    """For tests that trade or turn switches."""
    return Desk(sim)


@pytest.fixture(scope="module")
def weekday() -> Iterator[SimulatorServer]:
    """A market that keeps its hours: sessions, holidays, states."""
    with SimulatorServer(always_open=False) as running:
        yield running


def rows(answer: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = answer["data"]["items"]
    return found


def front(desk: Desk, product: str = "ES") -> dict[str, Any]:
    """The contract of a product that most trade."""
    asked = {"product-code[]": product}
    return next(row for row in rows(desk.get("/instruments/futures", **asked)) if row["active-month"])


def a_future_option(desk: Desk, product: str = "ES") -> dict[str, Any]:
    chain = desk.get(f"/futures-option-chains/{product}/nested")["data"]["option-chains"][0]
    strikes = chain["expirations"][0]["strikes"]
    found: dict[str, Any] = strikes[len(strikes) // 2]
    return found


def fill(desk: Desk, body: dict[str, Any], account: str = "") -> dict[str, Any]:
    orders = f"/accounts/{account or desk.number}/orders"
    number = desk.call("POST", orders, 201, json=body)["data"]["order"]["id"]
    found = wait_until(lambda: (now := desk.get(f"{orders}/{number}")["data"])["status"] == "Filled" and now)
    assert found
    return dict(found)


def order(kind: str, symbol: str, action: str, quantity: int = 1) -> dict[str, Any]:
    leg = {"instrument-type": kind, "symbol": symbol, "quantity": quantity, "action": action}
    return {"time-in-force": "Day", "order-type": "Market", "legs": [leg]}


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
        assert total == balance["net-liquidating-value"]


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


# Instruments


def test_futures_are_listed_chosen_and_read_one_by_one(desk: Desk) -> None:
    answer = desk.get("/instruments/futures", **{"product-code[]": "ES"})
    check("E-FUTURE", answer, but={"roll-target-symbol", "spread-tick-sizes", "threshold"})
    assert [row["active-month"] for row in rows(answer)].count(True) == 1
    nearest, after = rows(answer)[:2]
    assert nearest["roll-target-symbol"] == after["symbol"]
    both = desk.get("/instruments/futures", **{"symbol[]": [nearest["symbol"], after["symbol"].removeprefix("/")]})
    assert [row["symbol"] for row in rows(both)] == [nearest["symbol"], after["symbol"]]
    for name in (nearest["symbol"], nearest["symbol"].removeprefix("/"), nearest["streamer-symbol"].split(":")[0]):
        assert desk.get(f"/instruments/futures/{name.replace('/', '%2F')}")["data"]["symbol"] == nearest["symbol"]
    by_id = desk.get("/instruments/futures", **{"security-id[]": after["security-id"]})
    assert [row["symbol"] for row in rows(by_id)] == [after["symbol"]]
    assert {row["exchange"] for row in rows(desk.get("/instruments/futures", exchange="CME"))} == {"CME"}
    assert rows(desk.get("/instruments/futures", exchange="SMALLS")) == []
    desk.call("GET", "/instruments/futures/NOSUCH", 404)
    crude = rows(desk.get("/instruments/futures", **{"product-code[]": "CL"}))[0]
    assert crude["first-notice-date"] >= crude["last-trade-date"][:7]


def test_future_products_and_their_options_are_read(desk: Desk) -> None:
    products = rows(desk.get("/instruments/future-products"))
    wanted = example("E-FUTURE")["data"]["items"][0]["future-product"]
    assert all(differences(wanted, row, set()) == [] for row in products)
    assert {"ES", "CL", "GC", "ZB", "6E"} <= {row["code"] for row in products}
    one = desk.get("/instruments/future-products/CME/ES")["data"]
    assert one in products
    desk.call("GET", "/instruments/future-products/CFE/ES", 404)
    series = rows(desk.get("/instruments/future-option-products"))
    shape = example("E-FUTURE-OPTION")["data"]["future-option-product"]
    assert all(differences(shape, row, set()) == [] for row in series)
    weekly = desk.get("/instruments/future-option-products/CME/EW3")["data"]
    assert weekly in series
    assert desk.get("/instruments/future-option-products/EW3")["data"] == weekly
    assert weekly["future-product"]["code"] == "ES"


def test_future_options_hang_together(desk: Desk) -> None:
    nested = desk.get("/futures-option-chains/ES/nested")
    check("E-FUTURES-CHAIN-NESTED", nested, but={"threshold"})
    flat = rows(desk.get("/futures-option-chains/ES"))
    expirations = [each for chain in nested["data"]["option-chains"] for each in chain["expirations"]]
    names = {strike[right] for each in expirations for strike in each["strikes"] for right in ("call", "put")}
    assert {row["symbol"] for row in flat} == names
    futures = {row["symbol"] for row in nested["data"]["futures"]}
    assert {each["underlying-symbol"] for each in expirations} == futures
    assert all({"streamer-symbol", "security-id"} <= row.keys() for row in flat)
    option = flat[0]
    answer = desk.get(f"/instruments/future-options/{option['symbol'].replace('/', '%2F')}")
    check("E-FUTURE-OPTION", answer)
    assert answer["data"] == option
    point = Decimal(option["notional-value"]) / Decimal(option["display-factor"])
    assert point == Decimal(
        desk.get("/instruments/futures/" + option["underlying-symbol"])["data"]["notional-multiplier"]
    )
    streamed = desk.sim.inside(lambda world: find_streamed(world.market, option["streamer-symbol"]))
    spelled = desk.sim.inside(lambda world: listed(world.market, option["symbol"]))
    assert spelled is not None
    assert streamed == spelled.instrument


def test_options_on_futures_listed_lately_may_have_no_streamer_symbol_yet(desk: Desk) -> None:
    everything = len(rows(desk.get("/futures-option-chains/ES")))
    desk.sim.faults(late_streamer_symbols=True)
    flat = rows(desk.get("/futures-option-chains/ES"))
    late = [row for row in flat if "streamer-symbol" not in row]
    assert len(flat) == everything
    assert 0 < len(late) < len(flat) / 2
    assert {row["expiration-date"] for row in late} == {max(row["expiration-date"] for row in flat)}
    nested = desk.get("/futures-option-chains/ES/nested")["data"]["option-chains"]
    strikes = [strike for chain in nested for each in chain["expirations"] for strike in each["strikes"]]
    assert {strike["call"] for strike in strikes if "call-streamer-symbol" not in strike} <= {
        row["symbol"] for row in late
    }
    alone = desk.get(f"/instruments/future-options/{late[0]['symbol'].replace('/', '%2F')}")["data"]
    assert alone == late[0]
    desk.call("GET", "/futures-option-chains/NOSUCH/nested", 404)
    desk.call("GET", "/instruments/future-options/NOSUCH", 404)


def test_crypto_pairs_are_read(desk: Desk) -> None:
    check("E-CRYPTO", desk.get("/instruments/cryptocurrencies/BTC%2FUSD"))
    everything = rows(desk.get("/instruments/cryptocurrencies"))
    assert {"BTC/USD", "ETH/USD"} <= {row["symbol"] for row in everything}
    some = desk.get("/instruments/cryptocurrencies", **{"symbol[]": ["ETH/USD"]})
    assert [row["symbol"] for row in rows(some)] == ["ETH/USD"]
    desk.call("GET", "/instruments/cryptocurrencies/AAPL", 404)


def test_equities_are_chosen_by_kind_and_paged(desk: Desk) -> None:
    everything = rows(desk.get("/instruments/equities"))
    for name, key in (("is-etf", "is-etf"), ("is-index", "is-index")):
        found = rows(desk.get("/instruments/equities", **{name: "true"}))
        assert found == [row for row in everything if row[key]] != []
    for lendability in {row["lendability"] for row in everything}:
        found = rows(desk.get("/instruments/equities/active", lendability=lendability))
        assert found == [row for row in everything if row["lendability"] == lendability]
    page = desk.get("/instruments/equities", **{"per-page": 7, "page-offset": 1})
    assert rows(page) == everything[7:14]
    assert page["pagination"]["total-items"] == len(everything)


def test_what_is_not_traded_here_is_an_empty_list(desk: Desk) -> None:
    assert rows(desk.get("/instruments/warrants")) == []
    desk.call("GET", "/instruments/warrants/NEPTW", 404)
    pairs = rows(desk.get("/instruments/currency-pairs"))
    assert all(row.keys() == {"id", "symbol", "instrument-type", "description", "dx-symbol"} for row in pairs)
    check("E-QTY-PRECISION", desk.get("/instruments/quantity-decimal-precisions"), but={"symbol"})


def test_instruments_are_found_by_words(desk: Desk) -> None:
    answer = desk.get("/instruments/search", query="crude")
    check("E-INSTRUMENT-SEARCH", answer, but={"stops-trading-at"})
    months = rows(desk.get("/instruments/search", query="CL", type="Future", limit=3))
    assert len(months) == 3
    assert {row["instrument-type"] for row in months} == {"Future"}
    later = (datetime.fromisoformat(months[0]["stops-trading-at"]) + timedelta(days=1)).date().isoformat()
    assert months[0] not in rows(desk.get("/instruments/search", query="CL", **{"from-date": later}))
    assert rows(desk.get("/instruments/search", query="CL", exchange="XNAS", type="Future")) == []
    desk.call("GET", "/instruments/search", 400)
    found = rows(desk.get("/symbols/search/AAP"))
    assert found[0]["symbol"] == "AAPL"
    assert desk.get("/symbols/search/zzzzzz")["data"]["items"] == []


# Chains


def test_spx_has_two_roots_that_settle_differently(desk: Desk) -> None:
    groups = {row["root-symbol"]: row for row in rows(desk.get("/option-chains/SPX/nested"))}
    assert groups.keys() == {"SPX", "SPXW"}
    settled = {root: {each["settlement-type"] for each in group["expirations"]} for root, group in groups.items()}
    assert settled == {"SPX": {"AM"}, "SPXW": {"PM"}}
    morning = groups["SPX"]["expirations"][0]["strikes"][0]["call"]
    body = desk.get(f"/instruments/equity-options/{morning}")["data"]
    assert body["exercise-style"] == "European"
    assert body["stops-trading-at"] < body["expires-at"]


def test_an_adjusted_root_says_what_it_delivers(desk: Desk) -> None:
    groups = rows(desk.get("/option-chains/T/nested"))
    odd = [row for row in groups if row["option-chain-type"] == "Non-standard"]
    assert odd
    assert {each["deliverable-type"] for each in odd[0]["deliverables"]} == {"Shares", "Cash"}
    assert odd[0]["root-symbol"] != odd[0]["underlying-symbol"]
    option = odd[0]["expirations"][0]["strikes"][0]["call"]
    assert desk.get(f"/instruments/equity-options/{option}")["data"]["option-chain-type"] == "Non-standard"


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


# Last, for the clock jumps and every token ends


def test_a_long_chain_is_made_once_a_day(fresh: Desk) -> None:
    def kept(world: World) -> set[tuple[str, str]]:
        return set(daily.KEPT[world.market][1])

    first = fresh.get("/option-chains/SPX/nested")
    before = fresh.sim.inside(kept)
    assert fresh.get("/option-chains/SPX/nested") == first
    assert fresh.sim.inside(kept) == before
    fresh.sim.clock(jump=86_400)
    fresh.session.headers["Authorization"] = f"Bearer {fresh.sim.token(fresh.grant)}"
    later = fresh.get("/option-chains/SPX/nested")
    day = {each["expiration-date"]: each["days-to-expiration"] for row in rows(first) for each in row["expirations"]}
    after = {each["expiration-date"]: each["days-to-expiration"] for row in rows(later) for each in row["expirations"]}
    shared = day.keys() & after.keys()
    assert shared
    assert all(after[each] == day[each] - 1 for each in shared)
