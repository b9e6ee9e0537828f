"""TradeStation's symbols, names of spreads and of accounts, without a server."""

from datetime import date, datetime, timezone
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
)
from brokers.domain.orders import Action, Leg
from brokers.simulator.exchange import SimAccount
from brokers.simulator.tradestation.answers import compact, decimal, moment
from brokers.simulator.tradestation.names import ts_account
from brokers.simulator.tradestation.positions import SymbolFilter
from brokers.simulator.tradestation.spreads import spread_name
from brokers.simulator.tradestation.symbols import ROOTS, continuous, parse, to_wire

EXPIRY, LATER = date(2026, 12, 18), date(2027, 1, 15)


@pytest.mark.parametrize(
    ("instrument", "symbol"),
    [
        (Equity("MSFT"), "MSFT"),
        (Equity("BRK.B"), "BRK.B"),
        (Index("SPX"), "$SPX.X"),
        (Option("MSFT", date(2022, 9, 16), Right.CALL, Decimal("305")), "MSFT 220916C305"),
        (Option("AAPL", date(2024, 5, 10), Right.CALL, Decimal("167.50")), "AAPL 240510C167.5"),
        (Option("SPXW", date(2024, 12, 6), Right.PUT, Decimal("5900.000")), "SPXW 241206P5900"),
        (Option("F", EXPIRY, Right.PUT, Decimal("0.5")), "F 261218P0.5"),
        (Future("ES", 2024, 12), "ESZ24"),
        (Future("ZN", 2025, 3), "TYH25"),
        (Future("6E", 2026, 6), "ECM26"),
        (Future("ZB", 2026, 9), "USU26"),
        (Crypto("BTC", "USD"), "BTCUSD"),
    ],
)
def test_symbols_are_the_documented_ones_both_ways(instrument: Instrument, symbol: str) -> None:
    assert to_wire(instrument) == symbol
    assert parse(symbol) == instrument
    assert parse(f" {symbol.lower()} ") == instrument


def test_an_index_may_come_without_its_ending_and_a_continuous_future_names_its_product() -> None:
    assert parse("$DJI") == Index("DJI")
    assert (continuous("@ES"), continuous("@ty"), continuous("ESZ26")) == ("ES", "ZN", None)


@pytest.mark.parametrize("text", ["", "@ES", "MSFT 261318C400", "MSFT 261218X400", "M S F T", "ZZZZZZZZZZ", "x" * 99])
def test_other_texts_are_no_symbols(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse(text)


ROOT = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=4)
STRIKE = st.decimals(Decimal("0.001"), Decimal(99_999), places=3)
DAY = st.dates(date(2020, 1, 1), date(2099, 12, 31))
PRODUCT = st.sampled_from([*ROOTS, "ES", "NQ", "MES", "CL", "GC"])
FUTURES = st.builds(Future, PRODUCT, st.integers(2020, 2099), st.integers(1, 12))


@given(
    st.one_of(
        st.builds(Option, ROOT, DAY, st.sampled_from(Right), STRIKE),
        FUTURES,
        st.builds(FutureOption, FUTURES, st.just("EW3Z26"), DAY, st.sampled_from(Right), STRIKE),
    )
)
def test_every_derivative_survives_the_way_there_and_back(instrument: Instrument) -> None:
    assert parse(to_wire(instrument)) == instrument


def leg(strike: int, action: str, right: str = "C", quantity: int = 1, expiry: date = EXPIRY) -> Leg:
    acts = Action.BUY_TO_OPEN if action == "+" else Action.SELL_TO_OPEN
    return Leg(Option("SPY", expiry, Right(right), Decimal(strike)), acts, Decimal(quantity))


