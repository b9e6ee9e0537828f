"""A token that runs out while streams are up, again and again: each opening carries the newest, none that is dead."""

import asyncio
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from simulator_server import SimulatorServer
from tradestation_desk import ACCOUNT_PATHS, LIVE, QUOTE_PATHS, RARELY, SPY, Token, listening, until
from tradestation_wire import TradeStation
from upstream_scene import fresh_simulator

from brokers.simulator.world import World
from brokers.tastytrade.quote_feed import QuoteFeed
from tests.brokers.tastytrade.test_stream import Reader, Upstream, reading, upstream

MANY = int(os.environ.get("TOKEN_ROUNDS", "500"))
often = pytest.param(MANY, marks=[pytest.mark.nightly, pytest.mark.timeout(1800)])


# --- passes for DXLink --------------------------------------------------------------------------------------------


async def outlive_passes(times: int) -> list[str]:
    """So often the pass dies and the socket is cut: the passes with which prices came back."""
    dead, used = 0, []

    def is_good(given: str) -> bool:
        is_alive = int(given.removeprefix("pass-")) > dead
        if is_alive:
            used.append(given)
        return is_alive

    async with upstream(good_passes=is_good) as server, reading(server, quiet=60.0) as reader:
        for number in range(1, times + 2):
            await until(lambda number=number: len(used) == number and is_live(reader, server))  # type: ignore[misc]
            if number <= times:
                dead = server.passes
                await server.sockets["dxlink"].close()
        assert server.passes == times + 1
    return used


def is_live(reader: Reader, server: Upstream) -> bool:
    return reader.states("quotes")[-1:] == [LIVE] and server.subscribed[-1] == {"SPY"}


@pytest.mark.parametrize("times", [5, often])
async def test_prices_come_back_with_the_newest_pass_each_time(times: int) -> None:
    assert await outlive_passes(times) == [f"pass-{number}" for number in range(1, times + 2)]


async def test_a_desk_that_keeps_its_pass_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QuoteFeed, "drop_pass", lambda self: None)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(outlive_passes(1), 2)


# --- TradeStation's streams ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sim() -> Iterator[SimulatorServer]:
    yield from fresh_simulator()


class Door:
    """Lets in who shows the newest token, and remembers what was shown."""

    def __init__(self, sim: SimulatorServer) -> None:
        self.good, self.shown = "", list[str]()

        def act(world: World) -> None:
            authority = world.authority
            caller = type(authority).caller

            def look(token: str) -> Any:
                self.shown.append(token)
                return caller(authority, token) if not self.good or token == self.good else None

            authority.caller = look  # type: ignore[method-assign]

        sim.inside(act)
        self.open = lambda: sim.inside(lambda world: world.authority.__dict__.pop("caller", None))


class Renewed(Token):
    """A desk's own: whoever asks gets the newest."""

    def renew(self) -> str:
        self.value = ""
        return self()


class Hoarded(Renewed):
    """The token of the beginning, till it is refused."""

    first = ""

    def __call__(self, *, refused: str | None = None) -> str:
        if refused is not None:
            self.refused += 1
            self.first = ""
        self.first = self.first or super().__call__()
        return self.first

    def renew(self) -> str:
        self.value = ""
        return super().__call__()


async def outlive_tokens(sim: SimulatorServer, make: Callable[[TradeStation], Renewed], times: int) -> int:
    """So often the token dies and every stream is cut: how many dead tokens were shown."""
    ts = TradeStation(sim)
    door, token = Door(sim), make(ts)
    sim.faults(stream_heartbeat=0.3)
    dead = 0
    try:
        async with listening(ts, [SPY], token=token, **RARELY, silence=30.0, quiet=30.0) as heard:
            for _ in range(times):
                await until(lambda: heard.state("account") is heard.state("quotes") is LIVE)
                before = {source: len(heard.states(source)) for source in ("quotes", "account")}
                door.good = await asyncio.to_thread(token.renew)
                door.shown.clear()
                cut = {"effect": "stream_close", "times": 1}
                sim.faults({**cut, "name": "q", "path": QUOTE_PATHS}, {**cut, "name": "a", "path": ACCOUNT_PATHS})
                await until(lambda: all(len(heard.states(each)) > before[each] + 1 for each in before))  # noqa: B023
                dead += sum(each != door.good for each in door.shown)
                assert door.good in door.shown
    finally:
        door.open()
        sim.clear_faults()
    return dead


@pytest.mark.parametrize("times", [4, often])
async def test_streams_come_back_with_the_newest_token_each_time(sim: SimulatorServer, times: int) -> None:
    assert await outlive_tokens(sim, Renewed, times) == 0


async def test_a_desk_that_keeps_its_first_token_is_noticed(sim: SimulatorServer) -> None:
    assert await outlive_tokens(sim, Hoarded, 2) > 0
