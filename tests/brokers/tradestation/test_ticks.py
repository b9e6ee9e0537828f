"""Quote objects become ticks: the whole first, then what changed, and nothing twice."""

from datetime import datetime, timedelta, timezone
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


def take(ticks: Ticks, *, whole: bool = False, at: datetime = NOW, **fields: object) -> Tick | None:
    return ticks.take("MSFT", MSFT, Node(fields, ""), at, whole=whole)


def test_the_transcript_adds_up_to_its_last_figures() -> None:
    ticks, told = Ticks(), []
    objects = [each for each in transcript("S-quotes") if each.get("Symbol") == "MSFT"]
    for number, each in enumerate(objects):
        told.append(ticks.take("MSFT", MSFT, Node(each, ""), NOW, whole=number == 0))
    first, second, third = told
    assert first is not None
    assert second is not None
    assert third is not None
    assert set(first.values) <= set(QUOTE_FIELDS)
    assert (first.values["bid"], first.values["prev_close"]) == (Decimal("412.85"), Decimal("414.46"))
    assert "open_interest" not in first.values
    assert second.values == {"ask": Decimal("412.88"), "ask_size": Decimal(200)}
    assert third.values == {"last": Decimal("412.86"), "volume": Decimal(5852561)}
    known = ticks.known("MSFT", MSFT)
    assert known is not None
    assert known.values == {**first.values, **second.values, **third.values}


def test_what_did_not_change_is_no_news_unless_it_is_told_whole() -> None:
    ticks = Ticks()
    assert take(ticks, whole=True, Bid="1.10", Ask="1.2") == Tick(
        MSFT, {"bid": Decimal("1.1"), "ask": Decimal("1.2")}, NOW
    )
    assert take(ticks, Bid="1.1") is None
    assert take(ticks, Bid="1.3", Ask="1.20") == Tick(MSFT, {"bid": Decimal("1.3")}, NOW)
    later = NOW + timedelta(seconds=1)
    assert take(ticks, whole=True, at=later, Bid="1.3") == Tick(MSFT, {"bid": Decimal("1.3")}, later)


@pytest.mark.parametrize("nothing", ["0", "0.00", ""])
def test_a_price_of_nothing_is_unknown(nothing: str) -> None:
    ticks = Ticks()
    take(ticks, whole=True, Bid="1", Ask="2", Last="1.5")
    assert take(ticks, Last=nothing) == Tick(MSFT, {"last": None}, NOW)
    assert take(ticks, Ask=nothing, Bid=nothing) == Tick(MSFT, {"bid": None, "ask": None}, NOW)


def test_a_bid_of_nothing_beside_an_offer_is_a_bid_of_nothing() -> None:
    ticks = Ticks()
    first = take(ticks, whole=True, Bid="0", Ask="0.05")
    assert first == Tick(MSFT, {"bid": Decimal(0), "ask": Decimal("0.05")}, NOW)
    assert take(ticks, Bid="0.01") == Tick(MSFT, {"bid": Decimal("0.01")}, NOW)
    assert take(ticks, Bid="0") == Tick(MSFT, {"bid": Decimal(0)}, NOW)
    known = ticks.known("MSFT", MSFT)
    assert known is not None
    assert known.values == {"bid": Decimal(0), "ask": Decimal("0.05")}


def test_a_bid_of_nothing_comes_and_goes_with_the_offer() -> None:
    ticks = Ticks()
    assert take(ticks, whole=True, Bid="0", Ask="0") == Tick(MSFT, {"bid": None, "ask": None}, NOW)
    assert take(ticks, Ask="0.05") == Tick(MSFT, {"bid": Decimal(0), "ask": Decimal("0.05")}, NOW)
    assert take(ticks, Ask="0") == Tick(MSFT, {"bid": None, "ask": None}, NOW)


@pytest.mark.parametrize(
    ("instrument", "counts"),
    [(MSFT, False), (Index("SPX"), False), (parse_instrument("SPY   261218C00600000"), True)],
    ids=str,
)
def test_only_contracts_have_an_open_interest(instrument: Instrument, counts: bool) -> None:
    ticks = Ticks()
    tick = ticks.take("ANY", instrument, Node({"DailyOpenInterest": "12"}, ""), NOW, whole=True)
    told = {"open_interest": Decimal(12)} if counts else {}
    assert (dict(tick.values) if tick is not None else {}) == told
    known = ticks.known("ANY", instrument)
    assert (known.values if known is not None else {}) == told


def test_what_is_told_while_nobody_watches_is_there_for_one_who_comes_late() -> None:
    ticks = Ticks()
    take(ticks, whole=True, Bid="1", Ask="2")
    assert ticks.take("MSFT", None, Node({"Bid": "1.5"}, ""), NOW, whole=False) is None
    known = ticks.known("MSFT", MSFT)
    assert known is not None
    assert known.values == {"bid": Decimal("1.5"), "ask": Decimal(2)}


def test_what_is_not_watched_any_more_is_forgotten() -> None:
    ticks = Ticks()
    take(ticks, whole=True, Bid="1")
    ticks.keep_only(["SPY"])
    assert ticks.known("MSFT", MSFT) is None


def test_what_is_no_number_is_an_error() -> None:
    with pytest.raises(UnexpectedReply, match="Bid"):
        take(Ticks(), Bid="NaN")
