"""An answer that is lost after the broker took the order, at either broker: found again, once, and never sent again."""

import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from ledger_broker import a_ticket
from signing_in import MARGIN_ACCOUNTS
from simulator_server import SimulatorServer

from brokers import connections
from brokers.models import Account
from trading import orders
from trading.lifecycle import Status
from trading.models import Order, new_client_ref
from trading.protocol import reconcile

pytestmark = pytest.mark.django_db(transaction=True)
LOST = {"effect": "drop_answer", "method": "POST", "path": "*/orders", "times": 1}


def place(account: Account, price: str, key: str) -> Order:
    found, _ = orders.place(
        account=account,
        ticket=a_ticket("1", price),
        idempotency_key=key,
        source=Order.Source.API,
        confirmed=["DUPLICATE_LIKE"],
    )
    return Order.objects.get(pk=found.pk)


def look_until(done: Callable[[], bool], account: Account, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not done() and time.monotonic() < deadline:
        reconcile.look_up(account, timezone.now() + timedelta(seconds=30))
        time.sleep(0.2)
    assert done()


def made(sim: SimulatorServer, account: Account) -> list[str]:
    return [entry["order_id"] for entry in sim.ledger(account=account.number) if entry["made_order"]]


def test_a_lost_answer_is_looked_up_and_the_order_is_ours(sim: SimulatorServer, account: Account) -> None:
    assert account.number in MARGIN_ACCOUNTS.values()
    sim.faults(LOST)
    order = place(account, "1.01", "one")
    assert order.status == Status.UNKNOWN
    look_until(lambda: Order.objects.get(pk=order.pk).status not in (Status.UNKNOWN, Status.SENDING), account)
    found = Order.objects.get(pk=order.pk)
    assert [found.broker_order_id] == made(sim, account)
    assert not Order.objects.filter(account=account, is_external=True, broker_order_id=found.broker_order_id).exists()


def test_an_order_that_is_known_is_not_taken_for_the_one_in_doubt(sim: SimulatorServer, account: Account) -> None:
    known = place(account, "1.02", "known")
    sim.faults(LOST)
    lost = place(account, "1.02", "lost")
    assert (known.status, lost.status) != (Status.UNKNOWN, Status.WORKING)
    look_until(lambda: Order.objects.get(pk=lost.pk).broker_order_id is not None, account)
    ids = {Order.objects.get(pk=known.pk).broker_order_id, Order.objects.get(pk=lost.pk).broker_order_id}
    assert ids == set(made(sim, account))
    assert len(ids) == 2


def test_of_several_that_look_alike_none_is_claimed_and_none_is_called_not_placed(
    sim: SimulatorServer, account: Account
) -> None:
    broker = connections.broker_for(account.connection)
    sim.faults(LOST)
    lost = place(account, "1.03", "lost")
    broker.place_order(account.number, a_ticket("1", "1.03"), new_client_ref())
    for _ in range(6):
        reconcile.look_up(account, timezone.now() + timedelta(minutes=2))
    found = Order.objects.get(pk=lost.pk)
    if account.connection.broker == "tastytrade":  # it echoes our reference: there is no doubt
        assert found.broker_order_id == made(sim, account)[0]
        return
    assert found.status == Status.NEEDS_EYES
    assert found.broker_order_id is None
    assert found.listings_without == 0
    assert "several orders" in found.last_error
    assert sorted(one["broker_order_id"] for one in found.candidates) == sorted(made(sim, account))
    mine = made(sim, account)[0]
    decided = orders.decide(found, broker_order_id=mine, user=account.connection.user)
    assert (decided.broker_order_id, decided.is_open) == (mine, True)
    assert Order.objects.shown().filter(account=account).count() == 2
