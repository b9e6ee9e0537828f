"""Groups at TradeStation: against the simulator's exchange, and against answers that it does not give."""

import json
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
import responses

from brokers.domain.instruments import Equity
from brokers.domain.orders import Action, BrokerStatus, GroupKind, Leg, OrderGroup, OrderTicket, OrderType, TimeInForce
from brokers.errors import OrderRejected, OutcomeUnknown
from brokers.port import Hosts
from brokers.tradestation import order_desk
from brokers.tradestation.client import TradestationBroker
from brokers.tradestation.codec.groups import group_body, group_type
from brokers.tradestation.codec.placing import confirm_id

from .conftest import Desk
from .test_against_simulator import AAPL, SPY, buy, low_bid, since, until

API = "https://api.example.invalid/v3"
ACCOUNT = "SIM4400127M"


def sell(price: Decimal | None = None, stop: Decimal | None = None, quantity: int = 1, **rest: Any) -> OrderTicket:
    kind = OrderType.LIMIT if stop is None else OrderType.STOP
    leg = Leg(AAPL, Action.SELL_TO_CLOSE, Decimal(quantity))
    terms = {"order_type": kind, "time_in_force": TimeInForce.GTC, "limit_price": price, "stop_price": stop}
    return OrderTicket((leg,), **{**terms, **rest})


def around(desk: Desk, quantity: int = 1) -> tuple[OrderTicket, OrderTicket]:
    """A profit and a stop that are both far from the market."""
    low = low_bid(desk)
    return sell(low * 2, quantity=quantity), sell(stop=low, quantity=quantity)


def refs(group: OrderGroup) -> list[str]:
    return [uuid4().hex for _ in group.tickets]


def hold(desk: Desk, quantity: int) -> None:
    placed = desk.broker.place_order(desk.account, buy(None, quantity), uuid4().hex)
    until(desk, placed.order.broker_order_id, BrokerStatus.FILLED)


# --- as the simulator has them ------------------------------------------------------------------------------------


def test_a_bracket_is_one_request_and_its_stop_goes_when_its_profit_is_taken(desk: Desk) -> None:
    profit, stop = around(desk, 3)
    group = OrderGroup(GroupKind.BRACKET, (profit, stop), buy(low_bid(desk), 3, time_in_force=TimeInForce.GTC))
    before = len(desk.sim.ledger())
    placed = desk.broker.place_group(desk.account, group, refs(group))
    (sent,) = [entry for entry in desk.sim.ledger(since=before) if entry["method"] == "POST"]
    assert sent["path"].endswith("/orderexecution/orders")
    first, target, guard = (each.order for each in placed.orders)
    assert [order.legs[0].leg for order in (first, target, guard)] == [ticket.legs[0] for ticket in group.tickets]
    assert (target.limit_price, guard.stop_price) == (profit.limit_price, stop.stop_price)
    assert {target.status, guard.status} == {BrokerStatus.CONTINGENT}
    assert placed.group_id == first.broker_order_id
    assert {order.group_id for order in (first, target, guard)} == {placed.group_id}
    desk.broker.replace_order(desk.account, first.broker_order_id, buy(None, 3, time_in_force=TimeInForce.GTC))
    until(desk, first.broker_order_id, BrokerStatus.FILLED)
    until(desk, target.broker_order_id, BrokerStatus.WORKING)
    desk.broker.replace_order(desk.account, target.broker_order_id, sell(None, quantity=3, order_type=OrderType.MARKET))
    until(desk, target.broker_order_id, BrokerStatus.FILLED)
    assert until(desk, guard.broker_order_id, BrokerStatus.CANCELLED).group_id == placed.group_id
    assert desk.broker.get_positions(desk.account) == []


