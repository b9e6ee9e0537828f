"""Every error of the API is one kind of document; every error page has words."""

from typing import Any

import pytest
from django.core.cache import cache
from django.db import OperationalError
from django.http import Http404
from django.test import AsyncClient, Client, RequestFactory
from rest_framework.exceptions import MethodNotAllowed, NotAuthenticated, ParseError, ValidationError
from rest_framework.test import APIRequestFactory

from brokers.domain.orders import InvalidTicket, Notice
from brokers.errors import NotAuthorized, OrderRejected, OutcomeUnknown, RateLimited, Unavailable, UnexpectedReply
from config.api import CONTENT_TYPE, PROBLEMS, problem_from_exception
from config.pages import server_error

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
REQUEST = APIRequestFactory().get("/api/v1/things")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Http404(), 404, "not_found"),
        (NotAuthenticated(), 401, "not_signed_in"),
        (ParseError(), 400, "bad_request"),
        (MethodNotAllowed("PUT"), 405, "method_not_allowed"),
        (ValidationError({"quantity": ["Too small."]}), 422, "invalid"),
        (InvalidTicket("quantity", "Too small."), 422, "invalid"),
        (OrderRejected("no"), 422, "order_rejected"),
        (NotAuthorized("gone"), 403, "broker_not_authorized"),
        (RateLimited("slow", retry_after=7), 429, "broker_rate_limited"),
        (Unavailable("down"), 503, "broker_unavailable"),
        (OutcomeUnknown("?"), 504, "outcome_unknown"),
        (UnexpectedReply("garbage", path="data"), 502, "broker_unexpected_reply"),
        (OperationalError("secret detail"), 503, "database_unavailable"),
        (RuntimeError("secret detail"), 500, "server_error"),
    ],
)
def test_each_error_has_its_status_and_code(error: Exception, status: int, code: str) -> None:
    response = problem_from_exception(error, {"request": REQUEST})
    assert response is not None
    assert (response.status_code, response.data["code"], response.data["status"]) == (status, code, status)
    assert response.content_type == CONTENT_TYPE
    assert response.data["instance"] == "/api/v1/things"
    assert "secret detail" not in str(response.data)


def test_a_brokers_refusal_carries_its_own_words_and_code() -> None:
    error = OrderRejected("no", broker="tastytrade", broker_code="x", notices=(Notice("margin", "Not enough."),))
    response = problem_from_exception(error, {"request": REQUEST})
    assert response is not None
    assert response.data["broker_code"] == "x"
    assert response.data["broker_messages"] == [{"code": "margin", "message": "Not enough."}]
    assert response.data["retryable"] is False


def test_a_slow_down_says_for_how_long() -> None:
    response = problem_from_exception(RateLimited("slow", retry_after=7), {"request": REQUEST})
    assert response is not None
    assert response.headers["Retry-After"] == "7"


def test_the_first_fault_is_the_detail_and_all_are_listed_by_field() -> None:
    response = problem_from_exception(ValidationError({"quantity": ["Too small."]}), {"request": REQUEST})
    assert response is not None
    assert response.data["detail"] == "quantity: Too small."
    assert response.data["errors"] == {"quantity": ["Too small."]}


def test_no_two_codes_share_a_name_and_each_status_is_an_error() -> None:
    assert all(status >= 400 and title for status, title in PROBLEMS.values())


@pytest.mark.django_db
def test_an_unknown_api_address_answers_a_problem_document(client: Client) -> None:
    response = client.get("/api/v1/nonsense", headers={"X-Request-ID": "support-12345"})
    assert response.status_code == 404
    assert response["Content-Type"] == CONTENT_TYPE
    assert response.json()["request_id"] == "support-12345" == response["X-Request-ID"]


@pytest.mark.django_db
def test_an_unknown_page_has_words_and_a_request_id(client: Client) -> None:
    response = client.get("/nonsense")
    assert response.status_code == 404
    assert "There is nothing at this address" in response.content.decode()
    assert response["X-Request-ID"] in response.content.decode()


@pytest.mark.django_db
def test_a_forms_address_opened_by_itself_has_a_page_in_words(client: Client, django_user_model: Any) -> None:
    client.force_login(django_user_model.objects.create_user("someone"), backend=BACKEND)
    response = client.get("/trade/place")
    assert (response.status_code, response["Allow"]) == (405, "POST")
    assert "This address is where a form is sent to" in response.content.decode()
    told = client.delete("/api/v1/accounts")
    assert told["Content-Type"] == CONTENT_TYPE


@pytest.mark.django_db
def test_too_many_tries_have_a_page_in_words(client: Client, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login": "1/m/ip"}
    cache.clear()
    typed = {"login": "nobody", "password": "wrong"}
    answers = [client.post("/accounts/login/", typed) for _ in range(2)]
    assert answers[-1].status_code == 429
    assert "too many tries" in answers[-1].content.decode()
    assert 'id="request-id"' in answers[-1].content.decode()
    cache.clear()


@pytest.mark.django_db
def test_the_api_asks_strangers_to_sign_in(client: Client) -> None:
    response = client.get("/api/v1/accounts")
    assert response.status_code == 401
    assert response.json()["code"] == "not_signed_in"
    assert "WWW-Authenticate" in response


@pytest.mark.django_db
def test_health_says_ok_when_the_database_is_migrated(client: Client) -> None:
    assert client.get("/health/").json() == {"status": "ok", "checks": {"database": "ok"}}


def test_a_crash_has_its_page_even_without_a_database() -> None:
    """No database is allowed in this test: the page must not ask for one."""
    response = server_error(RequestFactory().get("/portfolio/"))
    assert response.status_code == 500
    assert "look at your orders before you repeat" in response.content.decode()


def no_connection(*_: object, **__: object) -> None:
    raise OperationalError("couldn't get a connection after 10.00 sec")


@pytest.mark.parametrize("path", ["/portfolio/", "/orders/", "/api/v1/accounts", "/api/v1/nonsense"])
async def test_a_database_that_is_away_is_told_as_that_and_to_be_tried_again(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As behind the server, where middleware and views are run from the loop."""
    monkeypatch.setattr("config.sessions.SessionStore.load", no_connection)
    client = AsyncClient(raise_request_exception=False)
    client.cookies["sessionid"] = "a" * 32
    response = await client.get(path)
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    if path.startswith("/api/"):
        assert (response["Content-Type"], response.json()["code"]) == (CONTENT_TYPE, "database_unavailable")
        assert "Idempotency-Key" in response.json()["detail"]
    else:
        assert "look at your orders before you repeat" in response.content.decode()


@pytest.mark.django_db
def test_a_problems_type_leads_to_its_line_in_the_catalogue(client: Client) -> None:
    address, _, code = client.get("/api/v1/nonsense").json()["type"].partition("#")
    assert f'id="{code}"' in client.get(address).content.decode()
