"""Rows of a chain and the tabs over it: which strikes, what stands in the cells, what is unknown, what is marked."""

from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

import pytest

from brokers.domain.instruments import Future, Index, Instrument, Option, Right
from brokers.domain.market import Expiration, PriceIncrements, Quote, Strike
from market import terms as chain_terms
from market.chain.board import Scene, board, extrinsic, figure_text, spot_text, strike_text, window
from market.smile import NOTHING, Estimated, Smile
from market.terms import Term

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=timezone.utc)
TODAY, EXPIRY = date(2026, 11, 20), date(2026, 12, 18)


def listed(*prices: str, root: str = "SPY", expiry: date = EXPIRY, **more: Any) -> Expiration:
    def option(price: str, right: Right) -> Option:
        return Option(root, expiry, right, Decimal(price))

    strikes = tuple(Strike(Decimal(each), option(each, Right.CALL), option(each, Right.PUT)) for each in prices)
    given: dict[str, Any] = {"kind": "regular", "settlement": "PM", "multiplier": Decimal(100)} | more
    return Expiration(expiry=expiry, root=root, increments=PriceIncrements(()), strikes=strikes, **given)


TENS = listed(*(str(price) for price in range(500, 710, 10)))


def scene(**more: Any) -> Scene:
    given: dict[str, Any] = {
        "quotes": {},
        "spot": Decimal("604.3"),
        "told": NOTHING,
        "move": None,
        "held": {},
        "legs": {},
        "view": "prices",
    }
    return Scene(**(given | more))


def call(price: int) -> Option:
    return Option("SPY", EXPIRY, Right.CALL, Decimal(price))


@pytest.mark.parametrize(
    ("price", "count", "first", "last"),
    [
        ("604.3", 8, 570, 640),
        ("600", 8, 570, 640),  # a strike at the price is in the lower half
        ("100", 8, 500, 570),
        ("9999", 8, 630, 700),
        (None, 8, 560, 630),
        ("604.3", 0, 500, 700),
        ("604.3", 99, 500, 700),
    ],
)
def test_the_window_stands_around_the_price(price: str | None, count: int, first: int, last: int) -> None:
    found = window(TENS, Decimal(price) if price else None, count)
    assert (found[0].price, found[-1].price) == (first, last)


def test_the_line_of_the_price_divides_the_rows() -> None:
    drawn = board(window(TENS, Decimal("604.3"), 8), scene())
    assert [row.strike for row in drawn.below] == [570, 580, 590, 600]
    assert [row.strike for row in drawn.above] == [610, 620, 630, 640]


def test_the_first_strikes_beyond_the_expected_move_are_marked() -> None:
    drawn = board(TENS.strikes, scene(move=Decimal(25)))
    marked = {row.strike: row.edge for row in (*drawn.below, *drawn.above) if row.edge}
    assert marked == {Decimal(570): "low", Decimal(630): "high"}


def test_without_a_quote_all_is_a_dash_and_nothing_is_called_worthless() -> None:
    side = board(TENS.strikes, scene()).below[0].call
    assert side is not None
    assert (side.bid, side.ask, side.no_bid) == ("—", "—", False)
    assert {cell.text for cell in side.cells} == {"—"}


def test_a_bid_of_zero_is_told_apart() -> None:
    quotes: dict[Instrument, Quote] = {call(700): Quote(call(700), NOW, bid=Decimal(0), ask=Decimal("0.05"))}
    side = board(TENS.strikes, scene(quotes=quotes)).above[-1].call
    assert side is not None
    assert side.no_bid
    assert side.bid == "0.00"


def test_the_brokers_greeks_win_over_estimates_and_estimates_say_so() -> None:
    told = Smile(604.0, 0.2, None, {each: Estimated(0.21, 0.514, 0.01, -0.2, 0.6) for each in (call(600), call(610))})
    quotes: dict[Instrument, Quote] = {
        call(600): Quote(call(600), NOW, delta=Decimal("0.556"), volatility=Decimal("0.1949"))
    }
    drawn = board(TENS.strikes, scene(quotes=quotes, told=told))
    by_broker, by_us = drawn.below[-1].call, drawn.above[0].call
    assert by_broker is not None
    assert by_us is not None
    assert [(cell.text, cell.is_estimate) for cell in by_broker.cells[1:]] == [("19.5", False), ("0.56", False)]
    assert [(cell.text, cell.is_estimate) for cell in by_us.cells[1:]] == [("21.0", True), ("0.51", True)]
    assert drawn.has_estimates


