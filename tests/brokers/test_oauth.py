"""The token endpoint and the authorize address, over real HTTP."""

import hashlib
from base64 import urlsafe_b64encode
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone
from token_server import TokenServer, Told

from brokers import oauth
from brokers.errors import BrokerError, NotAuthorized, RateLimited, Refused, Unavailable
from brokers.vault import Secret

CLIENT = oauth.Client("", Secret("own-client-secret"))
HTML = b"<html><body><center><h1>502 Bad Gateway</h1></center></body></html>"


def provider() -> oauth.Provider:
    return oauth.provider_for("tastytrade", "sim")


def refreshed(client: oauth.Client = CLIENT) -> oauth.Grant:
    return oauth.refresh(provider(), client, Secret("the-refresh-token"))


def test_the_authorize_address_carries_state_challenge_scope_and_the_one_redirect_address(tokens: TokenServer) -> None:
    verifier = Secret("v" * 64)
    url = urlsplit(oauth.authorize_url(provider(), Secret("the-state"), verifier))
    challenge = urlsafe_b64encode(hashlib.sha256(b"v" * 64).digest()).rstrip(b"=").decode()
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{tokens.url}/auth.html"
    assert parse_qs(url.query) == {
        "response_type": ["code"],
        "client_id": ["blotter-test"],
        "redirect_uri": ["http://localhost:8000/connect/tastytrade/sim/callback"],
        "scope": ["read trade openid"],
        "state": ["the-state"],
        "code_challenge": [challenge],
        "code_challenge_method": ["S256"],
    }


def test_each_environment_has_a_redirect_address_of_its_own() -> None:
    addresses = {oauth.redirect_uri("tastytrade", environment) for environment in ("sim", "live")}
    assert len(addresses) == 2


def test_a_code_is_exchanged_with_client_verifier_and_redirect_address(tokens: TokenServer) -> None:
    grant = oauth.exchange_code(provider(), Secret("c0de/+=&"), Secret("the-verifier"))
    assert tokens.asked[0].fields == {
        "grant_type": "authorization_code",
        "code": "c0de/+=&",
        "client_id": "blotter-test",
        "client_secret": "canary-client-secret",
        "code_verifier": "the-verifier",
        "redirect_uri": "http://localhost:8000/connect/tastytrade/sim/callback",
    }
    assert grant.refresh_token is not None
    assert grant.scopes == "read trade openid"


def test_a_refresh_sends_what_the_broker_wants_and_nothing_else(tokens: TokenServer) -> None:
    refreshed()
    asked = tokens.asked[0]
    assert asked.path == "/oauth/token"
    assert asked.fields == {
        "grant_type": "refresh_token",
        "refresh_token": "the-refresh-token",
        "client_secret": "own-client-secret",
    }
    assert asked.headers["Content-Type"] == "application/json"
    assert asked.headers["User-Agent"].startswith("blotter/")
    assert "Authorization" not in asked.headers


def test_a_form_is_sent_to_brokers_that_want_a_form(tokens: TokenServer, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    as_form = replace(provider(), spec=replace(provider().spec, token_headers={"User-Agent": "blotter/1"}))
    oauth.refresh(as_form, oauth.Client("an id", Secret("a&b=c")), Secret("x y+z"))
    asked = tokens.asked[0]
    assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert asked.fields["client_secret"] == "a&b=c"
    assert asked.fields["refresh_token"] == "x y+z"
    assert asked.fields["client_id"] == "an id"


def shaped(code: str) -> list[Any]:
    """The shapes that an error code has been seen in."""
    return [
        {"error": code, "error_description": "words"},
        {"error_code": code, "error_description": "words"},
        {"error": {"code": code, "message": "words"}},
    ]


@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize("shape", [0, 1, 2])
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("invalid_grant", NotAuthorized),
        ("invalid_client", Refused),
        ("unauthorized_client", Refused),
        ("invalid_request", Unavailable),
        ("temporarily_unavailable", Unavailable),
        ("something_new", Unavailable),
    ],
)
def test_an_error_code_means_the_same_in_every_shape(
    tokens: TokenServer, code: str, kind: type[BrokerError], shape: int, status: int
) -> None:
    tokens.script = [Told(shaped(code)[shape], status)]
    with pytest.raises(BrokerError) as caught:
        refreshed()
    assert type(caught.value) is kind
    assert caught.value.broker_code == code
    assert getattr(caught.value, "grant_is_dead", False) == (code == "invalid_grant")


