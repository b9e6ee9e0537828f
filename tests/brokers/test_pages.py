"""The connection pages in a browser's shoes, and twenty ways to abuse the way back from a broker."""

import re
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
import requests
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from simulator_server import SimulatorServer
from token_server import TokenServer, Told

from brokers.models import Account, ConnectAttempt, Connection

Connect = Callable[..., Connection]
START = "/connect/tastytrade/sim/start"
CALLBACK = "/connect/tastytrade/sim/callback"
CODE = "canary-code-0123456789"


def start(client: Client, path: str = START, **data: str) -> str:
    """Press "connect"; the state that the broker is given."""
    answer = client.post(path, data)
    assert answer.status_code == 302, answer.content
    return parse_qs(urlsplit(answer["Location"]).query)["state"][0]


def come_back(client: Client, query: object, path: str = CALLBACK) -> Any:
    text = query if isinstance(query, str) else urlencode(query)  # type: ignore[arg-type]
    return client.get(f"{path}?{text}")


def words(answer: Any) -> str:
    text: str = answer.content.decode()
    return text


# Connecting


def test_connecting_by_redirect_ends_with_a_connection_and_its_accounts(
    tokens: TokenServer, browser: Client, person: User
) -> None:
    answer = come_back(browser, {"code": CODE, "state": start(browser)})
    assert (answer.status_code, answer["Location"]) == (302, "/connections/")
    connection = Connection.objects.of(person).get()
    assert connection.grant_kind == "redirect"
    assert connection.scopes == "read trade openid"
    assert connection.accounts.count() == 2
    page = words(browser.get("/connections/"))
    assert "5WT00042" in page
    assert "place, replace and cancel orders" in page


def test_the_exchange_uses_the_verifier_of_the_challenge_that_was_sent(tokens: TokenServer, browser: Client) -> None:
    import hashlib
    from base64 import urlsafe_b64encode

    sent = parse_qs(urlsplit(browser.post(START)["Location"]).query)
    come_back(browser, {"code": CODE, "state": sent["state"][0]})
    verifier = tokens.asked[0].fields["code_verifier"].encode()
    challenge = urlsafe_b64encode(hashlib.sha256(verifier).digest()).rstrip(b"=").decode()
    assert sent["code_challenge"] == [challenge]


def test_the_state_is_stored_only_as_a_hash_and_is_long(tokens: TokenServer, browser: Client) -> None:
    state = start(browser)
    assert len(state) >= 43
    attempt = ConnectAttempt.objects.get()
    assert state not in repr(vars(attempt))


def test_reconnecting_keeps_the_connections_id(tokens: TokenServer, browser: Client, connection: Connection) -> None:
    Connection.objects.update(state="needs_sign_in")
    state = start(browser, reconnect=str(connection.pk))
    assert come_back(browser, {"code": CODE, "state": state}).status_code == 302
    again = Connection.objects.get()
    assert (again.pk, again.state, again.grant_kind) == (connection.pk, "connected", "redirect")
    assert again.sealed_client_secret is None


def test_reconnecting_with_somebody_elses_accounts_is_refused(
    tokens: TokenServer, browser: Client, connection: Connection
) -> None:
    before = bytes(connection.sealed_refresh_token or b"")
    tokens.accounts = ["5WT00077"]
    answer = come_back(browser, {"code": CODE, "state": start(browser, reconnect=str(connection.pk))})
    assert answer.status_code == 400
    assert "other accounts" in words(answer)
    assert bytes(Connection.objects.get().sealed_refresh_token or b"") == before


def test_a_page_may_post_to_the_brokers_sign_in_and_to_no_other_place(tokens: TokenServer, browser: Client) -> None:
    def form_action(path: str) -> list[str]:
        policy = browser.get(path)["Content-Security-Policy"]
        return next(part.split()[1:] for part in policy.split("; ") if part.startswith("form-action"))

    assert form_action("/connections/new") == ["'self'", tokens.url]
    assert form_action("/connections/") == ["'self'", tokens.url]
    assert form_action("/connect/tastytrade/sim/personal") == ["'self'"]


