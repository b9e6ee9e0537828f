"""TradeStation's streams of orders and positions."""

from datetime import datetime, timezone
from typing import Any

import pytest
from simulator_server import SimulatorServer, wait_until
from stream_reader import OpenStream, shaped
from tradestation_wire import CASH, FRESH, FUTURES, MARGIN, TradeStation, open_accounts, order

from brokers.simulator.clock import Clock

ORDERS = f"brokerage/stream/accounts/{FRESH}/orders"
POSITIONS = f"brokerage/stream/accounts/{MARGIN}/positions"
FRESH_POSITIONS = f"brokerage/stream/accounts/{FRESH}/positions?changes=true"

# Orders


def statuses(stream: OpenStream, number: str, last: str) -> list[dict[str, Any]]:
    """An order's frames up to the one with the last status and an end."""
    found = []
    while True:
        found.append(stream.until(lambda each: each.get("OrderID") == number))
        if found[-1]["Status"] == last and (last not in ("OUT", "FLL") or "ClosedDateTime" in found[-1]):
            return found


def codes(frames: list[dict[str, Any]]) -> list[str]:
    return [frame["Status"] for frame in frames]


def test_an_account_without_orders_has_only_the_end_of_its_snapshot(sim: SimulatorServer, ts: TradeStation) -> None:
    with OpenStream(ts, f"brokerage/stream/accounts/{FUTURES}/orders") as stream:
        assert stream.next() == {"StreamStatus": "EndSnapshot"}


def test_a_snapshot_has_the_orders_that_a_request_has(sim: SimulatorServer, ts: TradeStation) -> None:
    number = ts.sent(order("AAPL", 2, limit="50"))[0]
    with OpenStream(ts, ORDERS) as stream:
        snapshot = stream.snapshot()
    found = next(each for each in snapshot if each["OrderID"] == number)
    assert shaped("S-orders", found) == []
    assert {each["OrderID"] for each in snapshot} == {
        each["OrderID"] for each in ts.get(f"/brokerage/accounts/{FRESH}/orders")["Orders"]
    }


def test_a_resting_order_is_sent_received_and_cancelled_with_two_outs(sim: SimulatorServer, ts: TradeStation) -> None:
    with OpenStream(ts, ORDERS) as stream:
        stream.snapshot()
        number = ts.sent(order("AAPL", 2, limit="50"))[0]
        assert codes(statuses(stream, number, "ACK")) == ["OPN", "ACK"]
        ts.call("DELETE", f"/orderexecution/orders/{number}")
        frames = statuses(stream, number, "OUT")
    assert codes(frames) == ["UCN", "OUT", "OUT"]
    assert ["ClosedDateTime" in frame for frame in frames] == [False, False, True]
    assert frames[-1]["StatusDescription"] == "UROut"


def test_a_market_order_is_filled_on_the_stream(sim: SimulatorServer, ts: TradeStation) -> None:
    with OpenStream(ts, ORDERS) as stream:
        stream.snapshot()
        number = ts.sent(order("AAPL", 3))[0]
        frames = statuses(stream, number, "FLL")
    assert codes(frames)[-1] == "FLL"
    assert frames[-1]["Legs"][0]["ExecQuantity"] == "3"
    assert float(frames[-1]["Legs"][0]["ExecutionPrice"]) > 0


def test_partial_fills_grow(sim: SimulatorServer, ts: TradeStation) -> None:
    sim.fills("partial", fraction=0.5, interval=0.2)
    try:
        with OpenStream(ts, ORDERS) as stream:
            stream.snapshot()
            number = ts.sent(order("AAPL", 8, limit="9999"))[0]
            frames = statuses(stream, number, "FLL")
    finally:
        sim.fills("immediate")
    assert "FPR" in codes(frames)
    done = [int(frame["Legs"][0]["ExecQuantity"]) for frame in frames]
    assert done == sorted(done)
    assert done[-1] == 8


@pytest.mark.parametrize("limit", [None, "1"])
def test_a_stop_is_hit_works_and_fills(sim: SimulatorServer, ts: TradeStation, limit: str | None) -> None:
    sim.price("PLTR", "70")
    with OpenStream(ts, ORDERS) as stream:
        stream.snapshot()
        ts.sent(order("PLTR", 5))
        wait_until(lambda: held(ts, FRESH))
        number = ts.sent(order("PLTR", 5, "SELL", stop="60", limit=limit))[0]
        statuses(stream, number, "ACK")
        sim.price("PLTR", "59")
        frames = statuses(stream, number, "FLL")
    assert codes(frames) == ["STP", "ACK", "FLL"]
    assert "ClosedDateTime" in frames[0]
    assert [frame["Legs"][0]["ExecQuantity"] for frame in frames] == ["0", "5", "5"]


def held(ts: TradeStation, account: str = MARGIN) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ts.get(f"/brokerage/accounts/{account}/positions")["Positions"]
    return found


