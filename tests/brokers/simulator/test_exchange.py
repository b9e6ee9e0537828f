"""The exchange: what it takes, what it refuses, how orders live, fill and end, and what a restart keeps."""

import json
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from itertools import pairwise

import pytest

from brokers.domain.instruments import Equity, Future, Option, Right
from brokers.domain.orders import Action, Leg
from brokers.simulator import demo
from brokers.simulator.clock import ManualClock
from brokers.simulator.exchange import (
    Duration,
    Event,
    Exchange,
    FillRule,
    Holding,
    Hours,
    OrderRefused,
    OrderStatus,
    OrderType,
    SimOrder,
    Ticket,
    UnknownSnapshot,
)
from brokers.simulator.exchange.margin.rules import Exposure, buying_power, require
from brokers.simulator.market import Market

MORNING = datetime(2026, 11, 20, 15, 0, tzinfo=timezone.utc)
AAPL, F, SPY = Equity("AAPL"), Equity("F"), Equity("SPY")
MARGIN, CASH = "M1", "C1"


@dataclass
class Floor:
    """A market, an exchange on it and a clock that is moved by hand."""

    start: datetime = MORNING
    seed: int = 7
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = ManualClock(self.start)
        self.market = Market(self.seed, self.start)
        self.exchange = Exchange(self.market, self.clock)
        self.exchange.open_account(MARGIN, "ann", "Margin", "margin", Decimal(50_000))
        self.exchange.open_account(CASH, "ann", "Cash", "cash", Decimal(10_000))
        self.exchange.listeners.append(self.events.append)

    def run(self, seconds: float, pause: float = 0.1) -> None:
        for _ in range(round(seconds / pause)):
            self.clock.advance(pause)
            self.step()

    def step(self) -> None:
        self.market.advance(self.clock.now())
        self.exchange.step(self.clock.now())

    def until(self, moment: datetime) -> None:
        self.clock.advance((moment - self.clock.now()).total_seconds())
        self.step()

    def buy(self, quantity: int = 10, instrument=AAPL, number: str = MARGIN, **more) -> SimOrder:
        return self.exchange.place(number, self.ticket(Action.BUY_TO_OPEN, quantity, instrument), **more)

    def ticket(self, action, quantity, instrument=AAPL, away="0.00", tif=Duration.DAY) -> Ticket:
        """A limit order at the far touch, or so much worse for the other side."""
        book = self.market.book(instrument)
        price = book.ask - Decimal(away) if action.is_buy else book.bid + Decimal(away)
        legs = (Leg(instrument, action, Decimal(quantity)),)
        return Ticket(legs, OrderType.LIMIT, tif, limit_price=-price if action.is_buy else price)

    def option(self, share="1.0", right=Right.CALL, underlying=SPY, nth=3) -> Option:
        spot = self.market.book(underlying).last
        strikes = self.market.chain(underlying).expirations[nth].strikes
        strike = min(strikes, key=lambda one: abs(one.price - spot * Decimal(share)))
        return strike.call if right is Right.CALL else strike.put


@pytest.fixture
def floor() -> Floor:
    return Floor()


def watch(floor: Floor) -> list[tuple[int, str, datetime]]:
    """Order news as it comes, since orders change afterwards."""
    seen: list[tuple[int, str, datetime]] = []

    def note(event: Event) -> None:
        if isinstance(event.value, SimOrder):
            seen.append((event.value.order_id, str(event.value.status), event.value.updated_at))

    floor.exchange.listeners.append(note)
    return seen


def market_order(action, quantity, instrument=AAPL, tif=Duration.DAY, hours=Hours.REGULAR) -> Ticket:
    return Ticket((Leg(instrument, action, Decimal(quantity)),), OrderType.MARKET, tif, hours)


def stop_order(action, quantity, stop, instrument=AAPL, tif=Duration.DAY) -> Ticket:
    legs = (Leg(instrument, action, Decimal(quantity)),)
    return Ticket(legs, OrderType.STOP, tif, stop_price=Decimal(stop))


def refusal(floor: Floor, ticket: Ticket, number: str = MARGIN) -> str:
    """The code of the refusal that both the preview and the order meet; nothing is kept of it."""
    before = len(floor.exchange.orders(number))
    with pytest.raises(OrderRefused) as previewed:
        floor.exchange.preview(number, ticket)
    with pytest.raises(OrderRefused) as placed:
        floor.exchange.place(number, ticket)
    assert previewed.value.code == placed.value.code
    assert previewed.value.message
    assert len(floor.exchange.orders(number)) == before
    return placed.value.code


# How an order lives


