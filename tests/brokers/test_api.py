"""The API's connections and accounts: one's own, whole, and no secret among them."""

import json
import uuid
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from token_server import TokenServer

from brokers import connections as desk
from brokers.models import Connection

Connect = Callable[..., Connection]


def test_connections_are_listed_field_by_field(browser: Client, connection: Connection) -> None:
    answer = browser.get("/api/v1/connections")
    assert answer.status_code == 200
    (document,) = answer.json()["results"]
    assert document == {
        "id": str(connection.pk),
        "broker": "tastytrade",
        "environment": "sim",
        "title": "Mine",
        "state": "connected",
        "grant_kind": "personal",
        "scopes": [],
        "connected_at": connection.connected_at.isoformat().replace("+00:00", "Z"),
        "refreshed_at": document["refreshed_at"],
        "last_error": None,
    }
    assert document["refreshed_at"].endswith("Z")
    assert "no-store" in answer["Cache-Control"]


def test_trouble_is_told_with_a_code_words_and_its_time(browser: Client, connection: Connection) -> None:
    Connection.objects.update(
        state="needs_sign_in", last_error_code="invalid_grant", last_error="Gone.", last_error_at=timezone.now()
    )
    (document,) = browser.get("/api/v1/connections").json()["results"]
    assert document["state"] == "needs_sign_in"
    assert (document["last_error"]["code"], document["last_error"]["detail"]) == ("invalid_grant", "Gone.")
    assert document["last_error"]["at"].endswith("Z")


def test_accounts_are_listed_and_found_one_by_one(browser: Client, connection: Connection) -> None:
    listed = browser.get("/api/v1/accounts").json()["results"]
    assert [document["account_number"] for document in listed] == ["5WT00042", "5WT00043"]
    assert [document["is_default"] for document in listed] == [True, False]
    one = browser.get(f"/api/v1/accounts/{listed[0]['id']}").json()
    assert one == listed[0]
    assert one == {
        "id": one["id"],
        "connection": str(connection.pk),
        "broker": "tastytrade",
        "environment": "sim",
        "account_number": "5WT00042",
        "nickname": "Account 42",
        "kind": "margin",
        "type_name": "Individual",
        "is_default": True,
        "is_closed": False,
        "can_trade": True,
    }


def test_long_lists_come_in_pages(browser: Client, person: User, connect: Connect) -> None:
    for number in range(5):
        connect(person, "sim", [f"5WT9000{number}"])
    seen, page = [], browser.get("/api/v1/connections?limit=2").json()
    while True:
        seen += [document["id"] for document in page["results"]]
        if page["next"] is None:
            break
        page = browser.get(page["next"]).json()
    assert len(seen) == len(set(seen)) == 5
    assert len(browser.get("/api/v1/accounts?limit=3").json()["results"]) == 3


def test_a_foreign_account_is_not_found_like_one_that_does_not_exist(stranger: User, connection: Connection) -> None:
    client = Client()
    client.force_login(stranger)
    account = connection.accounts.earliest("number")
    foreign, missing = (client.get(f"/api/v1/accounts/{key}") for key in (account.pk, uuid.uuid4()))
    assert (foreign.status_code, missing.status_code) == (404, 404)
    assert foreign.json()["detail"] == missing.json()["detail"]
    assert client.get("/api/v1/accounts").json()["results"] == []
    assert client.get("/api/v1/connections").json()["results"] == []


def test_a_removed_connection_and_its_accounts_are_gone(browser: Client, person: User, connection: Connection) -> None:
    account = connection.accounts.earliest("number")
    desk.disconnect(connection, by=person)
    assert browser.get("/api/v1/connections").json()["results"] == []
    assert browser.get("/api/v1/accounts").json()["results"] == []
    assert browser.get(f"/api/v1/accounts/{account.pk}").status_code == 404


@pytest.mark.parametrize("path", ["connections", "accounts", f"accounts/{uuid.UUID(int=7)}"])
def test_without_a_sign_in_there_is_only_a_problem(db: None, path: str) -> None:
    answer = Client().get(f"/api/v1/{path}")
    assert answer.status_code in (401, 403)
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_is_changed_here(tokens: TokenServer, browser: Client, connection: Connection, method: str) -> None:
    account = connection.accounts.earliest("number")
    for path in ("connections", "accounts", f"accounts/{account.pk}"):
        body = json.dumps({"is_default": True, "state": "removed"})
        answer = getattr(browser, method)(f"/api/v1/{path}", body, content_type="application/json")
        assert answer.status_code == 405
