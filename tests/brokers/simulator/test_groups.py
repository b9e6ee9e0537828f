"""Orders that belong together: what waits, what follows, what falls, and that no race fills one too many."""

import json
from decimal import Decimal

import pytest

from brokers.domain.orders import Action, InvalidTicket
from brokers.simulator.exchange import (
    Bond,
    Bundle,
    Duration,
    Exchange,
    FillRule,
    Node,
    OrderRefused,
    OrderStatus,
    SimGroup,
    SimOrder,
    Trail,
)
from tests.brokers.simulator.pit import AAPL, ANN, SPY, F, Pit, limit, market, stop

BUY, CLOSE = Action.BUY_TO_OPEN, Action.SELL_TO_CLOSE


@pytest.fixture
def pit() -> Pit:
    return Pit()


def exits(quantity: int = 10, target: str = "200", level: str = "180") -> tuple[Node, ...]:
    return (
        Node(limit(CLOSE, quantity, target, duration=Duration.GTC)),
        Node(stop(CLOSE, quantity, level, duration=Duration.GTC)),
    )


def entry_with(pit: Pit, bond: Bond, quantity: int = 10, **more) -> list[SimOrder]:
    node = Node(limit(BUY, quantity, "189"), (Bundle(bond, exits(quantity)),))
    return pit.exchange.place_tree(ANN, node, **more)


def protected(pit: Pit, bond: Bond, quantity: int = 10) -> tuple[SimOrder, SimOrder]:
    """Shares in the account with a target and a stop on them, both live."""
    pit.own(quantity)
    target, guard = pit.exchange.place_group(ANN, Bundle(bond, exits(quantity)))
    pit.run()
    assert (target.status, guard.status) == (OrderStatus.LIVE, OrderStatus.LIVE)
    return target, guard


def group_of(pit: Pit, order: SimOrder) -> SimGroup:
    return pit.exchange.group(ANN, order.group_id)


# An order and what waits for it


def test_members_wait_until_their_parent_has_filled(pit):
    parent, target, guard = entry_with(pit, Bond.OCO)
    pit.run()
    assert [o.status for o in (parent, target, guard)] == ["live", "contingent", "contingent"]
    assert parent.order_id < target.order_id < guard.order_id
    assert target.parent_id == guard.parent_id == group_of(pit, target).parent_id == parent.order_id
    pit.exchange.fills.set(FillRule("partial", fraction=Decimal("0.4"), interval=3600))
    pit.quote(AAPL, "188", "188.50")
    pit.run()
    assert (parent.filled, target.status) == (4, OrderStatus.CONTINGENT)
    pit.exchange.fills.clear()
    pit.run()
    assert [o.status for o in (parent, target, guard)] == ["filled", "live", "live"]
    assert group_of(pit, target).released_at is not None


@pytest.mark.parametrize("end", ["cancel", "expire", "reject"])
def test_members_fall_with_their_parent(pit, end):
    if end == "reject":
        pit.exchange.reject_next("Session offline")
    parent, *members = entry_with(pit, Bond.OCO)
    pit.run()
    if end == "cancel":
        pit.exchange.cancel(ANN, parent.order_id)
        pit.run()
    elif end == "expire":
        pit.to(parent.expires_at)
    assert parent.status == {"cancel": "cancelled", "expire": "expired", "reject": "rejected"}[end]
    assert {member.status for member in members} == {OrderStatus.CANCELLED}
    assert group_of(pit, members[0]).is_terminal


def test_members_follow_a_parent_that_was_replaced(pit):
    parent, target, guard = entry_with(pit, Bond.BRACKET)
    pit.run()
    new = pit.exchange.replace(ANN, parent.order_id, limit(BUY, 10, "191"))
    pit.run()
    assert (parent.status, new.status) == (OrderStatus.CANCELLED, OrderStatus.FILLED)
    assert target.parent_id == group_of(pit, target).parent_id == new.order_id
    assert {target.status, guard.status} == {OrderStatus.LIVE}


def test_a_member_can_be_replaced_before_and_after_its_parent_has_filled(pit):
    parent, target, _ = entry_with(pit, Bond.OCO)
    pit.run()
    second = pit.exchange.replace(ANN, target.order_id, limit(CLOSE, 10, "201", duration=Duration.GTC))
    assert (target.status, second.status) == (OrderStatus.CANCELLED, OrderStatus.CONTINGENT)
    pit.quote(AAPL, "188", "188.50")
    pit.run()
    assert (parent.status, second.status) == (OrderStatus.FILLED, OrderStatus.LIVE)
    third = pit.exchange.replace(ANN, second.order_id, limit(CLOSE, 10, "202", duration=Duration.GTC))
    pit.run()
    assert third.status is OrderStatus.LIVE
    assert group_of(pit, third).member_ids[-2:] == [second.order_id, third.order_id]
    pit.quote(AAPL, "202", "202.10")
    pit.run()
    assert third.status is OrderStatus.FILLED
    assert pit.held() == 0


