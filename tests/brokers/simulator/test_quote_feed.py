"""The quote feed over real sockets, beyond quotes: candles, trades, series, theoretical values, what can go wrong."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Literal

import pytest
from simulator_server import SimGrant, SimulatorServer
from websockets.sync.client import ClientConnection, connect

from brokers.domain.instruments import Equity
from brokers.simulator.market import Interval
from brokers.simulator.tastytrade.dxlink.candles import CandleSymbol, parse_candle_symbol
from brokers.simulator.tastytrade.dxlink.feed import MarketFeed
from brokers.simulator.tastytrade.dxlink.frames import FIELDS, PAUSE, data_frames
from brokers.simulator.world import World

SETUP = {"type": "SETUP", "channel": 0, "version": "0.1", "keepaliveTimeout": 60, "acceptKeepaliveTimeout": 60}
Message = dict[str, Any]


class Line:
    """A connection with channel 1 open in COMPACT form, all fields of all types asked for."""

    def __init__(self, sim: SimulatorServer, grant: SimGrant) -> None:
        given = sim.session(grant).get(f"{sim.api}/api-quote-tokens").json()["data"]
        self.stack = contextlib.ExitStack()
        socket = connect(given["dxlink-url"], compression=None, max_size=65_536)
        self.raw: ClientConnection = self.stack.enter_context(socket)
        self.say(SETUP, {"type": "AUTH", "channel": 0, "token": given["token"]})

    def open(self) -> "Line":
        opened = {"type": "CHANNEL_REQUEST", "channel": 1, "service": "FEED", "parameters": {"contract": "AUTO"}}
        self.say(opened, {"type": "FEED_SETUP", "channel": 1, "acceptDataFormat": "COMPACT"})
        self.hear(lambda message: message["type"] == "FEED_CONFIG")
        return self

    def say(self, *messages: Message) -> None:
        for message in messages:
            self.raw.send(json.dumps(message))

    def add(self, *subscriptions: Message) -> None:
        self.say({"type": "FEED_SUBSCRIPTION", "channel": 1, "add": list(subscriptions)})

    def hear(self, wanted: Callable[[Message], Any], seconds: float = 20) -> Message:
        deadline = time.monotonic() + seconds
        while True:
            message: Message = json.loads(self.raw.recv(timeout=max(deadline - time.monotonic(), 0.001)))
            if wanted(message):
                return message

    def events(self, kind: str, seconds: float = 20) -> list[Message]:
        """The events of the next data frame of a type, by field names."""
        values = self.hear(lambda m: m["type"] == "FEED_DATA" and m["data"][0] == kind, seconds)["data"][1]
        names = FIELDS[kind]
        assert len(values) % len(names) == 0
        return [dict(zip(names, values[at : at + len(names)], strict=True)) for at in range(0, len(values), len(names))]


@pytest.fixture
def grant(sim: SimulatorServer) -> SimGrant:
    return sim.grant()


@pytest.fixture
def line(sim: SimulatorServer, grant: SimGrant) -> Iterator[Line]:
    line = Line(sim, grant).open()
    yield line
    line.stack.close()


def snapshot(line: Line) -> list[Message]:
    found = line.events("Candle")
    while not any(each["eventFlags"] & (8 | 16) for each in found):
        found += line.events("Candle")
    return found


def test_a_candle_snapshot_begins_with_its_newest_and_ends_with_an_empty_one(sim: SimulatorServer, line: Line) -> None:
    now = sim.inside(lambda world: world.market.now)
    since = int((now - timedelta(days=3)).timestamp() * 1000)
    line.add({"type": "Candle", "symbol": "AAPL{=5m,tho=true}", "fromTime": since})
    found = snapshot(line)
    assert {each["eventSymbol"] for each in found} == {"AAPL{=5m,tho=true}"}
    assert [each["eventFlags"] for each in found] == [4] + [0] * (len(found) - 2) + [10]
    times = [each["time"] for each in found]
    assert times == sorted(times, reverse=True)
    assert found[-1]["open"] == found[-1]["close"] == "NaN"
    assert all(each["index"] >> 32 == each["time"] // 1000 for each in found)
    bars = sim.inside(
        lambda world: world.market.bars(Equity("AAPL"), Interval(5, "minute"), now - timedelta(days=3), now)
    )
    whole = {each["time"]: each for each in found[1:-1]}
    for bar in bars[1:-1]:
        shown = whole[int(bar.start.timestamp() * 1000)]
        assert (shown["open"], shown["high"], shown["low"], shown["close"]) == (bar.open, bar.high, bar.low, bar.close)
        assert shown["volume"] == bar.volume


def test_the_candle_in_progress_goes_on_after_its_snapshot(sim: SimulatorServer, line: Line) -> None:
    since = sim.inside(lambda world: int(world.market.now.timestamp() * 1000) - 60_000)
    line.add({"type": "Candle", "symbol": "SPY{=1m}", "fromTime": since})
    newest = snapshot(line)[0]
    assert newest["eventSymbol"] == "SPY{=m}", "a count of one is left out of the symbol"
    later = line.events("Candle")[-1]
    assert later["eventFlags"] == 0
    assert later["time"] >= newest["time"]
    assert later["low"] <= later["close"] <= later["high"]


def test_candles_reach_years_back_by_day_week_and_month(sim: SimulatorServer, line: Line) -> None:
    since = sim.inside(lambda world: int((world.market.now - timedelta(days=365 * 2)).timestamp() * 1000))
    for symbol, least in (("F{=d}", 480), ("F{=w}", 100), ("F{=mo}", 23)):
        line.add({"type": "Candle", "symbol": symbol, "fromTime": since})
        found = snapshot(line)
        assert len([each for each in found if each["open"] != "NaN"]) >= least
        line.say({"type": "FEED_SUBSCRIPTION", "channel": 1, "reset": True})


def test_candles_that_nobody_makes_end_at_once(line: Line) -> None:
    line.add({"type": "Candle", "symbol": "SPY{=5t}", "fromTime": 1})
    assert [each["eventFlags"] for each in snapshot(line)] == [4 | 8 | 2]


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("AAPL{=1d}", "AAPL{=d}"),
        ("AAPL{=5m}", "AAPL{=5m}"),
        ("AAPL{=h,tho=true}", "AAPL{=h,tho=true}"),
        ("AAPL{tho=false,=30m,price=last}", "AAPL{=30m}"),
        (".SPY261218C600{=1mo}", ".SPY261218C600{=mo}"),
        ("BTC/USD:CXTALP{=2h}", "BTC/USD:CXTALP{=2h}"),
    ],
)
def test_candle_symbols_are_normalised(text: str, canonical: str) -> None:
    found = parse_candle_symbol(text)
    assert found is not None
    assert found.text == canonical
    assert parse_candle_symbol(canonical) == found


@pytest.mark.parametrize("text", ["AAPL", "AAPL{=0d}", "AAPL{=x}", "{=d}", "AAPL{=5m", "AAPL{=9999999m}"])
def test_what_is_no_candle_symbol_is_none(text: str) -> None:
    assert parse_candle_symbol(text) is None


@pytest.mark.parametrize(("count", "unit"), [(3, "v"), (999_999, "d"), (999_999, "y"), (13, "mo"), (86_401, "s")])
def test_candles_of_a_length_that_nobody_makes_are_harmless(count: int, unit: str) -> None:
    assert CandleSymbol("A", count, unit).interval is None


def test_a_long_chart_is_made_in_moments(sim: SimulatorServer, line: Line) -> None:
    """Between two runs of bars others have their turn, so a pause comes at least with every day of a long chart."""

    def pauses(world: World) -> tuple[int, int]:
        feed = MarketFeed(world.market, world.faults, world.switches)
        pieces = list(feed.series("Candle", "AAPL{=m}", 1, None))
        return pieces.count(PAUSE), len(pieces)

    paused, made = sim.inside(pauses)
    assert paused > made / 1_000 > 30


def test_a_listener_that_fails_does_not_take_the_market_from_the_others(sim: SimulatorServer, line: Line) -> None:
    def fail(changed: object) -> None:
        raise RuntimeError("a mistake")

    sim.inside(lambda world: world.tick_listeners.add(fail))
    line.add({"type": "Quote", "symbol": "SPY"})
    line.events("Quote")
    line.events("Quote")
    sim.inside(lambda world: world.tick_listeners.discard(fail))


def test_trades_come_one_by_one_with_side_and_size(line: Line) -> None:
    line.add({"type": "TimeAndSale", "symbol": "SPY"})
    sales: list[Message] = []
    while len(sales) < 5:
        sales += line.events("TimeAndSale")
    for sale in sales:
        assert sale["eventSymbol"] == "SPY"
        assert sale["aggressorSide"] in ("BUY", "SELL") or sale["bidPrice"] < sale["price"] < sale["askPrice"]
        assert sale["size"] > 0
        assert sale["bidPrice"] - 0.011 <= sale["price"] <= sale["askPrice"] + 0.011
        assert (sale["type"], sale["validTick"], sale["buyer"]) == ("NEW", True, None)
    assert [sale["time"] for sale in sales] == sorted(sale["time"] for sale in sales)


def test_options_have_theoretical_prices_and_underlyings_have_volatility(sim: SimulatorServer, line: Line) -> None:
    option = sim.inside(lambda world: _streamer(world))
    line.add({"type": "TheoPrice", "symbol": option}, {"type": "Underlying", "symbol": "AAPL"})
    theo = line.events("TheoPrice")[0]
    assert theo["price"] > 0 < theo["underlyingPrice"]
    under = line.events("Underlying")[0]
    assert 0.05 < under["volatility"] < 2
    assert under["callVolume"] == int(under["callVolume"])


def _streamer(world: Any) -> str:
    from brokers.simulator.tastytrade.symbols import streamer_symbol

    expiration = world.market.chain(Equity("AAPL")).expirations[3]
    return str(streamer_symbol(expiration.strikes[len(expiration.strikes) // 2].call))


def test_a_series_has_one_event_for_each_expiration(sim: SimulatorServer, line: Line) -> None:
    line.add({"type": "Series", "symbol": "AAPL"})
    found = line.events("Series")
    assert len(found) > 8
    assert (found[0]["eventFlags"], found[-1]["eventFlags"]) == (4, 8)
    assert all(0.05 < each["volatility"] < 3 for each in found)


def test_futures_and_crypto_are_quoted(sim: SimulatorServer, line: Line) -> None:
    future = sim.inside(lambda world: _front(world))
    line.add({"type": "Quote", "symbol": future}, {"type": "Quote", "symbol": "BTC/USD:CXTALP"})
    seen: dict[str, Message] = {}
    while len(seen) < 2:
        seen |= {each["eventSymbol"]: each for each in line.events("Quote")}
    assert 0 < seen[future]["bidPrice"] < seen[future]["askPrice"]
    assert seen[future]["bidPrice"] % 0.25 == 0
    assert seen["BTC/USD:CXTALP"]["bidPrice"] > 0


def _front(world: Any) -> str:
    from brokers.simulator.tastytrade.symbols import streamer_symbol

    return str(streamer_symbol(world.market.contracts("ES")[0].future))


def test_quotes_can_be_fifteen_minutes_late(sim: SimulatorServer, line: Line) -> None:
    sim.faults(dxlink_delay=15.0)
    line.add({"type": "Quote", "symbol": "SPY"})
    shown = line.events("Quote")[0]
    now = sim.inside(lambda world: world.market.now)
    assert 14.5 < (now.timestamp() - shown["bidTime"] / 1000) / 60 < 15.5


def test_a_symbol_can_be_without_data_or_without_numbers(sim: SimulatorServer, line: Line) -> None:
    sim.faults({"effect": "dxlink_no_data", "symbol": "F"}, {"effect": "dxlink_nan", "symbol": "T"})
    line.add({"type": "Quote", "symbol": "F"}, {"type": "Quote", "symbol": "T"}, {"type": "Quote", "symbol": "KO"})
    found = line.events("Quote")
    assert {each["eventSymbol"] for each in found} == {"T", "KO"}
    assert next(each for each in found if each["eventSymbol"] == "T")["bidPrice"] == "NaN"


def test_the_server_can_close_the_channel(sim: SimulatorServer, line: Line) -> None:
    sim.faults({"effect": "dxlink_channel_closed", "times": 1})
    assert line.hear(lambda message: message["type"] == "CHANNEL_CLOSED")["channel"] == 1


def test_a_person_may_have_five_sessions_and_gets_one_back_by_closing(sim: SimulatorServer, grant: SimGrant) -> None:
    lines = [Line(sim, grant) for _ in range(5)]
    for line in lines:
        line.hear(lambda message: message.get("state") == "AUTHORIZED")
    sixth = Line(sim, grant)
    assert sixth.hear(lambda message: message["type"] == "ERROR")["error"] == "UNAUTHORIZED"
    lines[0].stack.close()
    again = Line(sim, grant)
    again.hear(lambda message: message.get("state") == "AUTHORIZED")
    for line in (*lines[1:], again):
        line.stack.close()


def test_binary_frames_are_answered_and_survived(line: Line) -> None:
    line.raw.send(b"\x00\xff")
    assert line.hear(lambda message: message["type"] == "ERROR")["error"] == "INVALID_MESSAGE"
    line.add({"type": "Quote", "symbol": "SPY"})
    assert line.events("Quote")


@pytest.mark.parametrize(("period", "unit"), [("w", "week"), ("mo", "month")])
def test_long_charts_of_weeks_and_months_are_told_as_they_are_made(
    sim: SimulatorServer, period: str, unit: Literal["week", "month"]
) -> None:
    """The newest come first, long before the oldest are made, and together they are what the market has."""

    def told(world: World) -> tuple[list[str], list[int]]:
        feed = MarketFeed(world.market, world.faults, world.switches)
        start = world.market.now - timedelta(days=500)
        pieces = list(feed.series("Candle", f"KO{{={period}}}", int(start.timestamp() * 1000), None))
        made = world.market.bars(Equity("KO"), Interval(1, unit), start, world.market.now, "extended")
        return pieces, [int(bar.start.timestamp() * 1000) for bar in made]

    pieces, expected = sim.inside(told)
    events = [json.loads(piece) for piece in pieces if piece != PAUSE]
    assert [event["time"] for event in events[:-1]] == expected[::-1]
    assert pieces[::-1].index(PAUSE) < len(events) / 2, "all of it was made before any of it was told"


def test_candles_that_are_there_do_not_wait_for_a_full_frame() -> None:
    made = [f"{number}" if number % 2 else PAUSE for number in range(40)]
    frames = [frame for frame in data_frames(1, "Candle", made) if frame != PAUSE]
    assert len(frames) == 3
    assert [value for frame in frames for value in json.loads(frame)["data"][1]] == list(range(1, 40, 2))
    assert len([*data_frames(1, "Candle", [f"{number}" for number in range(40)])]) == 1
