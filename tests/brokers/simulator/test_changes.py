"""Orders changed while they work, wait or are partly done: size, rules, house rules, what they hold back; restarts."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest

from brokers.domain.orders import Action
from brokers.simulator.exchange import (
    Bond,
    Bundle,
    Condition,
    Duration,
    Exchange,
    Node,
    OrderRefused,
    OrderStatus,
    OrderType,
    SimOrder,
    Ticket,
)
from brokers.simulator.exchange.books.accounts import SimAccount
from brokers.simulator.market.company import Dividend
from tests.brokers.simulator.pit import AAPL, ANN, BEN, SPY, F, Pit, limit, market, option, stop
from tests.brokers.simulator.recount import lines_of, recount

BUY, SELL, CLOSE = Action.BUY_TO_OPEN, Action.SELL_TO_OPEN, Action.SELL_TO_CLOSE
GTC = {"duration": Duration.GTC}


@pytest.fixture
def pit() -> Pit:
    return Pit()


def code_of(action, *given, **named) -> str:
    with pytest.raises(OrderRefused) as refused:
        action(*given, **named)
    return refused.value.code


def after(pit: Pit, ticket, number: str = ANN, **more) -> SimOrder:
    order = pit.place(ticket, number, **more)
    pit.run()
    return order


def a_cash_account(pit: Pit, cash: int = 10_000) -> SimAccount:
    return pit.exchange.open_account("CASH", "ann", "Pit", "cash", Decimal(cash))


# Replaced


def test_a_partly_filled_closing_order_can_be_replaced(pit):
    pit.own(100)
    old = after(pit, limit(CLOSE, 100, "195"))
    pit.quote(AAPL, "195", "195.10", bids=60)
    pit.run()
    assert old.filled == 60
    pit.quote(AAPL, "190", "190.10")
    new = pit.exchange.replace(ANN, old.order_id, limit(CLOSE, 100, "194"))
    assert new.size == 40
    pit.run()
    pit.quote(AAPL, "194", "194.10")
    pit.run()
    assert (new.status, new.filled, pit.held()) == (OrderStatus.FILLED, 40, 0)


def test_a_partly_filled_order_is_replaced_for_the_money_of_the_rest(pit):
    account = a_cash_account(pit)
    old = after(pit, limit(BUY, 100, "90"), "CASH")
    pit.quote(AAPL, "89.90", "90", asks=80)
    pit.run()
    pit.quote(AAPL, "95", "95.10")
    new = pit.exchange.replace("CASH", old.order_id, limit(BUY, 100, "95"))
    pit.run()
    assert new.remaining == 20
    assert pit.exchange.balance("CASH").reserved == pytest.approx(Decimal("1900.02"), abs=Decimal("0.02"))
    assert account.cash == pytest.approx(Decimal("2800"), abs=Decimal("0.10"))


def test_an_order_on_its_way_to_a_dearer_one_holds_back_for_the_dearer(pit):
    a_cash_account(pit)
    old = after(pit, limit(BUY, 50, "100"), "CASH")
    pit.exchange.replace("CASH", old.order_id, limit(BUY, 50, "180"))
    assert code_of(pit.place, limit(BUY, 20, "100"), "CASH") == "insufficient_buying_power"
    pit.run()
    assert code_of(pit.place, limit(BUY, 20, "100"), "CASH") == "insufficient_buying_power"
    pit.place(limit(BUY, 9, "100"), "CASH")


# Changed in place


def test_a_lasting_order_can_be_sent_to_the_market_where_the_broker_has_no_rule_against_it(pit):
    kept = after(pit, limit(BUY, 10, "180", **GTC))
    assert code_of(pit.exchange.amend, ANN, kept.order_id, order_type=OrderType.MARKET) == "gtc_market_order"
    free = after(pit, limit(BUY, 10, "180", **GTC), waive=("gtc_market_order",))
    for order, waive in ((free, ()), (kept, ("gtc_market_order",))):
        pit.exchange.amend(ANN, order.order_id, order_type=OrderType.MARKET, waive=waive)
        assert order.status is OrderStatus.FILLED
        assert order.ticket.limit_price is None


def test_what_a_broker_waives_holds_for_an_order_that_has_waited(pit):
    child = market(CLOSE, 10, **GTC)
    waived = ("gtc_market_order",)
    _, exits = pit.exchange.place_tree(ANN, Node(market(BUY, 10), (Bundle(Bond.OCO, (Node(child),)),)), waive=waived)
    pit.run()
    assert exits.status is OrderStatus.FILLED


def test_new_conditions_take_an_order_back_from_the_market_until_they_hold(pit):
    order = after(pit, limit(BUY, 10, "180"))
    wants = Condition("route", SPY, "last", "gte", Decimal(610))
    pit.exchange.amend(ANN, order.order_id, conditions=(wants,))
    assert order.status is OrderStatus.RECEIVED
    pit.quote(AAPL, "170", "170.02")
    pit.run()
    assert order.filled == 0
    pit.quote(SPY, "611", "611.02")
    pit.run()
    assert order.status is OrderStatus.FILLED


def test_conditions_that_are_taken_away_let_the_order_go(pit):
    order = after(pit, limit(BUY, 10, "195", conditions=(Condition("route", SPY, "last", "gte", Decimal(610)),)))
    assert order.status is OrderStatus.RECEIVED
    pit.exchange.amend(ANN, order.order_id, conditions=())
    pit.run()
    assert order.status is OrderStatus.FILLED


def test_a_new_time_takes_an_order_back_and_one_that_has_come_lets_it_go(pit):
    order = after(pit, limit(BUY, 10, "180"))
    pit.exchange.amend(
        ANN, order.order_id, limit_price=Decimal("-195"), start_at=pit.clock.now() + timedelta(minutes=5)
    )
    pit.run(2)
    assert (order.status, order.filled) == (OrderStatus.RECEIVED, 0)
    pit.to(pit.clock.now() + timedelta(minutes=5))
    pit.run()
    assert order.status is OrderStatus.FILLED
    waits = after(pit, limit(BUY, 10, "195", start_at=pit.clock.now() + timedelta(minutes=5)))
    pit.exchange.amend(ANN, waits.order_id, start_at=pit.clock.now())
    pit.run()
    assert (waits.status, waits.ticket.start_at) == (OrderStatus.FILLED, None)


def test_a_change_of_price_alone_does_not_look_at_conditions_again(pit):
    order = after(pit, limit(BUY, 10, "180", conditions=(Condition("route", SPY, "last", "gte", Decimal(590)),)))
    pit.quote(SPY, "580", "580.02")
    pit.exchange.amend(ANN, order.order_id, limit_price=Decimal("-181"))
    assert order.status is OrderStatus.LIVE


@pytest.mark.parametrize("change", [{"limit_price": Decimal(5)}, {"stop_price": Decimal(-1)}])
def test_a_change_that_makes_no_sense_is_refused_and_changes_nothing(pit, change):
    ticket = limit(BUY, 10, "180") if "limit_price" in change else stop(BUY, 10, "199")
    order = after(pit, ticket)
    assert code_of(pit.exchange.amend, ANN, order.order_id, **change) == "invalid_change"
    assert order.ticket == ticket


def test_an_amount_of_dollars_can_be_changed_to_shares_at_the_market(pit):
    legs = market(BUY, 1).legs
    waiting = Condition("route", SPY, "last", "gte", Decimal(610))
    ticket = Ticket(legs, OrderType.NOTIONAL_MARKET, Duration.DAY, value=Decimal(500), conditions=(waiting,))
    order = after(pit, ticket)
    pit.exchange.amend(ANN, order.order_id, order_type=OrderType.MARKET, conditions=())
    pit.run()
    assert (order.status, order.filled) == (OrderStatus.FILLED, Decimal("2.63130"))  # 500 / 190.02


def test_a_rejected_order_says_where_it_came_from(pit):
    order = pit.exchange.place_rejected(ANN, limit(BUY, 1, "180"), "Not today", "ref", "ann", source="API")
    assert (order.source, order.username, order.reference) == ("API", "ann", "ref")


def test_an_order_that_closes_nothing_by_the_time_it_leaves_opens_in_its_legs_too(pit):
    pit.own(10)
    pit.own(10, F)
    nodes = (Node(market(CLOSE, 10)), Node(market(CLOSE, 10, F)))
    pair = pit.exchange.place_group(ANN, Bundle(Bond.PAIRS, nodes, threshold=Decimal(20)))
    pit.exchange.book(ANN, AAPL, CLOSE, Decimal(10), Decimal(190), pit.clock.now())
    pit.quote(AAPL, "260", "260.02")
    pit.run()
    assert pair[0].status is OrderStatus.FILLED
    assert pair[0].legs[0].leg == pair[0].ticket.legs[0]
    assert pair[0].legs[0].leg.action is SELL
    assert pit.held() == -10


# Cover


def test_the_same_shares_do_not_cover_two_calls(pit):
    a_cash_account(pit, 0)
    pit.own(100, number="CASH")
    one, other = option("200"), option("205")
    for call in (one, other):
        pit.quote(call, "1.00", "1.10")
    pit.place(limit(SELL, 1, "1.50", one), "CASH")
    assert code_of(pit.place, limit(SELL, 1, "1.50", other), "CASH") == "uncovered_option_not_allowed"
    assert code_of(pit.place, limit(CLOSE, 100, "199"), "CASH") == "uncovered_option_not_allowed"


def test_the_second_of_two_calls_on_the_same_shares_holds_back_what_it_will_tie_up(pit):
    pit.own(100, number=BEN)
    one, other = option("200"), option("205")
    for call in (one, other):
        pit.quote(call, "1.00", "1.10")
    first = pit.place(limit(SELL, 1, "1.50", one), BEN)
    second = pit.place(limit(SELL, 1, "1.50", other), BEN)
    assert first.reserve == 0
    assert second.reserve > 1_000


# Afterwards


def test_a_fill_of_an_option_that_has_ended_is_taken_back_at_what_it_was_worth(pit):
    call = option("200")
    pit.quote(call, "1.00", "1.10")
    order = after(pit, limit(BUY, 2, "1.10", call))
    before = pit.exchange.account(ANN).cash
    assert before == Decimal(1_000_000) - 220 + sum(sum(e.fees.values()) for e in pit.exchange.transactions(ANN))
    unlisted = pit.market.listing
    pit.market.listing = lambda one: None if one == call else unlisted(one)
    pit.exchange.bust(ANN, order.order_id, order.fills[0].fill_id)
    assert pit.exchange.account(ANN).cash == 1_000_000
    assert pit.held(call) == 0


def restarted(pit: Pit) -> Exchange:
    kept = json.loads(json.dumps(pit.exchange.snapshot()))
    again = Exchange(pit.market, pit.clock)
    again.restore(kept)
    pit.exchange = again
    return again


def test_a_restart_goes_through_what_it_has_slept_through(pit):
    order = after(pit, limit(BUY, 10, "180", **GTC))
    kept = pit.exchange.snapshot()
    pit.market.now = pit.clock.now() + timedelta(hours=1)
    pit.quote(AAPL, "179.90", "180.00")
    pit.market.now = pit.clock.now() + timedelta(hours=2)
    pit.quote(AAPL, "190", "190.02")
    pit.clock.advance(3 * 3600)
    again = Exchange(pit.market, pit.clock)
    again.restore(kept)
    again.step(pit.clock.now())
    assert again.order(ANN, order.order_id).status is OrderStatus.FILLED


def test_the_earlier_of_two_orders_at_a_price_stays_the_first_over_a_restart(pit):
    second_account_first = after(pit, limit(BUY, 10, "189"), BEN)
    later = after(pit, limit(BUY, 10, "189"), ANN)
    again = restarted(pit)
    pit.quote(AAPL, "188.90", "189", asks=10)
    pit.run()
    assert again.order(BEN, second_account_first.order_id).status is OrderStatus.FILLED
    assert again.order(ANN, later.order_id).filled == 0


def test_a_restart_keeps_what_was_foreseen_of_working_orders_and_the_rules_they_came_without(pit):
    order = after(pit, limit(BUY, 10, "180", **GTC), waive=("gtc_market_order",))
    found = restarted(pit).order(ANN, order.order_id)
    assert (found.preview, found.waived) == (order.preview, ("gtc_market_order",))
    pit.exchange.amend(ANN, order.order_id, order_type=OrderType.MARKET)
    assert found.status is OrderStatus.FILLED
    account = pit.exchange.account(ANN)
    assert account.cash == recount(lines_of(account.transactions)).cash + account.opening_cash


def test_an_order_that_shows_a_part_at_a_time_can_be_changed_when_less_than_that_is_left(pit):
    order = after(pit, limit(BUY, 100, "189", display_quantity=Decimal(30)))
    while order.remaining >= 30:
        pit.quote(AAPL, "188.90", "189", asks=30)
        pit.run(0.2)
    pit.quote(AAPL, "190", "190.02")
    pit.run(0.2)
    left = order.remaining
    assert 0 < left < 30
    pit.exchange.amend(ANN, order.order_id, limit_price=Decimal("-189.50"))
    new = pit.exchange.replace(ANN, order.order_id, limit(BUY, 100, "189.25", display_quantity=Decimal(30)))
    assert (new.size, order.ticket.limit_price) == (left, Decimal("-189.50"))
    other = after(pit, limit(BUY, 100, "180"))
    assert code_of(pit.exchange.amend, ANN, other.order_id, display_quantity=Decimal(101)) == "display_quantity"


def test_options_that_a_working_order_sells_are_not_exercised(pit):
    call = option("180")
    pit.quote(call, "11.00", "11.10")
    after(pit, market(BUY, 2, call))
    order = after(pit, limit(CLOSE, 1, "15", call))
    assert code_of(pit.exchange.exercise, ANN, call, Decimal(2)) == "cannot_close_more_than_position"
    pit.exchange.exercise(ANN, call, Decimal(1))
    assert (pit.held(), pit.held(call), order.status) == (100, 1, OrderStatus.LIVE)


def test_an_order_that_would_close_what_was_assigned_is_cancelled(pit):
    call = option("150")
    pit.quote(call, "40.00", "40.10", last="40.01")
    after(pit, limit(SELL, 1, "40.00", call))
    order = after(pit, limit(Action.BUY_TO_CLOSE, 1, "20", call, duration=Duration.GTC))
    day = (pit.clock.now() + timedelta(days=4)).date()
    pit.market.paid[AAPL] = [Dividend(day, day, Decimal("1.00"))]
    pit.exchange.early_assignment = 1.0
    pit.to(pit.clock.now() + timedelta(days=5))
    assert pit.held() == -100
    assert (order.status, order.expire_reason) == (OrderStatus.CANCELLED, "There is no position left to close.")
