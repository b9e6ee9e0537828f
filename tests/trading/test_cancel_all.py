"""Cancelling all: what was asked, what is over, what could not be; compared with a fresh listing in the end."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from ledger_broker import CALL, LedgerBroker, a_ticket, raiser

from brokers.domain.orders import Action, BrokerStatus, Leg, OrderTicket, OrderType, TimeInForce
from brokers.errors import OutcomeUnknown, Unavailable
from brokers.models import Account
from trading import orders
from trading.audit.models import AuditRecord
from trading.lifecycle import Status
from trading.models import CancelRun, Order
from trading.protocol import runs

pytestmark = pytest.mark.django_db


def place(account: Account, key: str, price: str = "190.00") -> Order:
    ticket = a_ticket(price=price)
    return orders.place(account=account, ticket=ticket, idempotency_key=key, source=Order.Source.WEB)[0]


def at_work(broker: LedgerBroker) -> int:
    return sum(update.status in (BrokerStatus.ROUTED, BrokerStatus.WORKING) for update in broker.ledger.values())


def test_all_are_asked_for_those_placed_elsewhere_too(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    for number in range(3):
        place(trading_account, f"key-{number}")
    ledger_broker.place_order(trading_account.number, a_ticket("7"), "")
    run = orders.cancel_all(trading_account.connection.user)
    assert (len(run.asked), run.refused, run.problems, at_work(ledger_broker)) == (4, [], [], 0)
    assert run.compared_at is not None
    assert ledger_broker.calls.count("cancel") == 4
    assert AuditRecord.objects.filter(action="order.cancel_all", about=f"cancel-run:{run.pk}").count() == 2


def test_an_account_or_an_underlying_alone(
    ledger_broker: LedgerBroker, trading_account: Account, foreign_account: Account
) -> None:
    place(trading_account, "key-1")
    place(foreign_account, "key-1")
    ticket = OrderTicket((Leg(CALL, Action.BUY_TO_OPEN, Decimal(1)),), OrderType.LIMIT, TimeInForce.DAY, Decimal(-5))
    orders.place(account=trading_account, ticket=ticket, idempotency_key="key-2", source=Order.Source.WEB)
    user = trading_account.connection.user
    assert orders.cancel_all(user, underlying="MSFT").asked == []
    assert len(orders.cancel_all(user, account=trading_account, underlying="AAPL").asked) == 2
    assert at_work(ledger_broker) == 1, "a stranger's order was cancelled"


def test_what_cannot_be_cancelled_is_told(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    fine = place(trading_account, "key-1")
    ledger_broker.before = raiser(OutcomeUnknown("No answer"))
    doubtful = place(trading_account, "key-2", "191.00")
    run = orders.cancel_all(trading_account.connection.user)
    assert run.asked == [str(fine.pk)]
    (refused,) = run.refused
    assert refused["order"] == str(doubtful.pk)
    assert "do not know yet" in refused["words"]


def test_a_listing_that_fails_leaves_the_run_uncompared_and_says_so(
    ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    place(trading_account, "key-1")
    ledger_broker.listing_fault = raiser(Unavailable("The broker is away."))
    run = orders.cancel_all(trading_account.connection.user)
    assert (len(run.asked), run.compared_at) == (1, None)
    assert "The broker is away." in run.problems[0]


def test_the_outcome_tells_confirmed_waiting_and_lost(
    ledger_broker: LedgerBroker, trading_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    over, waiting = place(trading_account, "key-1"), place(trading_account, "key-2", "191.00")
    run = orders.cancel_all(trading_account.connection.user)
    ledger_broker.move(str(over.broker_order_id), BrokerStatus.CANCELLED, "Cancelled")
    orders.refresh(trading_account)
    told = {name: [order.pk for order in found] for name, found in runs.outcome(run).items()}
    assert told == {"confirmed": [over.pk], "waiting": [waiting.pk], "could_not": []}
    real = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: real() + timedelta(seconds=61))
    assert [order.pk for order in runs.outcome(run)["could_not"]] == [waiting.pk]


def test_what_takes_too_long_is_written_down_and_sent_by_the_order_watch(
    ledger_broker: LedgerBroker, trading_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        place(trading_account, f"key-{number}")
    monkeypatch.setattr(runs, "PATIENCE", 0.0)
    run = orders.cancel_all(trading_account.connection.user)
    assert len(run.asked) == 3
    assert ledger_broker.calls.count("cancel") == 0
    orders.look_up(trading_account, timezone.now())
    assert (ledger_broker.calls.count("cancel"), at_work(ledger_broker)) == (3, 0)


def test_an_order_that_comes_in_while_it_runs_is_found_by_the_last_listing(
    ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    place(trading_account, "key-1")
    came = []

    def another() -> None:
        if not came:
            came.append(ledger_broker.place_order(trading_account.number, a_ticket("7"), ""))

    ledger_broker.cancel_fault = another
    run = orders.cancel_all(trading_account.connection.user)
    assert (len(run.asked), at_work(ledger_broker)) == (2, 0)


def test_without_the_last_listing_it_would_work_on(
    ledger_broker: LedgerBroker, trading_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sabotaged twin: whoever does not compare leaves it."""
    place(trading_account, "key-1")
    came = []

    def another() -> None:
        if not came:
            came.append(ledger_broker.place_order(trading_account.number, a_ticket("7"), ""))

    ledger_broker.cancel_fault = another
    monkeypatch.setattr(runs, "_list_all", lambda accounts: [])
    orders.cancel_all(trading_account.connection.user)
    assert at_work(ledger_broker) == 1


def test_the_api_cancels_all_of_ones_own(
    trader_client: Client, stranger_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    order = place(trading_account, "key-1")

    def post(client: Client, **body: Any) -> Any:
        return client.post("/api/v1/orders/cancel-all", body, content_type="application/json")

    assert post(stranger_client).json()["asked"] == []
    assert post(stranger_client, account=str(trading_account.pk)).json()["code"] == "invalid"
    answer = post(trader_client, account=str(trading_account.pk))
    assert (answer.status_code, answer.json()["asked"], answer.json()["waiting"]) == (
        200, [str(order.pk)], [str(order.pk)]
    )  # fmt: skip
    order.refresh_from_db()
    assert order.status == Status.CANCEL_REQUESTED
    assert CancelRun.objects.count() == 2
