"""Greeks of watched options by chain streams, against the simulator."""

import asyncio
from collections.abc import Callable, Collection
from datetime import date
from decimal import Decimal

import pytest
from simulator_server import SimulatorServer
from tradestation_desk import LIVE, RARELY, SPY, SWIFT, Listener, Token, listening, open_streams, until
from tradestation_wire import TradeStation

from brokers.domain.instruments import Equity, Instrument, Option, Right
from brokers.domain.market import Tick
from brokers.errors import NotAuthorized
from brokers.port import Hosts
from brokers.simulator.tradestation.option_streams import nearest
from brokers.simulator.world import World
from brokers.tradestation import greeks_feed
from brokers.tradestation.calls import Calls
from brokers.tradestation.codec import greeks
from brokers.tradestation.greeks_feed import ChainLines, GreeksFeed
from brokers.tradestation.lines import Timings
from brokers.tradestation.series import MOST_CHAINS
from brokers.upstream.outbox import Outbox

CHAINS = "*/marketdata/stream/options/chains/*"
NAMES = {"delta", "gamma", "theta", "vega", "rho", "volatility"}
Shelf = Callable[[int], list[Option]]


@pytest.fixture
def shelf(ts: TradeStation) -> Shelf:
    """The calls on SPY of the expiration with this number (from the second on), strikes ascending."""
    days = [row["Date"][:10] for row in ts.get("/marketdata/options/expirations/SPY")["Expirations"]][1:]

    def calls(number: int) -> list[Option]:
        rows = ts.get("/marketdata/options/strikes/SPY", expiration=days[number])["Strikes"]
        return [Option("SPY", date.fromisoformat(days[number]), Right.CALL, Decimal(row[0])) for row in rows]

    return calls


