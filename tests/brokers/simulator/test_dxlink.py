"""The quote feed's protocol, fed with texts."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from brokers.domain.instruments import Equity, Instrument
from brokers.simulator.tastytrade.dxlink.frames import LARGEST_FRAME, Names, encode
from brokers.simulator.tastytrade.dxlink.session import Limits, Session

SPY = Equity("SPY")
SETUP = {"type": "SETUP", "channel": 0, "version": "0.1-test/1", "keepaliveTimeout": 60, "acceptKeepaliveTimeout": 60}
AUTH = {"type": "AUTH", "channel": 0, "token": "good"}
OPEN = {"type": "CHANNEL_REQUEST", "channel": 1, "service": "FEED", "parameters": {"contract": "AUTO"}}
FIELDS = {
    "Quote": ["eventType", "eventSymbol", "bidPrice", "askPrice", "bidSize", "askSize"],
    "Trade": ["eventType", "eventSymbol", "price", "dayVolume", "size"],
}


class Board:
    """A feed of one share and of one option that has no trade yet."""

    def __init__(self) -> None:
        self.bid = 602.11
        self.candles = 3
        self.close = 191.3
        self.sold: list[float] = []

    def piece(self, kind: str, symbol: str, names: Names) -> str | None:
        event = self.event(kind, symbol)
        return None if event is None else encode(event, names)

    def sales(self, symbol: str, names: Names) -> list[str]:
        head = {"eventType": "TimeAndSale", "eventSymbol": symbol}
        return [encode(head | {"price": price, "buyer": None}, names) for price in self.sold]

    def series(self, kind: str, symbol: str, since_ms: int | None, names: Names) -> Iterator[str]:
        return (encode({"eventSymbol": symbol, "time": number, "close": 1.0}, names) for number in range(self.candles))

    def live(self, symbol: str, names: Names) -> list[str]:
        return [encode({"eventSymbol": symbol, "time": 0, "close": self.close}, names)]

    def event(self, kind: str, symbol: str) -> dict[str, Any] | None:
        head = {"eventType": kind, "eventSymbol": symbol, "eventTime": 0}
        if symbol.startswith("X"):
            return head | {"bidPrice": 1.0, "askPrice": 1.01, "bidSize": 1.0, "askSize": 1.0}
        if symbol != "SPY":
            return None
        if kind == "Quote":
            return head | {"bidPrice": self.bid, "askPrice": 602.13, "bidSize": 300.0, "askSize": 500.0}
        return head | {"price": 602.12, "size": 100.0} if kind == "Trade" else None

    def moves_with(self, symbol: str) -> Instrument | None:
        return SPY if symbol.startswith("SPY") else None


class Line:
    """A client's end: sends objects, keeps what comes back."""

    def __init__(self, limits: Limits = Limits(), most_sessions: int = 5) -> None:  # noqa: B008
        self.board = Board()
        self.now = 100.0
        self.session = Session({"good": "U1"}.get, self.board, self.now, limits, lambda user: most_sessions > 0)

    def say(self, *messages: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            json.loads(text) for message in messages for text in self.session.receive(json.dumps(message), self.now)
        ]

    def flush(self, seconds: float = 0.1) -> list[dict[str, Any]]:
        self.now += seconds
        self.session.changed({SPY})
        return [json.loads(text) for text in self.session.flush(self.now)]


@pytest.fixture
def line() -> Line:
    line = Line()
    line.say(SETUP, AUTH, OPEN)
    return line


def feed_setup(**values: Any) -> dict[str, Any]:
    body = {"acceptAggregationPeriod": 0.1, "acceptDataFormat": "COMPACT", "acceptEventFields": FIELDS}
    return {"type": "FEED_SETUP", "channel": 1, **body, **values}


def subscribe(*pairs: tuple[str, str], **values: Any) -> dict[str, Any]:
    add = [{"type": kind, "symbol": symbol} for kind, symbol in pairs]
    return {"type": "FEED_SUBSCRIPTION", "channel": 1, "add": add, **values}


