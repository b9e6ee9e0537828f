"""Balances of now and of the day's beginning (section 4.1, B2 and B3). Dollars; equity is cash and market value."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from brokers.simulator.exchange import SimAccount, SimBalance
from brokers.simulator.tradestation.accounts import TYPES
from brokers.simulator.tradestation.answers import decimal
from brokers.simulator.tradestation.gate import Ask
from brokers.simulator.tradestation.names import ts_account

if TYPE_CHECKING:
    from brokers.simulator.world import World

ZERO = Decimal(0)
DAY_TRADE_SHARE = Decimal(4)


def list_balances(ask: Ask) -> Any:
    accounts, errors = ask.accounts()
    return {"Balances": [balance_json(account, ask.world) for account in accounts], "Errors": errors}


def list_bod_balances(ask: Ask) -> Any:
    accounts, errors = ask.accounts()
    return {"BODBalances": [bod_json(account, ask.world) for account in accounts], "Errors": errors}


def balance_json(account: SimAccount, world: "World") -> dict[str, Any]:
    balance = world.exchange.balance(account.number)
    futures = account.kind == "futures"
    body: dict[str, Any] = {
        "AccountID": ts_account(account),
        "AccountType": TYPES[account.kind],
        "CashBalance": money(cash(balance)),
        "BuyingPower": money(balance.derivative_buying_power if futures else balance.equity_buying_power),
        "Equity": money(balance.net_liquidating_value),
        "MarketValue": money(contract_value(balance) if futures else market_value(balance)),
        "TodaysProfitLoss": money(balance.unrealized_today),
        "UnclearedDeposit": "0",
        "BalanceDetail": futures_detail(balance) if futures else equities_detail(account, balance, world),
    }
    if futures:
        body["CurrencyDetails"] = [currency_json(balance)]
    return body | {"Commission": money(abs(balance.commissions_today))}


def cash(balance: SimBalance) -> Decimal:
    """Cash with what closed futures have brought today, which the exchange moves into it at the settlement."""
    return balance.cash + balance.futures_realized


def market_value(balance: SimBalance) -> Decimal:
    """What the account would be worth beyond its cash."""
    return balance.net_liquidating_value - cash(balance)


def contract_value(balance: SimBalance) -> Decimal:
    """What the futures held stand for."""
    return balance.long_futures_value + balance.short_futures_value


def cost_of_positions(account: SimAccount) -> Decimal:
    return sum((position.cost for position in account.positions.values() if position.quantity), ZERO)


def equities_detail(account: SimAccount, balance: SimBalance, world: "World") -> dict[str, str]:
    options = balance.long_derivative_value - balance.short_derivative_value
    return {
        "CostOfPositions": money(cost_of_positions(account)),
        "DayTrades": str(balance.day_trades),
        "MaintenanceRate": money(balance.maintenance_requirement),
        "OptionBuyingPower": money(balance.derivative_buying_power),
        "OptionsMarketValue": money(options),
        "OvernightBuyingPower": money(balance.equity_buying_power),
        "RequiredMargin": money(balance.initial_requirement),
        "UnsettledFunds": money(balance.unsettled),
        "DayTradeExcess": money(balance.derivative_buying_power),
        "RealizedProfitLoss": money(balance.realized_today),
        "UnrealizedProfitLoss": money(balance.unrealized),
    }


def futures_detail(balance: SimBalance) -> dict[str, str]:
    gain = money(balance.open_trade_equity)
    return {
        "DayTradeExcess": money(balance.derivative_buying_power),
        "RealizedProfitLoss": money(balance.realized_today),
        "UnrealizedProfitLoss": gain,
        "DayTradeOpenOrderMargin": money(balance.reserved / DAY_TRADE_SHARE),
        "OpenOrderMargin": money(balance.reserved),
        "DayTradeMargin": money(balance.futures_initial_margin / DAY_TRADE_SHARE),
        "InitialMargin": money(balance.futures_initial_margin),
        "MaintenanceMargin": money(balance.futures_maintenance_margin),
        "TradeEquity": gain,
        "SecurityOnDeposit": "0",
        "TodayRealTimeTradeEquity": gain,
    }


def currency_json(balance: SimBalance) -> dict[str, str]:
    return {
        "Currency": "USD",
        "Commission": money(abs(balance.commissions_today)),
        "CashBalance": money(cash(balance)),
        "RealizedProfitLoss": money(balance.realized_today),
        "UnrealizedProfitLoss": money(balance.open_trade_equity),
        "InitialMargin": money(balance.futures_initial_margin),
        "MaintenanceMargin": money(balance.futures_maintenance_margin),
        "AccountConversionRate": "1",
    }


# The day's beginning


def bod_json(account: SimAccount, world: "World") -> dict[str, Any]:
    """As the account stood when the session began; an account opened since then stood at nothing."""
    _, balance = next(iter(world.exchange.balance_snapshots(account.number, "BOD")), (None, None))
    body: dict[str, Any] = {"AccountID": ts_account(account), "AccountType": TYPES[account.kind]}
    if account.kind != "futures":
        return body | {"BalanceDetail": bod_equities(balance)}
    equity = money(balance.net_liquidating_value) if balance else "0"
    held = money(cash(balance)) if balance else "0"
    gain = money(balance.open_trade_equity) if balance else "0"
    detail = {"Equity": equity, "CashAvailableToWithdraw": held, "NetCash": held}
    body["BalanceDetail"] = detail | {"OpenTradeEquity": gain, "SecurityOnDeposit": "0"}
    currency = {"Currency": "USD", "CashBalance": held, "AccountOpenTradeEquity": gain, "AccountSecurities": "0"}
    return body | {"CurrencyDetails": [currency | {"OpenTradeEquity": gain, "Securities": "0"}]}


def bod_equities(balance: SimBalance | None) -> dict[str, str]:
    if balance is None:
        names = ("Equity", "NetCash", "OptionBuyingPower", "OptionValue", "OvernightBuyingPower")
        return dict.fromkeys(("AccountBalance", "CashAvailableToWithdraw", *names), "0") | {
            "DayTradingMarginableBuyingPower": "0",
            "DayTrades": "0",
        }
    return {
        "AccountBalance": money(balance.cash),
        "CashAvailableToWithdraw": money(max(ZERO, min(balance.cash, balance.derivative_buying_power))),
        "DayTradingMarginableBuyingPower": money(balance.day_trading_buying_power),
        "DayTrades": str(balance.day_trades),
        "Equity": money(balance.net_liquidating_value),
        "NetCash": money(balance.cash),
        "OptionBuyingPower": money(balance.derivative_buying_power),
        "OptionValue": money(balance.long_derivative_value - balance.short_derivative_value),
        "OvernightBuyingPower": money(balance.equity_buying_power),
    }


def money(amount: Decimal) -> str:
    """Dollars to the cent."""
    return decimal(amount, 2)