def test_an_order_waits_for_the_one_before_it(desk: Desk) -> None:
    group = OrderGroup(GroupKind.OTO, (buy(low_bid(desk, SPY), instrument=SPY),), buy(low_bid(desk)))
    placed = desk.broker.place_group(desk.account, group, refs(group))
    first, second = (each.order for each in placed.orders)
    assert second.status is BrokerStatus.CONTINGENT
    assert first.group_id == second.group_id == first.broker_order_id
    desk.broker.cancel_order(desk.account, first.broker_order_id)
    until(desk, first.broker_order_id, BrokerStatus.CANCELLED)
    until(desk, second.broker_order_id, BrokerStatus.CANCELLED)


def test_two_exits_of_a_holding_cancel_each_other(desk: Desk) -> None:
    hold(desk, 2)
    group = OrderGroup(GroupKind.OCO, around(desk, 2))
    assert desk.broker.preview_group(desk.account, group).total_fees is not None
    placed = desk.broker.place_group(desk.account, group, refs(group))
    target, guard = (each.order.broker_order_id for each in placed.orders)
    listed = {order.broker_order_id: order for order in desk.broker.get_orders(desk.account, since())}
    assert {listed[target].group_id, listed[guard].group_id} == {placed.group_id} != {None}
    desk.broker.replace_order(desk.account, target, sell(None, quantity=2, order_type=OrderType.MARKET))
    until(desk, target, BrokerStatus.FILLED)
    until(desk, guard, BrokerStatus.CANCELLED)


def test_what_part_of_the_profit_takes_comes_off_the_stop(desk: Desk) -> None:
    """With the broker's own OCO the stop would be gone, and the rest of the holding without one."""
    hold(desk, 10)
    group = OrderGroup(GroupKind.OCO, around(desk, 10))
    placed = desk.broker.place_group(desk.account, group, refs(group))
    target, guard = (each.order.broker_order_id for each in placed.orders)
    desk.sim.fills("schedule", schedule=[[0, 0.4], [600, 0.6]])
    desk.broker.replace_order(desk.account, target, sell(None, quantity=10, order_type=OrderType.MARKET))
    deadline = datetime.now(timezone.utc).timestamp() + 20
    while (order := desk.broker.get_order(desk.account, target)).legs[0].executed != 4:
        assert datetime.now(timezone.utc).timestamp() < deadline
    assert order.legs[0].average_price is not None
    assert until(desk, guard, BrokerStatus.WORKING).legs[0].remaining == 6


def test_entries_on_either_side_are_the_brokers_oco(desk: Desk) -> None:
    group = OrderGroup(GroupKind.OCO, (buy(low_bid(desk)), buy(low_bid(desk, SPY), instrument=SPY)))
    assert group_type(group) == "OCO"
    placed = desk.broker.place_group(desk.account, group, refs(group))
    assert [each.order.legs[0].leg.instrument for each in placed.orders] == [AAPL, SPY]


def test_a_bracket_that_the_broker_does_not_want_is_refused_whole(desk: Desk) -> None:
    profit, stop = around(desk, 1_000_000)
    group = OrderGroup(GroupKind.BRACKET, (profit, stop), buy(low_bid(desk), 1_000_000))
    with pytest.raises(OrderRejected):
        desk.broker.preview_group(desk.account, group)
    with pytest.raises(OrderRejected) as caught:
        desk.broker.place_group(desk.account, group, refs(group))
    number = caught.value.broker_order_id
    assert number is not None
    assert desk.broker.get_order(desk.account, number).status is BrokerStatus.REJECTED


def test_members_are_found_one_by_one_after_a_lost_answer(desk: Desk) -> None:
    profit, stop = around(desk)
    group = OrderGroup(GroupKind.BRACKET, (profit, stop), buy(low_bid(desk)))
    names, started = refs(group), datetime.now(timezone.utc)
    desk.sim.faults({"effect": "drop_answer", "path": "*/orderexecution/orders", "times": 1})
    with pytest.raises(OutcomeUnknown):
        desk.broker.place_group(desk.account, group, names)
    found = [
        desk.broker.find_order(desk.account, name, ticket, started)
        for name, ticket in zip(names, group.tickets, strict=True)
    ]
    assert [order and order.legs[0].leg for order in found] == [ticket.legs[0] for ticket in group.tickets]
    assert len({order.group_id for order in found if order}) == 1


