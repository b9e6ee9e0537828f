"""Complex orders over tastytrade's wire: OTOCO, OTO, OCO and PAIRS from the dry run to the end."""

import json
from pathlib import Path
from typing import Any

import pytest
from simulator_server import SimulatorServer, equity_order, wait_until
from tasty_client import Body, Tasty, with_new_account

PAYLOADS = Path(__file__).resolve().parents[2] / "payloads" / "tastytrade"
COMPLEX = "/complex-orders"


def example(name: str) -> Any:
    return json.loads((PAYLOADS / f"{name}.json").read_text())


@pytest.fixture
def tasty(running: SimulatorServer) -> Tasty:
    """On an account of its own; the market goes on from test to test."""
    return with_new_account(running, AAPL=25)


def stop_order(symbol: str, quantity: int, trigger: str, action: str = "Sell to Close") -> Body:
    leg = {"instrument-type": "Equity", "symbol": symbol, "quantity": quantity, "action": action}
    return {"order-type": "Stop", "time-in-force": "GTC", "stop-trigger": trigger, "legs": [leg]}


def gtc(body: Body) -> Body:
    return body | {"time-in-force": "GTC"}


def bracket(entry: str = "1.00", symbol: str = "KO", quantity: int = 10) -> Body:
    """An OTOCO: it buys at ``entry``, and would then sell high or stop low."""
    take = gtc(equity_order(symbol, quantity, price="9999.00", action="Sell to Close"))
    return {
        "type": "OTOCO",
        "trigger-order": equity_order(symbol, quantity, price=entry),
        "orders": [take, stop_order(symbol, quantity, "1.00")],
    }


def exits(symbol: str = "AAPL", quantity: int = 25, price: str = "9999.00", trigger: str = "1.00") -> Body:
    """An OCO that closes the demo position in AAPL."""
    take = gtc(equity_order(symbol, quantity, price=price, action="Sell to Close"))
    return {"type": "OCO", "orders": [take, stop_order(symbol, quantity, trigger)]}


def pairs(threshold: str = "9999", comparator: str = "gte", symbols: tuple[str, str] = ("SPY", "QQQ")) -> Body:
    return {
        "type": "PAIRS",
        "ratio-price-threshold": threshold,
        "ratio-price-comparator": comparator,
        "ratio-price-is-threshold-based-on-notional": False,
        "orders": [equity_order(symbols[0], 1), equity_order(symbols[1], 1, action="Sell to Open")],
    }


def place(tasty: Tasty, body: Body) -> Body:
    placed: Body = tasty.send("POST", COMPLEX, body, 201)["data"]["complex-order"]
    return placed


def look(tasty: Tasty, number: int) -> Body:
    found: Body = tasty.mine(f"{COMPLEX}/{number}")["data"]
    return found


def statuses(found: Body) -> list[str]:
    trigger = [found["trigger-order"]] if "trigger-order" in found else []
    return [order["status"] for order in (*trigger, *found["orders"])]


def until(tasty: Tasty, number: int, *wanted: str) -> Body:
    """The complex order once its orders have these statuses, the trigger's first."""
    return wait_until(lambda: (now := look(tasty, number)) and statuses(now) == list(wanted) and now)


def missing(wanted: Any, given: Any, path: str = "") -> list[str]:
    """Keys of an example that an answer lacks, and values of another sort."""
    if isinstance(wanted, dict):
        lacking = [f"{path}.{key}" for key in wanted if key not in given]
        return lacking + [
            line for key in wanted.keys() & given.keys() for line in missing(wanted[key], given[key], key)
        ]
    if isinstance(wanted, list):
        return [line for one, each in zip(wanted, given, strict=False) for line in missing(one, each, path)]
    return [] if type(wanted) is type(given) else [f"{path} is {given!r}"]


def test_the_published_request_is_answered_in_the_published_shape(tasty: Tasty) -> None:
    body = example("E-COMPLEX-REQ")
    body["trigger-order"]["price"] = "1.00"
    answer = tasty.send("POST", COMPLEX, body, 201)
    assert missing(example("E-COMPLEX-RESP"), answer) == []
    made = answer["data"]["complex-order"]
    orders = [made["trigger-order"], *made["orders"]]
    tags = ["OTOCO::trigger-order", "OTOCO::oco-1-order", "OTOCO::oco-1-order"]
    assert [order["complex-order-tag"] for order in orders] == tags
    assert [order["preflight-id"] for order in orders] == [0, 1, 2]
    assert {order["complex-order-id"] for order in orders} == {made["id"]}
    assert {order["status"] for order in orders[1:]} == {"Contingent"}


