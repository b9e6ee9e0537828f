"""Every call of the port against the simulator: the same wire, real sockets."""

import time
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from simulator_server import SimulatorServer

from brokers.domain.accounts import AccountKind
from brokers.domain.instruments import Equity, Future, Index, Instrument, Option
from brokers.domain.orders import Action, BrokerStatus, Leg, OrderTicket, OrderType, OrderUpdate, TimeInForce
from brokers.errors import Ambiguous, NotAuthorized, OrderRejected, OutcomeUnknown, RateLimited, Refused, Unavailable
from brokers.tradestation.client import TradestationBroker
from brokers.wire import Request

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
    deadline = time.monotonic() + 8
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


# --- what is there ------------------------------------------------------------------------------------------------


def test_accounts_and_what_they_hold_are_read(desk: Desk) -> None:
    accounts = desk.broker.get_accounts()
    assert {account.number for account in accounts} >= set(desk.accounts)
    assert {account.kind for account in accounts} == {AccountKind.MARGIN, AccountKind.CASH, AccountKind.FUTURES}
    assert all(account.can_trade and not account.is_closed for account in accounts)
    for account in accounts:
        balance = desk.broker.get_balance(account.number)
        assert balance.net_liquidating_value is not None
        assert (balance.account_number, balance.currency) == (account.number, "USD")
    positions = [row for account in accounts for row in desk.broker.get_positions(account.number)]
    assert any(isinstance(row.instrument, Option) and row.quantity < 0 for row in positions)
    assert any(isinstance(row.instrument, Future) and row.multiplier > 1 for row in positions)
    assert all(row.quantity and row.multiplier > 0 and row.average_open_price for row in positions)


def test_cash_and_positions_add_up_to_the_brokers_own_net_worth(desk: Desk) -> None:
    account = next(each for each in desk.broker.get_accounts() if each.kind is AccountKind.CASH)
    balance, held = desk.broker.get_balance(account.number), desk.broker.get_positions(account.number)
    assert held
    assert balance.cash is not None
    assert balance.net_liquidating_value is not None
    worth = sum((row.quantity * row.multiplier * (row.mark or Decimal(0)) for row in held), balance.cash)
    assert abs(worth - balance.net_liquidating_value) < balance.net_liquidating_value * Decimal("0.005")


def test_there_is_no_account_history_and_it_is_said_so(desk: Desk) -> None:
    with pytest.raises(Refused):
        desk.broker.get_transactions(desk.account, date(2026, 1, 1))


def test_a_strangers_account_is_an_error_and_not_an_empty_one(desk: Desk, sim: SimulatorServer) -> None:
    other = Desk(sim, "other").accounts[0]
    for call in (desk.broker.get_balance, desk.broker.get_positions, lambda n: desk.broker.get_orders(n, since())):
        with pytest.raises(Refused, match="Invalid Account ID"):
            call(other)


# --- market -------------------------------------------------------------------------------------------------------


