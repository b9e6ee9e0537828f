"""Hubs that stand on streams fed by hand, and people's sockets on them."""

import pytest
from channels.routing import URLRouter
from django.urls import path
from hand_fed import FAST, Reported, Upstreams
from live_sockets import Person, Tab

from brokers.live.consumers import LiveConsumer
from brokers.live.hub import Hub
from brokers.live.limits import Limits
from brokers.live.signin import SignIn


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


@pytest.fixture
def ann(transactional_db) -> Person:
    return Person("ann")


@pytest.fixture
def bob(transactional_db) -> Person:
    return Person("bob")


@pytest.fixture
async def open_socket(hub):
    tabs: list[Tab] = []

    async def open_it(person: Person | None = None, hub=hub) -> Tab:
        application = SignIn(URLRouter([path("ws/v1/", LiveConsumer.as_asgi(hub=hub))]))
        headers = [(b"cookie", person.cookie)] if person else []
        tabs.append(Tab(application, headers))
        await tabs[-1].connect()
        return tabs[-1]

    yield open_it
    for tab in tabs:
        await tab.disconnect()
