"""TradeStation's HTTP streams as clients meet them: transport, quotes, bars, depth, tick bars."""

import http.client
import json
import re
import socket
import time
from typing import Any

import pytest
from simulator_server import SimulatorServer, wait_until
from stream_reader import Ended, OpenStream, shaped, transcript
from tradestation_wire import CASH, FRESH, MARGIN, PAYLOADS, TradeStation, differences

from brokers.simulator.tradestation.memory import Memory
from brokers.simulator.tradestation.streams import MOST_WAITING, Waiting
from brokers.simulator.world import World

ORDERS = f"brokerage/stream/accounts/{FRESH}/orders"
POSITIONS = f"brokerage/stream/accounts/{MARGIN}/positions"


# Transport


def test_streams_are_chunked_lines_with_crlf_of_their_own_content_types(sim: SimulatorServer, ts: TradeStation) -> None:
    for path, form in (("marketdata/stream/quotes/MSFT", "v2"), (ORDERS, "v3"), (POSITIONS, "v3")):
        with OpenStream(ts, path) as stream:
            assert stream.status == 200
            assert stream.headers["transfer-encoding"] == "chunked"
            assert stream.headers["content-type"] == f"application/vnd.tradestation.streams.{form}+json"
            assert "content-length" not in stream.headers
            assert stream.raw().endswith(b"}\r\n")


def test_an_idle_stream_beats_every_five_seconds_and_counts(sim: SimulatorServer, ts: TradeStation) -> None:
    assert sim.inside(lambda world: world.switches.stream_heartbeat) == 5
    sim.faults(stream_heartbeat=1.0)
    began = time.monotonic()
    with OpenStream(ts, f"brokerage/stream/accounts/{CASH}/orders") as stream:
        stream.snapshot()
        beat = stream.next()
        assert time.monotonic() - began > 0.9
        assert shaped("S-orders", beat, 2) == []
        assert beat["Heartbeat"] == 1
        sim.faults(stream_heartbeat=0.2)
        assert [stream.next()["Heartbeat"] for _ in range(3)] == [2, 3, 4]


def test_a_stream_needs_a_token_and_its_scope(sim: SimulatorServer, ts: TradeStation) -> None:
    stranger = TradeStation(sim, scope="openid MarketData")
    with OpenStream(stranger, "marketdata/stream/quotes/MSFT") as stream:
        assert stream.status == 200
    for path in (ORDERS, "marketdata/stream/marketdepth/quotes/MSFT"):
        with OpenStream(stranger, path) as stream:
            assert (stream.status, stream.error()["Error"]) == (403, "Forbidden")
    stranger.session.headers["Authorization"] = "Bearer nonsense"
    with OpenStream(stranger, ORDERS) as stream:
        assert (stream.status, stream.error()["Error"]) == (401, "Unauthorized")


def test_an_unknown_stream_is_not_found_and_paths_are_taken_in_any_case(sim: SimulatorServer, ts: TradeStation) -> None:
    with OpenStream(ts, "marketdata/stream/Candles/MSFT") as stream:
        assert stream.status == 404
        assert stream.error() == {"Message": "not found /marketdata/stream/candles/msft", "Error": "NotFound"}
    with OpenStream(ts, "MarketData/Stream/Quotes/msft") as stream:
        assert stream.next()["Symbol"] == "MSFT"


@pytest.mark.parametrize(
    ("path", "resource", "most"),
    [
        (ORDERS, "streaming-orders", 40),
        (f"{ORDERS}/1", "streaming-orders-by-id", 40),
        (POSITIONS, "streaming-positions", 40),
        ("marketdata/stream/marketdepth/aggregates/MSFT", "streaming-marketdepth", 10),
        ("marketdata/stream/options/chains/MSFT?strikeProximity=1", "streaming-option-chains", 10),
    ],
)
def test_open_streams_are_counted_and_too_many_refused(
    sim: SimulatorServer, ts: TradeStation, path: str, resource: str, most: int
) -> None:
    with OpenStream(ts, path) as stream:
        assert stream.headers["x-concurrency-limit"] == str(most)
        assert stream.headers["x-concurrency-remaining"] == str(most - 1)
        assert stream.headers["x-concurrency-resource"] == resource
    sim.faults(tradestation_quotas={resource: 1})
    wait_until(lambda: slots(sim) == 0)
    with OpenStream(ts, path) as first:
        assert first.status == 200
        with OpenStream(ts, path) as second:
            assert second.status == 429
            assert second.error() == {"Error": "TooManyRequests", "Message": "Stream quota exceeded"}
    wait_until(lambda: slots(sim) == 0)
    with OpenStream(ts, path) as again:
        assert again.status == 200


def slots(sim: SimulatorServer) -> int:
    return sim.inside(lambda world: sum(Memory.of(world).limits.open.values()))