def test_at_the_close_day_orders_expire_and_lasting_ones_are_queued_until_the_next_morning() -> None:
    before_the_close = Clock(datetime(2026, 11, 20, 20, 50, tzinfo=timezone.utc))
    with SimulatorServer(always_open=False, clock=before_the_close) as sim:
        open_accounts(sim)
        ts = TradeStation(sim)
        with OpenStream(ts, ORDERS) as stream:
            stream.snapshot()
            short, lasting = (ts.sent(order("AAPL", 2, limit="50", duration=each))[0] for each in ("DAY", "GTC"))
            sim.clock(jump=600)
            ended = {short: stream.until(lambda each: each.get("Status") == "EXP")}
            queued = stream.until(lambda each: each.get("Status") == "DON")
            assert ended[short]["OrderID"] == short
            assert (queued["OrderID"], queued["StatusDescription"]) == (lasting, "Queued")
            assert queued["Legs"][0]["QuantityRemaining"] == "0"
            assert "ClosedDateTime" in queued
            sim.clock(jump=66 * 3600)
            assert stream.until(lambda each: each.get("Status") == "ACK")["OrderID"] == lasting


def test_a_replacement_is_told_and_one_that_changes_nothing_is_not(sim: SimulatorServer, ts: TradeStation) -> None:
    with OpenStream(ts, ORDERS) as stream:
        stream.snapshot()
        number = ts.sent(order("AAPL", 2, limit="50"))[0]
        statuses(stream, number, "ACK")
        ts.call("PUT", f"/orderexecution/orders/{number}", json={"LimitPrice": "50"})
        assert [each for each in stream.waiting(0.6) if each.get("OrderID") == number] == []
        ts.call("PUT", f"/orderexecution/orders/{number}", json={"LimitPrice": "51"})
        frame = stream.until(lambda each: each.get("OrderID") == number)
        assert (frame["Status"], frame["LimitPrice"]) == ("ACK", "51")


def test_orders_asked_for_by_number_come_alone(sim: SimulatorServer, ts: TradeStation) -> None:
    mine, other = ts.sent(order("AAPL", 2, limit="50"))[0], ts.sent(order("AAPL", 2, limit="49"))[0]
    with OpenStream(ts, f"{ORDERS}/{mine},999") as stream:
        snapshot = stream.snapshot()
        assert [each.get("OrderID") for each in snapshot] == ["999", mine]
        assert snapshot[0]["Error"] == "NotFound"
        ts.call("DELETE", f"/orderexecution/orders/{other}")
        ts.call("DELETE", f"/orderexecution/orders/{mine}")
        assert {stream.next()["OrderID"] for _ in range(3)} == {mine}


def test_one_foreign_account_is_forbidden_and_the_others_go_on(sim: SimulatorServer, ts: TradeStation) -> None:
    with OpenStream(ts, f"brokerage/stream/accounts/{MARGIN.lower()},SIM5000003M,{CASH}/orders") as stream:
        errors = [each for each in stream.snapshot() if "Error" in each]
        assert errors == [{"AccountID": "SIM5000003M", "Error": "Forbidden", "Message": "Invalid Account ID."}]
        numbers = {ts.sent(order("F", 1, limit="5") | {"AccountID": account})[0] for account in (MARGIN, CASH)}
        told = {stream.until(lambda each: "OrderID" in each)["OrderID"] for _ in range(4)}
        assert told == numbers


def test_twenty_five_accounts_are_the_most(sim: SimulatorServer, ts: TradeStation) -> None:
    names = ",".join(f"SIM{n}M" for n in range(26))
    with OpenStream(ts, f"brokerage/stream/accounts/{names}/orders") as stream:
        assert stream.status == 400


# Positions


def test_positions_are_shaped_as_published_without_requirements(sim: SimulatorServer, ts: TradeStation) -> None:
    with OpenStream(ts, POSITIONS) as stream:
        snapshot = stream.snapshot()
    share = next(each for each in snapshot if each["AssetType"] == "STOCK")
    assert shaped("S-positions", share) == []
    assert {each["PositionID"] for each in snapshot} == {each["PositionID"] for each in held(ts)}


def test_changes_of_positions_are_whole_or_only_what_changed(sim: SimulatorServer, ts: TradeStation) -> None:
    for changes, whole in (("false", True), ("true", False)):
        with OpenStream(ts, f"{POSITIONS}?changes={changes}") as stream:
            known = {each["PositionID"]: each for each in stream.snapshot()}
            change = stream.until(lambda each: "PositionID" in each)
            assert (set(change) == set(known[change["PositionID"]])) is whole


def test_a_position_opens_grows_and_is_deleted(sim: SimulatorServer, ts: TradeStation) -> None:
    with OpenStream(ts, FRESH_POSITIONS) as stream:
        stream.snapshot()
        ts.sent(order("INTC", 4))
        opened = stream.until(lambda each: each.get("Symbol") == "INTC")
        assert (opened["Quantity"], opened["LongShort"]) == ("4", "Long")
        name = opened["PositionID"]
        ts.sent(order("INTC", 2))
        grown = stream.until(lambda each: each.get("PositionID") == name and "Quantity" in each)
        assert grown["Quantity"] == "6"
        assert "Symbol" not in grown
        ts.sent(order("INTC", 6, "SELL"))
        gone = stream.until(lambda each: each.get("Deleted"))
        assert gone == {"PositionID": name, "Deleted": True}
