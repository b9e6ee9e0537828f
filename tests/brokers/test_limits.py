"""How often a connection may still ask: counted by what the desk really does, told to its person and nobody else."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import servers
from django.contrib.auth.models import User
from django.test import Client
from token_server import TokenServer, Told

from brokers import connections as desk
from brokers import registry, transport
from brokers.connections.calls import gate_for, standing_of
from brokers.errors import BrokerError
from brokers.models import Connection
from brokers.transport.gate import Heard
from brokers.transport.refusals import Refusals
from brokers.wire import Request

READ = Request("GET", "/customers/me/accounts")


@pytest.fixture(autouse=True)
def forget(settings: Any) -> None:
    """Nothing was asked yet, and what is asked for is not soon made good: in a day, not in half a minute."""
    transport.forget_sessions()
    settings.BROKER_BUDGETS = {("tastytrade", "sim"): {"accounts": (30, 86_400)}}


def break_off(connection: Connection) -> None:
    for _ in range(5):
        gate_for(connection).settle(READ, Heard(None, {}))


def left(browser: Client, category: str) -> dict[str, Any]:
    (document,) = browser.get("/api/v1/limits").json()["results"]
    return next(each for each in document["categories"] if each["category"] == category)


def test_what_the_desk_asks_is_counted(browser: Client, connection: Connection) -> None:
    before = left(browser, "accounts")
    assert (before["limit"], before["remaining"], before["source"]) == (30, 30, "configured")
    desk.broker_for(connection).get_accounts()
    after = left(browser, "accounts")
    assert after["remaining"] == 29
    assert after["resets_at"].endswith("Z")
    assert left(browser, "positions")["remaining"] == 30


def test_the_brokers_own_figures_are_told_as_such(browser: Client, connection: Connection) -> None:
    told = {"X-RateLimit-Limit": "500", "X-RateLimit-Period": "86400", "X-RateLimit-Remaining": "123"}
    gate_for(connection).settle(READ, Heard(200, told))
    calls = left(browser, "accounts")
    assert (calls["limit"], calls["remaining"], calls["source"]) == (500, 123, "broker")


def test_a_broker_that_does_not_answer_is_told_with_its_times(browser: Client, connection: Connection) -> None:
    (document,) = browser.get("/api/v1/limits").json()["results"]
    assert document["breaker"] == {"state": "closed", "since": None, "asked_again_at": None}
    assert document["connection"] == str(connection.pk)
    break_off(connection)
    (document,) = browser.get("/api/v1/limits").json()["results"]
    assert document["breaker"]["state"] == "open"
    assert document["breaker"]["since"].endswith("Z")
    assert document["breaker"]["asked_again_at"] > document["breaker"]["since"]


def test_with_a_redis_all_processes_see_the_same(
    browser: Client, connection: Connection, settings: Any, tmp_path: Path
) -> None:
    with servers.redis(tmp_path) as url:
        settings.REDIS_URL = url
        desk.broker_for(connection).get_accounts()
        transport.forget_sessions()  # whatever this process remembers
        assert left(browser, "accounts")["remaining"] == 29
        settings.REDIS_URL = ""
        assert left(browser, "accounts")["remaining"] == 30


def test_a_strangers_limits_are_not_shown(stranger: User, connection: Connection) -> None:
    client = Client()
    assert client.get("/api/v1/limits").status_code in (401, 403)
    client.force_login(stranger)
    assert client.get("/api/v1/limits").json()["results"] == []


def test_the_card_says_what_is_left_and_that_the_broker_does_not_answer(
    browser: Client, connection: Connection
) -> None:
    desk.broker_for(connection).get_accounts()
    page = " ".join(browser.get("/connections/").content.decode().split())
    assert "Calls left in this window" in page
    assert "29 of 30 (accounts)" in page
    assert "not answering" not in page
    break_off(connection)
    page = " ".join(browser.get("/connections/").content.decode().split())
    assert "Connected, not answering" in page
    assert "tastytrade is not answering since" in page


def test_an_installation_can_replace_a_budget(connection: Connection, settings: Any) -> None:
    settings.BROKER_BUDGETS = {("tastytrade", "sim"): {"positions": (7, 60)}}
    standing = standing_of(connection)
    assert standing is not None
    limits = {calls.category: calls.limit for calls in standing.calls}
    assert (limits["positions"], limits["balances"]) == (7, 30)


def test_a_broker_that_is_no_more_has_nothing_to_tell(browser: Client, connection: Connection) -> None:
    Connection.objects.update(broker="gone")
    (document,) = browser.get("/api/v1/limits").json()["results"]
    assert document["categories"] == []
    assert browser.get("/connections/").status_code == 200


def test_a_stream_asks_through_the_same_gate(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []
    spec = replace(registry.spec("tastytrade"), make_stream=lambda hosts, token, numbers, **_: given.append(token))
    monkeypatch.setitem(registry.BROKERS, "tastytrade", spec)
    desk.open_stream(connection, [])
    assert given[0].gate.connection == str(connection.pk)


# --- sign-ins that fail: an hour of them ---------------------------------------------------------------------------


def pass_by(connection: Connection, seconds: float) -> None:
    """Let time pass for a connection: what it remembers moves into the past."""
    row = Connection.objects.get(pk=connection.pk)
    for name in ("access_expires_at", "not_before", "last_error_at", "lease_until"):
        if (moment := getattr(row, name)) is not None:
            setattr(row, name, moment - timedelta(seconds=seconds))
    row.save()


def tries_in_an_hour(tokens: TokenServer, connection: Connection, code: str, status: int) -> int:
    """How often the broker is asked when the desk wants a token every ten seconds and is refused each time."""
    pass_by(connection, 900)
    tokens.always = Told({"error": code, "error_code": code, "error_description": "No."}, status)
    for _ in range(360):
        with suppress(BrokerError):
            desk.access_token(connection.pk)
        pass_by(connection, 10)
    return len(tokens.asked)


@pytest.mark.usefixtures("one_moment")
@pytest.mark.parametrize(
    ("code", "status", "state"),
    [("invalid_grant", 400, "needs_sign_in"), ("invalid_client", 401, "needs_sign_in")],
)
def test_a_broken_grant_is_tried_three_times_an_hour_at_most(
    tokens: TokenServer, connection: Connection, code: str, status: int, state: str
) -> None:
    assert 1 <= tries_in_an_hour(tokens, connection, code, status) <= 3
    assert Connection.objects.get(pk=connection.pk).state == state


def test_without_the_long_pause_it_would_be_tried_every_minute(
    tokens: TokenServer, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("brokers.connections.tokens.CLIENT_PAUSE", timedelta(seconds=60))
    monkeypatch.setattr(Refusals, "begin", lambda self, name, now, most: (self, None))
    Connection.objects.update(grant_kind="redirect", sealed_client_secret=None)
    assert tries_in_an_hour(tokens, connection, "invalid_client", 401) > 50


def test_a_person_who_tests_the_connection_does_not_wait_for_that(tokens: TokenServer, connection: Connection) -> None:
    Connection.objects.update(grant_kind="redirect", sealed_client_secret=None)
    tries_in_an_hour(tokens, connection, "invalid_client", 401)
    tokens.always = None
    connection.refresh_from_db()
    assert desk.test_connection(connection)


@pytest.mark.usefixtures("one_moment")
def test_a_client_that_the_broker_does_not_know_is_tried_three_times_an_hour_at_most(
    tokens: TokenServer, connection: Connection
) -> None:
    """The installation's own, which no person's sign-in mends."""
    Connection.objects.update(grant_kind="redirect", sealed_client_secret=None)
    assert 1 <= tries_in_an_hour(tokens, connection, "invalid_client", 401) <= 3
    assert Connection.objects.get(pk=connection.pk).state == "connected"
