"""A person with a connection and an account, and the broker behind it."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from talking_broker import (
    AAPL,
    SPY_PUT,
    TalkingBroker,
    a_balance,
    a_holding,
    a_quote,
    a_short_put,
    add_account,
    connect,
)

from brokers.models import Account
from portfolio import holdings


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    cache.clear()
    holdings._flights.clear()
    yield
    cache.clear()


@pytest.fixture
def talking(monkeypatch: pytest.MonkeyPatch) -> TalkingBroker:
    """The broker behind every connection: two positions with quotes in the account 5WT00042. What it answered stays
    fresh for as long as a test may take."""
    monkeypatch.setattr(holdings, "FRESH_SECONDS", 60.0)
    monkeypatch.setattr(holdings, "PATIENCE_SECONDS", 30.0)
    broker = TalkingBroker(
        balances={"5WT00042": a_balance()},
        positions={"5WT00042": [a_holding(), a_short_put()]},
        quotes={
            AAPL: a_quote(AAPL, "191.29", "191.31", prev_close=Decimal("190.10")),
            SPY_PUT: a_quote(SPY_PUT, "0.80", "0.84"),
        },
    )
    monkeypatch.setattr(holdings, "broker_for", lambda connection: broker)
    return broker


@pytest.fixture
def trader(db: None) -> Any:
    return get_user_model().objects.create_user("trader")


@pytest.fixture
def stranger(db: None) -> Any:
    return get_user_model().objects.create_user("stranger")


@pytest.fixture
def account(trader: Any) -> Account:
    return add_account(connect(trader), nickname="Main", is_default=True)
