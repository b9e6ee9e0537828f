"""What is read a frame at a time says just what the careful reading, value by value, says."""

import json
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ticks_apart import apart

from brokers.domain.instruments import Equity, Index, Instrument, parse_instrument
from brokers.domain.raw import TickBatch
from brokers.tastytrade.dxlink import FIELDS, DXLink

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=timezone.utc)
WATCHED: tuple[Instrument, ...] = (Equity("SPY"), Equity("QQQ"), parse_instrument("SPY   261218C00600000"))
SYMBOLS = ("SPY", "QQQ", ".SPY261218C600")
WIDTHS = {kind: len(fields) for kind, fields in FIELDS.items()}
numbers = st.one_of(
    st.integers(-(10**15), 10**15),
    st.decimals(-(10**6), 10**6, places=4).map(float),
    st.floats(1e-9, 1e12),
    st.none(),
    st.just("NaN"),
)
oddities = st.sampled_from([True, "12.5", "words", "", [], {}, [1], 10**50, 1e200, -1e60])


def linked(*, careful: bool, watched: tuple[Instrument, ...] = WATCHED) -> DXLink:
    link = DXLink("token")
    link.watch(watched)
    if careful:
        link._columns.layouts = {}
    return link


@st.composite
def frames(draw: st.DrawFn, cells: st.SearchStrategy[Any]) -> str:
    parts: list[Any] = []
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from([*FIELDS, "Candle"]))
        row: list[Any] = []
        for _ in range(draw(st.integers(0, 4))):
            row += [
                draw(st.sampled_from([*SYMBOLS, "GONE", 7, None, True, []]) if draw(st.booleans()) else st.just("SPY"))
            ]
            row += draw(st.lists(cells, min_size=WIDTHS.get(kind, 1), max_size=WIDTHS.get(kind, 1)))
        parts += [kind, row[: draw(st.integers(0, len(row)))] if draw(st.integers(0, 9)) == 0 else row]
    return json.dumps({"type": "FEED_DATA", "channel": 1, "data": parts})


@settings(deadline=None, max_examples=60)
@given(frames(numbers))
def test_a_frame_of_numbers_says_what_the_careful_reading_says(frame: str) -> None:
    assert apart(linked(careful=False).receive(frame, NOW)) == apart(linked(careful=True).receive(frame, NOW))


@settings(deadline=None, max_examples=60)
@given(frames(numbers | oddities))
def test_and_so_does_a_frame_with_what_is_no_number(frame: str) -> None:
    assert apart(linked(careful=False).receive(frame, NOW)) == apart(linked(careful=True).receive(frame, NOW))


def quote(*rows: list[Any]) -> str:
    return json.dumps({"type": "FEED_DATA", "channel": 1, "data": ["Quote", [cell for row in rows for cell in row]]})


def test_a_plain_frame_is_read_at_speed_and_one_with_a_word_in_it_is_not() -> None:
    link = linked(careful=False)
    (batch,) = link.receive(quote(["SPY", 1.5, 2, 3.0, 4.0], ["GONE", 1, 2, 3, 4]), NOW)
    assert isinstance(batch, TickBatch)
    assert batch.instruments == [Equity("SPY"), None]
    assert not [
        each for each in link.receive(quote(["SPY", 1.5, "words", 3.0, 4.0]), NOW) if isinstance(each, TickBatch)
    ]


def test_fields_in_another_order_and_among_others_are_found() -> None:
    config = {
        "type": "FEED_CONFIG",
        "channel": 1,
        "eventFields": {"Quote": ["eventType", "askSize", "x", "eventSymbol"]},
    }
    config["eventFields"]["Quote"] += ["bidPrice", "y", "askPrice", "bidSize"]  # type: ignore[index]
    frame = quote(["Quote", 4, "x", "SPY", 1.5, None, 2.5, 3])
    link = linked(careful=False)
    link.receive(json.dumps(config), NOW)
    (batch,) = link.receive(frame, NOW)
    assert isinstance(batch, TickBatch)
    (tick,) = batch.ticks()
    assert tick.values == {"bid": Decimal("1.5"), "ask": Decimal("2.5"), "bid_size": Decimal(3), "ask_size": Decimal(4)}


def test_a_layout_that_takes_one_field_for_another_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sabotaged twin of the comparison with the careful reading."""
    frame, link = quote(["SPY", 1.5, 2.5, 3.0, 4.0]), linked(careful=False)
    right = link._columns.layouts["Quote"]
    assert right == (5, slice(0, None, 5), (slice(0, None, 5),), ("bid", "ask", "bid_size", "ask_size"))
    link._columns.layouts["Quote"] = (*right[:3], ("ask", "bid", "bid_size", "ask_size"))
    assert apart(link.receive(frame, NOW)) != apart(linked(careful=True).receive(frame, NOW))


def test_a_symbol_of_two_instruments_is_told_of_both() -> None:
    two = (Index("AAPL"), Equity("AAPL"))
    link = linked(careful=False, watched=(*two, Equity("SPY")))
    frame = json.dumps({"type": "FEED_DATA", "channel": 1, "data": ["Trade", ["AAPL", 1, 2, "SPY", 3, 4]]})
    assert {tick.instrument for tick in apart(link.receive(frame, NOW))} == {*two, Equity("SPY")}
