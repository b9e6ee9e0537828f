"""Accounts, figures and holdings through the port, at the simulator: the same of every broker."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from any_broker import Desk, since
from simulator_server import SimulatorServer

from brokers.domain.accounts import AccountKind
from brokers.domain.instruments import Future, Option
from brokers.errors import Refused


def test_accounts_and_their_figures_are_read(desk: Desk) -> None:
    accounts = {account.number: account for account in desk.broker.get_accounts()}
    assert accounts.keys() >= {*desk.accounts, desk.account}
    assert {AccountKind.MARGIN, AccountKind.CASH} <= {account.kind for account in accounts.values()}
    assert all(account.can_trade and not account.is_closed for account in accounts.values())
    for number in desk.accounts:
        balance = desk.broker.get_balance(number)
        assert (balance.account_number, balance.currency) == (number, "USD")
        assert balance.net_liquidating_value
        assert balance.stock_buying_power is not None
        assert balance.as_of.tzinfo is not None
    fresh = desk.broker.get_balance(desk.account)
    assert (fresh.cash, fresh.net_liquidating_value) == (200_000, 200_000)


def test_holdings_are_signed_and_sized(desk: Desk) -> None:
    rows = {number: desk.broker.get_positions(number) for number in desk.accounts}
    everything = [row for each in rows.values() for row in each]
    assert all(row.account_number == number for number, each in rows.items() for row in each)
    assert any(isinstance(row.instrument, Option) and row.quantity < 0 for row in everything)
    assert any(isinstance(row.instrument, Future) and row.multiplier > 1 for row in everything)
    assert all(row.quantity and row.multiplier > 0 and row.average_open_price for row in everything)
    assert desk.broker.get_positions(desk.account) == []


def test_cash_and_holdings_add_up_to_the_brokers_own_net_worth(desk: Desk) -> None:
    account = next(each for each in desk.broker.get_accounts() if each.kind is AccountKind.CASH)
    balance, held = desk.broker.get_balance(account.number), desk.broker.get_positions(account.number)
    assert held
    assert balance.cash is not None
    assert balance.net_liquidating_value is not None
    worth = sum((row.quantity * row.multiplier * (row.mark or Decimal(0)) for row in held), balance.cash)
    assert abs(worth - balance.net_liquidating_value) < balance.net_liquidating_value * Decimal("0.005")


def test_an_accounts_history_is_read_whole_or_said_not_to_be_had(desk: Desk) -> None:
    account = desk.with_a_past()
    if not desk.can.has_history:
        with pytest.raises(Refused):
            desk.broker.get_transactions(account, date(2020, 1, 1))
        return
    lines = desk.broker.get_transactions(account, date(2020, 1, 1))
    assert lines
    assert any(line.instrument is not None and line.action is not None for line in lines)
    assert any(line.instrument is None and line.net_value > 0 for line in lines)  # money paid in
    assert all(line.fees <= 0 and line.account_number == account for line in lines)
    assert len({line.transaction_id for line in lines}) == len(lines)
    assert desk.broker.get_transactions(account, date(2020, 1, 1), date(2020, 1, 2)) == []


def test_the_figures_of_days_before_are_read_or_said_not_to_be_had(desk: Desk) -> None:
    account = desk.with_a_past()
    opening = desk.broker.get_opening_balance(account)
    assert (opening.account_number, opening.is_opening) == (account, True)
    assert opening.net_liquidating_value
    if not desk.can.has_balance_history:
        with pytest.raises(Refused):
            desk.broker.get_balance_history(account, since())
        return
    past = desk.broker.get_balance_history(account, since() - timedelta(days=10))
    days = [each.day for each in past]
    assert len(days) >= 3
    assert days == sorted(set(days))
    assert all(each.net_liquidating_value and not each.is_opening for each in past)


def test_a_strangers_account_is_an_error_and_not_an_empty_one(desk: Desk, sim: SimulatorServer) -> None:
    other = Desk(sim, desk.name, user="other").account
    for call in (
        desk.broker.get_balance,
        desk.broker.get_positions,
        lambda number: desk.broker.get_orders(number, since()),
    ):
        with pytest.raises(Refused):
            call(other)
