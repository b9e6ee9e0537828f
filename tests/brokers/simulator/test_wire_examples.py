"""The simulator's answers against the published examples: the same keys, kinds of values and envelope."""

from datetime import date, timedelta
from typing import Any

import pytest
import requests
from simulator_server import SimulatorServer, equity_order, wait_until
from tastytrade_wire import DECIMAL, Desk, check, differences, example


@pytest.fixture
def desk(sim: SimulatorServer) -> Desk:
    return Desk(sim)


def test_customers_and_accounts(desk: Desk) -> None:
    check("E-CUSTOMER", desk.get("/customers/me"))
    accounts = desk.get("/customers/me/accounts")
    check("E-ACCOUNTS", accounts)
    assert {item["account"]["margin-or-cash"] for item in accounts["data"]["items"]} == {"Margin", "Cash"}
    one = desk.get(f"/customers/me/accounts/{desk.number}")["data"]
    assert one in [item["account"] for item in accounts["data"]["items"]]
    check("E-TRADING-STATUS", desk.mine("/trading-status"))


def test_balances_come_as_a_list_or_one_by_currency(desk: Desk) -> None:
    one = desk.mine("/balances/USD")
    check("E-BALANCE", one)
    assert one["data"].keys() == desk.mine("/balances")["data"]["items"][0].keys()
    desk.sim.faults(balances_as_object=True)
    assert desk.mine("/balances")["data"].keys() == one["data"].keys()
    snapshots = desk.mine("/balance-snapshots", **{"time-of-day": "BOD"})
    assert snapshots["data"]["items"][0]["time-of-day"] == "BOD"


def test_positions_with_and_without_marks(desk: Desk) -> None:
    plain = desk.mine("/positions")
    check("E-POSITIONS", plain)
    rows = plain["data"]["items"]
    assert {row["instrument-type"] for row in rows} == {"Equity", "Equity Option", "Future"}
    assert {row["quantity-direction"] for row in rows} == {"Long", "Short"}
    assert all(type(row["multiplier"]) is (int if row["instrument-type"] == "Equity Option" else str) for row in rows)
    assert not any("mark" in row for row in rows)
    marked = desk.mine("/positions", **{"include-marks": "true"})["data"]["items"]
    assert all(DECIMAL.fullmatch(row["mark"]) and DECIMAL.fullmatch(row["mark-price"]) for row in marked)
    only = desk.mine("/positions", **{"underlying-symbol[]": rows[0]["underlying-symbol"]})["data"]["items"]
    assert {row["underlying-symbol"] for row in only} == {rows[0]["underlying-symbol"]}


def test_transactions_and_their_pages(desk: Desk) -> None:
    everything = desk.mine("/transactions")
    rows = everything["data"]["items"]
    money = {"id", "account-number", "transaction-type", "description", "value", "value-effect", "executed-at"}
    assert all(money <= row.keys() for row in rows)
    assert {"Trade", "Money Movement"} <= {row["transaction-type"] for row in rows}
    trade = next(row for row in rows if row["transaction-type"] == "Trade")
    optional = {"order-id", "exec-id", "ext-exec-id", "ext-group-fill-id", "destination-venue", "leg-count"}
    wanted = example("E-TRANSACTIONS")["data"]["items"][0]
    assert differences(wanted, trade, optional) == []
    check("E-TOTAL-FEES", desk.mine("/transactions/total-fees"))
    pages = [desk.mine("/transactions", **{"per-page": 2, "page-offset": page}) for page in range(2)]
    assert pages[0]["pagination"].keys() == example("E-PAGINATION").keys()
    assert [row["id"] for page in pages for row in page["data"]["items"]] == [row["id"] for row in rows[:4]]


