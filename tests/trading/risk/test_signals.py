"""A program says when it made up its mind; what it decided too long ago is not sent."""

from datetime import datetime, timedelta, timezone

import pytest
from django.test import Client
from ledger_broker import LedgerBroker

from brokers.models import Account

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("age", "status"), [(None, 201), (5, 201), (59, 201), (61, 422), (3600, 422), (-3, 201), (-60, 422)]
)
def test_an_old_signal_is_denied(
    age: int | None, status: int, trader_client: Client, trading_account: Account, controlled_broker: LedgerBroker
) -> None:
    leg = {"symbol": "AAPL", "action": "buy_to_open", "quantity": "1"}
    document: dict[str, object] = {"account": str(trading_account.pk), "legs": [leg], "order_type": "limit"}
    document |= {"time_in_force": "day", "limit_price": "190.00", "price_effect": "debit"}
    if age is not None:
        document["signal_at"] = (datetime.now(timezone.utc) - timedelta(seconds=age)).isoformat()
    headers = {"Idempotency-Key": "k"}
    answer = trader_client.post("/api/v1/orders", document, content_type="application/json", headers=headers)
    assert answer.status_code == status, answer.content
    assert len(controlled_broker.ledger) == (status == 201)
    if status == 422:
        assert [found["code"] for found in answer.json()["findings"]] == ["SIGNAL_AGE"]


def test_a_signal_that_is_no_time_is_said_at_its_field(
    trader_client: Client, trading_account: Account, controlled_broker: LedgerBroker
) -> None:
    leg = {"symbol": "AAPL", "action": "buy_to_open", "quantity": "1"}
    document = {"account": str(trading_account.pk), "legs": [leg], "order_type": "market", "time_in_force": "day"}
    headers = {"Idempotency-Key": "k"}
    answer = trader_client.post(
        "/api/v1/orders", document | {"signal_at": "now"}, content_type="application/json", headers=headers
    )
    assert answer.status_code == 422
    assert "signal_at" in answer.json()["errors"]
