"""Streams are killed again and again, in every way a network knows: they come back whole, and once."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from chaos_proxy import KILLS
from tradestation_desk import Listener, until
from upstream_scene import SOURCES, SYMBOLS, Mark, Scene, is_live

from brokers.tastytrade import dxlink
from brokers.tastytrade import stream as tastytrade_stream
from brokers.tradestation import account_feed, quote_feed
from brokers.upstream.keeping import keep

ROUNDS = 25


async def survive(scene: Scene, rounds: int, patience: float = 20) -> list[float]:
    """Kill all streams, ``rounds`` times; each time all must be back, with every symbol, and no more of them than
    there were. The answer is how long each return took, in seconds."""
    took = []
    async with scene.listening() as heard:
        await until(lambda: is_live(heard) and Mark(heard, 0).ticked() == set(SYMBOLS), patience)
        for number in range(rounds):
            took.append(await kill_once(scene, heard, KILLS[number % len(KILLS)], patience))
        await until(lambda: scene.open_upstreams() == scene.upstreams, patience)
        placed = await asyncio.to_thread(scene.place, "F")
        await until(lambda: heard.is_filled(placed), patience)
    await until(lambda: scene.open_upstreams() == 0, patience)
    return took


async def kill_once(scene: Scene, heard: Listener, how: str, patience: float) -> float:
    before = {source: len(heard.states(source)) for source in SOURCES}
    started, mark = time.monotonic(), Mark.now(heard)
    killed = await asyncio.to_thread(scene.proxy.kill, how)
    assert killed == scene.upstreams, "as many as there should be, no more"
    await until(lambda: all(len(heard.states(source)) > before[source] for source in SOURCES), patience)
    await until(lambda: is_live(heard) and mark.ticked() == set(SYMBOLS), patience)
    await until(lambda: len(scene.proxy.streams()) == scene.upstreams, patience)
    return time.monotonic() - started


def tell(scene: Scene, took: list[float]) -> None:
    middle, late = took[len(took) // 2], took[int(len(took) * 0.99)]
    print(f"{len(took)} kills of {scene.upstreams} streams each: back in {middle:.2f} s, p99 {late:.2f} s")


async def test_streams_killed_in_every_way_come_back_whole_and_once(scene: Scene) -> None:
    took = sorted(await survive(scene, ROUNDS))
    tell(scene, took)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
async def test_streams_killed_a_thousand_times_come_back_whole_and_once(scene: Scene) -> None:
    rounds = -(-1000 // scene.upstreams)
    took = sorted(await survive(scene, rounds))
    tell(scene, took)


# What the same harness must catch


def forgets_half(patch: pytest.MonkeyPatch) -> None:
    """Subscribes to half of the symbols when it is back."""
    lives: list[object] = []
    real_watch, real_listed = dxlink.DXLink.watch, quote_feed.listed

    def watch(self: dxlink.DXLink, instruments: Any) -> Any:
        lives.append(self)
        return real_watch(self, instruments if len(set(map(id, lives))) == 1 else list(instruments)[::2])

    def listed(symbols: Any) -> str:
        lives.append(symbols)
        return real_listed(symbols if len(lives) == 1 else symbols[::2])

    patch.setattr(dxlink.DXLink, "watch", watch)
    patch.setattr(quote_feed, "listed", listed)


def doubles(patch: pytest.MonkeyPatch) -> None:
    """Opens every stream twice."""

    async def keep_two(source: str, session: Any, *rest: Any, **more: Any) -> None:
        await asyncio.gather(*(keep(source, session, *rest, **more) for _ in range(2)))

    for module in (tastytrade_stream, quote_feed, account_feed):
        if hasattr(module, "keep"):
            patch.setattr(module, "keep", keep_two)


def gives_up(patch: pytest.MonkeyPatch) -> None:
    """Tries once, and then never again."""

    async def keep_once(source: str, session: Any, say: Any, *rest: Any, **more: Any) -> None:
        try:
            await session()
        except Exception as failure:
            say("reconnecting", str(failure))
        await asyncio.Event().wait()

    for module in (tastytrade_stream, quote_feed, account_feed):
        if hasattr(module, "keep"):
            patch.setattr(module, "keep", keep_once)


@pytest.mark.parametrize("sabotage", [forgets_half, doubles, gives_up])
async def test_a_stream_that_comes_back_halved_doubled_or_never_is_noticed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, sabotage: Callable[[pytest.MonkeyPatch], None]
) -> None:
    sabotage(monkeypatch)
    with pytest.raises((AssertionError, TimeoutError)):
        await survive(scene, 2, patience=2)