@pytest.mark.parametrize(
    ("legs", "name"),
    [
        ([leg(100, "+")], None),
        ([leg(100, "+"), leg(105, "-")], "Vertical"),
        ([leg(100, "-", "P"), leg(95, "+", "P")], "Vertical"),
        ([leg(100, "+"), leg(105, "-", quantity=2)], "RatioBack1x2"),
        ([leg(100, "+"), leg(105, "-", quantity=3)], "RatioBack1x3"),
        ([leg(100, "+", quantity=2), leg(105, "-", quantity=3)], "RatioBack2x3"),
        ([leg(100, "+"), leg(100, "+", "P")], "Straddle"),
        ([leg(105, "-"), leg(95, "-", "P")], "Strangle"),
        ([leg(100, "+"), leg(100, "-", "P")], "Combo"),
        ([leg(100, "-"), leg(100, "+", expiry=LATER)], "Calendar"),
        ([leg(100, "-"), leg(105, "+", expiry=LATER)], "Diagonal"),
        ([leg(95, "+"), leg(100, "-", quantity=2), leg(105, "+")], "Butterfly"),
        ([leg(95, "+"), leg(100, "-"), leg(105, "-"), leg(110, "+")], "Condor"),
        ([leg(90, "+", "P"), leg(95, "-", "P"), leg(105, "-"), leg(110, "+")], "IronCondor"),
        ([leg(110, "+"), leg(90, "+", "P"), leg(105, "-"), leg(95, "-", "P")], "IronCondor"),
        ([leg(90, "+", "P"), leg(100, "-", "P"), leg(100, "-"), leg(110, "+")], "IronButterfly"),
        ([Leg(Equity("SPY"), Action.BUY_TO_OPEN, Decimal(100)), leg(105, "-")], "Covered"),
        ([Leg(Equity("SPY"), Action.BUY_TO_OPEN, Decimal(100)), leg(105, "-"), leg(95, "+", "P")], "Collar"),
        ([leg(95, "+"), leg(100, "+")], "Custom"),
        ([leg(95, "+"), leg(100, "+"), leg(105, "+")], "Custom"),
    ],
)
def test_spreads_are_named_by_their_legs(legs: list[Leg], name: str | None) -> None:
    assert spread_name(legs) == name
    assert spread_name(list(reversed(legs))) == name


def test_accounts_are_named_after_their_number_and_kind() -> None:
    now = datetime(2026, 1, 2, tzinfo=timezone.utc)

    def named(number: str, kind: str) -> str:
        return ts_account(SimAccount(number, "demo", "x", kind, Decimal(0), now))  # type: ignore[arg-type]

    assert named("5WT00001", "margin") == "SIM5000001M"
    assert named("5WT00002", "cash") == "SIM5000002M"
    assert named("5WT00004", "futures") == "SIM5000004F"


@pytest.mark.parametrize(
    ("text", "symbol", "wanted"),
    [
        ("MSFT", "MSFT", True),
        ("msft", "MSFT", True),
        ("MSFT", "MSFT 230317C250", False),
        ("MSFT *", "MSFT 230317C250", True),
        ("MSFT *", "MSFT", False),
        ("MSFT,MSFT *", "MSFT", True),
        ("MSFT 2303*", "MSFT 230317C250", True),
        ("* 2303*C*", "MSFT 230317C250", True),
        ("* 2303*C*", "MSFT 230317P250", False),
        ("**", "MSFT", False),
        ("A**", "A*", True),
        ("", "MSFT", True),
    ],
)
def test_the_filter_of_symbols_knows_stars(text: str, symbol: str, wanted: bool) -> None:
    assert (symbol in SymbolFilter(text)) is wanted


def test_numbers_and_times_are_written_plainly() -> None:
    assert [decimal(Decimal(text)) for text in ("1E+5", "0.10", "-0", "-12.50", "0E-8")] == [
        "100000",
        "0.1",
        "0",
        "-12.5",
        "0",
    ]
    assert decimal(Decimal("2.345678"), 3) == "2.346"
    assert moment(datetime(2026, 5, 8, 14, 16, 2, 999, tzinfo=timezone.utc)) == "2026-05-08T14:16:02Z"
    assert compact({"a": 0, "b": "", "c": None, "d": [], "e": False, "f": "0"}) == {"a": 0, "e": False, "f": "0"}
