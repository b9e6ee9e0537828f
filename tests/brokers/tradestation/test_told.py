"""What is news of an order, whichever way it comes; and what of a holding."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from brokers.domain.orders import BrokerStatus
from brokers.tradestation.codec.orders import read_order
from brokers.tradestation.holdings import Holdings
from brokers.tradestation.told import Told
from brokers.wire import Node

ACCOUNT = "SIM4400127M"


def frame(number: str = "1", status: str = "ACK", done: str = "0", **extra: Any) -> Node:
    leg = {"AssetType": "STOCK", "BuyOrSell": "Buy", "OpenOrClose": "Open", "Symbol": "AAPL", "QuantityOrdered": "2"}
    leg |= {"ExecQuantity": done} | ({"ExecutionPrice": "149.98"} if done != "0" else {})
    body = {"AccountID": ACCOUNT, "OrderID": number, "Status": status, "OrderType": "Limit", "LimitPrice": "150"}
    return Node(body | {"Duration": "DAY", "Legs": [leg]} | extra, "")


def test_the_same_report_again_is_no_news() -> None:
    told = Told()
    assert told.is_news(read_order(frame()), 1)
    assert not told.is_news(read_order(frame()), 2)
    assert told.is_news(read_order(frame(status="FPR", done="1")), 3)
    assert told.is_news(read_order(frame(status="FLL", done="2")), 4)
    assert not told.is_news(read_order(frame(status="FLL", done="2")), 5)


def test_the_order_of_legs_is_no_news() -> None:
    told = Told()
    first = read_order(frame(status="OUT", done="1"))
    one, *_ = first.legs
    other = replace(one, leg=replace(one.leg, quantity=Decimal(3)))
    assert told.is_news(replace(first, legs=(one, other)), 1)
    later = read_order(frame(status="OUT", done="1"))
    assert not told.is_news(replace(later, legs=(*later.legs, other)), 2)


def test_a_listing_asked_for_before_a_frame_came_says_nothing_about_its_order() -> None:
    told = Told()
    told.is_news(read_order(frame(status="FLL", done="2")), 10)
    assert not told.is_news(read_order(frame()), 9)
    assert not told.is_news(read_order(frame(status="FLL", done="2")), 11)


def test_an_open_order_that_a_whole_listing_does_not_show_must_be_looked_up_once() -> None:
    told = Told()
    told.is_news(read_order(frame("1")), 1)
    told.is_news(read_order(frame("2", "OUT")), 1)
    shown = read_order(frame("3"))
    told.is_news(shown, 1)
    told.is_news(read_order(frame("4")), 5)
    assert told.compare([], [], 4) == set()
    assert told.compare([ACCOUNT], [shown], 4) == {ACCOUNT}
    assert told.compare([ACCOUNT], [shown], 4) == set()
    assert told.some_are_open
    told.is_news(read_order(frame("3", "OUT")), 6)
    told.is_news(read_order(frame("4", "OUT")), 6)
    assert not told.some_are_open


def test_a_status_that_nobody_knows_leaves_the_order_open() -> None:
    told = Told()
    update = read_order(frame(status="XYZ"))
    assert (update.status, update.broker_status) == (BrokerStatus.WORKING, "XYZ")
    told.is_news(update, 1)
    assert told.some_are_open


def position(name: str = "7", **fields: Any) -> Node:
    return Node({"PositionID": name} | fields, "")


def test_only_what_makes_a_holding_another_one_is_news() -> None:
    held = Holdings()
    whole = {"AccountID": ACCOUNT, "Quantity": "2", "LongShort": "Long", "AveragePrice": "1.5", "Last": "2"}
    held.begin()
    assert held.take(position(**whole)) == ACCOUNT
    assert held.end() == set()
    assert held.take(position(Last="3", MarketValue="6")) is None
    assert held.take(position(Quantity="5")) == ACCOUNT
    assert held.drop("7") == ACCOUNT
    assert held.drop("7") is None


def test_a_holding_that_a_new_snapshot_does_not_show_is_closed() -> None:
    held = Holdings()
    for name, account in (("7", ACCOUNT), ("8", "SIM2")):
        held.take(position(name, AccountID=account, Quantity="1", LongShort="Long", AveragePrice="1"))
    held.begin()
    held.take(position("8", Quantity="1"))
    assert held.end() == {ACCOUNT}
    held.begin()
    assert held.end() == {"SIM2"}
