"""The authorize pages and the token endpoint, as a browser and a program meet them."""

import base64
import hashlib
import re
from collections.abc import Mapping
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from simulator_server import USER_AGENT, SimClient, SimulatorServer

BACK = "http://localhost:8000/connect/tastytrade/callback"
VERIFIER = "a-long-enough-verifier-0123456789-0123456789"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


class Person:
    """Someone with a browser who follows the pages by hand."""

    def __init__(self, sim: SimulatorServer, client: SimClient, **extra: str) -> None:
        self.sim = sim
        query = {"client_id": client.client_id, "redirect_uri": BACK, "response_type": "code"}
        query |= {"scope": "read trade openid", "state": "s-1", **extra}
        self.url = f"{sim.api}/auth.html?{urlencode({k: v for k, v in query.items() if v})}"

    def open(self) -> requests.Response:
        return requests.get(self.url, allow_redirects=False, timeout=30)

    def post(self, **form: str) -> requests.Response:
        return requests.post(self.url, data=form, allow_redirects=False, timeout=30)

    def sign_in(self, user: str = "demo") -> requests.Response:
        return self.post(step="sign-in", user=user, password=self.sim.control("")["users"][user])

    def decide(self, decision: str) -> dict[str, str]:
        """Sign in, press a button, and read what the client is told."""
        found = re.search(r'name="ticket" value="([^"]+)"', self.sign_in().text)
        assert found
        answer = self.post(step="consent", ticket=found[1], decision=decision)
        assert answer.status_code == 303
        return told(answer)


def told(answer: requests.Response) -> dict[str, str]:
    where = urlsplit(answer.headers["location"])
    assert f"{where.scheme}://{where.netloc}{where.path}" == BACK
    return {key: values[0] for key, values in parse_qs(where.query).items()}


def ask_token(sim: SimulatorServer, values: Mapping[str, str], *, form: bool = False) -> requests.Response:
    body = {"data": values} if form else {"json": values}
    return requests.post(f"{sim.api}/oauth/token", headers={"User-Agent": USER_AGENT}, timeout=30, **body)


def exchange(client: SimClient, code: str, **more: str) -> dict[str, str]:
    values = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
    return values | {"client_id": client.client_id, "client_secret": client.client_secret, **more}


@pytest.fixture
def client(sim: SimulatorServer) -> SimClient:
    return sim.add_client(BACK, name="Blotter <b>")


def test_a_person_signs_in_allows_and_the_code_becomes_tokens(sim: SimulatorServer, client: SimClient) -> None:
    person = Person(sim, client)
    assert "SIMULATOR" in person.open().text
    consent = person.sign_in().text
    assert "Blotter &lt;b&gt;" in consent
    assert "place, change and cancel orders" in consent
    assert all(number in consent for number in sim.grant("demo", client).accounts)
    answer = person.decide("allow")
    assert answer["state"] == "s-1"
    tokens = ask_token(sim, exchange(client, answer["code"])).json()
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 900
    assert tokens["scope"] == "read trade openid"
    assert {"access_token", "refresh_token", "id_token"} <= set(tokens)
    headers = {"User-Agent": USER_AGENT, "Authorization": f"Bearer {tokens['access_token']}"}
    assert requests.get(f"{sim.api}/customers/me", headers=headers, timeout=30).status_code == 200


def test_the_pages_stand_alone_and_cannot_be_framed(sim: SimulatorServer, client: SimClient) -> None:
    page = Person(sim, client).open()
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"
    assert not re.findall(r'(?:src|href)="', page.text)


def test_saying_no_sends_back_access_denied_with_the_state(sim: SimulatorServer, client: SimClient) -> None:
    answer = Person(sim, client).decide("deny")
    assert (answer["error"], answer["state"]) == ("access_denied", "s-1")
    assert "code" not in answer


def test_a_wrong_password_gets_the_form_again(sim: SimulatorServer, client: SimClient) -> None:
    answer = Person(sim, client).post(step="sign-in", user="demo", password="wrong")
    assert answer.status_code == 403
    assert "do not go together" in answer.text


