"""TradeStation's status codes and the texts of its refusals, each with what brings it out."""

from collections.abc import Callable

from simulator_server import wait_until

from brokers.simulator.market.universe import HARD_TO_BORROW
from tests.brokers.simulator.named.rows import Table
from tests.brokers.simulator.named.station_stage import Body, Stage, at

CODES: Table[Stage] = Table(
    "status codes",
    "5.8",
    "PLA|OPN|DIS|ACK|DON|STP|CND|OSO|SUS|CHG|FPR|UCN|ECN|LAT|RJC|RPD|RSN|RJR|UCH|FLL|FLP|CAN|OUT|TSC|EXP|SCN|REJ|BRO"
    "|DOA|COR|BRC|BRF|ASS|EXE|REC|STT|OTHER|CSN",
)
REFUSALS: Table[Stage] = Table(
    "texts of refusals",
    "4.5",
    "Not an open order.|Invalid order ID.|Failed to Cancel/Replace order: Not an open order."
    "|Cancel/Replace not allowed after cancel has been attempted|too late: prior stop already triggered"
    "|Invalid account for the asset type|Quantity|You are long 100 shares|You are short 0 shares!"
    "|You are long 100 shares with 27 remaining on sell orders!|EC602: You are short 0.00 shares!"
    '|EC804: Boxed positions are not permitted. To close long position, try a "Sell" order'
    "|Invalid Stop Price - Stop Price must be below current market.|Stop Price must be above current market."
    "|Limit price must be at or above StopMarketPrice"
    "|No market or stop orders with TIF of 'Day+','GTC+','GTD+', or 'Fill-or-Kill'"
    "|No Day orders after 4:00PM Eastern|SL0350|Invalid price increment"
    "|Type = LMT has invalid Price greater than absolute maximum",
)
CONFIRM_TWICE: Table[Stage] = Table("an OrderConfirmID used twice", "5.10", "FAILED|BadRequest")
PLACES: Table[Stage] = Table("where a refused order is told", "3.1", "Errors|Orders|BadRequest")
ORDERS = [CODES, REFUSALS, CONFIRM_TWICE, PLACES]


def reached(stage: Stage, number: str, code: str) -> str:
    """The order's status once it is the one that is waited for."""
    wait_until(lambda: stage.order(number)["Status"] == code)
    found = stage.order(number)
    assert found["StatusDescription"]
    return str(found["Status"])


def streamed(stage: Stage, code: str, act: Callable[[], object]) -> str:
    with stage.orders() as stream:
        stream.snapshot()
        act()
        return str(stream.until(lambda each: each.get("Status") == code)["Status"])


@CODES.way("ACK|FLL")
def worked(stage: Stage, name: str) -> str:
    return reached(stage, stage.resting() if name == "ACK" else stage.sent(), name)


@CODES.way("OPN|UCN")
def while_time_stands_still(stage: Stage, name: str) -> str:
    """What lasts a moment only, seen while the clock is stopped."""
    number = ""
    if name == "UCN":
        number = stage.resting()
        reached(stage, number, "ACK")
    stage.sim.clock(speed=0)
    number = number or stage.resting()
    if name == "UCN":
        stage.ask("DELETE", f"orderexecution/orders/{number}")
    found = str(stage.order(number)["Status"])
    stage.sim.clock(speed=1.0)
    return found


@CODES.way("FPR|FLP|TSC|OUT")
def ended_early(stage: Stage, name: str) -> str:
    partly = name in ("FPR", "FLP")
    if partly:
        stage.sim.fills("partial", account=stage.account, fraction=0.5, interval=600)
    number = stage.sent(limit=str(stage.last() + 5)) if partly else stage.resting()
    if partly:
        reached(stage, number, "FPR")
    if name == "TSC":
        stage.sim.control("orders", {"action": "remove", "account": stage.account, "order_id": number})
    elif name != "FPR":
        stage.ask("DELETE", f"orderexecution/orders/{number}")
    return reached(stage, number, name)