def test_a_connection_goes_through_the_published_steps() -> None:
    line = Line()
    setup, state = line.say(SETUP)
    assert (setup["type"], setup["keepaliveTimeout"]) == ("SETUP", 60)
    assert state == {"type": "AUTH_STATE", "channel": 0, "state": "UNAUTHORIZED"}
    assert line.say(AUTH) == [{"type": "AUTH_STATE", "channel": 0, "state": "AUTHORIZED", "userId": "U1"}]
    [opened] = line.say(OPEN)
    parameters = {"contract": "AUTO", "subFormat": "LIST"}
    assert opened == {"type": "CHANNEL_OPENED", "channel": 1, "service": "FEED", "parameters": parameters}
    [config] = line.say(feed_setup())
    assert config == {"type": "FEED_CONFIG", "channel": 1, "dataFormat": "COMPACT", "aggregationPeriod": 0.1}
    fields, quotes, trades = line.say(subscribe(("Quote", "SPY"), ("Trade", "SPY"), reset=True))
    assert fields["eventFields"] == FIELDS
    assert quotes["data"] == ["Quote", ["Quote", "SPY", 602.11, 602.13, 300.0, 500.0]]
    assert trades["data"] == ["Trade", ["Trade", "SPY", 602.12, "NaN", 100.0]]
    assert line.say({"type": "KEEPALIVE", "channel": 0}) == []
    assert line.say({"type": "FEED_SUBSCRIPTION", "channel": 1, "remove": [{"type": "Quote", "symbol": "SPY"}]}) == []
    assert line.say({"type": "CHANNEL_CANCEL", "channel": 1}) == [{"type": "CHANNEL_CLOSED", "channel": 1}]
    assert line.session.close_code is None


def test_the_token_may_come_before_the_invitation_to_send_it() -> None:
    line = Line()
    assert [each["type"] for each in line.say(SETUP, AUTH)] == ["SETUP", "AUTH_STATE", "AUTH_STATE"]
    assert line.session.user == "U1"


def test_a_channel_before_authorization_is_refused() -> None:
    line = Line()
    line.say(SETUP)
    [error] = line.say(OPEN)
    assert (error["type"], error["error"]) == ("ERROR", "UNAUTHORIZED")
    assert not line.session.channels


def test_anything_before_setup_ends_the_connection() -> None:
    line = Line()
    assert line.say(AUTH)[0]["error"] == "BAD_ACTION"
    assert line.session.close_code == 1008


def test_the_second_bad_token_ends_the_connection() -> None:
    line = Line()
    bad = {"type": "AUTH", "channel": 0, "token": "stale"}
    line.say(SETUP)
    assert line.say(bad) == [{"type": "AUTH_STATE", "channel": 0, "state": "UNAUTHORIZED"}]
    assert line.session.close_code is None
    assert line.say(bad)[0]["error"] == "UNAUTHORIZED"
    assert line.session.close_code == 1008


def test_even_channels_are_the_servers(line: Line) -> None:
    [error] = line.say({**OPEN, "channel": 2})
    assert error == {
        "type": "ERROR",
        "channel": 2,
        "error": "BAD_ACTION",
        "message": "Protocol violation with an even channel usage.",
    }


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{", '{"type":"SETUP"}', '{"type":1,"channel":0}', '{"type":"AUTH","channel":true}']
)
def test_what_is_no_message_is_named_as_such(text: str) -> None:
    line = Line()
    [answer] = line.session.receive(text, line.now)
    assert json.loads(answer)["error"] == "INVALID_MESSAGE"


@pytest.mark.parametrize(
    "message",
    [
        {"type": "AUTH", "channel": 0},
        {"type": "FEED_SUBSCRIPTION", "channel": 1, "add": [{"type": "Quote"}]},
        {"type": "FEED_SUBSCRIPTION", "channel": 1, "add": 7},
        {"type": "FEED_SETUP", "channel": 1, "acceptEventFields": ["Quote"]},
        {"type": "FEED_SETUP", "channel": 1, "acceptAggregationPeriod": "soon"},
        {"type": "NEVER_HEARD_OF", "channel": 1},
    ],
)
def test_a_malformed_message_is_answered_and_survived(line: Line, message: dict[str, Any]) -> None:
    assert line.say(message)[0]["error"] == "INVALID_MESSAGE"
    assert line.session.close_code is None


def test_without_feed_setup_data_come_as_objects_without_empty_fields(line: Line) -> None:
    config, data = line.say(subscribe(("Trade", "SPY")))
    assert config["dataFormat"] == "FULL"
    assert data["data"] == [
        {"eventType": "Trade", "eventSymbol": "SPY", "eventTime": 0, "price": 602.12, "size": 100.0}
    ]