def test_quotes_and_aggregates_of_depth_share_their_slots(sim: SimulatorServer, ts: TradeStation) -> None:
    sim.faults(tradestation_quotas={"streaming-marketdepth": 1})
    wait_until(lambda: slots(sim) == 0)
    path = "marketdata/stream/marketdepth"
    with OpenStream(ts, f"{path}/quotes/MSFT"), OpenStream(ts, f"{path}/aggregates/MSFT") as second:
        assert second.status == 429


def test_a_client_that_goes_leaves_nothing_behind(sim: SimulatorServer, ts: TradeStation) -> None:
    def listening(world: World) -> tuple[int, int]:
        return len(world.tick_listeners), len(world.event_listeners)

    before = wait_until(lambda: sim.inside(listening) if slots(sim) == 0 else None)
    with OpenStream(ts, ORDERS) as one, OpenStream(ts, "marketdata/stream/quotes/MSFT") as two:
        one.snapshot()
        two.next()
        assert sim.inside(listening) == (before[0] + 2, before[1] + 2)
    wait_until(lambda: sim.inside(listening) == before)


def test_garbage_and_half_open_clients_disturb_nobody(sim: SimulatorServer, ts: TradeStation) -> None:
    with OpenStream(ts, "marketdata/stream/quotes/MSFT") as stream:
        stream.next()
        strangers = [socket.create_connection(("127.0.0.1", sim.port)) for _ in range(4)]
        strangers[0].sendall(b"\x00\xff garbage\r\n\r\n")
        strangers[1].sendall(b"GET /tradestation/v3/marketdata/stream/quotes/MSFT HTTP/1.1\r\nHost: x\r\n")
        strangers[2].sendall(b"GET /" + b"x" * 70_000)
        token = str(ts.session.headers["Authorization"]).encode()
        head = b"GET /tradestation/v3/marketdata/stream/quotes/MSFT HTTP/1.1\r\nHost: x\r\nAuthorization: " + token
        strangers[3].sendall(head + b"\r\n\r\n")  # opens a stream and never reads it
        for _ in range(5):
            assert stream.next()["Symbol"] == "MSFT"
        for stranger in strangers:
            stranger.close()
        assert stream.next()["Symbol"] == "MSFT"
    with OpenStream(ts, "marketdata/stream/quotes/" + "A" * 5_000) as stream:
        assert "Error" in stream.next()


def test_what_a_reader_leaves_waiting_is_bounded() -> None:
    waiting = Waiting()
    waiting.put(b"x" * MOST_WAITING)
    assert not waiting.too_much
    waiting.put(b"x")
    assert waiting.too_much
    waiting.take()
    assert not waiting.too_much


def test_a_reset_of_the_market_ends_its_streams_with_goaway(sim: SimulatorServer, ts: TradeStation) -> None:
    with OpenStream(ts, ORDERS) as stream:
        stream.snapshot()
        sim.reset()
        assert stream.until(lambda each: "StreamStatus" in each) == {"StreamStatus": "GoAway"}
        with pytest.raises(Ended, match="end of file"):
            stream.raw()


# Quotes


def test_the_first_quote_is_whole_and_shaped_as_published(sim: SimulatorServer, ts: TradeStation) -> None:
    with OpenStream(ts, "marketdata/stream/quotes/MSFT,ZZZZQ") as stream:
        assert shaped("S-quotes", stream.next()) == []
        assert stream.next() == transcript("S-quotes")[1]


def test_later_quotes_carry_only_what_changed(sim: SimulatorServer, ts: TradeStation) -> None:
    with OpenStream(ts, "marketdata/stream/quotes/SPY,QQQ") as stream:
        known = {each["Symbol"]: each for each in (stream.next(), stream.next())}
        assert set(known) == {"SPY", "QQQ"}
        for _ in range(12):
            change = stream.until(lambda each: "Symbol" in each)
            before = known[change["Symbol"]]
            assert 1 < len(change) < len(before)
            assert all(before[name] != value for name, value in change.items() if name != "Symbol" and name in before)
            before.update(change)


def test_merged_changes_are_the_quote_itself(sim: SimulatorServer, ts: TradeStation) -> None:
    with OpenStream(ts, "marketdata/stream/quotes/SPY") as stream:
        merged = stream.next()
        for each in stream.waiting(1.0):
            merged |= each
        sim.clock(speed=0.0)
        try:
            while late := stream.waiting(0.4):
                for each in late:
                    merged |= each if "Symbol" in each else {}
            quote = ts.get("/marketdata/quotes/SPY")["Quotes"][0]
        finally:
            sim.clock(speed=1.0)
    merged["NetChangePct"] = quote["NetChangePct"]
    assert merged == quote


