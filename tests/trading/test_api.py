"""The API: strict input, idempotency, problems, pages of results, strangers."""

import json
import uuid
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_broker import LedgerBroker, a_ticket, raiser

from brokers.domain.orders import Notice
from brokers.errors import OrderRejected, OutcomeUnknown, RateLimited, Unavailable
from brokers.models import Account
from trading import orders
from trading.models import Order

pytestmark = pytest.mark.django_db


def body(account: Account, /, **changes: Any) -> dict[str, Any]:
    return {
        "account": str(account.pk),
        "legs": [{"symbol": "AAPL", "action": "buy_to_open", "quantity": "10"}],
        "order_type": "limit",
        "time_in_force": "day",
        "limit_price": "190.00",
    } | changes


def leg(**changes: Any) -> dict[str, Any]:
    return {"legs": [{"symbol": "AAPL", "action": "buy_to_open", "quantity": "10"} | changes]}


def post(client: Client, content: Any, key: str | None = "key-1", address: str = "/api/v1/orders") -> Any:
    headers = {"Idempotency-Key": key} if key is not None else {}
    text = content if isinstance(content, str | bytes) else json.dumps(content)
    return client.post(address, text, content_type="application/json", headers=headers)


def preview(client: Client, content: Any) -> Any:
    return post(client, content, None, "/api/v1/orders/preview")