def test_a_marketable_order_goes_through_every_state_and_fills_at_the_touch(floor):
    seen = watch(floor)
    order = floor.buy(10)
    floor.run(1)
    states = [status for _, status, _ in seen]
    assert states == ["received", "routed", "in_flight", "live", "filled"]
    times = [at for *_, at in seen]
    assert times == sorted(set(times))
    assert timedelta(milliseconds=100) <= order.live_at - order.received_at <= timedelta(milliseconds=300)
    assert sum(fill.quantity for fill in order.fills) == 10
    assert all(fill.price <= -order.ticket.limit_price for fill in order.fills)
    assert order.terminal_at


def test_a_fill_moves_position_cash_and_history_together(floor):
    order = floor.buy(10)
    floor.run(1)
    (position,) = floor.exchange.positions(MARGIN)
    paid = sum(fill.price * fill.quantity for fill in order.fills)
    assert (position.quantity, position.cost) == (10, paid)
    trades = floor.exchange.transactions(MARGIN)
    assert sum(trade.value for trade in trades) == -paid
    floor.exchange.place(MARGIN, market_order(Action.SELL_TO_CLOSE, 4))
    floor.run(1)
    (position,) = floor.exchange.positions(MARGIN)
    assert (position.quantity, position.average_open_price * 6) == (6, position.cost)
    assert position.realized_today == sum(t.value for t in floor.exchange.transactions(MARGIN)) + position.cost
    trades = floor.exchange.transactions(MARGIN)
    assert floor.exchange.balance(MARGIN).cash == 50_000 + sum(trade.net_value for trade in trades)
    kinds = [event.kind for event in floor.events]
    assert kinds.index("position") < len(kinds) - 1 - kinds[::-1].index("order")
    assert kinds[-1] == "balance"


def test_a_limit_away_from_the_touch_rests_and_holds_back_buying_power(floor):
    before = floor.exchange.balance(MARGIN).derivative_buying_power
    ticket = floor.ticket(Action.BUY_TO_OPEN, 10, away="20.00")
    foreseen = floor.exchange.preview(MARGIN, ticket)
    order = floor.exchange.place(MARGIN, ticket)
    floor.run(2)
    assert order.status is OrderStatus.LIVE
    held = before - floor.exchange.balance(MARGIN).derivative_buying_power
    assert held == -foreseen.buying_power_change.quantize(Decimal("0.01"))
    floor.exchange.cancel(MARGIN, order.order_id)
    floor.run(1)
    assert floor.exchange.balance(MARGIN).derivative_buying_power == before


def test_a_cancel_is_requested_first_and_done_a_moment_later(floor):
    seen = watch(floor)
    order = floor.exchange.place(MARGIN, floor.ticket(Action.BUY_TO_OPEN, 10, away="20.00"))
    floor.run(1)
    assert floor.exchange.cancel(MARGIN, order.order_id).status is OrderStatus.CANCEL_REQUESTED
    floor.run(1)
    assert [status for _, status, _ in seen][-2:] == ["cancel_requested", "cancelled"]
    assert order.cancelled_at
    with pytest.raises(OrderRefused) as refused:
        floor.exchange.cancel(MARGIN, order.order_id)
    assert refused.value.code == "not_cancellable"


def test_a_fill_can_win_the_race_against_a_cancel(floor):
    floor.exchange.fills.set(FillRule("never"))
    order = floor.exchange.place(MARGIN, market_order(Action.BUY_TO_OPEN, 1))
    floor.run(1)
    floor.exchange.cancel(MARGIN, order.order_id)
    floor.exchange.fills.clear()
    floor.clock.advance(0.01)
    floor.step()
    assert order.status is OrderStatus.FILLED
    floor.run(1)
    assert order.status is OrderStatus.FILLED


def test_a_replace_makes_a_new_order_and_cancels_the_old_one(floor):
    seen = watch(floor)
    old = floor.exchange.place(MARGIN, floor.ticket(Action.BUY_TO_OPEN, 10, away="20.00"), "ref-1")
    floor.run(1)
    new = floor.exchange.replace(MARGIN, old.order_id, floor.ticket(Action.BUY_TO_OPEN, 10, away="19.00"))
    assert (new.status, old.status) == (OrderStatus.CONTINGENT, OrderStatus.REPLACE_REQUESTED)
    assert (new.replaces_order_id, old.replaced_by_order_id, old.edited) == (old.order_id, new.order_id, True)
    assert new.reference == "ref-1"
    floor.run(1)
    assert (new.status, old.status) == (OrderStatus.LIVE, OrderStatus.CANCELLED)
    assert [s for i, s, _ in seen if i == new.order_id] == ["contingent", "received", "routed", "in_flight", "live"]


