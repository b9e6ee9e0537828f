"""TradeStation's sign-in host, end to end against the simulator: code, refresh, rotation, refusals, and no revoking."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import signing_in
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from signing_in import come_back, decide
from simulator_server import SimClient, SimulatorServer

from brokers import connections as desk
from brokers import oauth
from brokers.connections.sealing import SEALED_COLUMNS, seal_for, unseal_from
from brokers.errors import NotAuthorized, RateLimited, Refused, Unavailable
from brokers.models import Account, ConnectAttempt, Connection
from brokers.vault import Secret

BROKER = "tradestation"
CONTEXT = (BROKER, "sim")
ASKED = "openid profile offline_access MarketData ReadAccount Trade OptionSpreads Matrix"
TOKEN_PATH = "/tradestation/signin/oauth/token"
Connect = Callable[..., Connection]


@pytest.fixture(scope="module")
def sim() -> Iterator[SimulatorServer]:
    with SimulatorServer() as running:
        yield running


@pytest.fixture
def key(sim: SimulatorServer, settings: Any) -> Iterator[SimClient]:
    """The desk's API key at the simulator, which serves TradeStation's SIM."""
    yield signing_in.point_at(settings, sim, BROKER)[BROKER]
    sim.faults(clear=True, tradestation_rotation=False)


def asked_at(browser: Client) -> str:
    return signing_in.begin(browser, BROKER)


@pytest.fixture
def connect(sim: SimulatorServer, key: SimClient, browser: Client) -> Connect:
    def make(without: str = "") -> Connection:
        address = asked_at(browser).replace(f"+{without}", "") if without else asked_at(browser)
        back = come_back(browser, BROKER, decide(sim, address))
        assert back.status_code == 302, back.content
        return Connection.objects.get(broker=BROKER)

    return make


def age(connection: Connection, seconds: float) -> None:
    """Let time pass for a connection: everything it remembers moves into the past."""
    row = reread(connection)
    for name in ("access_expires_at", "not_before", "refreshed_at", "last_error_at"):
        if (moment := getattr(row, name)) is not None:
            setattr(row, name, moment - timedelta(seconds=seconds))
    row.save()


def reread(connection: Connection) -> Connection:
    return Connection.objects.get(pk=connection.pk)


def kept_refresh_token(connection: Connection) -> str:
    return unseal_from(reread(connection), "sealed_refresh_token").reveal()


def requests_of(sim: SimulatorServer, path: str) -> list[dict[str, Any]]:
    entries = sim.control("ledger?requests=all")["requests"]
    return [entry for entry in entries if entry["path"] == path]


# Connecting


def test_the_person_is_sent_off_with_the_audience_all_scopes_state_and_challenge(
    key: SimClient, browser: Client
) -> None:
    url = urlsplit(asked_at(browser))
    query = parse_qs(url.query)
    assert url.path == "/tradestation/signin/authorize"
    assert query["audience"] == ["https://api.tradestation.com"]
    assert set(query["scope"][0].split()) == set(ASKED.split())
    assert query["response_type"] == ["code"]
    assert query["client_id"] == [key.client_id]
    assert query["redirect_uri"] == ["http://localhost:8000/connect/tradestation/sim/callback"]
    assert query["code_challenge_method"] == ["S256"]
    assert len(query["state"][0]) >= 43


def test_allowing_connects_with_accounts_scopes_and_twenty_minutes(connect: Connect, browser: Client) -> None:
    connection = connect()
    assert (connection.is_connected, connection.may_trade) == (True, True)
    assert set(connection.scopes.split()) == set(ASKED.split())
    assert connection.accounts.filter(number="SIM5000001M", can_trade=True).exists()
    life = connection.access_expires_at - timezone.now()
    assert timedelta(minutes=19) < life <= timedelta(minutes=20)
    page = browser.get("/connections/").content.decode()
    assert "SIM5000001M" in page
    assert "place, replace and cancel orders" in page
    assert "may look but not trade" not in page


def test_a_code_is_good_once(sim: SimulatorServer, key: SimClient, browser: Client) -> None:
    answer = decide(sim, asked_at(browser))
    assert come_back(browser, BROKER, answer).status_code == 302
    fresh_state = parse_qs(urlsplit(asked_at(browser)).query)["state"][0]
    page = come_back(browser, BROKER, answer | {"state": fresh_state})
    assert page.status_code == 400
    assert "code_refused" in page.content.decode()
    assert Connection.objects.get().is_connected


def test_declining_stores_nothing_and_can_be_tried_again(sim: SimulatorServer, key: SimClient, browser: Client) -> None:
    denied = decide(sim, asked_at(browser), "deny")
    page = come_back(browser, BROKER, denied)
    assert (page.status_code, denied["error"]) == (400, "access_denied")
    assert "You said no" in page.content.decode()
    assert not Connection.objects.exists()
    assert come_back(browser, BROKER, decide(sim, asked_at(browser))).status_code == 302


def test_without_offline_access_nothing_is_stored(sim: SimulatorServer, key: SimClient, browser: Client) -> None:
    address = asked_at(browser).replace("+offline_access", "")
    page = come_back(browser, BROKER, decide(sim, address))
    assert page.status_code == 400
    assert "no lasting permission" in page.content.decode()
    assert not Connection.objects.exists()


def test_a_permission_without_trade_only_looks_and_says_so(connect: Connect, browser: Client) -> None:
    connection = connect(without="Trade")
    assert "Trade" not in connection.scopes.split()
    assert not connection.may_trade
    assert connection.accounts.exists()
    assert not connection.accounts.filter(can_trade=True).exists()
    page = browser.get("/connections/").content.decode()
    assert "may look but not trade" in page
    assert "place, replace and cancel orders" not in page
    account = connection.accounts.get(number="SIM5000001M")
    ticket = {"account": str(account.pk), "symbol": "F", "action": "buy_to_open", "quantity": "1"}
    ticket |= {"order_type": "market", "time_in_force": "day"}
    review = browser.post("/trade", ticket)
    assert review.status_code == 422
    assert "may look but not trade" in review.content.decode()


def test_reconnecting_with_trade_makes_the_same_accounts_tradable(connect: Connect) -> None:
    first = connect(without="Trade")
    again = connect()
    assert again.pk == first.pk
    assert again.accounts.filter(can_trade=True).count() == again.accounts.filter(is_closed=False).count()


# Renewing


def test_a_token_is_renewed_within_five_minutes_of_its_end(sim: SimulatorServer, connect: Connect) -> None:
    connection = connect()
    first = desk.access_token(connection.pk)
    age(connection, 1195 - 310)
    assert desk.access_token(connection.pk) == first
    age(connection, 20)
    assert desk.access_token(connection.pk) != first
    assert reread(connection).token_version == connection.token_version + 1


def test_a_renewal_without_rotation_keeps_refresh_token_and_scopes(sim: SimulatorServer, connect: Connect) -> None:
    connection = connect()
    kept = kept_refresh_token(connection)
    for _ in range(3):
        age(connection, 1200)
        desk.access_token(connection.pk)
    assert kept_refresh_token(connection) == kept
    assert reread(connection).scopes == connection.scopes


def test_with_rotation_each_new_refresh_token_is_stored_before_the_access_token_is_handed_out(
    sim: SimulatorServer, connect: Connect
) -> None:
    sim.faults(tradestation_rotation=True)
    connection = connect()
    seen = [kept_refresh_token(connection)]
    for _ in range(3):
        age(connection, 1200)
        token = desk.access_token(connection.pk)
        seen.append(kept_refresh_token(connection))
        assert desk.access_token(connection.pk) == token
        assert desk.broker_for(connection).get_accounts()
    assert len(set(seen)) == 4
    assert reread(connection).is_connected


def test_a_family_of_rotated_tokens_killed_by_a_reuse_needs_a_new_sign_in(
    sim: SimulatorServer, key: SimClient, connect: Connect
) -> None:
    sim.faults(tradestation_rotation=True)
    connection = connect()
    stolen = kept_refresh_token(connection)
    age(connection, 1200)
    desk.access_token(connection.pk)
    provider = oauth.provider_for(*CONTEXT)
    with pytest.raises(NotAuthorized):
        oauth.refresh(provider, provider.client, Secret(stolen))
    age(connection, 1200)
    with pytest.raises(Unavailable):
        desk.access_token(connection.pk)
    age(connection, 61)
    with pytest.raises(NotAuthorized):
        desk.access_token(connection.pk)
    assert reread(connection).state == Connection.State.NEEDS_SIGN_IN


def test_a_dead_grant_is_a_403_and_believed_after_a_minute(
    sim: SimulatorServer, key: SimClient, connect: Connect
) -> None:
    connection = connect()
    sim.control("grants/revoke", {"client_id": key.client_id})
    provider = oauth.provider_for(*CONTEXT)
    with pytest.raises(NotAuthorized) as caught:
        oauth.refresh(provider, provider.client, Secret(kept_refresh_token(connection)))
    assert (caught.value.status, caught.value.broker_code, caught.value.grant_is_dead) == (403, "invalid_grant", True)
    age(connection, 1200)
    with pytest.raises(Unavailable):
        desk.access_token(connection.pk)
    assert reread(connection).is_connected
    age(connection, 61)
    with pytest.raises(NotAuthorized):
        desk.access_token(connection.pk)
    assert reread(connection).state == Connection.State.NEEDS_SIGN_IN


def test_a_wrong_secret_is_told_of_our_client_and_never_kills_the_grant(
    key: SimClient, connect: Connect, settings: Any
) -> None:
    connection = connect()
    settings.BROKER_CLIENTS = {CONTEXT: {"client_id": key.client_id, "client_secret": "not the secret"}}
    provider = oauth.provider_for(*CONTEXT)
    with pytest.raises(Refused) as caught:
        oauth.refresh(provider, provider.client, Secret(kept_refresh_token(connection)))
    assert type(caught.value) is Refused
    assert (caught.value.status, caught.value.broker_code) == (401, "access_denied")
    for _ in range(3):
        age(connection, 1200)
        with pytest.raises(Unavailable) as refused:
            desk.access_token(connection.pk)
        assert "OAuth client" in refused.value.message
    assert reread(connection).is_connected
    settings.BROKER_CLIENTS = {CONTEXT: vars(key)}
    age(connection, 1200)
    assert desk.access_token(connection.pk)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_passing_refusal_does_not_kill_and_leaves_the_old_token_in_use(
    sim: SimulatorServer, connect: Connect, status: int
) -> None:
    connection = connect()
    first = desk.access_token(connection.pk)
    sim.faults({"effect": "status", "status": status, "path": TOKEN_PATH})
    age(connection, 1195 - 100)
    assert desk.access_token(connection.pk) == first
    age(connection, 200)
    for _ in range(5):
        with pytest.raises((Unavailable, RateLimited)):
            desk.access_token(connection.pk)
        age(connection, 400)
    assert reread(connection).is_connected
    sim.clear_faults()
    assert desk.access_token(connection.pk) != first
    assert reread(connection).fail_count == 0


def test_a_token_refused_by_the_api_is_renewed_and_the_question_asked_again(connect: Connect) -> None:
    connection = connect()
    row = reread(connection)
    row.sealed_access_token = seal_for(row, "sealed_access_token", Secret("outdated-at-the-broker"))
    row.save()
    assert desk.broker_for(connection).get_accounts()
    assert reread(connection).token_version == connection.token_version + 1


# Disconnecting


def test_disconnecting_erases_the_secrets_and_never_revokes(
    sim: SimulatorServer, key: SimClient, connect: Connect, browser: Client
) -> None:
    connection = connect()
    other = sim.control("grants", {"client_id": key.client_id, "user": "demo"})["refresh_token"]
    page = browser.get(f"/connections/{connection.pk}/disconnect").content.decode()
    assert "TradeStation" in page
    assert browser.post(f"/connections/{connection.pk}/disconnect").status_code == 302
    row = reread(connection)
    assert [getattr(row, column) for column in SEALED_COLUMNS] == [None] * 3
    assert not Account.objects.of(row.user).exists()
    assert requests_of(sim, "/tradestation/signin/oauth/revoke") == []
    provider = oauth.provider_for(*CONTEXT)
    assert oauth.refresh(provider, provider.client, Secret(other)).access_token


def test_no_attempt_is_left_open_and_no_secret_is_on_a_page(person: User, connect: Connect, browser: Client) -> None:
    connection = connect()
    secrets = [unseal_from(connection, column).reveal() for column in SEALED_COLUMNS[:2]]
    for path in ("/connections/", "/connections/new", f"/connections/{connection.pk}/disconnect"):
        page = browser.get(path).content.decode()
        assert not any(secret in page for secret in secrets)
    assert not ConnectAttempt.objects.filter(used_at=None).exists()
