"""What happens when two things happen at once, or afterwards: cancels, changes in place, busts, jumps of the clock."""

import ast
import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest

from brokers.domain.instruments import Equity
from brokers.domain.orders import Action, Leg
from brokers.simulator import exchange as exchange_package
from brokers.simulator.clock import ManualClock
from brokers.simulator.exchange import (
    Condition,
    Duration,
    Exchange,
    FillRule,
    OrderRefused,
    OrderStatus,
    OrderType,
    Ticket,
    Trail,
)
from brokers.simulator.exchange.orders.house import HOUSE_RULES
from brokers.simulator.exchange.orders.refusals import REFUSALS
from brokers.simulator.market import Market
from tests.brokers.simulator.pit import AAPL, ANN, MORNING, SPY, F, Pit, limit, market, option, stop

BUY, SELL, CLOSE = Action.BUY_TO_OPEN, Action.SELL_TO_OPEN, Action.SELL_TO_CLOSE


@pytest.fixture
def pit() -> Pit:
    return Pit()


def code_of(action, *given, **named) -> str:
    with pytest.raises(OrderRefused) as refused:
        action(*given, **named)
    return refused.value.code


# Cancels and rejects


def test_a_cancel_after_the_fill_comes_too_late(pit):
    order = pit.place(market(BUY, 1))
    pit.run()
    assert code_of(pit.exchange.cancel, ANN, order.order_id) == "not_cancellable"
    assert order.status is OrderStatus.FILLED


def test_a_part_can_fill_between_the_cancel_and_its_arrival(pit):
    order = pit.place(limit(BUY, 100, "189"))
    pit.run()
    pit.exchange.cancel(ANN, order.order_id)
    pit.quote(AAPL, "188", "188.50", asks=30)
    pit.clock.advance(0.01)
    pit.step()
    assert (order.status, order.filled) == (OrderStatus.CANCEL_REQUESTED, 30)
    pit.run()
    assert (order.status, order.filled, order.cancelled_size) == (OrderStatus.CANCELLED, 30, 70)
    assert pit.held() == 30


def test_a_second_cancel_is_refused(pit):
    order = pit.place(limit(BUY, 1, "150"))
    pit.run()
    pit.exchange.cancel(ANN, order.order_id)
    assert code_of(pit.exchange.cancel, ANN, order.order_id) == "not_cancellable"


def test_an_order_is_rejected_a_moment_after_it_was_taken(pit):
    pit.exchange.reject_next("Session offline", symbol="F")
    other = pit.place(market(BUY, 1))
    order, next_one = pit.place(market(BUY, 1, F)), pit.place(market(BUY, 1, F))
    assert order.status is OrderStatus.RECEIVED
    pit.run()
    assert (order.status, order.reject_reason) == (OrderStatus.REJECTED, "Session offline")
    assert pit.states(order) == ["received", "rejected"]
    assert {other.status, next_one.status} == {OrderStatus.FILLED}


def test_a_rejected_order_can_be_written_down_without_a_look(pit):
    order = pit.exchange.place_rejected(ANN, market(BUY, 1_000_000), "Too much of it", "ref")
    assert (order.status, order.reject_reason, order.reference) == (OrderStatus.REJECTED, "Too much of it", "ref")
    assert pit.exchange.orders(ANN) == [order]
    assert pit.states(order) == ["received", "rejected"]


def test_the_last_state_is_the_last(pit):
    orders = [pit.place(limit(BUY, 1, "150")), pit.place(market(BUY, 1)), pit.place(limit(BUY, 1, "150"))]
    pit.run()
    pit.exchange.cancel(ANN, orders[0].order_id)
    pit.to(datetime(2026, 12, 4, 15, tzinfo=timezone.utc))
    ended = [order.status for order in orders]
    assert ended == ["cancelled", "filled", "expired"]
    pit.quote(AAPL, "100", "100.02")
    pit.run(5)
    assert [order.status for order in orders] == ended
    assert sum(order.is_terminal for order in pit.exchange.orders(ANN)) == 3


# Changes in place


