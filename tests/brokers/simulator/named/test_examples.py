"""The references' transcripts and request bodies against the simulator, and a count of all their examples."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from simulator_server import SimulatorServer, equity_order
from tasty_client import Socket, Tasty
from tastytrade_wire import differences, example
from tradestation_wire import TradeStation
from tradestation_wire import example as station_example

from tests.brokers.simulator.named.station_stage import Stage as StationStage
from tests.brokers.simulator.named.tasty_stage import Stage

HERE = Path(__file__).resolve()
PAYLOADS = HERE.parents[3] / "payloads"
IN_OTHER_WORDS = "C2-account-type-error"  # stands in the table of errors beside data
OPTION = ".SPY261218C600"
Message = dict[str, Any]


@pytest.fixture(scope="module")
def tasty(running: SimulatorServer) -> Tasty:
    return Tasty(running)


def lines(name: str) -> Iterator[tuple[str, Message]]:
    """Who speaks in a transcript, C or S, and what."""
    for line in (PAYLOADS / "tastytrade" / f"{name}.txt").read_text().splitlines():
        yield line[0], json.loads(line[2:])


def mark(message: Message) -> tuple[Any, ...]:
    """What tells one of the server's messages from another."""
    data = message.get("data")
    kind = data[0] if isinstance(data, list) else ""
    return message.get("type", message.get("action")), kind, message.get("state"), bool(message.get("eventFields"))


def kinds(values: list[Any], width: int) -> list[str]:
    """Of the fields of one event, whether they are words; a number may be NaN."""
    return ["word" if isinstance(each, str) and each != "NaN" else "number" for each in values[:width]]


def compare(wanted: Message, heard: Message, fields: dict[str, list[str]]) -> None:
    assert wanted.keys() == heard.keys()
    if wanted.get("type") != "FEED_DATA":
        assert differences({**wanted, "channel": 0}, {**heard, "channel": 0}, {"eventFields"}) == []
        return
    kind, values = heard["data"]
    width = len(fields[kind])
    assert len(values) % width == 0
    assert kinds(values, width) == kinds(wanted["data"][1], width)


def play(socket: Socket, name: str, said: dict[str, str]) -> int:
    """Say the client's part, with ``said`` in place of words that are of the example's own. What the server answers
    before the client's next words must come, in any order, other messages in between; the answer is how many did. The
    server may say which fields an event has as late as before the first of them."""
    fields: dict[str, list[str]] = {}
    awaited: list[Message] = []
    count = 0
    for who, message in lines(name):
        text = json.dumps(message)
        for old, new in said.items():
            text = text.replace(old, new)
        message = json.loads(text)
        if message.get("type") == "KEEPALIVE":
            continue
        if who == "S":
            awaited.append(message)
            continue
        later = [each for each in awaited if each.get("eventFields")] if "add" in message else []
        count += hear_all(socket, [each for each in awaited if each not in later], fields)
        fields, awaited = fields | message.get("acceptEventFields", {}), later
        socket.say(message)
    return count + hear_all(socket, awaited, fields)


def hear_all(socket: Socket, awaited: list[Message], fields: dict[str, list[str]]) -> int:
    """Wait for what is awaited, and take it off the list; the answer is how many that were."""
    count = len(awaited)
    while awaited:
        heard = socket.hear(lambda m: any(mark(m) == mark(each) for each in awaited))
        wanted = next(each for each in awaited if mark(heard) == mark(each))
        awaited.remove(wanted)
        compare(wanted, heard, fields)
    return count


def test_the_quote_feeds_transcript(running: SimulatorServer, tasty: Tasty) -> None:
    stage = Stage(running, tasty)
    given = tasty.get("/api-quote-tokens")["data"]
    listed = str(tasty.strikes()[5]["call-streamer-symbol"])
    with Socket(given["dxlink-url"]) as socket:
        said = {"example-quote-token": given["token"], OPTION: listed}
        assert play(socket, "S-DXLINK", said) == 10
    since = int(running.inside(lambda world: world.clock.now().timestamp()) * 1000) - 3_600_000
    with stage.quotes(until="AUTH") as socket:
        assert play(socket, "S-CANDLES", {"1795184100000": str(since)}) == 4


