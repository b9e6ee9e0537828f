"""What is TradeStation's own, against the simulator; what every broker does is under tests/brokers/contract."""

import time
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from any_broker import credit_spread, expiration_at
from simulator_server import SimulatorServer

from brokers.domain.instruments import Equity, Future, Index, Instrument
from brokers.domain.orders import Action, BrokerStatus, Leg, OrderTicket, OrderType, OrderUpdate, TimeInForce
from brokers.errors import OrderRejected, OutcomeUnknown, Refused
from brokers.tradestation.client import TradestationBroker

from .conftest import Desk

AAPL, SPY, SPX = Equity("AAPL"), Equity("SPY"), Index("SPX")
CENT = Decimal("0.01")


def buy(price: Decimal | None, quantity: int = 1, instrument: Instrument = AAPL, **rest: Any) -> OrderTicket:
    kind = OrderType.MARKET if price is None else OrderType.LIMIT
    action = Action.BUY if isinstance(instrument, Future) else Action.BUY_TO_OPEN
    leg = Leg(instrument, action, Decimal(quantity))
    terms = {"order_type": kind, "time_in_force": TimeInForce.DAY, "limit_price": None if price is None else -price}
    return OrderTicket((leg,), **{**terms, **rest})


def low_bid(desk: Desk, instrument: Instrument = AAPL) -> Decimal:
    """A price at which nothing will be bought."""
    bid = desk.broker.get_quotes([instrument])[instrument].bid
    assert bid is not None
    return (bid * Decimal("0.9")).quantize(CENT)


def until(desk: Desk, order_id: str, *wanted: BrokerStatus, account: str = "") -> OrderUpdate:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        order = desk.broker.get_order(account or desk.account, order_id)
        if order.status in wanted:
            return order
        time.sleep(0.05)
    raise AssertionError(f"the order stayed {order.status} ({order.broker_status})")


def since() -> date:
    return (datetime.now(timezone.utc) - timedelta(days=2)).date()


def resting(desk: Desk, price: Decimal) -> OrderUpdate:
    placed = desk.broker.place_order(desk.account, buy(price), uuid4().hex)
    return until(desk, placed.order.broker_order_id, BrokerStatus.WORKING)


def test_a_strangers_account_is_an_error_and_not_an_empty_one(desk: Desk, sim: SimulatorServer) -> None:
    other = Desk(sim, "other").accounts[0]
    for call in (desk.broker.get_balance, desk.broker.get_positions, lambda n: desk.broker.get_orders(n, since())):
        with pytest.raises(Refused, match="Invalid Account ID"):
            call(other)