@pytest.mark.parametrize(
    "told",
    [
        Told(HTML, 502, {"Content-Type": "text/html"}),
        Told(HTML, 401, {"Content-Type": "text/html"}),
        Told(HTML, 200, {"Content-Type": "text/html"}),
        Told(b"", 500),
        Told(b"", 400),
        Told({}, 400),
        Told({"error": "invalid_grant"}, 500),
        Told([], 200),
        Told({}, 200),
        Told({"access_token": None}, 200),
        Told({"access_token": "with\nline break"}, 200),
        Told({"access_token": 5}, 200),
        Told(b'{"access_token": "x"', 200),
        Told(b"[" * 100_000, 200),
        Told(b'{"a": "' + b"x" * 600_000 + b'"}', 200),
        Told({}, 302, {"Location": "/elsewhere"}),
        Told(drop=True),
    ],
)
def test_whatever_is_not_a_clear_no_leaves_the_grant_alive(tokens: TokenServer, told: Told) -> None:
    tokens.script = [told]
    with pytest.raises(Unavailable):
        refreshed()
    assert len(tokens.asked) == 1


def test_a_redirect_is_never_followed_with_the_secrets(tokens: TokenServer) -> None:
    tokens.script = [Told({}, 307, {"Location": f"{tokens.url}/elsewhere"})]
    with pytest.raises(Unavailable):
        refreshed()
    assert tokens.everything == ["POST /oauth/token"]


def test_a_broker_that_is_not_there_is_unavailable(settings: Any) -> None:
    settings.BROKER_HOSTS = {("tastytrade", "sim"): {"token": "http://127.0.0.1:9/oauth/token"}}
    with pytest.raises(Unavailable):
        refreshed()


def test_a_slow_broker_is_given_up(tokens: TokenServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oauth, "READ_SECONDS", 0.2)
    tokens.script = [Told(seconds=1.0)]
    with pytest.raises(Unavailable):
        refreshed()


def test_a_throttled_refresh_says_when_to_come_back(tokens: TokenServer) -> None:
    tokens.script = [Told(b"", 429, {"Retry-After": "17"})]
    with pytest.raises(RateLimited) as caught:
        refreshed()
    assert caught.value.retry_after == 17


def test_no_error_says_a_secret(tokens: TokenServer) -> None:
    told = {"error": "invalid_grant", "error_description": "the-refresh-token own-client-secret"}
    for status in (400, 500, 200):
        tokens.script = [Told(told, status)]
        with pytest.raises(BrokerError) as caught:
            refreshed()
        assert "secret" not in repr(caught.value).replace("its id or secret is", "")
        assert "the-refresh-token" not in repr(caught.value)
        assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (900, 900),
        ("900", 900),
        (899.9, 899),
        (1, 1),
        (0, 0),
        (-5, 0),
        (10**12, oauth.LONGEST_LIFE),
        (10**400, oauth.LONGEST_LIFE),
        (-(10**400), 0),
        (float("inf"), oauth.LONGEST_LIFE),
        (float("nan"), oauth.UNSTATED_LIFE),
        (None, oauth.UNSTATED_LIFE),
        ("soon", oauth.UNSTATED_LIFE),
        (True, oauth.UNSTATED_LIFE),
        ([], oauth.UNSTATED_LIFE),
    ],
)
def test_a_lifetime_is_read_with_care(said: Any, seconds: int) -> None:
    assert oauth.lifetime(said) == seconds


def test_life_is_counted_from_before_the_request_went_out(tokens: TokenServer) -> None:
    tokens.script = [Told(seconds=0.3)]
    before = timezone.now()
    grant = refreshed()
    assert before <= grant.expires_at - timedelta(seconds=895) <= timezone.now() - timedelta(seconds=0.3)


def test_a_rotated_refresh_token_is_handed_on(tokens: TokenServer) -> None:
    assert refreshed().refresh_token is None
    tokens.script = [Told({"access_token": "next-access", "refresh_token": "next-refresh", "expires_in": 900})]
    rotated = refreshed().refresh_token
    assert rotated is not None
    assert rotated.reveal() == "next-refresh"


def test_what_does_not_exist_is_a_lookup_error() -> None:
    for context in (("nobody", "sim"), ("tastytrade", "moon")):
        with pytest.raises(LookupError):
            oauth.provider_for(*context)
