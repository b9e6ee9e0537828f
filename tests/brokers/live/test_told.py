"""What passes between processes, as text: nothing is lost on the way, and nothing lands on another instrument."""

import random
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hand_fed import T0

from brokers.domain.instruments import Crypto, Equity, Future, Index, Instrument, Option, Right
from brokers.domain.market import Tick
from brokers.live import told
from brokers.live.board import Board
from brokers.live.told import Ask, Told
from brokers.port import StatusChange, StreamState

MANY = 10_000


def look_alikes() -> list[Instrument]:
    """Ten thousand that share their letters: shares, indexes, futures, pairs, and options that differ in one thing."""
    rng = random.Random(3)  # noqa: S311
    letters = ["SPX", "ES", "BTC", "ABC", "AB"]
    made: set[Instrument] = {each for word in letters for each in (Equity(word), Index(word), Crypto(word, "USD"))}
    made |= {Future(word, 2026, month) for word in ("ES", "BTC") for month in range(1, 13)}
    while len(made) < MANY:
        day = date(2026, 11, 20) + timedelta(days=rng.randrange(200))
        strike = Decimal(rng.randrange(1, 4000)) / 2
        made.add(Option(rng.choice(letters), day, rng.choice(list(Right)), strike))
    return sorted(made, key=str)


def after_the_way(instruments: list[Instrument]) -> dict[Instrument, Decimal | None]:
    """Each instrument's own number in, from an owner's board to text to another's board; what each shows there."""
    owner, other = Board(), Board()
    for board in (owner, other):
        for instrument in instruments:
            board.figures(instrument)
    owner.merge(Tick(each, {"last": Decimal(at), "bid": None}, T0) for at, each in enumerate(instruments))
    text = told.write(1, 1, told.QUOTES, owner.raw_changes())
    other.merge(Told.read(text).ticks)
    return {each: quote.last for each, quote in other.latest(instruments).items()}


def test_of_ten_thousand_look_alikes_each_keeps_its_own_value():
    instruments = look_alikes()
    assert after_the_way(instruments) == {each: Decimal(at) for at, each in enumerate(instruments)}


def by_letters(_: Callable[[str], Instrument]) -> Callable[[str], Instrument]:
    return lambda symbol: Equity(symbol.lstrip("/$").split("/")[0].split(" ")[0])


def test_a_reader_that_goes_by_letters_alone_is_seen_to_mix_them_up(monkeypatch):
    monkeypatch.setattr(told, "instrument_of", by_letters(told.instrument_of))
    instruments = look_alikes()
    assert after_the_way(instruments) != {each: Decimal(at) for at, each in enumerate(instruments)}


@pytest.mark.parametrize("value", [None, "0", "-1.50", "0.000000012345678901", "1E+7", "123456789012.123456"])
def test_figures_states_and_times_come_out_as_they_went_in(value):
    board, spy = Board(), Equity("SPY")
    board.figures(spy)
    number = None if value is None else Decimal(value)
    tick = Tick(spy, {"mark": number}, T0 + timedelta(microseconds=7))
    board.merge([tick])
    state = StatusChange("quotes", StreamState.STALE, 'Words with "quotes" and é.')
    assert Told.read(told.write(5, 7, told.SNAPSHOT, board.raw([spy]), [state])) == Told(
        5, 7, told.SNAPSHOT, (tick,), (state,)
    )


def test_an_ask_comes_out_as_it_went_in():
    ask = Ask("p1", ("SPY", "SPY   261218C00600000"), anew=True)
    assert Ask.read(ask.text()) == ask
    assert [str(each) for each in ask.instruments()] == list(ask.symbols)
