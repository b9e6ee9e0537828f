"""Lines that stand and carry nothing, in neither direction: noticed by silence alone, and left for new ones."""

import asyncio
import time
from typing import Any

import pytest
from tradestation_desk import Listener, until
from upstream_scene import LIVE, SOURCES, SYMBOLS, Mark, Scene, TastytradeScene, is_live

SHARP: dict[str, dict[str, Any]] = {
    "TastytradeScene": {"ping": 2.0, "heartbeat": 2.0, "quiet": 1.5, "opening": 5.0},
    "TradestationScene": {"silence": 5.0, "quiet": 1.5, "opening": 5.0},
}
EACH_SOURCE = pytest.mark.parametrize("source", SOURCES)


async def notice(scene: Scene, source: str, patience: float, timings: dict[str, Any]) -> float:
    """How long after its lines were swallowed a source is no longer called live; it must come back by itself, and
    the other source stay undisturbed."""
    (other,) = set(SOURCES) - {source}
    async with scene.listening(**timings) as heard:
        await until(lambda: is_live(heard) and Mark(heard, 0).ticked() == set(SYMBOLS))
        before = len(heard.states(source))
        started = time.monotonic()
        assert await asyncio.to_thread(scene.proxy.swallow, scene.paths[source])
        await until(lambda: len(heard.states(source)) > before, patience)
        assert heard.states(source)[before] is not LIVE
        took = time.monotonic() - started
        await until(lambda: heard.state(source) is LIVE, patience)
        await works_again(scene, heard)
        assert heard.states(other) == [LIVE]
    return took


async def works_again(scene: Scene, heard: Listener) -> None:
    mark = Mark.now(heard)
    number = await asyncio.to_thread(scene.place, "F")
    await until(lambda: heard.is_filled(number) and mark.ticked() == set(SYMBOLS))


@EACH_SOURCE
async def test_a_line_that_carries_nothing_is_noticed_and_left(scene: Scene, source: str) -> None:
    took = await notice(scene, source, 20, SHARP[type(scene).__name__])
    print(f"{type(scene).__name__}, {source}: noticed after {took:.1f} s")


@pytest.mark.nightly
@EACH_SOURCE
async def test_with_the_times_of_life_quotes_are_left_within_a_quarter_of_a_minute_and_orders_within_half(
    scene: Scene, source: str
) -> None:
    usual = type(scene.stream()._timings)() if isinstance(scene, TastytradeScene) else None  # type: ignore[attr-defined]
    timings = {name: getattr(usual, name) for name in ("ping", "heartbeat", "quiet", "look")} if usual else {}
    timings = timings or {"silence": 20.0, "quiet": 15.0, "look": 0.5}
    took = await notice(scene, source, 60, timings)
    print(f"{type(scene).__name__}, {source}: noticed after {took:.1f} s")
    assert took <= {"quotes": 17, "account": 36}[source]