def test_members_that_look_alike_are_each_taken_for_one(desk: Desk) -> None:
    group = OrderGroup(GroupKind.OTO, (buy(low_bid(desk)),), buy(low_bid(desk)))
    placed = desk.broker.place_group(desk.account, group, refs(group))
    assert len({each.order.broker_order_id for each in placed.orders}) == 2


def test_a_group_of_another_world_is_not_sent() -> None:
    live = TradestationBroker(Hosts("https://api.tradestation.com/v3", "", ""), lambda **_: "t")
    group = OrderGroup(GroupKind.OCO, (buy(Decimal(1)), buy(Decimal(2))))
    for send in (live.preview_group, lambda account, group: live.place_group(account, group, refs(group))):
        with pytest.raises(OrderRejected, match="environment"):
            send(ACCOUNT, group)


# --- the body ------------------------------------------------------------------------------------------------------


def test_the_body_of_a_bracket_is_an_order_with_what_it_sends() -> None:
    group = OrderGroup(
        GroupKind.BRACKET,
        (sell(Decimal("205")), sell(stop=Decimal("182"))),
        buy(Decimal("190"), time_in_force=TimeInForce.GTC),
    )
    one = {"AccountID": ACCOUNT, "Symbol": "AAPL", "Quantity": "1", "TimeInForce": {"Duration": "GTC"}}
    assert group_body(ACCOUNT, group, ["a", "b", "c"]) == {
        **one,
        "TradeAction": "BUY",
        "OrderType": "Limit",
        "LimitPrice": "190",
        "OrderConfirmID": confirm_id("a"),
        "OSOs": [
            {
                "Type": "BRK",
                "Orders": [
                    {
                        **one,
                        "TradeAction": "SELL",
                        "OrderType": "Limit",
                        "LimitPrice": "205",
                        "OrderConfirmID": confirm_id("b"),
                    },
                    {
                        **one,
                        "TradeAction": "SELL",
                        "OrderType": "StopMarket",
                        "StopPrice": "182",
                        "OrderConfirmID": confirm_id("c"),
                    },
                ],
            }
        ],
    }


# --- answers in part -----------------------------------------------------------------------------------------------

PAIR = OrderGroup(GroupKind.OCO, (buy(Decimal(150)), buy(Decimal(400), instrument=SPY)))
TAKEN = {"Message": "Sent order: …", "OrderID": "11"}


def listed(number: str, symbol: str, limit: str, status: str = "ACK", **more: Any) -> dict[str, Any]:
    leg = {"BuyOrSell": "Buy", "ExecQuantity": "0", "OpenOrClose": "Open", "QuantityOrdered": "1"}
    return {
        "AccountID": ACCOUNT,
        "Duration": "DAY",
        "Legs": [{**leg, "AssetType": "STOCK", "QuantityRemaining": "1", "Symbol": symbol}],
        "LimitPrice": limit,
        "OpenedDateTime": "2026-06-23T16:06:00Z",
        "OrderID": number,
        "OrderType": "Limit",
        "Status": status,
        **more,
    }


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> TradestationBroker:
    monkeypatch.setattr(order_desk, "LOOKS_AT_A_GROUP", (0.0, 0.0))
    return TradestationBroker(Hosts(API, "", ""), lambda **_: "t")


def place(broker: TradestationBroker, answer: Any, orders: Any) -> Any:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as served:
        served.post(f"{API}/orderexecution/ordergroups", json=answer)
        for numbers in ("11", "12", "11,12", "12,11", "11,12,13"):
            served.get(f"{API}/brokerage/accounts/{ACCOUNT}/orders/{numbers}", json=orders)
        try:
            return broker.place_group(ACCOUNT, PAIR, ["a", "b"])
        finally:
            sent = [call.request for call in served.calls if call.request.method == "POST"]
            assert len(sent) == 1
            assert [each["OrderConfirmID"] for each in json.loads(sent[0].body)["Orders"]] == [
                confirm_id("a"),
                confirm_id("b"),
            ]


