"""One instrument, three spellings."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokers.domain.instruments import Equity, Index, Instrument, Option, Other, Right, parse_instrument
from brokers.errors import Refused
from brokers.tastytrade.codec import market, metrics
from brokers.tastytrade.symbols import INDEXES, api_symbol, read_streamer, read_symbol, streamer_symbol, type_name

TODAY = date(2026, 11, 20)
KINDS = ["Equity", "Equity Option", "Future", "Future Option", "Cryptocurrency", "Index", "?"]
SPELLINGS = [
    ("AAPL", "Equity", "AAPL", "AAPL"),
    ("BRK.B", "Equity", "BRK/B", "BRK/B"),
    ("$SPX", "Index", "SPX", "SPX"),
    ("SPY   261218C00600000", "Equity Option", "SPY   261218C00600000", ".SPY261218C600"),
    ("AAPL  261218P00197500", "Equity Option", "AAPL  261218P00197500", ".AAPL261218P197.5"),
    ("F     261218P00000500", "Equity Option", "F     261218P00000500", ".F261218P0.5"),
    ("SPXW  261218C06300000", "Equity Option", "SPXW  261218C06300000", ".SPXW261218C6300"),
    ("AAPL1 261218C00150000", "Equity Option", "AAPL1 261218C00150000", ".AAPL1261218C150"),
    ("/ESZ26", "Future", "/ESZ6", "/ESZ26:XCME"),
    ("/CLQ27", "Future", "/CLQ7", "/CLQ27:XNYM"),
    ("./ESZ26 EW3Z26 261218P6300", "Future Option", "./ESZ6 EW3Z6 261218P6300", "./EW3Z26P6300:XCME"),
    ("./ESZ26 ESZ26 261218P6300", "Future Option", "./ESZ6 ESZ6  261218P6300", "./ESZ26P6300:XCME"),
    ("BTC/USD", "Cryptocurrency", "BTC/USD", "BTC/USD:CXTALP"),
]


@pytest.mark.parametrize(("ours", "kind", "api", "streamer"), SPELLINGS)
def test_an_instrument_is_spelled_the_brokers_way_and_read_back(ours: str, kind: str, api: str, streamer: str) -> None:
    instrument = parse_instrument(ours)
    assert (type_name(instrument), api_symbol(instrument), streamer_symbol(instrument)) == (kind, api, streamer)
    assert read_symbol(api, kind, TODAY) == instrument
    assert str(read_symbol(api, kind, TODAY)) == ours
    if kind != "Future Option":
        assert read_streamer(streamer) == instrument


@pytest.mark.parametrize(
    ("symbol", "on", "year"),
    [
        ("/ESZ6", date(2026, 11, 20), 2026),
        ("/ESH7", date(2026, 11, 20), 2027),
        ("/ESH0", date(2029, 12, 1), 2030),
        ("/ESZ9", date(2030, 1, 2), 2029),
        ("/ESF5", date(2026, 11, 20), 2035),
        ("/VXX26", date(2026, 11, 20), 2026),
        ("ESZ6", date(2026, 11, 20), 2026),
    ],
)
def test_the_decade_of_a_future_follows_from_the_day(symbol: str, on: date, year: int) -> None:
    future = read_symbol(symbol, "Future", on)
    assert getattr(future, "year", None) == year


@pytest.mark.parametrize(
    ("symbol", "kind", "canonical"),
    [
        ("912797KX4", "Bond", "~bond:912797KX4"),
        ("NKLAW", "Warrant", "~warrant:NKLAW"),
        ("what ever", "Tulip", "~other:whatever"),
        ("SPY   261399C00600000", "Equity Option", "~other:SPY261399C00600000"),
        ("123", "Equity", "~other:123"),
        ("", "Equity", "~other:?"),
    ],
)
def test_what_the_desk_cannot_name_is_still_there(symbol: str, kind: str, canonical: str) -> None:
    instrument = read_symbol(symbol, kind, TODAY)
    assert isinstance(instrument, Other)
    assert str(instrument) == canonical
    assert parse_instrument(canonical) == instrument
    assert type_name(instrument) is None
    assert streamer_symbol(instrument) is None


def test_an_index_filed_under_equities_is_an_index() -> None:
    assert read_symbol("VIX", "Equity", TODAY) == Index("VIX")
    assert read_symbol("VIXY", "Equity", TODAY) == Equity("VIXY")


@settings(deadline=None)
@given(st.text(max_size=30), st.sampled_from(KINDS))
def test_any_symbol_becomes_an_instrument_with_a_canonical_text(symbol: str, kind: str) -> None:
    instrument = read_symbol(symbol, kind, TODAY)
    assert parse_instrument(str(instrument)) == instrument


@settings(deadline=None)
@given(
    st.from_regex(r"[A-Z]{1,5}[0-9]?", fullmatch=True),
    st.dates(date(2020, 1, 1), date(2060, 1, 1)),
    st.sampled_from(Right),
    st.integers(1, 99_999_999),
)
def test_every_option_survives_the_way_there_and_back(root: str, expiry: date, right: Right, mills: int) -> None:
    option: Instrument = Option(root, expiry, right, Decimal(mills) / 1000)
    assert read_symbol(api_symbol(option), "Equity Option", TODAY) == option
    assert read_streamer(streamer_symbol(option) or "") == option


def test_a_share_by_the_name_of_an_index_is_nothing_here() -> None:
    """Requests and streams would bring the index's prices, and an order would be for what cannot be traded."""
    for name in sorted(INDEXES):
        share, index = Equity(name), Index(name)
        assert (type_name(share), streamer_symbol(share)) == (None, None)
        assert (type_name(index), streamer_symbol(index)) == ("Index", name)
        assert [asked for _, asked in market.quotes_requests([share, index])] == [[index]]
        assert [asked for _, asked in metrics.metrics_requests([share, index])] == [[index]]
        for request in (market.details_request, market.chain_request):
            with pytest.raises(Refused, match=name):
                request(share)
