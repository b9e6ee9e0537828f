"""What a report of an order says of its size and its price, for one leg and for several that differ in size."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from brokers.domain.instruments import Equity, Option, Right
from brokers.domain.orders import Action, BrokerStatus, Leg, LegState, OrderUpdate
from trading.protocol import reading

SHARES = Equity("SPY")
CALL = Option("SPY", date(2026, 12, 18), Right.CALL, Decimal(600))
HIGHER = Option("SPY", date(2026, 12, 18), Right.CALL, Decimal(610))


def filled(*legs: tuple[Leg, str]) -> OrderUpdate:
    states = tuple(
        LegState(leg, Decimal(0), executed=leg.quantity, average_price=Decimal(price)) for leg, price in legs
    )
    return OrderUpdate(
        account_number="A",
        broker_order_id="1",
        client_ref=None,
        status=BrokerStatus.FILLED,
        broker_status="Filled",
        order_type="limit",
        time_in_force="day",
        limit_price=None,
        stop_price=None,
        legs=states,
        received_at=None,
        updated_at=None,
    )


class Kept:
    def __init__(self, leg: Leg, price: str) -> None:
        self.symbol, self.quantity, self.price, self.fill_id = str(leg.instrument), leg.quantity, Decimal(price), "1"


def bought(instrument: Equity | Option, quantity: int) -> Leg:
    return Leg(instrument, Action.BUY_TO_OPEN, Decimal(quantity))


def sold(instrument: Equity | Option, quantity: int) -> Leg:
    return Leg(instrument, Action.SELL_TO_OPEN, Decimal(quantity))


@pytest.mark.parametrize(
    ("legs", "size", "price"),
    [
        ([(bought(CALL, 3), "2.50")], "3", "2.50"),
        ([(bought(CALL, 2), "4.00"), (sold(HIGHER, 2), "1.50")], "2", "-2.50"),
        ([(bought(CALL, 1), "4.00"), (sold(HIGHER, 2), "1.50")], "1", "-1.00"),
        ([(sold(HIGHER, 4), "1.50"), (bought(CALL, 2), "4.00")], "2", "-1.00"),
        ([(bought(SHARES, 100), "590.00"), (sold(CALL, 1), "4.00")], "1", "-586.00"),
        ([(bought(SHARES, 200), "590.00"), (sold(CALL, 2), "4.00")], "2", "-586.00"),
    ],
    ids=["one leg", "vertical", "ratio", "ratio, larger leg first", "covered call", "two covered calls"],
)
def test_the_average_is_the_net_price_as_traders_say_it(legs: list[tuple[Leg, str]], size: str, price: str) -> None:
    update = filled(*legs)
    quantity = reading.size([leg for leg, _ in legs])
    assert quantity == Decimal(size)
    done, average = reading.filled(update, quantity, [Kept(leg, each) for leg, each in legs])
    assert (done, average) == (Decimal(size), Decimal(price))


def reported(*legs: Leg, order_type: str = "limit", time_in_force: str = "day", price: str | None = "1.25") -> str:
    update = replace(
        filled(*((leg, "1") for leg in legs)),
        order_type=order_type,
        time_in_force=time_in_force,
        limit_price=Decimal(price) if price is not None else None,
    )
    return str(reading.terms_of(update)["description"])


PUT = Option("SPY", date(2026, 12, 18), Right.PUT, Decimal(560))
LOWER = Option("SPY", date(2026, 12, 18), Right.PUT, Decimal(550))


def test_a_spread_that_was_placed_elsewhere_is_called_by_its_name() -> None:
    condor = (sold(PUT, 1), bought(LOWER, 1), sold(CALL, 1), bought(HIGHER, 1))
    assert reported(*condor) == "Sell 1 SPY 18 Dec 26 550/560/600/610 iron condor for a 1.25 credit or better"
    vertical = (bought(CALL, 2), sold(HIGHER, 2))
    assert reported(*vertical, price="-3") == "Buy 2 SPY 18 Dec 26 600/610 call vertical for a 3.00 debit or better"
    one = bought(SHARES, 10)
    assert reported(one, price="-190") == "Buy 10 SPY at 190.00 or better"


def test_what_the_desk_has_no_words_for_is_told_by_its_legs() -> None:
    legs = (bought(CALL, 1), sold(SHARES, 7))
    assert reported(*legs, order_type="notional_market", price=None) == (
        "Buy 1 SPY 18 Dec 26 600 C to open, Sell short 7 SPY"
    )
    vertical = (bought(CALL, 2), sold(HIGHER, 2))
    assert (
        reported(*vertical, order_type="other", price="-3")
        == "Buy 2 SPY 18 Dec 26 600/610 call vertical at 3.00 or better"
    )
    assert reported(order_type="limit", price="2") == "Order at 2.00 or better"