def test_the_change_is_a_fraction_on_the_stream(sim: SimulatorServer, ts: TradeStation) -> None:
    with OpenStream(ts, "marketdata/stream/quotes/MSFT") as stream:
        quote = stream.next()
    last, before = float(quote["Last"]), float(quote["PreviousClose"])
    assert float(quote["NetChangePct"]) == pytest.approx((last - before) / before, abs=1e-6)


def test_all_readers_of_a_quote_are_told_alike(sim: SimulatorServer, ts: TradeStation) -> None:
    with OpenStream(ts, "marketdata/stream/quotes/SPY") as one, OpenStream(ts, "marketdata/stream/quotes/SPY") as two:
        first, second = one.waiting(1.0), two.waiting(0.2)
        changes = [each for each in first[1:] if each in second]
        assert len(changes) >= len(first) - 3


def test_quotes_of_every_kind_of_instrument_are_streamed(sim: SimulatorServer, ts: TradeStation) -> None:
    expiry = ts.get("/marketdata/options/expirations/MSFT")["Expirations"][2]["Date"]
    strikes = [each[0] for each in ts.get("/marketdata/options/strikes/MSFT", expiration=expiry[:10])["Strikes"]]
    option = f"MSFT {expiry[2:10].replace('-', '')}C{strikes[len(strikes) // 2]}"
    symbols = ["MSFT", "$SPX.X", "@ES", "BTCUSD", option]
    with OpenStream(ts, "marketdata/stream/quotes/" + ",".join(symbols).replace(" ", "%20")) as stream:
        assert [stream.next()["Symbol"] for _ in symbols] == symbols
        moving = {stream.until(lambda each: "Symbol" in each)["Symbol"] for _ in range(25)}
    assert len(moving) >= 3


def test_a_put_price_reaches_the_stream(sim: SimulatorServer, ts: TradeStation) -> None:
    with OpenStream(ts, "marketdata/stream/quotes/KO") as stream:
        stream.next()
        sim.price("KO", "77.77")
        stream.until(lambda each: each.get("Last", "").startswith("77."))


def test_more_than_a_hundred_symbols_are_refused_before_the_stream(sim: SimulatorServer, ts: TradeStation) -> None:
    with OpenStream(ts, "marketdata/stream/quotes/" + ",".join(f"A{n}" for n in range(101))) as stream:
        assert (stream.status, stream.error()["Error"]) == (400, "BadRequest")


# Bars


def test_bars_come_as_history_then_the_one_in_progress_again_and_again(sim: SimulatorServer, ts: TradeStation) -> None:
    with OpenStream(ts, "marketdata/stream/barcharts/SPY?unit=Minute&interval=1&barsback=2") as stream:
        first, second, running = stream.next(), stream.next(), stream.next()
        assert shaped("S-bars", first) == []
        assert [each["IsEndOfHistory"] for each in (first, second, running)] == [False, True, False]
        assert [each["BarStatus"] for each in (first, second, running)] == ["Closed", "Closed", "Open"]
        assert first["TimeStamp"] < second["TimeStamp"] < running["TimeStamp"]
        later = stream.until(lambda each: "Epoch" in each)
        assert later["Epoch"] >= running["Epoch"]
        assert set(later) == set(running)


def test_a_bar_closes_and_the_next_one_begins(sim: SimulatorServer, ts: TradeStation) -> None:
    with OpenStream(ts, "marketdata/stream/barcharts/SPY?unit=Minute&barsback=1") as stream:
        stream.next()
        running = stream.next()
        sim.clock(speed=60.0)
        try:
            closed = stream.until(lambda each: each.get("BarStatus") == "Closed")
            following = stream.until(lambda each: each.get("BarStatus") == "Open")
        finally:
            sim.clock(speed=1.0)
    assert closed["Epoch"] == running["Epoch"]
    assert following["Epoch"] > closed["Epoch"]
    chart = ts.get("/marketdata/barcharts/SPY", unit="Minute", barsback=50)["Bars"]
    kept = next(each for each in chart if each["Epoch"] == closed["Epoch"])
    assert {name: kept[name] for name in ("Open", "High", "Low", "Close", "TotalVolume")} == {
        name: closed[name] for name in ("Open", "High", "Low", "Close", "TotalVolume")
    }


@pytest.mark.parametrize("query", ["unit=Hourly", "barsback=0", "unit=Minute&interval=1441"])
def test_bar_streams_that_cannot_be_are_bad_requests(sim: SimulatorServer, ts: TradeStation, query: str) -> None:
    with OpenStream(ts, f"marketdata/stream/barcharts/SPY?{query}") as stream:
        assert stream.status == 400


# Depth


