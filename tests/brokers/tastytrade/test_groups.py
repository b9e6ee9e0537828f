"""Complex orders at tastytrade: against the simulator's exchange, and against answers that it does not give."""

import json
from collections.abc import Iterator
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
import responses
from simulator_server import SimulatorServer

from brokers import transport
from brokers.domain.instruments import Equity
from brokers.domain.orders import Action, BrokerStatus, GroupKind, Leg, OrderGroup, OrderTicket, OrderType, TimeInForce
from brokers.errors import Ambiguous, OrderRejected, OutcomeUnknown
from brokers.port import Hosts
from brokers.tastytrade.client import TastytradeBroker
from brokers.tastytrade.codec.groups import group_body
from brokers.wire import Node

from .test_against_simulator import Desk, buy, low_bid, since, until

API = "https://api.example.invalid"
ACCOUNT = "5WT00042"


@pytest.fixture(scope="module")
def sim() -> Iterator[SimulatorServer]:
    with SimulatorServer(seed=11) as running:
        yield running
    transport.forget_sessions()


@pytest.fixture
def desk(sim: SimulatorServer) -> Iterator[Desk]:
    sim.reset()
    yield Desk(sim)
    sim.faults(clear=True)


def sell(price: Decimal | None = None, stop: Decimal | None = None, quantity: int = 1, **rest: Any) -> OrderTicket:
    kind = OrderType.LIMIT if stop is None else OrderType.STOP
    leg = Leg(Equity("F"), Action.SELL_TO_CLOSE, Decimal(quantity))
    terms = {"order_type": kind, "time_in_force": TimeInForce.GTC, "limit_price": price, "stop_price": stop}
    return OrderTicket((leg,), **{**terms, **rest})


def around(desk: Desk, quantity: int = 1) -> tuple[OrderTicket, OrderTicket]:
    low = low_bid(desk, "F")
    return sell(low * 2, quantity=quantity), sell(stop=low, quantity=quantity)


def bracket(desk: Desk, entry: Decimal | None, quantity: int = 1) -> OrderGroup:
    return OrderGroup(GroupKind.BRACKET, around(desk, quantity), buy("F", entry, quantity))


def refs(group: OrderGroup) -> list[str]:
    return [uuid4().hex for _ in group.tickets]


def posts(desk: Desk, since_entry: int) -> list[str]:
    return [entry["path"] for entry in desk.sim.ledger(since=since_entry) if entry["method"] == "POST"]


def test_a_bracket_is_one_request_and_all_its_orders_are_told(desk: Desk) -> None:
    group = bracket(desk, low_bid(desk, "F"), 3)
    foreseen = desk.broker.preview_group(desk.account, group)
    assert foreseen.buying_power_change is not None
    assert foreseen.buying_power_change < 0
    before, names = len(desk.sim.ledger()), refs(group)
    placed = desk.broker.place_group(desk.account, group, names)
    assert [path.rpartition("/")[2] for path in posts(desk, before)] == ["complex-orders"]
    orders = [each.order for each in placed.orders]
    assert [order.client_ref for order in orders] == names
    assert [order.legs[0].leg for order in orders] == [ticket.legs[0] for ticket in group.tickets]
    assert {order.group_id for order in orders} == {placed.group_id} != {None}
    assert [order.stop_price for order in orders] == [None, None, group.orders[1].stop_price]
    listed = {order.broker_order_id: order for order in desk.broker.get_orders(desk.account, since())}
    assert {listed[order.broker_order_id].group_id for order in orders} == {placed.group_id}


def test_the_stop_goes_when_the_profit_is_taken(desk: Desk) -> None:
    group = bracket(desk, None, 2)
    first, target, guard = (
        each.order.broker_order_id for each in desk.broker.place_group(desk.account, group, refs(group)).orders
    )
    until(desk, first, BrokerStatus.FILLED)
    until(desk, target, BrokerStatus.WORKING)
    to_market = sell(None, quantity=2, order_type=OrderType.MARKET, time_in_force=TimeInForce.DAY)
    replaced = desk.broker.replace_order(desk.account, target, to_market)
    until(desk, replaced.broker_order_id, BrokerStatus.FILLED)
    until(desk, guard, BrokerStatus.CANCELLED)


