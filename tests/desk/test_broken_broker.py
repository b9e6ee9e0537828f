"""Whatever the broker answers: a clear page, a problem document, never a 500, and nothing is sent twice or lost."""

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from simulator_server import SimulatorServer
from talking_broker import forget_flights

from brokers import connections
from brokers.models import Account, Connection
from brokers.transport import forget_sessions
from brokers.vault import Secret
from config.api import PROBLEMS
from portfolio import holdings
from trading.models import Order

FAULTS: dict[str, dict[str, Any]] = {
    "503 with a document": {"effect": "status", "status": 503},
    "502 from a gateway": {"effect": "status", "status": 502, "body": "html"},
    "500 with nothing": {"effect": "status", "status": 500, "body": "empty"},
    "bare 429": {"effect": "throttle"},
    "429 with a time": {"effect": "throttle", "retry_after": 30},
    "403 with a document": {"effect": "status", "status": 403},
    "401 from a gateway": {"effect": "status", "status": 401, "body": "html"},
    "404 with a document": {"effect": "status", "status": 404},
    "HTML for JSON": {"effect": "html_for_json"},
    "garbage JSON": {"effect": "garbage_json"},
    "half a body": {"effect": "cut_body"},
    "no answer": {"effect": "drop_answer"},
}
BROKEN = pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
LIMIT = {"order_type": "limit", "time_in_force": "day", "limit_price": "1.00"}


def order_body(account: Account, **changes: Any) -> dict[str, Any]:
    legs = [{"symbol": "F", "action": "buy_to_open", "quantity": "1"}]
    return {"account": str(account.pk), "legs": legs} | LIMIT | changes


def ask_api(trader: Client, path: str, body: dict[str, Any] | None = None, **headers: str) -> HttpResponse:
    address = f"/api/v1/{path}"
    if body is None:
        return trader.get(address)
    return trader.post(address, json.dumps(body), content_type="application/json", headers=headers)


def is_told_well(response: HttpResponse) -> bool:
    """A success, or a problem document whose code and status are in the catalogue."""
    if response.status_code < 400:
        return True
    document = json.loads(response.content)
    status, _ = PROBLEMS[document["code"]]
    return (
        response["Content-Type"] == "application/problem+json"
        and status == response.status_code == document["status"]
        and document["code"] != "server_error"
        and len(document["detail"]) > 20
    )


@BROKEN
def test_all_says_what_is_wrong_and_an_order_is_sent_at_most_once(
    trader: Client, account: Account, sim: SimulatorServer, fault: dict[str, Any]
) -> None:
    sim.faults(fault)
    every_api_call_tells_what_is_wrong(trader, account)
    afresh(sim)
    sim.faults(fault)
    every_page_says_what_is_wrong_in_words(trader, account)
    afresh(sim)
    sim.faults(fault | {"method": "POST", "path": "*/orders"})
    an_order_is_sent_at_most_once_and_never_forgotten(trader, account, sim)


def afresh(sim: SimulatorServer) -> None:
    """As if nobody had met the fault yet: neither kept answers nor counts of failures stand between."""
    sim.clear_faults()
    forget_sessions()
    cache.clear()
    forget_flights()
    Connection.objects.update(not_before=None, last_error_at=None)


def every_api_call_tells_what_is_wrong(trader: Client, account: Account) -> None:
    for path in (f"accounts/{account.pk}/balances", f"accounts/{account.pk}/positions", "orders", "accounts"):
        assert is_told_well(ask_api(trader, path)), path
    assert is_told_well(ask_api(trader, "orders/preview", order_body(account)))


def test_a_healthy_broker_is_no_trouble(trader: Client, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holdings, "PATIENCE_SECONDS", 30.0)
    for address in ("/portfolio/", "/portfolio/positions"):
        assert "data-trouble" not in trader.get(address).content.decode(), address


def every_page_says_what_is_wrong_in_words(trader: Client, account: Account) -> None:
    for address in ("/portfolio/", "/portfolio/positions"):
        page = trader.get(address)
        assert page.status_code == 200, address
        words = page.content.decode()
        assert "data-trouble" in words, address
        assert "You hold nothing" not in words, "an error never looks like an empty account"
    review = trader.post("/trade", ticket_form(account))
    assert review.status_code == 422
    assert "Send SIM order" not in review.content.decode()
    assert 'value="F"' in review.content.decode(), "what was typed is kept"
    for address in ("/orders/", "/connections/", "/trade"):
        assert trader.get(address).status_code == 200, address


def ticket_form(account: Account, **changes: str) -> dict[str, str]:
    form = {"account": str(account.pk), "symbol": "F", "action": "buy_to_open", "quantity": "1"}
    return form | LIMIT | changes


def an_order_is_sent_at_most_once_and_never_forgotten(trader: Client, account: Account, sim: SimulatorServer) -> None:
    key = uuid.uuid4().hex
    first = ask_api(trader, "orders", order_body(account), **{"Idempotency-Key": key})
    again = ask_api(trader, "orders", order_body(account), **{"Idempotency-Key": key})
    assert is_told_well(first)
    assert is_told_well(again)
    order = Order.objects.get(account=account)
    attempts = [entry for entry in sim.ledger() if entry["method"] == "POST" and entry["path"].endswith("/orders")]
    assert len(attempts) <= 1, "one key, one attempt"
    made = [entry for entry in attempts if entry["order_id"]]
    if made:
        assert order.phase in ("unknown", "working", "submitting"), "the broker has it, so it is not called dead"


