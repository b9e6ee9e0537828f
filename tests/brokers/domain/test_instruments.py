"""Instruments and their one canonical text."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.domain.instruments import (
    Crypto,
    Equity,
    Future,
    FutureOption,
    Index,
    Instrument,
    Option,
    Right,
    contract_multiplier,
    describe,
    parse_instrument,
)

ROOTS = st.from_regex(r"[A-Z]{1,5}", fullmatch=True)
DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31))
STRIKES = st.integers(1, 99_999_999).map(lambda thousandths: Decimal(thousandths) / 1000)
INSTRUMENTS: st.SearchStrategy[Instrument] = st.one_of(
    ROOTS.map(Equity),
    st.sampled_from([Equity("BRK.B"), Equity("BF.A"), Index("SPX"), Index("VIX"), Crypto("BTC", "USD")]),
    st.builds(Option, ROOTS, DAYS, st.sampled_from(Right), STRIKES),
    st.builds(Future, st.sampled_from(["ES", "NQ", "CL", "6E"]), st.integers(2000, 2099), st.integers(1, 12)),
    st.builds(
        FutureOption,
        st.builds(Future, st.just("ES"), st.integers(2000, 2099), st.integers(1, 12)),
        st.just("EW3Z26"),
        DAYS,
        st.sampled_from(Right),
        STRIKES,
    ),
)


@given(INSTRUMENTS)
def test_parsing_an_instruments_text_gives_it_back(instrument: Instrument) -> None:
    assert parse_instrument(str(instrument)) == instrument


@pytest.mark.parametrize(
    ("text", "instrument"),
    [
        ("AAPL", Equity("AAPL")),
        ("BRK.B", Equity("BRK.B")),
        ("$SPX", Index("SPX")),
        ("SPY   261218C00600000", Option("SPY", date(2026, 12, 18), Right.CALL, Decimal(600))),
        ("AAPL  261218P00197500", Option("AAPL", date(2026, 12, 18), Right.PUT, Decimal("197.5"))),
        ("/ESZ26", Future("ES", 2026, 12)),
        ("BTC/USD", Crypto("BTC", "USD")),
    ],
)
def test_known_texts_mean_known_instruments(text: str, instrument: Instrument) -> None:
    assert parse_instrument(text) == instrument
    assert str(instrument) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "aapl",
        "AAPL;DROP",
        "SPY   261332C00600000",
        "SPY   261218X00600000",
        "/ES",
        "$",
        "A" * 5000,
        "\x00",
        "ＡＡＰＬ",
    ],
)
def test_what_is_no_symbol_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match="is not a symbol"):
        parse_instrument(text)


def test_an_option_reads_as_traders_say_it() -> None:
    assert describe(parse_instrument("SPY   261218C00600000")) == "SPY 18 Dec 26 600 C"


def test_an_adjusted_options_multiplier_is_not_guessed() -> None:
    assert contract_multiplier(parse_instrument("SPY   261218C00600000")) == 100
    assert contract_multiplier(parse_instrument("AAPL1 261218C00600000")) is None