def test_the_chooser_says_what_is_missing_where_no_client_is_set_up(
    tokens: TokenServer, browser: Client, settings: Any
) -> None:
    settings.BROKER_CLIENTS = {("tastytrade", "sim"): {"client_id": "x", "client_secret": "y"}}
    page = words(browser.get("/connections/new"))
    assert "TASTYTRADE_CLIENT_ID" in page
    assert "http://localhost:8000/connect/tastytrade/live/callback" in page
    assert "Sign in at tastytrade SIM" in page
    assert "Sign in at tastytrade LIVE" not in page
    answer = browser.post("/connect/tastytrade/live/start")
    assert (answer.status_code, answer["Location"]) == (302, "/connections/new")
    assert not ConnectAttempt.objects.exists()


# Twenty attacks on the way back (and two more)


class Scene:
    """A browser in the middle of connecting; ``state`` is good."""

    def __init__(self, client: Client, person: User, stranger: User, tokens: TokenServer) -> None:
        self.client, self.person, self.stranger, self.tokens = client, person, stranger, tokens
        self.state = start(client)

    def good(self) -> dict[str, str]:
        return {"code": CODE, "state": self.state}


def another_browser(scene: Scene, user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def without_a_state(scene: Scene) -> Any:
    return come_back(scene.client, {"code": CODE})


def with_an_empty_state(scene: Scene) -> Any:
    return come_back(scene.client, {"code": CODE, "state": ""})


def with_a_made_up_state(scene: Scene) -> Any:
    return come_back(scene.client, {"code": CODE, "state": "A" * 43})


def with_an_old_state(scene: Scene) -> Any:
    ConnectAttempt.objects.update(created_at=timezone.now() - timedelta(minutes=11))
    return come_back(scene.client, scene.good())


def with_a_state_from_the_future(scene: Scene) -> Any:
    ConnectAttempt.objects.update(created_at=timezone.now() + timedelta(minutes=11))
    return come_back(scene.client, scene.good())


def with_a_reused_state(scene: Scene) -> Any:
    come_back(scene.client, {"error": "access_denied", "state": scene.state})
    return come_back(scene.client, scene.good())


def with_the_hash_as_state(scene: Scene) -> Any:
    return come_back(scene.client, {"code": CODE, "state": ConnectAttempt.objects.get().state_sha256})


def as_another_person(scene: Scene) -> Any:
    return come_back(another_browser(scene, scene.stranger), scene.good())


def in_another_session_of_the_same_person(scene: Scene) -> Any:
    return come_back(another_browser(scene, scene.person), scene.good())


def after_signing_in_anew(scene: Scene) -> Any:
    scene.client.logout()
    scene.client.force_login(scene.person)
    return come_back(scene.client, scene.good())


def signed_out(scene: Scene) -> Any:
    return come_back(Client(), scene.good())


def with_a_victims_browser_and_the_attackers_state(scene: Scene) -> Any:
    attacker = another_browser(scene, scene.stranger)
    return come_back(scene.client, {"code": "attackers-code", "state": start(attacker)})


def at_the_other_environments_address(scene: Scene) -> Any:
    return come_back(scene.client, scene.good(), "/connect/tastytrade/live/callback")


def after_the_state_was_shown_at_the_wrong_address(scene: Scene) -> Any:
    come_back(scene.client, scene.good(), "/connect/tastytrade/live/callback")
    return come_back(scene.client, scene.good())


def with_a_foreign_issuer(scene: Scene) -> Any:
    return come_back(scene.client, {**scene.good(), "iss": "https://evil.example"})


def with_two_states(scene: Scene) -> Any:
    return come_back(scene.client, [("code", CODE), ("state", scene.state), ("state", "x")])


def with_two_codes(scene: Scene) -> Any:
    return come_back(scene.client, [("code", CODE), ("code", "other"), ("state", scene.state)])


def with_an_error_and_a_code(scene: Scene) -> Any:
    return come_back(scene.client, {**scene.good(), "error": "access_denied"})


def with_neither_error_nor_code(scene: Scene) -> Any:
    return come_back(scene.client, {"state": scene.state})


def by_fragment(scene: Scene) -> Any:
    return come_back(scene.client, f"#code={CODE}&state={scene.state}")


def with_a_swapped_code(scene: Scene) -> Any:
    scene.tokens.always = Told({"error_code": "invalid_grant", "error_description": "Invalid authorization code"}, 400)
    return come_back(scene.client, {"code": "somebody-elses-code", "state": scene.state})


def with_an_enormous_code(scene: Scene) -> Any:
    return come_back(scene.client, {"code": "x" * 20_000, "state": scene.state})


def from_an_earlier_tab_after_both_were_used(scene: Scene) -> Any:
    second = start(scene.client)
    come_back(scene.client, {"state": second, "error": "access_denied"})
    come_back(scene.client, {"state": scene.state, "error": "access_denied"})
    return come_back(scene.client, scene.good())


ATTACKS = {
    without_a_state: "no_state",
    with_an_empty_state: "no_state",
    with_a_made_up_state: "unknown_state",
    with_an_old_state: "expired_state",
    with_a_state_from_the_future: "expired_state",
    with_a_reused_state: "used_state",
    with_the_hash_as_state: "unknown_state",
    as_another_person: "unknown_state",
    in_another_session_of_the_same_person: "other_session",
    after_signing_in_anew: "other_session",
    signed_out: "not_signed_in",
    with_a_victims_browser_and_the_attackers_state: "unknown_state",
    at_the_other_environments_address: "other_context",
    after_the_state_was_shown_at_the_wrong_address: "used_state",
    with_a_foreign_issuer: "wrong_issuer",
    with_two_states: "duplicate_parameters",
    with_two_codes: "duplicate_parameters",
    with_an_error_and_a_code: "error_and_code",
    with_neither_error_nor_code: "no_code",
    by_fragment: "no_state",
    with_a_swapped_code: "code_refused",
    with_an_enormous_code: "duplicate_parameters",
    from_an_earlier_tab_after_both_were_used: "used_state",
}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_an_abused_way_back_is_refused_on_a_page_of_its_own(
    attack: Callable[[Scene], Any], tokens: TokenServer, browser: Client, person: User, stranger: User
) -> None:
    answer = attack(Scene(browser, person, stranger, tokens))
    assert answer.status_code == 400
    assert ATTACKS[attack] in words(answer)
    assert "/callback" in words(answer)
    assert CODE not in words(answer)
    assert answer["Referrer-Policy"] == "no-referrer"
    assert "no-store" in answer["Cache-Control"]
    assert not Connection.objects.exists()
    assert not Account.objects.exists()
    if attack is not with_a_swapped_code:
        assert tokens.everything == []


def test_the_same_scene_without_an_attack_connects(
    tokens: TokenServer, browser: Client, person: User, stranger: User
) -> None:
    """The negative control: the scene that the attacks start from works."""
    scene = Scene(browser, person, stranger, tokens)
    assert come_back(browser, scene.good()).status_code == 302
    assert Connection.objects.count() == 1


GUARDED = [attack for attack, code in ATTACKS.items() if code in ("expired_state", "other_session", "other_context")]


@pytest.mark.parametrize("attack", GUARDED, ids=lambda attack: attack.__name__)
def test_without_its_guard_the_attack_succeeds(
    attack: Callable[[Scene], Any],
    tokens: TokenServer,
    browser: Client,
    person: User,
    stranger: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The sabotaged twin: the attacks are real, it is the check that stops them."""
    monkeypatch.setattr("brokers.connections.attempts._check", lambda *_: None)
    assert attack(Scene(browser, person, stranger, tokens)).status_code == 302
    assert Connection.objects.exists()


def test_the_brokers_own_issuer_is_taken(tokens: TokenServer, browser: Client) -> None:
    state = start(browser)
    assert come_back(browser, {"code": CODE, "state": state, "iss": tokens.url}).status_code == 302


def test_two_tabs_can_both_connect(tokens: TokenServer, browser: Client) -> None:
    states = [start(browser), start(browser)]
    assert [come_back(browser, {"code": CODE, "state": state}).status_code for state in states] == [302, 302]
    assert Connection.objects.count() == 1


@pytest.mark.parametrize("method", ["post", "put", "head"])
def test_only_a_get_comes_back(tokens: TokenServer, browser: Client, method: str) -> None:
    state = start(browser)
    answer = getattr(browser, method)(f"{CALLBACK}?code={CODE}&state={state}")
    assert answer.status_code == 405
    assert ConnectAttempt.objects.get().used_at is None


def test_a_persons_no_is_told_as_such(tokens: TokenServer, browser: Client) -> None:
    answer = come_back(browser, {"error": "access_denied", "state": start(browser)})
    assert answer.status_code == 400
    assert "You said no" in words(answer)


def test_a_brokers_error_shows_its_code_and_the_address_to_register_but_not_its_text(
    tokens: TokenServer, browser: Client
) -> None:
    query = {"error": "invalid_scope", "error_description": "Call +1 555 now", "state": start(browser)}
    page = words(come_back(browser, query))
    assert "invalid_scope" in page
    assert "http://localhost:8000/connect/tastytrade/sim/callback" in page
    assert "555" not in page
    page = words(come_back(browser, {"error": "<b>bad</b>", "state": start(browser)}))
    assert "bad</b>" not in page


@pytest.mark.parametrize(
    ("told", "code"),
    [
        (Told(b"<html>", 502), "unavailable"),
        (Told({"error": "invalid_client"}, 401), "client_refused"),
        (Told({"access_token": "x", "expires_in": 900}), "refused"),
    ],
)
def test_a_failed_exchange_stores_nothing(tokens: TokenServer, browser: Client, told: Told, code: str) -> None:
    tokens.script = [told]
    answer = come_back(browser, {"code": CODE, "state": start(browser)})
    assert answer.status_code == 400
    assert code in words(answer)
    assert not Connection.objects.exists()


def test_a_next_parameter_leads_nowhere(tokens: TokenServer, browser: Client) -> None:
    state = start(browser, next="https://evil.example/")
    answer = come_back(browser, {"code": CODE, "state": state, "next": "https://evil.example/"})
    assert answer["Location"] == "/connections/"


def test_unknown_brokers_and_environments_are_not_found(tokens: TokenServer, browser: Client) -> None:
    for path in ("/connect/nobody/sim/start", "/connect/tastytrade/moon/start"):
        assert browser.post(path).status_code == 404
    for path in ("/connect/nobody/sim/callback", "/connect/nobody/sim/personal"):
        assert browser.get(path).status_code == 404


def test_connecting_needs_the_forms_token(tokens: TokenServer, person: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(person)
    assert client.post(START).status_code == 403
    assert not ConnectAttempt.objects.exists()


# A personal grant


def test_a_personal_grant_is_connected_from_its_form(tokens: TokenServer, browser: Client, person: User) -> None:
    form = {"client_secret": "canary-own-secret", "refresh_token": "canary-own-refresh", "label": "Margin"}
    answer = browser.post("/connect/tastytrade/sim/personal", form)
    assert (answer.status_code, answer["Location"]) == (302, "/connections/")
    connection = Connection.objects.of(person).get()
    assert (connection.title, connection.grant_kind) == ("Margin", "personal")


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (Told({"error": "invalid_grant"}, 400), "does not accept this refresh token"),
        (Told({"error": "invalid_client"}, 400), "does not accept this client secret"),
        (Told(b"", 503), "did not answer"),
    ],
)
def test_a_personal_grant_that_does_not_work_is_told_and_never_echoed(
    tokens: TokenServer, browser: Client, told: Told, said: str
) -> None:
    tokens.script = [told]
    form = {"client_secret": "canary-own-secret", "refresh_token": "canary-own-refresh", "label": "Margin"}
    answer = browser.post("/connect/tastytrade/sim/personal", form)
    assert answer.status_code == 400
    assert said in words(answer)
    assert "canary" not in words(answer)
    assert "Margin" in words(answer)
    assert not Connection.objects.exists()


def test_a_torn_secret_is_refused_before_the_broker_is_asked(tokens: TokenServer, browser: Client) -> None:
    form = {"client_secret": "canary own secret", "refresh_token": "short"}
    answer = browser.post("/connect/tastytrade/sim/personal", form)
    assert answer.status_code == 400
    assert words(answer).count("paste it again") == 2
    assert "canary" not in words(answer)
    assert tokens.asked == []


# The other pages


def test_test_says_in_words_how_it_went(tokens: TokenServer, browser: Client, connection: Connection) -> None:
    page = words(browser.post(f"/connections/{connection.pk}/test", follow=True))
    assert "works: the broker answered with 2 accounts" in page
    Connection.objects.update(state="needs_sign_in")
    page = words(browser.post(f"/connections/{connection.pk}/test", follow=True))
    assert "Connect it again" in page


def test_disconnect_asks_first_and_then_erases(browser: Client, connection: Connection) -> None:
    path = f"/connections/{connection.pk}/disconnect"
    page = words(browser.get(path))
    assert "stay working there" in page
    assert "OAuth Applications" in page
    assert Connection.objects.get().state == "connected"
    assert browser.post(path).status_code == 302
    assert Connection.objects.get().sealed_refresh_token is None
    assert browser.get(path).status_code == 404
    assert "5WT00042" not in words(browser.get("/connections/"))


def test_the_default_account_is_chosen_and_there_is_one(browser: Client, person: User, connection: Connection) -> None:
    other = connection.accounts.get(is_default=False)
    browser.post(f"/connections/{connection.pk}/accounts/{other.pk}/default")
    assert Account.objects.of(person).get(is_default=True) == other
    Account.objects.filter(pk=other.pk).update(is_closed=True)
    assert browser.post(f"/connections/{connection.pk}/accounts/{other.pk}/default").status_code == 404


def test_trouble_is_shown_in_words(browser: Client, connection: Connection) -> None:
    said = "tastytrade SIM did not answer the sign-in request (status 502)."
    Connection.objects.update(fail_count=2, last_error=said, last_error_at=timezone.now())
    page = words(browser.get("/connections/"))
    assert said in page
    assert "renewal failing" in page


def test_with_nothing_connected_there_is_one_sentence_and_one_button(browser: Client) -> None:
    page = words(browser.get("/connections/"))
    assert "Nothing is connected yet" in page


OWN_PATHS = [
    ("get", "/connections/{c}/disconnect"),
    ("post", "/connections/{c}/disconnect"),
    ("post", "/connections/{c}/test"),
    ("post", "/connections/{c}/accounts/{a}/default"),
]


@pytest.mark.parametrize(("method", "path"), OWN_PATHS)
def test_a_stranger_finds_nothing_like_when_there_is_nothing(
    tokens: TokenServer, stranger: User, connection: Connection, method: str, path: str
) -> None:
    client = Client()
    client.force_login(stranger)
    account = connection.accounts.earliest("number")
    foreign = getattr(client, method)(path.format(c=connection.pk, a=account.pk))
    missing = getattr(client, method)(path.format(c=uuid.uuid4(), a=uuid.uuid4()))
    assert foreign.status_code == missing.status_code == 404
    assert Connection.objects.get().state == "connected"
    assert tokens.everything == []


def test_a_stranger_cannot_reconnect_or_see_a_connection(
    tokens: TokenServer, stranger: User, connection: Connection
) -> None:
    client = Client()
    client.force_login(stranger)
    assert client.post(START, {"reconnect": str(connection.pk)}).status_code == 404
    assert client.post(START, {"reconnect": "nonsense"}).status_code == 404
    assert "5WT00042" not in words(client.get("/connections/"))


def test_a_default_is_only_chosen_through_its_own_connection(person: User, browser: Client, connect: Connect) -> None:
    first, second = connect(person), connect(person, "sim", ["5WT00001"])
    account = second.accounts.get()
    assert browser.post(f"/connections/{first.pk}/accounts/{account.pk}/default").status_code == 404


@pytest.mark.parametrize(
    ("method", "path"), [("get", "/connections/"), ("get", "/connections/new"), ("post", START), *OWN_PATHS]
)
def test_signed_out_everything_leads_to_the_sign_in(db: None, method: str, path: str) -> None:
    answer = getattr(Client(), method)(path.format(c=uuid.uuid4(), a=uuid.uuid4()))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


# The whole way, through the simulator's own pages


@pytest.fixture
def sim(settings: Any) -> Iterator[SimulatorServer]:
    with SimulatorServer() as server:
        made = server.add_client("http://localhost:8000" + CALLBACK)
        hosts = {"api": server.api, "authorize": f"{server.api}/auth.html", "token": f"{server.api}/oauth/token"}
        settings.BROKER_HOSTS = {("tastytrade", "sim"): hosts}
        settings.BROKER_CLIENTS = {("tastytrade", "sim"): vars(made)}
        yield server


def click_through(sim: SimulatorServer, url: str, decision: str) -> str:
    """Sign in at the simulated broker and decide; the query it sends back."""
    name, password = next(iter(sim.inside(lambda world: world.passwords()).items()))
    page = requests.post(url, data={"step": "sign-in", "user": name, "password": password}, timeout=30).text
    found = re.search(r'name="ticket" value="([^"]+)"', page)
    assert found
    form = {"step": "consent", "ticket": found[1], "decision": decision}
    answer = requests.post(url, data=form, timeout=30, allow_redirects=False)
    back = urlsplit(answer.headers["Location"])
    assert back.path == CALLBACK
    return back.query


def test_a_person_can_click_through_the_simulated_broker(sim: SimulatorServer, browser: Client, person: User) -> None:
    url = browser.post(START)["Location"]
    query = click_through(sim, url, "allow")
    answer = come_back(browser, query)
    assert answer.status_code == 302
    assert Account.objects.of(person).filter(is_default=True).count() == 1
    connection = Connection.objects.of(person).get()
    assert browser.post(f"/connections/{connection.pk}/test").status_code == 302
    assert come_back(browser, query).status_code == 400


def test_saying_no_at_the_simulated_broker_connects_nothing(sim: SimulatorServer, browser: Client) -> None:
    answer = come_back(browser, click_through(sim, browser.post(START)["Location"], "deny"))
    assert answer.status_code == 400
    assert "You said no" in words(answer)


def test_another_sign_ins_code_is_worthless_without_its_verifier(
    sim: SimulatorServer, browser: Client, stranger: User
) -> None:
    """A stolen code under a state of one's own: the broker asks for the verifier of the sign-in it belongs to."""
    other = Client()
    other.force_login(stranger)
    stolen = dict(parse_qsl(click_through(sim, other.post(START)["Location"], "allow")))["code"]
    answer = come_back(browser, {"code": stolen, "state": start(browser)})
    assert answer.status_code == 400
    assert "code_refused" in words(answer)
    assert not Connection.objects.exists()