def test_instruments_and_chains(desk: Desk) -> None:
    check("E-EQUITY", desk.get("/instruments/equities/AAPL"))
    listed = desk.get("/instruments/equities", **{"symbol[]": ["AAPL", "SPY"]})
    assert {row["symbol"] for row in listed["data"]["items"]} == {"AAPL", "SPY"}
    check("E-EQUITY-OPTION", desk.get(f"/instruments/equity-options/{desk.an_option()}"))
    nested = desk.get("/option-chains/SPY/nested")
    check("E-CHAIN-NESTED", nested)
    assert len(nested["data"]["items"][0]["expirations"]) >= 6
    check("E-CHAIN-COMPACT", desk.get("/option-chains/SPY/compact"))
    flat = desk.get("/option-chains/SPY")["data"]["items"]
    strikes = [s for each in nested["data"]["items"][0]["expirations"] for s in each["strikes"]]
    assert len(flat) == 2 * len(strikes)
    check("E-QTY-PRECISION", desk.get("/instruments/quantity-decimal-precisions"))
    check("E-SYMBOL-SEARCH", desk.get("/symbols/search/AA"))


def test_a_symbol_with_a_slash_goes_in_a_path(desk: Desk) -> None:
    answer = desk.get("/instruments/equities/BRK%2FB")
    assert answer["data"]["symbol"] == "BRK/B"


def test_market_data_by_type(desk: Desk) -> None:
    option = desk.an_option()
    asked = {"equity": "AAPL,SPY", "index": "VIX", "equity-option": option}
    answer = desk.get("/market-data/by-type", **asked)
    check("E-MARKET-DATA", answer, but={"bid", "ask", "mid", "beta", "dividend-amount", "volume"})
    rows = {row["symbol"]: row for row in answer["data"]["items"]}
    assert rows.keys() == {"AAPL", "SPY", "VIX", option}
    assert "bid" not in rows["VIX"]
    assert float(rows["AAPL"]["bid"]) < float(rows["AAPL"]["ask"])
    repeated = desk.get("/market-data/by-type", equity=["AAPL", "NOSUCH"])["data"]["items"]
    assert [row["symbol"] for row in repeated] == ["AAPL"]
    assert desk.get("/market-data/Equity/AAPL")["data"]["symbol"] == "AAPL"
    too_many = ",".join(f"A{number}" for number in range(101))
    assert desk.call("GET", f"/market-data/by-type?equity={too_many}", 400)["error"]["code"] == "validation_error"


def test_the_quote_token_names_the_feed_beside_it(desk: Desk) -> None:
    answer = desk.get("/api-quote-tokens")
    check("E-QUOTE-TOKEN", answer)
    assert answer["data"]["dxlink-url"] == f"{desk.sim.ws}/dxlink"


def spread(desk: Desk) -> dict[str, Any]:
    """The published request on two strikes that are listed, at a price nobody will pay."""
    chain = desk.get("/option-chains/SPY/nested")["data"]["items"][0]
    strikes = chain["expirations"][2]["strikes"]
    middle = len(strikes) // 2
    body: dict[str, Any] = example("E-ORDER-REQ")
    body["legs"][0]["symbol"], body["legs"][1]["symbol"] = strikes[middle]["put"], strikes[middle - 3]["put"]
    width = float(strikes[middle]["strike-price"]) - float(strikes[middle - 3]["strike-price"])
    return body | {"price": f"{width - 0.01:.2f}"}


