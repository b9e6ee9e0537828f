"""Ten thousand instruments that share their letters, at either broker and over several connections: no value is ever
shown under another instrument, nor under another connection's."""

import asyncio
import json
import random
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from hand_fed import FAST, T0, Reported, Upstreams, open_tab, until

from brokers.domain.instruments import Crypto, Equity, Future, Index, Instrument, Option, Right
from brokers.domain.market import Quote, Tick
from brokers.live.hub import Hub
from brokers.live.limits import Limits
from brokers.tastytrade import symbols as tasty_symbols
from brokers.tastytrade.codec import market as tasty
from brokers.tradestation import symbols as station_symbols
from brokers.tradestation.codec import market as station
from brokers.wire import decode

MANY = 10_000
NOW = datetime(2026, 11, 20, 15, 0, tzinfo=timezone.utc)
LETTERS = ("A", "AB", "ABC", "BA", "ES", "BTC", "SPX", "SPXW", "BRK.A", "BRK.B", "BRKB")


def look_alikes(count: int = MANY) -> list[Instrument]:
    """Shares, indexes, futures, pairs and options on them that differ in class, a letter, a day, a side or a cent."""
    rng = random.Random(9)  # noqa: S311
    words = [each for each in LETTERS if "." not in each]
    made: set[Instrument] = {Equity(each) for each in LETTERS} | {Index(each) for each in words}
    made |= {Future(word, 2026 + month // 12, month % 12 + 1) for word in ("ES", "BTC") for month in range(11, 23)}
    made |= {Crypto(word, "USD") for word in ("BTC", "ES")}
    while len(made) < count:
        day = date(2026, 11, 20) + timedelta(days=rng.randrange(400))
        strike = Decimal(rng.randrange(1, 4000)) / rng.choice((1, 2, 10, 100))
        made.add(Option(rng.choice(words), day, rng.choice(list(Right)), strike))
    return sorted(made, key=str)


def value_of(place: int) -> Decimal:
    return Decimal(place + 1) / 100


Priced = dict[Instrument, Decimal | None]


def by_tastytrade(instruments: Sequence[Instrument]) -> tuple[Priced, Priced]:
    """Each with its own price in the broker's answers, in any order: what should come out, what does."""
    expected: Priced = {}
    found: dict[Instrument, Quote] = {}
    for _, asked in tasty.quotes_requests(instruments):
        rows = []
        for each in asked:
            expected[each] = value_of(len(expected))
            name, kind = tasty_symbols.api_symbol(each), tasty_symbols.type_name(each)
            rows.append({"symbol": name, "instrument-type": kind, "bid": str(expected[each])})
        random.Random(1).shuffle(rows)  # noqa: S311
        found |= tasty.read_quotes(decode(json.dumps({"data": {"items": rows}})), asked, NOW)
    return expected, {each: quote.bid for each, quote in found.items()}


def by_tradestation(instruments: Sequence[Instrument]) -> tuple[Priced, Priced]:
    expected: Priced = {}
    found: dict[Instrument, Quote] = {}
    for _, asked in station.quotes_requests(instruments):
        rows = []
        for symbol, each in asked.items():
            expected[each] = value_of(len(expected))
            rows.append({"Symbol": symbol, "Bid": str(expected[each]), "Ask": "9999999"})
        random.Random(1).shuffle(rows)  # noqa: S311
        found |= station.read_quotes(decode(json.dumps({"Quotes": rows, "Errors": []})), asked, NOW)
    return expected, {each: quote.bid for each, quote in found.items()}


BROKERS: dict[str, Callable[[Sequence[Instrument]], tuple[Priced, Priced]]] = {
    "tastytrade": by_tastytrade,
    "tradestation": by_tradestation,
}


@pytest.mark.parametrize("broker", BROKERS)
def test_each_look_alike_gets_its_own_price_from_a_brokers_answers(broker: str) -> None:
    expected, found = BROKERS[broker](look_alikes())
    assert len(expected) > MANY - 40  # what the broker has no word for is not asked about
    assert found == expected


def test_no_two_instruments_have_one_name_on_a_wire() -> None:
    """But a share and an index of one name on DXLink, which knows but one of them."""
    made = look_alikes()
    for name, of_one_name in ((tasty_symbols.streamer_symbol, Index), (station_symbols.wire_symbol, ())):
        told = [symbol.upper() for each in made if not isinstance(each, of_one_name) and (symbol := name(each))]
        assert len(told) == len(set(told)) > MANY - 40
    for each in made:
        if isinstance(each, Equity | Option | Index):
            symbol = station_symbols.wire_symbol(each)
            assert symbol is not None
            assert station_symbols.read_symbol(symbol) == each


def by_letters(instrument: Instrument) -> str:
    return str(instrument).lstrip("$/").split("/")[0][:6].strip()


@pytest.mark.parametrize("broker", BROKERS)
def test_a_desk_that_goes_by_letters_alone_is_seen_to_mix_them_up(broker: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(tasty, "api_symbol", by_letters)
    monkeypatch.setattr(tasty_symbols, "api_symbol", by_letters)
    monkeypatch.setattr(station, "wire_symbol", by_letters)
    expected, found = BROKERS[broker](look_alikes(2000))
    assert found != expected or len(expected) < 2000 - 40


# --- over connections ---------------------------------------------------------------------------------------------


async def shown(hub: Hub, upstreams: Upstreams, people: Sequence[UUID], instruments: Sequence[Instrument]) -> int:
    """Every connection tells another price of each instrument: how many figures of its person's tab are another's."""
    wrong = 0
    for person, here in enumerate(people):
        async with open_tab(hub, f"person {person}") as (tab, socket):
            hub.subscribe(tab, here, instruments)
            for each in people[: person + 1]:
                stream = await upstreams.of(each)
                mine = {one: value_of(people.index(each) * MANY + at) for at, one in enumerate(instruments)}
                stream.say(*(Tick(one, {"bid": price}, T0) for one, price in mine.items()))
            await until(lambda: len(socket.merged(here)) == len(instruments))  # noqa: B023
            told = socket.merged(here)
            own = {str(one): value_of(person * MANY + at) for at, one in enumerate(instruments)}
            wrong += sum(Decimal(figures["bid"]) != own[symbol] for symbol, figures in told.items() if "bid" in figures)
            assert sum("bid" in figures for figures in told.values()) == len(instruments)
    return wrong


def connections(count: int) -> Iterator[UUID]:
    """As two brokers, two worlds and several people have them."""
    return (uuid4() for _ in range(count))


LIMITS = Limits(**{**FAST, "linger": 60})


@pytest.mark.parametrize(
    ("people", "count"),
    [(4, 200), pytest.param(20, 500, marks=[pytest.mark.nightly, pytest.mark.timeout(600)])],
)
async def test_no_tab_is_shown_another_connections_price(people: int, count: int) -> None:
    upstreams = Upstreams()
    hub = Hub(upstreams.open, Reported(), LIMITS)
    try:
        assert await shown(hub, upstreams, list(connections(people)), look_alikes(count)) == 0
    finally:
        await hub.close()


async def test_a_hub_with_one_feed_for_all_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    upstreams = Upstreams()
    hub = Hub(upstreams.open, Reported(), LIMITS)
    people = list(connections(2))
    find = hub._feed
    monkeypatch.setattr(hub, "_feed", lambda _, **rest: find(people[0], **rest))
    try:
        with pytest.raises((AssertionError, TimeoutError)):
            async with asyncio.timeout(1):
                assert await shown(hub, upstreams, people, look_alikes(50)) == 0
    finally:
        await hub.close()
