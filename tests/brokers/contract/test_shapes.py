"""Orders of one to four legs and groups of orders, previewed, placed, read back and ended, for every broker."""

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from uuid import uuid4

import pytest
from any_broker import AAPL, CENT, SPY, Desk, buy, expiration_at, since

from brokers.domain.instruments import Equity, Future, FutureOption, Option, Right
from brokers.domain.market import Expiration, Strike
from brokers.domain.orders import Action, BrokerStatus, GroupKind, Leg, OrderGroup, OrderTicket, OrderType, TimeInForce
from brokers.errors import OrderRejected, OutcomeUnknown, Refused
from brokers.simulator.world import World

ONE = Decimal(1)
QUIET = (BrokerStatus.WORKING, BrokerStatus.ROUTED, BrokerStatus.RECEIVED)


LISTED: dict[tuple[str, str, int], Expiration] = {}
"""By simulator, broker and place: each may take a call, and calls are rationed."""


def listed_strikes(desk: Desk, expiration: int) -> list[Strike]:
    key = (desk.sim.url, desk.name, expiration)
    if key not in LISTED:
        LISTED[key] = expiration_at(desk.broker, SPY, expiration)
    return [each for each in LISTED[key].strikes if each.call and each.put]


def strikes(desk: Desk) -> list[Strike]:
    """Five strikes about the money."""
    listed = listed_strikes(desk, 2)
    middle = len(listed) // 2
    return listed[middle - 2 : middle + 3]


def option(strike: Strike, right: Right) -> Option:
    found = strike.call if right is Right.CALL else strike.put
    assert found is not None
    return found


def legs_of(desk: Desk, shape: str) -> tuple[Leg, ...]:
    """Legs that can all be opened, by the name that a trader has for them."""
    low, less, at, more, high = strikes(desk)
    buy_, sell_ = Action.BUY_TO_OPEN, Action.SELL_TO_OPEN
    call, put = Right.CALL, Right.PUT
    match shape:
        case "call":
            return (Leg(option(at, call), buy_, ONE),)
        case "vertical":
            return (Leg(option(at, call), buy_, ONE), Leg(option(high, call), sell_, ONE))
        case "butterfly":
            wings = (Leg(option(low, put), buy_, ONE), Leg(option(high, put), buy_, ONE))
            return (wings[0], Leg(option(at, put), sell_, Decimal(2)), wings[1])
        case "iron condor":
            puts = (Leg(option(low, put), buy_, ONE), Leg(option(less, put), sell_, ONE))
            return (*puts, Leg(option(more, call), sell_, ONE), Leg(option(high, call), buy_, ONE))
        case "calendar":
            further = {each.price: each for each in listed_strikes(desk, 3)}
            near = next(each for each in strikes(desk) if each.price in further)
            return (Leg(option(near, call), sell_, ONE), Leg(option(further[near.price], call), buy_, ONE))
        case _:
            raise AssertionError(shape)


@pytest.mark.parametrize("shape", ["call", "vertical", "butterfly", "iron condor", "calendar"])
def test_a_strategy_is_one_order_leg_by_leg_as_it_was_asked_for(desk: Desk, shape: str) -> None:
    legs = legs_of(desk, shape)
    assert len(legs) <= desk.can.max_legs
    price = {"iron condor": Decimal("4.99")}.get(shape, -CENT)  # at which nothing is done
    ticket = OrderTicket(legs, OrderType.LIMIT, TimeInForce.DAY, limit_price=price)
    foreseen = desk.broker.preview_order(desk.account, ticket)
    assert (foreseen.buying_power_change is not None) == desk.can.has_dry_run
    assert foreseen.total_fees is not None
    number = desk.place(ticket)
    order = desk.until(number, *QUIET)
    assert {state.leg for state in order.legs} == set(legs)
    assert (order.limit_price, order.order_type, order.time_in_force) == (price, "limit", "day")
    desk.broker.cancel_order(desk.account, number)
    desk.until(number, BrokerStatus.CANCELLED)


@pytest.mark.parametrize("kind", [kind for kind in OrderType if not kind.has_trail])
def test_several_legs_go_with_the_types_that_the_broker_says_and_no_other(desk: Desk, kind: OrderType) -> None:
    legs = legs_of(desk, "vertical")
    limit, stop = -CENT if kind.has_limit else None, Decimal(1) if kind.has_stop else None
    ticket = OrderTicket(legs, kind, TimeInForce.DAY, limit_price=limit, stop_price=stop)
    before = len(desk.sim.ledger())
    if kind in desk.can.spread_types:
        number = desk.place(ticket)
        assert desk.until(number, *QUIET, BrokerStatus.FILLED).order_type == kind
        return
    for send in (lambda: desk.broker.preview_order(desk.account, ticket), lambda: desk.place(ticket)):
        with pytest.raises(OrderRejected, match="several legs"):
            send()
    assert len(desk.sim.ledger()) == before