def test_a_dry_run_makes_nothing_and_has_no_number(tasty: Tasty) -> None:
    before = len(tasty.mine("/orders/live")["data"]["items"])
    tried = tasty.send("POST", f"{COMPLEX}/dry-run", bracket(), 201)["data"]
    assert "id" not in tried["complex-order"]
    orders = [tried["complex-order"]["trigger-order"], *tried["complex-order"]["orders"]]
    assert not any("id" in order for order in orders)
    assert all("complex-order-id" in order for order in orders)
    assert float(tried["buying-power-effect"]["impact"]) > 0
    assert len(tasty.mine("/orders/live")["data"]["items"]) == before
    assert tasty.mine(COMPLEX)["data"]["items"] == []


def test_the_exits_wait_for_the_entry_and_one_ends_the_other(tasty: Tasty) -> None:
    made = place(tasty, bracket(entry="9000.00", symbol="GLD"))
    assert "related-orders" not in made
    working = until(tasty, made["id"], "Filled", "Live", "Live")
    assert "contingent-status" not in working["orders"][0]
    tasty.sim.price("GLD", "0.90")
    done = until(tasty, made["id"], "Filled", "Cancelled", "Filled")
    wait_until(lambda: "terminal-at" in look(tasty, made["id"]))
    related = {each["id"]: each for each in done["related-orders"]}
    assert all(isinstance(value, str) for each in related.values() for value in each.values())
    assert set(related) == {str(each["id"]) for each in (done["trigger-order"], *done["orders"])}
    assert {each["status"] for each in related.values()} == {"Filled", "Cancelled"}
    assert all({"complex-order-id", "complex-order-tag"} <= each.keys() for each in related.values())


def test_what_hangs_on_an_order_goes_when_it_has_filled(tasty: Tasty) -> None:
    others = [equity_order("F", price="1.00"), equity_order("XLE", price="1.00")]
    body = {"type": "OTO", "trigger-order": equity_order("KO", price="1.00"), "orders": others}
    made = place(tasty, body)
    assert [order["complex-order-tag"] for order in made["orders"]] == ["OTO::order", "OTO::order"]
    assert made["trigger-order"]["complex-order-tag"] == "OTO::trigger-order"
    waiting = until(tasty, made["id"], "Live", "Contingent", "Contingent")
    tasty.send("PATCH", f"/orders/{waiting['trigger-order']['id']}", {"price": "9000.00"}, 200)
    until(tasty, made["id"], "Filled", "Live", "Live")


def test_one_of_two_exits_fills_and_the_other_is_cancelled(running: SimulatorServer) -> None:
    tasty = with_new_account(running, TLT=25)
    made = place(tasty, exits("TLT"))
    assert {order["complex-order-tag"] for order in made["orders"]} == {"OCO::order"}
    assert [order["preflight-id"] for order in made["orders"]] == [0, 1]
    until(tasty, made["id"], "Live", "Live")
    tasty.sim.price("TLT", "0.90")
    until(tasty, made["id"], "Cancelled", "Filled")
    rows = tasty.mine("/positions", symbol="TLT")["data"]["items"]
    assert rows == []


def test_exits_of_nothing_come_with_a_warning(tasty: Tasty) -> None:
    body = exits("XLE", 1)
    body["orders"][1]["time-in-force"] = "Day"
    answer = tasty.send("POST", f"{COMPLEX}/dry-run", body, 201)["data"]
    assert "closing_with_no_position" in {warning["code"] for warning in answer["warnings"]}
    assert all("preflight-id" in warning for warning in answer["warnings"])


def test_a_pair_leaves_together_when_the_ratio_is_reached(tasty: Tasty) -> None:
    made = place(tasty, pairs(symbols=("F", "INTC")))
    assert made["ratio-price-comparator"] == "gte"
    assert (made["ratio-price-threshold"], made["ratio-price-is-threshold-based-on-notional"]) == ("9999.0", False)
    until(tasty, made["id"], "Contingent", "Contingent")
    tasty.sim.price("F", "900.00")
    tasty.sim.price("INTC", "0.05")
    until(tasty, made["id"], "Filled", "Filled")


