"""What can go wrong on TradeStation's streams when the simulator is told so."""

import http.client
import json
import socket
import time

import pytest
from simulator_server import SimulatorServer, wait_until
from stream_reader import Ended, OpenStream
from tradestation_wire import CASH, FRESH, TradeStation, order

from brokers.simulator.exchange import Event
from brokers.simulator.tradestation.memory import Memory
from brokers.simulator.world import World

ORDERS = f"brokerage/stream/accounts/{FRESH}/orders"
QUOTES = "marketdata/stream/quotes/SPY,QQQ"


def resting(ts: TradeStation, account: str = FRESH) -> str:
    return ts.sent(order("F", 2, limit="5") | {"AccountID": account})[0]


@pytest.mark.parametrize(
    ("path", "form", "last"),
    [
        (QUOTES, "", {"Error": "GoAway", "Message": "The server is about to shut down."}),
        (ORDERS, "", {"StreamStatus": "GoAway"}),
        (QUOTES, "v3", {"StreamStatus": "GoAway"}),
        (ORDERS, "v2", {"Error": "GoAway", "Message": "The server is about to shut down."}),
    ],
)
def test_goaway_is_said_in_either_form_and_the_stream_ends(
    sim: SimulatorServer, ts: TradeStation, path: str, form: str, last: dict[str, str]
) -> None:
    with OpenStream(ts, path) as stream:
        stream.next()
        sim.faults({"effect": "goaway", "form": form, "times": 1})
        assert stream.until(lambda each: "GoAway" in each.values()) == last
        with pytest.raises(Ended, match="end of file"):
            stream.raw()
    with OpenStream(ts, path) as again:
        again.next()


def test_dual_logon_ends_the_stream(sim: SimulatorServer, ts: TradeStation) -> None:
    with OpenStream(ts, QUOTES) as stream:
        sim.faults({"effect": "dual_logon", "times": 1})
        assert stream.until(lambda each: "Error" in each)["Error"] == "DualLogon"
        assert not stream.end().reset


def test_a_stream_is_closed_without_a_word(sim: SimulatorServer, ts: TradeStation) -> None:
    with OpenStream(ts, ORDERS) as stream:
        stream.snapshot()
        sim.faults({"effect": "stream_close", "times": 1})
        assert stream.end().reset


def test_a_fault_strikes_only_the_path_it_names(sim: SimulatorServer, ts: TradeStation) -> None:
    with OpenStream(ts, ORDERS) as one, OpenStream(ts, QUOTES) as two:
        sim.faults({"effect": "goaway", "path": "*/quotes/*"})
        two.end()
        one.snapshot()
        number = resting(ts)
        assert one.until(lambda each: "OrderID" in each)["OrderID"] == number


def test_an_error_for_one_account_leaves_the_others(sim: SimulatorServer, ts: TradeStation) -> None:
    with OpenStream(ts, f"brokerage/stream/accounts/{FRESH},{CASH}/orders") as stream:
        stream.snapshot()
        sim.faults({"effect": "stream_error", "kind": "Forbidden", "account": CASH, "times": 1})
        error = stream.until(lambda each: "Error" in each)
        assert (error["Error"], error["AccountID"]) == ("Forbidden", CASH)
        number = resting(ts)
        assert stream.until(lambda each: "OrderID" in each)["OrderID"] == number


@pytest.mark.parametrize("kind", ["InternalServerError", "BadRequest", "DualLogon", "GoAway"])
def test_market_data_end_with_the_error_asked_for(sim: SimulatorServer, ts: TradeStation, kind: str) -> None:
    with OpenStream(ts, QUOTES) as stream:
        sim.faults({"effect": "stream_error", "kind": kind, "times": 1})
        assert stream.until(lambda each: "Error" in each)["Error"] == kind
        assert not stream.end().reset


@pytest.mark.parametrize("kind", ["InternalServerError", "ServiceUnavailable", "GatewayTimeout", "Failed"])
def test_orders_end_with_the_error_asked_for(sim: SimulatorServer, ts: TradeStation, kind: str) -> None:
    with OpenStream(ts, ORDERS) as stream:
        sim.faults({"effect": "stream_error", "kind": kind, "times": 1})
        assert stream.until(lambda each: "Error" in each)["Error"] == kind
        assert not stream.end().reset


@pytest.mark.parametrize("kind", ["FAILED, EX_NO_DATA_AVAILABLE", "DualLogon", "DATAFEED_NOT_CONNECTED", "RESET"])
def test_one_symbol_fails_and_the_others_go_on(sim: SimulatorServer, ts: TradeStation, kind: str) -> None:
    with OpenStream(ts, QUOTES) as stream:
        sim.faults({"effect": "stream_error", "kind": kind, "symbol": "QQQ", "times": 1})
        assert stream.until(lambda each: "Error" in each) == {"Symbol": "QQQ", "Error": kind}
        stream.until(lambda each: each.get("Symbol") == "SPY")


