"""tastytrade's quote feed: every DXLink message, error, event type, flag and word."""

from typing import Any

from tasty_client import Socket, Tasty
from websockets.exceptions import ConnectionClosed

from tests.brokers.simulator.named.rows import Table
from tests.brokers.simulator.named.tasty_stage import SETUP, Stage, at

MESSAGES: Table[Stage] = Table(
    "DXLink messages",
    "7.2, 7.3, 7.7",
    "SETUP|AUTH_STATE UNAUTHORIZED|AUTH_STATE AUTHORIZED|KEEPALIVE|CHANNEL_OPENED|CHANNEL_CLOSED|CHANNEL_CLOSED alone"
    "|FEED_CONFIG|FEED_CONFIG eventFields|FEED_DATA COMPACT|FEED_DATA FULL|ERROR UNSUPPORTED_PROTOCOL|ERROR TIMEOUT"
    "|ERROR UNAUTHORIZED|ERROR INVALID_MESSAGE|ERROR BAD_ACTION|ERROR UNKNOWN|close 1008|close 1009",
)
EVENTS: Table[Stage] = Table(
    "event types",
    "7.5",
    "Quote|Trade|TradeETH|Summary|Profile|Greeks|Candle|Underlying|TheoPrice|TimeAndSale|Series",
)
NOT_ENTITLED: Table[Stage] = Table(
    "what is not entitled by default", "7.2, 7.5", "DOM|Order|SpreadOrder|AnalyticOrder|OptionSale"
)
FLAGS: Table[Stage] = Table("flags of events", "7.6", "1|2|4|8|16|64")
VALUES: Table[Stage] = Table(
    "words in events",
    "7.4, 7.5",
    "Quote.bidPrice=NaN|Quote.bidPrice=Infinity|Quote.bidPrice=-Infinity|Trade.tickDirection=UNDEFINED"
    "|Trade.tickDirection=UP|Trade.tickDirection=DOWN|Trade.tickDirection=ZERO_UP|Trade.tickDirection=ZERO_DOWN"
    "|Summary.dayClosePriceType=UNDEFINED|Summary.dayClosePriceType=REGULAR|Summary.dayClosePriceType=INDICATIVE"
    "|Summary.dayClosePriceType=PRELIMINARY|Summary.dayClosePriceType=FINAL|Profile.shortSaleRestriction=UNDEFINED"
    "|Profile.shortSaleRestriction=ACTIVE|Profile.shortSaleRestriction=INACTIVE|Profile.tradingStatus=UNDEFINED"
    "|Profile.tradingStatus=HALTED|Profile.tradingStatus=ACTIVE|TimeAndSale.aggressorSide=UNDEFINED"
    "|TimeAndSale.aggressorSide=BUY|TimeAndSale.aggressorSide=SELL|TimeAndSale.type=NEW|TimeAndSale.type=CORRECTION"
    "|TimeAndSale.type=CANCEL",
)
DXLINK = [MESSAGES, EVENTS, NOT_ENTITLED, FLAGS, VALUES]


@MESSAGES.way("SETUP|AUTH_STATE UNAUTHORIZED|AUTH_STATE AUTHORIZED")
def greeted(stage: Stage, name: str) -> str:
    token = stage.tasty.get("/api-quote-tokens")["data"]["token"]
    with stage.quotes(until="SETUP") as socket:
        setup, state = socket.hear(lambda m: True), socket.hear(lambda m: True)
        socket.say({"type": "AUTH", "channel": 0, "token": token})
        authorized = socket.hear(lambda m: m["type"] == "AUTH_STATE")
    assert {"version", "keepaliveTimeout", "acceptKeepaliveTimeout"} <= setup.keys()
    assert "userId" in authorized
    found = {m["type"] + (f" {m['state']}" if "state" in m else "") for m in (setup, state, authorized)}
    return next(each for each in found if each == name)


