"""Attempts by hand that sent nothing are in the record with their reason, as those of programs are."""

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from ledger_broker import LedgerBroker, a_ticket, raiser

from brokers.errors import Unavailable
from brokers.models import Account
from trading import orders
from trading.audit.models import AuditRecord
from trading.models import Alert, Order
from trading.pages import ticket_views
from trading.patterns import looking
from trading.protocol import readiness

pytestmark = pytest.mark.django_db


def review(client: Client, account: Account) -> str:
    typed = {"symbol": "AAPL", "action": "buy_to_open", "quantity": "10", "order_type": "limit"}
    typed |= {"limit_price": "190.00", "time_in_force": "day", "account": str(account.pk)}
    found = re.search(r'name="preview" value="([^"]+)"', client.post("/trade", typed).content.decode())
    assert found
    return found[1]


def refused() -> list[str]:
    rows = AuditRecord.objects.filter(action="order.refused").order_by("seq")
    assert {row.actor_kind for row in rows} <= {"user"}
    return [str(row.facts["code"]) for row in rows]


def test_a_review_that_is_none_is_recorded(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    order = orders.place(account=trading_account, ticket=a_ticket(), idempotency_key="k", source=Order.Source.WEB)[0]
    for path in ("/trade/place", "/trade/group", f"/orders/{order.pk}/replacement"):
        assert trader_client.post(path, {"preview": "made-up"}).status_code == 302, path
    assert refused() == ["preview_invalid"] * 3


def test_a_market_that_moved_an_old_review_and_a_broker_that_is_away_are_recorded(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker, monkeypatch: Any
) -> None:
    token = review(trader_client, trading_account)
    with monkeypatch.context() as patch:
        patch.setattr(ticket_views, "moved", lambda *_: "The market moved.")
        trader_client.post("/trade/place", {"preview": token})
    with monkeypatch.context() as patch:
        patch.setattr(ticket_views, "REVIEW_GOOD_FOR", -ticket_views.REVIEW_GOOD_FOR)
        trader_client.post("/trade/place", {"preview": token})
    with monkeypatch.context() as patch:
        patch.setattr(readiness, "_compared", set())
        ledger_broker.listing_fault = raiser(Unavailable("The broker can't be reached."))
        trader_client.post("/trade/place", {"preview": token})
    assert refused() == ["look_again", "look_again", "connection_not_ready"]
    assert not ledger_broker.ledger


def test_an_order_that_is_sent_or_denied_is_recorded_as_such_alone(
    trader_client: Client, trading_account: Account, controlled_broker: LedgerBroker
) -> None:
    trader_client.post("/trade/place", {"preview": review(trader_client, trading_account)})
    trader_client.post("/trade/place", {"preview": review(trader_client, trading_account)})
    assert [order.status for order in Order.objects.order_by("created_at")] == ["accepted", "denied"]
    assert refused() == []
    assert AuditRecord.objects.filter(action="order.denied").count() == 1


def test_a_person_whose_reviews_grow_old_is_no_program_that_repeats_itself(
    trader_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    for _ in range(6):
        trader_client.post("/trade/place", {"preview": "made-up"})
    looking.look_at(trading_account.connection.user_id, timezone.now())
    assert len(refused()) == 6
    assert not Alert.objects.exists()
