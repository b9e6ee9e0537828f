"""Orders that hang together, through the port, at the simulator: the same of every broker that has them."""

from decimal import Decimal
from uuid import uuid4

import pytest
from any_broker import AAPL, CENT, ENDED, Desk, buy

from brokers.domain.orders import Action, BrokerStatus, GroupKind, Leg, OrderGroup, OrderTicket, OrderType, TimeInForce
from brokers.errors import OutcomeUnknown, Refused

FILLED, CANCELLED = BrokerStatus.FILLED, BrokerStatus.CANCELLED


def sell(quantity: int, *, limit: Decimal | None = None, stop: Decimal | None = None) -> OrderTicket:
    kind = OrderType.LIMIT if limit is not None else OrderType.STOP
    leg = Leg(AAPL, Action.SELL_TO_CLOSE, Decimal(quantity))
    return OrderTicket((leg,), kind, TimeInForce.DAY, limit_price=limit, stop_price=stop)


def group(desk: Desk, kind: GroupKind) -> OrderGroup:
    """Two shares: sold at a profit or at a stop, if they are held or once they are bought."""
    low = desk.low_bid()
    profit, stop = (low * Decimal("1.3")).quantize(CENT), (low * Decimal("0.8")).quantize(CENT)
    exits = (sell(2, limit=profit), sell(2, stop=stop))
    match kind:
        case GroupKind.OCO:
            desk.until(desk.place(buy(None, 2)), FILLED)
            return OrderGroup(kind, exits)
        case GroupKind.OTO:
            return OrderGroup(kind, exits[:1], trigger=buy(low, 2))
        case GroupKind.BRACKET:
            return OrderGroup(kind, exits, trigger=buy(low, 2))


@pytest.mark.parametrize("kind", GroupKind)
def test_a_group_is_previewed_placed_as_one_and_told_member_by_member(desk: Desk, kind: GroupKind) -> None:
    wanted, refs = group(desk, kind), [uuid4().hex for _ in range(3)]
    known = set(desk.listed())
    if kind not in desk.can.groups:
        with pytest.raises(Refused):
            desk.broker.place_group(desk.account, wanted, refs[: len(wanted.tickets)])
        assert set(desk.listed()) == known
        return
    assert desk.broker.preview_group(desk.account, wanted).total_fees is not None
    assert set(desk.listed()) == known
    placed = desk.broker.place_group(desk.account, wanted, refs[: len(wanted.tickets)])
    assert len(placed.orders) == len(wanted.tickets)
    for member, ticket in zip(placed.orders, wanted.tickets, strict=True):
        assert [state.leg for state in member.order.legs] == list(ticket.legs)
        assert (member.order.order_type, member.order.limit_price) == (ticket.order_type, ticket.limit_price)
    ids = {member.order.broker_order_id for member in placed.orders}
    assert set(desk.listed()) == known | ids
    assert all(desk.listed()[each].status not in ENDED for each in ids)


@pytest.mark.parametrize("kind", GroupKind)
def test_a_lost_answer_to_a_group_is_unknown_and_all_of_it_or_nothing_is_there(desk: Desk, kind: GroupKind) -> None:
    if kind not in desk.can.groups:
        pytest.skip("not at this broker")
    wanted, refs = group(desk, kind), [uuid4().hex for _ in range(3)]
    known = set(desk.listed())
    desk.sim.faults({"effect": "drop_answer", "when": "after", "method": "POST", "path": "*order*", "times": 1})
    with pytest.raises(OutcomeUnknown):
        desk.broker.place_group(desk.account, wanted, refs[: len(wanted.tickets)])
    assert len(set(desk.listed()) - known) == len(wanted.tickets)


def test_what_is_done_of_one_that_cancels_the_other_cancels_the_other(desk: Desk) -> None:
    if GroupKind.OCO not in desk.can.groups:
        pytest.skip("not at this broker")
    wanted = group(desk, GroupKind.OCO)
    bid = desk.broker.get_quotes([AAPL])[AAPL].bid
    assert bid is not None
    at_market = OrderGroup(GroupKind.OCO, (sell(2, limit=(bid * Decimal("0.98")).quantize(CENT)), wanted.orders[1]))
    first, second = desk.broker.place_group(desk.account, at_market, [uuid4().hex, uuid4().hex]).orders
    desk.until(first.order.broker_order_id, FILLED)
    desk.until(second.order.broker_order_id, CANCELLED)
    assert [row for row in desk.broker.get_positions(desk.account) if row.quantity] == []


@pytest.mark.parametrize("kind", GroupKind)
def test_a_group_is_cancelled_with_one_request_or_refused_before_anything_is_sent(desk: Desk, kind: GroupKind) -> None:
    if kind not in desk.can.groups:
        pytest.skip("not at this broker")
    wanted, refs = group(desk, kind), [uuid4().hex for _ in range(3)]
    placed = desk.broker.place_group(desk.account, wanted, refs[: len(wanted.tickets)])
    ids = [member.order.broker_order_id for member in placed.orders]
    if not desk.can.cancels_groups:
        with pytest.raises(Refused):
            desk.broker.cancel_group(desk.account, placed.group_id or "")
        assert all(desk.listed()[each].status not in ENDED for each in ids)
        return
    assert placed.group_id is not None
    told = desk.broker.cancel_group(desk.account, placed.group_id)
    assert {order.broker_order_id for order in told} == set(ids)
    assert {order.group_id for order in told} == {placed.group_id}
    for each in ids:
        desk.until(each, CANCELLED)
    with pytest.raises(Refused):
        desk.broker.cancel_group(desk.account, placed.group_id)