def test_the_ratio_of_a_pair_can_be_changed_and_nothing_else(tasty: Tasty) -> None:
    made = place(tasty, pairs())
    tried = tasty.send("POST", f"{COMPLEX}/{made['id']}/dry-run", {"ratio-price-threshold": "5"}, 201)["data"]
    assert tried["complex-order"]["ratio-price-threshold"] == "5.0"
    assert look(tasty, made["id"])["ratio-price-threshold"] == "9999.0"
    changed = tasty.send("PATCH", f"{COMPLEX}/{made['id']}", {"ratio-price-threshold": 0.0001}, 200)["data"]
    assert changed["complex-order"]["ratio-price-threshold"] == "0.0001"
    assert {"order", "buying-power-effect", "fee-calculation", "warnings"} <= changed.keys()
    until(tasty, made["id"], "Filled", "Filled")
    late = tasty.send("PATCH", f"{COMPLEX}/{made['id']}", {"ratio-price-threshold": "2"}, 422)
    assert late["error"]["code"] == "cannot_update_order"
    oco = place(tasty, exits())
    assert tasty.refusal({"ratio-price-threshold": "2"}, path=f"{COMPLEX}/{oco['id']}", method="PATCH")


def test_deleting_it_cancels_every_order_that_is_not_done(tasty: Tasty) -> None:
    made = place(tasty, bracket())
    until(tasty, made["id"], "Live", "Contingent", "Contingent")
    gone = tasty.send("DELETE", f"{COMPLEX}/{made['id']}", None, 200)["data"]
    assert gone["id"] == made["id"]
    until(tasty, made["id"], "Cancelled", "Cancelled", "Cancelled")
    again = tasty.send("DELETE", f"{COMPLEX}/{made['id']}", None, 422)
    assert again["error"]["code"] == "cannot_update_order"


def test_exits_that_work_are_cancelled_and_the_entry_stays_filled(tasty: Tasty) -> None:
    made = place(tasty, bracket(entry="9000.00"))
    until(tasty, made["id"], "Filled", "Live", "Live")
    tasty.send("DELETE", f"{COMPLEX}/{made['id']}", None, 200)
    until(tasty, made["id"], "Filled", "Cancelled", "Cancelled")


def test_complex_orders_are_listed_all_and_live(tasty: Tasty) -> None:
    numbers = [place(tasty, bracket())["id"] for _ in range(3)]
    everything = tasty.mine(COMPLEX)
    assert everything["pagination"]["per-page"] == 10
    assert [row["id"] for row in everything["data"]["items"]] == numbers[::-1]
    assert {row["id"] for row in tasty.mine(f"{COMPLEX}/live")["data"]["items"]} == set(numbers)
    page = tasty.mine(COMPLEX, **{"per-page": 2, "page-offset": 1})
    assert [row["id"] for row in page["data"]["items"]] == numbers[:1]
    listed = tasty.mine("/orders/live")["data"]["items"]
    assert {row["complex-order-id"] for row in listed} == set(numbers)


def test_a_complex_order_that_is_not_there_is_not_found(tasty: Tasty) -> None:
    for number in ("1", "abc", "9" * 30):
        tasty.mine(f"{COMPLEX}/{number}", 404)
    made = place(tasty, bracket())
    other = with_new_account(tasty.sim)
    other.mine(f"{COMPLEX}/{made['id']}", 404)


@pytest.mark.parametrize(
    ("change", "domain"),
    [
        ({"type": "BLAST"}, "type"),
        ({"type": None}, "type"),
        ({"trigger-order": None}, "trigger-order"),
        ({"orders": None}, "orders"),
        ({"orders": ["AAPL"]}, "orders"),
        ({"orders": [stop_order("KO", 10, "1.00")]}, "orders"),
        ({"type": "OCO"}, "trigger-order"),
        ({"ratio-price-threshold": "2"}, "ratio-price-threshold"),
        ({"trigger-order": {"order-type": "Limit"}}, "time-in-force"),
    ],
)
def test_a_body_that_makes_no_sense_is_told_which_part_of_it(tasty: Tasty, change: Body, domain: str) -> None:
    assert tasty.refusal(bracket() | change, 400, COMPLEX) == domain


@pytest.mark.parametrize(
    ("change", "domain"),
    [
        ({"ratio-price-threshold": None}, "ratio-price-threshold"),
        ({"ratio-price-threshold": "0"}, "ratio-price-threshold"),
        ({"ratio-price-comparator": "gt"}, "ratio-price-comparator"),
        ({"ratio-price-is-threshold-based-on-notional": "no"}, "ratio-price-is-threshold-based-on-notional"),
    ],
)
def test_a_pair_needs_its_ratio(tasty: Tasty, change: Body, domain: str) -> None:
    assert tasty.refusal(pairs() | change, 400, COMPLEX) == domain


def test_an_entry_that_cannot_be_paid_refuses_all_of_it(tasty: Tasty) -> None:
    assert tasty.refusal(bracket(entry="100.00", quantity=1_000_000), path=COMPLEX) == "margin_check_failed"
    assert tasty.mine(COMPLEX)["data"]["items"] == []
    assert tasty.mine("/orders/live")["data"]["items"] == []
