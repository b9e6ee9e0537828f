"""A receipt shows every step with its proof, and says so when anything was altered afterwards."""

import pytest
from audit_chains import ROWS
from django.core.cache import cache
from django.db import models
from django.test import Client
from ledger_broker import LedgerBroker, a_ticket

from brokers.models import Account
from trading import audit, orders
from trading.audit import receipt as receipts
from trading.audit.receipt import receipt_of
from trading.models import Fill, Order, OrderEvent

EVENTS: "models.QuerySet[OrderEvent]" = models.QuerySet(OrderEvent)
FILLS: "models.QuerySet[Fill]" = models.QuerySet(Fill)


@pytest.fixture
def filled_order(trading_account: Account, ledger_broker: LedgerBroker) -> Order:
    actor = audit.Actor("api", trading_account.connection.user_id, "192.0.2.9", "key:ab12", "request-12345")
    with audit.acting(actor):
        foreseen = orders.preview(trading_account, a_ticket()).document
        order, _ = orders.place(
            account=trading_account,
            ticket=a_ticket(),
            idempotency_key="key-1",
            source=Order.Source.API,
            foreseen=foreseen,
        )
    ledger_broker.fill(str(order.broker_order_id), "10")
    orders.refresh(trading_account)
    return Order.objects.get(pk=order.pk)


def test_the_receipt_of_an_untouched_order_is_proven_from_its_first_step_to_its_fill(filled_order: Order) -> None:
    receipt = receipt_of(filled_order)
    assert receipt.proven
    assert receipt.preview_proven
    assert [line.proven for line in receipt.fills] == [True]
    assert len(receipt.steps) == filled_order.seq
    assert receipt.begun_by is not None
    assert receipts.who(receipt.begun_by) == "your program (API)"


def test_whatever_of_the_order_is_altered_afterwards_is_named(filled_order: Order) -> None:
    def words_after(change: "models.QuerySet[OrderEvent]", **values: object) -> str:
        before = list(change.values(*values))
        change.update(**values)
        receipt = receipt_of(filled_order)
        assert not receipt.proven
        for row, old in zip(change.order_by("pk"), before, strict=True):
            models.QuerySet(type(row)).filter(pk=row.pk).update(**old)
        assert receipt_of(filled_order).proven, "it was not put back"
        return " ".join(fault.words for fault in receipt.faults)

    mine = EVENTS.filter(order=filled_order)
    assert "Step 1 is not what was recorded" in words_after(mine.filter(seq=1), words="Something else.")
    assert "Step 2 is not what was recorded" in words_after(mine.filter(seq=2), payload={"status": "Rejected"})
    assert "No recorded step tells of the fill" in words_after(FILLS.filter(order=filled_order), price="1.00")
    altered = models.QuerySet(Order).filter(pk=filled_order.pk)
    old = filled_order.preview
    altered.update(preview={**(old or {}), "total_fees": "0.00"})
    assert "The preview is not the one" in receipt_of(Order.objects.get(pk=filled_order.pk)).faults[0].words
    altered.update(preview=old)
    mine.filter(seq=2).delete()
    assert "Step 2 was recorded and is gone." in [fault.words for fault in receipt_of(filled_order).faults]


def test_an_altered_record_of_the_order_shows_even_within_the_time_that_the_chain_counts_as_walked(
    filled_order: Order,
) -> None:
    assert receipt_of(filled_order).proven
    assert cache.get(f"audit-verified:{filled_order.user_id}")
    ROWS.filter(about=f"order:{filled_order.pk}", seq__gt=0).filter(action="order.sending").update(
        address="203.0.113.1"
    )
    assert not receipt_of(filled_order).proven
    cache.clear()
    receipt = receipt_of(filled_order)
    assert not receipt.chain.intact


def test_the_page_shows_who_from_where_the_broker_s_words_and_the_hashes(
    filled_order: Order, trader_client: Client
) -> None:
    page = trader_client.get(f"/orders/{filled_order.pk}/receipt")
    assert page.status_code == 200
    text = page.content.decode()
    first = audit.verify(filled_order.user_id)
    for told in ("your program (API)", "192.0.2.9", "key:ab12", "request-12345", "Record whole", first.hash, "189.99"):
        assert told in text
    assert "&quot;broker_order_id&quot;" in text
    assert f"/orders/{filled_order.pk}/receipt" in trader_client.get(f"/orders/{filled_order.pk}").content.decode()


def test_the_page_says_not_proven_when_a_step_was_altered(filled_order: Order, trader_client: Client) -> None:
    EVENTS.filter(order=filled_order, seq=1).update(words="<b>nothing</b> to see")
    text = trader_client.get(f"/orders/{filled_order.pk}/receipt").content.decode()
    assert "Not proven" in text
    assert "altered" in text
    assert "<b>nothing</b>" not in text


def test_the_api_gives_the_same_receipt(filled_order: Order, trader_client: Client) -> None:
    document = trader_client.get(f"/api/v1/orders/{filled_order.pk}/receipt").json()
    assert document["proven"] is True
    assert document["chain"]["verified_up_to"] == audit.verify(filled_order.user_id).seq
    assert [step["proven"] for step in document["steps"]] == [True] * filled_order.seq
    assert document["steps"][0]["record"]["address"] == "192.0.2.9"
    assert document["fills"][0]["proven"] is True


def test_a_stranger_gets_no_receipt(filled_order: Order, stranger_client: Client) -> None:
    assert stranger_client.get(f"/orders/{filled_order.pk}/receipt").status_code == 404
    assert stranger_client.get(f"/api/v1/orders/{filled_order.pk}/receipt").status_code == 404


def test_an_order_from_before_the_record_is_shown_as_not_recorded(filled_order: Order, trader_client: Client) -> None:
    ROWS.filter(about=f"order:{filled_order.pk}").update(about="order:another")
    receipt = receipt_of(filled_order)
    assert not receipt.proven
    assert {step.proven for step in receipt.steps} == {None}
    assert "not in the record" in trader_client.get(f"/orders/{filled_order.pk}/receipt").content.decode()
