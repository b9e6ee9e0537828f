"""Tickets made to hurt, at the API and in the form: each refused with a reason, none comes as far as the controls."""

import json
from typing import Any

import pytest
from django.test import Client
from ledger_broker import LedgerBroker

from brokers.models import Account
from trading import risk
from trading.models import Order

pytestmark = pytest.mark.django_db
NUMBERS = (
    "NaN", "Infinity", "-Infinity", "-0", "0", "1e400", "1E5", "9" * 30, "-1", "0x10", "１２", "1\u202e2", "1\u0000",
    "", " 1", "1_0", "1,5", "٣", "+1", "sNaN",
)  # fmt: skip
SYMBOLS = ("\u202eAAPL", "AA\u0000PL", "A" * 41, "<script>", "$$$", "ＡＡＰＬ", "")
RAW = (
    b'{"account": NaN}', b'{"limit_price": Infinity}', b'"\\ud800"', b"[" * 10_000 + b"]" * 10_000, b"\xff\xfe",
    b'{"a": "' + b"x" * (10 * 1024 * 1024) + b'"}', b'{"account": 1, "account": 2}', b"", b"null", b"[]", b"7",
)  # fmt: skip


@pytest.fixture
def judged(controlled_broker: LedgerBroker, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What came as far as the controls."""
    seen: list[Any] = []
    for name in ("check", "check_group", "check_terms", "check_instrument"):
        monkeypatch.setattr(risk, name, lambda *given, **_: seen.append(given) or [])
    return seen


def body(account: Account, **changes: Any) -> dict[str, Any]:
    leg = {"symbol": "AAPL", "action": "buy_to_open", "quantity": "10"}
    leg |= {name: changes.pop(name) for name in ("symbol", "quantity") if name in changes}
    terms = {"order_type": "limit", "time_in_force": "day", "limit_price": "190.00"}
    return {"account": str(account.pk), "legs": [leg], **terms, **changes}


def post(client: Client, content: bytes, number: int = 0) -> Any:
    headers = {"Idempotency-Key": f"k{number}"}
    return client.post("/api/v1/orders", content, content_type="application/json", headers=headers)


def test_hostile_orders_are_refused_in_words_before_anything_looks_at_them(
    trader_client: Client, trading_account: Account, controlled_broker: LedgerBroker, judged: list[Any]
) -> None:
    changes: list[dict[str, Any]] = [{"quantity": text} for text in NUMBERS] + [
        {"limit_price": text} for text in NUMBERS
    ]
    changes += [{"stop_price": text, "order_type": "stop_limit"} for text in NUMBERS]
    changes += [{"symbol": text} for text in SYMBOLS] + [{"quantity": 1.5}, {"limit_price": True}, {"legs": {}}]
    for number, change in enumerate(changes):
        answer = post(trader_client, json.dumps(body(trading_account, **change)).encode(), number)
        assert answer.status_code == 422, (change, answer.content)
        assert answer.json()["errors"], change
    for content in RAW:
        answer = post(trader_client, content)
        assert answer.status_code in (400, 413, 422), (content[:40], answer.status_code)
        assert answer.json()["detail"], content[:40]
    assert judged == []
    assert controlled_broker.calls == []
    assert not Order.objects.exists()


def test_the_same_watch_sees_a_good_order(trader_client: Client, trading_account: Account, judged: list[Any]) -> None:
    assert post(trader_client, json.dumps(body(trading_account)).encode()).status_code == 201
    assert judged
