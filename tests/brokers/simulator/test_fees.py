"""Fees to the cent, class by class, and in the books as they were charged."""

from datetime import date
from decimal import Decimal

import pytest

from brokers.domain.instruments import Crypto, Equity, Future, FutureOption, Option, Right
from brokers.domain.orders import Action
from brokers.simulator.exchange.books.fees import FLAT, SCHEDULES, STANDARD, by_kind, charge, settled
from tests.brokers.simulator.still_market import Still, ny

BTO, STO, STC, BTC = Action.BUY_TO_OPEN, Action.SELL_TO_OPEN, Action.SELL_TO_CLOSE, Action.BUY_TO_CLOSE
DAY = date(2026, 12, 18)
AAPL, CALL = Equity("AAPL"), Option("AAPL", DAY, Right.CALL, Decimal(190))
SPX = Option("SPX", DAY, Right.PUT, Decimal(6000))
ES, MES = Future("ES", 2026, 12), Future("MES", 2026, 12)
ES_PUT, MES_PUT = (FutureOption(future, "EW3Z26", DAY, Right.PUT, Decimal(6000)) for future in (ES, MES))
CASES = {
    "buying shares: clearing": (AAPL, BTO, 100, "190", STANDARD, {"clearing": "-0.080"}),
    "selling shares: SEC and TAF": (AAPL, STC, 100, "190", STANDARD, {"clearing": "-0.080", "regulatory": "-0.545"}),
    "opening an option": (CALL, BTO, 2, "3", STANDARD, {"commission": -2, "clearing": "-0.2", "regulatory": "-0.04"}),
    "selling one to open": (
        CALL,
        STO,
        1,
        "3",
        STANDARD,
        {"commission": -1, "clearing": "-0.1", "regulatory": "-0.031"},
    ),
    "closing an option is free of commission": (
        CALL,
        BTC,
        2,
        "3",
        STANDARD,
        {"clearing": "-0.2", "regulatory": "-0.04"},
    ),
    "an index option: its exchange's fee": (
        SPX,
        BTO,
        1,
        "30",
        STANDARD,
        {"commission": -1, "clearing": "-0.1", "regulatory": "-0.02", "proprietary": "-0.65"},
    ),
    "a future": (ES, BTO, 2, "6000", STANDARD, {"commission": "-2.5", "clearing": "-0.6", "regulatory": "-2.8"}),
    "a future is charged to close, too": (
        ES,
        STC,
        2,
        "6000",
        STANDARD,
        {"commission": "-2.5", "clearing": "-0.6", "regulatory": "-2.8"},
    ),
    "a micro future": (
        MES,
        BTO,
        1,
        "6000",
        STANDARD,
        {"commission": "-0.85", "clearing": "-0.3", "regulatory": "-0.37"},
    ),
    "an option on a future": (
        ES_PUT,
        BTO,
        1,
        "9",
        STANDARD,
        {"commission": "-2.5", "clearing": "-0.3", "regulatory": "-1.4"},
    ),
    "one closed": (ES_PUT, STC, 1, "9", STANDARD, {"clearing": "-0.3", "regulatory": "-1.4"}),
    "an option on a micro": (
        MES_PUT,
        BTO,
        1,
        "9",
        STANDARD,
        {"commission": "-1.5", "clearing": "-0.3", "regulatory": "-0.37"},
    ),
    "crypto: a percent": (Crypto("BTC", "USD"), BTO, "0.01", "60000", STANDARD, {"commission": "-6"}),
    "crypto: ten dollars at most": (Crypto("BTC", "USD"), STC, 1, "60000", STANDARD, {"commission": "-10"}),
    "the flat schedule charges both ways": (
        CALL,
        BTC,
        20,
        "3",
        FLAT,
        {"commission": -12, "clearing": "-2", "regulatory": "-0.4"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_class_is_charged_what_it_costs(case):
    instrument, action, quantity, price, schedule, wanted = CASES[case]
    found = by_kind(charge(instrument, action, Decimal(quantity), Decimal(price), Decimal(0), schedule))
    assert {kind: amount for kind, amount in found.items() if amount} == {k: Decimal(v) for k, v in wanted.items()}


def test_the_commission_of_a_leg_is_capped_over_all_its_fills():
    total, before = Decimal(0), Decimal(0)
    for quantity in (4, 5, 7, 30):
        parts = charge(CALL, BTO, Decimal(quantity), Decimal(1), before)
        total += parts["commission"]["brokerage"]
        before += quantity
    assert total == -10


def test_a_tiny_sale_costs_no_fraction_of_a_cent_in_the_books():
    fees = settled(charge(AAPL, STC, Decimal("0.5"), Decimal(190), Decimal(0)))
    assert all(amount == amount.quantize(Decimal("0.01")) for amount in fees.values())


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_books_take_what_the_account_s_schedule_says(schedule):
    books = Still(ny("2026-12-14", 11))
    books.account.schedule = schedule
    books.trade(CALL, BTO, 20, "3.00")
    books.trade(ES, Action.BUY, 1, "6000.00")
    option, future = books.account.transactions[1:]
    wanted = settled(charge(CALL, BTO, Decimal(20), Decimal(3), Decimal(0), SCHEDULES[schedule], Decimal(100)))
    assert option.fees == wanted
    assert future.fees["commission"] == -SCHEDULES[schedule].future
    assert books.account.cash == 100_000 - 6_000 + sum(option.fees.values()) + sum(future.fees.values())


def test_a_plain_buy_of_a_future_option_opens_and_a_plain_sell_closes():
    books = Still(ny("2026-12-14", 11))
    books.trade(ES_PUT, Action.BUY, 1, "9.00")
    books.trade(ES_PUT, Action.SELL, 1, "9.00")
    assert [entry.fees["commission"] for entry in books.account.transactions[1:]] == [Decimal("-2.50"), 0]
