"""Tickets made to hurt, at the API and in the form: each refused with a reason, none comes as far as the controls."""

import json
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_broker import LedgerBroker

from brokers.models import Account
from trading import risk, tickets
from trading.models import Order

pytestmark = pytest.mark.django_db
NUMBERS = (
    "NaN", "Infinity", "-Infinity", "-0", "0", "1e400", "1E5", "9" * 30, "-1", "0x10", "１２", "1\u202e2", "1\u0000",
    "", " 1", "1_0", "1,5", "٣", "+1", "sNaN", "9" * 1_000_000, "0." + "0" * 40 + "1", "1e-400", "١٢", "1\ud800", "1/2",
    "1%",
    "infinity", "True", "null", "0b1", "1.2.3", "--1", "1-", "\u200b1", "1\n2", "${7*7}", "' OR 1=1 --", "𝟙𝟚",
)  # fmt: skip
"""Not a number, infinite, nothing, absurd, negative, in other digits, turned around, cut in half, in disguise."""
SYMBOLS = (
    "\u202eAAPL", "AA\u0000PL", "A" * 41, "<script>", "$$$", "ＡＡＰＬ", "", "AAPL\ud800", "A\nB", "A" * 1_000_000,
    "SPY   991318C00600000", "../AAPL", "AAPL;DROP",
)  # fmt: skip
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
    changes += [{"quantity": ["1"]}, {"limit_price": {"amount": "1"}}, {"legs": []}, {"legs": [None]}, {"surprise": 1}]
    for number, change in enumerate(changes):
        content = json.dumps(body(trading_account, **change)).encode()
        answer = post(trader_client, content, number)
        if len(content) > LARGEST or rb"\ud800" in content:  # not read at all
            assert answer.status_code in (400, 413), (str(change)[:80], answer.status_code)
            continue
        assert answer.status_code == 422, (change, answer.content)
        assert answer.json()["errors"], change
    for content in RAW:
        answer = post(trader_client, content)
        assert answer.status_code in (400, 413, 422), (content[:40], answer.status_code)
        assert answer.json()["detail"], content[:40]
    assert judged == []
    assert controlled_broker.calls == []
    assert not Order.objects.exists()


LARGEST = 64 * 1024
"""Bytes of an order; what is longer is not read."""
BLANKS_ARE_TRIMMED = (" 1", "1\n2")
"""In a form spaces around a number are a slip of the thumb; a line break can't be typed."""


def typed(account: Account, **changes: str) -> dict[str, str]:
    filled = {"account": str(account.pk), "symbol": "AAPL", "action": "buy_to_open", "quantity": "10"}
    return filled | {"order_type": "limit", "time_in_force": "day", "limit_price": "190.00"} | changes


def test_hostile_forms_come_back_with_words_at_the_field(
    trader_client: Client, trading_account: Account, controlled_broker: LedgerBroker, judged: list[Any]
) -> None:
    numbers = [text for text in NUMBERS if text not in BLANKS_ARE_TRIMMED and "\ud800" not in text]
    changes = [{"quantity": text} for text in numbers] + [{"limit_price": text} for text in numbers]
    changes += [{"order_type": "stop_limit", "stop_price": text} for text in numbers]
    changes += [{"symbol": text} for text in SYMBOLS if "\ud800" not in text]
    changes += [{"action": "steal"}, {"order_type": "gift"}, {"time_in_force": "ever"}]
    changes += [{"time_in_force": "gtd", "gtd_date": "9" * 400}]
    for change in changes:
        answer = trader_client.post("/trade", typed(trading_account, **change))
        assert answer.status_code == 422, (str(change)[:80], answer.status_code)
        assert answer.context["form"].errors, str(change)[:80]
    assert judged == []
    assert "preview" not in controlled_broker.calls
    assert not Order.objects.exists()


@given(st.text(max_size=40))
@settings(max_examples=300, deadline=None, database=None)
def test_whatever_text_is_a_number_is_plain_digits(text: str) -> None:
    """Of all that can be typed the reader takes ASCII digits with at most one point, and then it is that number."""
    try:
        number = tickets.read_number(text)
    except ValueError:
        return
    assert set(text) <= set("0123456789.")
    assert number.is_finite()
    assert number == Decimal(text) >= 0


def test_the_same_watch_sees_a_good_order(trader_client: Client, trading_account: Account, judged: list[Any]) -> None:
    assert post(trader_client, json.dumps(body(trading_account)).encode()).status_code == 201
    assert judged
