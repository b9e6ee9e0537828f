"""A group is cancelled with one call: one request where the broker takes one, else order by order."""

import uuid

import pytest
from django.test import Client
from django.utils import timezone
from ledger_broker import LedgerBroker, raiser

from brokers.domain.orders import BrokerStatus
from brokers.errors import OutcomeUnknown, RateLimited, Refused
from brokers.models import Account, Connection
from trading import orders
from trading.lifecycle import Status
from trading.models import Order
from trading.protocol import cancels

from .test_groups import place

pytestmark = pytest.mark.django_db


def statuses(placed: list[Order]) -> list[str]:
    return [Order.objects.get(pk=order.pk).status for order in placed]


def at_broker(broker: LedgerBroker, placed: list[Order]) -> list[BrokerStatus]:
    return [broker.ledger[str(order.broker_order_id)].status for order in placed]


def test_one_request_cancels_all_that_work(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    placed = place(trading_account)
    found = orders.cancel_group(placed)
    assert [order.status for order in found] == [Status.CANCEL_REQUESTED] * 3
    assert ledger_broker.calls.count("cancel_group") == 1
    assert "cancel" not in ledger_broker.calls
    assert at_broker(ledger_broker, placed) == [BrokerStatus.CANCEL_REQUESTED] * 3


def test_asking_twice_sends_nothing_more(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    placed = place(trading_account)
    orders.cancel_group(placed)
    orders.cancel_group(placed)
    assert ledger_broker.calls.count("cancel_group") == 1


def test_what_is_over_is_left_alone(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    placed = place(trading_account)
    ledger_broker.move(str(placed[0].broker_order_id), BrokerStatus.FILLED, "Filled")
    orders.refresh(trading_account)
    orders.cancel_group(placed)
    assert ledger_broker.calls.count("cancel_group") == 1
    assert statuses(placed)[1:] == [Status.CANCEL_REQUESTED] * 2
    assert Status.CANCEL_REQUESTED not in statuses(placed)[:1]


def test_where_the_broker_has_no_such_request_each_is_cancelled_the_trigger_first(
    ledger_broker: LedgerBroker, trading_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed = place(trading_account)
    Connection.objects.filter(pk=trading_account.connection_id).update(broker="tradestation")
    asked: list[str] = []
    real = ledger_broker.cancel_order
    monkeypatch.setattr(
        ledger_broker, "cancel_order", lambda account, number: asked.append(number) or real(account, number)
    )
    orders.cancel_group(list(Order.objects.filter(pk__in=[order.pk for order in placed]).order_by("group_index")))
    assert asked == [order.broker_order_id for order in placed]
    assert "cancel_group" not in ledger_broker.calls
    assert statuses(placed) == [Status.CANCEL_REQUESTED] * 3


def test_a_group_that_the_broker_refuses_to_cancel_as_one_is_cancelled_one_by_one(
    ledger_broker: LedgerBroker, trading_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed = place(trading_account)
    refuse = raiser(Refused("Not while one is routed."))
    monkeypatch.setattr(ledger_broker, "cancel_group", lambda *_: refuse())
    orders.cancel_group(placed)
    assert ledger_broker.calls.count("cancel") == 3
    assert at_broker(ledger_broker, placed) == [BrokerStatus.CANCEL_REQUESTED] * 3


@pytest.mark.parametrize("error", [OutcomeUnknown("No answer."), RateLimited("Later.", retry_after=1), KeyError("x")])
def test_a_lost_answer_is_looked_up_and_asked_again_for_each(
    error: Exception, ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    placed = place(trading_account)
    ledger_broker.cancel_fault = raiser(error)
    found = orders.cancel_group(placed)
    assert all(order.cancel_pending for order in found)
    assert all(order.next_check_at is not None and order.next_check_at > timezone.now() for order in found)
    assert ledger_broker.calls.count("cancel_group") == 1
    assert "cancel" not in ledger_broker.calls, "not at once one by one on top of it"
    ledger_broker.cancel_fault = lambda: None
    for order in found:
        cancels.go_on(order)
    assert at_broker(ledger_broker, placed) == [BrokerStatus.CANCEL_REQUESTED] * 3


def test_a_group_that_is_over_cannot_be_cancelled(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    placed = place(trading_account)
    for order in placed:
        ledger_broker.move(str(order.broker_order_id), BrokerStatus.CANCELLED, "Cancelled")
    orders.refresh(trading_account)
    with pytest.raises(orders.NotCancellable, match="over"):
        orders.cancel_group(placed)
    assert "cancel_group" not in ledger_broker.calls


def test_page_and_api_cancel_a_persons_own_group_and_no_other(
    ledger_broker: LedgerBroker, trading_account: Account, trader_client: Client, stranger_client: Client
) -> None:
    placed = place(trading_account)
    page, api = f"/orders/groups/{placed[0].group}/cancellation", f"/api/v1/order-groups/{placed[0].group}"
    trader, stranger = trader_client, stranger_client
    missing = f"/api/v1/order-groups/{uuid.uuid4()}"
    assert stranger.post(page).status_code == 404
    assert stranger.delete(api).status_code == trader.delete(missing).status_code == 404
    assert "cancel_group" not in ledger_broker.calls
    assert b"Cancel all of it" in trader.get("/orders/?tab=working").content
    assert b"Cancel all of it" in trader.get(f"/orders/{placed[0].pk}").content
    answer = trader.delete(api)
    assert answer.status_code == 202
    assert [each["status"] for each in answer.json()["orders"]] == ["cancel_requested"] * 3
    again = trader.post(page, {"tab": "working"}, follow=True)
    assert b"Cancel requested of 3 orders" in again.content
    assert ledger_broker.calls.count("cancel_group") == 1
    for order in placed:
        ledger_broker.move(str(order.broker_order_id), BrokerStatus.CANCELLED, "Cancelled")
    orders.refresh(trading_account)
    assert trader.delete(api).status_code == 409
    assert b"Cancel all of it" not in trader.get(f"/orders/{placed[0].pk}").content
