"""Every kind of order, every duration, every condition: when it leaves, what it trades at, how it ends."""

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from brokers.domain.instruments import Crypto, Future, Right
from brokers.domain.orders import Action, InvalidTicket, Leg
from brokers.simulator.exchange import (
    Condition,
    Duration,
    FillRule,
    Hours,
    OrderRefused,
    OrderStatus,
    OrderType,
    Ticket,
    Trail,
    Watch,
)
from tests.brokers.simulator.pit import AAPL, ANN, BEN, SPY, F, Pit, limit, market, option, stop

BUY, SELL, CLOSE = Action.BUY_TO_OPEN, Action.SELL_TO_OPEN, Action.SELL_TO_CLOSE
NIGHT = datetime(2026, 11, 20, 23, 30, tzinfo=timezone.utc)  # after the close, in the extended hours
CLOSING, OPENING = datetime(2026, 11, 20, 21, tzinfo=timezone.utc), datetime(2026, 11, 23, 14, 30, tzinfo=timezone.utc)


@pytest.fixture
def pit() -> Pit:
    return Pit()


def code(pit: Pit, ticket: Ticket, **more) -> str:
    with pytest.raises(OrderRefused) as refused:
        pit.place(ticket, **more)
    return refused.value.code


# Types


def test_a_marketable_limit_is_priced_at_the_touch_when_it_arrives_and_is_a_limit_from_then_on(pit):
    pit.quote(AAPL, "190", "190.02", asks=40)
    order = pit.place(Ticket((Leg(AAPL, BUY, Decimal(100)),), OrderType.MARKETABLE_LIMIT, Duration.DAY))
    pit.quote(AAPL, "190", "190.50", asks=40)
    pit.run()
    assert order.ticket.limit_price == Decimal("-190.50")
    assert [fill.price for fill in order.fills] == [Decimal("190.50")]
    pit.quote(AAPL, "190", "190.60")
    pit.run()
    assert order.remaining == 60
    pit.quote(AAPL, "190", "190.40")
    pit.run()
    assert order.status is OrderStatus.FILLED
    assert order.fills[-1].price == Decimal("190.40")


def test_a_marketable_limit_without_a_market_is_rejected(pit):
    order = pit.place(Ticket((Leg(AAPL, BUY, Decimal(100)),), OrderType.MARKETABLE_LIMIT, Duration.DAY))
    pit.quote(AAPL, "190", "0")
    pit.run()
    assert order.status is OrderStatus.REJECTED
    assert order.reject_reason


def test_an_amount_of_dollars_buys_fractions_of_shares(pit):
    legs = (Leg(AAPL, BUY, Decimal(1)),)
    order = pit.place(Ticket(legs, OrderType.NOTIONAL_MARKET, Duration.DAY, value=Decimal(100)))
    pit.run()
    assert order.status is OrderStatus.FILLED
    assert pit.held() == order.legs[0].leg.quantity == Decimal("0.52626")  # 100 / 190.02
    assert -pit.exchange.transactions(ANN)[0].value <= 100
    small = Ticket(legs, OrderType.NOTIONAL_MARKET, Duration.DAY, value=Decimal("4.99"))
    assert code(pit, small) == "notional_too_small"
    lasting = Ticket(legs, OrderType.NOTIONAL_MARKET, Duration.GTC, value=Decimal(100))
    assert code(pit, lasting) in ("notional_order", "gtc_market_order")
    on_option = Ticket(
        (Leg(option("190"), BUY, Decimal(1)),), OrderType.NOTIONAL_MARKET, Duration.DAY, value=Decimal(50)
    )
    pit.quote(option("190"), "5", "5.10")
    assert code(pit, on_option) == "notional_order"


