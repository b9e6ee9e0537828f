"""A desk that stood still for a while, for want of a processor: its streams are healthy and are not torn down."""

import time

import pytest
from tradestation_desk import until
from upstream_scene import LIVE, SOURCES, SYMBOLS, Mark, Scene, is_live

IMPATIENT = {
    "TastytradeScene": {"ping": 6.0, "heartbeat": 6.0, "quiet": 6.0},
    "TradestationScene": {"silence": 6.0, "quiet": 6.0},
}


@pytest.mark.nightly
async def test_a_desk_that_stood_still_longer_than_its_patience_keeps_its_streams(scene: Scene) -> None:
    async with scene.listening(**IMPATIENT[type(scene).__name__]) as heard:
        await until(lambda: is_live(heard) and Mark(heard, 0).ticked() == set(SYMBOLS))
        for _ in range(2):
            time.sleep(12)  # noqa: ASYNC251 (the whole loop stands still)
            mark = Mark.now(heard)
            await until(lambda mark=mark: mark.ticked() == set(SYMBOLS))
        assert {source: heard.states(source) for source in SOURCES} == {source: [LIVE] for source in SOURCES}
