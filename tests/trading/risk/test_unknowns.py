"""What is missing or stale is never taken for good: each missing input is denied by the control that needs it."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from risk_scene import CALL_110, ES, WIDE, XYZ, a_balance, ago, buy, found, holding, leg, quotes, scene, sell, ticket

from brokers.domain.accounts import Restrictions
from brokers.domain.market import MarketState
from brokers.domain.orders import Action, OrderTicket
from trading.risk import Snapshot, TradingState, grows, unmet

HELD = holding(XYZ, "10")
SHORT_CALL = ticket(leg(CALL_110, Action.SELL_TO_OPEN), limit="2.00")
FUTURE = ticket(leg(ES, Action.BUY), limit="6300.00")
NO_QUOTES: Any = {}
ONE_SIDED = quotes() | {XYZ: replace(quotes()[XYZ], bid=None)}
UNTOLD = quotes() | {XYZ: replace(quotes()[XYZ], halted=None)}

MISSING: list[tuple[str, OrderTicket, Snapshot, str]] = [
    ("halts", buy(), scene(standing=None), "KILL_SWITCH"),
    ("halts, closing", sell(), scene(HELD, standing=None), "KILL_SWITCH"),
    ("readiness", buy(), scene(not_ready=None), "CONNECTION_NOT_READY"),
    ("rights", buy(), scene(not_allowed=None), "ACCOUNT_NOT_ALLOWED"),
    ("restrictions", buy(), scene(restrictions=None), "ACCOUNT_NOT_ALLOWED"),
    ("restrictions, closing", sell(), scene(HELD, restrictions=None), "ACCOUNT_NOT_ALLOWED"),
    ("stale restrictions", buy(), scene(restrictions=Restrictions("A1", ago(901))), "ACCOUNT_NOT_ALLOWED"),
    ("whether it is halted", buy(), scene(quotes=UNTOLD), "NOT_ALLOWED"),
    ("whether it is halted, to market", buy("1", None), scene(quotes=UNTOLD), "NOT_ALLOWED"),
    ("capabilities", buy(), scene(capabilities=None), "COMBINATION"),
    ("details", buy(), scene(details={}), "INSTRUMENT_UNKNOWN"),
    ("multiplier of a future", FUTURE, scene(details={}), "ORDER_NOTIONAL"),
    ("quotes", buy(), scene(quotes=NO_QUOTES), "QUOTE_STALE"),
    ("quotes, to market", buy("1", None), scene(quotes=NO_QUOTES), "QUOTE_STALE"),
    ("quotes, at a stop", buy("1", None, stop="110.00"), scene(quotes=NO_QUOTES), "QUOTE_STALE"),
    ("worth of a market order", buy("1", None), scene(quotes=NO_QUOTES), "ORDER_NOTIONAL"),
    ("one side", buy(), scene(quotes=ONE_SIDED), "QUOTE_STALE"),
    ("age of quotes", buy(), scene(quotes_at=None), "QUOTE_STALE"),
    ("stale quotes", buy(), scene(quotes_at=ago(6)), "QUOTE_STALE"),
    ("stale quotes, to market", buy("1", None), scene(quotes_at=ago(6)), "QUOTE_STALE"),
    ("balance", buy(), scene(balance=None), "BUYING_POWER"),
    ("equity", buy(), scene(balance=a_balance(net_liquidating_value=None)), "CONCENTRATION"),
    ("buying power", buy(), scene(balance=a_balance(stock_buying_power=None)), "BUYING_POWER"),
    ("buying power for options", buy("1", "2.00", CALL_110), scene(balance=a_balance(option_buying_power=None)),
     "BUYING_POWER"),
    ("age of the balance", buy(), scene(figures_at=None), "BUYING_POWER"),
    ("stale balance", buy(), scene(figures_at=ago(16)), "BUYING_POWER"),
    ("reservations", buy(), scene(reserved=None), "BUYING_POWER"),
    ("a future's margin", FUTURE, scene(), "BUYING_POWER"),
    ("positions", buy(), scene(positions=None), "POSITION_LIMIT"),
    ("positions, closing", sell(), scene(positions=None), "OVERSELL"),
    ("positions, selling an option", SHORT_CALL, scene(positions=None), "SHORT_OPTION"),
    ("positions, a future", FUTURE, scene(positions=None), "OVERSELL"),
    ("working orders", buy(), scene(working=None), "OPEN_ORDERS"),
    ("working orders, closing", sell(), scene(HELD, working=None), "OVERSELL"),
    ("twins", buy(), scene(twins=None), "DUPLICATE_LIKE"),
    ("rates", buy(), scene(sent=None), "RATE_SHORT"),
    ("what all sent", buy(), scene(sent_by_all=None), "PLATFORM_CAP"),
    ("what was sent before", buy(), scene(habits=None), "SIZE_JUMP"),
    ("hours, to market", buy("1", None), scene(hours={}), "MARKET_ORDER_GUARD"),
    ("hours in an odd word, to market", buy("1", None), scene(hours={XYZ: MarketState.UNKNOWN}), "MARKET_ORDER_GUARD"),
    ("refusals", buy(), scene(refusals=None), "RATE_REJECTS"),
    ("the day's gain", buy(), scene(replace(HELD, day_open_price=None), opening_value=None), "DAILY_LOSS"),
    ("price of what is held", buy("1", "2.00", CALL_110),
     scene(HELD, quotes={one: quote for one, quote in quotes().items() if one != XYZ}), "POSITION_LIMIT"),
]  # fmt: skip
SOFT = {
    "quotes", "one side", "age of quotes", "stale quotes", "equity", "the day's gain", "price of what is held",
    "what was sent before", "whether it is halted",
}  # fmt: skip


@pytest.mark.parametrize(("what", "order", "setting", "code"), MISSING, ids=[row[0] for row in MISSING])
def test_what_is_missing_is_denied(what: str, order: OrderTicket, setting: Snapshot, code: str) -> None:
    findings = found(order, setting, WIDE)
    assert code in findings, sorted(findings)
    assert findings[code].hard is (what not in SOFT)
    assert unmet(findings.values()), "without a confirmation nothing goes out"


@pytest.mark.parametrize(("what", "order", "setting", "code"), MISSING, ids=[row[0] for row in MISSING])
def test_the_same_order_goes_out_when_all_is_known(what: str, order: OrderTicket, setting: Snapshot, code: str) -> None:
    """The twin: the denial above is for the missing figure alone."""
    from trading.risk import Effect

    held = (HELD,) if (setting.positions and HELD in setting.positions) or order == sell() else ()
    if order == SHORT_CALL:
        held = (holding(XYZ, "100"),)
    known = scene(*held, effect=Effect(Decimal(-15_000)) if order == FUTURE else None)
    assert code not in found(order, known, WIDE)


def test_the_reason_is_in_the_words() -> None:
    setting = scene(balance=None, troubles={"balance": "The broker can't be reached."})
    assert "(The broker can't be reached)" in found(buy(), setting, WIDE)["BUYING_POWER"].words


def test_what_a_broker_never_tells_asks_instead_of_denying() -> None:
    from brokers import registry

    quiet = scene(capabilities=registry.spec("tradestation").capabilities)
    assert not found(FUTURE, quiet, WIDE)["BUYING_POWER"].hard


def test_reducing_lets_nothing_out_while_holdings_are_unknown() -> None:
    assert grows(sell(), scene(positions=None))
    assert grows(sell(), scene(HELD, working=None))
    assert not grows(sell(), scene(HELD))
    assert TradingState.HALTED.severity > TradingState.REDUCING.severity > TradingState.ACTIVE.severity
