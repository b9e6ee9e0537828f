"""Two uvicorn processes of one desk with a real Redis: one upstream, taken over when its owner is killed."""

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk_pair import Desk, LiveTab, open_live_tab
from servers import redis
from simulator_server import SimulatorServer
from tradestation_desk import until

from brokers.simulator.tastytrade import newsroom

SYMBOLS = ("SPY", "QQQ", "AAPL")
ONE_UPSTREAM = {"quotes": 1, "account": 1}
KILLS = int(os.environ.get("OWNER_KILLS", "1"))
PATIENT = 60
WITHIN = 5.0 if KILLS > 1 else PATIENT


@pytest.fixture(scope="module")
def sim() -> Iterator[SimulatorServer]:
    with SimulatorServer(seed=5) as running:
        yield running


@pytest.fixture
def desk(tmp_path: Path, sim: SimulatorServer) -> Iterator[Desk]:
    with redis(tmp_path) as url:
        made = Desk(tmp_path, sim, url)
        try:
            yield made
        finally:
            made.stop()


def upstreams(sim: SimulatorServer) -> dict[str, int]:
    """How many streams the simulator feeds now."""

    def count(world: object) -> dict[str, int]:
        room = newsroom.NEWSROOMS.get(world)
        quotes = [each for each in world.tick_listeners if "QuoteSocket" in type(each.__self__).__name__]
        return {"quotes": len(quotes), "account": len(room.readers) if room is not None else 0}

    return sim.inside(count)


def is_live(tab: LiveTab, since: float) -> bool:
    return bool(tab.quotes_since(since)) and tab.states()[-1:] == ["live"]


async def test_a_killed_owner_is_replaced_within_seconds_and_there_is_never_a_second_upstream(
    desk: Desk, sim: SimulatorServer
) -> None:
    owner = await asyncio.to_thread(desk.start)
    took = []
    async with open_live_tab(desk, owner, *SYMBOLS) as first:
        await until(lambda: is_live(first, 0), PATIENT)
    for _ in range(KILLS):
        other = await asyncio.to_thread(desk.start)
        async with open_live_tab(desk, owner, *SYMBOLS) as doomed, open_live_tab(desk, other, *SYMBOLS) as tab:
            await until(lambda: is_live(doomed, 0) and is_live(tab, 0), PATIENT)
            assert upstreams(sim) == ONE_UPSTREAM
            told = len(tab.states())
            await asyncio.to_thread(desk.kill, owner)
            killed_at = time.monotonic()
            await until(lambda: is_live(tab, killed_at) and len(tab.states()) > told, PATIENT)  # noqa: B023
            took.append(time.monotonic() - killed_at)
            assert tab.states()[told] == "reconnecting", "the gap was told before prices flowed again"
            assert upstreams(sim) == ONE_UPSTREAM
            async with open_live_tab(desk, other, *SYMBOLS) as again:
                await until(lambda: is_live(again, killed_at), PATIENT)  # noqa: B023
            assert upstreams(sim) == ONE_UPSTREAM
        owner = other
    print(f"live again after {', '.join(f'{each:.1f}' for each in took)} s")
    assert max(took) < WITHIN


async def test_two_processes_that_share_nothing_are_seen_to_open_two_upstreams(
    desk: Desk, sim: SimulatorServer
) -> None:
    """What the count must catch."""
    ports = [await asyncio.to_thread(lambda: desk.start(REDIS_URL="")) for _ in range(2)]
    async with open_live_tab(desk, ports[0], *SYMBOLS) as one, open_live_tab(desk, ports[1], *SYMBOLS) as two:
        await until(lambda: is_live(one, 0) and is_live(two, 0), PATIENT)
        assert upstreams(sim)["quotes"] == 2