def test_a_change_in_place_keeps_the_number_and_is_told_once(pit):
    order = pit.place(limit(BUY, 10, "150"))
    pit.run()
    before = len(pit.seen)
    assert pit.exchange.amend(ANN, order.order_id, limit_price=Decimal(-151), quantity=Decimal(20)) is order
    assert (order.ticket.limit_price, order.size, order.remaining, order.amended) == (-151, 20, 20, 1)
    assert len(pit.seen) == before + 1
    pit.exchange.amend(ANN, order.order_id, limit_price=Decimal(-151))
    assert (order.amended, len(pit.seen)) == (1, before + 1)


def test_a_change_in_place_moves_what_is_held_back(pit):
    free = pit.exchange.balance(ANN).derivative_buying_power
    order = pit.place(limit(BUY, 10, "150"))
    pit.exchange.amend(ANN, order.order_id, quantity=Decimal(30), limit_price=Decimal("-140"))
    held = free - pit.exchange.balance(ANN).derivative_buying_power
    pit.exchange.cancel(ANN, order.order_id)
    pit.run()
    foreseen = pit.exchange.preview(ANN, limit(BUY, 30, "140"))
    assert held == -foreseen.buying_power_change.quantize(Decimal("0.01"))
    assert pit.exchange.balance(ANN).derivative_buying_power == free


def test_the_new_quantity_is_the_total_and_stays_above_what_has_filled(pit):
    pit.quote(AAPL, "190", "190.02", asks=40)
    order = pit.place(limit(BUY, 100, "190.02"))
    pit.run()
    assert order.filled == 40
    assert code_of(pit.exchange.amend, ANN, order.order_id, quantity=Decimal(40)) == "quantity_below_filled"
    pit.exchange.amend(ANN, order.order_id, quantity=Decimal(60))
    assert (order.size, order.remaining) == (60, 20)
    pit.quote(AAPL, "190", "190.02")
    pit.run()
    assert (order.status, pit.held()) == (OrderStatus.FILLED, 60)


def test_an_order_changed_to_a_marketable_price_fills(pit):
    order = pit.place(limit(BUY, 10, "150"))
    pit.run()
    pit.exchange.amend(ANN, order.order_id, limit_price=Decimal(-191))
    pit.run()
    assert order.status is OrderStatus.FILLED
    other = pit.place(limit(BUY, 10, "150"))
    pit.run()
    pit.exchange.amend(ANN, other.order_id, order_type=OrderType.MARKET)
    pit.run()
    assert (other.status, other.ticket.limit_price) == (OrderStatus.FILLED, None)


def test_a_changed_order_goes_behind_those_at_its_new_price(pit):
    pit.quote(AAPL, "190", "190.50")
    first, second = pit.place(limit(BUY, 10, "190.10")), pit.place(limit(BUY, 10, "190.20"))
    pit.run()
    pit.exchange.amend(ANN, first.order_id, limit_price=Decimal("-190.20"))
    pit.quote(AAPL, "190", "190.20", asks=10)
    pit.run()
    assert (first.filled, second.filled) == (0, 10)


def test_no_change_after_a_cancel_a_trigger_or_the_end(pit):
    pit.own(10)
    prices = {"limit_price": Decimal(300), "stop_price": Decimal(180)}
    stopped = pit.place(Ticket((Leg(AAPL, CLOSE, Decimal(5)),), OrderType.STOP_LIMIT, Duration.DAY, **prices))
    going, gone = pit.place(limit(BUY, 1, "9", F)), pit.place(market(BUY, 1, SPY))
    pit.run()
    pit.exchange.amend(ANN, stopped.order_id, stop_price=Decimal(185))
    pit.quote(AAPL, "184", "184.10", last="184")
    pit.exchange.cancel(ANN, going.order_id)
    pit.clock.advance(0.01)
    pit.step()
    assert stopped.triggered
    codes = [code_of(pit.exchange.amend, ANN, o.order_id, quantity=Decimal(3)) for o in (stopped, going, gone)]
    assert codes == ["stop_triggered", "not_amendable", "not_amendable"]


def test_a_stop_can_be_made_to_trail_and_back(pit):
    pit.own(10)
    order = pit.place(stop(CLOSE, 5, "180"))
    pit.run()
    pit.exchange.amend(ANN, order.order_id, trail=Trail(amount=Decimal(3)))
    pit.quote(AAPL, "190", "190.02", last="190")
    pit.run()
    assert order.trail_stop == Decimal("187.01")  # the last trade was at 190.01 when it began to trail
    pit.exchange.amend(ANN, order.order_id, stop_price=Decimal(181))
    assert (order.ticket.stop_price, order.ticket.trail) == (181, None)
    pit.exchange.amend(ANN, order.order_id, conditions=(Condition("cancel", SPY, "last", "gte", Decimal(500)),))
    pit.run()
    assert order.status is OrderStatus.CANCELLED