@MESSAGES.way("KEEPALIVE|ERROR TIMEOUT")
def kept_alive_or_not(stage: Stage, name: str) -> str:
    stage.sim.faults(dxlink_keepalive=0.6)
    with stage.quotes(until="SETUP") as socket:
        heard = socket.hear(lambda m: m["type"] in ("KEEPALIVE", "ERROR") and m["type"] == name.split()[0])
    return " ".join(word for word in (heard["type"], heard.get("error")) if word)


@MESSAGES.way("CHANNEL_OPENED|CHANNEL_CLOSED|CHANNEL_CLOSED alone")
def channel(stage: Stage, name: str) -> str:
    with stage.quotes(until="AUTH") as socket:
        socket.say({"type": "CHANNEL_REQUEST", "channel": 3, "service": "FEED", "parameters": {"contract": "AUTO"}})
        opened = socket.hear(lambda m: m["channel"] == 3)
        assert opened["parameters"] == {"contract": "AUTO", "subFormat": "LIST"}
        if name == "CHANNEL_OPENED":
            return str(opened["type"])
        if name == "CHANNEL_CLOSED":
            socket.say({"type": "CHANNEL_CANCEL", "channel": 3})
        else:
            stage.fault("dxlink_channel_closed", times=1)
        closed = socket.hear(lambda m: m["channel"] == 3)
    return closed["type"] + name[len("CHANNEL_CLOSED") :]


@MESSAGES.way("FEED_CONFIG|FEED_CONFIG eventFields|FEED_DATA COMPACT|FEED_DATA FULL")
def fed(stage: Stage, name: str) -> str:
    form = name.split()[1] if name.startswith("FEED_DATA") else "COMPACT"
    body = {"acceptDataFormat": form, "acceptEventFields": {"Quote": ["eventSymbol", "bidPrice"]}}
    with stage.quotes() as socket:
        socket.say({"type": "FEED_SETUP", "channel": 1, **body})
        config = socket.hear(lambda m: m["type"] == "FEED_CONFIG")
        socket.say({"type": "FEED_SUBSCRIPTION", "channel": 1, "add": [{"type": "Quote", "symbol": "SPY"}]})
        heard = [config, *socket.hear_until(lambda m: m["type"] == "FEED_DATA")]
    assert config["dataFormat"] == form
    assert "aggregationPeriod" in config
    found = {m["type"] + (" eventFields" if m.get("eventFields") else "") for m in heard if m["type"] != "FEED_DATA"}
    data = heard[-1]["data"]
    found.add("FEED_DATA " + ("COMPACT" if data[0] == "Quote" else "FULL" if data[0]["eventType"] == "Quote" else ""))
    return next(each for each in found if each == name)


@MESSAGES.way("ERROR UNSUPPORTED_PROTOCOL|ERROR UNAUTHORIZED|ERROR INVALID_MESSAGE|ERROR BAD_ACTION")
def complained_of(stage: Stage, name: str) -> str:
    auth = {"type": "AUTH", "channel": 0, "token": "none"}
    wrong: dict[str, list[Any]] = {
        "UNSUPPORTED_PROTOCOL": [SETUP | {"version": "9.0"}],
        "UNAUTHORIZED": [SETUP, auth, auth],
        "INVALID_MESSAGE": [SETUP, {"no": "type"}],
        "BAD_ACTION": [SETUP, {"type": "CHANNEL_REQUEST", "channel": 2, "service": "FEED"}],
    }
    with stage.quotes(until="SOCKET") as socket:
        socket.say(*wrong[name.split()[1]])
        error = socket.hear(lambda m: m["type"] == "ERROR")
    assert error["message"]
    return f"{error['type']} {error['error']}"


@MESSAGES.way("ERROR UNKNOWN")
def complained_of_nothing(stage: Stage, name: str) -> str:
    with stage.quotes() as socket:
        stage.fault("dxlink_error", times=1)
        error = socket.hear(lambda m: m["type"] == "ERROR")
        assert stage.event(socket, "Quote", "SPY")[0] == "Quote", "the socket goes on"
    return f"{error['type']} {error['error']}"


