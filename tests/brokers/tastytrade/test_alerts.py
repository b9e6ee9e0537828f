"""The account streamer fed by strings."""

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokers.domain.accounts import Balance, Position
from brokers.domain.orders import BrokerStatus, OrderUpdate
from brokers.port import AccountChanged
from brokers.tastytrade.alerts import Alerts, Beat, Connected, Denied, Event, Fault

TODAY = date(2026, 11, 20)
Text = Callable[[str], str]


def receive(protocol: Alerts, message: object) -> list[Event]:
    return protocol.receive(message if isinstance(message, str) else json.dumps(message), TODAY)


def answer(status: str, action: str, **rest: Any) -> dict[str, Any]:
    return {"status": status, "action": action, "web-socket-session-id": "5b6e2799", **rest}


def test_requests_carry_the_token_with_its_word_and_a_growing_id() -> None:
    protocol = Alerts(["5WT00042", "5WT00043"])
    connect, beat = json.loads(protocol.connect("tok-1")), json.loads(protocol.heartbeat("tok-2"))
    assert connect == {
        "action": "connect",
        "value": ["5WT00042", "5WT00043"],
        "auth-token": "Bearer tok-1",
        "request-id": 1,
        "source": "blotter/0.1.0",
    }
    assert (beat["action"], beat["auth-token"], beat["request-id"]) == ("heartbeat", "Bearer tok-2", 2)


@pytest.mark.parametrize("request_id", [{"request-id": 1}, {"request-id": "1"}, {}])
def test_an_acknowledgement_is_known_by_its_id_or_its_action(request_id: dict[str, Any]) -> None:
    protocol = Alerts(["5WT00042"])
    protocol.connect("t")
    assert protocol.unanswered == 1
    assert receive(protocol, answer("ok", "connect", **request_id)) == [Connected()]
    assert protocol.unanswered == 0


def test_a_heartbeats_answer_is_told() -> None:
    protocol = Alerts(["5WT00042"])
    protocol.connect("t")
    protocol.heartbeat("t")
    assert receive(protocol, answer("ok", "heartbeat", **{"request-id": 2})) == [Beat()]
    assert protocol.unanswered == 1


@pytest.mark.parametrize("words", ["Unknown domain", "failed", "value missing or not valid"])
def test_an_error_is_a_denial(words: str) -> None:
    protocol = Alerts(["5WT00042"])
    protocol.connect("t")
    assert receive(protocol, answer("error", "connect", message=words, **{"request-id": 1})) == [
        Denied("connect", words)
    ]


def test_an_order_message_becomes_an_update(payload_text: Text) -> None:
    (update,) = receive(Alerts(["5WT00042"]), payload_text("E-STREAM-ORDER"))
    assert isinstance(update, OrderUpdate)
    assert (update.broker_order_id, update.status, update.version) == ("1075310", BrokerStatus.FILLED, 1795186800750)
    assert update.fills[0].price == Decimal("191.31")


def test_balances_and_positions_become_changes_with_their_values(payload_text: Text) -> None:
    protocol = Alerts(["5WT00042"])
    balance = json.loads(payload_text("E-BALANCE"))["data"]
    positions = json.loads(payload_text("E-POSITIONS"))["data"]["items"]
    (change,) = receive(protocol, {"type": "AccountBalance", "data": balance, "timestamp": 1})
    assert isinstance(change, AccountChanged)
    assert (change.account_number, change.what) == ("5WT00042", "balance")
    assert isinstance(change.values[0], Balance)
    flat = {**positions[0], "quantity": 0, "quantity-direction": "Zero"}
    (change,) = receive(protocol, {"type": "CurrentPosition", "data": flat, "timestamp": 1})
    assert isinstance(change, AccountChanged)
    assert isinstance(change.values[0], Position)
    assert change.values[0].quantity == 0


def test_a_batch_is_read_member_by_member(payload_text: Text) -> None:
    order = json.loads(payload_text("E-STREAM-ORDER"))
    batch = {"results": [order, {"type": "TradingStatus", "data": {}}, order]}
    assert len(receive(Alerts(["5WT00042"]), batch)) == 2


def test_types_that_we_do_not_know_are_passed_over() -> None:
    assert receive(Alerts(["1"]), {"type": "OrderChain", "data": {}, "timestamp": 1}) == []


def test_an_order_that_cannot_be_read_asks_for_the_listing(payload_text: Text) -> None:
    order = json.loads(payload_text("E-STREAM-ORDER"))
    order["data"]["status"] = "Levitating"
    fault, change = receive(Alerts(["5WT00042"]), order)
    assert isinstance(fault, Fault)
    assert "Levitating" not in fault.text
    assert change == AccountChanged("5WT00042", "orders")


KEYS = ["type", "data", "status", "action", "results", "request-id"]


@settings(deadline=None)
@given(st.text() | st.dictionaries(st.sampled_from(KEYS), st.text() | st.lists(st.integers()) | st.integers()))
def test_no_frame_can_crash_the_protocol(frame: object) -> None:
    receive(Alerts(["1"]), frame)