def middle(calls: list[Option]) -> Option:
    return calls[len(calls) // 2]


def chains(sim: SimulatorServer) -> list[tuple[str, int]]:
    """The open chain streams: expiration, and how many options each tells of."""

    def look(world: World) -> list[tuple[str, int]]:
        open_ones = [each.__self__ for each in world.event_listeners]  # type: ignore[attr-defined]
        asked = [each for each in open_ones if "/options/chains/" in each.ask.path.lower()]
        return sorted((each.ask.query["expiration"], len(each.stream.spreads)) for each in asked)

    return sim.inside(look)


def days(options: Collection[Option]) -> set[str]:
    return {f"{option.expiry:%m-%d-%Y}" for option in options}


def has_greeks(heard: Listener, option: Instrument, since: int = 0) -> bool:
    told = {name for tick in heard.ticks(option, since) for name, value in tick.values.items() if value is not None}
    return told >= NAMES


def struck(sim: SimulatorServer) -> int:
    return sim.inside(lambda world: sum(fault.struck for fault in world.faults.plan))


async def test_greeks_of_two_expirations_are_the_brokers_own(
    sim: SimulatorServer, ts: TradeStation, shelf: Shelf
) -> None:
    call = middle(shelf(2))
    far = middle(shelf(5))
    put = Option("SPY", far.expiry, Right.PUT, far.strike)
    watched: list[Instrument] = [SPY, call, put]
    async with listening(ts, watched, **RARELY) as heard:
        await until(lambda: has_greeks(heard, call) and has_greeks(heard, put))
        await until(lambda: {"bid", "ask"} <= set(heard.values(call)))
        for option in (call, put):
            own = sim.inside(lambda world, option=option: world.market.book(option).greeks)  # type: ignore[misc]
            told = heard.values(option)
            for name in NAMES:
                assert float(told[name] or 0) == pytest.approx(getattr(own, name), rel=0.15, abs=0.01), name
        delta, other = heard.values(call)["delta"], heard.values(put)["delta"]
        assert delta is not None
        assert other is not None
        assert other < 0 < delta
        assert (heard.values(call)["theta"] or 0) < 0
        assert {each.instrument for each in heard.events if isinstance(each, Tick)} <= set(watched)
        assert {day for day, _ in chains(sim)} == days([call, put])
        assert heard.states("quotes") == [LIVE]


async def test_only_what_is_watched_and_changed_is_told(sim: SimulatorServer, ts: TradeStation, shelf: Shelf) -> None:
    calls = shelf(2)
    low, between, high = calls[10], calls[12], calls[14]
    async with listening(ts, [low, high], accounts=()) as heard:
        await until(lambda: has_greeks(heard, low) and has_greeks(heard, high))
        [(_, told_of)] = chains(sim)
        assert 5 <= told_of <= 6
        assert not heard.ticks(between)
        heard.stream.watch([low, between, high])
        await until(lambda: has_greeks(heard, between))
        await asyncio.sleep(1)
        before: dict[str, Decimal | None] = {}
        for tick in heard.ticks(low):
            news = {name: value for name, value in tick.values.items() if name in NAMES}
            assert all(before.get(name) != value for name, value in news.items())
            before |= news


async def test_the_streams_follow_what_is_watched(sim: SimulatorServer, ts: TradeStation, shelf: Shelf) -> None:
    first, second = shelf(2), shelf(4)
    async with listening(ts, [SPY], accounts=()) as heard:
        await until(lambda: heard.ticks(SPY))
        assert open_streams(sim) == 1
        heard.stream.watch([SPY, first[10]])
        await until(lambda: has_greeks(heard, first[10]))
        heard.stream.watch([SPY, second[10]])
        await until(lambda: has_greeks(heard, second[10]))
        await until(lambda: {day for day, _ in chains(sim)} == days([second[10]]))
        heard.stream.watch([SPY, second[10], second[-10]])
        await until(lambda: has_greeks(heard, second[-10]))
        seen = len(heard.events)
        assert len(chains(sim)) == 1
        heard.stream.watch([SPY])
        await until(lambda: open_streams(sim) == 1)
        assert not heard.ticks(first[10], seen)
        assert heard.states("quotes") == [LIVE]


@pytest.mark.parametrize("effect", ["stream_close", "goaway", "stream_error", "status"])
async def test_a_killed_stream_comes_back(sim: SimulatorServer, ts: TradeStation, shelf: Shelf, effect: str) -> None:
    call = middle(shelf(2))
    async with listening(ts, [SPY, call], accounts=()) as heard:
        await until(lambda: has_greeks(heard, call))
        seen = len(heard.events)
        kill = {"effect": "stream_close", "path": CHAINS, "times": 1}
        sim.faults(kill | {"effect": effect, "name": "second"}, *([kill] if effect == "status" else []))
        await until(lambda: struck(sim) == (2 if effect == "status" else 1))
        whole = NAMES | {"open_interest"}  # which no change tells
        await until(lambda: any(whole <= tick.values.keys() for tick in heard.ticks(call, seen)))
        assert len(chains(sim)) == 1
        assert heard.states("quotes") == [LIVE]


async def test_a_silent_stream_is_left_and_what_it_told_forgotten(
    sim: SimulatorServer, ts: TradeStation, shelf: Shelf
) -> None:
    call = middle(shelf(2))
    async with listening(ts, [call], accounts=(), silence=0.8) as heard:
        await until(lambda: has_greeks(heard, call))
        sim.faults({"effect": "stream_silent", "path": CHAINS})
        await until(lambda: heard.values(call)["delta"] is None)
        assert heard.values(call)["ask"] is not None
        sim.clear_faults()
        seen = len(heard.events)
        await until(lambda: has_greeks(heard, call, seen))


async def test_of_many_expirations_the_eight_largest_have_streams(
    sim: SimulatorServer, ts: TradeStation, shelf: Shelf
) -> None:
    shelves = [shelf(number) for number in range(1, 11)]
    ones = [middle(calls) for calls in shelves]
    async with listening(ts, ones, accounts=()) as heard:
        await until(lambda: len(chains(sim)) == MOST_CHAINS == sum(has_greeks(heard, each) for each in ones))
        left_out = [each for each in ones if not has_greeks(heard, each)]
        assert left_out == ones[8:]
        heard.stream.watch([*ones, shelves[9][10]])
        await until(lambda: has_greeks(heard, ones[9]) and has_greeks(heard, shelves[9][10]))
        await until(lambda: len(chains(sim)) == MOST_CHAINS)
        gone = next(each for each in ones if heard.values(each).get("delta", Decimal(0)) is None)
        assert days([gone]) & {day for day, _ in chains(sim)} == set()
        assert heard.values(gone)["ask"] is not None
        assert heard.states("quotes") == [LIVE]


async def test_a_refused_group_harms_nobody_and_gives_its_place(
    sim: SimulatorServer, ts: TradeStation, shelf: Shelf
) -> None:
    shelves = [shelf(number) for number in range(1, 9)]
    ones = [middle(calls) for calls in shelves]
    unknown = [Option("ZZZZQ", ones[0].expiry, Right.CALL, Decimal(strike)) for strike in (10, 11, 12)]
    no_day = [Option("SPY", date(2001, 1, 2), Right.CALL, Decimal(strike)) for strike in (10, 11, 12)]
    async with listening(ts, [SPY, *unknown, *no_day, *ones], accounts=()) as heard:
        await until(lambda: all(has_greeks(heard, each) for each in ones))
        assert len(chains(sim)) == MOST_CHAINS
        assert heard.states("quotes") == [LIVE]
        assert not any(has_greeks(heard, each) for each in [*unknown, *no_day])


@pytest.mark.parametrize("status", [403, 404])
async def test_a_refused_stream_is_not_asked_for_again_soon(
    sim: SimulatorServer, ts: TradeStation, shelf: Shelf, status: int
) -> None:
    call = middle(shelf(2))
    sim.faults({"effect": "status", "status": status, "path": CHAINS})
    async with listening(ts, [SPY, call], accounts=()) as heard:
        await until(lambda: struck(sim) == 1 and heard.ticks(SPY) and heard.ticks(call))
        await asyncio.sleep(1)
        assert struck(sim) == 1
        assert heard.states("quotes") == [LIVE]


async def test_a_refusal_lapses(sim: SimulatorServer, ts: TradeStation, shelf: Shelf) -> None:
    call = middle(shelf(2))
    sim.faults({"effect": "status", "status": 404, "path": CHAINS, "times": 1})
    async with listening(ts, [call], accounts=(), forbidden=0.5) as heard:
        await until(lambda: has_greeks(heard, call))


async def test_who_may_not_read_market_data_asks_once(
    sim: SimulatorServer, ts: TradeStation, shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    call = middle(shelf(2))
    caplog.set_level("INFO", greeks_feed.__name__)
    told = caplog.records
    async with listening(TradeStation(sim, scope="openid offline_access ReadAccount"), [call], accounts=()) as heard:
        await until(lambda: heard.states("quotes") and [each for each in told if "chain stream" in each.msg])
        await asyncio.sleep(1)
        assert len([each for each in told if "chain stream" in each.msg]) == 1


async def test_a_dead_grant_is_no_refused_group(sim: SimulatorServer, ts: TradeStation, shelf: Shelf) -> None:
    call, token = middle(shelf(2)), Token(ts)
    hosts = Hosts(api=ts.base, authorize=f"{ts.signin}/authorize", token=f"{ts.signin}/oauth/token")
    timings = Timings(**SWIFT)
    lines = ChainLines(hosts.api, token, timings)
    feed = GreeksFeed(lines, Calls(hosts, token), Outbox(), timings)
    feed.watch([call])
    sim.control("grants/revoke", {"refresh_token": ts.refresh_token, "access_tokens": True})
    with pytest.raises(NotAuthorized):
        await asyncio.wait_for(feed.run(), 20)
    await lines.close()


# --- what is asked for ------------------------------------------------------------------------------------------------

LISTED = [Decimal(strike) for strike in (90, 95, 97, 98, 99, 100, 101, 102, 110, 130)]


def missed(first: int, last: int) -> list[Decimal]:
    """The wanted strikes that the broker would not tell of."""
    option = Option("SPY", date(2026, 12, 18), Right.PUT, Decimal(1))
    wanted = [Option(option.root, option.expiry, option.right, LISTED[place]) for place in (first, last)]
    path = greeks.chain_path(Equity("SPY"), option.expiry, wanted, LISTED)
    asked = dict(part.split("=") for part in path.partition("?")[2].split("&"))
    assert asked["optionType"] == "Put"
    assert asked["expiration"] == "12-18-2026"
    told = nearest([(each,) for each in LISTED], Decimal(asked["priceCenter"]), int(asked["strikeProximity"]))
    assert len(told) <= last - first + 2
    return [each.strike for each in wanted if (each.strike,) not in told]


PAIRS = [(first, last) for first in range(len(LISTED)) for last in range(first, len(LISTED))]


def test_the_window_covers_what_is_watched_and_hardly_more() -> None:
    assert not any(missed(first, last) for first, last in PAIRS)


def test_a_window_one_strike_too_narrow_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    window = greeks._window
    monkeypatch.setattr(greeks, "_window", lambda *ends: (window(*ends)[0], window(*ends)[1] - 1))
    assert any(missed(first, last) for first, last in PAIRS if last > first)