def test_a_replacement_is_given_up_when_the_old_order_fills_first(floor):
    floor.exchange.fills.set(FillRule("delayed", delay=1.0))
    old = floor.exchange.place(MARGIN, market_order(Action.BUY_TO_OPEN, 1))
    floor.run(1)
    new = floor.exchange.replace(MARGIN, old.order_id, floor.ticket(Action.BUY_TO_OPEN, 1))
    floor.exchange.fills.clear()
    floor.clock.advance(0.01)
    floor.step()
    assert old.status is OrderStatus.FILLED
    assert new.status is OrderStatus.CANCELLED
    assert new.reject_reason
    assert sum(p.quantity for p in floor.exchange.positions(MARGIN)) == 1


def test_a_replacement_is_for_what_is_left_of_the_old_order(floor):
    floor.exchange.fills.set(FillRule("partial", fraction=Decimal("0.25"), interval=3600))
    old = floor.buy(100)
    floor.run(1)
    assert old.remaining == 75
    new = floor.exchange.replace(MARGIN, old.order_id, floor.ticket(Action.BUY_TO_OPEN, 100, away="20.00"))
    floor.run(1)
    assert (new.size, new.remaining, new.ticket.legs[0].quantity) == (75, 75, 75)


def test_a_replace_may_not_change_the_legs_or_a_finished_order(floor):
    old = floor.exchange.place(MARGIN, floor.ticket(Action.BUY_TO_OPEN, 10, away="20.00"))
    with pytest.raises(OrderRefused) as refused:
        floor.exchange.replace(MARGIN, old.order_id, floor.ticket(Action.BUY_TO_OPEN, 11, away="20.00"))
    assert refused.value.code == "replace_changes_legs"
    floor.run(1)
    floor.exchange.cancel(MARGIN, old.order_id)
    floor.run(1)
    with pytest.raises(OrderRefused) as refused:
        floor.exchange.replace(MARGIN, old.order_id, floor.ticket(Action.BUY_TO_OPEN, 10, away="20.00"))
    assert refused.value.code == "not_replaceable"


def test_day_orders_expire_at_the_close_and_lasting_ones_work_on(floor):
    day = floor.exchange.place(MARGIN, floor.ticket(Action.BUY_TO_OPEN, 10, away="50.00"))
    lasting = floor.exchange.place(MARGIN, floor.ticket(Action.BUY_TO_OPEN, 10, away="51.00", tif=Duration.GTC))
    floor.run(1)
    floor.until(datetime(2026, 11, 20, 20, 59, tzinfo=timezone.utc))
    assert day.status is OrderStatus.LIVE
    floor.until(datetime(2026, 11, 20, 21, 0, tzinfo=timezone.utc))
    assert day.status is OrderStatus.EXPIRED
    assert lasting.status is OrderStatus.LIVE


def test_an_order_for_a_closed_market_waits_for_the_open():
    floor = Floor(start=datetime(2026, 11, 20, 23, 0, tzinfo=timezone.utc))
    order = floor.buy(10)
    assert order.status is OrderStatus.RECEIVED
    assert "begins_next_session" in [code for code, _ in order.warnings]
    floor.run(2)
    assert order.status is OrderStatus.RECEIVED
    other = floor.buy(5, F)
    assert floor.exchange.cancel(MARGIN, other.order_id).status is OrderStatus.CANCELLED
    floor.until(datetime(2026, 11, 23, 14, 30, 1, tzinfo=timezone.utc))
    assert order.status is not OrderStatus.RECEIVED
    assert order.expires_at == datetime(2026, 11, 23, 21, 0, tzinfo=timezone.utc)


def test_immediate_or_cancel_takes_what_is_there_and_ends(floor):
    missed = floor.exchange.place(MARGIN, floor.ticket(Action.BUY_TO_OPEN, 200, F, "1.00", Duration.IOC))
    large = floor.exchange.place(MARGIN, floor.ticket(Action.BUY_TO_OPEN, 8_000, F, "-0.50", Duration.IOC))
    floor.run(1)
    assert (missed.status, missed.fills) == (OrderStatus.CANCELLED, [])
    assert large.status is OrderStatus.CANCELLED
    assert 0 < large.fills[0].quantity < 8_000
    assert len(large.fills) == 1


