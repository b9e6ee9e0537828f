"""Lines that are read many in one go say just what the careful reading, line by line, says."""

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ticks_apart import apart

from brokers.domain.instruments import Equity, Instrument, parse_instrument
from brokers.domain.market import Tick
from brokers.domain.raw import Deltas
from brokers.errors import UnexpectedReply
from brokers.tradestation import ticks as ticks_module
from brokers.tradestation.chunks import Chunks, Data, Heartbeat, Message
from brokers.tradestation.quoted import KEYS, Quotes, read_quoted
from brokers.tradestation.ticks import Ticks

NOW = datetime(2026, 11, 18, 15, 19, tzinfo=timezone.utc)
WATCHED: dict[str, Instrument] = {
    "MSFT": Equity("MSFT"),
    "SPY 261218C600": parse_instrument("SPY   261218C00600000"),
}
texts = st.one_of(
    st.sampled_from(["0", "0.00", "1.1", "1.10", "412.850", "4446.4400000002", "-294.00", "5852511", "0.0001"]),
    st.tuples(st.integers(0, 10**15 - 1), st.integers(0, 6)).map(lambda made: f"{Decimal(made[0]).scaleb(-made[1]):f}"),
)
"""Numbers of at most fifteen digits, as prices and sizes are."""
oddities = st.sampled_from([1, 1.5, 0, "", None, "words", "NaN", "inf", "null", "1_0", " 1", "+1", "1e3", [], {}, True])
oddities |= st.sampled_from(["1e500", "9" * 30, "-0", ".5", "1."])
marks = st.sampled_from([{}, {}, {}, {"MarketFlags": {"IsDelayed": True}}, {"Error": "FAILED, X"}, {"Heartbeat": 1}])
Values = dict[str, Decimal | None]


@st.composite
def told(draw: st.DrawFn, values: st.SearchStrategy[Any]) -> list[dict[str, Any]]:
    return [
        {
            "Symbol": draw(st.sampled_from([*WATCHED, "msft"])),
            **draw(st.dictionaries(st.sampled_from(KEYS), values, max_size=5)),
            **draw(marks),
        }
        for _ in range(draw(st.integers(1, 6)))
    ]


class Listener:
    """What ticks add up to, and what is known in the end."""

    def __init__(self, *, careful: bool) -> None:
        self.chunks, self.ticks = Chunks(None if careful else read_quoted), Ticks()
        self.heard: dict[Instrument, Values] = {}

    def hear(self, lines: list[dict[str, Any]], size: int = 10**6) -> "Listener":
        text = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        for start in range(0, len(text), size):
            for message in self.chunks.receive(text[start : start + size]):
                for tick in apart(take(self.ticks, message)):
                    self.heard.setdefault(tick.instrument, {}).update(tick.values)
        return self


def take(ticks: Ticks, message: Message) -> Sequence[Tick | Deltas]:
    """As the feed does."""
    if isinstance(message, Quotes):
        return ticks.take_quotes(message, WATCHED, NOW)
    if isinstance(message, Data):
        symbol = message.node["Symbol"].text().upper()
        with suppress(UnexpectedReply):
            tick = ticks.take(symbol, WATCHED[symbol], message.node, NOW)
            return [tick] if tick is not None else ()
    return ()


@settings(deadline=None, max_examples=120)
@given(told(texts | oddities), st.integers(20, 400))
@example([{"Symbol": "MSFT", "DailyOpenInterest": "null", "AskSize": "0"}], 20)
@example([{"Symbol": "MSFT", "Heartbeat": None, "AskSize": "1"}], 20)
@example([{"Symbol": "MSFT", "Error": "null", "AskSize": "1"}], 20)
def test_any_lines_in_any_pieces_add_up_to_the_same(lines: list[dict[str, Any]], size: int) -> None:
    quick, careful = Listener(careful=False).hear(lines, size), Listener(careful=True).hear(lines)
    assert quick.heard == careful.heard


@settings(deadline=None, max_examples=120)
@given(st.lists(st.tuples(st.sampled_from(["Bid", "Ask", "Last"]), texts | st.just("0")), max_size=12))
def test_what_is_told_bit_by_bit_adds_up_to_what_the_last_of_each_says(steps: list[tuple[str, str]]) -> None:
    listener, last = Listener(careful=False), dict[str, Decimal]()
    for key, text in steps:
        listener.hear([{"Symbol": "MSFT", key: text}])
        last[key] = Decimal(text)
        assert listener.heard.get(WATCHED["MSFT"], {}) == as_told(last)


def as_told(last: dict[str, Decimal]) -> Values:
    """The rules over again, from the last of each: no price is 0, but for a bid beside an offer."""
    names = {"Bid": "bid", "Ask": "ask", "Last": "last"}
    told: Values = {names[key]: value if value != 0 else None for key, value in last.items()}
    if last.get("Bid") == 0 and told.get("ask") is not None:
        told["bid"] = Decimal(0)
    return told