def test_a_stop_trades_at_the_market_once_the_last_trade_reaches_it(pit):
    pit.own(10)
    order = pit.place(stop(CLOSE, 10, "185"))
    pit.quote(AAPL, "184.90", "185.20", last="185.01")
    pit.run()
    assert (order.status, order.triggered) == (OrderStatus.LIVE, False)
    pit.quote(AAPL, "184.80", "185.10", last="185.00")
    pit.run()
    assert (order.status, order.triggered) == (OrderStatus.FILLED, True)
    assert order.fills[0].price == Decimal("184.80")
    assert order.triggered_at is not None
    assert pit.states(order) == ["received", "routed", "in_flight", "live", "live", "filled"]


def test_a_stop_limit_becomes_a_limit(pit):
    pit.own(10)
    legs = (Leg(AAPL, CLOSE, Decimal(10)),)
    prices = {"limit_price": Decimal(184), "stop_price": Decimal(185)}
    order = pit.place(Ticket(legs, OrderType.STOP_LIMIT, Duration.DAY, **prices))
    pit.quote(AAPL, "183", "183.10", last="183.05")
    pit.run()
    assert (order.status, order.triggered) == (OrderStatus.LIVE, True)
    pit.quote(AAPL, "184.10", "184.20")
    pit.run()
    assert order.fills[0].price == Decimal("184.10")


@pytest.mark.parametrize(
    ("watch", "bid", "ask", "triggers"),
    [
        (Watch.LAST, "195.10", "195.20", False),
        (Watch.BID_ASK, "194.99", "195.20", False),
        (Watch.BID_ASK, "195.00", "195.20", True),
        (Watch.ASK_BID, "194.50", "195.00", True),
    ],
)
def test_a_stop_watches_the_last_trade_the_bid_or_the_ask(pit, watch, bid, ask, triggers):
    order = pit.place(stop(BUY, 1, "195", watch=watch))
    pit.run()
    pit.quote(AAPL, bid, ask, last="190.00")
    pit.run()
    assert order.triggered is triggers


def test_a_stop_may_want_two_ticks_in_a_row(pit):
    order = pit.place(stop(BUY, 1, "195", ticks=2))
    pit.run()
    for last in ("195.00", "194.00", "195.00"):
        pit.quote(AAPL, "190", "196", last=last)
        pit.run()
        assert not order.triggered
    pit.quote(AAPL, "190", "196", last="195.10")
    pit.run()
    assert order.triggered


@pytest.mark.parametrize("trail", [Trail(amount=Decimal(5)), Trail(percent=Decimal("2.5"))])
def test_a_trailing_stop_follows_the_market_and_never_turns_back(pit, trail):
    pit.own(10)
    order = pit.place(stop(CLOSE, 10, None, trail=trail))
    levels = []
    for last in ("200.00", "210.00", "206.00"):
        pit.quote(AAPL, last, str(Decimal(last) + 1), last=last)
        pit.run()
        levels.append(order.trail_stop)
    away = trail.amount or Decimal("5.25")
    assert levels[0] == Decimal(200) - (trail.amount or 5)
    assert levels[1:] == [210 - away, 210 - away]
    assert order.status is OrderStatus.LIVE
    pit.quote(AAPL, "204.50", "205", last="204.75")
    pit.run()
    assert order.fills[0].price == Decimal("204.50")


def test_a_trailing_buy_comes_down_with_the_market(pit):
    order = pit.place(stop(BUY, 1, None, trail=Trail(amount=Decimal(2))))
    for last, level in (("190.00", "192.00"), ("180.00", "182.00"), ("181.00", "182.00")):
        pit.quote(AAPL, last, last, last=last)
        pit.run()
        assert order.trail_stop == Decimal(level)
    pit.quote(AAPL, "182", "182.10", last="182.00")
    pit.run()
    assert order.fills[0].price == Decimal("182.10")


