"""Quote objects become ticks, and a bid of nothing is what it is beside an offer alone."""

from datetime import datetime, timezone
from decimal import Decimal

import pytest
from stream_reader import transcript

from brokers.domain.instruments import Equity, Index, Instrument, parse_instrument
from brokers.domain.market import QUOTE_FIELDS, Tick
from brokers.errors import UnexpectedReply
from brokers.tradestation.ticks import Ticks
from brokers.wire import Node

MSFT = Equity("MSFT")
NOW = datetime(2026, 11, 18, 15, 19, tzinfo=timezone.utc)


def take(ticks: Ticks, *, at: datetime = NOW, **fields: object) -> Tick | None:
    return ticks.take("MSFT", MSFT, Node(fields, ""), at)


def test_the_transcript_adds_up_to_its_last_figures() -> None:
    ticks = Ticks()
    objects = [each for each in transcript("S-quotes") if each.get("Symbol") == "MSFT"]
    first, second, third = [ticks.take("MSFT", MSFT, Node(each, ""), NOW) for each in objects]
    assert first is not None
    assert second is not None
    assert third is not None
    assert set(first.values) <= set(QUOTE_FIELDS)
    assert (first.values["bid"], first.values["prev_close"]) == (Decimal("412.85"), Decimal("414.46"))
    assert "open_interest" not in first.values
    assert second.values == {"ask": Decimal("412.88"), "ask_size": Decimal(200)}
    assert third.values == {"last": Decimal("412.86"), "volume": Decimal(5852561)}


@pytest.mark.parametrize("nothing", ["0", "0.00", ""])
def test_a_price_of_nothing_is_unknown(nothing: str) -> None:
    ticks = Ticks()
    take(ticks, Bid="1", Ask="2", Last="1.5")
    assert take(ticks, Last=nothing) == Tick(MSFT, {"last": None}, NOW)
    assert take(ticks, Ask=nothing, Bid=nothing) == Tick(MSFT, {"bid": None, "ask": None}, NOW)


def test_a_bid_of_nothing_beside_an_offer_is_a_bid_of_nothing() -> None:
    ticks = Ticks()
    first = take(ticks, Bid="0", Ask="0.05")
    assert first == Tick(MSFT, {"bid": Decimal(0), "ask": Decimal("0.05")}, NOW)
    assert take(ticks, Bid="0.01") == Tick(MSFT, {"bid": Decimal("0.01")}, NOW)
    assert take(ticks, Bid="0") == Tick(MSFT, {"bid": Decimal(0)}, NOW)


def test_a_bid_of_nothing_comes_and_goes_with_the_offer() -> None:
    ticks = Ticks()
    assert take(ticks, Bid="0", Ask="0") == Tick(MSFT, {"bid": None, "ask": None}, NOW)
    assert take(ticks, Ask="0.05") == Tick(MSFT, {"bid": Decimal(0), "ask": Decimal("0.05")}, NOW)
    assert take(ticks, Ask="0") == Tick(MSFT, {"bid": None, "ask": None}, NOW)


@pytest.mark.parametrize(
    ("instrument", "counts"),
    [(MSFT, False), (Index("SPX"), False), (parse_instrument("SPY   261218C00600000"), True)],
    ids=str,
)
def test_only_contracts_have_an_open_interest(instrument: Instrument, counts: bool) -> None:
    ticks = Ticks()
    tick = ticks.take("ANY", instrument, Node({"DailyOpenInterest": "12"}, ""), NOW)
    told = {"open_interest": Decimal(12)} if counts else {}
    assert (dict(tick.values) if tick is not None else {}) == told


def test_what_is_told_while_nobody_asks_counts_for_what_comes_after() -> None:
    ticks = Ticks()
    assert ticks.take("MSFT", None, Node({"Bid": "0", "Ask": "0"}, ""), NOW) is None
    assert take(ticks, Ask="2") == Tick(MSFT, {"bid": Decimal(0), "ask": Decimal(2)}, NOW)


def test_what_is_not_carried_any_more_is_forgotten() -> None:
    ticks = Ticks()
    take(ticks, Ask="1")
    assert take(ticks, Bid="0") == Tick(MSFT, {"bid": Decimal(0)}, NOW)
    ticks.keep_only(["SPY"])
    assert take(ticks, Bid="0") == Tick(MSFT, {"bid": None}, NOW)


def test_what_is_no_number_is_an_error() -> None:
    with pytest.raises(UnexpectedReply, match="Bid"):
        take(Ticks(), Bid="NaN")
