"""What holds for every request at TradeStation's wire: tokens, scopes, spelling, errors, limits, faults."""

import pytest
import requests
from simulator_server import SimulatorServer
from tradestation_wire import CASH, FRESH, MARGIN, TradeStation, check, differences, example, order


def test_every_call_needs_a_bearer_token(ts: TradeStation) -> None:
    for headers in ({}, {"Authorization": "Bearer made.up.token"}, {"Authorization": "Basic eDp5"}):
        answer = requests.get(f"{ts.base}/brokerage/accounts", headers=headers, timeout=30)
        assert answer.status_code == 401
        assert answer.json() == {"Error": "Unauthorized", "Message": "Unauthorized"}
        assert answer.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize(
    ("scope", "method", "path"),
    [
        ("openid Trade", "GET", "/brokerage/accounts"),
        ("openid ReadAccount", "POST", "/orderexecution/orders"),
        ("openid ReadAccount", "GET", "/orderexecution/routes"),
    ],
)
def test_a_scope_that_is_missing_is_forbidden(sim: SimulatorServer, scope: str, method: str, path: str) -> None:
    answer = TradeStation(sim, scope=scope).call(method, path, 403)
    assert answer.keys() == {"Error", "Message"}
    assert answer["Error"] == "Forbidden"


def test_paths_and_query_names_are_read_in_any_case(ts: TradeStation) -> None:
    accounts = f"{MARGIN.lower()}%2C{CASH}"
    answer = ts.get(f"/Brokerage/ACCOUNTS/{accounts}/Balances")
    assert [row["AccountID"] for row in answer["Balances"]] == [MARGIN, CASH]
    assert ts.get(f"/brokerage/accounts/{MARGIN}/orders", PAGESIZE=1).keys() >= {"Orders", "Errors"}
    assert ts.get(f"/brokerage/accounts/{MARGIN}/orders", 400, pagesize="x")["Error"] == "BadRequest"


def test_an_unknown_route_gets_the_gateways_text(ts: TradeStation) -> None:
    answer = ts.get("/accounts/SIM3113503M/balances", 404)
    assert answer == example("C1-unknown-route")
    assert list(answer) == ["Message", "Error"]
    for path in ("/brokerage/accounts/a/balances/bod", "/orderexecution/orders/1/executions", "/brokerage"):
        assert ts.get(path, 404)["Message"] == f"not found {path}"
    assert ts.call("DELETE", "/brokerage/accounts", 404)["Error"] == "NotFound"


def test_other_peoples_accounts_are_errors_of_their_own(sim: SimulatorServer, ts: TradeStation) -> None:
    stranger = TradeStation(sim, "other").accounts[0]
    for path, name in (("balances", "Balances"), ("bodbalances", "BODBalances"), ("positions", "Positions")):
        answer = ts.get(f"/brokerage/accounts/{stranger},{MARGIN},nobody/{path}")
        assert {row["AccountID"] for row in answer[name]} <= {MARGIN}
        assert [row["AccountID"] for row in answer["Errors"]] == [stranger, "nobody"]
        assert differences([example("C2-account-error")], answer["Errors"]) == []
        assert answer["Errors"][0]["Message"] == "Invalid Account ID."
    answer = ts.get("/brokerage/accounts/nobody/balances")
    assert answer["Balances"] == []
    assert len(answer["Errors"]) == 1


def test_errors_are_an_empty_list_when_there_are_none(ts: TradeStation) -> None:
    for path in ("balances", "bodbalances", "positions", "orders"):
        assert ts.get(f"/brokerage/accounts/{MARGIN}/{path}")["Errors"] == []
    assert "Errors" not in ts.get("/brokerage/accounts")
    assert "Errors" not in ts.place(order("KO", 1))