def test_a_change_that_the_account_cannot_pay_is_refused_and_changes_nothing(pit):
    order = pit.place(limit(BUY, 10, "150"))
    pit.run()
    assert code_of(pit.exchange.amend, ANN, order.order_id, quantity=Decimal(500_000)) == "insufficient_buying_power"
    assert (order.size, order.amended) == (10, 0)


# Busts and corrections


def test_a_busted_trade_leaves_no_trace_in_cash_and_positions(pit):
    cash = pit.exchange.balance(ANN).cash
    order = pit.place(market(BUY, 10))
    pit.run()
    pit.exchange.bust(ANN, order.order_id, order.fills[0].fill_id)
    assert pit.held() == 0
    assert pit.exchange.balance(ANN).cash == cash
    assert (order.is_broken, order.fills, order.status) == (True, [], OrderStatus.FILLED)
    assert sum(entry.net_value for entry in pit.exchange.transactions(ANN)) == 0
    assert code_of(pit.exchange.bust, ANN, order.order_id, "nothing") == "unknown_fill"


def test_a_corrected_trade_has_its_new_price_everywhere(pit):
    cash = pit.exchange.balance(ANN).cash
    order = pit.place(market(BUY, 10))
    pit.run()
    fees = sum(pit.exchange.transactions(ANN)[0].fees.values())
    pit.exchange.correct(ANN, order.order_id, order.fills[0].fill_id, Decimal("189.50"))
    assert order.fills[0].price == Decimal("189.50")
    assert order.fills[0].corrected
    assert pit.held() == 10
    assert pit.exchange.balance(ANN).cash == cash - 1895 + fees
    assert pit.exchange.positions(ANN)[0].average_open_price == Decimal("189.50")


# Jumps of the clock


class Run:
    """One day's orders over the real market, brought to the same end in steps of a given size."""

    def __init__(self, pause: timedelta) -> None:
        self.clock, self.market = ManualClock(MORNING), Market(11, MORNING)
        self.exchange = Exchange(self.market, self.clock)
        self.exchange.open_account("A", "ann", "Jump", "margin", Decimal(500_000))
        self.pause = pause
        self.orders = self._place()

    def _place(self) -> list:
        share = Equity("MSFT")
        spot = self.market.book(share).bid
        tickets = [
            limit(BUY, 10, f"{spot * Decimal('0.5'):.2f}", share),
            limit(BUY, 10, f"{spot * Decimal('0.5'):.2f}", share, duration=Duration.GTC),
            market(BUY, 10, share, duration=Duration.CLOSING),
            market(BUY, 7, Equity("KO"), duration=Duration.OPENING),
            market(SELL, 5, Equity("F")),
            market(BUY, 2, self._call(Equity("SPY"), "0.97")),
            stop(BUY, 5, f"{spot * Decimal('0.9'):.2f}", share),
        ]
        return [self.exchange.place("A", ticket) for ticket in tickets]

    def _call(self, share: Equity, part: str):
        """A call that ends within the week."""
        spot = self.market.book(share).last * Decimal(part)
        expiration = next(e for e in self.market.chain(share).expirations if e.expiry > MORNING.date())
        return min(expiration.strikes, key=lambda strike: abs(strike.price - spot)).call

    def to(self, end: datetime) -> "Run":
        for _ in range(20):
            self.clock.advance(0.1)
            self.step()
        while self.clock.now() < end:
            asleep = self.market.phase(self.clock.now()) == "closed"
            pause = max(self.pause, timedelta(minutes=30)) if asleep else self.pause
            self.clock.advance(min(end - self.clock.now(), pause).total_seconds())
            self.step()
        return self

    def step(self) -> None:
        self.market.advance(self.clock.now())
        self.exchange.step(self.clock.now())

    def ends(self) -> list[tuple]:
        found = [
            (str(order.status), order.queued, [(f.quantity, f.price) for f in order.fills]) for order in self.orders
        ]
        positions = {str(p.instrument): (p.quantity, p.cost) for p in self.exchange.positions("A")}
        return [found, positions, self.exchange.accounts["A"].cash]


