"""Every kind of frame on TradeStation's streams: data, control messages, errors, goodbyes, and old tick bars."""

from collections.abc import Callable
from typing import Any

import pytest
from stream_reader import Ended, OpenStream

from tests.brokers.simulator.named.rows import Table
from tests.brokers.simulator.named.station_stage import Body, Stage

FRAMES: Table[Stage] = Table(
    "messages",
    "7.2, 7.3, 7.4",
    "Heartbeat|EndSnapshot|GoAway of v2|GoAway of v3|Deleted|quote|quote changes|bar of history|end of history|open bar"
    "|option chain|option quotes|depth quotes|depth aggregates|order|order by id|position|position changes",
)
ERRORS: Table[Stage] = Table(
    "stream errors",
    "7.5",
    "market BadRequest|market DualLogon|market GoAway|market InternalServerError|symbol FAILED, EX_INVALID_SYMBOL"
    "|symbol FAILED, EX_NOT_ENTITLED|symbol FAILED, EX_NO_DATA_AVAILABLE|symbol DualLogon|symbol DATAFEED_NOT_CONNECTED"
    "|symbol RESET|symbol TIMEOUT|orders Forbidden|orders InternalServerError|orders ServiceUnavailable"
    "|orders GatewayTimeout|orders Failed|positions Forbidden|positions InternalServerError|by id NotFound",
)
OPENING: Table[Stage] = Table("refusals to open", "7.5", "401|403|404|429")
TICK_BARS: Table[Stage] = Table("tick bars", "7.8", "END|ERROR - |bit 0|bit 1|bit 2|bit 3|bit 4|bit 25|bit 28|bit 29")
STREAMS = [FRAMES, ERRORS, OPENING, TICK_BARS]
BAR = "unit=Minute&interval=1&barsback=3"


@FRAMES.way("Heartbeat|EndSnapshot|GoAway of v3|Deleted|order|order by id|position|position changes")
def on_account_streams(stage: Stage, name: str) -> str:
    what = "positions" if "position" in name or name == "Deleted" else "orders"
    number = stage.resting()
    if name == "order by id":
        what = f"orders/{number}"
    with stage.orders(what + ("?changes=true" if "changes" in name else "")) as stream:
        if name == "GoAway of v3":
            stage.fault("goaway", times=1)
            return f"{stream.until(lambda each: each.get('StreamStatus') == 'GoAway')['StreamStatus']} of v3"
        if name == "Deleted":
            stage.sent(symbol="AAPL", quantity=100, action="SELL")
        return classified(stream, name, what)


def classified(stream: OpenStream, name: str, what: str) -> str:
    def kind(each: Body) -> str:
        if "Heartbeat" in each:
            return "Heartbeat"
        if "StreamStatus" in each:
            return str(each["StreamStatus"])
        if each.get("Deleted") is True:
            return "Deleted"
        if "OrderID" in each and "Legs" in each:
            return "order by id" if "/" in what else "order"
        return "position" if "Symbol" in each else "position changes"

    return kind(stream.until(lambda each: kind(each) == name))


SPOT = "marketdata/options/expirations/SPY"
SHAPES: dict[str, Callable[[Body], Any]] = {
    "quote": lambda each: {"Symbol", "MarketFlags", "PreviousClose"} <= each.keys(),
    "quote changes": lambda each: "Symbol" in each and "PreviousClose" not in each,
    "bar of history": lambda each: each.get("BarStatus") == "Closed" and not each["IsRealtime"],
    "end of history": lambda each: each.get("IsEndOfHistory"),
    "open bar": lambda each: each.get("BarStatus") == "Open" and each["IsRealtime"],
    "option chain": lambda each: {"Legs", "Strikes", "Side", "Delta"} <= each.keys(),
    "option quotes": lambda each: {"Legs", "Strikes", "Side", "Delta"} <= each.keys(),
    "depth quotes": lambda each: "OrderCount" in each["Bids"][0],
    "depth aggregates": lambda each: "NumParticipants" in each["Bids"][0],
}


