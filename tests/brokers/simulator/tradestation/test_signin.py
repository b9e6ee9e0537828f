"""TradeStation's sign-in host, as a browser and a program meet it."""

import base64
import hashlib
import re
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from joserfc import jwk, jwt
from simulator_server import SimClient, SimulatorServer
from tradestation_wire import TradeStation, check, example

BACK = "http://localhost:3000"
VERIFIER = "a-long-enough-verifier-0123456789-0123456789"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
SCOPE = "openid profile offline_access MarketData ReadAccount Trade OptionSpreads Matrix"


class Person:
    """Someone with a browser, who follows the pages by hand."""

    def __init__(self, sim: SimulatorServer, client: SimClient, **changed: str) -> None:
        self.sim, self.session = sim, requests.Session()
        query = {"client_id": client.client_id, "redirect_uri": BACK, "response_type": "code", "state": "s-1"}
        query |= {"audience": "https://api.tradestation.com", "scope": SCOPE, **changed}
        self.url = f"{sim.url}/tradestation/signin/authorize?{urlencode({k: v for k, v in query.items() if v})}"

    def open(self) -> requests.Response:
        return self.session.get(self.url, allow_redirects=False, timeout=30)

    def post(self, **form: str) -> requests.Response:
        return self.session.post(self.url, data=form, allow_redirects=False, timeout=30)

    def sign_in(self, user: str = "demo") -> requests.Response:
        return self.post(step="sign-in", user=user, password=self.sim.control("")["users"][user])

    def decide(self, decision: str, page: requests.Response | None = None) -> dict[str, str]:
        found = re.search(r'name="ticket" value="([^"]+)"', (page or self.sign_in()).text)
        assert found
        answer = self.post(step="consent", ticket=found[1], decision=decision)
        assert answer.status_code == 302
        return told(answer)


def told(answer: requests.Response) -> dict[str, str]:
    where = urlsplit(answer.headers["location"])
    assert f"{where.scheme}://{where.netloc}" == BACK
    return {key: values[0] for key, values in parse_qs(where.query).items()}


def registered(sim: SimulatorServer, **more: Any) -> SimClient:
    return SimClient(**sim.control("clients", {"broker": "tradestation", "redirect_uris": [BACK], **more}))


def token(sim: SimulatorServer, values: dict[str, str], path: str = "oauth/token", **how: Any) -> requests.Response:
    return requests.post(f"{sim.url}/tradestation/signin/{path}", timeout=30, **(how or {"data": values}))


def exchange(client: SimClient, code: str, **more: str) -> dict[str, str]:
    values = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
    return values | {"client_id": client.client_id, "client_secret": client.client_secret} | more


def refreshing(client: SimClient, refresh_token: str) -> dict[str, str]:
    values = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return values | {"client_id": client.client_id, "client_secret": client.client_secret}


def tokens_of(sim: SimulatorServer, client: SimClient, **changed: str) -> dict[str, Any]:
    code = Person(sim, client, **changed).decide("allow")["code"]
    answer = token(sim, exchange(client, code))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_person_signs_in_consents_and_the_code_becomes_tokens(sim: SimulatorServer) -> None:
    client = registered(sim, name="Blotter <b>")
    person = Person(sim, client)
    assert "SIMULATOR" in person.open().text
    consent = person.sign_in().text
    assert "Blotter &lt;b&gt;" in consent
    assert "place, change and cancel orders" in consent
    assert "SIM5000001M" in consent
    answer = Person(sim, client).decide("allow")
    assert answer["state"] == "s-1"
    tokens = token(sim, exchange(client, answer["code"])).json()
    check("A1-token", tokens)
    assert tokens["expires_in"] == 1200
    assert tokens["scope"] == SCOPE


def test_the_id_token_is_signed_with_the_published_key(sim: SimulatorServer) -> None:
    client = registered(sim)
    tokens = tokens_of(sim, client)
    config = requests.get(f"{sim.url}/tradestation/signin/.well-known/openid-configuration", timeout=30).json()
    keys = jwk.KeySet.import_key_set(requests.get(config["jwks_uri"], timeout=30).json())
    claims = jwt.decode(tokens["id_token"], keys, algorithms=["RS256"]).claims
    assert claims["iss"] == config["issuer"]
    assert claims["iss"].endswith("/")
    assert claims["aud"] == client.client_id
    assert claims["sub"] == "demo"
    half = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]
    assert claims["at_hash"] == base64.urlsafe_b64encode(half).rstrip(b"=").decode()
    assert {"name", "given_name", "family_name", "nickname", "picture", "updated_at"} <= claims.keys()
    assert "email" not in claims
    for name in ("authorization_endpoint", "token_endpoint", "userinfo_endpoint"):
        assert config[name].startswith(f"{sim.url}/tradestation/signin/")


def test_declining_sends_the_person_back_with_access_denied(sim: SimulatorServer) -> None:
    answer = Person(sim, registered(sim)).decide("deny")
    assert answer.keys() == {"error", "error_description", "state"}
    assert (answer["error"], answer["state"]) == ("access_denied", "s-1")


