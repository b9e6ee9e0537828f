"""Ten requests with one key, all at once: who comes while the first still asks the broker is told what came of it."""

import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections as databases
from django.test import Client
from ledger_broker import LedgerBroker

from brokers.models import Account
from trading import orders
from trading.models import Order

pytestmark = pytest.mark.django_db(transaction=True)
MANY = 10


class Slow(LedgerBroker):
    """It takes its time: the answer is given when all the others have asked."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer = threading.Event()

    def place_order(self, *given: Any, **more: Any) -> Any:
        placed = super().place_order(*given, **more)
        assert self.may_answer.wait(60)
        return placed


def answers_to_many(client: Client, account: Account, broker: Slow, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What ten are told who ask at once; nine of them are there before the broker answers the first."""
    seen, asked = orders.place, threading.Semaphore(0)

    def placed(**given: Any) -> Any:
        answer = seen(**given)
        asked.release()
        return answer

    monkeypatch.setattr(orders, "place", placed)
    legs = [{"symbol": "AAPL", "action": "buy_to_open", "quantity": "10"}]
    body = {"account": str(account.pk), "legs": legs, "order_type": "limit", "time_in_force": "day"}
    text = json.dumps(body | {"limit_price": "190.00"})

    def one(_: int) -> Any:
        mine = Client()
        mine.cookies = client.cookies
        try:
            key = {"Idempotency-Key": "one"}
            return mine.post("/api/v1/orders", text, content_type="application/json", headers=key)
        finally:
            databases.close_all()

    with ThreadPoolExecutor(MANY) as pool:
        told = [pool.submit(one, number) for number in range(MANY)]
        for _ in range(MANY - 1):
            assert asked.acquire(timeout=60)
        broker.may_answer.set()
        return [each.result(60) for each in told]


@pytest.fixture
def slow(ledger_broker: LedgerBroker, monkeypatch: pytest.MonkeyPatch) -> Slow:
    broker = Slow()
    monkeypatch.setattr("brokers.connections.broker_for", lambda connection, **_: broker)
    return broker


def test_all_of_them_are_told_the_same(
    trader_client: Client, trading_account: Account, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "ANSWER_WITHIN", timedelta(minutes=1))
    told = answers_to_many(trader_client, trading_account, slow, monkeypatch)
    assert len(slow.ledger) == Order.objects.count() == 1
    assert sorted(answer.status_code for answer in told) == [200] * (MANY - 1) + [201]
    documents = [answer.json() for answer in told]
    assert all(document == documents[0] for document in documents), "word for word"
    assert uuid.UUID(documents[0]["id"]) == Order.objects.get().pk


def test_without_waiting_most_would_be_told_that_it_is_on_its_way(
    trader_client: Client, trading_account: Account, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "ANSWER_WITHIN", timedelta(0))
    told = answers_to_many(trader_client, trading_account, slow, monkeypatch)
    assert {answer.json()["status"] for answer in told} > {"sending"}