def a_put(world: World) -> FutureOption:
    each = world.market.future_chain("ES")[1]
    return each.strikes[len(each.strikes) // 2].put


def test_an_option_on_a_future_is_traded_or_refused_unsent(desk: Desk) -> None:
    future = desk.a_future()
    expiry = (datetime.now(timezone.utc) + timedelta(days=20)).date()
    made_up = FutureOption(future, f"{future.product}Z26", expiry, Right.PUT, Decimal(100))
    if FutureOption not in desk.can.classes:
        before = len(desk.sim.ledger())
        with pytest.raises((OrderRejected, Refused)):
            desk.place(buy(Decimal("0.25"), instrument=made_up))
        assert len(desk.sim.ledger()) == before
        return
    listed = desk.sim.inside(a_put)  # a chain of these is not in the port
    ticket = buy(Decimal("0.25"), instrument=listed)
    held = {number: desk.broker.get_positions(number) for number in desk.accounts}
    account = next(number for number, rows in held.items() if any(isinstance(row.instrument, Future) for row in rows))
    assert desk.broker.preview_order(account, ticket).buying_power_change is not None
    number = desk.place(ticket, account)
    assert desk.until(number, *QUIET, account=account).legs[0].leg.instrument == listed


# --- groups --------------------------------------------------------------------------------------------------------


def exits(desk: Desk, quantity: int = 1) -> tuple[OrderTicket, OrderTicket]:
    """A profit and a stop that are both far away."""
    low, leg = desk.low_bid(), (Leg(AAPL, Action.SELL_TO_CLOSE, Decimal(quantity)),)
    return (
        OrderTicket(leg, OrderType.LIMIT, TimeInForce.GTC, limit_price=low * 2),
        OrderTicket(leg, OrderType.STOP, TimeInForce.GTC, stop_price=low),
    )


def group_of(desk: Desk, kind: GroupKind) -> OrderGroup:
    match kind:
        case GroupKind.BRACKET:
            return OrderGroup(kind, exits(desk), buy(desk.low_bid()))
        case GroupKind.OTO:
            return OrderGroup(kind, (buy(desk.low_bid(SPY), instrument=SPY),), buy(desk.low_bid()))
        case GroupKind.OCO:
            desk.until(desk.place(buy(None)), BrokerStatus.FILLED)
            return OrderGroup(kind, exits(desk))


@pytest.fixture(params=list(GroupKind))
def group(desk: Desk, request: pytest.FixtureRequest) -> OrderGroup:
    if request.param not in desk.can.groups:
        pytest.skip("the broker has no such group, and says so")
    return group_of(desk, request.param)


def refs(group: OrderGroup) -> list[str]:
    return [uuid4().hex for _ in group.tickets]


def test_a_group_is_one_request_and_comes_back_ticket_by_ticket(desk: Desk, group: OrderGroup) -> None:
    assert desk.broker.preview_group(desk.account, group).total_fees is not None
    before = len(desk.sim.ledger())
    placed = desk.broker.place_group(desk.account, group, refs(group))
    assert len([entry for entry in desk.sim.ledger(since=before) if entry["method"] == "POST"]) == 1
    orders = [each.order for each in placed.orders]
    assert [order.legs[0].leg for order in orders] == [ticket.legs[0] for ticket in group.tickets]
    assert [order.stop_price for order in orders] == [ticket.stop_price for ticket in group.tickets]
    listed = {each.broker_order_id: each.group_id for each in desk.broker.get_orders(desk.account, since())}
    assert {listed[order.broker_order_id] for order in orders} == {placed.group_id} != {None}


def test_each_member_is_found_after_a_lost_answer(desk: Desk, group: OrderGroup) -> None:
    names, started = refs(group), datetime.now(timezone.utc)
    desk.sim.faults({"effect": "drop_answer", "method": "POST", "times": 1})
    with pytest.raises(OutcomeUnknown):
        desk.broker.place_group(desk.account, group, names)
    found = [
        desk.broker.find_order(desk.account, name, ticket, started, grouped=True)
        for name, ticket in zip(names, group.tickets, strict=True)
    ]
    assert [order and order.legs[0].leg for order in found] == [ticket.legs[0] for ticket in group.tickets]
    assert len({order.broker_order_id for order in found if order}) == len(group.tickets)


def test_when_the_first_order_is_filled_those_behind_it_work(desk: Desk) -> None:
    if GroupKind.BRACKET not in desk.can.groups:
        pytest.skip("the broker has no such group, and says so")
    group = OrderGroup(GroupKind.BRACKET, exits(desk), buy(None))
    first, target, guard = (
        each.order.broker_order_id for each in desk.broker.place_group(desk.account, group, refs(group)).orders
    )
    desk.until(first, BrokerStatus.FILLED)
    desk.until(target, BrokerStatus.WORKING)
    desk.until(guard, BrokerStatus.WORKING)
    desk.sim.price("AAPL", str(desk.low_bid() * 3))
    desk.until(target, BrokerStatus.FILLED)
    desk.until(guard, BrokerStatus.CANCELLED)
    assert [row.quantity for row in desk.broker.get_positions(desk.account) if row.quantity] == []


def test_what_the_broker_does_not_want_of_a_group_it_does_not_take(desk: Desk) -> None:
    many = Decimal(10_000_000)
    leg = (Leg(Equity("SPY"), Action.SELL_TO_CLOSE, many),)
    low = desk.low_bid(SPY)
    group = OrderGroup(
        GroupKind.BRACKET,
        (
            OrderTicket(leg, OrderType.LIMIT, TimeInForce.GTC, limit_price=low * 2),
            OrderTicket(leg, OrderType.STOP, TimeInForce.GTC, stop_price=low),
        ),
        buy(low, many, SPY),
    )
    with pytest.raises(OrderRejected):
        desk.broker.preview_group(desk.account, group)
    with pytest.raises(OrderRejected):
        desk.broker.place_group(desk.account, group, refs(group))
    assert {each.status for each in desk.listed().values()} <= {BrokerStatus.REJECTED}
