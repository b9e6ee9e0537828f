"""Connecting through each broker's real pages, and what a code is worth the second time: nothing."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from signing_in import BOTH, begin, come_back, decide, point_at
from simulator_server import SimulatorServer

from brokers.models import Connection

AT_EITHER = pytest.mark.parametrize("broker", BOTH)


@pytest.fixture
def newcomer(sim: SimulatorServer, settings: Any, transactional_db: None) -> Client:
    """Somebody signed in at a desk whose OAuth clients the brokers know; nothing is connected."""
    point_at(settings, sim, *BOTH)
    browser = Client(raise_request_exception=False)
    browser.force_login(get_user_model().objects.create_user("newcomer"))
    return browser


@AT_EITHER
def test_a_code_is_good_once(newcomer: Client, sim: SimulatorServer, broker: str) -> None:
    answer = decide(sim, begin(newcomer, broker))
    assert come_back(newcomer, broker, answer)["Location"] == "/connections/"
    connection = Connection.objects.get()
    assert (connection.broker, connection.is_connected) == (broker, True)
    again = {"code": answer["code"], "state": parse_qs(urlsplit(begin(newcomer, broker)).query)["state"][0]}
    for used in (answer, again):
        page = come_back(newcomer, broker, used)
        assert page.status_code == 400
        assert answer["code"] not in page.content.decode()
    after = Connection.objects.get()
    assert (after.token_version, after.state) == (connection.token_version, connection.state)


@AT_EITHER
def test_a_denied_consent_stores_nothing_and_can_be_tried_again(
    newcomer: Client, sim: SimulatorServer, broker: str
) -> None:
    denied = decide(sim, begin(newcomer, broker), "deny")
    page = come_back(newcomer, broker, denied)
    assert (page.status_code, denied["error"]) == (400, "access_denied")
    assert not Connection.objects.exists()
    assert come_back(newcomer, broker, decide(sim, begin(newcomer, broker))).status_code == 302
    assert Connection.objects.get().is_connected


def test_an_answer_of_one_broker_is_worth_nothing_at_the_others_address(newcomer: Client, sim: SimulatorServer) -> None:
    answer = decide(sim, begin(newcomer, BOTH[0]))
    page = come_back(newcomer, BOTH[1], answer)
    assert page.status_code == 400
    assert "other_context" in page.content.decode()
    assert not Connection.objects.exists()
