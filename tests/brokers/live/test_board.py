"""The board: what is newest, what changed, and how it is written."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from hand_fed import T0, tick
from hypothesis import given
from hypothesis import strategies as st

from brokers.domain.instruments import parse_instrument
from brokers.domain.market import Quote
from brokers.domain.raw import Deltas, TickBatch, exact
from brokers.live import figures as figures_module
from brokers.live.board import Board
from brokers.live.candle import Candle

SPY = parse_instrument("SPY")


def board_with(*ticks) -> Board:
    board = Board()
    for one in ticks:
        board.figures(one.instrument)
    board.merge(ticks)
    return board


def told(board: Board) -> dict:
    return json.loads("{" + ",".join(board.take_changes().values()) + "}")


def test_a_tick_changes_the_fields_it_names_and_leaves_the_others():
    board = board_with(tick("SPY", bid="1.02", ask="1.04"), tick("SPY", 1, bid="1.03"))
    assert board.latest([SPY])[SPY] == Quote(SPY, T0 + timedelta(seconds=1), bid=Decimal("1.03"), ask=Decimal("1.04"))


def test_only_what_changed_is_told_with_its_time():
    board = board_with(tick("SPY", bid="1.02", ask="1.04", volume="1000"))
    told(board)
    board.merge([tick("SPY", 1.5, bid="1.02", ask="1.05", volume="1000")])
    assert told(board) == {"SPY": {"ask": "1.05", "mark": "1.035", "as_of": "2026-11-20T15:00:01.500Z"}}
    assert told(board) == {}


def test_a_repeated_value_is_told_by_its_time_alone():
    board = board_with(tick("SPY", bid="1.02"))
    told(board)
    board.merge([tick("SPY", 2, bid="1.020")])
    assert told(board) == {"SPY": {"as_of": "2026-11-20T15:00:02.000Z"}}


def test_unknown_is_null_and_the_mark_falls_back_to_the_last():
    board = board_with(tick("SPY", bid="1.02", ask="1.04", last="1.01"))
    assert told(board)["SPY"]["mark"] == "1.03"
    board.merge([tick("SPY", 1, bid=None)])
    assert told(board)["SPY"] == {"bid": None, "mark": "1.01", "as_of": "2026-11-20T15:00:01.000Z"}


def test_numbers_are_written_in_digits_without_loss():
    board = board_with(tick("SPY", volume="1E+7", gamma="0.000000012345678901"))
    assert told(board)["SPY"]["volume"] == "10000000"
    board.merge([tick("SPY", 1, gamma="1E-9")])
    assert told(board)["SPY"]["gamma"] == "0.000000001"


def test_a_late_tick_does_not_make_the_quote_look_older():
    board = board_with(tick("SPY", 5, bid="1.02"), tick("SPY", 3, last="1.00"))
    assert board.latest([SPY])[SPY].as_of == T0 + timedelta(seconds=5)


def test_ticks_of_instruments_not_on_the_board_and_fields_nobody_knows_are_left():
    board = board_with(tick("SPY", last="1.02", colour="3"))
    board.merge([tick("QQQ", bid="9")])
    assert told(board) == {"SPY": {"last": "1.02", "mark": "1.02", "as_of": "2026-11-20T15:00:00.000Z"}}
    assert board.latest([parse_instrument("QQQ")]) == {}


def test_an_option_and_its_underlying_and_a_look_alike_stay_apart():
    call, put = "SPY   261218C00600000", "SPY   261218P00600000"
    board = board_with(tick(call, bid="1"), tick(put, bid="2"), tick("SPY", bid="600"))
    assert {symbol: figures["bid"] for symbol, figures in told(board).items()} == {call: "1", put: "2", "SPY": "600"}


def test_what_is_no_longer_wanted_is_forgotten():
    board = board_with(tick("SPY", bid="1"), tick("QQQ", bid="2"))
    board.keep_only({SPY})
    assert list(told(board)) == ["SPY"]
    assert list(board.latest([SPY, parse_instrument("QQQ")])) == [SPY]


def batch(*rows: tuple[str, float | None, float], after: float = 0) -> TickBatch:
    figures = [figure for _, *told in rows for figure in told]
    instruments = [parse_instrument(symbol) if symbol else None for symbol, *_ in rows]
    return TickBatch(instruments, ("bid", "ask"), figures, T0 + timedelta(seconds=after))


def test_a_batch_is_what_its_ticks_are():
    at_once, one_by_one = board_with(tick("SPY", bid="1"), tick("QQQ")), board_with(tick("SPY", bid="1"), tick("QQQ"))
    told_at_once = batch(("SPY", 1.0, 1.07), ("", 5.0, 6.0), ("QQQ", None, 0.0000001), ("SPY", 1.01, 1.07), after=1)
    at_once.merge([told_at_once, batch(("IWM", 1.0, 2.0))])
    one_by_one.merge(list(told_at_once.ticks()))
    assert told(at_once) == told(one_by_one)
    symbols = [SPY, parse_instrument("QQQ"), parse_instrument("IWM")]
    assert at_once.latest(symbols) == one_by_one.latest(symbols)
    assert at_once.latest(symbols)[SPY].bid == Decimal("1.01")


def test_figures_of_a_batch_are_written_to_the_last_digit():
    board = board_with(tick("SPY"))
    board.merge([batch(("SPY", 1.00000123, 1e-7))])
    assert {**told(board)["SPY"], "mark": None, "as_of": None} == {
        "bid": "1.00000123",
        "ask": "0.0000001",
        "mark": None,
        "as_of": None,
    }


def test_each_trade_of_a_batch_counts_for_the_candle():
    board = board_with(tick("SPY"))
    figures = board.figures(SPY)
    figures.candle = Candle()
    board.merge([TickBatch([SPY, SPY, SPY], ("last", "volume"), [10.0, 100, 12.5, 150, 11.0, 170], T0)])
    assert (figures.candle.open, figures.candle.high, figures.candle.low, figures.candle.close) == (
        Decimal(10),
        Decimal("12.5"),
        Decimal(10),
        Decimal(11),
    )
    assert figures.candle.volume == 70


def test_what_was_forgotten_and_is_wanted_again_begins_anew():
    board = board_with(tick("SPY", bid="1"))
    board.keep_only(set())
    board.merge([batch(("SPY", 1.0, 2.0))])
    assert board.latest([SPY]) == {}
    board.figures(SPY)
    board.merge([batch(("SPY", 3.0, 4.0))])
    assert board.latest([SPY])[SPY].bid == 3


def deltas(*rows: tuple[str, dict], after: float = 0) -> Deltas:
    instruments = [parse_instrument(symbol) if symbol else None for symbol, _ in rows]
    names = {"Bid": "bid", "Ask": "ask"}
    return Deltas(instruments, [told for _, told in rows], names, T0 + timedelta(seconds=after))


def test_deltas_are_what_their_ticks_are():
    at_once, one_by_one = board_with(tick("SPY", bid="1"), tick("QQQ")), board_with(tick("SPY", bid="1"), tick("QQQ"))
    told_at_once = deltas(("SPY", {"Symbol": "SPY", "Ask": 1.07}), ("", {"Bid": 3}), ("QQQ", {"Bid": 2, "Ask": 2.5}))
    at_once.merge([told_at_once, deltas(("IWM", {"Bid": 1}))])
    one_by_one.merge(list(told_at_once.ticks()))
    assert told(at_once) == told(one_by_one)
    symbols = [SPY, parse_instrument("QQQ"), parse_instrument("IWM")]
    assert at_once.latest(symbols) == one_by_one.latest(symbols)
    assert at_once.latest(symbols)[SPY] == Quote(SPY, T0, bid=Decimal(1), ask=Decimal("1.07"))


def test_deltas_without_a_figure_are_no_news():
    board = board_with(tick("SPY", bid="1"))
    told(board)
    assert not board.merge([deltas(("SPY", {"Symbol": "SPY"}), after=1)])
    assert board.latest([SPY])[SPY].as_of == T0


prices = st.sampled_from([None, Decimal(0), Decimal("1.5"), Decimal("1.50"), Decimal(2), 0.0, 1.5, 2.25, 1])
PRICED = ("bid", "ask", "mark", "last")
steps = st.lists(st.dictionaries(st.sampled_from(PRICED), prices, min_size=1), min_size=1, max_size=6)


def marks_agree(steps: list[dict]) -> bool:
    """Whether what a tab adds up is, after each step, the fair price of the quote."""
    board, mark = board_with(), None
    board.figures(SPY)
    for told_now in steps:
        board.merge([Deltas([SPY], [told_now], {name: name for name in PRICED}, T0)])
        mark = told(board)["SPY"].get("mark", mark)
        if (mark if mark is None else Decimal(mark)) != board.latest([SPY])[SPY].fair_price:
            return False
    return True


@given(steps)
def test_the_mark_that_is_told_is_the_fair_price_of_what_was_told(steps):
    assert marks_agree(steps)


def test_a_mark_of_another_rule_is_noticed(monkeypatch: pytest.MonkeyPatch):
    """The sabotaged twin."""
    crossed = [{"bid": Decimal(2), "ask": Decimal("1.5"), "last": 1.5}]
    assert marks_agree(crossed)
    monkeypatch.setattr(figures_module, "fair_price", lambda bid, ask, mark, last: (exact(bid) + exact(ask)) / 2)
    assert not marks_agree(crossed)


def test_an_instrument_is_found_by_what_it_is_whichever_object_names_it():
    board = board_with(tick("SPY", bid="1"))
    assert parse_instrument("SPY") is not SPY
    for number, instrument in enumerate((SPY, parse_instrument("SPY"), parse_instrument("SPY"))):
        board.merge([TickBatch([instrument], ("bid",), [2.0 + number], T0)])
        assert board.latest([SPY])[SPY].bid == 2 + number


def test_after_a_figure_that_cannot_be_told_all_goes_on(monkeypatch: pytest.MonkeyPatch):
    """What was to be told beside it is told with its next news."""
    board = board_with(tick("SPY", bid="1", ask="2"), tick("QQQ", bid="3", ask="4"))
    with monkeypatch.context() as broken:
        broken.setattr(figures_module, "fair_price", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            board.take_changes()
    board.merge([tick("QQQ", 1, bid="3.5"), tick("SPY", 1, last="1.5")])
    assert {symbol: set(one) - {"mark", "as_of"} for symbol, one in told(board).items()} == {
        "QQQ": {"bid"},
        "SPY": {"last"},
    }


def test_an_object_in_the_place_of_a_forgotten_one_is_not_taken_for_it():
    board = Board()
    for number in range(200):
        forgotten = parse_instrument(f"./ESZ26 EW3Z26 261218P{6300 + number}")
        board.figures(forgotten)
        board.keep_only(set())
        del forgotten  # its place in memory is free now
        other = parse_instrument(f"./ESZ26 EW3Z26 261218C{6300 + number}")
        assert not board.merge([TickBatch([other], ("bid",), [2.0], T0)])