def test_fields_nobody_knows_keep_their_place(line: Line) -> None:
    line.say(feed_setup(acceptEventFields={"Quote": ["eventSymbol", "colour", "bidPrice"]}))
    data = line.say(subscribe(("Quote", "SPY")))[-1]
    assert data["data"] == ["Quote", ["SPY", "NaN", 602.11]]


def test_only_what_changed_is_sent_again(line: Line) -> None:
    line.say(feed_setup(), subscribe(("Quote", "SPY"), ("Trade", "SPY")))
    assert line.flush() == []
    line.board.bid = 602.12
    [data] = line.flush()
    assert data["data"] == ["Quote", ["Quote", "SPY", 602.12, 602.13, 300.0, 500.0]]


def test_a_channel_speaks_once_per_aggregation_period(line: Line) -> None:
    line.say(feed_setup(acceptAggregationPeriod=1.0), subscribe(("Quote", "SPY")))
    line.board.bid = 602.10
    assert line.flush(0.5) == []
    line.board.bid = 602.09
    [data] = line.flush(0.5)
    assert data["data"][1][2] == 602.09


def test_nothing_comes_after_unsubscribing(line: Line) -> None:
    line.say(feed_setup(), subscribe(("Quote", "SPY")))
    line.say({"type": "FEED_SUBSCRIPTION", "channel": 1, "remove": [{"type": "Quote", "symbol": "SPY"}]})
    line.board.bid = 1.0
    assert line.flush() == []


def test_reset_comes_before_add(line: Line) -> None:
    line.say(feed_setup(), subscribe(("Quote", "SPY")))
    line.say(subscribe(("Trade", "SPY"), reset=True))
    assert line.session.channels[1].wanted == {"Trade": {"SPY": SPY}}


def test_data_frames_hold_one_type_and_stay_below_the_limit(line: Line) -> None:
    line.say(feed_setup())
    pairs = [(kind, f"X{number}") for number in range(3000) for kind in ("Quote", "Trade")]
    texts = line.session.receive(json.dumps(subscribe(*pairs)), line.now)
    data = [json.loads(text)["data"] for text in texts if '"FEED_DATA"' in text]
    assert len(data) > 2
    assert max(len(text.encode()) for text in texts) < LARGEST_FRAME + 100 < 65_536
    assert all(len(each) == 2 and isinstance(each[0], str) for each in data)
    seen = [value for each in data for value in each[1] if isinstance(value, str) and value.startswith("X")]
    assert len(seen) == len(set(seen)) * 2 == 6000


def test_a_silent_client_is_told_so_and_dropped() -> None:
    line = Line()
    line.say(SETUP)
    assert line.session.beat(line.now + 20) == []
    [beat] = line.session.beat(line.now + 31)
    assert json.loads(beat) == {"type": "KEEPALIVE", "channel": 0}
    [error] = line.session.beat(line.now + 61)
    assert json.loads(error)["error"] == "TIMEOUT"
    assert line.session.close_code == 1008


def test_keepalives_hold_the_line() -> None:
    line = Line()
    line.say(SETUP)
    line.now += 59
    line.say({"type": "KEEPALIVE", "channel": 0})
    line.session.beat(line.now + 59)
    assert line.session.close_code is None


CANDLE = {"acceptEventFields": {"Candle": ["eventSymbol", "time", "close"], "TimeAndSale": ["price", "buyer"]}}


def candles(*symbols: str) -> dict[str, Any]:
    add = [{"type": "Candle", "symbol": symbol, "fromTime": 1} for symbol in symbols]
    return {"type": "FEED_SUBSCRIPTION", "channel": 1, "add": add}


def test_candles_come_as_a_snapshot_and_then_as_they_grow(line: Line) -> None:
    line.say(feed_setup(**CANDLE))
    config, data = line.say(candles("SPY{=5m}"))
    assert config["eventFields"] == {"Candle": ["eventSymbol", "time", "close"]}
    assert data["data"] == ["Candle", ["SPY{=5m}", 0, 1.0, "SPY{=5m}", 1, 1.0, "SPY{=5m}", 2, 1.0]]
    assert line.flush()[0]["data"] == ["Candle", ["SPY{=5m}", 0, 191.3]]
    assert line.flush() == []
    line.board.close = 191.4
    assert line.flush()[0]["data"] == ["Candle", ["SPY{=5m}", 0, 191.4]]