def test_an_order_is_previewed_placed_read_replaced_and_cancelled(desk: Desk) -> None:
    orders = f"/accounts/{desk.number}/orders"
    body = spread(desk)
    preview = desk.call("POST", f"{orders}/dry-run", 201, json=body)
    check("E-ORDER-RESP", preview, but={"id", "received-at", "global-request-id"})
    assert "id" not in preview["data"]["order"]
    assert preview["data"]["order"]["updated-at"] == 0
    placed = desk.call("POST", orders, 201, json=body)
    check("E-ORDER-RESP", placed)
    number = placed["data"]["order"]["id"]
    assert isinstance(number, int)
    live = wait_until(lambda: (now := desk.get(f"{orders}/{number}"))["data"]["status"] == "Live" and now)
    check("E-ORDER-FILLED", live, but={"terminal-at"})
    assert live["data"]["cancellable"]
    change = {"order-type": "Limit", "time-in-force": "Day", "price": "1.23", "price-effect": "Credit"}
    small = desk.call("POST", f"{orders}/{number}/dry-run", 201, json=change)
    assert small["data"]["order"]["price"] == "1.23"
    fresh = desk.call("PUT", f"{orders}/{number}", json={**change, "price": body["price"]})
    assert fresh["data"]["replaces-order-id"] == number
    assert fresh["data"]["id"] != number
    assert fresh["data"]["legs"][0]["symbol"] == body["legs"][0]["symbol"]
    wait_until(lambda: desk.get(f"{orders}/{number}")["data"]["status"] == "Cancelled")
    assert desk.get(f"{orders}/{number}")["data"]["replacing-order-id"] == fresh["data"]["id"]
    wait_until(lambda: desk.get(f"{orders}/{fresh['data']['id']}")["data"]["status"] == "Live")
    gone = desk.call("DELETE", f"{orders}/{fresh['data']['id']}")
    assert gone["data"]["status"] == "Cancel Requested"
    wait_until(lambda: desk.get(f"{orders}/{fresh['data']['id']}")["data"]["status"] == "Cancelled")
    again = desk.call("DELETE", f"{orders}/{fresh['data']['id']}", 422)
    assert again["error"]["code"] == "cannot_update_order"
    made = [(entry["method"], entry["made_order"]) for entry in desk.sim.ledger() if entry["made_order"]]
    assert made == [("POST", True), ("PUT", True)]


def test_an_edit_changes_one_thing(desk: Desk) -> None:
    orders = f"/accounts/{desk.number}/orders"
    first = desk.call("POST", orders, 201, json=equity_order(price="1.00", quantity="2"))["data"]["order"]
    wait_until(lambda: desk.get(f"{orders}/{first['id']}")["data"]["status"] == "Live")
    fresh = desk.call("PATCH", f"{orders}/{first['id']}", json={"price": "1.50"})["data"]
    assert (fresh["price"], fresh["price-effect"], fresh["legs"][0]["quantity"]) == ("1.5", "Debit", 2)


def test_a_market_order_fills_and_shows_its_fills(desk: Desk) -> None:
    orders = f"/accounts/{desk.number}/orders"
    placed = desk.call("POST", orders, 201, json=equity_order())["data"]["order"]
    filled = wait_until(lambda: (now := desk.get(f"{orders}/{placed['id']}"))["data"]["status"] == "Filled" and now)
    check("E-ORDER-FILLED", filled, but={"price", "price-effect", "external-identifier"})
    leg = filled["data"]["legs"][0]
    assert sum(fill["quantity"] for fill in leg["fills"]) == leg["quantity"] == 1
    assert leg["remaining-quantity"] == 0