def test_an_order_is_previewed_placed_read_and_cancelled(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    shown = preview(trader_client, body(trading_account))
    assert shown.status_code == 200
    assert shown.json()["buying_power_after"] == "93317.33"
    assert shown.json()["estimated_cost"] == "-1900.00"
    assert shown.json()["expires_at"].endswith("Z")
    placed = post(trader_client, body(trading_account, preview_id=shown.json()["preview_id"]))
    assert placed.status_code == 201
    order = placed.json()
    assert placed["Location"] == f"/api/v1/orders/{order['id']}"
    assert (order["status"], order["phase"], order["limit_price"], order["price_effect"]) == (
        "accepted", "submitting", "190", "debit",
    )  # fmt: skip
    read = trader_client.get(placed["Location"]).json()
    assert [event["seq"] for event in read["events"]] == [1, 2]
    assert read["preview"]["description"].startswith("Buy 10 AAPL")
    cancelled = trader_client.delete(placed["Location"])
    assert (cancelled.status_code, cancelled.json()["status"]) == (202, "cancel_requested")


def test_the_same_key_replays_and_another_body_is_refused(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    first = post(trader_client, body(trading_account))
    again = post(trader_client, body(trading_account, limit_price="190.0"))
    assert (again.status_code, again["Idempotency-Replayed"]) == (200, "true")
    assert again.json()["id"] == first.json()["id"]
    assert "Idempotency-Replayed" not in first
    other = post(trader_client, body(trading_account, limit_price="191.00"))
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len(ledger_broker.ledger) == 1


@pytest.mark.parametrize("key", [None, "", "x" * 65, "a b", "é", "a\x01b"])
def test_a_key_is_needed(
    key: str | None, trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    answer = post(trader_client, body(trading_account), key)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")
    assert not ledger_broker.calls


def test_an_unknown_outcome_is_202_and_stays_one_order(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    ledger_broker.after = raiser(OutcomeUnknown("No answer"))
    first = post(trader_client, body(trading_account))
    again = post(trader_client, body(trading_account))
    assert [first.status_code, again.status_code] == [202, 202]
    assert first.json()["phase"] == "unknown"
    assert again["Idempotency-Replayed"] == "true"
    assert len(ledger_broker.ledger) == 1
    refused = trader_client.delete(f"/api/v1/orders/{first.json()['id']}")
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")


REFUSALS = [
    (OrderRejected("No", notices=(Notice("margin_check_failed", "Too dear"),)), 422, "order_rejected"),
    (RateLimited("Slow down"), 429, "broker_rate_limited"),
    (Unavailable("Away"), 503, "broker_unavailable"),
]  # fmt: skip


@pytest.mark.parametrize(("error", "status", "code"), REFUSALS)
def test_an_order_that_was_not_taken_is_a_problem_that_names_it(
    error: Exception,
    status: int,
    code: str,
    trader_client: Client,
    trading_account: Account,
    ledger_broker: LedgerBroker,
) -> None:
    ledger_broker.before = raiser(error)
    first = post(trader_client, body(trading_account))
    assert first["Content-Type"] == "application/problem+json"
    assert (first.status_code, first.json()["code"]) == (status, code)
    assert first.json()["order"]["id"] == str(Order.objects.get().pk)
    again = post(trader_client, body(trading_account))
    assert (again.status_code, again["Idempotency-Replayed"]) == (status, "true")
    assert ledger_broker.calls.count("place") == 1


def test_a_preview_that_the_broker_refuses_is_a_problem(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    ledger_broker.preview_fault = raiser(REFUSALS[0][0])
    answer = preview(trader_client, body(trading_account))
    assert (answer.status_code, answer.json()["code"]) == (422, "order_rejected")
    assert answer.json()["broker_messages"] == [{"code": "margin_check_failed", "message": "Too dear"}]


def test_a_preview_holds_for_its_own_order_alone(
    trader_client: Client, stranger_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    token = preview(trader_client, body(trading_account)).json()["preview_id"]
    for changes in ({"limit_price": "190.01", "preview_id": token}, {"preview_id": "made-up"}, {"preview_id": "\x7f"}):
        answer = post(trader_client, body(trading_account, **changes))
        assert (answer.status_code, answer.json()["code"]) == (422, "preview_invalid")
    assert not ledger_broker.ledger


BAD_BODIES: list[tuple[dict[str, Any], str]] = [
    *[(leg(quantity=value), "legs") for value in (
        "0", "-1", "1e400", "NaN", "Infinity", "１２", "0x10", "1" * 21, "", " 1", "1\u0000", 0, -1, 1.5, 10**30, True,
        None, [], {}, "1_0",
    )],
    *[({"limit_price": value}, "limit_price") for value in (
        "0", "-1", "1e400", "NaN", "-0", "９", 190.5, True, [1], {"a": 1}, "9" * 5000,
    )],
    *[(leg(symbol=value), "legs") for value in ("$VIX", "A\u0000", "<b>", "a" * 41, "", 7, None, [], "\u202eAAPL")],
    (leg(action="steal"), "legs"),
    (leg(action=["buy_to_open"]), "legs"),
    (leg(limit_price="1"), "legs"),
    ({"legs": []}, "legs"),
    ({"legs": "AAPL"}, "legs"),
    ({"legs": {"symbol": "AAPL"}}, "legs"),
    ({"legs": [1]}, "legs"),
    ({"legs": [leg()["legs"][0]] * 2}, "price_effect"),
    ({"legs": [leg()["legs"][0]] * 2, "price_effect": "debit"}, "legs"),
    ({"legs": [leg()["legs"][0]] * 5}, "legs"),
    ({"account": str(uuid.UUID(int=7))}, "account"),
    ({"account": "x"}, "account"),
    ({"account": None}, "account"),
    ({"account": 10**40}, "account"),
    ({"order_type": "stop"}, "limit_price"),
    ({"order_type": "stop", "limit_price": None}, "stop_price"),
    ({"order_type": {}}, "order_type"),
    ({"order_type": "market"}, "limit_price"),
    ({"limit_price": None}, "limit_price"),
    ({"time_in_force": "gtd"}, "gtd_date"),
    ({"gtd_date": "tomorrow"}, "gtd_date"),
    ({"gtd_date": 5}, "gtd_date"),
    ({"price_effect": "credit"}, "price_effect"),
    ({"price_effect": "sideways"}, "price_effect"),
    ({"prize": "1"}, "prize"),
    ({"status": "filled"}, "status"),
    ({"client_ref": "x"}, "client_ref"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "field"), BAD_BODIES, ids=lambda value: ascii(value)[:50])
def test_bad_input_is_a_problem_at_its_field(
    changes: dict[str, Any],
    field: str,
    trader_client: Client,
    trading_account: Account,
    ledger_broker: LedgerBroker,
) -> None:
    for answer in (
        post(trader_client, body(trading_account, **changes)), preview(trader_client, body(trading_account, **changes))
    ):  # fmt: skip
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), answer.content
        assert field in answer.json()["errors"]
        assert answer.json()["detail"]
    assert not ledger_broker.ledger
    assert not Order.objects.exists()


UNREADABLE = [
    b"", b"{", b"nul", b"\xff\xfe", b'{"a":NaN}', b'{"a":Infinity}', b'{"account":1,"account":2}',
    b"[" * 20_000, b'{"a":' * 20_000, b'{"account":"\\ud800"}', b'{"\\ud800":1}', b"1" * 70_000,
    b'"' + b"x" * 10_000_000,
]  # fmt: skip


@pytest.mark.parametrize("text", UNREADABLE, ids=lambda text: str(text[:14]))
def test_what_is_no_json_is_refused_in_words(text: bytes, trader_client: Client, ledger_broker: LedgerBroker) -> None:
    for address in ("/api/v1/orders", "/api/v1/orders/preview"):
        answer = post(trader_client, text, "k", address)
        assert answer.status_code in (400, 422), answer.content
        assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("text", [b"[]", b"7", b'"x"', b"null", b"true"])
def test_a_body_that_is_no_object_is_refused(text: bytes, trader_client: Client, ledger_broker: LedgerBroker) -> None:
    assert post(trader_client, text).status_code == 422


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.dictionaries(
    st.sampled_from(["account", "legs", "order_type", "time_in_force", "limit_price", "price_effect", "stop_price",
                     "gtd_date", "preview_id", "other"]), ANYTHING, min_size=1, max_size=3,
))  # fmt: skip
def test_whatever_comes_never_breaks_the_desk(
    changes: dict[str, Any], trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    answer = post(trader_client, body(trading_account, **changes), "fuzz")
    assert answer.status_code < 500, answer.content


def an_order(account: Account, key: str) -> Order:
    order, _ = orders.place(account=account, ticket=a_ticket(), idempotency_key=key, source=Order.Source.API)
    return order


def test_pages_of_orders_hold_each_once_newest_first(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    made = [str(an_order(trading_account, f"k{number}").pk) for number in range(5)]
    seen: list[str] = []
    address: str | None = "/api/v1/orders?limit=2"
    while address:
        page = trader_client.get(address).json()
        seen += [order["id"] for order in page["results"]]
        address = page["next"]
    assert seen == made[::-1]


def test_filters(trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker) -> None:
    an_order(trading_account, "k")

    def count(query: str) -> int:
        return len(trader_client.get(f"/api/v1/orders?{query}").json()["results"])

    assert count("status=submitting") == count("status=accepted,filled") == 1
    assert count("status=done") == 0
    assert count("since=2020-01-01") == count("since=2020-01-01T00:00:00Z") == 1
    assert count("since=2099-01-01T00:00:00%2B00:00") == 0
    assert count(f"account={trading_account.pk}") == 1
    listed = trader_client.get(f"/api/v1/accounts/{trading_account.pk}/orders?status=submitting").json()
    assert len(listed["results"]) == 1


@pytest.mark.parametrize(
    "query",
    [
        "status=odd", "status=", "since=yesterday", "since=2020-01-01T00:00:00", "since=\x00", "limit=0", "limit=201",
        "limit=x", "limit=１", "before=x", f"before={uuid.UUID(int=7)}",
        "account=x", f"account={uuid.UUID(int=7)}", "odd=1",
        "since=9999-12-31T23:59:59-23:59", "since=99999-01-01",
    ],
)  # fmt: skip
def test_bad_filters_are_refused(query: str, trader_client: Client, trading_account: Account) -> None:
    answer = trader_client.get(f"/api/v1/orders?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


def test_a_stranger_finds_nothing(
    stranger_client: Client, trading_account: Account, foreign_account: Account, ledger_broker: LedgerBroker
) -> None:
    order = an_order(trading_account, "k")
    missing = uuid.uuid4()
    for known in (order.pk, missing):
        assert stranger_client.get(f"/api/v1/orders/{known}").status_code == 404
        assert stranger_client.delete(f"/api/v1/orders/{known}").status_code == 404
    for known in (trading_account.pk, missing):
        assert stranger_client.get(f"/api/v1/accounts/{known}/orders").status_code == 404
    assert stranger_client.get("/api/v1/orders").json()["results"] == []
    foreign = post(stranger_client, body(trading_account), "k").json()
    absent = post(stranger_client, body(trading_account, account=str(missing)), "k").json()
    assert foreign["errors"] == absent["errors"] == {"account": ["You have no such account here."]}
    assert preview(stranger_client, body(trading_account)).status_code == 422
    filtered = stranger_client.get(f"/api/v1/orders?account={trading_account.pk}")
    assert filtered.status_code == 422
    assert stranger_client.get(f"/api/v1/symbols?query=A&account={trading_account.pk}").status_code == 422
    assert ledger_broker.calls.count("cancel") == 0


def test_the_signed_out_are_told_to_sign_in(trading_account: Account) -> None:
    client = Client()
    for answer in (
        client.get("/api/v1/orders"), post(client, body(trading_account)), preview(client, body(trading_account)),
        client.get(f"/api/v1/orders/{uuid.uuid4()}"), client.delete(f"/api/v1/orders/{uuid.uuid4()}"),
        client.get(f"/api/v1/accounts/{trading_account.pk}/orders"), client.get("/api/v1/symbols?query=A"),
    ):  # fmt: skip
        assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")


def test_sessions_need_the_csrf_token(trading_account: Account, ledger_broker: LedgerBroker) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(trading_account.connection.user, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert post(client, body(trading_account)).status_code == 403
    assert not ledger_broker.ledger


def test_symbols_are_searched_at_the_accounts_broker(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    found = trader_client.get("/api/v1/symbols?query=aa").json()["results"]
    assert found == [{"symbol": "AAPL", "description": "Apple Inc.", "has_options": True}]
    for bad in ("", "query=", "query=%00", "query=é", "query=" + "a" * 21, "query=a&account=x"):
        assert trader_client.get(f"/api/v1/symbols?{bad}").status_code == 422


def test_the_schema_of_the_orders_api_is_whole(client: Client) -> None:
    schema = client.get("/api/schema/?format=json").json()
    operations = {
        op["operationId"] for path in schema["paths"].values() for op in path.values() if isinstance(op, dict)
    }
    assert {
        "list_orders", "place_order", "preview_order", "get_order", "cancel_order", "list_account_orders",
        "search_symbols",
    } <= operations  # fmt: skip
