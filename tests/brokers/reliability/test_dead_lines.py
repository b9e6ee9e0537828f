"""Silent lines again: what becomes of them without a watchdog, and when every new line is as dead as the old."""

import asyncio
from typing import Any

from tradestation_desk import until
from upstream_scene import LIVE, SOURCES, SYMBOLS, Mark, Scene, is_live

BLUNT: dict[str, dict[str, Any]] = {
    "TastytradeScene": {"ping": None, "heartbeat": 600.0, "quiet": 600.0},
    "TradestationScene": {"silence": 600.0, "quiet": 600.0},
}
SHARP: dict[str, dict[str, Any]] = {
    "TastytradeScene": {"ping": 0.7, "heartbeat": 1.0, "quiet": 1.5, "opening": 1.0},
    "TradestationScene": {"silence": 1.5, "quiet": 1.5, "opening": 1.0},
}


async def test_without_its_watchdogs_a_dead_line_is_trusted_for_ever(scene: Scene) -> None:
    """The sabotaged twin of noticing: the harm is real, and only the watchdogs see it."""
    async with scene.listening(**BLUNT[type(scene).__name__]) as heard:
        await until(lambda: is_live(heard))
        assert await asyncio.to_thread(scene.proxy.swallow) == scene.upstreams
        await asyncio.sleep(0.5)
        mark = Mark.now(heard)
        await asyncio.sleep(4)
        assert mark.ticked() == set(), "nothing came"
        assert is_live(heard), "and nobody noticed"


async def test_when_new_lines_carry_nothing_either_it_goes_on_trying(scene: Scene) -> None:
    async with scene.listening(**SHARP[type(scene).__name__]) as heard:
        await until(lambda: is_live(heard))
        scene.proxy.swallows_new = True
        await asyncio.to_thread(scene.proxy.swallow)
        await until(lambda: not any(heard.state(source) is LIVE for source in SOURCES))
        opened = scene.proxy.opened
        await until(lambda: scene.proxy.opened >= opened + 3)
        assert not any(heard.state(source) is LIVE for source in SOURCES)
        scene.proxy.swallows_new = False
        await until(lambda: is_live(heard))
        mark = Mark.now(heard)
        number = await asyncio.to_thread(scene.place, "F")
        await until(lambda: heard.is_filled(number) and mark.ticked() == set(SYMBOLS))
