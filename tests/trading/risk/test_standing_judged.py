"""Who may send at all: halts, connection, account, symbols; and all findings are told at once."""

from dataclasses import replace

from risk_scene import (
    CALL_110,
    FREE,
    RICH,
    WIDE,
    XYZ,
    buy,
    found,
    holding,
    kinds,
    scene,
    sell,
)

from brokers.domain.orders import Action
from trading.risk import (
    HaltNote,
    Sent,
    Standing,
    TradingState,
)

BTO, STO, BTC, STC = Action.BUY_TO_OPEN, Action.SELL_TO_OPEN, Action.BUY_TO_CLOSE, Action.SELL_TO_CLOSE


def test_a_halt_stops_everything_and_says_why() -> None:
    halted = Standing(TradingState.HALTED, (HaltNote("tastytrade", TradingState.HALTED, "odd fills"),))
    finding = found(buy("1"), scene(standing=halted), WIDE)["KILL_SWITCH"]
    assert finding.hard
    assert "odd fills" in finding.words
    assert "KILL_SWITCH" in kinds(sell("1"), scene(holding(XYZ, "1"), standing=halted), WIDE)


def test_reducing_lets_only_smaller_things_out() -> None:
    reducing = Standing(TradingState.REDUCING)
    setting = scene(holding(XYZ, "10"), standing=reducing)
    assert kinds(sell("10"), setting, WIDE) == {}
    assert kinds(buy("1"), setting, WIDE) == {"KILL_SWITCH": "hard"}


def test_connection_account_and_first_live_order_are_looked_at() -> None:
    assert kinds(buy("1"), scene(not_ready="Sign in again."), WIDE) == {"CONNECTION_NOT_READY": "hard"}
    assert kinds(buy("1"), scene(not_allowed="It is closed."), WIDE) == {"ACCOUNT_NOT_ALLOWED": "hard"}
    assert kinds(buy("1"), scene(first_live_order=True), WIDE) == {"NEW_DESTINATION": "soft"}


def test_denied_symbols_take_their_options_with_them() -> None:
    limits = replace(FREE, denied_symbols=frozenset({"XYZ"}))
    assert kinds(buy("1"), RICH, limits) == {"NOT_ALLOWED": "hard"}
    assert kinds(buy("1", "2.00", CALL_110), RICH, limits) == {"NOT_ALLOWED": "hard"}


def test_all_findings_are_told_at_once() -> None:
    setting = scene(refusals=5, sent=Sent(9, 9, 9), not_ready="Sign in again.")
    assert set(kinds(buy("20000", "200.00"), setting)) == {
        "CONNECTION_NOT_READY", "ORDER_QTY", "ORDER_NOTIONAL", "POSITION_LIMIT", "PRICE_COLLAR", "RATE_SHORT",
        "RATE_REJECTS", "BUYING_POWER", "CONCENTRATION",
    }  # fmt: skip