@pytest.mark.parametrize("changed", [{"client_id": "nobody"}, {"redirect_uri": "http://localhost:3001"}])
def test_a_wrong_client_or_address_gets_a_page_and_no_redirect(sim: SimulatorServer, changed: dict[str, str]) -> None:
    answer = Person(sim, registered(sim), **changed).open()
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/html")
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"audience": ""}, "access_denied"),
        ({"audience": "https://sim-api.tradestation.com"}, "access_denied"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": CHALLENGE, "code_challenge_method": "plain"}, "invalid_request"),
    ],
)
def test_other_mistakes_are_told_by_redirect(sim: SimulatorServer, changed: dict[str, str], error: str) -> None:
    answer = Person(sim, registered(sim), **changed).open()
    assert answer.status_code == 302
    assert told(answer)["error"] == error


def test_scopes_are_case_sensitive_and_unknown_ones_are_not_granted(sim: SimulatorServer) -> None:
    tokens = tokens_of(sim, registered(sim), scope="openid marketdata ReadAccount everything")
    assert tokens["scope"] == "openid ReadAccount"
    assert "refresh_token" not in tokens
    assert "id_token" in tokens


def test_a_browser_that_has_signed_in_is_asked_for_consent_only_unless_told_otherwise(sim: SimulatorServer) -> None:
    client = registered(sim)
    person = Person(sim, client)
    person.sign_in()
    again = person.open()
    assert 'name="password"' not in again.text
    assert "code" in person.decide("allow", again)
    forced = person.session.get(f"{person.url}&prompt=login", timeout=30)
    assert 'name="password"' in forced.text
    gone = person.session.get(
        f"{sim.url}/tradestation/signin/v2/logout?client_id={client.client_id}&returnTo={BACK}",
        allow_redirects=False,
        timeout=30,
    )
    assert (gone.status_code, gone.headers["location"]) == (302, BACK)
    assert 'name="password"' in person.open().text


def test_logging_out_sends_nobody_to_a_foreign_address(sim: SimulatorServer) -> None:
    url = f"{sim.url}/tradestation/signin/v2/logout?client_id={registered(sim).client_id}&returnTo=http://evil.example"
    assert requests.get(url, allow_redirects=False, timeout=30).status_code == 400


def test_the_verifier_must_fit_the_challenge(sim: SimulatorServer) -> None:
    client = registered(sim)
    asked = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    code = Person(sim, client, **asked).decide("allow")["code"]
    wrong = token(sim, exchange(client, code, code_verifier="x" * 43))
    assert (wrong.status_code, wrong.json()) == (403, example("A2-verifier-error"))
    assert token(sim, exchange(client, code, code_verifier=VERIFIER)).status_code == 200


def test_a_public_client_proves_itself_without_a_secret(sim: SimulatorServer) -> None:
    client = registered(sim, public=True)
    asked = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    code = Person(sim, client, **asked).decide("allow")["code"]
    values = exchange(client, code, code_verifier=VERIFIER)
    del values["client_secret"]
    assert token(sim, values).status_code == 200
    assert told(Person(sim, client).open())["error"] == "invalid_request"


def test_the_token_endpoint_refuses_as_documented(sim: SimulatorServer) -> None:
    client = registered(sim)
    code = Person(sim, client).decide("allow")["code"]
    good = exchange(client, code)
    cases: list[tuple[dict[str, str], int, Any]] = [
        (good | {"client_secret": "wrong"}, 401, example("A2-client-error")),
        (good | {"client_id": "nobody"}, 401, example("A2-client-error")),
        ({k: v for k, v in good.items() if k != "code"}, 400, example("A2-missing-error")),
        (good | {"code": "made-up"}, 403, example("A2-code-error")),
        (good | {"redirect_uri": "http://localhost"}, 403, example("A2-code-error")),
        (refreshing(client, "made-up"), 403, example("A2-token-error")),
    ]
    for values, status, body in cases:
        answer = token(sim, values)
        assert (answer.status_code, answer.json()) == (status, body)
    closed = token(sim, good | {"grant_type": "client_credentials"})
    assert (closed.status_code, closed.json()["error"]) == (403, "unauthorized_client")
    assert token(sim, good).status_code == 200
    again = token(sim, good)
    assert (again.status_code, again.json()) == (403, example("A2-code-error"))


def test_json_bodies_and_basic_credentials_work_as_well(sim: SimulatorServer) -> None:
    client = registered(sim)
    grant = tokens_of(sim, client)["refresh_token"]
    assert token(sim, {}, json=refreshing(client, grant)).status_code == 200
    values = {"grant_type": "refresh_token", "refresh_token": grant}
    assert token(sim, {}, data=values, auth=(client.client_id, client.client_secret)).status_code == 200


