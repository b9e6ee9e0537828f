"""TradeStation's spelling of instruments, both ways."""

from datetime import date
from decimal import Decimal

import pytest

from brokers.domain.instruments import (
    Crypto,
    Equity,
    Future,
    FutureOption,
    Index,
    Instrument,
    Option,
    Other,
    Right,
    parse_instrument,
)
from brokers.tradestation.symbols import PRODUCTS, ROOTS, read_symbol, underlying_of, wire_symbol

DAY = date(2026, 12, 18)
PAIRS: list[tuple[str, str, Instrument]] = [
    ("MSFT", "STOCK", Equity("MSFT")),
    ("BRK.B", "STOCK", Equity("BRK.B")),
    ("$SPX.X", "INDEX", Index("SPX")),
    ("MSFT 261218C400", "STOCKOPTION", Option("MSFT", DAY, Right.CALL, Decimal(400))),
    ("AAPL 261218P167.5", "STOCKOPTION", Option("AAPL", DAY, Right.PUT, Decimal("167.5"))),
    ("F 261218C0.5", "STOCKOPTION", Option("F", DAY, Right.CALL, Decimal("0.5"))),
    ("SPXW 261218P5900", "INDEXOPTION", Option("SPXW", DAY, Right.PUT, Decimal(5900))),
    ("ESZ26", "FUTURE", Future("ES", 2026, 12)),
    ("TYH26", "FUTURE", Future("ZN", 2026, 3)),
    ("MP1Z26", "FUTURE", Future("6M", 2026, 12)),
]


@pytest.mark.parametrize(("symbol", "kind", "instrument"), PAIRS)
def test_each_spelling_names_one_instrument_both_ways(symbol: str, kind: str, instrument: Instrument) -> None:
    assert wire_symbol(instrument) == symbol
    assert read_symbol(symbol, kind) == instrument
    assert read_symbol(symbol.lower(), kind.lower()) == instrument
    assert read_symbol(symbol) == instrument
    assert parse_instrument(str(instrument)) == instrument


@pytest.mark.parametrize("product", sorted(ROOTS))
def test_products_that_are_called_otherwise_come_back_as_they_went(product: str) -> None:
    future = Future(product, 2027, 6)
    symbol = wire_symbol(future)
    assert symbol == f"{ROOTS[product]}M27"
    assert read_symbol(symbol, "FUTURE") == future
    assert len(PRODUCTS) == len(ROOTS)


def test_a_pair_can_be_asked_about_and_options_on_futures_cannot() -> None:
    assert wire_symbol(Crypto("BTC", "USD")) == "BTCUSD"
    future = Future("ES", 2026, 12)
    assert wire_symbol(FutureOption(future, "EW3Z26", DAY, Right.PUT, Decimal(5900))) is None
    assert wire_symbol(Other("bond", "912797KX4")) is None


@pytest.mark.parametrize(
    ("symbol", "kind"),
    [
        ("@ES", "FUTURE"),
        ("MSFT 261318C400", "STOCKOPTION"),
        ("MSFT 261218C400.0001", "STOCKOPTION"),
        ("MSFT 261218C123456789", "STOCKOPTION"),
        ("TOOLONGROOT 261218C4", "STOCKOPTION"),
        ("ESZ26 C5900", "FUTUREOPTION"),
        ("EURUSD", "FOREX"),
        ("MSFT", "SOMETHINGNEW"),
        ("ＭＳＦＴ", "STOCK"),
        ("", "STOCK"),
    ],
)
def test_what_the_desk_has_no_name_for_is_still_shown(symbol: str, kind: str) -> None:
    found = read_symbol(symbol, kind)
    assert isinstance(found, Other)
    assert parse_instrument(str(found)) == found


def test_an_option_is_listed_under_what_its_root_stands_for() -> None:
    assert underlying_of(Option("SPXW", DAY, Right.PUT, Decimal(5900))) == Index("SPX")
    assert underlying_of(Option("MSFT", DAY, Right.PUT, Decimal(400))) == Equity("MSFT")
    assert underlying_of(Equity("MSFT")) == Equity("MSFT")
