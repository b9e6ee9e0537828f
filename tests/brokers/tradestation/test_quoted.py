"""Lines that are read many in one go say just what the careful reading, line by line, says."""

import json
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokers.domain.instruments import Equity, Instrument, parse_instrument
from brokers.domain.market import Tick
from brokers.errors import UnexpectedReply
from brokers.tradestation import ticks as ticks_module
from brokers.tradestation.chunks import Chunks, Data, Heartbeat, Message
from brokers.tradestation.quoted import KEYS, Quoted, read_quoted
from brokers.tradestation.ticks import Ticks

NOW = datetime(2026, 11, 18, 15, 19, tzinfo=timezone.utc)
WATCHED: dict[str, Instrument] = {
    "MSFT": Equity("MSFT"),
    "SPY 261218C600": parse_instrument("SPY   261218C00600000"),
}
texts = st.sampled_from(["0", "0.00", "", "1.1", "1.10", "412.850", "4446.4400000002", "-294.00", "5852511", None])
oddities = st.sampled_from([1, 1.5, "words", "NaN", [], {}, True, "1e500"])


@st.composite
def told(draw: st.DrawFn, values: st.SearchStrategy[Any]) -> list[dict[str, Any]]:
    return [
        {
            "Symbol": draw(st.sampled_from([*WATCHED, "msft"])),
            **draw(st.dictionaries(st.sampled_from(KEYS), values, max_size=5)),
            **draw(
                st.sampled_from(
                    [{}, {}, {"MarketFlags": {"IsDelayed": True}}, {"Error": "FAILED, X"}, {"Heartbeat": 1}]
                )
            ),
        }
        for _ in range(draw(st.integers(1, 6)))
    ]


def figures(lines: list[dict[str, Any]], *, careful: bool, size: int = 10**6) -> dict[str, dict[str, Decimal | None]]:
    """What is known of each symbol in the end, and in every tick on the way nothing but what was told."""
    text = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    chunks, ticks = Chunks(None if careful else read_quoted), Ticks()
    for start in range(0, len(text), size):
        for message in chunks.receive(text[start : start + size]):
            take(ticks, message)
    known = {symbol: ticks.known(symbol, instrument) for symbol, instrument in WATCHED.items()}
    return {symbol: dict(tick.values) for symbol, tick in known.items() if tick is not None}


def take(ticks: Ticks, message: Message) -> Tick | None:
    try:
        if isinstance(message, Quoted):
            instrument = WATCHED[message.symbol]
            return ticks.take_texts(message.symbol, instrument, message.texts, NOW, whole=False)
        if isinstance(message, Data):
            symbol = message.node["Symbol"].text().upper()
            return ticks.take(symbol, WATCHED[symbol], message.node, NOW, whole=False)
    except UnexpectedReply:
        pass
    return None


@settings(deadline=None, max_examples=80)
@given(told(texts | oddities), st.integers(20, 400))
def test_any_lines_in_any_pieces_add_up_to_the_same(lines: list[dict[str, Any]], size: int) -> None:
    assert figures(lines, careful=False, size=size) == figures(lines, careful=True)


@settings(deadline=None, max_examples=80)
@given(st.lists(st.tuples(st.sampled_from(["Bid", "Ask", "Last"]), texts), max_size=12))
def test_what_is_told_bit_by_bit_is_what_is_known(steps: list[tuple[str, str | None]]) -> None:
    ticks, seen = Ticks(), {}
    for key, text in steps:
        (message,) = Chunks(read_quoted).receive(json.dumps({"Symbol": "MSFT", key: text}).encode() + b"\n")
        if (tick := take(ticks, message)) is not None:
            seen.update(tick.values)
    known = ticks.known("MSFT", WATCHED["MSFT"])
    assert seen == (dict(known.values) if known is not None else {})


def test_plain_quotes_are_read_at_speed_and_their_neighbours_with_care() -> None:
    lines = (
        b'{"Symbol":"MSFT","Bid":"1"}\n{"Heartbeat":1}\n{"Symbol":"MSFT","Bid":2}\n\r\n{"Symbol":"msft","Ask":"3"}\r\n'
    )
    kinds = [type(message) for message in Chunks(read_quoted).receive(lines)]
    assert kinds == [Quoted, Heartbeat, Data, Quoted]
    assert read_quoted(b'{"Symbol":"MSFT","Bid":"1"}\n{"Symbol":"SPY","Deleted":true}') is None


def test_what_is_no_number_is_named_and_the_whole_line_is_told_again_later() -> None:
    ticks, instrument = Ticks(), WATCHED["MSFT"]
    (bad,) = read_quoted(b'{"Symbol":"MSFT","Bid":"1","Ask":"words"}') or ()
    with pytest.raises(UnexpectedReply, match="Ask"):
        ticks.take_texts("MSFT", instrument, bad.texts, NOW, whole=False)
    (good,) = read_quoted(b'{"Symbol":"MSFT","Bid":"1","Ask":"2"}') or ()
    tick = ticks.take_texts("MSFT", instrument, good.texts, NOW, whole=False)
    assert tick == Tick(instrument, {"bid": Decimal(1), "ask": Decimal(2)}, NOW)
    assert ticks.take_texts("MSFT", instrument, good.texts, NOW, whole=False) is None


def test_one_field_taken_for_another_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sabotaged twin of the comparison with the careful reading."""
    lines = [{"Symbol": "MSFT", "Bid": "1", "Ask": "2"}]
    assert figures(lines, careful=False) == figures(lines, careful=True)
    monkeypatch.setattr(ticks_module, "NAMES", ("ask", "bid", *ticks_module.NAMES[2:]))
    assert figures(lines, careful=False) != figures(lines, careful=True)
