"""The account's past: day by day, minute by minute, as its entries and the market's path say."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from brokers.domain.instruments import Equity, Future, Option, Right
from brokers.domain.orders import Action
from brokers.simulator.exchange import Holding
from tests.brokers.simulator.recount import lines_of, recount
from tests.brokers.simulator.still_market import Still, ny

BTO, STO, STC = Action.BUY_TO_OPEN, Action.SELL_TO_OPEN, Action.SELL_TO_CLOSE
START = ny("2026-12-14", 11)
AAPL, ES = Equity("AAPL"), Future("ES", 2026, 12)
CALL = Option("AAPL", date(2026, 12, 16), Right.CALL, Decimal(190))


def busy() -> Still:
    """Three days with shares, an option that is assigned, and a future."""
    books = Still(START)
    books.trade(AAPL, BTO, 100, "180.00")
    books.trade(CALL, STO, 1, "2.00")
    books.trade(ES, Action.BUY, 1, "6000.00")
    books.to(ny("2026-12-14", 15))
    books.market.set(AAPL, "185.00")
    books.market.set(ES, "6010.00")
    books.to(ny("2026-12-15", 12))
    books.market.set(AAPL, "200.00")
    books.market.set(CALL, "10.50")
    books.trade(ES, Action.SELL, 1, "6030.00")
    books.to(ny("2026-12-17", 12))
    return books


def test_each_day_ends_with_what_the_entries_of_the_day_made():
    books = busy()
    days = dict(books.exchange.balance_snapshots("A", "EOD"))
    assert list(days) == [date(2026, 12, 16), date(2026, 12, 15), date(2026, 12, 14)]
    fees = sum(sum(entry.fees.values()) for entry in books.account.transactions)
    first, second, third = days[date(2026, 12, 14)], days[date(2026, 12, 15)], days[date(2026, 12, 16)]
    assert first.cash == 100_000 - 18_000 + 200 + 500 + sum(
        sum(entry.fees.values()) for entry in books.account.transactions[:4]
    )
    assert first.long_equity_value == 18_500
    assert second.net_liquidating_value == 100_000 + 2_000 + 200 - 1_050 + 1_500 + fees
    assert third.net_liquidating_value == third.cash == 100_000 + 1_000 + 200 + 1_500 + fees
    assert third.realized_today == 1_000 + 200


def test_a_day_begins_as_the_day_before_ended_but_for_its_own_figures():
    books = busy()
    begins = dict(books.exchange.balance_snapshots("A", "BOD"))
    ends = dict(books.exchange.balance_snapshots("A", "EOD"))
    assert list(begins) == [date(2026, 12, 17), date(2026, 12, 16), date(2026, 12, 15)]
    for day in (date(2026, 12, 15), date(2026, 12, 16)):
        before = ends[day - timedelta(days=1)]
        assert begins[day].net_liquidating_value == before.net_liquidating_value
        assert (begins[day].cash, begins[day].initial_requirement) == (before.cash, before.initial_requirement)
        assert begins[day].realized_today == 0


def test_today_is_worth_now_what_the_history_says():
    books = busy()
    books.trade(AAPL, BTO, 10, "200.00")
    now = books.clock.now()
    worth = books.exchange.net_liq_history("A", now, now, timedelta(minutes=1))
    assert worth == [(now, books.balance().net_liquidating_value)]


def test_the_history_steps_from_the_opening_to_now_and_no_further():
    books = busy()
    found = books.exchange.net_liq_history(
        "A", START - timedelta(days=3), START + timedelta(days=30), timedelta(hours=1)
    )
    assert START <= found[0][0] < START + timedelta(hours=1)
    assert found[-1][0] <= books.clock.now() < found[-1][0] + timedelta(hours=1)
    with pytest.raises(ValueError, match="step"):
        books.exchange.net_liq_history("A", START, START, timedelta(0))


def test_every_step_of_the_history_is_what_a_recount_of_its_lines_gives():
    books = busy()
    for at, worth in books.exchange.net_liq_history("A", START, books.clock.now(), timedelta(hours=1)):
        lines = lines_of(entry for entry in books.account.transactions if entry.executed_at <= at)
        marks = {str(i): books.market.price_at(i, at) for i in (AAPL, ES, CALL)}
        assert recount(lines).worth(marks) == worth


def test_what_an_account_was_opened_with_is_in_its_past():
    books = Still(START)
    books.market.set(AAPL, "180.00")
    held = Holding(AAPL, Decimal(10), Decimal("150.00"), START)
    books.exchange.open_account("B", "ann", "Given", "cash", Decimal(500), [held])
    books.market.set(AAPL, "190.00")
    books.to(ny("2026-12-15", 12))
    worth = books.exchange.net_liq_history("B", START, START, timedelta(hours=1))
    assert worth == [(START, Decimal(2_400))]
    assert books.exchange.balance("B").unrealized == 400


def test_the_margin_report_adds_up_to_the_balance():
    books = busy()
    books.trade(AAPL, BTO, 100, "200.00")
    books.trade(Option("AAPL", date(2027, 1, 15), Right.PUT, Decimal(150)), STO, 1, "2.00")
    books.trade(Future("CL", 2027, 1), Action.SELL, 1, "70.00")
    report = books.exchange.margin_report("A")
    assert [group.underlying for group in report.groups] == ["/CLF27", "AAPL"]
    assert report.initial == sum(group.initial for group in report.groups) == books.balance().initial_requirement
    assert report.maintenance == sum(group.maintenance for group in report.groups)
    for group in report.groups:
        assert sum(part.requirement for part in group.parts) == group.initial
    assert {part.kind for part in report.groups[1].parts} == {"outright", "naked"}


def test_lots_are_closed_first_in_first_out():
    books = Still(START)
    books.trade(AAPL, BTO, 10, "100.00")
    books.trade(AAPL, BTO, 10, "120.00")
    books.trade(AAPL, STC, 15, "130.00")
    (left,) = books.exchange.lots("A", AAPL)
    assert (left.quantity, left.price, left.cost) == (5, 120, 600)
    assert [(lot.quantity, lot.open_price, lot.realized) for lot in books.account.closed_lots] == [
        (10, 100, 300),
        (5, 120, 50),
    ]
    assert books.account.positions[AAPL].average_open_price == 120


def test_day_trades_are_counted_over_five_sessions():
    books = Still(START)
    for day in ("2026-12-14", "2026-12-16"):
        books.to(ny(day, 12))
        books.trade(AAPL, BTO, 10, "100.00")
        books.trade(AAPL, STC, 5, "100.00")
        books.trade(AAPL, STC, 5, "100.00")
    assert books.balance().day_trades == 2
    books.to(ny("2026-12-21", 12))
    assert books.balance().day_trades == 1
    books.to(ny("2026-12-30", 12))
    assert books.balance().day_trades == 0


def test_the_day_s_sales_are_not_settled_yet_and_its_commissions_are_told():
    books = Still(START)
    books.trade(AAPL, BTO, 10, "100.00")
    books.trade(CALL, BTO, 1, "2.00")
    books.trade(AAPL, STC, 10, "110.00")
    balance = books.balance()
    assert balance.unsettled == books.account.transactions[-1].net_value
    assert balance.commissions_today == -1
    books.to(ny("2026-12-15", 12))
    assert (books.balance().unsettled, books.balance().commissions_today) == (0, 0)


def test_what_is_missing_is_called_for():
    books = Still(START, cash=10_000)
    books.trade(AAPL, BTO, 100, "190.00")
    assert books.balance().maintenance_call == 0
    books.market.set(AAPL, "100.00")
    balance = books.balance()
    assert balance.net_liquidating_value < balance.maintenance_requirement
    assert balance.maintenance_call == balance.maintenance_requirement - balance.net_liquidating_value
    assert balance.initial_call == balance.initial_requirement - balance.net_liquidating_value
    assert balance.maintenance_excess == -balance.maintenance_call
