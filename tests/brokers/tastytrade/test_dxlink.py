"""DXLink fed by strings: the reference's transcript, then frames that no server should send."""

import json
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ticks_apart import apart

from brokers.domain.instruments import Crypto, Equity, Index, Instrument, Other, parse_instrument
from brokers.domain.market import QUOTE_FIELDS, Tick
from brokers.tastytrade import dxlink
from brokers.tastytrade.dxlink import Closed, DXLink, Event, Fault, Ready, Unauthorized

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=timezone.utc)
SPY, BTC = Equity("SPY"), Crypto("BTC", "USD")
CALL = parse_instrument("SPY   261218C00600000")
TRANSCRIPT_FIELDS = {
    "Quote": ["eventType", "eventSymbol", "bidPrice", "askPrice", "bidSize", "askSize"],
    "Trade": ["eventType", "eventSymbol", "price", "dayVolume", "size"],
    "Greeks": ["eventType", "eventSymbol", "volatility", "delta", "gamma", "theta", "rho", "vega"],
}
SETUP = '{"type":"SETUP","channel":0,"keepaliveTimeout":60,"acceptKeepaliveTimeout":60,"version":"1.0-1.2.1"}'
UNAUTHORIZED = '{"type":"AUTH_STATE","channel":0,"state":"UNAUTHORIZED"}'
AUTHORIZED = '{"type":"AUTH_STATE","channel":0,"state":"AUTHORIZED","userId":"U0000042"}'
OPENED = '{"type":"CHANNEL_OPENED","channel":1,"service":"FEED","parameters":{"contract":"AUTO","subFormat":"LIST"}}'
CONFIG = '{"type":"FEED_CONFIG","channel":1,"dataFormat":"COMPACT","aggregationPeriod":0.1}'


def receive(link: DXLink, message: object) -> list[Event]:
    return apart(link.receive(message if isinstance(message, str | bytes) else json.dumps(message), NOW))


def sent(link: DXLink) -> list[dict[str, Any]]:
    return [json.loads(frame) for frame in link.to_send()]


def opened(*instruments: Instrument) -> DXLink:
    link = DXLink("example-quote-token")
    link.watch(instruments)
    for frame in (SETUP, UNAUTHORIZED, AUTHORIZED, OPENED):
        receive(link, frame)
    return link


def data(kind: str, *values: object) -> dict[str, Any]:
    return {"type": "FEED_DATA", "channel": 1, "data": [kind, list(values)]}


def test_the_transcript_is_followed_to_the_letter() -> None:
    link = DXLink("example-quote-token")
    link.watch([SPY, BTC, CALL])
    assert [message["type"] for message in sent(link)] == ["SETUP"]
    assert receive(link, SETUP) == []
    receive(link, UNAUTHORIZED)
    assert sent(link) == [{"type": "AUTH", "channel": 0, "token": "example-quote-token"}]
    receive(link, AUTHORIZED)
    (request,) = sent(link)
    assert request == {"type": "CHANNEL_REQUEST", "channel": 1, "service": "FEED", "parameters": {"contract": "AUTO"}}
    receive(link, OPENED)
    setup, subscription = sent(link)
    assert (setup["type"], setup["acceptDataFormat"]) == ("FEED_SETUP", "COMPACT")
    assert {"type": "Greeks", "symbol": ".SPY261218C600"} in subscription["add"]
    assert {"type": "Trade", "symbol": "BTC/USD:CXTALP"} in subscription["add"]
    assert {"type": "Greeks", "symbol": "SPY"} not in subscription["add"]
    assert receive(link, CONFIG) == [Ready()]
    assert receive(link, {**json.loads(CONFIG), "eventFields": TRANSCRIPT_FIELDS}) == []
    quote = {"bid": "602.11", "ask": "602.13", "bid_size": "300", "ask_size": "500"}
    assert receive(link, data("Quote", "Quote", "SPY", 602.11, 602.13, 300.0, 500.0)) == [
        Tick(SPY, {name: Decimal(value) for name, value in quote.items()}, NOW)
    ]
    trades = receive(
        link,
        '{"type":"FEED_DATA","channel":1,"data":["Trade",["Trade","SPY",602.12,1.3743299E7,100.0,'
        '"Trade","BTC/USD:CXTALP",58356.71,"NaN","NaN"]]}',
    )
    assert trades == [
        Tick(SPY, {"last": Decimal("602.12"), "volume": Decimal(13743299)}, NOW),
        Tick(BTC, {"last": Decimal("58356.71"), "volume": None}, NOW),
    ]
    (greeks,) = receive(
        link, data("Greeks", "Greeks", ".SPY261218C600", 0.1432, 0.5412, 0.0181, -0.1522, 0.2011, 0.6034)
    )
    assert isinstance(greeks, Tick)
    assert greeks.instrument == CALL
    assert greeks.values == {
        "volatility": Decimal("0.1432"),
        "delta": Decimal("0.5412"),
        "gamma": Decimal("0.0181"),
        "theta": Decimal("-0.1522"),
        "rho": Decimal("0.2011"),
        "vega": Decimal("0.6034"),
    }
    assert receive(link, '{"type":"KEEPALIVE","channel":0}') == []
    assert receive(link, '{"type":"CHANNEL_CLOSED","channel":1}') == [Closed()]


def test_rows_come_in_the_order_that_we_asked_for_when_the_server_announces_none() -> None:
    link = opened(SPY)
    (summary,) = receive(link, data("Summary", "SPY", 600.0, 605.5, 598.25, 601.0, "NaN"))
    assert isinstance(summary, Tick)
    assert summary.values == {
        "open": Decimal(600),
        "high": Decimal("605.5"),
        "low": Decimal("598.25"),
        "prev_close": Decimal(601),
        "open_interest": None,
    }