def test_tickets_that_make_no_sense_cannot_be_built():
    legs = (Leg(AAPL, BUY, Decimal(1)),)
    wrong = [
        {"order_type": OrderType.LIMIT},
        {"order_type": OrderType.MARKET, "limit_price": Decimal(-1)},
        {"order_type": OrderType.STOP},
        {"order_type": OrderType.STOP, "stop_price": Decimal(1), "trail": Trail(amount=Decimal(1))},
        {"order_type": OrderType.LIMIT, "limit_price": Decimal(-1), "trail": Trail(amount=Decimal(1))},
        {"order_type": OrderType.NOTIONAL_MARKET},
        {"order_type": OrderType.MARKET, "value": Decimal(10)},
        {"order_type": OrderType.MARKET, "minutes": 3},
        {"order_type": OrderType.MARKET, "duration": Duration.MINUTES, "minutes": 2},
        {"order_type": OrderType.MARKET, "duration": Duration.GTD},
        {"order_type": OrderType.STOP, "stop_price": Decimal(1), "ticks": 3},
    ]
    for given in wrong:
        with pytest.raises(InvalidTicket):
            Ticket(legs, **{"duration": Duration.DAY, **given})
    for amount in (
        {},
        {"amount": Decimal(1), "percent": Decimal(1)},
        {"percent": Decimal(100)},
        {"amount": Decimal(0)},
    ):
        with pytest.raises(InvalidTicket):
            Trail(**amount)


# Durations and hours


def test_an_opening_order_trades_at_the_official_open():
    pit = Pit(NIGHT)
    order = pit.place(market(BUY, 5, duration=Duration.OPENING))
    away = pit.place(limit(BUY, 5, "150", duration=Duration.OPENING))
    pit.run()
    assert order.status is OrderStatus.LIVE
    pit.to(OPENING)
    official = pit.market.price_at(AAPL, OPENING)
    assert [fill.price for fill in order.fills] == [official]
    assert (away.status, away.expire_reason) == (OrderStatus.EXPIRED, "The opening auction was at another price.")


def test_a_closing_order_rests_all_day_and_trades_at_the_official_close(pit):
    order = pit.place(market(BUY, 5, duration=Duration.CLOSING))
    bounded = pit.place(limit(BUY, 5, "191", duration=Duration.CLOSING))
    pit.run()
    assert order.fills == bounded.fills == []
    pit.clock.advance((CLOSING - timedelta(seconds=1) - pit.clock.now()).total_seconds())
    pit.market.now = pit.clock.now()
    pit.quote(AAPL, "195", "195.10")
    pit.step()
    assert order.fills == []
    pit.to(CLOSING + timedelta(seconds=1))
    assert order.fills[0].price == pit.market.price_at(AAPL, CLOSING) == Decimal("195.05")
    assert bounded.status is OrderStatus.EXPIRED
    assert code(pit, market(BUY, 1, option("190"), duration=Duration.CLOSING)) in ("auction_order", "no_market")


def test_an_order_for_minutes_ends_after_them(pit):
    order = pit.place(limit(BUY, 1, "150", duration=Duration.MINUTES, minutes=3))
    pit.run()
    pit.run(178, 1.0)
    assert order.status is OrderStatus.LIVE
    pit.run(3, 1.0)
    assert order.status is OrderStatus.EXPIRED
    assert order.terminal_at - order.live_at < timedelta(seconds=182)


def test_a_good_till_cancelled_order_rests_over_night_and_ends_after_90_days(pit):
    order = pit.place(limit(BUY, 1, "150", duration=Duration.GTC))
    pit.run()
    pit.to(CLOSING)
    assert (order.status, order.queued) == (OrderStatus.LIVE, True)
    pit.quote(AAPL, "140", "141")
    pit.run()
    assert order.fills == []
    pit.to(OPENING)
    assert (order.queued, order.status) == (False, OrderStatus.FILLED)
    lasting = pit.place(limit(BUY, 1, "100", duration=Duration.GTC))
    assert lasting.expires_at == datetime(2027, 2, 19, 21, tzinfo=timezone.utc)  # the last session within 90 days
    pit.to(lasting.expires_at)
    assert (lasting.status, lasting.expire_reason) == (OrderStatus.EXPIRED, "The order was good for 90 days.")


