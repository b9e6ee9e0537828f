"""The account streamer's protocol, fed with texts."""

import json
from typing import Any

from brokers.simulator.authority import Caller
from brokers.simulator.tastytrade.streamer import HEARTBEAT_PATIENCE, AlertSession

ADA = Caller("ada", "client", "tastytrade", frozenset({"read"}), "g")
TOKEN = "Bearer good"


def session(**options: Any) -> AlertSession:
    callers = {"good": ADA}
    return AlertSession("5b6e2799", callers.get, {"ada": ["5WT00042", "5WT00043"]}.__getitem__, 0.0, **options)


def ask(given: AlertSession, **message: Any) -> dict[str, Any]:
    body = {name.replace("_", "-"): value for name, value in {"auth_token": TOKEN, **message}.items()}
    answer: dict[str, Any] = json.loads(given.receive(json.dumps(body), 1.0))
    return answer


def test_connect_is_acknowledged_with_its_request_id() -> None:
    given = session()
    assert ask(given, action="connect", value=["5WT00042"], request_id=1) == {
        "status": "ok",
        "action": "connect",
        "web-socket-session-id": "5b6e2799",
        "value": ["5WT00042"],
        "request-id": 1,
    }
    assert given.wants("5WT00042")
    assert not given.wants("5WT00043")


def test_the_acknowledgement_may_lack_the_accounts() -> None:
    assert "value" not in ask(session(shows_value=False), action="connect", value=["5WT00042"])


def test_one_account_may_be_named_without_a_list() -> None:
    given = session()
    assert ask(given, action="connect", value="5WT00043")["status"] == "ok"
    assert given.wants("5WT00043")


def test_a_token_without_bearer_is_an_unknown_domain_while_heartbeats_go_on() -> None:
    given = session()
    answer = ask(given, action="connect", value=["5WT00042"], auth_token="good", request_id=9)
    assert (answer["status"], answer["message"], answer["request-id"]) == ("error", "Unknown domain", 9)
    assert ask(given, action="heartbeat", auth_token="good", request_id=10)["status"] == "ok"
    assert not given.wants("5WT00042")


def test_connect_needs_accounts() -> None:
    for message in ({"value": []}, {}, {"value": [7]}):
        assert ask(session(), action="connect", **message)["message"] == "value missing or not valid"


def test_a_foreign_account_or_a_dead_token_fails() -> None:
    assert ask(session(), action="connect", value=["5WT00042", "OTHER"])["message"] == "failed"
    assert ask(session(), action="connect", value=["5WT00042"], auth_token="Bearer old")["message"] == "failed"


def test_other_subscriptions_come_after_connect() -> None:
    given = session()
    assert ask(given, action="quote-alerts-subscribe")["message"] == "connect-not-completed"
    ask(given, action="connect", value=["5WT00042"])
    assert ask(given, action="quote-alerts-subscribe", request_id=3)["status"] == "ok"


def test_an_unknown_action_is_not_implemented() -> None:
    assert ask(session(), action="dance", request_id=4)["message"] == "not-implemented"


def test_a_client_without_heartbeats_is_lost() -> None:
    given = session()
    ask(given, action="heartbeat")
    assert not given.is_lost(1 + HEARTBEAT_PATIENCE)
    assert given.is_lost(2 + HEARTBEAT_PATIENCE)


def test_one_who_never_beats_is_borne_with_once_connected() -> None:
    given = session()
    assert given.is_lost(1 + HEARTBEAT_PATIENCE), "who says nothing at all is let go"
    ask(given, action="connect", value=["5WT00042"])
    assert not given.is_lost(10 * HEARTBEAT_PATIENCE)


def test_beats_without_a_valid_token_keep_a_connection_only_for_a_while() -> None:
    given = session()
    ask(given, action="connect", value=["5WT00042"])
    for second in range(2, 200):
        stale = {"action": "heartbeat", "auth-token": "Bearer old", "request-id": second}
        assert json.loads(given.receive(json.dumps(stale), float(second)))["status"] == "ok"
        assert given.is_lost(float(second)) == (second > 1 + HEARTBEAT_PATIENCE)


def test_the_request_id_comes_back_as_it_was_sent() -> None:
    given = session()
    for number in (7, "7", "a-b", 1.5):
        assert ask(given, action="heartbeat", request_id=number)["request-id"] == number
        assert ask(given, action="dance", request_id=number)["request-id"] == number
    assert "request-id" not in ask(given, action="heartbeat")


def test_topics_are_followed_by_those_who_asked() -> None:
    given = session(user_id_of=lambda user: f"U-{user}")
    ask(given, action="connect", value="5WT00042")
    ask(given, action="quote-alerts-subscribe")
    assert given.follows("quote-alerts-subscribe", "ada")
    assert not given.follows("quote-alerts-subscribe", "bob")
    assert not given.follows("public-watchlists-subscribe")
    assert ask(given, action="user-message-subscribe", value="U-bob")["message"] == "failed"
    assert ask(given, action="user-message-subscribe", value="U-ada")["status"] == "ok"


def test_what_is_not_json_is_answered() -> None:
    for text in ("hello", "[1]", "null", "[" * 100_000):
        assert json.loads(session().receive(text, 0.0))["status"] == "error"
