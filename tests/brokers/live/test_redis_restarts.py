"""Redis is restarted again and again under a desk of two processes: prices go on, each order's news is written down
once, who hears nothing says so and is whole again soon."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hand_fed import FAST, Reported, Upstreams, open_tab, tick, until
from told_prices import PATIENT, RestartableRedis, bid, states

from brokers.domain.instruments import parse_instrument
from brokers.domain.orders import BrokerStatus, OrderUpdate
from brokers.live import sharing
from brokers.live.hub import Hub
from brokers.live.limits import Limits
from brokers.live.sharing import SharedSource
from brokers.port import StatusChange, StreamState

pytestmark = pytest.mark.timeout(900)
SPY = parse_instrument("SPY")
LIVE = StatusChange("quotes", StreamState.LIVE)


def news_of(number: int) -> OrderUpdate:
    told = (BrokerStatus.WORKING, "Live", "limit", "day", None, None, (), None, None)
    return OrderUpdate("5WT00042", str(number), None, *told)


async def restarted(folder: Path, times: int, patience: float = PATIENT) -> list[float]:
    """What is told meanwhile is told; how long it took each time until the second process was whole, in seconds."""
    upstreams, reported, took = Upstreams(), Reported(), list[float]()
    here, server, clock = uuid4(), RestartableRedis(folder), asyncio.get_running_loop().time
    hubs = [Hub(upstreams.open, reported, Limits(**FAST), server.url) for _ in range(2)]
    first, second = hubs
    try:
        async with open_tab(first) as (tab, at_first), open_tab(second) as (other, at_second):
            first.subscribe(tab, here, [SPY])
            stream = await upstreams.of(here)
            second.subscribe(other, here, [SPY])
            stream.say(LIVE, tick("SPY", 1, bid="1"))
            await until(lambda: bid(at_second, here) == "1" and states(at_second)[-1] == "live", PATIENT)
            for number in range(2, 2 + times):
                await asyncio.to_thread(server.stop)
                stream.say(tick("SPY", number, bid=str(number)), news_of(number))
                await until(lambda: bid(at_first, here) == str(number), patience)  # noqa: B023
                await until(lambda: len(reported.news) == number - 1, patience)  # noqa: B023
                await until(lambda: states(at_second)[-1] == "reconnecting", patience)
                await asyncio.to_thread(server.start)
                begun = clock()
                await until(lambda: bid(at_second, here) == str(number), patience)  # noqa: B023
                await until(lambda: states(at_second)[-1] == "live", patience)
                took.append(clock() - begun)
            assert upstreams.opened == [here]
            assert states(at_first) == ["reconnecting", "live"]
            assert [each.broker_order_id for _, each in reported.news] == [str(2 + each) for each in range(times)]
            assert states(at_second).count("reconnecting") >= times
    finally:
        for hub in hubs:
            await hub.close()
        server.stop()
    return took


@pytest.mark.parametrize("times", [3, pytest.param(20, marks=pytest.mark.nightly)])
async def test_a_redis_that_is_restarted_costs_no_news_and_the_others_are_whole_again(
    tmp_path: Path, times: int
) -> None:
    """Its memory is empty then: the former owner takes its lease again, and nobody opens a second upstream."""
    took = await restarted(tmp_path, times)
    print(
        f"{times} restarts: whole again within {max(took):.2f} s, half of them within {sorted(took)[times // 2]:.2f} s"
    )
    assert len(took) == times


@pytest.mark.nightly
async def test_a_process_that_hears_nothing_and_does_not_say_so_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SharedSource, "_say_silent", lambda self: None)
    with pytest.raises(AssertionError, match="did not come true"):
        await restarted(tmp_path, 1, patience=4)


@pytest.mark.nightly
async def test_an_owner_that_gives_up_with_redis_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: it ends its upstream as soon as the lease can't be renewed."""

    async def renew(self: Any) -> None:
        while await self._lease.renew():
            self._say(sharing.BEAT)
            await asyncio.sleep(sharing.RENEW_EVERY)

    async def gives_up(self: Any) -> None:
        try:
            await renew(self)
        except sharing.AWAY:
            return

    monkeypatch.setattr(SharedSource, "_renew", gives_up)
    with pytest.raises(AssertionError):
        await restarted(tmp_path, 1, patience=4)