def test_plain_quotes_are_read_at_speed_and_their_neighbours_with_care() -> None:
    lines = (
        b'{"Symbol":"MSFT","Bid":"1"}\n{"Heartbeat":1}\n{"Symbol":"MSFT","Bid":true}\n\r\n'
        b'{"Symbol":"msft","Ask":"0"}\r\n'
    )
    messages = Chunks(read_quoted).receive(lines)
    assert [type(message) for message in messages] == [Quotes, Heartbeat, Data, Quotes]
    plain = [(message.symbols, message.are_plain) for message in messages if isinstance(message, Quotes)]
    assert plain == [(["MSFT"], True), (["MSFT"], False)]
    assert read_quoted(b'{"Symbol":"MSFT","Bid":"1"}\n{"Symbol":"SPY","Deleted":true}') is None


def test_numbers_stay_as_the_parser_has_them_till_somebody_asks() -> None:
    (quotes,) = read_quoted(b'{"Symbol":"MSFT","Ask":"412.850","Volume":"5852511","Close":"7"}') or ()
    (deltas,) = Ticks().take_quotes(quotes, WATCHED, NOW)
    assert isinstance(deltas, Deltas)
    ((instrument, row),) = deltas.rows()
    assert (instrument, dict(row)) == (WATCHED["MSFT"], {"ask": 412.85, "volume": 5852511})
    assert [*deltas.ticks()] == [
        Tick(WATCHED["MSFT"], {"ask": Decimal("412.85"), "volume": Decimal(5852511)}, NOW),
    ]


@pytest.mark.parametrize("number", ["words", "NaN", "-inf", "1e500", "1_0", " 1", "0x1f", "", "9" * 50, "1e41"])
def test_what_is_no_number_is_never_read_at_speed(number: str) -> None:
    line = json.dumps({"Symbol": "MSFT", "Bid": "1", "Ask": number}).encode()
    assert read_quoted(line) is None


def test_what_is_no_number_is_named_and_not_taken() -> None:
    ticks = Ticks()
    (bad,) = Chunks(read_quoted).receive(b'{"Symbol":"MSFT","Bid":"1","Ask":"words"}\n')
    assert isinstance(bad, Data)
    with pytest.raises(UnexpectedReply, match="Ask"):
        ticks.take("MSFT", WATCHED["MSFT"], bad.node, NOW)


def test_who_is_delayed_is_told_with_the_quotes() -> None:
    lines = [
        {"Symbol": "MSFT", "MarketFlags": {"IsDelayed": True}, "Bid": "1"},
        {"Symbol": "SPY 261218C600", "MarketFlags": {"IsDelayed": False}},
        {"Symbol": "QQQ", "MarketFlags": {}},
        {"Symbol": "IWM"},
    ]
    (quotes,) = read_quoted(b"\n".join(json.dumps(line).encode() for line in lines)) or ()
    assert quotes.are_delayed() == {"MSFT": True, "SPY 261218C600": False}


def test_a_line_without_a_figure_is_no_news() -> None:
    (quotes,) = read_quoted(b'{"Symbol":"MSFT","NetChange":"1"}') or ()
    assert apart(Ticks().take_quotes(quotes, WATCHED, NOW)) == []


def test_one_field_taken_for_another_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sabotaged twin of the comparison with the careful reading."""
    lines = [{"Symbol": "MSFT", "Bid": "1", "Ask": "2"}]
    careful = Listener(careful=True).hear(lines)
    assert Listener(careful=False).hear(lines).heard == careful.heard
    monkeypatch.setattr(ticks_module, "OF_ALL", ticks_module.OF_ALL | {"Bid": "ask", "Ask": "bid"})
    assert Listener(careful=False).hear(lines).heard != careful.heard


def test_a_bid_of_nothing_that_is_taken_as_it_comes_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sabotaged twin of the rule that nobody bids 0 where nobody offers."""
    lines = [{"Symbol": "MSFT", "Bid": "0", "Ask": "0"}, {"Symbol": "MSFT", "Ask": "2"}]
    pieces = [[line] for line in lines]

    def heard() -> dict[Instrument, Values]:
        listener = Listener(careful=False)
        for piece in pieces:
            listener.hear(piece)
        return listener.heard

    assert heard() == {WATCHED["MSFT"]: {"bid": Decimal(0), "ask": Decimal(2)}}
    monkeypatch.setattr(Ticks, "_tick", forgetful(Ticks._tick))
    assert heard() == {WATCHED["MSFT"]: {"bid": None, "ask": Decimal(2)}}


def test_an_offer_told_at_speed_counts_for_a_bid_of_nothing_told_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def heard() -> dict[Instrument, Values]:
        listener = Listener(careful=False)
        return listener.hear([{"Symbol": "MSFT", "Ask": "2"}]).hear([{"Symbol": "MSFT", "Bid": "0"}]).heard

    assert heard() == {WATCHED["MSFT"]: {"bid": Decimal(0), "ask": Decimal(2)}}
    monkeypatch.setattr(ticks_module.Ticks, "__init__", deaf_to_offers)
    assert heard() == {WATCHED["MSFT"]: {"bid": None, "ask": Decimal(2)}}


def deaf_to_offers(ticks: Ticks) -> None:
    """The sabotaged twin: takes every symbol for one whose offer was noted, and notes none."""
    ticks._unsure, ticks._offered = set(), Deaf()


class Deaf(set[str]):
    def issuperset(self, _: object) -> bool:
        return True


def forgetful(tick: Any) -> Any:
    """Takes ticks without noting whose bid is unsure."""

    def taken(self: Ticks, *args: Any) -> Any:
        found = tick(self, *args)
        self._unsure.clear()
        return found

    return taken