def test_fill_or_kill_fills_all_or_nothing(floor):
    big = floor.ticket(Action.BUY_TO_OPEN, 8_000, F, away="-0.50", tif=Duration.FOK)
    killed = floor.exchange.place(MARGIN, big)
    small = floor.exchange.place(MARGIN, floor.ticket(Action.BUY_TO_OPEN, 1, F, away="-0.50", tif=Duration.FOK))
    floor.run(1)
    assert (killed.status, killed.fills) == (OrderStatus.CANCELLED, [])
    assert small.status is OrderStatus.FILLED


def test_a_stop_waits_for_its_level_and_then_sells(floor):
    floor.buy(10)
    floor.run(1)
    low = floor.exchange.place(MARGIN, stop_order(Action.SELL_TO_CLOSE, 5, "100.00"))
    high = floor.exchange.place(MARGIN, stop_order(Action.SELL_TO_CLOSE, 5, "250.00"))
    floor.run(2)
    assert (low.status, low.triggered) == (OrderStatus.LIVE, False)
    assert (high.status, high.triggered) == (OrderStatus.FILLED, True)


def test_orders_larger_than_the_displayed_size_fill_in_parts_over_several_books(floor):
    order = floor.exchange.place(MARGIN, market_order(Action.BUY_TO_OPEN, 7_000, F))
    floor.run(0.4)
    first = floor.market.book(F)
    assert order.status in (OrderStatus.LIVE, OrderStatus.IN_FLIGHT)
    floor.run(120, 1.0)
    assert order.status is OrderStatus.FILLED
    assert len(order.fills) > 1
    assert first.ask_size < 7_000


def test_two_orders_share_the_displayed_size_first_come_first_served(floor):
    size = floor.market.book(F).ask_size
    one, two = (floor.exchange.place(MARGIN, floor.ticket(Action.BUY_TO_OPEN, size, F)) for _ in range(2))
    floor.clock.advance(1)  # the market stands still meanwhile
    floor.exchange.step(floor.clock.now())
    assert one.status is OrderStatus.FILLED
    assert two.fills == []


# The fill plan


def test_the_fill_plan_can_hold_orders_back_by_account_and_symbol(floor):
    floor.exchange.fills.set(FillRule("never"), symbol="AAPL")
    floor.exchange.fills.set(FillRule("delayed", delay=5), account=MARGIN, symbol="SPY")
    never = floor.exchange.place(MARGIN, market_order(Action.BUY_TO_OPEN, 1))
    late = floor.exchange.place(MARGIN, market_order(Action.BUY_TO_OPEN, 1, floor.option()))
    now = floor.exchange.place(MARGIN, market_order(Action.BUY_TO_OPEN, 1, F))
    floor.run(3)
    assert [o.status for o in (never, late, now)] == [OrderStatus.LIVE, OrderStatus.LIVE, OrderStatus.FILLED]
    floor.run(3)
    assert late.status is OrderStatus.FILLED
    floor.exchange.fills.clear()
    floor.run(1)
    assert never.status is OrderStatus.FILLED


def test_partial_fills_come_in_slices_with_pauses(floor):
    floor.exchange.fills.set(FillRule("partial", fraction=Decimal("0.3"), interval=2))
    order = floor.exchange.place(MARGIN, market_order(Action.BUY_TO_OPEN, 10))
    floor.run(12)
    assert [fill.quantity for fill in order.fills] == [3, 3, 3, 1]
    times = [fill.at for fill in order.fills]
    assert all(later - earlier >= timedelta(seconds=2) for earlier, later in pairwise(times))


def test_a_fill_rule_that_makes_no_sense_is_refused():
    for wrong in ({"mode": "sometimes"}, {"fraction": Decimal(0)}, {"delay": -1}):
        with pytest.raises(ValueError, match=r"mode|fraction|below"):
            FillRule(**wrong)


def test_the_commission_of_a_leg_is_capped_also_over_many_fills(floor):
    floor.exchange.fills.set(FillRule("partial", fraction=Decimal("0.25"), interval=0))
    order = floor.exchange.place(MARGIN, market_order(Action.BUY_TO_OPEN, 20, floor.option("1.08")))
    floor.run(30)
    assert order.status is OrderStatus.FILLED
    assert len(order.fills) >= 4
    assert sum(trade.fees["commission"] for trade in floor.exchange.transactions(MARGIN)) == -10


# Spreads


def spread(floor: Floor, price: str, units: int = 2) -> Ticket:
    short, long = floor.option("0.95", Right.PUT), floor.option("0.93", Right.PUT)
    legs = (
        Leg(short, Action.SELL_TO_OPEN, Decimal(units)),
        Leg(long, Action.BUY_TO_OPEN, Decimal(units)),
    )
    return Ticket(legs, OrderType.LIMIT, Duration.DAY, limit_price=Decimal(price))