@pytest.mark.parametrize(("path", "number"), [("quotes", 0), ("aggregates", 1)])
def test_depth_is_shaped_as_published_and_sorted(
    sim: SimulatorServer, ts: TradeStation, path: str, number: int
) -> None:
    with OpenStream(ts, f"marketdata/stream/marketdepth/{path}/SPY?maxlevels=5") as stream:
        book = stream.next()
        wanted = transcript("S-depth")[number]
        assert differences(wanted["Bids"], book["Bids"]) == differences(wanted["Bids"], book["Asks"]) == []
        bids, asks = ([float(each["Price"]) for each in book[side]] for side in ("Bids", "Asks"))
        assert bids == sorted(bids, reverse=True)
        assert asks == sorted(asks)
        assert bids[0] < asks[0]
        assert len(bids) == len(asks) == 5
        assert stream.next() != book


def test_depth_agrees_with_the_quote_and_with_itself(sim: SimulatorServer, ts: TradeStation) -> None:
    sim.clock(speed=0.0)
    try:
        wait_until(lambda: sim.inside(lambda world: world.market.now == world.clock.now()))
        path = "marketdata/stream/marketdepth"
        with OpenStream(ts, f"{path}/quotes/SPY?maxlevels=60") as one, OpenStream(ts, f"{path}/aggregates/SPY") as two:
            rows, levels = one.next(), two.next()
        quote = ts.get("/marketdata/quotes/SPY")["Quotes"][0]
    finally:
        sim.clock(speed=1.0)
    for side, price, size in (("Bids", "Bid", "BidSize"), ("Asks", "Ask", "AskSize")):
        assert (levels[side][0]["Price"], levels[side][0]["TotalSize"]) == (quote[price], quote[size])
        assert len(levels[side]) == 20
        for level in levels[side][:5]:
            here = [row for row in rows[side] if row["Price"] == level["Price"]]
            assert sum(int(row["Size"]) for row in here) == int(level["TotalSize"])
            assert level["NumParticipants"] == len({row["Name"] for row in here}) == len(here)
            assert level["TotalOrderCount"] == sum(row["OrderCount"] for row in here)
            assert int(level["BiggestSize"]) == max(int(row["Size"]) for row in here)


def test_an_index_has_no_depth(sim: SimulatorServer, ts: TradeStation) -> None:
    with OpenStream(ts, "marketdata/stream/marketdepth/quotes/$SPX.X") as stream:
        assert stream.next()["Error"] == "FAILED, EX_NO_DATA_AVAILABLE"


# Tick bars


def test_tick_bars_have_numbers_and_the_old_content_type(sim: SimulatorServer, ts: TradeStation) -> None:
    with OpenStream(ts, "stream/tickbars/SPY/50/3", "v2") as stream:
        assert stream.headers["content-type"] == "application/vnd.tradestation.streams+json"
        history = [stream.next() for _ in range(3)]
        wanted = json.loads((PAYLOADS / "V3-tickbar.json").read_text())
        assert set(history[0]) == set(wanted)
        assert all(re.fullmatch(r"/Date\(\d{13}\)/", each["TimeStamp"]) for each in history)
        assert [each["Status"] & 1 << 29 > 0 for each in history] == [False, False, True]
        assert all(each["Status"] & 1 << 2 for each in history)
        live = stream.next()
        assert live["Status"] & 1 << 1


@pytest.mark.parametrize("path", ["SPY/0/3", "SPY/65000/3", "SPY/5/11", "SPY/x/3"])
def test_tick_bars_that_cannot_be_are_refused_in_the_old_envelope(
    sim: SimulatorServer, ts: TradeStation, path: str
) -> None:
    with OpenStream(ts, f"stream/tickbars/{path}", "v2") as stream:
        assert stream.status == 400
        assert set(stream.error()) == {"TraceId", "StatusCode", "Message"}


def test_a_chunk_may_hold_half_an_object(sim: SimulatorServer, ts: TradeStation) -> None:
    """A hundred quotes at once are more than a chunk; no chunk but the last is shorter than the others."""
    symbols = ",".join(each["Name"] for each in suggestions(ts)[:60])
    connection = http.client.HTTPConnection("127.0.0.1", sim.port, timeout=60)
    headers = {"Authorization": str(ts.session.headers["Authorization"])}
    connection.request("GET", f"/tradestation/v3/marketdata/stream/quotes/{symbols}", headers=headers)
    answer = connection.getresponse()
    assert answer.fp is not None
    size = int(answer.fp.readline(), 16)
    first = answer.fp.read(size)
    answer.close()
    connection.close()
    assert size == 8192
    assert not first.endswith(b"\r\n")


def suggestions(ts: TradeStation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for letter in "abcdefgimnpqstux":
        url = f"{ts.sim.url}/tradestation/v2/data/symbols/suggest/{letter}"
        found += ts.session.get(url, params={"$filter": "Category eq 'Stock'", "$top": "100"}, timeout=30).json()
    return list({each["Name"]: each for each in found}.values())
