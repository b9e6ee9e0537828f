"""What a report of an order says of its size and its price, for one leg and for several that differ in size."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from brokers.domain.instruments import Equity, Option, Right
from brokers.domain.orders import Action, BrokerStatus, Leg, LegState, OrderUpdate, Trail
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


def reported(
    *legs: Leg, order_type: str = "limit", time_in_force: str = "day", price: str | None = "1.25", **more: Any
) -> str:
    update = replace(
        filled(*((leg, "1") for leg in legs)),
        order_type=order_type,
        time_in_force=time_in_force,
        limit_price=Decimal(price) if price is not None else None,
        **more,
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
        "Buy 1 SPY 18 Dec 26 600 C to open and sell short 7 SPY as “notional market”"
    )
    vertical = (bought(CALL, 2), sold(HIGHER, 2))
    assert (
        reported(*vertical, order_type="other", price="-3")
        == "Buy 2 SPY 18 Dec 26 600/610 call vertical for a 3.00 debit or better"
    )
    assert reported(order_type="limit", price="2") == "Order at 2.00 or better"


VERTICAL = (sold(CALL, 2), bought(HIGHER, 2))
NAMED = "Sell 2 SPY 18 Dec 26 600/610 call vertical"


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"order_type": "stop", "price": None, "stop_price": Decimal("2.5")},
         "once the price touches 2.50 at the market price"),
        ({"order_type": "stop_limit", "price": "2.4", "stop_price": Decimal("2.5")},
         "once the price touches 2.50 for a 2.40 credit or better"),
        ({"order_type": "stop_limit", "price": None, "stop_price": Decimal("2.5")},
         "once the price touches 2.50 at a price that the broker does not tell"),
        ({"order_type": "trailing_stop", "price": None, "trail": Trail(Decimal(5), True), "stop_price": Decimal(9)},
         "once the price has turned by 5 % at the market price"),
        ({"order_type": "market", "price": None}, "at the market price"),
        ({"order_type": "limit", "price": None}, "at a price that the broker does not tell"),
        ({"order_type": "limit", "price": "0"}, "for even money or better"),
        ({"order_type": "odd", "price": "0"}, "for even money or better"),
        ({"order_type": "marketable_limit", "price": None}, "at the market price, by a marketable limit"),
        ({"order_type": "limit", "price": "1.25", "time_in_force": "gtd", "gtd_date": date(2026, 12, 1)},
         "for a 1.25 credit or better"),
        ({"order_type": "limit", "price": "1.25", "time_in_force": "gtd"}, "for a 1.25 credit or better"),
    ],
    ids=["stop", "stop limit", "stop limit untold", "trailing", "market", "untold", "even", "odd", "no price", "dated",
         "no date"],
)  # fmt: skip
def test_a_spread_placed_elsewhere_is_told_with_its_stop_and_without_a_price(terms: dict[str, Any], words: str) -> None:
    assert reported(*VERTICAL, **terms) == f"{NAMED} {words}"


def test_five_legs_are_told_one_by_one() -> None:
    five = (sold(PUT, 1), bought(LOWER, 1), sold(CALL, 1), bought(HIGHER, 1), bought(SHARES, 100))
    told = reported(*five, order_type="stop", price=None, stop_price=Decimal(3))
    assert told.endswith(" and buy 100 SPY once the price touches 3.00 at the market price")
    assert told.count(" to open") == 4
    assert "for a" not in told


def test_a_date_that_is_told_is_kept_where_the_duration_has_one() -> None:
    def kept(time_in_force: str) -> Any:
        update = replace(filled((sold(CALL, 1), "1")), time_in_force=time_in_force, gtd_date=date(2026, 12, 1))
        return reading.terms_of(update)["ticket"]["gtd_date"]

    assert (kept("gtd"), kept("gtc"), kept("odd")) == ("2026-12-01", None, None)