def test_orders_are_listed_in_pages_and_the_new_version_wants_a_start(desk: Desk) -> None:
    orders = f"/accounts/{desk.number}/orders"
    numbers = [
        desk.call("POST", orders, 201, json=equity_order(price="1.00"))["data"]["order"]["id"] for _ in range(12)
    ]
    start = (date.today() - timedelta(days=2)).isoformat()  # noqa: DTZ011
    first = desk.get(orders, **{"start-date": start})
    assert first["pagination"]["per-page"] == 10
    second = desk.get(orders, **{"start-date": start, "page-offset": 1})
    listed = [row["id"] for page in (first, second) for row in page["data"]["items"]]
    assert set(numbers) <= set(listed)
    assert len(listed) == len(set(listed))
    assert set(numbers) <= {row["id"] for row in desk.get(f"{orders}/live", **{"per-page": 200})["data"]["items"]}
    newer: dict[str, Any] = {"headers": {"Accept-Version": "20261012"}}
    assert desk.call("GET", orders, 400, **newer)["error"]["errors"][0]["domain"] == "start-date"
    desk.call("GET", f"{orders}?start-date={start}", **newer)
    filled = desk.get(orders, **{"start-date": start, "status[]": ["Filled"]})["data"]["items"]
    assert not set(numbers) & {row["id"] for row in filled}
    assert desk.get(orders, **{"start-date": "2090-01-01"})["data"]["items"] == []


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"price-effect": "Credit"}, 422, "cant_buy_for_credit"),
        ({"order-type": "Market"}, 422, "order_must_omit_price"),
        ({"quantity": 10_000_000}, 422, "margin_check_failed"),
        ({"symbol": "NOSUCH"}, 422, "instrument_validation_failed"),
        ({"price": "1.005"}, 422, "instrument_validation_failed"),
        ({"order-type": "limit"}, 400, "order-type"),
        ({"time-in-force": "FOK"}, 400, "time-in-force"),
        ({"price": "cheap"}, 400, "price"),
        ({"price": None}, 400, "price"),
        ({"quantity": 0}, 400, "legs.quantity"),
        ({"action": "Buy"}, 400, "legs.action"),
        ({"legs": []}, 400, "legs"),
    ],
)
def test_bad_orders_are_refused_in_the_brokers_words(
    desk: Desk, change: dict[str, Any], status: int, code: str
) -> None:
    body = equity_order(price="1.00")
    for name, value in change.items():
        (body["legs"][0] if name in ("quantity", "symbol", "action") else body)[name] = value
    error = desk.call("POST", f"/accounts/{desk.number}/orders", status, json=body)["error"]
    assert error["code"] == ("preflight_check_failure" if status == 422 else "validation_error")
    assert error["errors"][0]["code" if status == 422 else "domain"] == code
    wanted = example("E-ERR-PREFLIGHT" if status == 422 else "E-ERR-VALIDATION")["error"]
    assert differences(wanted, error, set()) == []


def test_market_orders_until_cancelled_are_refused(desk: Desk) -> None:
    body = equity_order() | {"time-in-force": "GTC"}
    error = desk.call("POST", f"/accounts/{desk.number}/orders", 422, json=body)["error"]
    assert error["errors"] == [
        {"code": "gtc_market_orders_not_supported", "message": "GTC/GTD Market orders are not supported."}
    ]


def test_who_may_not_ask_is_told_so(desk: Desk) -> None:
    sim = desk.sim
    foreign = sim.grant("other").accounts[0]
    assert desk.call("GET", f"/accounts/{foreign}/positions", 403) == example("E-ERR-SIMPLE")
    assert desk.call("GET", f"/accounts/{desk.number}", 403)["error"]["code"] == "not_permitted"
    desk.call("GET", "/instruments/equity-options", 403)
    desk.call("POST", "/sessions", 403, json={"login": "a", "password": "b"})
    reader = sim.session(sim.grant(scope="read"))
    orders = f"{sim.api}/accounts/{desk.number}/orders"
    assert reader.get(orders).status_code == 200
    assert reader.post(orders, json=equity_order(price="1.00")).status_code == 403
    assert desk.call("GET", "/no/such/path", 404)["error"]["code"] == "record_not_found"
    assert desk.call("GET", f"/accounts/{desk.number}/orders/1", 404)["error"]["code"] == "record_not_found"


def test_versions_older_than_all_are_refused(desk: Desk) -> None:
    given = desk.call("GET", "/customers/me", 406, headers={"Accept-Version": "20200101"})
    assert given == example("E-ERR-VERSION")
    desk.call("GET", "/customers/me", headers={"Accept-Version": "20251101"})


def test_a_token_ends_after_fifteen_minutes(desk: Desk) -> None:
    desk.get("/customers/me")
    desk.sim.clock(jump=901)
    error = desk.call("GET", "/customers/me", 401)["error"]
    assert error["code"] == "token_invalid"
    desk.session.headers["Authorization"] = f"Bearer {desk.sim.token(desk.grant)}"
    desk.get("/customers/me")


def test_a_missing_user_agent_meets_the_gateway(desk: Desk) -> None:
    answer = desk.session.get(f"{desk.sim.api}/customers/me", headers={"User-Agent": ""})
    assert answer.status_code == 401
    assert "nginx" in answer.text
    assert requests.get(f"{desk.sim.api}/customers/me", timeout=30).status_code == 401
