"""tastytrade's spellings of an instrument, written and read again."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.domain.instruments import Crypto, Equity, Future, FutureOption, Index, Instrument, Option, Right
from brokers.simulator.tastytrade.symbols import (
    api_symbol,
    parse_api_symbol,
    parse_future,
    parse_streamer_symbol,
    streamer_symbol,
)

TODAY = date(2026, 11, 20)
products = st.sampled_from(["ES", "NQ", "CL", "6E", "ZB", "MES", "GC", "SI", "MNQ", "NG"])
series = st.sampled_from(["ES", "EW3", "EW", "E1A", "LO", "OG", "OZB", "LO1"])
months = st.integers(1, 12)
strikes = st.integers(1, 99_999).map(lambda cents: Decimal(cents) / 4).map(lambda price: price.normalize() + 0)
rights = st.sampled_from(list(Right))
days = st.dates(date(2026, 11, 20), date(2031, 12, 31))
futures = st.builds(
    lambda product, ahead: Future(product, 2026 + (10 + ahead) // 12, (10 + ahead) % 12 + 1),
    products,
    st.integers(0, 100),
)
shares = st.sampled_from([Equity("AAPL"), Equity("BRK.B"), Equity("T"), Equity("F")])
options = st.builds(
    lambda root, day, right, thousandths: Option(root, day, right, Decimal(thousandths) / 1000),
    st.sampled_from(["SPY", "SPXW", "T1", "BRKB", "GOOGL1"]),
    days,
    rights,
    st.integers(1, 99_999_999),
)
cryptos = st.sampled_from([Crypto("BTC", "USD"), Crypto("SOL", "USD")])


@st.composite
def future_options(draw: st.DrawFn) -> FutureOption:
    """One whose contract month is that of its expiry or the next."""
    expiry = draw(days)
    year, month = divmod(expiry.year * 12 + expiry.month - 1 + draw(st.integers(0, 1)), 12)
    contract = f"{draw(series)}{'FGHJKMNQUVXZ'[month]}{year % 100:02d}"
    return FutureOption(Future(draw(products), year, month + 1), contract, expiry, draw(rights), draw(strikes))


@given(st.one_of(shares, options, futures, cryptos, future_options()))
def test_an_api_symbol_is_read_back_as_the_instrument(instrument: Instrument) -> None:
    assert parse_api_symbol(api_symbol(instrument), TODAY) == instrument


@given(st.one_of(shares, options, futures, cryptos))
def test_a_streamer_symbol_is_read_back_as_the_instrument(instrument: Instrument) -> None:
    assert parse_streamer_symbol(streamer_symbol(instrument)) == instrument


@pytest.mark.parametrize(
    ("instrument", "api", "streamed"),
    [
        (Equity("BRK.B"), "BRK/B", "BRK/B"),
        (Index("SPX"), "SPX", "SPX"),
        (Option("SPY", date(2026, 12, 18), Right.CALL, Decimal(600)), "SPY   261218C00600000", ".SPY261218C600"),
        (Option("AAPL", date(2026, 12, 18), Right.PUT, Decimal("197.5")), "AAPL  261218P00197500", ".AAPL261218P197.5"),
        (Future("ES", 2026, 12), "/ESZ6", "/ESZ26:XCME"),
        (Future("ZB", 2027, 3), "/ZBH7", "/ZBH27:XCBT"),
        (Crypto("BTC", "USD"), "BTC/USD", "BTC/USD:CXTALP"),
        (
            FutureOption(Future("ES", 2026, 12), "EW3Z26", date(2026, 12, 18), Right.PUT, Decimal(6300)),
            "./ESZ6 EW3Z6 261218P6300",
            "./EW3Z26P6300:XCME",
        ),
        (
            FutureOption(Future("ES", 2026, 12), "ESZ26", date(2026, 12, 18), Right.PUT, Decimal(6300)),
            "./ESZ6 ESZ6  261218P6300",
            "./ESZ26P6300:XCME",
        ),
    ],
)
def test_the_spellings_are_those_of_the_reference(instrument: Instrument, api: str, streamed: str) -> None:
    assert (api_symbol(instrument), streamer_symbol(instrument)) == (api, streamed)


@pytest.mark.parametrize(
    ("text", "on", "year"),
    [
        ("/ESZ6", date(2026, 11, 20), 2026),
        ("ESZ6", date(2026, 11, 20), 2026),
        ("/ESZ26", date(2026, 11, 20), 2026),
        ("/ESX6", date(2026, 12, 20), 2026),
        ("/ESV6", date(2026, 12, 20), 2036),
        ("/ESH0", date(2029, 12, 1), 2030),
    ],
)
def test_a_years_one_digit_means_the_first_year_that_fits(text: str, on: date, year: int) -> None:
    assert parse_future(text, on).year == year


@pytest.mark.parametrize(
    "text", ["", "/", "/ES", "/ESZ", "./ESZ6 EW3Z6 261218X6300", "SPY 26", "../x", "BTC/", "ESZ6:"]
)
def test_what_is_no_symbol_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="symbol"):
        parse_api_symbol(text, TODAY)
    with pytest.raises(ValueError, match="symbol"):
        parse_streamer_symbol(text)