def test_consent_without_a_sign_in_leads_to_the_sign_in(sim: SimulatorServer, client: SimClient) -> None:
    answer = Person(sim, client).post(step="consent", ticket="made.up.ticket", decision="allow")
    assert "Sign in" in answer.text
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    "extra",
    [
        {"client_id": "nobody"},
        {"redirect_uri": BACK + "/"},
        {"redirect_uri": "https://elsewhere.invalid/"},
        {"redirect_uri": ""},
    ],
)
def test_a_bad_client_or_address_is_told_in_words_and_never_redirected(
    sim: SimulatorServer, client: SimClient, extra: dict[str, str]
) -> None:
    answer = Person(sim, client, **extra).open()
    assert answer.status_code == 400
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("extra", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "read everything"}, "invalid_scope"),
        ({"code_challenge": "abc"}, "invalid_request"),
    ],
)
def test_other_mistakes_go_back_to_the_client(
    sim: SimulatorServer, client: SimClient, extra: dict[str, str], error: str
) -> None:
    answer = told(Person(sim, client, **extra).open())
    assert (answer["error"], answer["state"]) == (error, "s-1")


def test_a_code_is_good_once(sim: SimulatorServer, client: SimClient) -> None:
    code = Person(sim, client).decide("allow")["code"]
    assert ask_token(sim, exchange(client, code), form=True).status_code == 200
    again = ask_token(sim, exchange(client, code), form=True)
    assert (again.status_code, again.json()["error_code"]) == (400, "invalid_grant")


def test_a_code_with_a_challenge_wants_the_verifier(sim: SimulatorServer, client: SimClient) -> None:
    person = Person(sim, client, code_challenge=CHALLENGE, code_challenge_method="S256")
    code = person.decide("allow")["code"]
    assert ask_token(sim, exchange(client, code)).json()["error_code"] == "invalid_grant"
    assert ask_token(sim, exchange(client, code, code_verifier=VERIFIER)).status_code == 200


def test_a_refresh_answers_an_access_token_alone(sim: SimulatorServer) -> None:
    grant = sim.grant(scope="read trade")
    values = {"grant_type": "refresh_token", "refresh_token": grant.refresh_token}
    answer = ask_token(sim, values | {"client_secret": grant.client.client_secret})
    assert set(answer.json()) == {"access_token", "token_type", "expires_in"}
    narrow = ask_token(sim, values | {"client_secret": grant.client.client_secret, "scope": "read"})
    assert narrow.status_code == 200
    wide = ask_token(sim, values | {"client_secret": grant.client.client_secret, "scope": "read openid"})
    assert wide.json()["error_code"] == "invalid_scope"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"refresh_token": "wrong"}, 400, "invalid_grant"),
        ({"client_id": "somebody else"}, 400, "invalid_grant"),
        ({"client_secret": ""}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unauthorized_client"),
        ({"grant_type": "device"}, 400, "unsupported_grant_type"),
    ],
)
def test_bad_token_requests_say_why(sim: SimulatorServer, change: dict[str, str], status: int, code: str) -> None:
    grant = sim.grant()
    values = {"grant_type": "refresh_token", "refresh_token": grant.refresh_token}
    answer = ask_token(sim, values | {"client_secret": grant.client.client_secret} | change)
    assert (answer.status_code, answer.json()["error_code"]) == (status, code)


def test_the_other_shape_of_errors_is_a_switch(sim: SimulatorServer) -> None:
    sim.faults(oauth_error_shape="A")
    answer = ask_token(sim, {"grant_type": "refresh_token", "refresh_token": "x", "client_secret": "y"})
    assert answer.json() == {"error": "invalid_grant", "error_description": "Invalid JWT"}


def test_without_a_user_agent_the_gateway_answers_in_html(sim: SimulatorServer) -> None:
    answer = requests.post(f"{sim.api}/oauth/token", headers={"User-Agent": ""}, json={}, timeout=30)
    assert answer.status_code == 401
    assert answer.headers["content-type"].startswith("text/html")
    assert "nginx" in answer.text


def test_a_revoked_grant_is_dead_and_so_are_its_tokens(sim: SimulatorServer) -> None:
    grant = sim.grant()
    session = sim.session(grant)
    sim.revoke(grant)
    assert session.get(f"{sim.api}/customers/me").status_code == 401
    values = {"grant_type": "refresh_token", "refresh_token": grant.refresh_token}
    answer = ask_token(sim, values | {"client_secret": grant.client.client_secret})
    assert answer.json() == {"error_code": "invalid_grant", "error_description": "Grant has been revoked"}


def test_credentials_made_elsewhere_can_be_registered_again_and_again(sim: SimulatorServer) -> None:
    body = {"broker": "tastytrade", "redirect_uris": [BACK], "client_id": "desk", "client_secret": "s3cret"}
    assert sim.control("clients", body) == sim.control("clients", body)
    grant = sim.grant(client=SimClient("desk", "s3cret"))
    assert sim.token(grant)