def test_an_options_price_steps_are_those_of_its_chain_and_an_index_is_not_traded(desk: Desk) -> None:
    expiration = expiration_at(desk.broker, SPY, 0)
    call = expiration.strikes[len(expiration.strikes) // 2].call
    assert call is not None
    assert desk.broker.get_details(call).increments == expiration.increments
    assert not desk.broker.get_details(SPX).tradeable


def test_a_chain_costs_one_call_and_its_strikes_one_for_each_day_and_one_more(desk: Desk, sim: SimulatorServer) -> None:
    def asked() -> list[str]:
        entries = sim.control("ledger?requests=all")["requests"]
        return [entry["path"] for entry in entries if "/marketdata/" in entry["path"]]

    before = len(asked())
    chain = desk.broker.get_chain(SPX)
    assert len(asked()) - before == 1
    assert not any(each.strikes for each in chain.expirations)
    monthly = next(each.expiry for each in chain.expirations if each.root == "SPX")
    one_day = [each for each in chain.expirations if each.expiry == monthly]
    wanted = [*one_day, *(each for each in chain.expirations if each.expiry > monthly)][: len(one_day) + 2]
    days, roots = {each.expiry for each in wanted}, {each.root for each in wanted}
    before = len(asked())
    told = desk.broker.with_strikes(SPX, wanted)
    assert len(asked()) - before == len(days) + 1
    assert roots == {"SPX", "SPXW"}
    assert [(each.expiry, each.root) for each in told] == [(each.expiry, each.root) for each in wanted]
    assert all(each.strikes and each.increments.steps for each in told)


def test_what_the_broker_would_not_change_is_refused_before_anything_is_sent(desk: Desk) -> None:
    price = low_bid(desk)
    order = resting(desk, price)
    before = len(desk.sim.ledger())
    others = (
        buy(price, time_in_force=TimeInForce.GTC),
        buy(price, instrument=SPY),
        buy(price, order_type=OrderType.STOP_LIMIT, stop_price=price),
    )
    for other in others:
        with pytest.raises(OrderRejected, match="Cancel this order"):
            desk.broker.replace_order(desk.account, order.broker_order_id, other)
    assert len(desk.sim.ledger()) == before
    desk.broker.replace_order(desk.account, order.broker_order_id, buy(None))
    until(desk, order.broker_order_id, BrokerStatus.FILLED)


def test_what_was_done_of_a_part_filled_order_is_told_while_it_works(desk: Desk) -> None:
    desk.sim.fills("schedule", schedule=[[0, 0.5], [600, 0.5]])
    placed = desk.broker.place_order(desk.account, buy(None, 10), uuid4().hex)
    deadline = time.monotonic() + 20
    while (order := desk.broker.get_order(desk.account, placed.order.broker_order_id)).legs[0].remaining == 10:
        assert time.monotonic() < deadline
    assert (order.status, order.legs[0].remaining, order.legs[0].executed) == (BrokerStatus.WORKING, 5, 5)
    assert order.legs[0].average_price is not None
    desk.broker.cancel_order(desk.account, order.broker_order_id)
    ended = until(desk, order.broker_order_id, BrokerStatus.CANCELLED)
    assert (ended.legs[0].executed, ended.legs[0].average_price) == (5, order.legs[0].average_price)


def test_a_spread_is_found_by_its_looks(desk: Desk) -> None:
    ticket, started, ref = credit_spread(desk.broker), datetime.now(timezone.utc), uuid4().hex
    order = desk.broker.place_order(desk.account, ticket, ref).order
    found = desk.broker.find_order(desk.account, ref, ticket, started)
    assert found is not None
    assert found.broker_order_id == order.broker_order_id


def test_the_same_reference_makes_one_order_at_most(desk: Desk) -> None:
    price, ref = low_bid(desk), uuid4().hex
    desk.broker.place_order(desk.account, buy(price), ref)
    with pytest.raises((OrderRejected, OutcomeUnknown)):
        desk.broker.place_order(desk.account, buy(price), ref)
    assert len(desk.broker.get_orders(desk.account, since())) == 1


def test_an_order_that_was_taken_stays_taken_when_it_cannot_be_read_after_it(desk: Desk) -> None:
    desk.sim.faults({"effect": "status", "status": 500, "body": "html", "method": "GET", "path": "*/orders/*"})
    price = low_bid(desk)
    order = desk.broker.place_order(desk.account, buy(price), uuid4().hex).order
    assert (order.status, order.limit_price) == (BrokerStatus.RECEIVED, -price)
    cancelled = desk.broker.cancel_order(desk.account, order.broker_order_id)
    assert (cancelled.status, cancelled.legs) == (BrokerStatus.CANCEL_REQUESTED, ())
    desk.sim.clear_faults()
    until(desk, order.broker_order_id, BrokerStatus.CANCELLED)


def test_a_host_without_the_old_version_still_finds_an_exact_symbol(desk: Desk) -> None:
    desk.sim.faults({"effect": "status", "status": 404, "body": "json", "path": "*/suggest/*"})
    assert [match.instrument for match in desk.broker.search("AAPL")] == [AAPL]
    assert desk.broker.search("NOSUCH") == []


def test_a_real_account_is_not_traded_through_the_simulated_world(desk: Desk) -> None:
    hosts = type(desk.hosts)(api="https://sim-api.tradestation.com/v3", authorize="", token="")
    broker = TradestationBroker(hosts, desk.token)
    for number in ("11827365", "210VRT18"):
        with pytest.raises(OrderRejected, match="Nothing was sent"):
            broker.place_order(number, buy(Decimal(1)), uuid4().hex)


def test_a_chain_on_a_future_is_refused_with_the_reason_and_nothing_is_asked(desk: Desk, sim: SimulatorServer) -> None:
    def asked() -> int:
        return sim.inside(lambda world: sum("/options/" in each["path"] for each in world.ledger.requests))

    before = asked()
    with pytest.raises(Refused, match="does not publish how options on futures are named"):
        desk.broker.get_chain(Future("ES", 2026, 12))
    assert asked() == before