def test_a_long_snapshot_comes_in_parts_and_nothing_newer_overtakes_it(line: Line) -> None:
    line.board.candles = 200_000
    line.say(feed_setup(**CANDLE))
    seen = [each for each in line.say(candles("SPY{=m}")) if each["type"] == "FEED_DATA"]
    assert 0 < len(seen) <= 8
    times: list[int] = []
    while len(times) < 200_000:
        times += [time for each in seen for time in each["data"][1][1::3]]
        assert all(len(json.dumps(each)) < 70_000 for each in seen)
        seen = line.flush(0.001)
    assert times == list(range(200_000))


def test_unsubscribing_ends_a_snapshot_that_is_on_its_way(line: Line) -> None:
    line.board.candles = 200_000
    line.say(feed_setup(**CANDLE), candles("SPY{=m}"))
    line.say({"type": "FEED_SUBSCRIPTION", "channel": 1, "remove": [{"type": "Candle", "symbol": "SPY{=m}"}]})
    assert line.flush() == []


def test_every_trade_is_told_even_when_several_came_at_once(line: Line) -> None:
    line.say(feed_setup(**CANDLE), subscribe(("TimeAndSale", "SPY")))
    line.board.sold = [602.1, 602.2]
    [data] = line.flush()
    assert data["data"] == ["TimeAndSale", [602.1, None, 602.2, None]]
    line.board.sold = []
    assert line.flush() == []


def test_a_hundred_candle_subscriptions_are_taken_and_no_more() -> None:
    line = Line()
    line.say(SETUP, AUTH, OPEN, feed_setup(**CANDLE))
    answers = line.say(candles(*(f"X{number}{{=m}}" for number in range(101))))
    assert answers[0]["error"] == "BAD_ACTION"
    assert line.session.channels[1].count("Candle") == 100


def test_subscriptions_are_limited_over_all_channels() -> None:
    line = Line(Limits(subscriptions=3))
    line.say(SETUP, AUTH, OPEN, {**OPEN, "channel": 3})
    line.say(subscribe(("Quote", "XA"), ("Quote", "XB")))
    answers = line.say(subscribe(("Quote", "XC"), ("Quote", "XD"), channel=3))
    assert (answers[0]["type"], answers[0]["error"]) == ("ERROR", "BAD_ACTION")
    assert [len(channel) for channel in line.session.channels.values()] == [2, 1]
    assert [each["type"] for each in line.say(subscribe(("Quote", "XA")))] == ["FEED_DATA"]


def test_changes_of_subscriptions_are_limited_by_the_minute() -> None:
    line = Line(Limits(changes=3))
    line.say(SETUP, AUTH, OPEN, subscribe(("Quote", "XA"), ("Quote", "XB")))
    assert line.say(subscribe(("Quote", "XC"), ("Quote", "XD")))[0]["error"] == "BAD_ACTION"
    assert line.session.channels[1].count("Quote") == 2
    line.now += 61
    line.say(subscribe(("Quote", "XC"), ("Quote", "XD")))
    assert line.session.channels[1].count("Quote") == 4


def test_one_session_too_many_is_refused_and_ended() -> None:
    line = Line(most_sessions=0)
    line.say(SETUP)
    assert line.say(AUTH)[0]["error"] == "UNAUTHORIZED"
    assert line.session.close_code == 1008


def test_a_protocol_of_the_future_is_refused() -> None:
    line = Line()
    assert line.say({**SETUP, "version": "2.0"})[0]["error"] == "UNSUPPORTED_PROTOCOL"
    assert line.session.close_code == 1008


def test_a_service_that_is_not_offered_is_refused_and_the_connection_lives(line: Line) -> None:
    assert line.say({**OPEN, "channel": 3, "service": "DOM"})[0]["error"] == "BAD_ACTION"
    assert line.say(subscribe(("Quote", "SPY")))[-1]["type"] == "FEED_DATA"


def test_the_server_may_close_the_channels_by_itself(line: Line) -> None:
    texts = line.session.close_channels(line.now)
    assert [json.loads(text) for text in texts] == [{"type": "CHANNEL_CLOSED", "channel": 1}]
    assert line.say(subscribe(("Quote", "SPY")))[0]["error"] == "BAD_ACTION"


def test_a_server_may_insist_on_the_compact_form() -> None:
    line = Line(Limits(always_compact=True))
    line.say(SETUP, AUTH, OPEN)
    [config] = line.say(feed_setup(acceptDataFormat="FULL"))
    assert config["dataFormat"] == "COMPACT"
    assert line.say(subscribe(("Quote", "SPY")))[-1]["data"][0] == "Quote"
