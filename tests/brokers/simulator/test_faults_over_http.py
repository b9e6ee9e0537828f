"""Faults as a client on a real connection meets them."""

import pytest
import requests
from simulator_server import USER_AGENT, SimulatorServer, equity_order


@pytest.fixture
def desk(sim: SimulatorServer) -> tuple[requests.Session, str]:
    grant = sim.grant()
    return sim.session(grant), f"{sim.api}/accounts/{grant.accounts[0]}/orders"


def order_count(desk: tuple[requests.Session, str]) -> int:
    session, url = desk
    return int(session.get(url).json()["pagination"]["total-items"])


def test_a_dropped_answer_leaves_the_order_in_place(sim: SimulatorServer, desk: tuple[requests.Session, str]) -> None:
    session, url = desk
    before = order_count(desk)
    sim.faults({"name": "lost", "effect": "drop_answer", "method": "POST", "path": "*/orders", "times": 1})
    with pytest.raises(requests.ConnectionError):
        session.post(url, json=equity_order(price="1.00", **{"external-identifier": "ref-1"}))
    assert order_count(desk) == before + 1
    [entry] = sim.ledger()
    assert (entry["external_identifier"], entry["fault"], entry["status"]) == ("ref-1", "lost", None)
    assert entry["made_order"]
    assert session.get(f"{url}/{entry['order_id']}").json()["data"]["external-identifier"] == "ref-1"


def test_a_drop_before_acting_leaves_nothing(sim: SimulatorServer, desk: tuple[requests.Session, str]) -> None:
    session, url = desk
    before = order_count(desk)
    sim.faults({"effect": "drop_answer", "when": "before", "method": "POST", "times": 1})
    with pytest.raises(requests.ConnectionError):
        session.post(url, json=equity_order(price="1.00"))
    assert order_count(desk) == before
    assert [(entry["order_id"], entry["status"]) for entry in sim.ledger()] == [(None, None)]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("body", ["json", "html", "garbage", "empty"])
def test_an_error_before_or_after_acting(
    sim: SimulatorServer, desk: tuple[requests.Session, str], when: str, body: str
) -> None:
    session, url = desk
    before = order_count(desk)
    sim.faults({"effect": "status", "status": 502, "body": body, "when": when, "method": "POST", "times": 1})
    answer = session.post(url, json=equity_order(price="1.00"))
    assert answer.status_code == 502
    assert order_count(desk) == before + (when == "after")
    assert session.post(url, json=equity_order(price="1.00")).status_code == 201


def test_a_cut_body_ends_the_connection_in_mid_answer(sim: SimulatorServer, desk: tuple[requests.Session, str]) -> None:
    session, url = desk
    sim.faults({"effect": "cut_body", "path": "*/orders/live"})
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        session.get(f"{url}/live")


def test_throttling_is_bare_or_says_when(sim: SimulatorServer, desk: tuple[requests.Session, str]) -> None:
    session, url = desk
    sim.faults({"effect": "throttle"})
    answer = session.get(url)
    assert (answer.status_code, answer.text, answer.headers.get("retry-after")) == (429, "", None)
    sim.faults({"effect": "throttle", "retry_after": 7})
    assert session.get(url).headers["retry-after"] == "7"


def test_latency_holds_the_answer_back(sim: SimulatorServer, desk: tuple[requests.Session, str]) -> None:
    session, url = desk
    sim.faults({"effect": "latency", "seconds": 0.4})
    assert session.get(url).elapsed.total_seconds() >= 0.4


def test_html_and_garbage_come_in_place_of_json(sim: SimulatorServer, desk: tuple[requests.Session, str]) -> None:
    session, url = desk
    sim.faults({"effect": "html_for_json", "times": 1}, {"effect": "garbage_json", "after": 1})
    assert "502 Bad Gateway" in session.get(url).text
    answer = session.get(url)
    assert answer.status_code == 200
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_token_refusals_tell_a_bad_minute_from_a_dead_grant(sim: SimulatorServer) -> None:
    grant = sim.grant()
    body = {"grant_type": "refresh_token", "refresh_token": grant.refresh_token}
    body |= {"client_secret": grant.client.client_secret}
    for effect, code in (("token_transient", "invalid_request"), ("token_dead", "invalid_grant")):
        sim.faults({"effect": effect}, clear=True)
        answer = requests.post(f"{sim.api}/oauth/token", json=body, headers={"User-Agent": USER_AGENT}, timeout=30)
        assert (answer.status_code, answer.json()["error_code"]) == (400, code)
    sim.clear_faults()
    assert sim.token(grant)


def test_a_fault_for_one_symbol_spares_the_others(sim: SimulatorServer, desk: tuple[requests.Session, str]) -> None:
    session, url = desk
    sim.faults({"effect": "status", "symbol": "TSLA"})
    assert session.post(url, json=equity_order("TSLA", price="1.00")).status_code == 503
    assert session.post(url, json=equity_order("AAPL", price="1.00")).status_code == 201


def test_the_ledger_tells_two_equal_bodies_by_their_digest(
    sim: SimulatorServer, desk: tuple[requests.Session, str]
) -> None:
    session, url = desk
    body = equity_order(price="1.00")
    for each in (body, dict(reversed(body.items())), body | {"price": "1.01"}):
        assert session.post(url, json=each).status_code == 201
    one, two, three = sim.ledger()
    assert one["digest"] == two["digest"] != three["digest"]
    assert one["order_id"] != two["order_id"]
    assert sim.ledger(since=two["number"]) == [three]


def test_a_bad_fault_is_refused_in_words(sim: SimulatorServer) -> None:
    answer = requests.post(f"{sim.url}/control/faults", json={"faults": [{"effect": "explode"}]}, timeout=30)
    assert answer.status_code == 400
    assert "effect must be one of" in answer.json()["error"]
