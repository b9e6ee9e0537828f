"""Brackets, OCOs and orders behind orders at TradeStation's wire: numbers, kinship, and what becomes of them."""

from decimal import Decimal
from typing import Any

import pytest
from simulator_server import SimulatorServer, wait_until
from tradestation_wire import FRESH, TradeStation, differences, example, order

from brokers.domain.instruments import Equity
from brokers.simulator.world import World

GROUPS = "/orderexecution/ordergroups"


def last(sim: SimulatorServer) -> Decimal:
    def look(world: World) -> Decimal:
        book = world.market.book(Equity("KO"))
        assert book is not None
        assert book.last is not None
        return book.last

    return sim.inside(look)


def level(sim: SimulatorServer, share: str) -> str:
    return str(round(last(sim) * Decimal(share), 2))


def exits(sim: SimulatorServer, quantity: int = 10) -> list[dict[str, Any]]:
    """A target far above the market and a stop far below it."""
    target = order("KO", quantity, "SELL", limit=level(sim, "1.3"), duration="GTC")
    return [target, order("KO", quantity, "SELL", stop=level(sim, "0.7"), duration="GTC")]


def bracketed(sim: SimulatorServer, **extra: Any) -> dict[str, Any]:
    return order("KO", 10, OSOs=[{"Type": "BRK", "Orders": exits(sim)}], **extra)


def test_an_entry_with_a_bracket_is_numbered_children_first(ts: TradeStation, sim: SimulatorServer) -> None:
    answer = ts.place(bracketed(sim, limit="1.00"))
    numbers = [int(row["OrderID"]) for row in answer["Orders"]]
    assert numbers == [numbers[0], numbers[0] + 1, numbers[0] + 2]
    assert answer["Orders"][-1]["Message"] == "Sent order: Buy 10 KO @ 1.00 Limit"
    assert "Stop Market" in answer["Orders"][0]["Message"] + answer["Orders"][1]["Message"]
    parent = str(numbers[-1])
    children = [ts.order(str(number)) for number in numbers[:2]]
    assert [child["Status"] for child in children] == ["OSO", "OSO"]
    for child, sibling in zip(children, reversed(children), strict=True):
        kin = {(row["OrderID"], row["Relationship"]) for row in child["ConditionalOrders"]}
        assert kin == {(parent, "OSP"), (sibling["OrderID"], "BRK")}
        assert f"OSO={parent};BRK=" in child["AdvancedOptions"]
        assert child["GroupName"] == f"Brk {child['AdvancedOptions'].split('BRK=')[1].rstrip(';')}"
    mother = {row["OrderID"]: row["Relationship"] for row in ts.order(parent)["ConditionalOrders"]}
    assert mother == dict.fromkeys((str(number) for number in numbers[:2]), "OSO")


def test_the_exits_wake_when_the_entry_has_filled_and_the_winner_ends_the_other(
    ts: TradeStation, sim: SimulatorServer
) -> None:
    *children, parent = ts.sent(bracketed(sim))
    wait_until(lambda: ts.status(parent) == "FLL")
    wait_until(lambda: {ts.status(child) for child in children} == {"ACK"})
    assert "remaining on sell orders" in ts.failure(order("KO", 10, "SELL"))
    sim.price("KO", level(sim, "1.5"))
    wait_until(lambda: {ts.status(child) for child in children} == {"FLL", "OUT"})
    assert ts.get(f"/brokerage/accounts/{FRESH}/positions")["Positions"] == []


def test_cancelling_the_entry_cancels_what_waits_for_it(ts: TradeStation, sim: SimulatorServer) -> None:
    *children, parent = ts.sent(bracketed(sim, limit="1.00"))
    ts.call("DELETE", f"/orderexecution/orders/{parent}")
    wait_until(lambda: {ts.status(each) for each in (*children, parent)} == {"OUT"})


def test_a_bracket_on_a_position_reserves_it_once(ts: TradeStation, sim: SimulatorServer) -> None:
    ts.filled(order("KO", 10))
    answer = ts.call("POST", GROUPS, json={"Type": "BRK", "Orders": exits(sim)})
    assert differences(example("X3-orders"), answer) == []
    target, stop = (row["OrderID"] for row in answer["Orders"])
    wait_until(lambda: {ts.status(target), ts.status(stop)} == {"ACK"})
    assert ts.failure(order("KO", 1, "SELL")).endswith("You are long 10 shares with 10 remaining on sell orders!")
    row = ts.order(stop)
    assert row["AdvancedOptions"].startswith("STPTRG=STT;BRK=")
    assert row["ConditionalOrders"] == [{"OrderID": target, "Relationship": "BRK"}]


def test_a_resting_bracket_leg_looks_as_documented_once_it_is_queued(ts: TradeStation, sim: SimulatorServer) -> None:
    answer = ts.place(bracketed(sim))
    numbers = [row["OrderID"] for row in answer["Orders"]]
    wait_until(lambda: ts.status(numbers[-1]) == "FLL")
    wait_until(lambda: {ts.status(number) for number in numbers[:2]} == {"ACK"})

    def put_aside(world: World) -> None:
        for number in numbers[:2]:
            world.exchange.order("5WT00071", int(number)).queued = True

    sim.inside(put_aside)
    found = next(row for row in map(ts.order, numbers[:2]) if "StopPrice" in row)
    assert differences(example("B5-order-queued"), found, frozenset({"ConversionRate"})) == []
    assert (found["Status"], found["StatusDescription"]) == ("DON", "Queued")
    assert found["Legs"][0]["QuantityRemaining"] == "0"


