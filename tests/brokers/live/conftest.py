"""Hubs that stand on streams fed by hand."""

import pytest
from hand_fed import FAST, Reported, Upstreams

from brokers.live.hub import Hub
from brokers.live.limits import Limits


@pytest.fixture
def upstreams() -> Upstreams:
    return Upstreams()


@pytest.fixture
def reported() -> Reported:
    return Reported()


@pytest.fixture
async def make_hub(upstreams: Upstreams, reported: Reported):
    hubs: list[Hub] = []

    def make(**limits: object) -> Hub:
        hubs.append(Hub(upstreams.open, reported, Limits(**{**FAST, **limits})))
        return hubs[-1]

    yield make
    for hub in hubs:
        await hub.close()


@pytest.fixture
async def hub(make_hub) -> Hub:
    return make_hub()
