"""Connecting through the broker's real pages, and what a code is worth the second time: nothing."""

import re
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from django.contrib.auth import get_user_model
from django.test import Client
from simulator_server import SimulatorServer

from brokers.models import Connection

CALLBACK = "/connect/tastytrade/sim/callback"


@pytest.fixture
def newcomer(sim: SimulatorServer, settings: Any, transactional_db: None) -> Client:
    """Somebody signed in at a desk whose OAuth client the broker knows; nothing is connected."""
    hosts = {"api": sim.api, "authorize": f"{sim.api}/auth.html", "token": f"{sim.api}/oauth/token", "streamer": sim.ws}
    client = sim.add_client(settings.BASE_URL + CALLBACK)
    settings.BROKER_HOSTS = {("tastytrade", "sim"): hosts}
    settings.BROKER_CLIENTS = {("tastytrade", "sim"): vars(client)}
    browser = Client(raise_request_exception=False)
    browser.force_login(get_user_model().objects.create_user("newcomer"))
    return browser


def begin(newcomer: Client) -> str:
    """The address at the broker that the desk sends its person to."""
    return str(newcomer.post("/connect/tastytrade/sim/start")["Location"])


def answer_of(sim: SimulatorServer, address: str, decision: str) -> dict[str, str]:
    """Sign in and decide at the broker; what it sends the person back with."""
    form = {"step": "sign-in", "user": "demo", "password": sim.control("")["users"]["demo"]}
    ticket = re.search(r'name="ticket" value="([^"]+)"', requests.post(address, data=form, timeout=10).text)
    assert ticket
    form = {"step": "consent", "ticket": ticket[1], "decision": decision}
    back = requests.post(address, data=form, allow_redirects=False, timeout=10).headers["Location"]
    return {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}


def test_a_code_is_good_once(newcomer: Client, sim: SimulatorServer) -> None:
    answer = answer_of(sim, begin(newcomer), "allow")
    assert newcomer.get(f"{CALLBACK}?{urlencode(answer)}")["Location"] == "/connections/"
    connection = Connection.objects.get()
    assert connection.is_connected
    again = {"code": answer["code"], "state": parse_qs(urlsplit(begin(newcomer)).query)["state"][0]}
    for used in (answer, again):
        page = newcomer.get(f"{CALLBACK}?{urlencode(used)}")
        assert page.status_code == 400
        assert answer["code"] not in page.content.decode()
    after = Connection.objects.get()
    assert (after.token_version, after.state) == (connection.token_version, connection.state)


def test_a_denied_consent_stores_nothing_and_can_be_tried_again(newcomer: Client, sim: SimulatorServer) -> None:
    denied = answer_of(sim, begin(newcomer), "deny")
    page = newcomer.get(f"{CALLBACK}?{urlencode(denied)}")
    assert (page.status_code, denied["error"]) == (400, "access_denied")
    assert not Connection.objects.exists()
    allowed = answer_of(sim, begin(newcomer), "allow")
    assert newcomer.get(f"{CALLBACK}?{urlencode(allowed)}").status_code == 302
    assert Connection.objects.get().is_connected