def test_lists_in_a_path_have_a_longest(ts: TradeStation) -> None:
    many = ",".join(f"SIM{number}M" for number in range(26))
    assert ts.get(f"/brokerage/accounts/{many}/balances", 400)["Error"] == "BadRequest"
    assert len(ts.get(f"/brokerage/accounts/{many[: many.rindex(',')]}/balances")["Errors"]) == 25
    numbers = ",".join(str(number) for number in range(1, 52))
    assert ts.get(f"/brokerage/accounts/{MARGIN}/orders/{numbers}", 400)["Error"] == "BadRequest"
    known = ts.get(f"/brokerage/accounts/{MARGIN}/orders/{numbers[: numbers.rindex(',')]}")
    assert len(known["Errors"]) == 50


def test_bodies_are_read_whatever_the_case_of_their_words(ts: TradeStation) -> None:
    body = {"accountid": FRESH.lower(), "SYMBOL": "ko", "quantity": 1, "tradeAction": "Buy", "ordertype": "MARKET"}
    answer = ts.place(body | {"timeInForce": {"duration": "Day"}, "SomethingElse": [1, 2]})
    check("X3-orders", answer)


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b'"text"', b"{\xff"])
def test_a_body_that_is_no_object_is_a_bad_request(ts: TradeStation, body: bytes) -> None:
    answer = ts.call("POST", "/orderexecution/orders", 400, data=body)
    assert answer["Error"] == "BadRequest"


def test_numbers_are_text_and_never_exponents(ts: TradeStation) -> None:
    for path, name in (("balances", "Balances"), ("positions", "Positions")):
        for row in ts.get(f"/brokerage/accounts/{MARGIN}/{path}")[name]:
            flat = row | row.pop("BalanceDetail", {})
            assert not [key for key, value in flat.items() if isinstance(value, int | float) or value in (None, "")]
            assert not [key for key, value in flat.items() if "E+" in str(value) or str(value).endswith(".")]


def test_faults_answer_in_this_brokers_envelope(sim: SimulatorServer, ts: TradeStation) -> None:
    sim.faults({"effect": "status", "status": 503, "path": "*/balances", "times": 1})
    assert ts.get(f"/brokerage/accounts/{MARGIN}/balances", 503)["Error"] == "ServiceUnavailable"
    sim.faults({"effect": "throttle", "path": "*/balances", "times": 1})
    assert ts.get(f"/brokerage/accounts/{MARGIN}/balances", 429) == example("C3-rate")
    sim.faults({"effect": "status", "body": "html", "account": "5WT00001", "times": 1})
    answer = ts.raw("GET", f"/brokerage/accounts/{CASH},{MARGIN}/positions")
    assert (answer.status_code, answer.text.strip()[:6]) == (503, "<html>")
    ts.get(f"/brokerage/accounts/{MARGIN}/balances")


def test_a_fault_can_be_aimed_at_an_order_by_account_and_symbol(sim: SimulatorServer, ts: TradeStation) -> None:
    sim.faults({"effect": "drop_answer", "method": "POST", "account": FRESH, "symbol": "KO", "times": 1})
    ts.sent(order("F", 1))
    with pytest.raises(requests.ConnectionError):
        ts.place(order("KO", 1))
    listed = ts.get(f"/brokerage/accounts/{FRESH}/orders")["Orders"]
    assert {leg["Symbol"] for row in listed for leg in row["Legs"]} == {"F", "KO"}


def test_the_ledger_knows_every_order_request_of_this_wire(sim: SimulatorServer, ts: TradeStation) -> None:
    number = ts.sent(order("KO", 1, limit="1.00", OrderConfirmID="my-own-mark"))[0]
    ts.call("PUT", f"/OrderExecution/orders/{number}", json={"LimitPrice": "1.01"})
    ts.call("DELETE", f"/orderexecution/orders/{number}")
    ts.call("POST", "/orderexecution/orderconfirm", json=order("KO", 1))
    placed, replaced, cancelled, confirmed = sim.ledger()
    assert placed["external_identifier"] == "my-own-mark"
    assert (placed["order_id"], placed["made_order"], placed["status"]) == (number, True, 200)
    for entry in (replaced, cancelled):
        assert (entry["order_id"], entry["made_order"]) == (number, False)
    assert {entry["account"] for entry in sim.ledger()} == {FRESH}
    assert (confirmed["order_id"], confirmed["made_order"]) == (None, False)
    assert len(sim.ledger(account=FRESH)) == 4
