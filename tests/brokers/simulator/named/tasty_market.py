"""tastytrade's words for the market: halts, closes, sessions, kinds of options."""

from typing import Any

from simulator_server import equity_order

from tests.brokers.simulator.named.rows import Table
from tests.brokers.simulator.named.tasty_stage import Stage, at

HALTS: Table[Stage] = Table(
    "a trading halt", "4.9, 7.5", "is-trading-halted|HALTED|ACTIVE|an order waits|it trades again"
)
CLOSES: Table[Stage] = Table(
    "types of closing prices",
    "4.9",
    "close-price-type=Unknown|close-price-type=Regular|close-price-type=Indicative|close-price-type=Preliminary"
    "|close-price-type=Final|prev-close-price-type=Regular|prev-close-price-type=Final",
)
SESSIONS: Table[Stage] = Table("states of sessions", "4.11", "Open|Closed|Extended|Pre-market")
MOMENTS = {"Open": "15:00", "Closed": "08:00", "Extended": "22:00", "Pre-market": "14:00"}
OPTIONS: Table[Stage] = Table(
    "kinds of options",
    "4.7",
    "expiration-type=Regular|expiration-type=Weekly|expiration-type=Quarterly|expiration-type=End-Of-Month"
    "|option-chain-type=Standard|option-chain-type=Non-standard|settlement-type=AM|settlement-type=PM",
)
MARKET = [HALTS, CLOSES, SESSIONS, OPTIONS]
HALTED = "XLF"


def snapshot(stage: Stage, symbol: str = HALTED) -> dict[str, Any]:
    found: dict[str, Any] = stage.tasty.get("/market-data/by-type", equity=symbol)["data"]["items"][0]
    return found


def halt(stage: Stage, *, halted: bool = True) -> None:
    stage.sim.control("halts", {"symbol": HALTED, "halted": halted, "reason": "T1"})
    stage.sim.inside(lambda world: world.tick())  # it trades again from the market's next step on


@HALTS.way("is-trading-halted")
def told_by_a_snapshot(stage: Stage, name: str) -> str:
    assert snapshot(stage)[name] is False
    halt(stage)
    body = snapshot(stage)
    halt(stage, halted=False)
    assert body["halt-start-time"] > 0 > body["halt-end-time"]
    return next(field for field, value in body.items() if field == name and value is True)


@HALTS.way("HALTED|ACTIVE")
def told_by_a_profile(stage: Stage, name: str) -> str:
    """Who listens hears it at once, and when it is over."""
    with stage.quotes() as socket:
        assert stage.event(socket, "Profile", HALTED, "tradingStatus statusReason")[2] == "ACTIVE"
        halt(stage)
        told = socket.hear(lambda m: m["type"] == "FEED_DATA" and m["data"][1][2] == "HALTED")["data"][1]
        assert told[3] == "T1"
        halt(stage, halted=False)
        if name == "ACTIVE":
            told = socket.hear(lambda m: m["type"] == "FEED_DATA" and m["data"][1][2] == "ACTIVE")["data"][1]
    return str(told[2])


@HALTS.way("an order waits|it trades again")
def no_order_trades(stage: Stage, name: str) -> str:
    """An order at the market is taken and waits; it is filled when the halt is over."""
    halt(stage)
    try:
        number = int(stage.tasty.until(int(stage.tasty.place(equity_order(HALTED))["id"]), "Live")["id"])
        stood = snapshot(stage)["last"]
        stage.sim.clock(jump=30)
        stage.sim.inside(lambda world: world.tick())
        assert (stage.tasty.order(number)["status"], snapshot(stage)["last"]) == ("Live", stood)
    finally:
        halt(stage, halted=False)
    if name == "it trades again":
        stage.tasty.until(number, "Filled")
    return name


@CLOSES.way("close-price-type=Regular|prev-close-price-type=Final")
def close_as_it_is(stage: Stage, name: str) -> str:
    field = name.partition("=")[0]
    return f"{field}={snapshot(stage)[field]}"


@CLOSES.way()
def close_in_other_words(stage: Stage, name: str) -> str:
    stage.fault("market_field", kind=name, symbol=HALTED)
    field, _, word = name.partition("=")
    assert snapshot(stage, "KO")[field] != word
    return f"{field}={snapshot(stage)[field]}"


@SESSIONS.way()
def session(stage: Stage, name: str) -> str:
    with at(f"2026-11-20T{MOMENTS[name]}") as hour:
        return str(hour.tasty.get("/market-time/equities/sessions/current")["data"]["state"])


@OPTIONS.way()
def in_a_chain(stage: Stage, name: str) -> str:
    field, _, word = name.partition("=")
    for symbol in ("SPX", "SPY", "T"):
        for item in stage.tasty.get(f"/option-chains/{symbol}/compact")["data"]["items"]:
            if item[field] == word:
                return f"{field}={item[field]}"
    return ""