def test_groups_nest_and_children_may_have_the_lower_numbers(pit):
    inner = Bundle(Bond.INDEPENDENT, (Node(limit(BUY, 1, "13", F)),))
    middle = Bundle(Bond.INDEPENDENT, (Node(limit(CLOSE, 10, "191"), (inner,)),))
    orders = pit.exchange.place_tree(ANN, Node(market(BUY, 10), (middle,)), parents_last=True)
    numbers = [order.order_id for order in orders]
    assert numbers == sorted(numbers, reverse=True)
    pit.run()
    assert [order.status for order in orders] == ["filled", "live", "contingent"]
    pit.quote(AAPL, "191", "191.10")
    pit.run(2)
    assert [order.status for order in orders] == ["filled", "filled", "filled"]


def test_a_tree_is_taken_whole_or_not_at_all(pit):
    wrong = Node(limit(BUY, 10, "189"), (Bundle(Bond.OCO, (*exits(), Node(limit(CLOSE, 11, "210")))),))
    with pytest.raises(OrderRefused) as refused:
        pit.exchange.place_tree(ANN, wrong)
    assert refused.value.code == "cannot_close_more_than_position"
    assert pit.exchange.orders(ANN) == pit.exchange.groups(ANN) == []


def test_a_member_is_looked_at_again_when_its_turn_comes(pit):
    parent, target, guard = entry_with(pit, Bond.INDEPENDENT)
    pit.run()
    pit.quote(AAPL, "188", "188.50")
    pit.run()
    assert parent.status is OrderStatus.FILLED
    statuses = sorted((target.status, guard.status))
    assert statuses == ["live", "rejected"]  # both together would close more than the position
    assert {order.reject_reason != "" for order in (target, guard)} == {True, False}


# One of several


def test_any_fill_of_one_cancels_the_others(pit):
    target, guard = protected(pit, Bond.OCO)
    pit.exchange.fills.set(FillRule("partial", fraction=Decimal("0.3"), interval=3600))
    pit.quote(AAPL, "200", "200.10")
    pit.run()
    assert (target.filled, target.status, guard.status) == (3, OrderStatus.LIVE, OrderStatus.CANCELLED)
    group = group_of(pit, target)
    assert group.trigger_id == target.order_id
    assert not group.is_terminal
    pit.exchange.cancel(ANN, target.order_id)
    pit.run()
    assert group.is_terminal


def test_two_members_that_could_fill_at_the_same_instant_end_as_one_fill(pit):
    pit.own(10)
    nodes = (Node(limit(CLOSE, 10, "195")), Node(limit(CLOSE, 10, "196")))
    orders = pit.exchange.place_group(ANN, Bundle(Bond.OCO, nodes))
    pit.run()
    pit.quote(AAPL, "197", "197.10")
    pit.run()
    assert sorted(order.status for order in orders) == ["cancelled", "filled"]
    assert pit.held() == 0


def test_an_oco_ends_as_one_fill_also_while_a_cancel_is_on_its_way(pit):
    target, guard = protected(pit, Bond.OCO)
    pit.exchange.cancel(ANN, guard.order_id)
    pit.quote(AAPL, "200", "200.10", last="170")  # both levels at once
    pit.clock.advance(0.01)
    pit.step()
    assert sorted((target.status, guard.status)) == ["cancelled", "filled"]
    assert pit.held() == 0


def test_a_bracket_gets_smaller_by_what_its_sibling_fills(pit):
    target, guard = protected(pit, Bond.BRACKET)
    pit.exchange.fills.set(FillRule("partial", fraction=Decimal("0.3"), interval=3600))
    pit.quote(AAPL, "200", "200.10")
    pit.run()
    assert (target.filled, guard.size, guard.remaining, guard.cancelled_size) == (3, 7, 7, 3)
    pit.exchange.fills.clear()
    pit.quote(AAPL, "170", "170.10")
    pit.run()
    assert (guard.status, guard.filled) == (OrderStatus.FILLED, 7)
    assert (target.status, target.filled) == (OrderStatus.CANCELLED, 3)
    assert pit.held() == 0
    assert group_of(pit, target).is_terminal


def test_a_trailing_bracket_reserves_the_position_only_once(pit):
    pit.own(10)
    nodes = (exits()[0], Node(stop(CLOSE, 10, None, trail=Trail(amount=Decimal(5)))))
    pit.exchange.place_group(ANN, Bundle(Bond.BRACKET, nodes))
    pit.run()
    with pytest.raises(OrderRefused) as refused:
        pit.place(limit(CLOSE, 1, "205"))
    assert refused.value.code == "cannot_close_more_than_position"