@CODES.way("STP")
def stopped(stage: Stage, name: str) -> str:
    stop = round(stage.last("AAPL") * 9 / 10, 2)

    def act() -> None:
        number = stage.sent(symbol="AAPL", quantity=5, action="SELL", stop=stop)
        reached(stage, number, "ACK")
        stage.sim.price("AAPL", str(round(stop * 9 / 10, 2)))

    return streamed(stage, name, act)


@CODES.way("OSO")
def held_for_its_parent(stage: Stage, name: str) -> str:
    child = stage.body(action="SELL", limit="900.00")
    numbers = [row["OrderID"] for row in stage.send(stage.body(limit="1.00") | oso(child))["Orders"]]
    return next(code for number in numbers if (code := str(stage.order(number)["Status"])) == name)


def oso(*orders: Body) -> Body:
    return {"OSOs": [{"Type": "NORMAL", "Orders": list(orders)}]}


@CODES.way("REJ")
def rejected(stage: Stage, name: str) -> str:
    return reached(stage, stage.send(stage.body(action="SELL"))["Errors"][0]["OrderID"], name)


@CODES.way("EXP")
def expired(stage: Stage, name: str) -> str:
    number = stage.sent(limit="1.00", duration="1")
    reached(stage, number, "ACK")
    stage.sim.clock(jump=61)
    return reached(stage, number, name)


@CODES.way("DON")
def queued(stage: Stage, name: str) -> str:
    with at("2026-11-21T15:00") as weekend:
        return reached(weekend, weekend.sent(limit="1.00", duration="GTC"), name)


@CODES.way("BRO")
def broken(stage: Stage, name: str) -> str:
    number = stage.sent()
    reached(stage, number, "FLL")
    fill = stage.sim.inside(lambda world: world.exchange.order(stage.number, int(number)).fills[0].fill_id)
    body = {"action": "bust", "account": stage.account, "order_id": number, "fill_id": fill}
    stage.sim.control("orders", body)
    return reached(stage, number, name)


@CODES.way()
def dressed(stage: Stage, name: str) -> str:
    """No order comes by these here: in listings and on the stream."""
    stage.fault("order_status", kind=name, account=stage.account)
    number = stage.resting()
    assert streamed(stage, name, stage.resting) == name
    return str(stage.order(number)["Status"])


# Refusals


def within(name: str, text: str) -> str:
    """The name, where the text has it."""
    assert name in text, text
    return text[text.index(name) :][: len(name)]


def message(answer: Body) -> str:
    """A refusal's text, wherever it stands."""
    rows = [answer, *answer.get("Errors", ()), *answer.get("Orders", ())]
    return next(str(row["Message"]) for row in rows if "Error" in row)


@REFUSALS.way("Not an open order.|Failed to Cancel/Replace order: Not an open order.|Invalid order ID.")
def nothing_to_change(stage: Stage, name: str) -> str:
    number = "1"
    if "open" in name:
        number = stage.sent()
        reached(stage, number, "FLL")
    method = "PUT" if name.startswith("Failed") else "DELETE"
    answer = stage.ask(method, f"orderexecution/orders/{number}", json={"LimitPrice": "1.00"})
    assert answer.status_code == 400
    return within(name, message(answer.json()))


@REFUSALS.way("Cancel/Replace not allowed after cancel has been attempted")
def cancelled_already(stage: Stage, name: str) -> str:
    number = stage.resting()
    reached(stage, number, "ACK")
    stage.sim.clock(speed=0)
    stage.ask("DELETE", f"orderexecution/orders/{number}")
    return within(name, message(stage.ask("PUT", f"orderexecution/orders/{number}", json={"LimitPrice": "2"}).json()))


@REFUSALS.way("too late: prior stop already triggered")
def triggered_already(stage: Stage, name: str) -> str:
    stage.sim.fills("never", account=stage.account)
    stop = round(stage.last("AAPL") * 9 / 10, 2)
    number = stage.sent(symbol="AAPL", quantity=5, action="SELL", stop=stop)
    reached(stage, number, "ACK")
    stage.sim.price("AAPL", str(round(stop * 9 / 10, 2)))
    reached(stage, number, "STP")
    return within(name, message(stage.ask("PUT", f"orderexecution/orders/{number}", json={"StopPrice": "2"}).json()))