@FRAMES.way("|".join(SHAPES))
def on_market_streams(stage: Stage, name: str) -> str:
    path = {
        "quote": "quotes/SPY",
        "quote changes": "quotes/SPY",
        "option chain": "options/chains/SPY?strikeProximity=1",
        "depth quotes": "marketdepth/quotes/SPY",
        "depth aggregates": "marketdepth/aggregates/SPY",
    }.get(name, f"barcharts/SPY?{BAR}")
    if name == "option quotes":
        day = stage.ask("GET", SPOT).json()["Expirations"][1]["Date"][:10]
        strikes = stage.ask("GET", f"marketdata/options/strikes/SPY?expiration={day}").json()["Strikes"]
        symbol = f"SPY {day[2:4]}{day[5:7]}{day[8:]}C{strikes[len(strikes) // 2][0]}"
        path = f"options/quotes?legs[0].Symbol={symbol.replace(' ', '%20')}"
    with stage.market(path) as stream:
        found = stream.until(SHAPES[name])
    return next(each for each, fits in SHAPES.items() if each == name and fits(found))


@FRAMES.way("GoAway of v2")
def goodbye(stage: Stage, name: str) -> str:
    with stage.market("quotes/SPY") as stream:
        stream.next()
        stage.fault("goaway", times=1)
        found = stream.until(lambda each: "Error" in each)
        with pytest.raises(Ended, match="end of file"):
            stream.raw()
    return f"{found['Error']} of v2"


# Errors


@ERRORS.way("symbol FAILED, EX_INVALID_SYMBOL|symbol FAILED, EX_NOT_ENTITLED")
def of_a_symbol(stage: Stage, name: str) -> str:
    symbol = "ZZZZQ" if "INVALID" in name else "QQQ"
    stage.fault("not_entitled", symbol="QQQ")
    with stage.market(f"quotes/SPY,{symbol}") as stream:
        found = stream.until(lambda each: "Error" in each)
        stream.until(lambda each: each.get("Symbol") == "SPY")
    assert found.keys() == {"Symbol", "Error"}
    return f"symbol {found['Error']}"


@ERRORS.way("by id NotFound")
def of_an_order(stage: Stage, name: str) -> str:
    with stage.orders("orders/1") as stream:
        found = stream.until(lambda each: "Error" in each)
    assert found["OrderID"] == "1"
    return f"by id {found['Error']}"


@ERRORS.way()
def put_there(stage: Stage, name: str) -> str:
    where, _, kind = name.partition(" ")
    aimed = {"symbol": {"symbol": "SPY"}, "orders": {"account": stage.account}, "positions": {"account": stage.account}}
    whole = where == "market" or (kind != "Forbidden" and where != "symbol")
    stage.fault("stream_error", kind=kind, times=1, **({} if whole else aimed[where]))
    with stage.market("quotes/SPY") if where in ("market", "symbol") else stage.orders(where) as stream:
        found = stream.until(lambda each: "Error" in each)
        if whole:
            assert not stream.end().reset
    assert whole or found.get("Symbol", found.get("AccountID")) in ("SPY", stage.account)
    return f"{where} {found['Error']}"


@OPENING.way()
def not_opened(stage: Stage, name: str) -> str:
    headers = {"401": {"Authorization": "Bearer none"}}.get(name, {})
    path = {"404": "marketdata/stream/nothing"}.get(name, "marketdata/stream/quotes/SPY")
    if name == "403":
        stage.fault("status", status=403, path="*/stream/*")
    if name == "429":
        stage.sim.faults(tradestation_quotas={"streaming-quotes": [1, 300]})
        stage.market("quotes/SPY").close()
    answer = stage.ask("GET", path, headers=headers)
    assert answer.json().keys() == {"Error", "Message"}
    return str(answer.status_code)


# Tick bars


def tick_bars(stage: Stage, length: int = 1) -> OpenStream:
    return OpenStream(stage.ts, f"stream/tickbars/SPY/{length}/2", "v2")


@TICK_BARS.way("END|ERROR - ")
def last_word(stage: Stage, name: str) -> str:
    with tick_bars(stage) as stream:
        stream.next()
        stage.fault(*(["goaway"] if name == "END" else ["stream_error"]), times=1)
        while (line := stream.raw()).startswith(b"{"):
            pass
    return line.decode()[: len(name)] if name != "END" else line.decode()


@TICK_BARS.way("bit 4|bit 25|bit 28")
def bit_put_there(stage: Stage, name: str) -> str:
    stage.fault("tick_bar_status", kind=name.split()[1])
    return bit(stage, name)


@TICK_BARS.way()
def bit(stage: Stage, name: str) -> str:
    number = int(name.split()[1])
    with tick_bars(stage) as stream:
        found = stream.until(lambda each: each["Status"] >> number & 1)
    return f"bit {next(place for place in range(32) if found['Status'] >> place & 1 and place == number)}"
