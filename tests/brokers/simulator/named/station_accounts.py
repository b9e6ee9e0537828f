"""TradeStation's words for accounts, and the flags of its quotes."""

from collections.abc import Callable
from typing import Any

from tests.brokers.simulator.named.rows import Table
from tests.brokers.simulator.named.station_orders import message, reached
from tests.brokers.simulator.named.station_stage import Body, Stage

STATUSES: Table[Stage] = Table(
    "statuses of accounts",
    "4.1",
    "Active|Closed|Closing Transaction Only|Closing Transactions Only|Margin Call - Closing Transactions Only|Inactive"
    "|Liquidating Transactions Only|Restricted|90 Day Restriction-Closing Transaction Only",
)
TYPES: Table[Stage] = Table("types of accounts", "4.1", "Cash|Margin|Futures|DVP|forex|Crypto")
LEVELS: Table[Stage] = Table("levels of approval", "4.1", "0|1|2|3|4|5")
FLAGS: Table[Stage] = Table("flags of a quote", "4.2", "IsDelayed|IsHardToBorrow|IsBats|IsHalted")
KINDS: Table[Stage] = Table("kinds of expirations", "4.4", "Weekly|Monthly|Quarterly|EOM")
ACCOUNTS = [STATUSES, TYPES, LEVELS, FLAGS, KINDS]
STANDINGS = {
    "Active": "active",
    "Closed": "closed",
    "Closing Transaction Only": "closing_only",
    "Margin Call - Closing Transactions Only": "margin_call",
    "Inactive": "inactive",
    "Liquidating Transactions Only": "liquidating",
    "Restricted": "restricted",
    "90 Day Restriction-Closing Transaction Only": "ninety_days",
}
HALTED = "XLF"


def account(stage: Stage, number: str = "") -> Body:
    rows: list[Body] = stage.ask("GET", "brokerage/accounts").json()["Accounts"]
    return next(row for row in rows if row["AccountID"] == (number or stage.account))


@STATUSES.way("|".join(STANDINGS))
def stands(stage: Stage, name: str) -> str:
    """It is told, and the orders are refused that it forbids."""
    stage.sim.control("accounts", {"account": stage.account, "standing": STANDINGS[name]})
    opened = stage.send(stage.body(limit="1.00"))
    closed = stage.send(stage.body("AAPL", 5, "SELL", limit="9000.00"))
    assert ("Errors" in opened) == (name != "Active"), opened
    assert ("Errors" in closed) == (name in ("Closed", "Inactive", "Restricted")), closed
    if name != "Active":
        assert "may only close" in message(opened) or "not open for trading" in message(opened)
    return str(account(stage)["Status"])


@STATUSES.way()
def in_the_plural(stage: Stage, name: str) -> str:
    stage.fault("account_field", kind=f"Status={name}", account=stage.account)
    return str(account(stage)["Status"])


@TYPES.way("Cash|Margin|Futures")
def type_as_it_is(stage: Stage, name: str) -> str:
    number = {"Cash": "SIM5000002M", "Futures": "SIM5000004F"}.get(name, stage.account)
    return str(account(stage, number)["AccountType"])


@TYPES.way()
def type_in_other_words(stage: Stage, name: str) -> str:
    stage.fault("account_field", kind=f"AccountType={name}", account=stage.account)
    assert account(stage, "SIM5000001M")["AccountType"] == "Margin"
    return str(account(stage)["AccountType"])


@LEVELS.way()
def approved(stage: Stage, name: str) -> str:
    stage.sim.control("accounts", {"account": stage.account, "option_level": int(name)})
    return str(account(stage)["AccountDetail"]["OptionApprovalLevel"])


def flag(stage: Stage, symbol: str, name: str) -> bool:
    [quote] = stage.ask("GET", f"marketdata/quotes/{symbol}").json()["Quotes"]
    return quote["MarketFlags"][name] is True


@FLAGS.way("IsHalted")
def halted(stage: Stage, name: str) -> str:
    """In quotes and on the stream; an order waits meanwhile."""
    assert not flag(stage, HALTED, name)
    with stage.market(f"quotes/{HALTED}") as stream:
        stream.until(has_flag(name, False))
        stage.sim.control("halts", {"symbol": HALTED})
        try:
            stream.until(has_flag(name, True))
            assert flag(stage, HALTED, name)
            number = stage.sent(symbol=HALTED)
            reached(stage, number, "ACK")
        finally:
            stage.sim.control("halts", {"symbol": HALTED, "halted": False})
        stream.until(has_flag(name, False))
    reached(stage, number, "FLL")
    return name


def has_flag(name: str, value: bool) -> Callable[[Body], Any]:
    return lambda each: each.get("MarketFlags", {}).get(name) is value


@FLAGS.way("IsHardToBorrow")
def hard_to_borrow(stage: Stage, name: str) -> str:
    symbol = stage.sim.inside(
        lambda world: next(one.symbol for one in world.market.listings.values() if one.borrow == "hard")
    )
    return name if flag(stage, symbol, name) and not flag(stage, "SPY", name) else ""


@FLAGS.way()
def flagged(stage: Stage, name: str) -> str:
    stage.fault("market_field", kind=f"{name}=true", symbol="KO")
    return name if flag(stage, "KO", name) and not flag(stage, "SPY", name) else ""


@KINDS.way()
def expires(stage: Stage, name: str) -> str:
    for symbol in ("$SPX.X", "SPY", "AAPL"):
        rows = stage.ask("GET", f"marketdata/options/expirations/{symbol}").json()["Expirations"]
        if name in (found := {row["Type"] for row in rows}):
            return next(each for each in found if each == name)
    return ""