def test_an_order_ends_with_what_it_trades(pit):
    call = option("190", day=4)
    pit.quote(call, "5", "5.10")
    order = pit.place(limit(BUY, 1, "1", call, duration=Duration.GTC))
    assert order.expires_at == pit.market.expires_at(call)
    pit.to(order.expires_at)
    assert (order.status, order.expire_reason) == (OrderStatus.EXPIRED, "The contract expired.")


def test_an_extended_order_works_before_and_after_hours_an_ordinary_one_waits():
    pit = Pit(NIGHT)
    plain = pit.place(limit(BUY, 1, "191"))
    extended = pit.place(limit(BUY, 1, "191", hours=Hours.EXTENDED))
    pit.run()
    assert (plain.status, plain.queued) == (OrderStatus.RECEIVED, True)
    assert extended.status is OrderStatus.FILLED
    away = pit.place(limit(BUY, 1, "150", hours=Hours.EXTENDED))
    assert away.expires_at == datetime(2026, 11, 21, 1, tzinfo=timezone.utc)
    pit.to(OPENING)
    assert away.status is OrderStatus.EXPIRED
    pit.run()
    assert plain.status is OrderStatus.FILLED


def test_an_overnight_order_works_while_others_sleep():
    pit = Pit(datetime(2026, 11, 23, 3, 0, tzinfo=timezone.utc))  # Sunday evening
    extended = pit.place(limit(BUY, 1, "191", hours=Hours.EXTENDED))
    overnight = pit.place(limit(BUY, 1, "191", hours=Hours.OVERNIGHT))
    pit.run()
    assert (extended.status, overnight.status) == (OrderStatus.RECEIVED, OrderStatus.FILLED)


def test_outside_regular_hours_only_limit_orders_for_shares(pit):
    assert code(pit, market(BUY, 1, hours=Hours.EXTENDED)) == "extended_hours_order"
    assert code(pit, stop(BUY, 1, "195", hours=Hours.OVERNIGHT)) == "extended_hours_order"
    pit.quote(option("190"), "5", "5.10")
    assert code(pit, limit(BUY, 1, "5", option("190"), hours=Hours.EXTENDED)) == "extended_hours_order"


def test_house_rules_can_be_waived_by_the_sender():
    pit = Pit(NIGHT)
    assert code(pit, market(BUY, 1)) == "market_closed_opening_market_order"
    order = pit.place(market(BUY, 1), waive=["market_closed_opening_market_order"])
    pit.to(OPENING)
    pit.run()
    assert order.status is OrderStatus.FILLED


# Conditions and instructions


def test_an_order_leaves_at_its_time_and_is_cancelled_at_its_time(pit):
    now = pit.clock.now()
    late = pit.place(market(BUY, 1, start_at=now + timedelta(seconds=30)))
    short = pit.place(limit(BUY, 1, "150", cancel_at=now + timedelta(seconds=20)))
    pit.run(19, 1.0)
    assert (late.status, short.status) == (OrderStatus.RECEIVED, OrderStatus.LIVE)
    pit.run(12, 1.0)
    assert short.status is OrderStatus.CANCELLED
    pit.run()
    assert late.status is OrderStatus.FILLED
    assert code(pit, limit(BUY, 1, "150", cancel_at=now)) == "date_in_the_past"


@pytest.mark.parametrize(("joined", "leaves"), [("and", False), ("or", True)])
def test_conditions_on_other_instruments_let_an_order_go(pit, joined, leaves):
    conditions = (
        Condition("route", SPY, "last", "gte", Decimal(605)),
        Condition("route", F, "bid", "lt", Decimal(11), joined),
    )
    order = pit.place(market(BUY, 1, conditions=conditions))
    pit.run()
    assert order.status is OrderStatus.RECEIVED
    pit.quote(SPY, "605", "605.02", last="605.00")
    pit.run()
    assert (order.status is OrderStatus.FILLED) is leaves
    pit.quote(F, "10.99", "11.01")
    pit.run()
    assert order.status is OrderStatus.FILLED