def test_a_credit_spread_ties_up_the_distance_of_its_strikes(floor):
    ticket = spread(floor, "0.50")
    foreseen = floor.exchange.preview(MARGIN, ticket)
    width = (ticket.legs[0].instrument.strike - ticket.legs[1].instrument.strike) * 200
    assert foreseen.margin_change == foreseen.isolated_margin == -width
    assert foreseen.buying_power_change == -width + 100 + foreseen.total_fees
    assert foreseen.fees["commission"] == -4
    assert foreseen.total_fees == sum(foreseen.fees.values())
    for kind, parts in foreseen.fee_parts.items():
        assert foreseen.fees[kind] == sum(parts.values())


def test_a_spread_fills_whole_units_at_its_net_price_or_better(floor):
    order = floor.exchange.place(MARGIN, spread(floor, "0.01"))
    floor.run(5)
    assert order.status is OrderStatus.FILLED
    sold, bought = ([f.price for f in leg.fills] for leg in order.legs)
    assert all(s - b >= Decimal("0.01") for s, b in zip(sold, bought, strict=True))
    assert {p.quantity for p in floor.exchange.positions(MARGIN)} == {2, -2}
    dear = floor.exchange.place(MARGIN, spread(Floor(), "50.00"))
    floor.run(5)
    assert dear.status is OrderStatus.LIVE


# Margin


def held(quantity, price, strike=None, right=Right.CALL, expiry=date(2026, 12, 18)) -> Exposure:
    instrument = Option("SPY", expiry, right, Decimal(strike)) if strike else SPY
    multiplier = Decimal(100 if strike else 1)
    return Exposure(instrument, "SPY", Decimal(quantity), Decimal(price), multiplier, Decimal(600))


LATER, EARLIER = date(2027, 1, 15), date(2026, 12, 4)
REQUIREMENTS = {
    "long shares: half": ([held(100, 600)], 30_000),
    "short shares: half beside their value": ([held(-100, 600)], 30_000),
    "a long option: nothing": ([held(1, 9, 620)], 0),
    "a credit call spread: its width": ([held(-1, 9, 610), held(1, 6, 620)], 1_000),
    "a debit call spread: nothing": ([held(1, 9, 610), held(-1, 6, 620)], 0),
    "a credit put spread: its width": ([held(-2, 5, 590, Right.PUT), held(2, 3, 585, Right.PUT)], 1_000),
    "a debit put spread: nothing": ([held(1, 5, 590, Right.PUT), held(-1, 3, 585, Right.PUT)], 0),
    "a calendar, the long one later: nothing": ([held(-1, 9, 610), held(1, 12, 610, expiry=LATER)], 0),
    "the long one earlier: no cover": ([held(-1, 9, 610), held(1, 6, 610, expiry=EARLIER)], 900 + 11_000),
    "a naked call: price and a fifth less the distance": ([held(-1, 9, 610)], 900 + 12_000 - 1_000),
    "a naked put far away: price and a tenth of the strike": ([held(-1, 1, 400, Right.PUT)], 100 + 4_000),
    "a covered call: only the shares": ([held(100, 600), held(-1, 9, 610)], 30_000),
    "half covered: one is naked": ([held(100, 600), held(-2, 9, 610)], 30_000 + 11_900),
    "the rest of a ratio is naked": ([held(1, 9, 610), held(-2, 6, 620)], 600 + 10_000),
}


@pytest.mark.parametrize("case", REQUIREMENTS)
def test_margin_requirements(case):
    exposures, wanted = REQUIREMENTS[case]
    assert require(exposures, margin=True).initial == wanted


def test_working_money_is_what_is_left_after_requirements():
    assert buying_power(Decimal(1_000), [held(10, 600)], margin=True) == 1_000 + 6_000 - 3_000
    assert buying_power(Decimal(1_000), [held(10, 600)], margin=False) == 1_000
    assert buying_power(Decimal(70_000), [held(-100, 600)], margin=True) == 70_000 - 60_000 - 30_000


# What is refused


def test_names_that_are_not_listed_are_refused(floor):
    ticket = Ticket(
        (Leg(Equity("ZZZZ"), Action.BUY_TO_OPEN, Decimal(1)),), OrderType.LIMIT, Duration.DAY, limit_price=Decimal(-5)
    )
    assert refusal(floor, ticket) == "unknown_symbol"
    future = Leg(Future("ES", 2019, 12), Action.BUY, Decimal(1))
    ticket = Ticket((future,), OrderType.MARKET, Duration.DAY)
    assert refusal(floor, ticket) == "unknown_symbol"


