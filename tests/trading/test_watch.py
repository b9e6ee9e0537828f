"""The order watch: what is due is looked after, whatever happens to the others."""

import asyncio
import threading
import time
from collections.abc import Collection
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from django.db import connections as databases
from django.utils import timezone
from ledger_broker import LedgerBroker, a_ticket, open_account, raiser

from brokers.domain.instruments import Instrument
from brokers.errors import OutcomeUnknown
from brokers.models import Account
from trading import orders
from trading.lifecycle import Status
from trading.models import Order
from trading.protocol import reconcile, watch

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> dict[UUID, Collection[Instrument]]:
    """Feeds that the watch keeps up."""
    feeds: dict[UUID, Collection[Instrument]] = {}

    async def keep(connection_id: UUID, instruments: Collection[Instrument] = (), seconds: float = 120) -> None:
        feeds[connection_id] = instruments

    monkeypatch.setattr(watch.hub, "keep", keep)
    return feeds


def place(account: Account) -> Order:
    order, _ = orders.place(account=account, ticket=a_ticket(), idempotency_key="key-1", source=Order.Source.WEB)
    return order


async def status_of(account: Account) -> str:
    def read() -> str:
        try:
            return Order.objects.get(account=account).status
        finally:
            databases.close_all()

    return await sync_to_async(read)()


async def run_for(seconds: float, until: Any) -> None:
    task = asyncio.create_task(watch.watch_orders(pause=0.02))
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not await sync_to_async(until)():  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await sync_to_async(databases.close_all)()


async def test_the_watch_finds_lost_orders_and_keeps_their_feeds(
    ledger_broker: LedgerBroker, trading_account: Account, kept: dict[UUID, Collection[Instrument]]
) -> None:
    ledger_broker.after = raiser(OutcomeUnknown("No answer"))
    order = await sync_to_async(place)(trading_account)
    assert order.status == Status.UNKNOWN
    await run_for(30, lambda: Order.objects.get().status == Status.ACCEPTED)
    assert await status_of(trading_account) == Status.ACCEPTED
    assert {str(one) for one in kept[trading_account.connection_id]} == {"AAPL"}


async def test_one_bad_or_slow_account_never_stops_the_others(
    ledger_broker: LedgerBroker,
    trading_account: Account,
    kept: dict[UUID, Collection[Instrument]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger_broker.after = raiser(OutcomeUnknown("No answer"))
    bad = await sync_to_async(open_account)("bad", "5WT00001")
    slow = await sync_to_async(open_account)("slow", "5WT00002")
    for account in (bad, slow, trading_account):
        await sync_to_async(place)(account)
    real, done = reconcile.look_up, threading.Event()

    def look_up(account: Account, now: Any) -> None:
        if account.pk == bad.pk:
            raise RuntimeError("broken")
        if account.pk == slow.pk:
            done.wait(60)
        real(account, now)

    monkeypatch.setattr(reconcile, "look_up", look_up)

    def is_known() -> bool:
        if Order.objects.get(account=trading_account).status != Status.ACCEPTED:
            return False
        done.set()
        return True

    await run_for(30, is_known)
    done.set()
    assert await status_of(trading_account) == Status.ACCEPTED


def test_a_quiet_desk_has_nothing_due(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    place(trading_account)
    assert watch.due_accounts() == []


def test_orders_that_merely_work_never_crowd_out_one_in_doubt(ledger_broker: LedgerBroker, db: None) -> None:
    accounts = [open_account(f"trader {number}", f"5WT1{number:04}") for number in range(20)]
    now = timezone.now()
    for waited, account in enumerate(reversed(accounts)):
        place(account)
        due = now - timedelta(seconds=10 + waited)
        status = Status.UNKNOWN if account == accounts[-1] else Status.WORKING
        Order.objects.filter(account=account).update(status=status, next_check_at=due)
    due_first = [account.pk for account in (accounts[-1], *accounts[:-1])]
    assert watch.due_accounts() == due_first[: 1 + watch.OTHERS_AT_ONCE]