def test_a_jump_over_days_ends_as_small_steps_do():
    end = datetime(2026, 11, 23, 22, tzinfo=timezone.utc)
    small, large = Run(timedelta(minutes=1)).to(end), Run(timedelta(days=30)).to(end)
    assert large.ends() == small.ends()
    assert [str(order.status) for order in small.orders] == ["expired", "live", *["filled"] * 5]
    assert any(entry.kind == "receive_deliver" for entry in small.exchange.transactions("A"))


def test_an_order_fills_within_a_jump_at_the_price_of_then(pit):
    order = pit.place(limit(BUY, 10, "189", duration=Duration.GTC))
    pit.run()
    at = pit.clock.now()
    for minutes, price in ((30, "188.00"), (60, "195.00")):
        pit.market.now = at + timedelta(minutes=minutes)
        pit.quote(AAPL, price, price)
    pit.to(at + timedelta(hours=2))
    assert order.status is OrderStatus.FILLED
    assert order.fills[0].price == Decimal("188.01")  # a tick above the fair price of then
    assert timedelta(minutes=29) < order.fills[0].at - at < timedelta(minutes=61)


# Numbers, speed, restarts, the table of refusals


def test_a_thousand_resting_orders_are_left_alone_until_the_market_comes_to_them(pit):
    pit.exchange.deposit(ANN, Decimal(10_000_000))
    for number in range(1000):
        pit.place(limit(BUY, 1, f"{100 + number % 80}"))
    pit.run()
    looks: list[object] = []
    ask = pit.market.book
    pit.market.book = lambda instrument: looks.append(instrument) or ask(instrument)
    pit.quote(AAPL, "190", "190.04")
    looks.clear()
    pit.run(0.1)
    assert len(looks) < 10
    pit.market.book = ask
    pit.quote(AAPL, "170", "178.50", asks=5)
    pit.run(0.1)
    filled = [order for order in pit.exchange.orders(ANN) if order.fills]
    assert [order.ticket.limit_price for order in filled] == [-179] * 5


def test_what_was_half_told_and_half_gone_survives_a_restart(pit):
    pit.exchange.fills.set(FillRule("legs", interval=30.0))
    near, far = option("190"), option("195")
    pit.quote(near, "5.00", "5.10")
    pit.quote(far, "3.00", "3.10")
    legs = (Leg(near, BUY, Decimal(2)), Leg(far, SELL, Decimal(2)))
    spread = pit.place(Ticket(legs, OrderType.LIMIT, Duration.DAY, limit_price=Decimal("-2.20")))
    going, trailing = pit.place(limit(BUY, 1, "150")), pit.place(stop(SELL, 1, None, F, trail=Trail(amount=Decimal(1))))
    pit.run()
    pit.exchange.cancel(ANN, going.order_id)
    kept = json.loads(json.dumps(pit.exchange.snapshot()))
    pit.exchange = Exchange(pit.market, pit.clock)
    pit.exchange.restore(kept)
    assert pit.exchange.snapshot()["accounts"] == kept["accounts"]
    pit.run(31, 1.0)
    spread, going, trailing = (pit.exchange.order(ANN, o.order_id) for o in (spread, going, trailing))
    assert [len(leg.fills) for leg in spread.legs] == [1, 1]
    assert going.status is OrderStatus.CANCELLED
    assert trailing.trail_stop == Decimal("11.01")
    assert pit.exchange.place(ANN, limit(BUY, 1, "150")).order_id > trailing.order_id


def codes_in(path: Path) -> set[str]:
    """The codes that a module refuses with, where they are written out."""
    places = {"OrderRefused": 0, "refuse_if": 1}
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    named = [(call, call.func.id) for call in calls if isinstance(call.func, ast.Name) and call.func.id in places]
    given = [call.args[places[name]] for call, name in named]
    return {each.value for each in given if isinstance(each, ast.Constant)}


def test_every_refusal_is_in_the_table():
    folder = Path(exchange_package.__file__).parent
    used = set(HOUSE_RULES).union(*(codes_in(path) for path in folder.rglob("*.py")))
    assert len(used) > 30
    assert used - set(REFUSALS) == set()
    assert set(REFUSALS) - used == set()