def test_quotes_chains_details_and_search_fit_together(desk: Desk) -> None:
    chain = desk.broker.get_chain(SPY)
    assert len(chain.expirations) >= 4
    assert [each.expiry for each in chain.expirations] == sorted(each.expiry for each in chain.expirations)
    assert {each.multiplier for each in chain.expirations} == {Decimal(100)}
    call = chain.expirations[0].strikes[len(chain.expirations[0].strikes) // 2].call
    assert call is not None
    quotes = desk.broker.get_quotes([SPY, call, SPX, Equity("NOSUCH")])
    assert set(quotes) == {SPY, call, SPX}
    spot, index = quotes[SPY], quotes[SPX]
    assert spot.bid is not None
    assert spot.ask is not None
    assert 0 < spot.bid < spot.ask
    assert quotes[call].ask is not None
    assert (index.bid, index.ask) == (None, None)
    assert index.last
    details = desk.broker.get_details(call)
    assert (details.multiplier, details.underlying) == (100, SPY)
    assert details.increments == chain.expirations[0].increments
    assert details.increments.at(Decimal(1)) is not None
    assert desk.broker.get_details(SPY).tradeable
    assert not desk.broker.get_details(SPX).tradeable
    assert any(match.instrument == SPY for match in desk.broker.search("SP"))
    assert desk.broker.search("  ") == []


def test_an_indexs_chain_names_options_that_are_quoted(desk: Desk) -> None:
    chain = desk.broker.get_chain(SPX)
    assert {each.root for each in chain.expirations} <= {"SPX", "SPXW"}
    calls = [each.strikes[len(each.strikes) // 2].call for each in chain.expirations]
    assert len(desk.broker.get_quotes([call for call in calls if call is not None])) >= len(calls) // 2


def test_a_chain_costs_one_call_for_each_day_and_three_more_at_most(desk: Desk, sim: SimulatorServer) -> None:
    def asked() -> int:
        entries = sim.control("ledger?requests=all")["requests"]
        return sum("/marketdata/" in entry["path"] for entry in entries)

    before = asked()
    chain = desk.broker.get_chain(SPY)
    assert asked() - before <= len(chain.expirations) + 3


def test_more_than_a_hundred_quotes_come_in_one_go(desk: Desk) -> None:
    chain = desk.broker.get_chain(SPY)
    strikes = [strike for expiration in chain.expirations for strike in expiration.strikes]
    wanted = [option for strike in strikes for option in (strike.call, strike.put) if option is not None][:230]
    assert len(wanted) == 230
    assert set(desk.broker.get_quotes(wanted)) == set(wanted)


def test_an_unknown_instrument_has_no_details_and_no_chain(desk: Desk) -> None:
    for call in (desk.broker.get_details, desk.broker.get_chain):
        with pytest.raises(Refused):
            call(Equity("NOSUCH"))


def test_a_future_is_sized_by_its_point_value(desk: Desk) -> None:
    future = next(
        row.instrument
        for number in desk.accounts
        for row in desk.broker.get_positions(number)
        if isinstance(row.instrument, Future)
    )
    details = desk.broker.get_details(future)
    assert details.multiplier > 1
    held = [row for n in desk.accounts for row in desk.broker.get_positions(n) if row.instrument == future]
    assert {row.multiplier for row in held} == {details.multiplier}


# --- orders -------------------------------------------------------------------------------------------------------


def test_an_order_rests_is_replaced_under_its_number_and_cancelled(desk: Desk) -> None:
    price = low_bid(desk)
    preview = desk.broker.preview_order(desk.account, buy(price))
    assert (preview.buying_power_change, preview.margin_change) == (None, None)
    assert preview.total_fees is not None
    assert preview.total_fees <= 0
    order = resting(desk, price)
    assert order.limit_price == -price
    assert [state.leg for state in order.legs] == list(buy(price).legs)
    newer = desk.broker.replace_order(desk.account, order.broker_order_id, buy(price - 1, 2))
    assert newer.broker_order_id == order.broker_order_id
    working = until(desk, order.broker_order_id, BrokerStatus.WORKING)
    assert (working.limit_price, working.legs[0].leg.quantity) == (1 - price, 2)
    cancelled = desk.broker.cancel_order(desk.account, order.broker_order_id)
    assert cancelled.status in (BrokerStatus.CANCEL_REQUESTED, BrokerStatus.CANCELLED)
    until(desk, order.broker_order_id, BrokerStatus.CANCELLED)
    listed = {each.broker_order_id: each.status for each in desk.broker.get_orders(desk.account, since())}
    assert listed[order.broker_order_id] is BrokerStatus.CANCELLED
    with pytest.raises(OrderRejected, match="Not an open order"):
        desk.broker.cancel_order(desk.account, order.broker_order_id)


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


def test_a_fill_shows_in_order_and_position(desk: Desk) -> None:
    placed = desk.broker.place_order(desk.account, buy(None, 3), uuid4().hex)
    order = until(desk, placed.order.broker_order_id, BrokerStatus.FILLED)
    assert [fill.quantity for fill in order.fills] == [3]
    assert order.fills[0].price > 0
    assert [state.remaining for state in order.legs] == [0]
    (row,) = desk.broker.get_positions(desk.account)
    assert (row.instrument, row.quantity, row.average_open_price) == (AAPL, 3, order.fills[0].price)


def test_a_short_sale_is_covered(desk: Desk) -> None:
    for action, held in ((Action.SELL_TO_OPEN, [-2]), (Action.BUY_TO_CLOSE, [])):
        ticket = OrderTicket((Leg(AAPL, action, Decimal(2)),), OrderType.MARKET, TimeInForce.DAY)
        placed = desk.broker.place_order(desk.account, ticket, uuid4().hex)
        order = until(desk, placed.order.broker_order_id, BrokerStatus.FILLED)
        assert order.legs[0].leg.action is action
        assert [row.quantity for row in desk.broker.get_positions(desk.account)] == held


def test_what_was_done_of_a_part_filled_order_is_told_once_it_is_over(desk: Desk) -> None:
    desk.sim.fills("schedule", schedule=[[0, 0.5], [600, 0.5]])
    placed = desk.broker.place_order(desk.account, buy(None, 10), uuid4().hex)
    deadline = time.monotonic() + 8
    while (order := desk.broker.get_order(desk.account, placed.order.broker_order_id)).legs[0].remaining == 10:
        assert time.monotonic() < deadline
    assert (order.status, order.legs[0].remaining, order.fills) == (BrokerStatus.WORKING, 5, ())
    desk.broker.cancel_order(desk.account, order.broker_order_id)
    ended = until(desk, order.broker_order_id, BrokerStatus.CANCELLED)
    assert [fill.quantity for fill in ended.fills] == [5]


def test_a_credit_spread_is_one_order_with_a_net_price(desk: Desk) -> None:
    strikes = desk.broker.get_chain(SPY).expirations[2].strikes
    middle = len(strikes) // 2
    short, long = strikes[middle].put, strikes[middle - 2].put
    assert short is not None
    assert long is not None
    legs = (Leg(short, Action.SELL_TO_OPEN, Decimal(1)), Leg(long, Action.BUY_TO_OPEN, Decimal(1)))
    width = strikes[middle].price - strikes[middle - 2].price
    ticket = OrderTicket(legs, OrderType.LIMIT, TimeInForce.GTC, limit_price=(width * Decimal("0.9")).quantize(CENT))
    started, ref = datetime.now(timezone.utc), uuid4().hex
    order = desk.broker.place_order(desk.account, ticket, ref).order
    assert {state.leg for state in order.legs} == set(legs)
    assert order.limit_price == ticket.limit_price
    found = desk.broker.find_order(desk.account, ref, ticket, started)
    assert found is not None
    assert found.broker_order_id == order.broker_order_id
    desk.broker.cancel_order(desk.account, until(desk, order.broker_order_id, BrokerStatus.WORKING).broker_order_id)


def test_a_future_is_bought(desk: Desk) -> None:
    future = next(
        row.instrument
        for number in desk.accounts
        for row in desk.broker.get_positions(number)
        if isinstance(row.instrument, Future)
    )
    assert desk.broker.preview_order(desk.futures, buy(None, instrument=future)).total_fees is not None
    placed = desk.broker.place_order(desk.futures, buy(None, instrument=future), uuid4().hex)
    order = until(desk, placed.order.broker_order_id, BrokerStatus.FILLED, account=desk.futures)
    assert order.legs[0].leg == Leg(future, Action.BUY, Decimal(1))


@pytest.mark.parametrize("force", [TimeInForce.GTC, TimeInForce.EXT, TimeInForce.GTC_EXT, TimeInForce.GTD])
def test_each_duration_comes_back_as_it_was_sent(desk: Desk, force: TimeInForce) -> None:
    day = since() + timedelta(days=10) if force is TimeInForce.GTD else None
    ticket = buy(low_bid(desk), time_in_force=force, gtd_date=day)
    placed = desk.broker.place_order(desk.account, ticket, uuid4().hex)
    order = until(desk, placed.order.broker_order_id, BrokerStatus.WORKING)
    assert order.time_in_force == force


def test_a_stop_order_keeps_its_level(desk: Desk) -> None:
    stop = low_bid(desk) * Decimal("1.3")
    ticket = buy(None, order_type=OrderType.STOP, stop_price=stop.quantize(CENT))
    placed = desk.broker.place_order(desk.account, ticket, uuid4().hex)
    order = until(desk, placed.order.broker_order_id, BrokerStatus.WORKING)
    assert (order.order_type, order.stop_price, order.limit_price) == (OrderType.STOP, stop.quantize(CENT), None)


def test_a_rejection_comes_in_the_brokers_words(desk: Desk) -> None:
    ticket = buy(low_bid(desk), quantity=1_000_000)
    for send in (
        lambda: desk.broker.preview_order(desk.account, ticket),
        lambda: desk.broker.place_order(desk.account, ticket, uuid4().hex),
    ):
        with pytest.raises(OrderRejected) as caught:
            send()
        assert caught.value.message
        assert caught.value.broker == "TradeStation"


def test_what_there_is_no_word_for_is_not_sent(desk: Desk) -> None:
    before = len(desk.sim.ledger())
    with pytest.raises(OrderRejected, match="no ext_overnight orders"):
        desk.broker.place_order(desk.account, buy(low_bid(desk), time_in_force=TimeInForce.OVERNIGHT), uuid4().hex)
    assert len(desk.sim.ledger()) == before


def test_all_pages_of_orders_are_joined(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("brokers.tradestation.codec.orders.ORDERS_A_PAGE", 3)
    price = low_bid(desk)
    placed = [desk.broker.place_order(desk.account, buy(price), uuid4().hex) for _ in range(8)]
    ids = {each.order.broker_order_id for each in placed}
    assert ids == {order.broker_order_id for order in desk.broker.get_orders(desk.account, since())}


def test_an_order_that_is_not_there_is_refused(desk: Desk) -> None:
    with pytest.raises(Refused):
        desk.broker.get_order(desk.account, "1")


# --- when it goes wrong -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        {"effect": "drop_answer", "when": "after"},
        {"effect": "cut_body", "when": "after"},
        {"effect": "garbage_json", "when": "after"},
        {"effect": "html_for_json", "when": "after"},
        {"effect": "status", "status": 502, "body": "html", "when": "after"},
        {"effect": "status", "status": 503, "body": "json", "when": "after"},
    ],
)
def test_a_lost_answer_leaves_the_order_to_be_found_by_its_looks(desk: Desk, fault: dict[str, Any]) -> None:
    price, ref, started = low_bid(desk), uuid4().hex, datetime.now(timezone.utc)
    desk.sim.faults({**fault, "method": "POST", "path": "*/orders", "times": 1})
    with pytest.raises(OutcomeUnknown):
        desk.broker.place_order(desk.account, buy(price), ref)
    found = desk.broker.find_order(desk.account, ref, buy(price), started)
    assert found is not None
    assert found.limit_price == -price
    assert desk.broker.find_order(desk.account, ref, buy(price), started, claimed=[found.broker_order_id]) is None
    assert desk.broker.find_order(desk.account, ref, buy(price, 2), started) is None
    assert desk.broker.find_order(desk.account, ref, buy(price - CENT), started) is None
    assert desk.broker.find_order(desk.account, ref, buy(price), started + timedelta(minutes=1)) is None


def test_of_two_orders_that_look_alike_none_is_taken_for_ours(desk: Desk) -> None:
    price, started = low_bid(desk), datetime.now(timezone.utc)
    first, second = (desk.broker.place_order(desk.account, buy(price), uuid4().hex).order for _ in range(2))
    with pytest.raises(Ambiguous, match="several orders"):
        desk.broker.find_order(desk.account, uuid4().hex, buy(price), started)
    known = [first.broker_order_id]
    found = desk.broker.find_order(desk.account, uuid4().hex, buy(price), started, claimed=known)
    assert found is not None
    assert found.broker_order_id == second.broker_order_id


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


def test_a_throttled_order_was_not_taken_and_a_throttled_read_is_told(desk: Desk) -> None:
    price, ref, started = low_bid(desk), uuid4().hex, datetime.now(timezone.utc)
    desk.sim.faults({"effect": "throttle", "method": "POST", "path": "*/orders", "times": 1})
    with pytest.raises(RateLimited):
        desk.broker.place_order(desk.account, buy(price), ref)
    assert desk.broker.find_order(desk.account, ref, buy(price), started) is None
    desk.sim.faults({"effect": "throttle", "path": "*/positions"})
    with pytest.raises(RateLimited):
        desk.broker.get_positions(desk.account)


def test_a_broker_in_trouble_is_unavailable_and_one_hiccup_is_not_noticed(desk: Desk) -> None:
    desk.sim.faults({"effect": "status", "status": 503, "body": "html", "path": "*/balances", "times": 1})
    assert desk.broker.get_balance(desk.account).cash
    desk.sim.faults({"effect": "status", "status": 503, "body": "html", "path": "*/balances"})
    with pytest.raises(Unavailable):
        desk.broker.get_balance(desk.account)


def test_an_expired_token_is_renewed_on_the_way(desk: Desk) -> None:
    desk.broker.get_accounts()
    desk.token.value = "worn-out"
    assert desk.broker.get_accounts()
    assert desk.token.fetched == 2


def test_a_revoked_grant_is_told_as_dead(desk: Desk) -> None:
    desk.broker.get_accounts()
    desk.sim.control("grants/revoke", {"refresh_token": desk.refresh_token, "access_tokens": True})
    with pytest.raises(NotAuthorized) as caught:
        desk.broker.get_accounts()
    assert caught.value.grant_is_dead


def test_a_grant_without_the_right_to_trade_cannot(desk: Desk, sim: SimulatorServer) -> None:
    looker = Desk(sim, scope="openid offline_access MarketData ReadAccount")
    assert looker.broker.get_positions(looker.accounts[0]) is not None
    with pytest.raises(Refused):
        looker.broker.place_order(desk.account, buy(low_bid(desk)), uuid4().hex)


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


def test_watchers_are_told_of_each_acting_request(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Request] = []
    monkeypatch.setattr("brokers.transport.acting_watchers", [lambda request, attempt: seen.append(request)])
    order = resting(desk, low_bid(desk))
    desk.broker.cancel_order(desk.account, order.broker_order_id)
    assert [(each.method, each.path.split("/")[1]) for each in seen] == [
        ("POST", "orderexecution"),
        ("DELETE", "orderexecution"),
    ]


def test_orders_of_days_before_are_listed_and_read(desk: Desk) -> None:
    order = resting(desk, low_bid(desk))
    desk.broker.cancel_order(desk.account, order.broker_order_id)
    until(desk, order.broker_order_id, BrokerStatus.CANCELLED)
    desk.sim.clock(jump=4 * 86400)
    current = desk.broker.get_orders(desk.account, date.max)
    assert order.broker_order_id not in {each.broker_order_id for each in current}
    listed = desk.broker.get_orders(desk.account, since())
    assert order.broker_order_id in {each.broker_order_id for each in listed}
    assert desk.broker.get_order(desk.account, order.broker_order_id).status is BrokerStatus.CANCELLED
