"""tastytrade's account streamer: every action, error and notification."""

from simulator_server import equity_order
from tasty_client import Body, Socket

from tests.brokers.simulator.named.rows import Table
from tests.brokers.simulator.named.tasty_stage import Stage

ACTIONS: Table[Stage] = Table(
    "actions of the account streamer",
    "8.1",
    "connect|account-subscribe|heartbeat|public-watchlists-subscribe|quote-alerts-subscribe|user-message-subscribe",
)
ERRORS: Table[Stage] = Table(
    "errors of the account streamer",
    "8.1",
    "Unknown domain|value missing or not valid|connect-not-completed|failed|not-implemented",
)
NEWS: Table[Stage] = Table(
    "notifications",
    "8.2",
    "Order|ComplexOrder|AccountBalance|CurrentPosition|TradingStatus|OrderChain|UnderlyingYearGainSummary"
    "|ExternalTransaction|PublicWatchlists|QuoteAlert|results|a type that is not known",
)
STREAMER = [ACTIONS, ERRORS, NEWS]


@ACTIONS.way()
def done(stage: Stage, name: str) -> str:
    value = {"value": [stage.tasty.number]} if name in ("connect", "account-subscribe") else {}
    if name == "user-message-subscribe":
        value = {"value": user_id(stage)}
    with stage.streamer(connected=not name.endswith("connect")) as socket:
        answer = stage.say(socket, name, **value)
    assert answer["status"] == "ok"
    assert {"web-socket-session-id", "request-id"} <= answer.keys()
    return str(answer["action"])


def user_id(stage: Stage) -> str:
    """What the person is called by: orders carry it."""
    return str(stage.tasty.place(equity_order("F", price="1.00"))["user-id"])


@ERRORS.way()
def complained(stage: Stage, name: str) -> str:
    wrong: dict[str, tuple[str, Body]] = {
        "Unknown domain": ("connect", {"value": [stage.tasty.number], "auth-token": stage.token.split()[1]}),
        "value missing or not valid": ("connect", {"value": []}),
        "connect-not-completed": ("quote-alerts-subscribe", {}),
        "failed": ("connect", {"value": ["5WT00003"]}),
        "not-implemented": ("no-such-action", {}),
    }
    action, body = wrong[name]
    with stage.streamer(connected=False) as socket:
        answer = stage.say(socket, action, **body)
        assert stage.say(socket, "heartbeat")["status"] == "ok", "the socket stays open"
    assert (answer["status"], answer["action"]) == ("error", action)
    return str(answer["message"])


def news_of(socket: Socket, kind: str) -> str:
    message = socket.hear(lambda m: m.get("type") == kind)
    assert message.keys() == {"type", "data", "timestamp"}
    return str(message["type"])


@NEWS.way("Order|AccountBalance|CurrentPosition|OrderChain|TradingStatus|UnderlyingYearGainSummary|ExternalTransaction")
def of_the_account(stage: Stage, name: str) -> str:
    number = stage.tasty.number
    with stage.streamer() as socket:
        if name == "ExternalTransaction":
            stage.sim.control("orders", {"action": "deposit", "account": number, "amount": "100"})
        elif name == "UnderlyingYearGainSummary":
            stage.tasty.place(equity_order("AAPL", 5, action="Sell to Close"))
        else:
            if name == "TradingStatus":
                stage.sim.inside(lambda world: setattr(world.exchange.account(number), "option_level", 1))
            stage.tasty.place(equity_order("F"))
        return news_of(socket, name)


@NEWS.way("ComplexOrder")
def of_a_complex_order(stage: Stage, name: str) -> str:
    limit = equity_order("AAPL", 5, "9999.00", "Sell to Close")
    stop = {**equity_order("AAPL", 5, action="Sell to Close"), "order-type": "Stop", "stop-trigger": "1.00"}
    with stage.streamer() as socket:
        stage.tasty.send("POST", "/complex-orders", {"type": "OCO", "orders": [limit, stop]}, 201)
        return news_of(socket, name)


@NEWS.way("PublicWatchlists")
def of_the_lists(stage: Stage, name: str) -> str:
    with stage.streamer() as socket:
        stage.say(socket, "public-watchlists-subscribe")
        return news_of(socket, name)


@NEWS.way("QuoteAlert")
def of_an_alert(stage: Stage, name: str) -> str:
    body = {"symbol": "XLF", "field": "Last", "operator": ">", "threshold": "1.00"}
    with stage.streamer() as socket:
        assert stage.say(socket, "quote-alerts-subscribe")["status"] == "ok"
        stage.tasty.call("POST", "/quote-alerts", 201, json=body)
        return news_of(socket, name)


@NEWS.way("results")
def in_a_batch(stage: Stage, name: str) -> str:
    stage.sim.faults(streamer_batches=True)
    with stage.streamer() as socket:
        stage.tasty.place(equity_order("F"))
        return next(key for key in socket.hear(lambda m: "results" in m) if key == name)


@NEWS.way("a type that is not known")
def of_no_known_type(stage: Stage, name: str) -> str:
    stage.fault("unknown_frames")
    with stage.streamer() as socket:
        stage.tasty.place(equity_order("F"))
        found = socket.hear(lambda m: "type" in m and m["type"] not in NEWS.names)
    return name if isinstance(found["data"], dict) else ""