def test_the_account_streamers_transcript_and_its_order(running: SimulatorServer, tasty: Tasty) -> None:
    stage = Stage(running, tasty)
    with stage.streamer(connected=False) as socket:
        said = {"5WT00042": tasty.number, "<access token>": stage.token.removeprefix("Bearer ")}
        assert play(socket, "S-STREAMER", said) == 3
        tasty.place(equity_order("F"))
        order = socket.hear(lambda m: m.get("type") == "Order" and m["data"]["status"] == "Filled")
    wanted = example("E-STREAM-ORDER")
    assert wanted.keys() == order.keys()
    assert differences(wanted, order, set()) == []


def test_the_answer_to_a_replacement(running: SimulatorServer, tasty: Tasty) -> None:
    """Of a share: the example's second leg has no counterpart."""
    Stage(running, tasty)
    number = tasty.until(int(tasty.place(equity_order("F", price="1.00"))["id"]), "Live")["id"]
    body = {"order-type": "Limit", "time-in-force": "Day", "price": "1.10", "price-effect": "Debit"}
    answer = tasty.send("PUT", f"/orders/{number}", body, 200)
    wanted = example("E-REPLACE-RESP")
    assert wanted.keys() == answer.keys()
    assert differences(wanted, answer, set()) == []
    assert answer["data"]["replaces-order-id"] == number
    assert (answer["data"]["status"], answer["data"]["contingent-status"]) == ("Contingent", "Pending Order")


def test_a_message_of_another_shape_is_seen() -> None:
    wanted = {"type": "FEED_DATA", "channel": 1, "data": ["Quote", ["Quote", "SPY", 1.0]]}
    for wrong in (["Quote", "SPY"], ["Quote", "SPY", "1.0"], ["Quote", 1.0, 1.0]):
        with pytest.raises(AssertionError):
            compare(wanted, {**wanted, "data": ["Quote", wrong]}, {"Quote": ["eventType", "eventSymbol", "bidPrice"]})
    with pytest.raises(AssertionError):
        compare({"type": "AUTH_STATE", "channel": 0, "state": "X", "userId": "u"}, {"type": "AUTH_STATE"}, {})


def test_request_bodies_of_the_reference_are_taken(running: SimulatorServer) -> None:
    """As they are published, but for the account, and symbols that are held and listed."""
    stage = StationStage(running, TradeStation(running))
    group = json.dumps(station_example("X4-group-request"))
    for old, new in {"SIM4400127M": stage.account, "MSFT": "AAPL", '"500"': '"9000"', '"300"': '"1"'}.items():
        group = group.replace(old, new)
    assert len(stage.send(json.loads(group), "ordergroups")["Orders"]) == 2
    day = stage.ask("GET", "marketdata/options/expirations/AAPL").json()["Expirations"][2]["Date"]
    strikes = stage.ask("GET", f"marketdata/options/strikes/AAPL?expiration={day[:10]}").json()["Strikes"]
    risk = station_example("M8-riskreward-request")
    risk["Legs"][0]["Symbol"] = f"AAPL {day[2:4]}{day[5:7]}{day[8:10]}C{strikes[len(strikes) // 2][0]}"
    answer = stage.ask("POST", "marketdata/options/riskreward", json=risk)
    assert (answer.status_code, answer.json().keys()) == (200, station_example("M8-riskreward").keys())


def examples() -> list[str]:
    return sorted(path.stem for broker in ("tastytrade", "tradestation") for path in (PAYLOADS / broker).glob("*.*"))


def unnamed(texts: str) -> list[str]:
    """The examples that no test of the simulator names. A name may be put together at its last hyphen."""
    words = set(re.findall(r"[\"/]([A-Z]\d?-[A-Za-z-]+)", texts))
    return [name for name in examples() if name != "replay" and not {name, f"{name.rpartition('-')[0]}-"} & words]


def test_every_example_of_the_references_is_held_against_the_simulator() -> None:
    texts = "".join(path.read_text() for path in HERE.parents[1].rglob("*.py"))
    assert len(examples()) > 100
    assert unnamed(texts) == []
    assert "E-BALANCE" in unnamed(texts.replace("E-BALANCE", ""))
