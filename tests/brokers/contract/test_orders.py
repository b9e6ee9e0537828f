"""An order's life through the port, at the simulator: the same of every broker, as far as it says that it can."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from uuid import uuid4

import pytest
from any_broker import AAPL, CENT, ENDED, SPY, Desk, buy, credit_spread, executed, expiration_at, since

from brokers.domain.instruments import Crypto, Future, FutureOption, Other, Right
from brokers.domain.orders import Action, BrokerStatus, Leg, OrderTicket, OrderType, TimeInForce, Trail
from brokers.errors import OrderRejected, Refused
from brokers.port import Term

WORKING, CANCELLED, FILLED = BrokerStatus.WORKING, BrokerStatus.CANCELLED, BrokerStatus.FILLED


# --- placed, read, cancelled --------------------------------------------------------------------------------------


def test_an_order_is_previewed_placed_read_listed_and_cancelled(desk: Desk) -> None:
    ticket, ref = buy(desk.low_bid(), 3), uuid4().hex
    preview = desk.broker.preview_order(desk.account, ticket)
    assert preview.total_fees is not None
    assert preview.total_fees <= 0
    assert (preview.buying_power_change is not None) == desk.can.has_dry_run
    assert not desk.can.has_dry_run or (preview.buying_power_change or 0) < 0
    assert desk.listed() == {}
    placed = desk.broker.place_order(desk.account, ticket, ref).order
    assert placed.client_ref == (ref if desk.can.echoes_client_ref else None)
    order = desk.until(placed.broker_order_id, WORKING)
    assert [state.leg for state in order.legs] == list(ticket.legs)
    assert [state.remaining for state in order.legs] == [3]
    assert (order.limit_price, order.stop_price) == (ticket.limit_price, None)
    assert (order.order_type, order.time_in_force) == (OrderType.LIMIT, TimeInForce.DAY)
    assert order.received_at is not None
    assert executed(order) == [0]
    assert set(desk.listed()) == {order.broker_order_id}
    cancelled = desk.broker.cancel_order(desk.account, order.broker_order_id)
    assert cancelled.broker_order_id == order.broker_order_id
    assert cancelled.status in (BrokerStatus.CANCEL_REQUESTED, CANCELLED)
    desk.until(order.broker_order_id, CANCELLED)
    assert desk.listed()[order.broker_order_id].status is CANCELLED
    with pytest.raises(OrderRejected) as caught:
        desk.broker.cancel_order(desk.account, order.broker_order_id)
    assert caught.value.message


def test_a_fill_shows_in_order_and_position(desk: Desk) -> None:
    order = desk.until(desk.place(buy(None, 3)), FILLED)
    assert executed(order) == [3]
    assert [state.remaining for state in order.legs] == [0]
    prices = [state.average_price for state in order.legs if state.average_price] + [f.price for f in order.fills]
    assert prices
    (row,) = desk.broker.get_positions(desk.account)
    assert (row.instrument, row.quantity) == (AAPL, 3)
    assert row.average_open_price is not None
    assert min(prices) <= row.average_open_price <= max(prices)
    if desk.can.has_history:
        lines = desk.broker.get_transactions(desk.account, since())
        assert any(line.broker_order_id == order.broker_order_id and line.net_value < 0 for line in lines)


def test_a_part_that_is_done_shows_and_stays_when_the_rest_is_cancelled(desk: Desk) -> None:
    desk.sim.fills("schedule", schedule=[[0, 0.5], [600, 0.5]])
    order_id = desk.place(buy(None, 10))
    deadline = time.monotonic() + 20
    while (order := desk.broker.get_order(desk.account, order_id)).legs[0].remaining == 10:
        assert time.monotonic() < deadline
    assert (order.status, order.legs[0].remaining) == (WORKING, 5)
    desk.broker.cancel_order(desk.account, order_id)
    ended = desk.until(order_id, CANCELLED)
    assert executed(ended) == [5]
    (row,) = desk.broker.get_positions(desk.account)
    assert row.quantity == 5


def test_a_short_sale_is_covered(desk: Desk) -> None:
    for action, held in ((Action.SELL_TO_OPEN, [-2]), (Action.BUY_TO_CLOSE, [])):
        ticket = OrderTicket((Leg(AAPL, action, Decimal(2)),), OrderType.MARKET, TimeInForce.DAY)
        order = desk.until(desk.place(ticket), FILLED)
        assert order.legs[0].leg.action is action
        assert [row.quantity for row in desk.broker.get_positions(desk.account) if row.quantity] == held


def test_a_closing_order_never_opens_anything(desk: Desk) -> None:
    """There is nothing to close: the broker refuses, at once or a moment later, and nothing is held."""
    ticket = OrderTicket((Leg(AAPL, Action.SELL_TO_CLOSE, Decimal(2)),), OrderType.MARKET, TimeInForce.DAY)
    try:
        order_id = desk.place(ticket)
    except OrderRejected:
        pass
    else:
        assert desk.until(order_id, *ENDED).status is BrokerStatus.REJECTED
    assert desk.broker.get_positions(desk.account) == []


def test_a_credit_spread_is_one_order_with_a_net_price(desk: Desk) -> None:
    ticket = credit_spread(desk.broker)
    order = desk.until(desk.place(ticket), WORKING)
    assert {state.leg for state in order.legs} == set(ticket.legs)
    assert order.limit_price == ticket.limit_price
    assert order.time_in_force == TimeInForce.GTC
    desk.broker.cancel_order(desk.account, order.broker_order_id)
    desk.until(order.broker_order_id, CANCELLED)


def test_a_debit_spread_is_bought_leg_by_leg_in_one_fill(desk: Desk) -> None:
    strikes = expiration_at(desk.broker, SPY, 2).strikes
    middle = len(strikes) // 2
    long, short = strikes[middle].call, strikes[middle + 2].call
    assert long is not None
    assert short is not None
    legs = (Leg(long, Action.BUY_TO_OPEN, Decimal(2)), Leg(short, Action.SELL_TO_OPEN, Decimal(2)))
    width = strikes[middle + 2].price - strikes[middle].price
    order = desk.until(
        desk.place(OrderTicket(legs, OrderType.LIMIT, TimeInForce.DAY, limit_price=-width.quantize(CENT))), FILLED
    )
    assert executed(order) == [2, 2]
    held = {row.instrument: row.quantity for row in desk.broker.get_positions(desk.account)}
    assert held == {long: 2, short: -2}


def test_a_future_is_bought(desk: Desk) -> None:
    if Future not in desk.can.classes:
        pytest.skip("no futures at this broker")
    future, account = desk.a_future(), desk.open_account("futures")
    assert desk.broker.preview_order(account, buy(None, instrument=future)).total_fees is not None
    order = desk.until(desk.place(buy(None, instrument=future), account), FILLED, account=account)
    assert order.legs[0].leg == Leg(future, Action.BUY, Decimal(1))
    (row,) = desk.broker.get_positions(account)
    assert (row.instrument, row.quantity) == (future, 1)


# --- every type and duration that it says it takes ----------------------------------------------------------------


@pytest.mark.parametrize("kind", OrderType)
def test_each_type_comes_back_as_it_was_sent(desk: Desk, kind: OrderType) -> None:
    if kind not in desk.can.order_types:
        pytest.skip("not at this broker")
    desk.sim.fills("never")
    low = desk.low_bid()
    stop = (low * Decimal("1.3")).quantize(CENT) if kind.has_stop else None
    limit = -(stop or low) if kind.has_limit else None
    trail = Trail(Decimal("2.50")) if kind.has_trail else None
    ticket = buy(None, order_type=kind, limit_price=limit, stop_price=stop, trail=trail)
    order = desk.until(desk.place(ticket), WORKING, BrokerStatus.ROUTED, BrokerStatus.RECEIVED)
    assert (order.order_type, order.trail) == (kind, trail)
    assert order.limit_price == limit or kind is OrderType.MARKETABLE_LIMIT  # there the broker sets one
    assert order.stop_price == stop or (kind.has_trail and (order.stop_price or 0) > low)


def test_a_trailing_stop_in_percent_stands_behind_the_market_and_follows_it(desk: Desk) -> None:
    if OrderType.TRAILING_STOP not in desk.can.order_types:
        pytest.skip("not at this broker")
    desk.until(desk.place(buy(None, 3)), FILLED)
    trail = Trail(Decimal(20), is_percent=True)
    leg = Leg(AAPL, Action.SELL_TO_CLOSE, Decimal(3))
    ticket = OrderTicket((leg,), OrderType.TRAILING_STOP, TimeInForce.DAY, trail=trail)
    order = desk.until(desk.place(ticket), WORKING)
    assert order.trail == trail
    market = desk.broker.get_quotes([AAPL])[AAPL].bid
    assert market is not None
    assert order.stop_price is not None
    assert market * Decimal("0.75") < order.stop_price < market * Decimal("0.85")


DATED = {force for force in TimeInForce if force.has_date}
AT_ONCE = {TimeInForce.IOC, TimeInForce.FOK}


@pytest.mark.parametrize("force", TimeInForce)
def test_each_duration_comes_back_as_it_was_sent(desk: Desk, force: TimeInForce) -> None:
    """Those that are done at once and cannot be end at once; any other rests."""
    day = since() + timedelta(days=10) if force in DATED else None
    ticket = buy(desk.low_bid(), time_in_force=force, gtd_date=day)
    if force not in desk.can.times_in_force:
        before = len(desk.sim.ledger())
        with pytest.raises(OrderRejected):
            desk.place(ticket)
        assert len(desk.sim.ledger()) == before
        return
    wanted = ENDED if force in AT_ONCE else {WORKING, BrokerStatus.ROUTED}
    order = desk.until(desk.place(ticket), *wanted)
    assert order.time_in_force == force
    assert executed(order) == [0]


def test_what_it_says_it_takes_no_order_of_is_not_sent(desk: Desk) -> None:
    """Classes of instruments that it does not trade, and types of spreads that it does not have."""
    before, day = len(desk.sim.ledger()), since() + timedelta(days=30)
    foreign: list[OrderTicket] = []
    option = FutureOption(Future("ES", 2026, 12), "EW3Z26", day, Right.CALL, Decimal(6000))
    for instrument in (option, Crypto("BTC", "USD"), Other("bond", "912797KX4")):
        if type(instrument) not in desk.can.classes:
            leg = Leg(instrument, Action.BUY_TO_OPEN, Decimal(1))
            foreign.append(OrderTicket((leg,), OrderType.MARKET, TimeInForce.DAY))
    spread = credit_spread(desk.broker)
    for kind in set(OrderType) - desk.can.spread_types - {OrderType.TRAILING_STOP}:  # that one has one leg anywhere
        price, stop = (spread.limit_price if kind.has_limit else None), (Decimal(1) if kind.has_stop else None)
        foreign.append(OrderTicket(spread.legs, kind, TimeInForce.DAY, limit_price=price, stop_price=stop))
    if OrderType.TRAILING_STOP not in desk.can.order_types:
        foreign.append(buy(None, order_type=OrderType.TRAILING_STOP, trail=Trail(Decimal(1))))
    assert foreign
    for ticket in foreign:
        with pytest.raises(OrderRejected):
            desk.place(ticket)
    assert not [entry for entry in desk.sim.ledger()[before:] if entry["made_order"]]


# --- replaced -----------------------------------------------------------------------------------------------------


def after_it(desk: Desk, order_id: str, ticket: OrderTicket) -> str:
    """Replace; the number under which the order lives on."""
    newer = desk.broker.replace_order(desk.account, order_id, ticket)
    assert order_id in (newer.broker_order_id, newer.replaces_order_id)
    if newer.broker_order_id != order_id:
        old = desk.until(order_id, CANCELLED)
        assert old.replaced_by_order_id == newer.broker_order_id
    return newer.broker_order_id


CHANGES: dict[Term, Callable[[Decimal], OrderTicket]] = {
    Term.QUANTITY: lambda price: buy(price, 2),
    Term.LIMIT_PRICE: lambda price: buy(price - 1),
    Term.STOP_PRICE: lambda price: buy(
        None, order_type=OrderType.STOP, stop_price=(price * Decimal("1.4")).quantize(CENT)
    ),
    Term.TRAIL: lambda price: buy(None, order_type=OrderType.TRAILING_STOP, trail=Trail(price / 2)),
    Term.ORDER_TYPE: lambda price: buy(None),
    Term.TIME_IN_FORCE: lambda price: buy(price, time_in_force=TimeInForce.GTC),
}


@pytest.mark.parametrize("term", Term)
def test_a_replacement_changes_what_it_says_it_can_and_is_else_refused_unsent(desk: Desk, term: Term) -> None:
    price = desk.low_bid()
    before = buy(price)
    if term is Term.STOP_PRICE:
        before = buy(None, order_type=OrderType.STOP, stop_price=(price * Decimal("1.3")).quantize(CENT))
    if term is Term.TRAIL and term in desk.can.replaces:
        before = buy(None, order_type=OrderType.TRAILING_STOP, trail=Trail(price / 4))
    if term is Term.ORDER_TYPE:
        desk.sim.fills("delayed", delay=0.5)
    order_id = desk.until(desk.place(before), WORKING).broker_order_id
    wanted, seen = CHANGES[term](price), len(desk.sim.ledger())
    if term not in desk.can.replaces:
        with pytest.raises(OrderRejected):
            desk.broker.replace_order(desk.account, order_id, wanted)
        assert len(desk.sim.ledger()) == seen
        assert desk.broker.get_order(desk.account, order_id).status is WORKING
        return
    order = desk.until(after_it(desk, order_id, wanted), WORKING, FILLED)
    assert [state.leg for state in order.legs] == list(wanted.legs)
    assert (order.order_type, order.time_in_force) == (wanted.order_type, wanted.time_in_force)
    assert (order.limit_price, order.trail) == (wanted.limit_price, wanted.trail)
    assert order.stop_price == wanted.stop_price or wanted.trail is not None
    alive = [each for each in desk.listed().values() if each.status not in ENDED]
    assert len(alive) <= 1


def test_an_order_that_is_over_is_not_replaced(desk: Desk) -> None:
    price = desk.low_bid()
    order_id = desk.resting(price).broker_order_id
    desk.broker.cancel_order(desk.account, order_id)
    desk.until(order_id, CANCELLED)
    with pytest.raises(OrderRejected):
        desk.broker.replace_order(desk.account, order_id, buy(price - 1))
    assert set(desk.listed()) == {order_id}


# --- refused, listed ----------------------------------------------------------------------------------------------


def test_a_rejection_comes_in_the_brokers_words(desk: Desk) -> None:
    ticket = buy(desk.low_bid(), quantity=1_000_000)
    for send in (
        lambda: desk.broker.preview_order(desk.account, ticket),
        lambda: desk.broker.place_order(desk.account, ticket, uuid4().hex),
    ):
        with pytest.raises(OrderRejected) as caught:
            send()
        assert caught.value.message
        assert caught.value.broker.lower() == desk.name
    assert all(order.status is BrokerStatus.REJECTED for order in desk.listed().values())


def test_all_pages_of_orders_are_joined(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk.entry.page_size, 3)
    price = desk.low_bid()
    ids = {desk.place(buy(price)) for _ in range(8)}
    assert len(ids) == 8
    assert set(desk.listed()) == ids


def test_orders_of_days_before_are_listed_and_read(desk: Desk) -> None:
    order_id = desk.resting(desk.low_bid()).broker_order_id
    desk.broker.cancel_order(desk.account, order_id)
    desk.until(order_id, CANCELLED)
    desk.sim.clock(jump=4 * 86400)
    assert desk.listed()[order_id].status is CANCELLED
    assert desk.broker.get_order(desk.account, order_id).status is CANCELLED


def test_an_order_that_is_not_there_is_refused(desk: Desk) -> None:
    with pytest.raises(Refused):
        desk.broker.get_order(desk.account, "1")
    started = datetime.now(timezone.utc)
    assert desk.broker.find_order(desk.account, uuid4().hex, buy(desk.low_bid()), started) is None