def test_a_refresh_gives_everything_but_another_refresh_token(sim: SimulatorServer) -> None:
    client = registered(sim)
    first = tokens_of(sim, client)
    for _ in range(2):
        answer = token(sim, refreshing(client, first["refresh_token"])).json()
        assert answer.keys() == first.keys() - {"refresh_token"}


def test_a_grant_of_another_key_is_unknown(sim: SimulatorServer) -> None:
    grant = tokens_of(sim, registered(sim))["refresh_token"]
    answer = token(sim, refreshing(registered(sim, name="Another"), grant))
    assert (answer.status_code, answer.json()) == (403, example("A2-token-error"))


def test_rotating_tokens_are_replaced_and_a_replayed_one_ends_the_family(sim: SimulatorServer) -> None:
    client = registered(sim, rotates=True)
    first = tokens_of(sim, client)["refresh_token"]
    second = token(sim, refreshing(client, first)).json()["refresh_token"]
    assert second != first
    third = token(sim, refreshing(client, second)).json()["refresh_token"]
    stolen = token(sim, refreshing(client, first))
    assert (stolen.status_code, stolen.json()) == (403, example("A2-token-error"))
    assert token(sim, refreshing(client, third)).status_code == 403


def test_rotation_can_be_switched_on_for_all_and_ends_after_a_day(sim: SimulatorServer) -> None:
    client = registered(sim)
    grant = tokens_of(sim, client)["refresh_token"]
    sim.faults(tradestation_rotation=True)
    grant = token(sim, refreshing(client, grant)).json()["refresh_token"]
    idle = token(sim, refreshing(client, grant)).json()["refresh_token"]
    sim.clock(jump=1801)
    assert token(sim, refreshing(client, idle)).status_code == 403
    grant = tokens_of(sim, client)["refresh_token"]
    for _ in range(49):
        answer = token(sim, refreshing(client, grant))
        assert answer.status_code == 200
        grant = answer.json()["refresh_token"]
        sim.clock(jump=1770)
    assert token(sim, refreshing(client, grant)).status_code == 403


def test_revoking_one_token_ends_all_of_the_key_and_leaves_access_tokens(sim: SimulatorServer) -> None:
    ts = TradeStation(sim)
    other = sim.control("grants", {"client_id": ts.client.client_id, "user": "other"})["refresh_token"]
    another = registered(sim, name="Another key")
    untouched = sim.control("grants", {"client_id": another.client_id, "user": "demo"})["refresh_token"]
    sent = {"client_id": ts.client.client_id, "client_secret": ts.client.client_secret, "token": ts.refresh_token}
    refused = token(sim, sent | {"client_secret": "wrong"}, "oauth/revoke")
    assert refused.status_code == 401
    done = token(sim, {}, "oauth/revoke", json=sent)
    assert (done.status_code, done.content) == (200, b"")
    for grant in (ts.refresh_token, other):
        assert token(sim, refreshing(ts.client, grant)).json() == example("A2-token-error")
    assert token(sim, refreshing(another, untouched)).status_code == 200
    ts.get("/brokerage/accounts")


def test_the_life_of_access_tokens_can_be_set(sim: SimulatorServer) -> None:
    sim.faults(tradestation_token_seconds=30)
    ts = TradeStation(sim)
    assert ts.refresh()["expires_in"] == 30
    ts.get("/brokerage/accounts")
    sim.clock(jump=31)
    answer = ts.get("/brokerage/accounts", 401)
    assert answer == {"Error": "Unauthorized", "Message": "Unauthorized"}


def test_userinfo_tells_what_the_scopes_allow(sim: SimulatorServer) -> None:
    ts = TradeStation(sim, scope="openid email")
    told = ts.session.get(f"{ts.signin}/userinfo", timeout=30).json()
    assert told == {"sub": "demo", "email": "demo@example.com", "email_verified": True}
    assert requests.get(f"{ts.signin}/userinfo", timeout=30).status_code == 401


def test_a_token_of_one_broker_opens_nothing_at_the_other(sim: SimulatorServer) -> None:
    foreign = sim.token(sim.grant())
    headers = {"Authorization": f"Bearer {foreign}"}
    answer = requests.get(f"{sim.url}/tradestation/v3/brokerage/accounts", headers=headers, timeout=30)
    assert answer.status_code == 401
    ts = TradeStation(sim)
    headers = {"Authorization": str(ts.session.headers["Authorization"]), "User-Agent": "x/1"}
    assert requests.get(f"{sim.api}/customers/me", headers=headers, timeout=30).status_code == 401


def test_faults_at_the_token_endpoint_look_like_this_brokers(sim: SimulatorServer) -> None:
    ts = TradeStation(sim)
    sim.faults({"effect": "token_dead"})
    answer = token(sim, refreshing(ts.client, ts.refresh_token))
    assert (answer.status_code, answer.json()) == (403, example("A2-token-error"))
    sim.faults({"effect": "throttle", "path": "*/oauth/token"}, clear=True)
    answer = token(sim, refreshing(ts.client, ts.refresh_token))
    assert (answer.status_code, answer.json()["error"]) == (429, "too_many_requests")