def test_prices_off_the_tick_grid_are_refused(floor):
    ticket = floor.ticket(Action.BUY_TO_OPEN, 1, away="0.005")
    assert refusal(floor, ticket) == "price_off_tick"
    nickel = next(
        s.call for s in floor.market.chain(Equity("DIA")).expirations[-1].strikes if floor.market.book(s.call).ask > 10
    )
    assert refusal(floor, floor.ticket(Action.BUY_TO_OPEN, 1, nickel, away="0.01")) == "price_off_tick"
    assert refusal(floor, spread(floor, "0.505")) == "price_off_tick"


def test_orders_of_the_wrong_make_are_refused(floor):
    option, lasting = floor.option(), Duration.GTC
    two_shares = Ticket(
        (Leg(SPY, Action.BUY_TO_OPEN, Decimal(100)), Leg(AAPL, Action.SELL_TO_OPEN, Decimal(100))),
        OrderType.LIMIT,
        Duration.DAY,
        limit_price=Decimal(-500),
    )
    mixed = Ticket(
        (
            Leg(option, Action.BUY_TO_OPEN, Decimal(1)),
            Leg(floor.option(underlying=AAPL), Action.SELL_TO_OPEN, Decimal(1)),
        ),
        OrderType.LIMIT,
        Duration.DAY,
        limit_price=Decimal(-5),
    )
    assert refusal(floor, two_shares) == "too_many_legs"
    assert refusal(floor, mixed) == "mixed_underlyings"
    assert refusal(floor, market_order(Action.BUY_TO_OPEN, 1, tif=lasting)) == "gtc_market_order"
    assert refusal(floor, market_order(Action.BUY_TO_OPEN, "1.5", option)) == "quantity_not_whole"
    assert refusal(floor, floor.ticket(Action.BUY_TO_OPEN, "1.5")) == "quantity_not_whole"
    assert refusal(floor, stop_order(Action.BUY_TO_OPEN, 1, "300", tif=lasting)) == "gtc_opening_stop_order"
    extended = market_order(Action.BUY_TO_OPEN, 1, hours=Hours.EXTENDED)
    assert refusal(floor, extended) == "extended_hours_order"
    past = Ticket(
        (Leg(AAPL, Action.BUY_TO_OPEN, Decimal(1)),),
        OrderType.LIMIT,
        Duration.GTD,
        limit_price=Decimal(-100),
        gtd_date=date(2026, 11, 19),
    )
    assert refusal(floor, past) == "date_in_the_past"


def test_fractions_of_shares_trade_at_the_market(floor):
    order = floor.exchange.place(MARGIN, market_order(Action.BUY_TO_OPEN, "0.55928", Equity("KO")))
    floor.run(1)
    assert order.status is OrderStatus.FILLED
    assert floor.exchange.positions(MARGIN)[0].quantity == Decimal("0.55928")
    assert floor.exchange.balance(MARGIN).cash.as_tuple().exponent == -2


def test_more_than_the_buying_power_is_refused_and_working_orders_count(floor):
    assert refusal(floor, floor.ticket(Action.BUY_TO_OPEN, 600)) == "insufficient_buying_power"
    floor.exchange.place(MARGIN, floor.ticket(Action.BUY_TO_OPEN, 400, away="5.00"))
    assert refusal(floor, floor.ticket(Action.BUY_TO_OPEN, 400, away="5.00")) == "insufficient_buying_power"
    assert refusal(floor, floor.ticket(Action.BUY_TO_OPEN, 60), CASH) == "insufficient_buying_power"


def test_a_margin_account_pays_half_and_a_cash_account_all(floor):
    for number, share in ((MARGIN, Decimal("0.5")), (CASH, Decimal(1))):
        ticket = floor.ticket(Action.BUY_TO_OPEN, 10)
        foreseen = floor.exchange.preview(number, ticket)
        assert foreseen.margin_change == ticket.limit_price * 10 * share
        assert foreseen.total_fees == Decimal("-0.008")
        assert foreseen.buying_power_change == foreseen.margin_change + foreseen.total_fees
        assert foreseen.buying_power_after == foreseen.buying_power_before + foreseen.buying_power_change


def test_a_close_larger_than_the_position_is_refused_open_closes_included(floor):
    floor.buy(10)
    floor.run(1)
    assert refusal(floor, floor.ticket(Action.SELL_TO_CLOSE, 11)) == "cannot_close_more_than_position"
    resting = floor.exchange.place(MARGIN, floor.ticket(Action.SELL_TO_CLOSE, 6, away="50.00"))
    assert refusal(floor, floor.ticket(Action.SELL_TO_CLOSE, 5)) == "cannot_close_more_than_position"
    new = floor.exchange.replace(MARGIN, resting.order_id, floor.ticket(Action.SELL_TO_CLOSE, 6, away="40.00"))
    floor.run(1)
    assert new.status is OrderStatus.LIVE


