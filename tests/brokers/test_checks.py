"""What the system checks say about wrong settings."""

from typing import Any

import pytest

from brokers.checks import check_brokers
from brokers.vault import fresh_key

SIM, LIVE = ("tastytrade", "sim"), ("tastytrade", "live")
TS_SIM, TS_LIVE = ("tradestation", "sim"), ("tradestation", "live")
SIGN_IN = "https://sign-in.example"
ELSEWHERE = "http://broker.example.org"


def found(**_: Any) -> set[str]:
    return {str(message.id) for message in check_brokers(None)}


def test_the_tests_own_settings_are_right() -> None:
    assert found() == set()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"TOKEN_KEYS": ["nonsense"]}, "brokers.E001"),
        ({"TOKEN_KEYS": [fresh_key(), "k1:short"]}, "brokers.E001"),
        ({"BASE_URL": "http://desk.example.org", "ALLOWED_HOSTS": ["desk.example.org"]}, "brokers.E002"),
        ({"ALLOWED_HOSTS": ["other.example.org"]}, "brokers.W001"),
        ({"BROKER_CLIENTS": {LIVE: {"client_id": "x", "client_secret": ""}}}, "brokers.E003"),
        ({"BROKER_CLIENTS": {LIVE: {"client_id": "", "client_secret": "x"}}}, "brokers.E003"),
        ({"BROKER_HOSTS": {LIVE: {"api": "api.tastyworks.com"}}}, "brokers.E004"),
        ({"BROKER_HOSTS": {LIVE: {"token": ELSEWHERE}}}, "brokers.E005"),
        ({"LOCAL": False, "BROKER_HOSTS": {SIM: {"streamer": "ws://broker.example.org"}}}, "brokers.E005"),
        ({"BROKER_HOSTS": {SIM: {"api": "https://a.example"}, LIVE: {"api": "https://a.example"}}}, "brokers.E006"),
        (
            {"BROKER_HOSTS": {TS_SIM: {"api": "https://a.example"}, TS_LIVE: {"api": "https://a.example"}}},
            "brokers.E006",
        ),
        ({"BROKER_HOSTS": {TS_SIM: {"api": "https://API.tradestation.com/v3/"}}}, "brokers.E006"),
        ({"BROKER_HOSTS": {SIM: {"token": "https://t.example"}, LIVE: {"token": "https://t.example"}}}, "brokers.E006"),
    ],
)
def test_each_mistake_is_named(settings: Any, values: dict[str, Any], expected: str) -> None:
    for name, value in values.items():
        setattr(settings, name, value)
    assert found() == {expected}


@pytest.mark.parametrize(
    "values",
    [
        {"BROKER_HOSTS": {LIVE: {"api": "http://127.0.0.1:8001"}}},
        {"BROKER_HOSTS": {SIM: {"api": ELSEWHERE}}},
        {"BROKER_HOSTS": {SIM: {"streamer": "ws://localhost:8001"}}},
        {"BROKER_HOSTS": {LIVE: {"streamer": "wss://broker.example.org"}}},
        {"BASE_URL": "https://localhost"},
        # One sign-in host for both worlds is how TradeStation itself has it.
        {"BROKER_HOSTS": {TS_SIM: {"token": SIGN_IN}, TS_LIVE: {"token": SIGN_IN}}},
    ],
)
def test_what_is_safe_is_left_in_peace(settings: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(settings, name, value)
    assert found() == set()
