"""tastytrade's words for accounts, their standing and their history."""

from simulator_server import equity_order
from tasty_client import Body

from tests.brokers.simulator.named.rows import Table
from tests.brokers.simulator.named.tasty_orders import refused
from tests.brokers.simulator.named.tasty_stage import Stage

WORDS: Table[Stage] = Table(
    "words of accounts",
    "4.1",
    "authority-level=owner|authority-level=trade-only|authority-level=read-only|margin-or-cash=Margin"
    "|margin-or-cash=Cash|account-type-name=Individual|account-type-name=Joint Tenants with Right of Survivorship"
    "|account-type-name=Traditional IRA|account-type-name=Roth IRA|options-level=No Restrictions"
    "|options-level=Covered And Cash Secured|options-level=Defined Risk Spreads"
    "|equities-margin-calculation-type=Reg T|equities-margin-calculation-type=Cash Secured Margin"
    "|equities-margin-calculation-type=Portfolio Margin|equities-margin-calculation-type=IRA Margin"
    "|equities-margin-calculation-type=Cash",
)
STANDINGS: Table[Stage] = Table(
    "standings of accounts", "4.1", "is-closing-only|is-in-margin-call|is-risk-reducing-only|is-frozen|is-closed"
)
HISTORY: Table[Stage] = Table(
    "kinds of transactions",
    "4.6",
    "Trade|Receive Deliver|Money Movement|Buy to Open|Sell to Open|Buy to Close|Sell to Close|Buy|Sell|Deposit"
    "|Withdrawal|Dividend|Credit Interest|Debit Interest|Balance Adjustment|Fee|Mark to Market|Assignment|Exercise"
    "|Expiration|Cash Settled Assignment|Cash Settled Exercise|Symbol Change|Forward Split|Reverse Split|ACAT|Transfer"
    "|Special Dividend",
)
ACCOUNTS = [WORDS, STANDINGS, HISTORY]
TYPES = ("Trade", "Receive Deliver", "Money Movement")
STANDING = {
    "is-closing-only": "closing_only",
    "is-in-margin-call": "margin_call",
    "is-risk-reducing-only": "liquidating",
    "is-frozen": "restricted",
    "is-closed": "closed",
}


def mine(stage: Stage) -> Body:
    rows = stage.tasty.get("/customers/me/accounts")["data"]["items"]
    return next(row for row in rows if row["account"]["account-number"] == stage.tasty.number)


def shown(stage: Stage, field: str) -> str:
    """The field as it is told of the account, wherever it stands."""
    row, status = mine(stage), stage.tasty.mine("/trading-status")["data"]
    return f"{field}={({**status, **row['account'], **row})[field]}"


@WORDS.way("authority-level=owner|margin-or-cash=Margin|account-type-name=Individual|options-level=No Restrictions")
def as_it_is(stage: Stage, name: str) -> str:
    return shown(stage, name.partition("=")[0])


@WORDS.way("equities-margin-calculation-type=Reg T")
def margin_as_it_is(stage: Stage, name: str) -> str:
    return shown(stage, name.partition("=")[0])


@WORDS.way("margin-or-cash=Cash|equities-margin-calculation-type=Cash Secured Margin")
def of_a_cash_account(stage: Stage, name: str) -> str:
    stage.tasty.number = "5WT00002"
    return shown(stage, name.partition("=")[0])


@WORDS.way("options-level=Covered And Cash Secured|options-level=Defined Risk Spreads")
def of_a_level(stage: Stage, name: str) -> str:
    level = 1 if "Covered" in name else 3
    stage.sim.control("accounts", {"account": stage.tasty.number, "option_level": level})
    return shown(stage, "options-level")


@WORDS.way()
def dressed(stage: Stage, name: str) -> str:
    """What nothing leads to here."""
    stage.fault("account_field", kind=name, account=stage.tasty.number)
    others = [row for row in stage.tasty.get("/customers/me/accounts")["data"]["items"] if row != mine(stage)]
    field, _, word = name.partition("=")
    assert others
    assert word not in [row.get(field, row["account"].get(field)) for row in others]
    return shown(stage, field)


@STANDINGS.way()
def stands(stage: Stage, name: str) -> str:
    """It is told, a reader of the stream hears it, and orders that open are refused."""
    with stage.streamer() as socket:
        stage.sim.control("accounts", {"account": stage.tasty.number, "standing": STANDING[name]})
        assert socket.hear(lambda m: m.get("type") == "TradingStatus")["data"][name] is True
    status = stage.tasty.mine("/trading-status")["data"]
    assert refused(stage.tasty, equity_order("F", price="1.00"))
    closing = equity_order("AAPL", 5, price="9999.00", action="Sell to Close")
    assert stage.send(closing).status_code == (422 if name in ("is-frozen", "is-closed") else 201)
    assert mine(stage)["account"]["is-closed"] is (name == "is-closed")
    return next(field for field, value in status.items() if field == name and value is True)


def history(stage: Stage, name: str) -> str:
    """The newest entry's type or kind, whichever the name is of."""
    found = stage.tasty.mine("/transactions")["data"]["items"][0]
    return str(found["transaction-type" if name in TYPES else "transaction-sub-type"])


@HISTORY.way("Trade|Buy to Open|Sell to Close")
def traded(stage: Stage, name: str) -> str:
    order = equity_order("AAPL", 5, action="Sell to Close") if name.startswith("Sell") else equity_order("F")
    stage.tasty.until(int(stage.tasty.place(order)["id"]), "Filled")
    return history(stage, name)


@HISTORY.way("Money Movement|Deposit|Withdrawal")
def paid(stage: Stage, name: str) -> str:
    amount = "-5" if name == "Withdrawal" else "5"
    stage.sim.control("orders", {"action": "deposit", "account": stage.tasty.number, "amount": amount})
    return history(stage, name)


@HISTORY.way()
def written_over(stage: Stage, name: str) -> str:
    """A line of history in other words: what takes months to come about, or does not happen here."""
    stage.sim.control("orders", {"action": "deposit", "account": stage.tasty.number, "amount": "5"})
    field = "transaction-type" if name in TYPES else "transaction-sub-type"
    stage.fault("account_field", kind=f"{field}={name}", account=stage.tasty.number)
    return history(stage, name)