def test_a_close_of_nothing_opens_with_a_warning_unless_strict(floor):
    ticket = floor.ticket(Action.SELL_TO_CLOSE, 5)
    with pytest.raises(OrderRefused) as refused:
        floor.exchange.place(MARGIN, ticket, strict=True)
    assert refused.value.code == "closes_nothing"
    order = floor.exchange.place(MARGIN, ticket)
    assert order.ticket.legs[0].action is Action.SELL_TO_OPEN
    assert "closing_with_no_position" in [code for code, _ in order.warnings]


def test_both_sides_of_a_symbol_are_refused(floor):
    floor.exchange.place(MARGIN, floor.ticket(Action.BUY_TO_OPEN, 5, away="20.00"))
    assert refusal(floor, floor.ticket(Action.SELL_TO_OPEN, 5)) == "buy_and_sell_same_symbol"
    floor.buy(10, F)
    floor.run(1)
    assert refusal(floor, floor.ticket(Action.SELL_TO_OPEN, 5, F)) == "opens_against_position"


def test_a_cash_account_sells_nothing_short(floor):
    assert refusal(floor, floor.ticket(Action.SELL_TO_OPEN, 1), CASH) == "short_sale_not_allowed"
    call = floor.option("1.05", underlying=F)
    assert refusal(floor, floor.ticket(Action.SELL_TO_OPEN, 1, call), CASH) == "uncovered_option_not_allowed"
    floor.buy(100, F, CASH)
    floor.run(30, 1.0)
    covered = floor.exchange.preview(CASH, floor.ticket(Action.SELL_TO_OPEN, 1, call))
    assert covered.margin_change == 0
    put = floor.option("0.95", Right.PUT, F)
    secured = floor.exchange.preview(CASH, floor.ticket(Action.SELL_TO_OPEN, 1, put))
    assert secured.margin_change == -put.strike * 100


def test_opening_market_orders_are_refused_while_the_market_is_closed():
    floor = Floor(start=datetime(2026, 11, 21, 15, 0, tzinfo=timezone.utc))
    assert refusal(floor, market_order(Action.BUY_TO_OPEN, 1)) == "market_closed_opening_market_order"


def test_options_are_not_sold_in_their_last_half_hour():
    floor = Floor(start=datetime(2026, 11, 20, 20, 45, tzinfo=timezone.utc))
    ticket = floor.ticket(Action.SELL_TO_OPEN, 1, floor.option("1.02", Right.PUT, nth=0))
    assert refusal(floor, ticket) == "too_close_to_expiration"


def test_unknown_accounts_and_orders_are_refused(floor):
    for look in (floor.exchange.orders, floor.exchange.positions, floor.exchange.balance):
        with pytest.raises(OrderRefused) as refused:
            look("nobody")
        assert refused.value.code == "unknown_account"
    order = floor.buy(1)
    with pytest.raises(OrderRefused) as refused:
        floor.exchange.order(CASH, order.order_id)
    assert refused.value.code == "unknown_order"


# Days, expiry, restarts


def test_the_days_figures_start_again_with_the_next_session(floor):
    for share in (AAPL, F):
        floor.exchange.place(MARGIN, market_order(Action.BUY_TO_OPEN, 10, share))
    floor.run(1)
    floor.exchange.place(MARGIN, market_order(Action.SELL_TO_CLOSE, 10, F))
    floor.run(1)
    assert {p.instrument for p in floor.exchange.positions(MARGIN, closed=True)} == {AAPL, F}
    assert [p.instrument for p in floor.exchange.positions(MARGIN)] == [AAPL]
    floor.until(datetime(2026, 11, 23, 14, 31, tzinfo=timezone.utc))
    (position,) = floor.exchange.positions(MARGIN, closed=True)
    assert position.day_open_price == position.close_price == floor.market.book(AAPL).prev_close