def test_of_an_oco_one_fill_cancels_the_other(ts: TradeStation, sim: SimulatorServer) -> None:
    orders = [order("KO", 10, limit="1.00"), order("F", 10, limit=str(round(last(sim) * 3, 2)))]
    answer = ts.call("POST", GROUPS, json={"Type": "OCO", "Orders": orders})
    resting, filled = (row["OrderID"] for row in answer["Orders"])
    wait_until(lambda: (ts.status(resting), ts.status(filled)) == ("OUT", "FLL"))
    found = ts.order(resting)
    assert found["ConditionalOrders"] == [{"OrderID": filled, "Relationship": "OCO"}]
    group = found["AdvancedOptions"].removeprefix("OCA=").rstrip(";")
    assert found["GroupName"] == f"OCO {group}"


def test_a_normal_group_is_a_list_of_single_orders_some_of_which_may_fail(ts: TradeStation) -> None:
    orders = [order("KO", 1, limit="1.00"), order("KO", 1, "BUYTOCOVER"), order("F", 1, limit="1.00")]
    answer = ts.call("POST", GROUPS, json={"Type": "NORMAL", "Orders": orders})
    assert len(answer["Orders"]) == 2
    assert [row["Error"] for row in answer["Errors"]] == ["FAILED"]
    assert "GroupName" not in ts.order(answer["Orders"][0]["OrderID"])


def test_a_reversal_sells_and_then_sells_short(ts: TradeStation) -> None:
    ts.filled(order("KO", 10))
    then = {"Type": "NORMAL", "Orders": [order("KO", 10, "SELLSHORT")]}
    child, parent = ts.sent(order("KO", 10, "SELL", OSOs=[then]))
    wait_until(lambda: (ts.status(parent), ts.status(child)) == ("FLL", "FLL"))
    assert ts.get(f"/brokerage/accounts/{FRESH}/positions")["Positions"][0]["Quantity"] == "-10"


def test_orders_behind_orders_may_nest_and_be_split(ts: TradeStation, sim: SimulatorServer) -> None:
    halves = [{"Type": "BRK", "Orders": exits(sim, 5)} for _ in range(2)]
    numbers = ts.sent(order("KO", 10, limit="1.00", OSOs=halves))
    assert len(numbers) == 5
    assert {ts.status(number) for number in numbers[:4]} == {"OSO"}
    inner = order("KO", 10, limit="1.00", OSOs=[{"Type": "BRK", "Orders": exits(sim)}])
    numbers = ts.sent(order("F", 1, limit="1.00", OSOs=[{"Type": "NORMAL", "Orders": [inner]}]))
    assert len(numbers) == 4
    assert [row["Relationship"] for row in ts.order(numbers[2])["ConditionalOrders"]] == ["OSP", "OSO", "OSO"]


def test_a_bracket_that_mixes_sides_is_refused_whole(ts: TradeStation, sim: SimulatorServer) -> None:
    ts.filled(order("KO", 10))
    orders = [exits(sim)[0], order("F", 10, limit="1.00")]
    answer = ts.call("POST", GROUPS, json={"Type": "BRK", "Orders": orders})
    assert answer.keys() == {"Errors"}
    assert len(answer["Errors"]) == 2
    listed = ts.get(f"/brokerage/accounts/{FRESH}/orders", status="Open")["Orders"]
    assert listed == []


@pytest.mark.parametrize("body", [{"Type": "OCO"}, {"Orders": [order()]}, {"Type": "OCO", "Orders": [order()]}, {}])
def test_groups_that_make_no_sense_are_bad_requests(ts: TradeStation, body: dict[str, Any]) -> None:
    assert ts.call("POST", GROUPS, 400, json=body)["Error"] == "BadRequest"


def test_all_orders_of_a_group_are_of_one_account(ts: TradeStation) -> None:
    orders = [order("KO", 1, limit="1.00"), order("KO", 1, limit="1.00", AccountID="SIM5000001M")]
    ts.call("POST", GROUPS, 400, json={"Type": "NORMAL", "Orders": orders})
    child = order("KO", 1, AccountID="SIM5000001M")
    ts.place(order("KO", 1, OSOs=[{"Type": "NORMAL", "Orders": [child]}]), 400)


def test_groups_are_confirmed_one_by_one_and_place_nothing(ts: TradeStation, sim: SimulatorServer) -> None:
    ts.filled(order("KO", 10))
    body = {"Type": "BRK", "Orders": exits(sim)}
    answer = ts.call("POST", "/orderexecution/ordergroupconfirm", json=body)
    assert [row["SummaryMessage"].split(" @ ")[0] for row in answer["Confirmations"]] == ["Sell 10 KO", "Sell 10 KO"]
    whole = ts.call("POST", "/orderexecution/orderconfirm", json=bracketed(sim))
    assert len(whole["Confirmations"]) == 3
    assert len(ts.get(f"/brokerage/accounts/{FRESH}/orders")["Orders"]) == 1


def test_a_members_replacement_and_cancel_are_its_own(ts: TradeStation, sim: SimulatorServer) -> None:
    ts.filled(order("KO", 10))
    answer = ts.call("POST", GROUPS, json={"Type": "BRK", "Orders": exits(sim)})
    target, stop = (row["OrderID"] for row in answer["Orders"])
    wait_until(lambda: {ts.status(target), ts.status(stop)} == {"ACK"})
    ts.call("PUT", f"/orderexecution/orders/{stop}", json={"StopPrice": level(sim, "0.6")})
    wait_until(lambda: ts.order(stop)["StopPrice"] == level(sim, "0.6").rstrip("0").rstrip("."))
    ts.call("DELETE", f"/orderexecution/orders/{target}")
    wait_until(lambda: ts.status(target) == "OUT")
    assert ts.status(stop) == "ACK"