@pytest.mark.parametrize(("held", "leg"), [(2, None), (-3, 1), (None, -2)])
def test_holdings_and_legs_stand_at_their_strike(held: int | None, leg: int | None) -> None:
    at = {call(600): Decimal(held)} if held else {}
    picked = {call(600): Decimal(leg)} if leg else {}
    side = board(TENS.strikes, scene(held=at, legs=picked)).below[-1].call
    assert side is not None
    assert side.held == held
    assert (side.bought, side.sold) == ("+1" if leg == 1 else "", "−2" if leg == -2 else "")


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("delta", "-0.305", "−0.31"),
        ("delta", "-0.001", "0.00"),
        ("gamma", "0.01234", "0.0123"),
        ("theta", "-0.1955", "−0.196"),
        ("volatility", "0.1724", "17.2"),
        ("volume", "12345", "12,345"),
        ("last", "1.5", "1.50"),
        ("delta", None, "—"),
    ],
)
def test_figures_read_as_traders_write_them(field: str, value: str | None, text: str) -> None:
    assert figure_text(field, Decimal(value) if value else None) == text


def test_extrinsic_value_is_what_exercise_would_not_bring() -> None:
    quote = Quote(call(600), NOW, bid=Decimal("9.00"), ask=Decimal("9.20"))
    assert extrinsic(quote, Decimal(600), 1, Decimal("604.30")) == Decimal("4.80")
    assert extrinsic(quote, Decimal(600), -1, Decimal("604.30")) == Decimal("9.10")
    assert extrinsic(quote, Decimal(600), 1, None) is None


def test_strikes_and_the_price_are_written_without_noise() -> None:
    assert [strike_text(Decimal(each)) for each in ("600", "1250.0", "187.5", "0.5")] == [
        "600",
        "1,250",
        "187.50",
        "0.50",
    ]
    assert [spot_text(each) for each in (Decimal("608.905"), Decimal("0.12345"), None)] == ["608.91", "0.12345", "—"]


def test_a_tab_says_how_far_off_what_kind_and_what_is_unusual() -> None:
    weekly = listed("600", root="SPXW", expiry=date(2026, 11, 20), kind="weekly")
    monthly = listed("600", root="SPX", settlement="AM")
    adjusted = listed("600", root="SPX1", expiry=date(2026, 11, 27), kind="weekly", multiplier=Decimal(103))
    terms = {"2026-12-18-SPX": Term(Decimal("0.17"), Decimal("28.5"))}
    first, second, third = chain_terms.tabs([weekly, monthly, adjusted], terms, TODAY, Index("SPX"))
    assert (first.days, first.urgency, first.letter, first.root) == (0, "last-day", "W", "SPXW")
    assert (second.days, second.urgency, second.settlement, second.term) == (28, "", "AM", terms["2026-12-18-SPX"])
    assert (third.urgency, third.note[:13]) == ("soon", "Adjusted: SPX")


def test_the_code_of_an_option_on_a_future_is_no_adjusted_root() -> None:
    each = listed("6300", root="EW3Z26", multiplier=Decimal(50))
    [tab] = chain_terms.tabs([each], {}, TODAY, Future("ES", 2026, 12))
    assert (tab.note, chain_terms.is_adjusted(each)) == ("", False)


def test_of_adjusted_options_nothing_is_estimated() -> None:
    plain, adjusted = listed("600"), listed("600", root="SPY1")
    quotes = {
        option: Quote(option, NOW, bid=Decimal(9), ask=Decimal("9.2"))
        for each in (plain, adjusted)
        for option in (each.strikes[0].call, each.strikes[0].put)
        if option is not None
    }
    found = chain_terms.from_straddles([plain, adjusted], quotes, Decimal(600), NOW)
    assert list(found) == ["2026-12-18-SPY"]


def test_a_chain_opens_on_the_next_monthly_expiration_that_is_not_this_week() -> None:
    soon = listed("600", expiry=date(2026, 11, 21))
    weekly = listed("600", expiry=date(2026, 12, 4), kind="weekly")
    assert chain_terms.usual_choice([soon, weekly, TENS], TODAY) is TENS
    assert chain_terms.usual_choice([soon, weekly], TODAY) is soon


def test_the_brokers_volatility_makes_the_same_move_as_ours() -> None:
    [term] = chain_terms.from_broker([TENS], {EXPIRY: Decimal("0.18")}, Decimal(600), NOW).values()
    years = (chain_terms.settles_at(TENS) - NOW).total_seconds() / (365 * 86400)
    assert float(term.move) == pytest.approx(600 * 0.18 * years**0.5)
