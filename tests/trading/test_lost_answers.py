"""Answers are lost after the broker has taken the order: none is doubled, none is lost. Over HTTP, to the simulator."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from bare_sending import strip
from django.db import connections as databases
from ledger_broker import a_ticket
from simulator_server import SimulatorServer

from brokers import connections
from brokers.errors import OutcomeUnknown
from brokers.models import Account
from trading import orders
from trading.lifecycle import UNCERTAIN
from trading.models import Order, new_client_ref
from trading.protocol import watch

pytestmark = pytest.mark.django_db(transaction=True)

FEW, MANY = 200, 1000
AFTER_IT_ACTED = [
    {"name": "lost", "effect": "drop_answer", "method": "POST", "path": "*/orders", "probability": 0.5},
    {"name": "cut", "effect": "cut_body", "method": "POST", "path": "*/orders", "probability": 0.2},
    {"name": "gone", "effect": "status", "status": 502, "body": "html", "when": "after", "method": "POST",
     "path": "*/orders", "probability": 0.2},
]  # fmt: skip


@pytest.fixture
def lossy(simulated: SimulatorServer) -> SimulatorServer:
    simulated.fills("never")
    return simulated


@pytest.fixture
def lossy_account(simulated_account: Account, no_limits: None) -> Account:
    return simulated_account


@pytest.fixture(autouse=True)
def _no_feeds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Listings alone must do: no stream brings the news."""

    async def keep(*_: Any, **__: Any) -> None: ...

    monkeypatch.setattr(watch.hub, "keep", keep)
    strip(monkeypatch.setattr)


def in_threads(work: Callable[[int], None], how_many: int) -> None:
    def one(number: int) -> None:
        try:
            work(number)
        finally:
            databases.close_all()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(how_many)))


def references_taken(sim: SimulatorServer, account: Account) -> Counter[str]:
    """How many orders the broker took under each of our references: its ledger is the truth."""
    entries = sim.ledger(account=account.number)
    return Counter(entry["external_identifier"] for entry in entries if entry["made_order"])


def doubled(taken: Counter[str]) -> list[str]:
    return [reference for reference, times in taken.items() if times > 1]


async def watch_until_certain(seconds: float) -> float:
    """Run the order watch until nothing is in doubt; how long it took."""
    began = time.monotonic()
    task = asyncio.create_task(watch.watch_orders(pause=0.1))
    while time.monotonic() - began < seconds:
        if not await Order.objects.filter(status__in=UNCERTAIN).aexists():
            break
        await asyncio.sleep(0.2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await sync_to_async(databases.close_all)()
    return time.monotonic() - began


@pytest.mark.parametrize("how_many", [FEW, pytest.param(MANY, marks=[pytest.mark.nightly, pytest.mark.timeout(900)])])
def test_orders_with_lost_answers_are_each_placed_once_and_found(
    lossy: SimulatorServer, lossy_account: Account, how_many: int
) -> None:
    def one(number: int) -> None:
        orders.place(
            account=lossy_account,
            ticket=a_ticket("1", f"{1 + number // 100}.{number % 100:02d}"),
            idempotency_key=f"key-{number}",
            source=Order.Source.API,
        )

    lossy.faults(*AFTER_IT_ACTED)
    in_threads(one, how_many)
    in_doubt = Order.objects.filter(status__in=UNCERTAIN).count()
    assert in_doubt > how_many / 2, "the faults did not strike"
    lossy.clear_faults()
    took = asyncio.run(watch_until_certain(60))

    taken = references_taken(lossy, lossy_account)
    assert sum(taken.values()) == len(taken) == how_many
    assert not doubled(taken)
    assert len(lossy.ledger(account=lossy_account.number)) == how_many, "more requests went out than intents came in"
    mine = Order.objects.filter(account=lossy_account, is_external=False)
    assert set(mine.values_list("client_ref", flat=True)) == set(taken)
    assert mine.exclude(broker_order_id=None).exclude(status__in=UNCERTAIN).count() == how_many
    assert mine.values("broker_order_id").distinct().count() == how_many
    assert took < 60


def test_the_same_harness_catches_whoever_retries(lossy: SimulatorServer, lossy_account: Account) -> None:
    def naive(number: int) -> None:
        """What this desk must never do: send again when no answer came."""
        broker, reference = connections.broker_for(lossy_account.connection), new_client_ref()
        for _ in range(3):
            try:
                broker.place_order(lossy_account.number, a_ticket("1", "1.00"), reference)
                return
            except OutcomeUnknown:
                continue

    lossy.faults(*AFTER_IT_ACTED)
    in_threads(naive, 40)
    assert len(doubled(references_taken(lossy, lossy_account))) >= 10
