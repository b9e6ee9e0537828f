"""Openings of streams belong to a budget, and places of open streams are counted: none too many is asked for."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from gated import Hands, gate
from simulator_server import SimulatorServer
from tradestation_desk import AAPL, LIVE, MSFT, QQQ, RECONNECTING, SPY, Token, listening, until
from tradestation_wire import TradeStation

from brokers.domain.instruments import Option, Right
from brokers.errors import Unavailable
from brokers.port import Budget
from brokers.simulator.tradestation.memory import Memory
from brokers.tradestation.openings import Openings
from brokers.tradestation.spec import BUDGETS
from brokers.transport import ConnectionGate, GatedToken
from brokers.transport.breaker import Breaker
from brokers.transport.gate import Heard
from brokers.transport.ledger import OwnLedger
from brokers.upstream.keeping import Lost
from brokers.wire import Request

QUOTES = "/marketdata/stream/quotes/SPY"
CHAIN = "/marketdata/stream/options/chains/SPY?expiration=12-18-2026"
ORDERS, POSITIONS = (f"/brokerage/stream/accounts/1/{kind}" for kind in ("orders", "positions?changes=true"))


def at_gate(ts: TradeStation, *budgets: Budget) -> tuple[GatedToken, ConnectionGate]:
    made = gate(Hands(), *(budgets or BUDGETS), ledger=OwnLedger())
    return GatedToken(Token(ts), made), made


def left(made: ConnectionGate, category: str) -> int:
    return next(each.left for each in made.standing().calls if each.category == category)


def asked(sim: SimulatorServer, words: str) -> int:
    return sim.inside(lambda world: sum(words in each["path"] for each in world.ledger.requests))


@pytest.mark.parametrize(
    ("path", "category"),
    [
        (QUOTES, "quote streams opened"),
        (CHAIN, "option chain streams opened"),
        (ORDERS, "account streams opened"),
        (POSITIONS, "account streams opened"),
    ],
)
async def test_each_opening_counts_in_its_own_category(ts: TradeStation, path: str, category: str) -> None:
    token, made = at_gate(ts)
    before = {each.category: each.left for each in made.standing().calls}
    await Openings(token, 1).count(path)
    after = {each.category: each.left for each in made.standing().calls}
    assert {name for name in before if after[name] != before[name]} == {category}
    assert after[category] == before[category] - 1


async def test_streams_of_a_connection_spend_its_budgets_and_learn_the_brokers_own(
    sim: SimulatorServer, ts: TradeStation
) -> None:
    sim.faults(tradestation_quotas={"streaming-quotes": [100, 300]})
    token, made = at_gate(ts)
    async with listening(ts, [SPY], token=token) as heard:
        await until(lambda: heard.state("quotes") is LIVE and heard.state("account") is LIVE)
        quotes = next(each for each in made.standing().calls if each.category == "quote streams opened")
        assert (quotes.limit, quotes.is_told) == (100, True)
        assert left(made, "account streams opened") == 38


async def storm(sim: SimulatorServer, ts: TradeStation, token: GatedToken, expected: int) -> int:
    """Another symbol again and again, for each of which the stream is opened anew: how often it was asked for. As many
    as are expected are waited for, each before the next; then it goes on for a while."""
    before = asked(sim, "/stream/quotes/")

    def opened() -> int:
        return asked(sim, "/stream/quotes/") - before

    async with listening(ts, [SPY], accounts=(), token=token, churn=0.0, gather=0.0) as heard:
        await until(lambda: opened() == 1)
        for number in range(2, expected + 1):
            heard.stream.watch([SPY, (QQQ, AAPL, MSFT)[number % 3]])
            await until(lambda number=number: opened() >= number)
        for number in range(8):
            heard.stream.watch([SPY, (QQQ, AAPL, MSFT)[number % 3]])
            await asyncio.sleep(0.1)
    return opened()


async def test_no_more_streams_are_opened_than_there_is_budget_for(sim: SimulatorServer, ts: TradeStation) -> None:
    sim.faults(tradestation_quotas={"streaming-quotes": [0, 300]})  # the broker itself tells and keeps none
    token, made = at_gate(ts, Budget("quote streams opened", 10, 300, ("GET /marketdata/stream/quotes/*",)))
    assert await storm(sim, ts, token, 8) == 8, "a fifth is kept"
    assert left(made, "quote streams opened") == 2
    assert await storm(sim, ts, replace(token, gate=gate(Hands())), 9) > 8  # the twin, whose gate counts nothing


async def test_a_spent_budget_is_said_in_words(sim: SimulatorServer, ts: TradeStation) -> None:
    token, _ = at_gate(ts, Budget("quote streams opened", 1, 300, ("GET /marketdata/stream/quotes/*",)))
    await Openings(token, 1).count(QUOTES)
    async with listening(ts, [SPY], accounts=(), token=token) as heard:
        await until(lambda: heard.state("quotes") is RECONNECTING)
        assert "quote streams opened" in next(each.detail for each in heard.events if getattr(each, "detail", ""))
    assert asked(sim, "/stream/quotes/") == 0 or not heard.ticks(SPY)


def test_a_stream_is_opened_though_calls_are_not_answered_and_tells_nothing_of_calls() -> None:
    """The twin: an ordinary call at the same gate is held back."""
    clock = Hands()
    made = gate(clock, *BUDGETS)
    request = Request("GET", QUOTES)
    for _ in range(Breaker().failed(0).failures + 10):
        made.settle(request, Heard(None, {}))
    with pytest.raises(Unavailable):
        made.admit(request, 0)
    made.open(request)
    made.opened(request, 200, {}, None)
    with pytest.raises(Unavailable):
        made.admit(request, 0)


# Places


@pytest.mark.parametrize(("path", "most"), [(CHAIN, 10), (ORDERS, 40), (POSITIONS, 40)])
def test_a_stream_too_many_of_its_kind_is_not_asked_for(path: str, most: int) -> None:
    openings = Openings(lambda refused=None: "token", 1)
    held = [openings.place(path) for _ in range(most)]
    for each in held:
        each.__enter__()
    with pytest.raises(Lost, match="no more streams of this kind"), openings.place(path):
        pass
    held[0].__exit__(None, None, None)
    with openings.place(path):
        pass
    with openings.place(QUOTES):
        pass


async def test_what_the_broker_says_of_places_replaces_what_is_published() -> None:
    openings = Openings(lambda refused=None: "token", 1)
    await openings.heard(CHAIN, 200, {"x-concurrency-limit": "1"})
    with openings.place(CHAIN), pytest.raises(Lost), openings.place(CHAIN):
        pass


Shelf = Callable[[int], Option]


@pytest.fixture
def shelf(ts: TradeStation) -> Shelf:
    """A call on SPY in the middle of the expiration with this number."""
    days = [row["Date"][:10] for row in ts.get("/marketdata/options/expirations/SPY")["Expirations"]][1:]

    def call(number: int) -> Option:
        rows = ts.get("/marketdata/options/strikes/SPY", expiration=days[number])["Strikes"]
        strike = Decimal(rows[len(rows) // 2][0])
        return Option("SPY", date.fromisoformat(days[number]), Right.CALL, strike)

    return call


async def chains_of_a_small_key(sim: SimulatorServer, ts: TradeStation, shelf: Shelf) -> int:
    """A key that may have two chain streams, of which four are wanted, for a while: how often any was asked for."""
    sim.faults(tradestation_quotas={"streaming-option-chains": 2})
    calls = [shelf(number) for number in range(1, 5)]
    before = asked(sim, "/stream/options/chains/")
    async with listening(ts, calls, accounts=()):
        await until(lambda: open_chains(sim) == 2)
        await asyncio.sleep(3)
        assert open_chains(sim) == 2
    return asked(sim, "/stream/options/chains/") - before


def open_chains(sim: SimulatorServer) -> int:
    def count(world: object) -> int:
        return sum(n for (_, _, kind), n in Memory.of(world).limits.open.items() if kind == "streaming-option-chains")

    return sim.inside(count)


async def test_a_key_with_fewer_places_is_not_asked_for_more_again_and_again(
    sim: SimulatorServer, ts: TradeStation, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await chains_of_a_small_key(sim, ts, shelf) <= 4, (
        "two that stand, two that were on their way when it was told"
    )

    async def forget(self: Openings, path: str, status: int, headers: object) -> None:
        return

    monkeypatch.setattr(Openings, "heard", forget)
    assert await chains_of_a_small_key(sim, ts, shelf) > 8  # the sabotaged twin