def test_an_order_waits_for_the_one_before_it(desk: Desk) -> None:
    group = OrderGroup(GroupKind.OTO, (buy("SPY", low_bid(desk, "SPY")),), buy("F", low_bid(desk, "F")))
    placed = desk.broker.place_group(desk.account, group, refs(group))
    first, second = (each.order for each in placed.orders)
    until(desk, second.broker_order_id, BrokerStatus.CONTINGENT)
    desk.broker.cancel_order(desk.account, first.broker_order_id)
    until(desk, first.broker_order_id, BrokerStatus.CANCELLED)
    until(desk, second.broker_order_id, BrokerStatus.CANCELLED)


def test_two_exits_of_a_holding_cancel_each_other(desk: Desk) -> None:
    bought = desk.broker.place_order(desk.account, buy("F", None, 2), uuid4().hex)
    until(desk, bought.order.broker_order_id, BrokerStatus.FILLED)
    group = OrderGroup(GroupKind.OCO, around(desk, 2))
    placed = desk.broker.place_group(desk.account, group, refs(group))
    target, guard = (each.order.broker_order_id for each in placed.orders)
    to_market = sell(None, quantity=2, order_type=OrderType.MARKET, time_in_force=TimeInForce.DAY)
    until(desk, target, BrokerStatus.WORKING)
    desk.broker.replace_order(desk.account, target, to_market)
    until(desk, guard, BrokerStatus.CANCELLED)


def test_members_are_found_one_by_one_after_a_lost_answer(desk: Desk) -> None:
    group, started = bracket(desk, low_bid(desk, "F")), datetime.now(timezone.utc)
    names = refs(group)
    desk.sim.faults({"effect": "drop_answer", "path": "*/complex-orders", "times": 1})
    with pytest.raises(OutcomeUnknown):
        desk.broker.place_group(desk.account, group, names)
    found = [
        desk.broker.find_order(desk.account, name, ticket, started)
        for name, ticket in zip(names, group.tickets, strict=True)
    ]
    assert [order and order.client_ref for order in found] == names
    assert len({order.broker_order_id for order in found if order}) == 3
    assert desk.broker.find_order(desk.account, "another", group.tickets[0], started) is None


def test_a_bracket_that_the_broker_does_not_want_is_refused_whole(desk: Desk) -> None:
    group = bracket(desk, low_bid(desk, "F"), 10_000_000)
    before = {order.broker_order_id for order in desk.broker.get_orders(desk.account, since())}
    for send in (
        desk.broker.preview_group,
        lambda account, group: desk.broker.place_group(account, group, refs(group)),
    ):
        with pytest.raises(OrderRejected):
            send(desk.account, group)
    assert {order.broker_order_id for order in desk.broker.get_orders(desk.account, since())} == before


@pytest.mark.parametrize("other", ["quantity", "leg"])
def test_what_a_replacement_would_leave_as_it_is_is_refused_before_anything_is_sent(desk: Desk, other: str) -> None:
    price = low_bid(desk, "F")
    placed = desk.broker.place_order(desk.account, buy("F", price, 5), uuid4().hex).order
    until(desk, placed.broker_order_id, BrokerStatus.WORKING)
    before = len(desk.sim.ledger())
    wanted = buy("F", price, 6) if other == "quantity" else buy("SPY", price, 5)
    with pytest.raises(OrderRejected, match="Cancel this order"):
        desk.broker.replace_order(desk.account, placed.broker_order_id, wanted)
    assert [entry for entry in desk.sim.ledger(since=before) if entry["method"] == "PUT"] == []


def test_a_spread_goes_with_a_limit_only(desk: Desk) -> None:
    strikes = desk.broker.get_chain(Equity("SPY")).expirations[2].strikes
    middle = len(strikes) // 2
    short, long = strikes[middle].put, strikes[middle - 2].put
    assert short is not None
    assert long is not None
    legs = (Leg(short, Action.SELL_TO_OPEN, Decimal(1)), Leg(long, Action.BUY_TO_OPEN, Decimal(1)))
    before = len(desk.sim.ledger())
    with pytest.raises(OrderRejected, match="no market orders of several legs"):
        desk.broker.place_order(desk.account, OrderTicket(legs, OrderType.MARKET, TimeInForce.DAY), uuid4().hex)
    assert len(desk.sim.ledger()) == before


# --- the body, and other answers -------------------------------------------------------------------------------------

EXITS = (sell(Decimal(205)), sell(stop=Decimal(182)))
BRACKET = OrderGroup(GroupKind.BRACKET, EXITS, buy("F", Decimal(190)))


