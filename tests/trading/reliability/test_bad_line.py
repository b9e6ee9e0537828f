"""A line that doubles, mixes up and drops the news of many orders; then a snapshot: all of them are the broker's."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from ledger_broker import LedgerBroker, a_ticket, open_account
from order_truth import OPEN, SIZE, ZERO, Truth, all_kept, as_there, filled_there

from brokers.domain.orders import OrderUpdate
from brokers.models import Account
from trading import orders
from trading.models import Order
from trading.protocol import fills, news

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("room_for_all"), pytest.mark.timeout(14_400)]


def through_a_bad_line(told: list[OrderUpdate], chance: random.Random) -> Iterator[OrderUpdate]:
    """30 of a hundred come twice, 30 out of order, 10 not at all."""
    line: list[tuple[float, OrderUpdate]] = []
    for place, update in enumerate(told):
        if chance.random() < 0.1:
            continue
        line.append((place + (chance.uniform(0, 40) if chance.random() < 0.3 else 0), update))
        if chance.random() < 0.3:
            line.append((place + chance.uniform(0, 40), update))
    return (update for _, update in sorted(line, key=lambda entry: entry[0]))


WAVE = 400
"""Orders that live at the same time: who has thousands open has each new one judged beside all of them."""


def replay(broker: LedgerBroker, accounts: list[Account], events: int) -> dict[str, Any]:
    chance = random.Random(10)  # noqa: S311
    truths: list[tuple[Account, Truth]] = []
    told = 0
    while told < events:
        wave = [placed(broker, accounts, len(truths) + n) for n in range(min(WAVE, max(4, (events - told) // 4)))]
        truths += wave
        past = lived(wave, events - told, chance)
        told += len(past)
        hear(accounts, past, chance)
    return result_of(accounts, truths, told)


def placed(broker: LedgerBroker, accounts: list[Account], number: int) -> tuple[Account, Truth]:
    account = accounts[number % len(accounts)]
    ticket = a_ticket(str(SIZE), f"{100 + number // 100}.{number % 100:02d}")
    order, _ = orders.place(account=account, ticket=ticket, idempotency_key=f"k{number}", source=Order.Source.API)
    return account, Truth(broker, str(order.broker_order_id))


def lived(wave: list[tuple[Account, Truth]], events: int, chance: random.Random) -> list[OrderUpdate]:
    """What the broker tells of them till all are over, or so much was told."""
    told: list[OrderUpdate] = []
    alive = list(wave)
    while len(told) < events and alive:
        place = chance.randrange(len(alive))
        _, truth = alive[place]
        before = len(truth.past)
        truth.step(chance)
        told += truth.past[before:]
        if truth.now.status not in OPEN:
            alive[place] = alive[-1]
            alive.pop()
    return told


def hear(accounts: list[Account], told: list[OrderUpdate], chance: random.Random) -> None:
    connection_of = {account.number: account.connection_id for account in accounts}
    for update in through_a_bad_line(told, chance):
        news.record(connection_of[update.account_number], [update], "stream")


def result_of(accounts: list[Account], truths: list[tuple[Account, Truth]], told: int) -> dict[str, Any]:
    """After a listing of each account."""
    result: dict[str, Any] = {"events": told, "orders": len(truths), "wrong": 0, "positions off": 0}
    for account in accounts:
        mine = [truth for owner, truth in truths if owner == account]
        news.record(account.connection_id, [t.now for t in mine], "listing", timezone.now() + timedelta(seconds=10))
        kept = all_kept(account.pk)
        result["wrong"] += len(kept) - len(mine)
        result["wrong"] += sum(kept[truth.number] != as_there(truth.now) for truth in mine)
        there = sum(filled_there(truth.now) for truth in mine)
        result["positions off"] += sum((total for *_, total in kept.values()), ZERO) != there
    print(result)
    return result


ACCOUNTS = 4


@pytest.fixture
def accounts(trading_account: Account) -> list[Account]:
    return [trading_account, *(open_account(f"person{n}", f"5WR{n:05d}") for n in range(1, ACCOUNTS))]


@pytest.mark.parametrize(
    "events", [120, *(pytest.param(many, marks=pytest.mark.nightly) for many in (20_000, 100_000))]
)
def test_after_a_bad_line_a_snapshot_makes_all_orders_and_positions_equal(
    ledger_broker: LedgerBroker, accounts: list[Account], events: int
) -> None:
    result = replay(ledger_broker, accounts, events)
    assert (result["wrong"], result["positions off"]) == (0, 0)
    assert result["events"] >= events


def each_report_adds(update: OrderUpdate, kept: Any, now: Any) -> Any:
    numbers = itertools.count(len(kept))
    return [replace(fill, fill_id=f"{fill.fill_id}-{next(numbers)}") for fill in update.fills]


def test_a_desk_that_adds_up_reports_is_caught_by_the_snapshot(
    ledger_broker: LedgerBroker, accounts: list[Account], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fills, "new_fills", each_report_adds)
    result = replay(ledger_broker, accounts, 40)
    assert result["wrong"] > 0
    assert result["positions off"] > 0