def test_which_order_is_which_is_told_by_its_looks_and_not_by_its_place(broker: TradestationBroker) -> None:
    answer = {"Orders": [TAKEN, {**TAKEN, "OrderID": "12"}]}
    rows = [listed("11", "SPY", "400", GroupName="OCO 77"), listed("12", "AAPL", "150", GroupName="OCO 77")]
    placed = place(broker, answer, {"Orders": rows})
    assert [each.order.broker_order_id for each in placed.orders] == ["12", "11"]
    assert placed.group_id == "77"


@pytest.mark.parametrize("where", ["Errors", "Orders"])
@pytest.mark.parametrize("number", ["12", ""])
def test_a_member_that_was_refused_is_told_of_beside_the_one_that_was_taken(
    broker: TradestationBroker, where: str, number: str
) -> None:
    bad = {"Error": "FAILED", "Message": "Order failed. Reason: No.", "OrderID": number}
    answer = {"Orders": [TAKEN, bad]} if where == "Orders" else {"Orders": [TAKEN], "Errors": [bad]}
    rejected = [listed("12", "AAPL", "150", "REJ")] if number else []
    placed = place(broker, answer, {"Orders": [listed("11", "SPY", "400"), *rejected]})
    first, second = (each.order for each in placed.orders)
    assert (first.status, first.broker_order_id) == (BrokerStatus.REJECTED, number)
    assert first.reject_reason == "Order failed. Reason: No."
    assert (second.broker_order_id, second.status) == ("11", BrokerStatus.WORKING)


@pytest.mark.parametrize(
    "answer",
    [
        {"Orders": [TAKEN]},
        {"Orders": [TAKEN], "Errors": [{"Error": "InternalServerError", "Message": "?"}]},
        {"Orders": [TAKEN, {"Message": "no number"}]},
        {"Orders": [{**TAKEN, "OrderID": "11"}, {**TAKEN, "OrderID": "12"}, {**TAKEN, "OrderID": "13"}]},
        {},
    ],
)
def test_an_answer_that_does_not_account_for_each_order_leaves_the_outcome_unknown(
    broker: TradestationBroker, answer: Any
) -> None:
    rows = [listed("11", "SPY", "400"), listed("12", "AAPL", "150"), listed("13", "AAPL", "150")]
    with pytest.raises(OutcomeUnknown):
        place(broker, answer, {"Orders": rows})


@pytest.mark.parametrize(
    "rows",
    [
        [listed("11", "SPY", "400")],
        [listed("11", "SPY", "400"), listed("12", "AAPL", "151")],
        [listed("11", "SPY", "400"), listed("12", "SPY", "400")],
    ],
)
def test_orders_that_cannot_be_told_apart_leave_the_outcome_unknown(
    broker: TradestationBroker, rows: list[Any]
) -> None:
    with pytest.raises(OutcomeUnknown, match="11, 12"):
        place(broker, {"Orders": [TAKEN, {**TAKEN, "OrderID": "12"}]}, {"Orders": rows})


def test_when_none_was_taken_the_group_is_refused(broker: TradestationBroker) -> None:
    bad = {"Error": "FAILED", "Message": "Order failed. Reason: No.", "OrderID": "12"}
    with pytest.raises(OrderRejected, match="No") as caught:
        place(broker, {"Errors": [bad, {**bad, "OrderID": "11"}]}, {})
    assert caught.value.broker_order_id == "12"


def test_exits_of_one_holding_are_a_bracket_and_others_cancel_each_other() -> None:
    covered = OrderGroup(GroupKind.OCO, (sell(Decimal(205)), sell(stop=Decimal(182))))
    assert group_type(covered) == "BRK"
    apart = OrderGroup(GroupKind.OCO, (sell(Decimal(205)), buy(Decimal(100), instrument=Equity("SPY"))))
    assert group_type(apart) == "OCO"
    assert group_type(OrderGroup(GroupKind.OTO, (sell(Decimal(2)),), buy(Decimal(1)))) == "NORMAL"
