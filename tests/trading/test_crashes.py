"""The desk is killed again and again while it sends: every order that it sent is there once, and none is forgotten."""

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as desk_settings
from django.db import connections as databases
from django.utils import timezone
from simulator_server import SimulatorServer

from brokers import connections
from brokers.domain.orders import OrderUpdate
from brokers.models import Account
from trading import lifecycle
from trading.models import Order
from trading.protocol import reading, reconcile, watch

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]

HOW_MANY = 60
LEAST_DEATHS = 15
TESTS = Path(__file__).resolve().parents[1]
SLOW_BROKER = [
    {"name": "slow to take", "effect": "latency", "seconds": 0.02, "method": "POST", "path": "*/orders"},
    {"name": "slow to answer", "effect": "latency", "seconds": 0.02, "when": "after", "method": "POST",
     "path": "*/orders"},
]  # fmt: skip


def price_of(number: int) -> str:
    """A price that names its intent. The even ones rest, the odd ones fill at once."""
    return f"{1 + 899 * (number % 2)}.{number:02d}"


@dataclass
class Mortal:
    """The desk's process; what it has said it did, and how often it died before it was through."""

    process: subprocess.Popen[str]
    done: set[str] = field(default_factory=set)
    deaths: int = 0

    def hear(self) -> list[str]:
        assert self.process.stdout is not None
        return self.process.stdout.readline().split()

    def live(self, how: str, intents: list[tuple[str, str]], seconds: float | None) -> None:
        """One life: work on these intents and be killed after so many seconds, if not done before."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"how": how, "intents": intents, "kill_after": seconds}) + "\n")
        self.process.stdin.flush()
        before = len(self.done)
        while (words := self.hear()) != ["gone"]:
            assert words[:1] == ["done"], words
            self.done.add(words[1])
        self.deaths += len(self.done) - before < len(intents)


@pytest.fixture
def mortal(simulated: SimulatorServer, simulated_account: Account, no_limits: None) -> Iterator[Mortal]:
    environment = os.environ | {
        "TASTYTRADE_SIM_API_URL": simulated.api,
        "TASTYTRADE_SIM_TOKEN_URL": f"{simulated.api}/oauth/token",
        "LOG_LEVEL": "ERROR",
    }
    name = str(desk_settings.DATABASES["default"]["NAME"])
    command = [sys.executable, str(TESTS / "crash_worker.py"), str(simulated_account.pk), name]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": environment}
    with subprocess.Popen(command, cwd=TESTS.parent, **pipes) as process:
        desk = Mortal(process)
        assert desk.hear() == ["ready"]
        yield desk
        process.kill()


def live_and_die(desk: Mortal, how: str) -> None:
    """Lives of random length, each taking up what the one before did not report as done: the same keys again.

    Each life compares with the broker before it sends: how long that takes here, two lives without an end tell.
    """
    chance = random.Random()  # noqa: S311
    intents = [(f"intent-{number}", price_of(number)) for number in range(HOW_MANY)]
    pace = 0.0
    for intent in intents[:2]:
        began = time.monotonic()
        desk.live(how, [intent], None)
        pace = time.monotonic() - began
    while left := [intent for intent in intents if intent[0] not in desk.done]:
        desk.live(how, left[:6], chance.uniform(0.1, 1.6) * pace if len(left) > 1 else None)


def orders_at_the_broker(account: Account) -> dict[Decimal, list[OrderUpdate]]:
    """The broker's orders by the intent that their price names."""
    yesterday = timezone.now().date() - timedelta(days=1)
    listed = connections.broker_for(account.connection).get_orders(account.number, yesterday)
    found: dict[Decimal, list[OrderUpdate]] = {}
    for update in listed:
        found.setdefault(abs(update.limit_price or Decimal(0)), []).append(update)
    return found


def doubled_intents(account: Account) -> list[Decimal]:
    return [price for price, updates in orders_at_the_broker(account).items() if len(updates) > 1]


async def watch_until_certain(seconds: float) -> None:

    task = asyncio.create_task(watch.watch_orders(pause=0.1))
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and await Order.objects.filter(status__in=lifecycle.UNCERTAIN).aexists():  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await sync_to_async(databases.close_all)()


@pytest.fixture
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The watch's patience in seconds where it has minutes in life, and no feeds: listings alone must do."""

    async def keep(*_: Any, **__: Any) -> None: ...

    monkeypatch.setattr(watch.hub, "keep", keep)
    monkeypatch.setattr(reconcile, "ATTEMPT_LIMIT", timedelta(seconds=1))
    for quiet in ("QUIET", "QUIET_UNHEARD"):
        monkeypatch.setattr(reconcile, quiet, timedelta(seconds=1))
    monkeypatch.setattr(reconcile, "DELAYS", (0.3,))


def test_a_desk_that_is_killed_while_it_sends_doubles_and_forgets_nothing(
    mortal: Mortal, simulated: SimulatorServer, simulated_account: Account, brisk: None
) -> None:
    simulated.faults(*SLOW_BROKER)
    live_and_die(mortal, "desk")
    assert mortal.deaths >= LEAST_DEATHS
    cut_off = list(Order.objects.filter(status="sending"))
    simulated.clear_faults()
    asyncio.run(watch_until_certain(60))
    reconcile.refresh(simulated_account)

    at_broker = orders_at_the_broker(simulated_account)
    requests = simulated.ledger(account=simulated_account.number)
    sent = Counter(entry["external_identifier"] for entry in requests)
    mine = {order.idempotency_key: order for order in Order.objects.filter(account=simulated_account)}
    assert max(sent.values()) == 1, "an order was sent twice"
    assert len(mine) == Order.objects.count() == HOW_MANY, "an intent is missing or stands here twice"
    found_again = 0
    for number in range(HOW_MANY):
        order, there = mine[f"intent-{number}"], at_broker.pop(Decimal(price_of(number)), [])
        if order.client_ref not in sent:
            assert (order.status, there) == ("not_placed", [])
            continue
        (update,) = there
        found_again += order in cut_off
        told = (order.broker_order_id, order.client_ref, order.status, order.filled_quantity)
        filled = sum((fill.quantity for fill in update.fills), Decimal(0))
        assert told == (update.broker_order_id, update.client_ref, reading.status_of(update), filled)
    assert at_broker == {}
    assert found_again >= 3, "no death came between the broker's yes and our writing it down"


def test_the_same_harness_catches_a_desk_that_writes_down_after_it_sends(
    mortal: Mortal, simulated: SimulatorServer, simulated_account: Account
) -> None:
    simulated.faults(*SLOW_BROKER)
    live_and_die(mortal, "hasty")
    assert mortal.deaths >= LEAST_DEATHS
    assert len(doubled_intents(simulated_account)) >= 3