def test_a_refused_connection_is_not_an_unknown_order(
    trader: Client, account: Account, settings: Any, sim: SimulatorServer
) -> None:
    context = (account.connection.broker, "sim")
    hosts = settings.BROKER_HOSTS[context]
    trader.get("/portfolio/")  # the access token is fresh
    settings.BROKER_HOSTS = {context: hosts | {"api": "http://127.0.0.1:9"}}
    forget_flights()
    response = ask_api(trader, "orders", order_body(account), **{"Idempotency-Key": uuid.uuid4().hex})
    assert (response.status_code, response.json()["code"]) == (503, "connection_not_ready")
    assert not Order.objects.filter(account=account, status="unknown").exists()
    assert "as last read" in trader.get("/portfolio/positions").content.decode()


def test_a_revoked_grant_asks_to_connect_again_and_keeps_everything(
    trader: Client, account: Account, sim: SimulatorServer
) -> None:
    sim.faults({"effect": "token_dead"}, {"effect": "status", "status": 401, "path": "*/accounts/*"})
    Connection.objects.update(access_expires_at=None, sealed_access_token=None)
    forget_flights()
    page = trader.get("/portfolio/")
    assert page.status_code == 200
    assert "data-trouble" in page.content.decode()
    assert is_told_well(ask_api(trader, f"accounts/{account.pk}/balances"))
    assert Account.objects.filter(pk=account.pk).exists()


BAD_TICKETS = [
    ({"quantity": "0"}, "quantity"),
    ({"quantity": "-1"}, "quantity"),
    ({"quantity": "1e400"}, "quantity"),
    ({"quantity": "NaN"}, "quantity"),
    ({"quantity": "１０"}, "quantity"),
    ({"quantity": "9" * 5000}, "quantity"),
    ({"quantity": "1\x00"}, "quantity"),
    ({"limit_price": "10.001"}, "limit_price"),
    ({"limit_price": "Infinity"}, "limit_price"),
    ({"limit_price": ""}, "limit_price"),
    ({"symbol": "NOSUCH"}, "symbol"),
    ({"symbol": "<script>"}, "symbol"),
    ({"order_type": "guess"}, "order_type"),
]


def test_bad_tickets_are_told_at_their_field_on_the_page(trader: Client, account: Account) -> None:
    for changes, field in BAD_TICKETS:
        page = trader.post("/trade", ticket_form(account, **changes))
        assert page.status_code == 422, changes
        assert page.context["form"].errors[field], changes
    assert not Order.objects.exists()


def test_bad_tickets_are_problems_at_their_field_in_the_api(
    trader: Client, account: Account, sim: SimulatorServer
) -> None:
    for changes, field in BAD_TICKETS:
        leg = {"symbol": "F", "action": "buy_to_open", "quantity": "1"}
        leg |= {name: value for name, value in changes.items() if name in leg}
        rest = {name: value for name, value in changes.items() if name not in leg}
        for path in ("orders/preview", "orders"):
            headers = {"Idempotency-Key": uuid.uuid4().hex}
            response = ask_api(trader, path, order_body(account, legs=[leg], **rest), **headers)
            assert response.status_code in (400, 422), changes
            assert is_told_well(response), changes
            assert field in json.dumps(response.json()["errors"]), changes
    assert not [entry for entry in sim.ledger() if entry["order_id"]]


def test_not_enough_buying_power_is_the_brokers_own_word(trader: Client, account: Account) -> None:
    page = trader.post("/trade", ticket_form(account, symbol="SPY", quantity="9000", limit_price="500.00"))
    assert page.status_code == 422
    assert "buying power" in page.content.decode()
    response = ask_api(trader, "orders/preview", order_body(account, limit_price="500.00") | {"legs": big_leg()})
    assert (response.status_code, response.json()["code"]) == (422, "order_rejected")
    assert "buying power" in response.content.decode()


def big_leg() -> list[dict[str, str]]:
    return [{"symbol": "SPY", "action": "buy_to_open", "quantity": "9000"}]


@pytest.mark.parametrize("account", ["tastytrade"], indirect=True)
def test_a_grant_that_may_only_look_sends_nothing(trader: Client, account: Account, sim: SimulatorServer) -> None:
    grant = sim.grant(scope="read")
    connection = connections.connect_personal(
        account.connection.user,
        "tastytrade",
        "sim",
        Secret(grant.client.client_secret),
        Secret(grant.refresh_token),
    )
    assert connection.pk == account.connection_id, "the same accounts, connected again"
    assert b"Send SIM order" not in trader.post("/trade", ticket_form(account)).content
    response = ask_api(trader, "orders", order_body(account), **{"Idempotency-Key": uuid.uuid4().hex})
    assert (response.status_code, response.json()["broker_code"]) == (422, "not_permitted")
    assert not [entry for entry in sim.ledger() if entry["order_id"]]
    assert trader.get("/portfolio/positions").status_code == 200


def test_a_grant_revoked_at_the_broker_needs_a_new_sign_in_once_that_is_sure(
    trader: Client, account: Account, sim: SimulatorServer
) -> None:
    trader.get("/portfolio/")
    sim.control("grants/revoke", {"user": "demo"})
    for _ in range(2):
        forget_flights()
        assert trader.get("/portfolio/").status_code == 200
        long_ago = timezone.now() - timedelta(minutes=2)
        Connection.objects.update(not_before=None, last_error_at=long_ago)
    forget_flights()
    assert "Needs sign-in" in trader.get("/connections/").content.decode()
    page = trader.get("/portfolio/positions").content.decode()
    assert "Connect it again" in page or "Reconnect" in page
    assert "AAPL" in page, "what was last known is still there"