def test_each_order_carries_its_own_reference_and_those_that_wait_need_nothing_to_close_yet() -> None:
    body = group_body(BRACKET, ["a", "b", "c"])
    assert body["type"] == "OTOCO"
    members = [body["trigger-order"], *body["orders"]]
    assert [each["external-identifier"] for each in members] == ["a", "b", "c"]
    assert not any("advanced-instructions" in each for each in members)
    bare = group_body(OrderGroup(GroupKind.OCO, EXITS), ["a", "b"])
    assert (bare["type"], "trigger-order" in bare) == ("OCO", False)
    assert all(each["advanced-instructions"]["strict-position-effect-validation"] for each in bare["orders"])


def answered(answer: Any, payload: Any = None) -> Any:
    broker = TastytradeBroker(Hosts(API, "", ""), lambda **_: "t")
    with responses.RequestsMock() as served:
        served.post(f"{API}/accounts/{ACCOUNT}/complex-orders", json=answer, status=201)
        return broker.place_group(ACCOUNT, BRACKET, ["a", "b", "c"])


def test_the_brokers_own_example_is_read_by_the_places_of_its_orders(payload: Any) -> None:
    example: Node = payload("E-COMPLEX-RESP")
    placed = answered(example.value)
    assert placed.group_id == "56544"
    assert [each.order.broker_order_id for each in placed.orders] == ["1075300", "1075301", "1075302"]
    assert {each.order.status for each in placed.orders} == {BrokerStatus.CONTINGENT}


def test_references_that_are_echoed_tell_which_order_is_which(payload: Any) -> None:
    answer = json.loads(json.dumps(payload("E-COMPLEX-RESP").value, default=str))
    inner = answer["data"]["complex-order"]
    inner["trigger-order"]["external-identifier"] = "a"
    for row, name in zip(inner["orders"], "cb", strict=True):
        row["external-identifier"] = name
    placed = answered(answer)
    assert [each.order.broker_order_id for each in placed.orders] == ["1075300", "1075302", "1075301"]


def test_numbers_are_proof_of_acceptance_though_the_rest_cannot_be_read(payload: Any) -> None:
    answer = json.loads(json.dumps(payload("E-COMPLEX-RESP").value, default=str))
    answer["data"]["complex-order"]["orders"][1]["status"] = "Pondering"
    odd = answered(answer).orders[2].order
    assert (odd.broker_order_id, odd.status, odd.group_id) == ("1075302", BrokerStatus.RECEIVED, "56544")


@pytest.mark.parametrize("missing", ["id", "orders", "trigger-order"])
def test_an_answer_without_all_orders_leaves_the_outcome_unknown(payload: Any, missing: str) -> None:
    answer = json.loads(json.dumps(payload("E-COMPLEX-RESP").value, default=str))
    del answer["data"]["complex-order"][missing]
    with pytest.raises(OutcomeUnknown):
        answered(answer)


def test_members_whose_references_the_broker_forgot_are_told_by_their_looks(payload: Any) -> None:
    broker = TastytradeBroker(Hosts(API, "", ""), lambda **_: "t")
    inner = json.loads(json.dumps(payload("E-COMPLEX-RESP").value, default=str))["data"]["complex-order"]
    rows = [inner["trigger-order"], *inner["orders"]]
    for row in rows:
        row["legs"][0] |= {"symbol": "F", "quantity": 1, "remaining-quantity": 1}
    sent_at = datetime(2026, 11, 20, 14, 50, 57, tzinfo=timezone.utc)

    def find(
        ticket: OrderTicket, at: datetime = sent_at, claimed: tuple[str, ...] = (), *, grouped: bool = True
    ) -> str | None:
        with responses.RequestsMock() as served:
            for path in ("orders/live", "orders"):
                served.get(f"{API}/accounts/{ACCOUNT}/{path}", json={"data": {"items": rows}})
            found = broker.find_order(ACCOUNT, "lost", ticket, at, claimed, grouped=grouped)
            return found.broker_order_id if found else None

    assert [find(ticket) for ticket in BRACKET.tickets] == ["1075300", "1075301", "1075302"]
    assert find(EXITS[0], grouped=False) is None  # a single order always carries its reference
    assert find(EXITS[0], claimed=("1075301",)) is None
    assert find(sell(Decimal(206))) is None
    assert find(EXITS[0], datetime(2026, 11, 20, 14, 51, 30, tzinfo=timezone.utc)) is None
    rows.append({**rows[1], "id": 1075399})
    with pytest.raises(Ambiguous, match="1075301, 1075399"):
        find(EXITS[0])
    del rows[1]["complex-order-id"], rows[3]["complex-order-id"]
    assert find(EXITS[0]) is None