@REFUSALS.way(
    "Invalid account for the asset type|Quantity|Invalid price increment|SL0350|EC602: You are short 0.00 shares!"
)
def refused_as_it_is(stage: Stage, name: str) -> str:
    futures = stage.ask("GET", "marketdata/symbols/@ES").json()["Symbols"][0]["Underlying"]
    wrong = {
        "Invalid account for the asset type": stage.body(futures, 1),
        "Quantity": stage.body(quantity=0),
        "Invalid price increment": stage.body(limit="1.005"),
        "SL0350": stage.body(sorted(HARD_TO_BORROW)[0], 1, "SELLSHORT"),
        "EC602: You are short 0.00 shares!": stage.body(action="BUYTOCOVER"),
    }
    return within(name, message(stage.send(wrong[name])))


@REFUSALS.way(
    '|EC804: Boxed positions are not permitted. To close long position, try a "Sell" order'
    "|Invalid Stop Price - Stop Price must be below current market.|Stop Price must be above current market."
    "|Limit price must be at or above StopMarketPrice|You are long 100 shares"
    "|No market or stop orders with TIF of 'Day+','GTC+','GTD+', or 'Fill-or-Kill'"
    "|Type = LMT has invalid Price greater than absolute maximum".removeprefix("|")
)
def refused_for_position_or_price(stage: Stage, name: str) -> str:
    low, high = round(stage.last("AAPL") / 2, 2), round(stage.last("AAPL") * 2, 2)
    wrong = {
        "EC804": stage.body("AAPL", 5, "SELLSHORT"),
        "below": stage.body("AAPL", 5, "SELL", stop=high),
        "above": stage.body("AAPL", 5, stop=low),
        "at or above": stage.body("AAPL", 5, stop=high, limit=high - 1),
        "long 100": stage.body("AAPL", 101, "SELL"),
        "TIF": stage.body("AAPL", 5, duration="GCP"),
        "LMT": stage.body("AAPL", 5, limit="1000000"),
    }
    key = max((each for each in wrong if each in name), key=len)
    return within(name, message(stage.send(wrong[key])))


@REFUSALS.way("You are long 100 shares with 27 remaining on sell orders!")
def spoken_for(stage: Stage, name: str) -> str:
    stage.sent(symbol="AAPL", quantity=27, action="SELL", limit="9000.00")
    return within(name, message(stage.send(stage.body("AAPL", 74, "SELL"))))


@REFUSALS.way("You are short 0 shares!")
def rejected_late(stage: Stage, name: str) -> str:
    stage.sim.control("orders", {"action": "reject_next", "account": stage.account, "reason": name})
    number = stage.resting()
    reached(stage, number, "REJ")
    return str(stage.order(number)["RejectReason"])


@REFUSALS.way("No Day orders after 4:00PM Eastern")
def refused_in_the_evening(stage: Stage, name: str) -> str:
    with at("2026-11-20T22:00") as evening:
        return within(name, message(evening.send(evening.body(limit="1.00"))))


@CONFIRM_TWICE.way()
def confirmed_twice(stage: Stage, name: str) -> str:
    stage.sim.faults(tradestation_duplicates="failed" if name == "FAILED" else "bad_request")
    body = stage.body(limit="1.00", OrderConfirmID=f"row{stage.number}{name}"[:22])
    stage.send(body)
    answer = stage.send(body)
    return str(answer.get("Error") or answer["Errors"][0]["Error"])


@PLACES.way()
def told_where(stage: Stage, name: str) -> str:
    how = {"Errors": "errors", "Orders": "orders", "BadRequest": "bad_request"}[name]
    stage.sim.faults(tradestation_failures=how)
    answer = stage.send(stage.body(action="SELL"))
    if "Error" in answer:
        return str(answer["Error"])
    [(where, rows)] = answer.items()
    assert rows[0].keys() == {"Error", "Message", "OrderID"}
    return str(where)
