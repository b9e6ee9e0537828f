"""Dividends: who holds at the ex date is owed them, and gets (or, short, pays) them on the pay date."""

from collections.abc import Iterator
from datetime import date, datetime

from brokers.domain.instruments import Equity
from brokers.simulator.exchange.books.accounts import DividendDue, SimAccount
from brokers.simulator.exchange.books.ledger import book_money
from brokers.simulator.exchange.books.lots import cents
from brokers.simulator.market.market import Market


def entitle(account: SimAccount, share: Equity, market: Market, day: date) -> None:
    """Note what a holding earns on a day, if that is the share's ex date."""
    quantity = account.positions[share].quantity
    for found in market.dividends(share):
        if found.ex_date == day:
            owed = cents(quantity * found.amount)
            account.dividends_due.append(DividendDue(share, found.ex_date, found.pay_date, owed))


def pay(account: SimAccount, at: datetime, day: date, ids: Iterator[int]) -> None:
    """Enter the dividends whose pay date has come."""
    due = [one for one in account.dividends_due if one.pay_date <= day]
    account.dividends_due = [one for one in account.dividends_due if one.pay_date > day]
    for one in due:
        words = f"Cash dividend on {one.instrument}, ex {one.ex_date:%m/%d/%y}"
        book_money(account, "dividend", one.amount, words, at, day, ids, one.instrument)