def test_a_condition_can_cancel_an_order(pit):
    ends = Condition("cancel", SPY, "mid", "lte", Decimal(590))
    order = pit.place(limit(BUY, 1, "150", conditions=(ends,)))
    pit.run()
    assert order.status is OrderStatus.LIVE
    pit.quote(SPY, "589.98", "590.02")
    pit.run()
    assert order.status is OrderStatus.CANCELLED
    assert order.expire_reason


def test_all_or_none_waits_for_the_whole_size(pit):
    pit.quote(AAPL, "190", "190.02", asks=60)
    order = pit.place(limit(BUY, 100, "191", all_or_none=True))
    pit.run()
    assert order.fills == []
    pit.quote(AAPL, "190", "190.02", asks=100)
    pit.run()
    assert [fill.quantity for fill in order.fills] == [100]


def test_a_display_quantity_trades_a_part_at_a_time(pit):
    order = pit.place(limit(BUY, 100, "191", display_quantity=Decimal(40)))
    pit.run()
    for _ in range(2):
        pit.quote(AAPL, "190", "190.02")
        pit.run()
    assert [fill.quantity for fill in order.fills] == [40, 40, 20]
    assert code(pit, market(BUY, 100, display_quantity=Decimal(10))) == "display_quantity"
    assert code(pit, limit(BUY, 10, "191", display_quantity=Decimal(11))) == "display_quantity"


def test_a_post_only_order_never_takes(pit):
    crossing = pit.place(limit(BUY, 1, "190.02", post_only=True))
    resting = pit.place(limit(BUY, 1, "190.01", post_only=True))
    pit.run()
    assert crossing.status is OrderStatus.REJECTED
    assert resting.status is OrderStatus.LIVE
    assert code(pit, market(BUY, 1, post_only=True)) == "post_only_order"


# The books and whose turn it is


def test_the_better_price_trades_first_and_then_the_earlier_order(pit):
    pit.quote(AAPL, "190", "190.50")
    low = pit.place(limit(BUY, 60, "190.10"))
    first = pit.place(limit(BUY, 60, "190.20"), BEN)
    second = pit.place(limit(BUY, 60, "190.20"))
    pit.run()
    pit.quote(AAPL, "190", "190.10", asks=100)
    pit.run()
    assert [sum(f.quantity for f in o.fills) for o in (first, second, low)] == [60, 40, 0]
    pit.quote(AAPL, "190", "190.10", asks=100)
    pit.run()
    assert [sum(f.quantity for f in o.fills) for o in (first, second, low)] == [60, 60, 60]


def test_shares_and_a_call_trade_as_one_at_a_net_price_per_share(pit):
    call = option("200")
    pit.quote(call, "3.00", "3.10")
    legs = (Leg(AAPL, BUY, Decimal(200)), Leg(call, SELL, Decimal(2)))
    order = pit.place(Ticket(legs, OrderType.LIMIT, Duration.DAY, limit_price=Decimal("-187.00")))
    pit.run()
    assert order.status is OrderStatus.LIVE
    pit.quote(call, "3.02", "3.12")
    pit.run()
    assert order.status is OrderStatus.FILLED
    assert (order.size, pit.held(AAPL), pit.held(call)) == (2, 200, -2)
    traded = sum(entry.value for entry in pit.exchange.transactions(ANN))
    assert traded == -187 * 200
    odd = (Leg(AAPL, BUY, Decimal(150)), Leg(call, SELL, Decimal(1)))
    uneven = Ticket(odd, OrderType.LIMIT, Duration.DAY, limit_price=Decimal(-187))
    assert code(pit, uneven) == "uneven_ratio"


def test_a_spread_gets_a_better_net_price_where_there_is_one(pit):
    near, far = option("190"), option("195")
    pit.quote(near, "5.00", "5.10")
    pit.quote(far, "3.00", "3.10")
    legs = (Leg(near, BUY, Decimal(2)), Leg(far, SELL, Decimal(2)))
    order = pit.place(Ticket(legs, OrderType.LIMIT, Duration.DAY, limit_price=Decimal("-2.50")))
    pit.run()
    assert order.status is OrderStatus.FILLED
    assert sum(entry.value for entry in pit.exchange.transactions(ANN)) == Decimal("-2.10") * 200