@pytest.mark.parametrize(("right", "share"), [(Right.CALL, "0.9"), (Right.CALL, "1.1"), (Right.PUT, "1.1")])
@pytest.mark.parametrize("quantity", [1, -1])
def test_options_end_at_their_expiry(right, share, quantity):
    floor = Floor()
    option = floor.option(share, right, nth=0)
    cash = Decimal(200_000)
    holding = Holding(option, Decimal(quantity), Decimal(2), MORNING - timedelta(days=3))
    floor.exchange.open_account("X", "ann", "Expiry", "margin", cash, [holding])
    floor.until(datetime(2026, 11, 20, 21, 0, tzinfo=timezone.utc))
    positions = floor.exchange.positions("X")
    spot = floor.market.book(SPY).last
    inside = spot > option.strike if right is Right.CALL else spot < option.strike
    if inside:
        shares = 100 * quantity * (1 if right is Right.CALL else -1)
        assert [(p.instrument, p.quantity, p.average_open_price) for p in positions] == [(SPY, shares, option.strike)]
        assert floor.exchange.balance("X").cash == cash - shares * option.strike
    else:
        assert positions == []
        assert floor.exchange.balance("X").cash == cash
    kinds = {t.sub_kind for t in floor.exchange.transactions("X")}
    assert ({"exercise", "assignment"} & kinds != set()) == inside


def test_a_snapshot_brings_everything_back(floor):
    floor.exchange.fills.set(FillRule("partial", fraction=Decimal("0.3"), interval=60), symbol="AAPL")
    order = floor.buy(10)
    floor.exchange.place(MARGIN, spread(floor, "0.01"))
    floor.run(2)
    kept = json.loads(json.dumps(floor.exchange.snapshot()))
    again = Exchange(floor.market, floor.clock)
    again.restore(kept)
    assert again.snapshot()["accounts"] == kept["accounts"]
    for number in (MARGIN, CASH):
        assert again.balance(number) == floor.exchange.balance(number)
        assert again.positions(number) == floor.exchange.positions(number)
        assert again.transactions(number) == floor.exchange.transactions(number)
    restored = again.order(MARGIN, order.order_id)
    assert restored.remaining == 7
    for _ in range(20):
        floor.clock.advance(0.1)
        floor.market.advance(floor.clock.now())
        again.step(floor.clock.now())
    assert restored.status is OrderStatus.FILLED
    assert again.place(MARGIN, floor.ticket(Action.BUY_TO_OPEN, 1)).order_id > kept["last_order_id"]


@pytest.mark.parametrize("state", [{}, {"version": 0}, {"version": 1, "accounts": [{}]}, [], None])
def test_a_snapshot_that_cannot_be_read_leaves_all_as_it_was(floor, state):
    before = floor.exchange.snapshot()
    with pytest.raises(UnknownSnapshot, match="state"):
        floor.exchange.restore(state)
    assert floor.exchange.snapshot() == before


def test_order_ids_grow_from_start_to_start():
    first = Floor()
    ids = [first.buy(1).order_id for _ in range(20)]
    later = Floor(start=MORNING + timedelta(minutes=1))
    assert ids == sorted(set(ids))
    assert all(len(str(number)) == 9 for number in ids)
    assert later.buy(1).order_id > ids[-1]


# The demo people


@pytest.fixture(scope="module")
def peopled() -> tuple[Floor, demo.Users]:
    floor = Floor()
    return floor, demo.fill(floor.exchange, MORNING)


def test_the_demo_people_have_passwords_and_accounts_with_a_past(peopled):
    floor, users = peopled
    exchange = floor.exchange
    assert users.names == ["demo", "other"]
    assert users.knows("demo", users.passwords["demo"])
    assert not users.knows("demo", users.passwords["other"])
    assert not users.knows("nobody", "")
    owned = {name: [a for a in exchange.accounts.values() if a.owner == name] for name in users.names}
    assert [account.kind for account in owned["demo"]] == ["margin", "cash", "futures"]
    assert len(owned["other"]) == 1
    quantities = [p.quantity for p in exchange.positions(demo.MARGIN) if isinstance(p.instrument, Option)]
    assert sorted(quantities) == [*[-1] * 4, *[1] * 3]  # a covered call, a calendar, an iron condor
    assert {"deposit", "buy_to_open", "sell_to_open", "sell_to_close"} <= {
        t.sub_kind for t in exchange.transactions(demo.MARGIN)
    }
    assert 80_000 < exchange.balance(demo.MARGIN).net_liquidating_value < 120_000


def test_the_demo_cash_is_what_its_history_adds_up_to(peopled):
    floor, users = peopled
    for account in floor.exchange.accounts.values():
        if account.owner in users.names:
            assert account.cash == sum(entry.net_value for entry in account.transactions)
            assert all(entry.executed_at < MORNING for entry in account.transactions)
            assert all(entry.date.weekday() < 5 for entry in account.transactions)


def test_the_demo_leaves_restored_accounts_alone(peopled):
    floor, _ = peopled
    before = floor.exchange.snapshot()
    demo.fill(floor.exchange, MORNING)
    assert floor.exchange.snapshot() == before
