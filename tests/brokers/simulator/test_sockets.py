"""The quote feed over real connections: the published transcript, and what faults do to it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from simulator_server import SimGrant, SimulatorServer
from tasty_client import Socket

SETUP = {"type": "SETUP", "channel": 0, "version": "0.1", "keepaliveTimeout": 60, "acceptKeepaliveTimeout": 60}
FIELDS = {
    "Quote": ["eventType", "eventSymbol", "bidPrice", "askPrice", "bidSize", "askSize"],
    "Trade": ["eventType", "eventSymbol", "price", "dayVolume", "size"],
    "Greeks": ["eventType", "eventSymbol", "volatility", "delta", "gamma", "theta", "rho", "vega"],
    "Summary": ["eventType", "eventSymbol", "prevDayClosePrice", "openInterest"],
    "Profile": ["eventType", "eventSymbol", "description"],
    "TradeETH": ["eventType", "eventSymbol", "price"],
}


@pytest.fixture
def grant(sim: SimulatorServer) -> SimGrant:
    return sim.grant()


@pytest.fixture
def quotes(sim: SimulatorServer, grant: SimGrant) -> Iterator[Socket]:
    """A DXLink connection with an open, set-up channel 1."""
    given = sim.session(grant).get(f"{sim.api}/api-quote-tokens").json()["data"]
    with Socket(given["dxlink-url"]) as socket:
        socket.say(SETUP, {"type": "AUTH", "channel": 0, "token": given["token"]})
        socket.hear(lambda m: m.get("state") == "AUTHORIZED")
        socket.say({"type": "CHANNEL_REQUEST", "channel": 1, "service": "FEED", "parameters": {"contract": "AUTO"}})
        socket.hear(lambda m: m["type"] == "CHANNEL_OPENED")
        body = {"acceptAggregationPeriod": 0.1, "acceptDataFormat": "COMPACT", "acceptEventFields": FIELDS}
        socket.say({"type": "FEED_SETUP", "channel": 1, **body})
        yield socket


def subscribe(*pairs: tuple[str, str]) -> dict[str, Any]:
    add = [{"type": kind, "symbol": symbol} for kind, symbol in pairs]
    return {"type": "FEED_SUBSCRIPTION", "channel": 1, "reset": True, "add": add}


def data(kind: str, symbol: str = "") -> Callable[[dict[str, Any]], bool]:
    return lambda m: m["type"] == "FEED_DATA" and m["data"][0] == kind and (not symbol or symbol in m["data"][1])


def an_option(sim: SimulatorServer, grant: SimGrant) -> str:
    chain = sim.session(grant).get(f"{sim.api}/option-chains/SPY/nested").json()["data"]["items"][0]
    strikes = chain["expirations"][2]["strikes"]
    return str(strikes[len(strikes) // 2]["call-streamer-symbol"])


def test_shares_quote_and_move(quotes: Socket) -> None:
    quotes.say(subscribe(("Quote", "SPY"), ("Trade", "SPY"), ("Summary", "SPY"), ("Profile", "SPY")))
    assert quotes.hear(lambda m: "eventFields" in m)["eventFields"].keys() == {"Quote", "Trade", "Summary", "Profile"}
    kind, symbol, bid, ask, bid_size, ask_size = quotes.hear(data("Quote"))["data"][1]
    assert (kind, symbol) == ("Quote", "SPY")
    assert 0 < bid < ask
    assert bid_size > 0 < ask_size
    assert quotes.hear(data("Summary"))["data"][1][3] == 0, "open interest is a whole number, always"
    changes = {tuple(quotes.hear(data("Quote"))["data"][1][2:6]) for _ in range(3)}
    assert len(changes) >= 2


def test_options_have_quotes_and_greeks(sim: SimulatorServer, grant: SimGrant, quotes: Socket) -> None:
    option = an_option(sim, grant)
    quotes.say(subscribe(("Greeks", option), ("Quote", option), ("Greeks", "SPY")))
    _, symbol, volatility, delta, gamma, theta, _, vega = quotes.hear(data("Greeks"))["data"][1]
    assert symbol == option
    assert 0.01 < volatility < 3
    assert 0 < delta < 1
    assert gamma > 0 > theta
    assert vega > 0
    assert quotes.hear(data("Quote"))["data"][1][3] > 0


def test_an_index_has_a_trade_but_a_quote_of_nans(quotes: Socket) -> None:
    quotes.say(subscribe(("Quote", "VIX"), ("Trade", "VIX")))
    assert quotes.hear(data("Quote"))["data"][1] == ["Quote", "VIX", "NaN", "NaN", "NaN", "NaN"]
    assert quotes.hear(data("Trade"))["data"][1][2] > 0


def test_unknown_symbols_are_silent(quotes: Socket) -> None:
    quotes.say(subscribe(("Quote", "NOSUCH"), ("Candle", "NOSUCH{=5m}"), ("Order", "SPY")))
    assert [m for m in quotes.hear_all(0.5) if m["type"] == "FEED_DATA"] == []


def test_a_whole_chain_arrives_in_frames_below_the_limit(sim: SimulatorServer, grant: SimGrant, quotes: Socket) -> None:
    chain = sim.session(grant).get(f"{sim.api}/option-chains/GM/compact").json()["data"]["items"]
    symbols = [symbol for item in chain for symbol in item["streamer-symbols"]]
    for start in range(0, len(symbols), 250):
        add = [{"type": "Greeks", "symbol": symbol} for symbol in symbols[start : start + 250]]
        quotes.say({"type": "FEED_SUBSCRIPTION", "channel": 1, "add": add})
    seen: set[str] = set()
    while len(seen) < len(symbols):
        message = quotes.hear(data("Greeks"))  # the client gives up on a frame of 64 KiB or more
        seen.update(value for value in message["data"][1] if isinstance(value, str) and value.startswith("."))


def test_an_oversized_request_closes_the_socket(quotes: Socket) -> None:
    quotes.say(subscribe(*[("Quote", f"SYMBOL{number}") for number in range(2500)]))
    assert quotes.is_dropped()
    assert quotes.raw.close_code == 1009


def test_a_silent_client_is_dropped(sim: SimulatorServer) -> None:
    sim.faults(dxlink_keepalive=0.5)
    with Socket(f"{sim.ws}/dxlink") as socket:
        socket.say(SETUP)
        assert socket.hear(lambda m: m["type"] == "ERROR")["error"] == "TIMEOUT"
        assert socket.is_dropped()


def test_a_bad_quote_token_is_refused_and_then_dropped(sim: SimulatorServer) -> None:
    bad = {"type": "AUTH", "channel": 0, "token": "stale"}
    with Socket(f"{sim.ws}/dxlink") as socket:
        socket.say(SETUP, bad, bad)
        assert socket.hear(lambda m: m["type"] == "ERROR")["error"] == "UNAUTHORIZED"
        assert socket.is_dropped()
        assert socket.raw.close_code == 1008


def test_the_feed_falls_silent_while_keepalives_go_on(sim: SimulatorServer, quotes: Socket) -> None:
    quotes.say(subscribe(("Quote", "SPY")))
    quotes.hear(data("Quote"))
    sim.faults({"effect": "dxlink_silent"})
    quotes.hear_all(0.3)
    assert [m for m in quotes.hear_all(0.8) if m["type"] == "FEED_DATA"] == []
    sim.clear_faults()
    quotes.hear(data("Quote"))


def test_the_feed_can_be_dropped(sim: SimulatorServer, quotes: Socket) -> None:
    sim.faults({"effect": "dxlink_close", "times": 1})
    assert quotes.is_dropped()


def test_the_feed_goes_on_after_a_reset(sim: SimulatorServer, quotes: Socket) -> None:
    quotes.say(subscribe(("Quote", "SPY")))
    quotes.hear(data("Quote"))
    sim.reset()
    quotes.hear_all(0.3)
    quotes.hear(data("Quote"))