def test_symbols_not_entitled_are_told_on_the_quote_stream(sim: SimulatorServer, ts: TradeStation) -> None:
    sim.faults({"effect": "not_entitled", "symbol": "QQQ"})
    with OpenStream(ts, QUOTES) as stream:
        assert stream.next()["Symbol"] == "SPY"
        assert stream.next() == {"Symbol": "QQQ", "Error": "FAILED, EX_NOT_ENTITLED"}


def test_order_frames_are_lost_while_heartbeats_go_on(sim: SimulatorServer, ts: TradeStation) -> None:
    with OpenStream(ts, ORDERS) as stream:
        stream.snapshot()
        sim.faults({"effect": "drop_order_frames"}, stream_heartbeat=0.3)
        number = resting(ts)
        assert all("Heartbeat" in each for each in stream.waiting(1.2))
        assert ts.order(number)["Status"] == "ACK"
        sim.clear_faults()
        ts.call("DELETE", f"/orderexecution/orders/{number}")
        assert stream.until(lambda each: "OrderID" in each)["OrderID"] == number


def test_only_one_accounts_order_frames_are_lost(sim: SimulatorServer, ts: TradeStation) -> None:
    with OpenStream(ts, f"brokerage/stream/accounts/{FRESH},{CASH}/orders") as stream:
        stream.snapshot()
        sim.faults({"effect": "drop_order_frames", "account": FRESH})
        resting(ts)
        number = resting(ts, CASH)
        assert stream.until(lambda each: "OrderID" in each)["OrderID"] == number


def test_a_share_of_order_frames_is_lost(sim: SimulatorServer, ts: TradeStation) -> None:
    with OpenStream(ts, ORDERS) as stream:
        stream.snapshot()
        sim.faults({"effect": "drop_order_frames", "probability": 0.5})
        for _ in range(12):
            resting(ts)
        told = [each for each in stream.waiting(1.0) if "OrderID" in each]
    assert 2 <= len(told) <= 22


def test_order_frames_come_twice(sim: SimulatorServer, ts: TradeStation) -> None:
    with OpenStream(ts, ORDERS) as stream:
        stream.snapshot()
        sim.faults({"effect": "duplicate_order_frames"})
        resting(ts)
        told = [stream.until(lambda each: "OrderID" in each) for _ in range(4)]
    assert told[0] == told[1]
    assert told[2] == told[3]


def test_a_silent_stream_stays_open_and_says_nothing_at_all(sim: SimulatorServer, ts: TradeStation) -> None:
    with OpenStream(ts, QUOTES) as stream:
        stream.next()
        sim.faults({"effect": "stream_silent"}, stream_heartbeat=0.2)
        wait_until(lambda: stream.waiting(0.5) == [])
        assert stream.waiting(1.0) == []
        sim.clear_faults()
        stream.until(lambda each: "Symbol" in each)


def test_only_heartbeats_come(sim: SimulatorServer, ts: TradeStation) -> None:
    with OpenStream(ts, QUOTES) as stream:
        stream.next()
        sim.faults({"effect": "stream_heartbeats_only"}, stream_heartbeat=0.2)
        stream.until(lambda each: "Heartbeat" in each)
        beats = [stream.next() for _ in range(5)]
        assert all(set(each) == {"Heartbeat", "Timestamp"} for each in beats)


def test_objects_come_in_pieces_and_are_whole_again(sim: SimulatorServer, ts: TradeStation) -> None:
    sim.faults({"effect": "cut_frames"})
    connection = http.client.HTTPConnection("127.0.0.1", sim.port, timeout=20)
    headers = {"Authorization": str(ts.session.headers["Authorization"])}
    connection.request("GET", f"/tradestation/v3/{QUOTES}", headers=headers)
    answer = connection.getresponse()
    assert answer.fp is not None
    pieces = []
    while len(pieces) < 12:
        size = int(answer.fp.readline(), 16)
        pieces.append(answer.fp.read(size))
        answer.fp.readline()
    answer.close()
    connection.close()
    assert max(map(len, pieces)) <= 200
    assert sum(not piece.endswith(b"\r\n") for piece in pieces) >= 6
    whole = b"".join(pieces).split(b"\r\n")
    assert json.loads(whole[0])["Symbol"] == "SPY"


def test_symbols_come_in_lower_case(sim: SimulatorServer, ts: TradeStation) -> None:
    sim.faults({"effect": "lower_case_symbol", "symbol": "SPY"})
    with OpenStream(ts, QUOTES) as stream:
        assert [stream.next()["Symbol"], stream.next()["Symbol"]] == ["spy", "QQQ"]


def test_quantities_remaining_lie(sim: SimulatorServer, ts: TradeStation) -> None:
    sim.faults({"effect": "quantity_remaining_lies"})
    with OpenStream(ts, ORDERS) as stream:
        stream.snapshot()
        resting(ts)
        frame = stream.until(lambda each: each.get("Status") == "ACK")
    assert (
        frame["Legs"][0] | {"QuantityRemaining": "0", "QuantityOrdered": "2", "ExecQuantity": "0"} == frame["Legs"][0]
    )