@MESSAGES.way("close 1008|close 1009")
def closed(stage: Stage, name: str) -> str:
    auth = {"type": "AUTH", "channel": 0, "token": "none"}
    with stage.quotes(until="SETUP") as socket:
        socket.say(*([auth, auth] if name == "close 1008" else [{"type": "x" * 70_000}]))
        return f"close {closing_code(socket)}"


def closing_code(socket: Socket) -> int:
    while True:
        try:
            socket.raw.recv(timeout=20)
        except ConnectionClosed as ended:
            return ended.rcvd.code if ended.rcvd is not None else 0


def streamer_symbols(tasty: Tasty) -> tuple[str, str]:
    """An option's and a share's."""
    return str(tasty.strikes()[5]["call-streamer-symbol"]), "SPY"


@EVENTS.way("TradeETH")
def event_outside_regular_hours(stage: Stage, name: str) -> str:
    with at("2026-11-20T13:00") as morning, morning.quotes() as socket:
        return str(morning.event(socket, name, "SPY")[0])


@EVENTS.way()
def event(stage: Stage, name: str) -> str:
    option, share = streamer_symbols(stage.tasty)
    symbol = {"Greeks": option, "TheoPrice": option, "Candle": "SPY{=5m}"}.get(name, share)
    with stage.quotes() as socket:
        return str(stage.event(socket, name, symbol)[0])


@NOT_ENTITLED.way("DOM")
def no_depth_service(stage: Stage, name: str) -> str:
    with stage.quotes(until="AUTH") as socket:
        parameters = {"symbol": "SPY", "sources": ["ntv"]}
        socket.say({"type": "CHANNEL_REQUEST", "channel": 5, "service": name, "parameters": parameters})
        error = socket.hear(lambda m: m["channel"] == 5)
    assert (error["type"], error["error"]) == ("ERROR", "BAD_ACTION")
    return next(word for word in error["message"].split() if word == name)


@NOT_ENTITLED.way()
def taken_and_never_told(stage: Stage, name: str) -> str:
    with stage.quotes() as socket:
        add = [{"type": name, "symbol": "SPY"}, {"type": "Quote", "symbol": "SPY"}]
        socket.say({"type": "FEED_SUBSCRIPTION", "channel": 1, "add": add})
        heard = socket.hear_until(lambda m: m["type"] == "FEED_DATA")
    assert not [m for m in heard if m["type"] == "ERROR"]
    return "" if any(name == each["eventType"] for m in heard if "data" in m for each in m["data"]) else name


@FLAGS.way("2|4|8")
def in_a_snapshot(stage: Stage, name: str) -> str:
    with stage.quotes() as socket:
        since = int(stage.sim.inside(lambda world: world.clock.now().timestamp()) * 1000) - 3_600_000
        values = stage.event(socket, "Candle", "SPY{=5m}", "eventFlags", fromTime=since)
    return name if any(flags & int(name) for flags in values[2::3]) else str(values[2::3])


@FLAGS.way("1|16|64")
def put_in_a_snapshot(stage: Stage, name: str) -> str:
    stage.fault("dxlink_field", kind=f"eventFlags={name}", symbol="SPY")
    with stage.quotes() as socket:
        return str(stage.event(socket, "Candle", "SPY{=5m}", "eventFlags", fromTime=0)[2])


@VALUES.way()
def put_in_an_event(stage: Stage, name: str) -> str:
    kind, _, word = name.partition(".")
    field = word.partition("=")[0]
    stage.fault("dxlink_field", kind=word, symbol="SPY")
    with stage.quotes() as socket:
        value = stage.event(socket, kind, "SPY", field)[2]
        while f"{field}={value}" != word:  # what was made before the fault may still come
            value = socket.hear(lambda m: m["type"] == "FEED_DATA")["data"][1][2]
    return f"{kind}.{field}={value}"
