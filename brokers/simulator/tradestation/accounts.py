"""Accounts as TradeStation lists them (section 4.1, B1), and the positions of B4."""

from typing import Any

from brokers.simulator.dressing import dressed_account
from brokers.simulator.exchange import SimAccount, Standing
from brokers.simulator.tradestation.gate import Ask
from brokers.simulator.tradestation.names import accounts_of, ts_account
from brokers.simulator.tradestation.positions import SymbolFilter, position_json
from brokers.simulator.tradestation.symbols import to_wire

TYPES = {"margin": "Margin", "cash": "Cash", "futures": "Futures"}
STATUSES = {
    Standing.ACTIVE: "Active",
    Standing.CLOSING_ONLY: "Closing Transaction Only",
    Standing.MARGIN_CALL: "Margin Call - Closing Transactions Only",
    Standing.NINETY_DAYS: "90 Day Restriction-Closing Transaction Only",
    Standing.LIQUIDATING: "Liquidating Transactions Only",
    Standing.RESTRICTED: "Restricted",
    Standing.INACTIVE: "Inactive",
    Standing.CLOSED: "Closed",
}


def list_accounts(ask: Ask) -> Any:
    """No money here, no pages, no ``Errors``; futures accounts come first and have no detail."""
    return {"Accounts": [_shown(account, ask) for account in accounts_of(ask.world, ask.caller.user)]}


def _shown(account: SimAccount, ask: Ask) -> dict[str, Any]:
    return dressed_account(account_json(account), ask.world.faults, (account.number, ts_account(account)))


def account_json(account: SimAccount) -> dict[str, Any]:
    body: dict[str, Any] = {
        "AccountID": ts_account(account),
        "Currency": "USD",
        "Status": STATUSES[account.standing],
        "AccountType": TYPES[account.kind],
    }
    if account.kind != "futures":
        body["AccountDetail"] = {
            "IsStockLocateEligible": False,
            "EnrolledInRegTProgram": account.kind == "margin",
            "RequiresBuyingPowerWarning": account.kind == "margin",
            "CryptoEnabled": False,
            "DayTradingQualified": True,
            "OptionApprovalLevel": account.option_level,
            "PatternDayTrader": False,
        }
    return body


def list_positions(ask: Ask) -> Any:
    wanted = SymbolFilter(ask.query.get("symbol", ""))
    accounts, errors = ask.accounts()
    rows = [
        position_json(position, ask.world)
        for account in accounts
        for position in ask.world.exchange.positions(account.number)
        if to_wire(position.instrument) in wanted
    ]
    return {"Positions": rows, "Errors": errors}