def test_futures_are_bought_and_sold_through_whatever_is_held():
    pit = Pit()
    es = Future("ES", 2026, 12)
    pit.quote(es, "6000.00", "6000.25")
    for action, held in ((Action.BUY, 1), (Action.SELL, 0), (Action.SELL, -1)):
        order = pit.place(market(action, 1, es))
        pit.run()
        assert order.status is OrderStatus.FILLED
        assert pit.held(es) == held
    pit.exchange.open_account("C", "ann", "Cash", "cash", Decimal(100_000))
    pit.exchange.open_account("X", "ann", "Futures", "futures", Decimal(100_000))
    assert code(pit, market(Action.BUY, 1, es), number="C") == "futures_not_allowed"
    assert code(pit, market(BUY, 1), number="X") == "instrument_not_allowed"


def test_coins_trade_in_fractions_and_are_not_sold_short(pit):
    coin = Crypto("BTC", "USD")
    pit.quote(coin, "60000", "60010")
    order = pit.place(limit(BUY, "0.12345678", "60010", coin))
    pit.run()
    assert order.status is OrderStatus.FILLED
    assert code(pit, limit(BUY, "0.123456789", "60010", coin)) == "quantity_not_whole"
    assert code(pit, limit(CLOSE, "1", "60000", coin)) == "cannot_close_more_than_position"
    assert code(pit, limit(SELL, "1", "60000", coin), number=BEN) == "short_sale_not_allowed"


# Fill rules


def test_a_schedule_lets_an_order_trade_bit_by_bit(pit):
    rule = FillRule("schedule", schedule=((0.0, Decimal("0.2")), (5.0, Decimal("0.3")), (10.0, Decimal("0.5"))))
    pit.exchange.fills.set(rule)
    order = pit.place(market(BUY, 10))
    done = []
    for _ in range(3):
        pit.run(4)
        done.append(order.filled)
        pit.run(1)
    assert done == [2, 5, 10]
    for wrong in ({"mode": "schedule"}, {"schedule": ((1.0, Decimal(1)),)}):
        with pytest.raises(ValueError, match="schedule"):
            FillRule(**wrong)


def test_the_first_leg_is_told_of_before_the_others_and_the_books_are_whole(pit):
    pit.exchange.fills.set(FillRule("legs", interval=2.0))
    near, far = option("190", Right.PUT), option("185", Right.PUT)
    pit.quote(near, "5.00", "5.10")
    pit.quote(far, "3.00", "3.10")
    legs = (Leg(near, SELL, Decimal(3)), Leg(far, BUY, Decimal(3)))
    order = pit.place(Ticket(legs, OrderType.LIMIT, Duration.DAY, limit_price=Decimal("1.90")))
    pit.run()
    assert order.status is OrderStatus.FILLED
    assert [len(leg.fills) for leg in order.legs] == [1, 0]
    assert (pit.held(near), pit.held(far)) == (-3, 3)
    pit.run(3)
    assert [len(leg.fills) for leg in order.legs] == [1, 1]
    assert [leg.remaining for leg in order.legs] == [0, 0]
    assert pit.states(order)[-2:] == ["filled", "filled"]
    assert {t.fill_id for t in pit.exchange.transactions(ANN)} == {fill.fill_id for fill in order.fills}


def test_a_good_till_date_order_ends_with_that_days_session(pit):
    order = pit.place(limit(BUY, 1, "150", duration=Duration.GTD, gtd_date=date(2026, 11, 27)))
    assert order.expires_at == datetime(2026, 11, 27, 18, tzinfo=timezone.utc)  # a half day
    assert code(pit, limit(BUY, 1, "150", duration=Duration.GTD, gtd_date=date(2026, 11, 19))) == "date_in_the_past"
    assert code(pit, limit(BUY, 1, "150", duration=Duration.GTD, gtd_date=date(2028, 11, 17))) == "date_too_far"
