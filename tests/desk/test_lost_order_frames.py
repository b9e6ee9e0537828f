"""Most frames of orders never come while the stream's heart beats: every order is right soon, and is there once."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from chaos_proxy import ChaosProxy
from desk_at_work import AT_MOST, WITHIN, account_state, at_work, put_between, settle, tell, trade, trust_the_stream
from simulator_server import SimulatorServer

from brokers.models import Account
from brokers.port import StreamState

pytestmark = pytest.mark.django_db(transaction=True)
TRADESTATION = pytest.mark.parametrize("account", ["tradestation"], indirect=True)


@pytest.fixture
def proxy(account: Account, sim: SimulatorServer, settings: Any) -> Iterator[ChaosProxy]:
    with ChaosProxy(sim.port) as between:
        put_between(settings, sim, between)
        yield between


async def lose_most(
    account: Account, sim: SimulatorServer, proxy: ChaosProxy, count: int, within: float = AT_MOST
) -> None:
    sim.faults({"effect": "drop_order_frames", "probability": 0.8}, stream_heartbeat=0.5)
    async with at_work(account, sim, proxy) as run:
        await trade(run, count)
        delays = await settle(run, count, within)
        assert account_state() is StreamState.LIVE, "and the stream never looked ill"
        lost = sum(each["struck"] for each in sim.control("faults")["faults"])
        assert lost > count
        tell("four of five order frames lost", delays, lost)


@TRADESTATION
async def test_every_order_is_right_though_four_of_five_of_its_frames_are_lost(
    account: Account, sim: SimulatorServer, proxy: ChaosProxy
) -> None:
    await lose_most(account, sim, proxy, 20)


@TRADESTATION
@pytest.mark.nightly
@pytest.mark.timeout(600)
async def test_each_of_two_hundred_orders_is_right_though_four_of_five_of_its_frames_are_lost(
    account: Account, sim: SimulatorServer, proxy: ChaosProxy
) -> None:
    await lose_most(account, sim, proxy, 200, WITHIN)


@TRADESTATION
async def test_a_desk_that_trusts_the_stream_alone_is_noticed(
    account: Account, sim: SimulatorServer, proxy: ChaosProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sabotaged twin: nobody looks at the listing beside the stream."""
    trust_the_stream(monkeypatch)
    with pytest.raises((AssertionError, TimeoutError)):
        await asyncio.wait_for(lose_most(account, sim, proxy, 8), 14)