def test_legs_change_places_between_frames(sim: SimulatorServer, ts: TradeStation) -> None:
    expiry = ts.get("/marketdata/options/expirations/MSFT")["Expirations"][3]["Date"]
    strikes = [each[0] for each in ts.get("/marketdata/options/strikes/MSFT", expiration=expiry[:10])["Strikes"]]
    middle = len(strikes) // 2
    root = f"MSFT {expiry[2:10].replace('-', '')}C"
    legs = [
        {"Symbol": f"{root}{strikes[middle]}", "Quantity": "1", "TradeAction": "BUYTOOPEN"},
        {"Symbol": f"{root}{strikes[middle + 1]}", "Quantity": "1", "TradeAction": "SELLTOOPEN"},
    ]
    body = {"AccountID": FRESH, "OrderType": "Limit", "LimitPrice": "0.01", "TimeInForce": {"Duration": "DAY"}}
    with OpenStream(ts, ORDERS) as stream:
        stream.snapshot()
        number = ts.sent(body | {"Legs": legs})[0]
        first = stream.until(lambda each: each.get("OrderID") == number)
        sim.faults({"effect": "shuffle_legs"})
        ts.call("DELETE", f"/orderexecution/orders/{number}")
        later = stream.until(lambda each: each.get("Status") == "OUT")
    names = [[leg["Symbol"] for leg in frame["Legs"]] for frame in (first, later)]
    assert names[1] == names[0][::-1]


def test_tick_bars_end_with_a_bare_word(sim: SimulatorServer, ts: TradeStation) -> None:
    for fault, word in (({"effect": "goaway"}, b"END"), ({"effect": "stream_error"}, b"ERROR - ")):
        with OpenStream(ts, "stream/tickbars/SPY/1/1", "v2") as stream:
            stream.next()
            sim.faults({**fault, "times": 1})
            while (line := stream.raw()).startswith(b"{"):
                pass
            assert line.startswith(word)
            assert not stream.end().reset


@pytest.mark.parametrize("status", [429, 500, 503, 504])
def test_faults_of_requests_strike_a_streams_opening(sim: SimulatorServer, ts: TradeStation, status: int) -> None:
    sim.faults({"effect": "status", "status": status, "path": "*/stream/*", "body": "html"})
    with OpenStream(ts, QUOTES) as stream:
        assert stream.status == status


def test_an_opening_may_be_dropped_or_delayed(sim: SimulatorServer, ts: TradeStation) -> None:
    sim.faults({"effect": "drop_answer", "path": "*/stream/*", "times": 1})
    with pytest.raises((http.client.HTTPException, OSError)):
        OpenStream(ts, QUOTES)
    sim.faults({"effect": "latency", "path": "*/stream/*", "seconds": 0.5, "times": 1})
    began = time.monotonic()
    with OpenStream(ts, QUOTES) as stream:
        stream.next()
    assert time.monotonic() - began >= 0.5


def test_slots_are_free_again_however_a_stream_ends(sim: SimulatorServer, ts: TradeStation) -> None:
    for effect in ("goaway", "stream_close"):
        with OpenStream(ts, ORDERS) as stream:
            stream.snapshot()
            sim.faults({"effect": effect, "times": 1})
            stream.end()
        wait_until(lambda: sim.inside(lambda world: not Memory.of(world).limits.open))


def test_who_does_not_read_his_orders_is_cut_off_and_the_others_are_not(sim: SimulatorServer, ts: TradeStation) -> None:
    stalled = socket.create_connection(("127.0.0.1", sim.port))
    token = ts.session.headers["Authorization"]
    stalled.sendall(f"GET /tradestation/v3/{ORDERS} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n\r\n".encode())
    with OpenStream(ts, ORDERS) as reader:
        reader.snapshot()
        number = resting(ts)
        for step in range(40):
            mark = f"{step} 39"
            sim.inside(lambda world, step=step: shake(world, int(number), step))
            reader.until(lambda each, mark=mark: each.get("RejectReason", "").endswith(mark), 20)
        wait_until(lambda: sim.inside(lambda world: sum(Memory.of(world).limits.open.values())) == 1, 20)
        ts.call("DELETE", f"/orderexecution/orders/{number}")
        reader.until(lambda each: each.get("Status") == "OUT", 20)
    stalled.close()


def shake(world: World, number: int, step: int) -> None:
    """Long frames of one order: forty times this is more than the sockets and the waiting room hold."""
    account = next(each for each in world.exchange.accounts.values() if number in each.orders)
    kept = account.orders[number]
    for count in range(40):
        kept.reject_reason = "x" * 20_000 + f"{step} {count}"
        event = Event("order", account.number, kept)
        for listener in list(world.event_listeners):
            listener(event)