def test_members_that_exclude_each_other_hold_back_money_once(pit):
    free = pit.exchange.balance(ANN).derivative_buying_power
    pit.exchange.place_group(ANN, Bundle(Bond.OCO, (Node(limit(BUY, 100, "150")), Node(limit(BUY, 100, "15", SPY)))))
    pit.run()
    held = free - pit.exchange.balance(ANN).derivative_buying_power
    single = pit.exchange.preview(ANN, limit(BUY, 100, "150")).buying_power_change
    assert held == -single.quantize(Decimal("0.01"))


def test_a_bracket_is_of_one_kind(pit):
    pit.own(10)
    nodes = (exits()[0], Node(limit(BUY, 10, "150", F)))
    with pytest.raises(OrderRefused) as refused:
        pit.exchange.place_group(ANN, Bundle(Bond.BRACKET, nodes))
    assert refused.value.code == "group_symbols"


# Pairs


def pair(threshold: str, comparator: str = "gte") -> Bundle:
    nodes = (Node(market(BUY, 1, SPY)), Node(market(Action.SELL_TO_OPEN, 3, F)))
    return Bundle(Bond.PAIRS, nodes, Decimal(threshold), comparator)


def test_a_pair_leaves_together_once_its_ratio_is_reached(pit):
    orders = pit.exchange.place_group(ANN, pair("50.5"))
    pit.run()
    assert {order.status for order in orders} == {OrderStatus.CONTINGENT}
    pit.quote(SPY, "610", "610.02")
    pit.run()
    assert {order.status for order in orders} == {OrderStatus.FILLED}
    assert group_of(pit, orders[0]).is_terminal


def test_a_pairs_ratio_can_be_changed_while_it_waits(pit):
    orders = pit.exchange.place_group(ANN, pair("50.5"))
    pit.run()
    pit.exchange.amend_group(ANN, orders[0].group_id, Decimal("49.9"))
    pit.run()
    assert {order.status for order in orders} == {OrderStatus.FILLED}
    with pytest.raises(OrderRefused) as refused:
        pit.exchange.amend_group(ANN, orders[0].group_id, Decimal(3))
    assert refused.value.code == "not_amendable"


def test_groups_that_make_no_sense_cannot_be_built():
    for wrong in (
        {"bond": Bond.OCO, "nodes": ()},
        {"bond": Bond.PAIRS, "nodes": exits()},
        {"bond": Bond.OCO, "nodes": exits(), "threshold": Decimal(1)},
        {"bond": Bond.PAIRS, "nodes": exits()[:1], "threshold": Decimal(1)},
    ):
        with pytest.raises(InvalidTicket):
            Bundle(**wrong)


# Out, told, kept


def test_a_group_is_cancelled_with_the_order_it_waits_for(pit):
    orders = entry_with(pit, Bond.OCO)
    pit.run()
    pit.exchange.cancel_group(ANN, orders[1].group_id)
    pit.run()
    assert {order.status for order in orders} == {OrderStatus.CANCELLED}
    with pytest.raises(OrderRefused) as refused:
        pit.exchange.cancel_group(ANN, 1)
    assert refused.value.code == "unknown_group"


def test_every_change_of_a_group_is_told(pit):
    target, _ = protected(pit, Bond.OCO)
    pit.quote(AAPL, "200", "200.10")
    pit.run()
    told = [event.value for event in pit.events if event.kind == "group"]
    assert told
    assert {group.group_id for group in told} == {target.group_id}
    assert told[-1].is_terminal


def test_previews_of_a_tree_know_what_comes_before(pit):
    previews = pit.exchange.preview_tree(ANN, Node(limit(BUY, 10, "189"), (Bundle(Bond.OCO, exits()),)))
    assert len(previews) == 3
    assert [p.warnings for p in previews] == [[], [], []]
    assert previews[1].buying_power_change > 0
    bare = pit.exchange.preview_group(ANN, Bundle(Bond.OCO, exits()[:1]))
    assert [code for code, _ in bare[0].warnings] == ["closing_with_no_position"]


def test_groups_survive_a_restart(pit):
    parent, target, guard = entry_with(pit, Bond.OCO)
    waiting = pit.exchange.place_group(ANN, pair("50.5"))
    pit.run()
    kept = json.loads(json.dumps(pit.exchange.snapshot()))
    pit.exchange = Exchange(pit.market, pit.clock)
    pit.exchange.restore(kept)
    pit.quote(AAPL, "188", "188.50")
    pit.quote(SPY, "610", "610.02")
    pit.run()
    found = [pit.exchange.order(ANN, order.order_id) for order in (parent, target, guard, *waiting)]
    assert [order.status for order in found] == ["filled", "live", "live", "filled", "filled"]
    pit.quote(AAPL, "170", "170.10", last="170")
    pit.run()
    assert [order.status for order in found[1:3]] == ["cancelled", "filled"]
