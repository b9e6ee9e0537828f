"""A frame that gets lost on the way, whichever it is: the desk's orders and positions are right all the same."""

import asyncio
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from chaos_proxy import ChaosProxy, Line
from desk_at_work import AT_MOST, WITHIN, at_work, in_thread, put_between, settle, tell, trade, trust_the_stream, until
from simulator_server import SimulatorServer

from brokers.models import Account

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def proxy(account: Account, sim: SimulatorServer, settings: Any) -> Iterator[ChaosProxy]:
    with ChaosProxy(sim.port) as between:
        put_between(settings, sim, between)
        yield between


def kind_of(message: bytes) -> str:
    """What a frame of an account stream is about, "" for none that says anything."""
    try:
        told = json.loads(message)
    except ValueError:
        return ""
    if not isinstance(told, dict):
        return ""
    if "PositionID" in told or told.get("type") == "CurrentPosition":
        return "position"
    if ("OrderID" in told and "Legs" in told) or told.get("type") == "Order":
        return "order"
    return "balance" if told.get("type") == "AccountBalance" else ""


async def lose_each(account: Account, sim: SimulatorServer, proxy: ChaosProxy, kinds: set[str]) -> None:
    """An order fills, and every frame of these kinds that tells of it is lost."""
    sim.fills("immediate")
    async with at_work(account, sim, proxy) as run:
        await asyncio.sleep(1)
        proxy.lose(lambda line, message: kind_of(message) in kinds)
        number = await in_thread(lambda: run.place("F", 3))
        await until(lambda: number in run.fill_times())
        filled = run.fill_times()[number]
        await until(lambda: run.all_are_right, AT_MOST)
        await until(lambda: [at for at in run.positions_told if at >= filled], AT_MOST)
        told = next(at for at in run.positions_told if at >= filled)
        assert run.delays()[-1] < AT_MOST
        assert proxy.lost
        await in_thread(lambda: run.check_orders(1))
        print(f"without {sorted(kinds)}: order after {run.delays()[-1]:.1f} s, positions after {told - filled:.1f} s")


KINDS = [{"order"}, {"position"}, {"balance", "position"}]


@pytest.mark.parametrize("kinds", KINDS, ids=lambda each: "-".join(sorted(each)))
async def test_whichever_news_of_a_fill_is_lost_order_and_positions_are_right(
    account: Account, sim: SimulatorServer, proxy: ChaosProxy, kinds: set[str]
) -> None:
    await lose_each(account, sim, proxy, kinds)


@pytest.mark.parametrize("account", ["tastytrade"], indirect=True)
async def test_a_desk_that_looks_but_once_is_noticed(
    account: Account, sim: SimulatorServer, proxy: ChaosProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sabotaged twin: news of an account is no reason to look at its orders."""
    trust_the_stream(monkeypatch)
    with pytest.raises((AssertionError, TimeoutError)):
        await asyncio.wait_for(lose_each(account, sim, proxy, {"order"}), WITHIN + 2)


async def lose_some(
    account: Account, sim: SimulatorServer, proxy: ChaosProxy, count: int, share: float, within: float = AT_MOST
) -> None:
    dice = random.Random(5)  # noqa: S311 (which frames, not a secret)

    def is_lost(line: Line, message: bytes) -> bool:
        return bool(kind_of(message)) and dice.random() < share

    async with at_work(account, sim, proxy) as run:
        proxy.lose(is_lost)
        await trade(run, count)
        delays = await settle(run, count, within)
        filled = max(run.fill_times()[number] for number in run.placed)
        await until(lambda: [at for at in run.positions_told if at >= filled], within)
        assert proxy.lost
        tell(f"{share:.0%} of all frames lost", delays, len(proxy.lost))


async def test_orders_and_positions_are_right_though_a_tenth_of_all_frames_is_lost(
    account: Account, sim: SimulatorServer, proxy: ChaosProxy
) -> None:
    await lose_some(account, sim, proxy, 15, 0.1)


@pytest.mark.nightly
@pytest.mark.timeout(600)
async def test_three_hundred_orders_are_right_though_one_frame_of_a_hundred_is_lost(
    account: Account, sim: SimulatorServer, proxy: ChaosProxy
) -> None:
    """Five orders a second are more than TradeStation's quotas let anybody follow: they are lifted."""
    sim.faults(tradestation_quotas={"accounts": [0, 1], "orders": [0, 1]})
    await lose_some(account, sim, proxy, 300, 0.01, WITHIN)