def test_every_value_is_a_field_of_a_quote() -> None:
    assert {name for fields in dxlink.FIELDS.values() for name in fields.values()} <= set(QUOTE_FIELDS)


def test_full_objects_are_read_too_and_fields_left_out_stay_as_they_were() -> None:
    link = opened(SPY)
    event = {"eventType": "Quote", "eventSymbol": "SPY", "bidPrice": 1.5, "askPrice": "NaN"}
    (tick,) = receive(link, {"type": "FEED_DATA", "channel": 1, "data": [event]})
    assert isinstance(tick, Tick)
    assert tick.values == {"bid": Decimal("1.5"), "ask": None}


def test_two_types_in_one_frame_are_both_read() -> None:
    link = opened(SPY)
    frame = {"type": "FEED_DATA", "channel": 1, "data": ["Trade", ["SPY", 1, 2], "Quote", ["SPY", 1, 2, 3, 4]]}
    assert len(receive(link, frame)) == 2


def test_a_share_by_the_name_of_an_index_is_never_told_its_prices() -> None:
    index, share = Index("SPX"), Equity("SPX")
    link = opened(index, share)
    ticks = receive(link, data("Trade", "SPX", 6000, "NaN"))
    assert {tick.instrument for tick in ticks if isinstance(tick, Tick)} == {index}
    assert link.watch([index, share, SPY]) == {share}


def test_only_the_difference_is_subscribed() -> None:
    link = opened(SPY)
    link.to_send()
    link.watch([SPY])
    assert sent(link) == []
    link.watch([BTC])
    removal, addition = sent(link)
    assert {entry["symbol"] for entry in removal["remove"]} == {"SPY"}
    assert {entry["symbol"] for entry in addition["add"]} == {"BTC/USD:CXTALP"}
    assert receive(link, data("Trade", "SPY", 1, 1)) == []


def test_a_large_set_is_cut_into_frames_that_servers_take() -> None:
    many = [Equity(f"AB{number}") for number in range(2000)]
    link = opened(*many)
    frames = [frame for frame in link.to_send() if "FEED_SUBSCRIPTION" in frame]
    entries = [entry for frame in frames for entry in json.loads(frame)["add"]]
    assert len(entries) == len({(entry["type"], entry["symbol"]) for entry in entries}) == 3 * 2000
    assert all(len(json.loads(frame)["add"]) <= 250 and len(frame) <= 8192 for frame in frames)


def test_what_has_no_streamer_symbol_is_named() -> None:
    strange = parse_instrument("/QQQZ26")
    assert DXLink("t").watch([SPY, strange, Other("bond", "X")]) == {strange, Other("bond", "X")}


def test_a_refused_token_is_not_sent_again() -> None:
    link = DXLink("t")
    receive(link, UNAUTHORIZED)
    link.to_send()
    assert receive(link, UNAUTHORIZED) == [Unauthorized()]
    assert sent(link) == []
    assert receive(link, {"type": "ERROR", "channel": 0, "error": "UNAUTHORIZED", "message": "m"}) == [Unauthorized()]


def test_the_servers_complaints_are_events() -> None:
    (fault,) = receive(DXLink("t"), {"type": "ERROR", "channel": 0, "error": "TIMEOUT", "message": "secret"})
    assert isinstance(fault, Fault)
    assert fault.code == "TIMEOUT"
    assert "secret" not in fault.text


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "nonsense",
        "[]",
        "{}",
        b"\xff\xfe",
        '{"type":"FEED_DATA"}',
        '{"type":"FEED_DATA","data":["Quote",["SPY",1,2]]}',
        '{"type":"FEED_DATA","data":["Quote",{"a":1}]}',
        '{"type":"FEED_DATA","data":["Quote",["SPY",1,2,3,"private-words"]]}',
        '{"type":"FEED_DATA","data":["Quote",["SPY",1,2,3,[]]]}',
        '{"type":"FEED_DATA","data":[1,2]}',
        '{"type":"FEED_CONFIG","eventFields":{"Quote":"x"}}',
        '{"type":"AUTH_STATE"}',
    ],
)
def test_a_malformed_frame_is_a_fault_and_the_next_one_is_read(frame: str | bytes) -> None:
    link = opened(SPY)
    (fault,) = receive(link, frame)
    assert isinstance(fault, Fault)
    assert "private" not in fault.text
    assert len(receive(link, data("Trade", "SPY", 1, 1))) == 1


def test_unknown_messages_and_types_are_passed_over() -> None:
    link = opened(SPY)
    assert receive(link, {"type": "NEWS", "channel": 9}) == []
    assert receive(link, data("Candle", "SPY", 1)) == []


@settings(deadline=None)
@given(st.data())
def test_no_frame_can_crash_the_protocol(drawn: st.DataObject) -> None:
    junk = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["SPY", "NaN", "Quote", ""]),
        lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.sampled_from(["eventType", "a"]), inner),
        max_leaves=10,
    )
    kinds = ["FEED_DATA", "FEED_CONFIG", "AUTH_STATE", "ERROR", "CHANNEL_OPENED", "SETUP"]
    link = opened(SPY)
    for _ in range(3):
        message = {"type": drawn.draw(st.sampled_from(kinds))}
        for key in ("data", "eventFields", "state", "error"):
            message[key] = drawn.draw(junk)
        if drawn.draw(st.booleans()):
            message["eventFields"] = {"Quote": drawn.draw(junk)}
        receive(link, message)
