"""Cancels and replacements at random moments, fills and lost answers between: what the broker has is what stands."""

import random
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from desk_clock import DeskClock
from ledger_broker import LedgerBroker, a_ticket, raiser

from brokers.domain.orders import BrokerStatus, OrderUpdate
from brokers.errors import OutcomeUnknown, Refused, Unavailable
from brokers.models import Account
from trading import orders
from trading.lifecycle import ASKED_OPEN, Status
from trading.models import Order, Replacement
from trading.protocol import cancels, reading, reconcile, replaces

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("room_for_all"), pytest.mark.timeout(3_600)]
OPEN = (BrokerStatus.ROUTED, BrokerStatus.WORKING)
LOST = OutcomeUnknown("No answer")
REFUSALS = ("not open", "invalid order id", "not found", "conflict")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> DeskClock:
    return DeskClock(monkeypatch)


def place(account: Account, number: int, quantity: str = "10") -> Order:
    ticket = a_ticket(quantity, f"{100 + number // 100}.{number % 100:02d}")
    return orders.place(account=account, ticket=ticket, idempotency_key=f"k{number}", source=Order.Source.API)[0]


def as_there(update: OrderUpdate) -> tuple[str, Decimal]:
    filled = sum((fill.quantity for fill in update.fills), Decimal(0))
    status = reading.status_of(update)
    return (Status.PARTIAL if filled and status in (Status.ACCEPTED, Status.WORKING) else status), filled


# --- cancels ---


class CancelDesk:
    """A broker at which anything may happen to a cancel; how often each order was asked for is counted."""

    def __init__(self, broker: LedgerBroker, chance: random.Random) -> None:
        self.broker, self.chance = broker, chance
        self.honest = broker.cancel_order
        self.asked: Counter[str] = Counter()

    def cancel_order(self, account_number: str, number: str) -> OrderUpdate:
        self.asked[number] += 1
        match self.chance.randrange(6):
            case 0:
                raise LOST  # it never arrived
            case 1:
                self.honest(account_number, number)
                self.broker.move(number, BrokerStatus.CANCELLED, "Cancelled")
                raise LOST
            case 2 if self.broker.ledger[number].status in OPEN:
                self.broker.fill(number, str(self.broker.ledger[number].legs[0].remaining))
                raise Refused(self.chance.choice(REFUSALS), broker="tastytrade")
            case 3:
                raise Unavailable("The broker is away.")
            case 4:
                self.honest(account_number, number)
                return self.broker.move(number, BrokerStatus.CANCELLED, "Cancelled")
            case _:
                return self.honest(account_number, number)


def cancel_many(broker: LedgerBroker, account: Account, clock: DeskClock, how_many: int) -> dict[str, int]:
    chance = random.Random(12)  # noqa: S311
    desk = CancelDesk(broker, chance)
    broker.cancel_order = desk.cancel_order  # type: ignore[method-assign]
    for number in range(how_many):
        order = place(account, number)
        if chance.random() < 0.4:
            broker.fill(str(order.broker_order_id), str(chance.randint(1, 10)))
        if chance.random() < 0.5:
            reconcile.refresh(account)
        try:
            orders.cancel(order)
        except orders.NotCancellable:
            continue
    for update in list(broker.ledger.values()):
        if update.status is BrokerStatus.CANCEL_REQUESTED:
            ends = [BrokerStatus.CANCELLED, BrokerStatus.WORKING]
            broker.move(update.broker_order_id, chance.choice(ends), "Answered")
    clock.sweep(account, 240, step=5)
    rows = list(Order.objects.all())
    wrong = [row for row in rows if (row.status, row.filled_quantity) != as_there(broker.ledger[row.broker_order_id])]
    result = {
        "cancels": len(desk.asked), "wrong": len(wrong), "pending": sum(row.cancel_pending for row in rows),
        "most tries": max(desk.asked.values()),
    }  # fmt: skip
    print(result, dict(Counter(row.status for row in rows)))
    return result


@pytest.mark.parametrize("how_many", [40, pytest.param(2_000, marks=pytest.mark.nightly)])
def test_cancels_at_random_moments_end_as_the_broker_has_them_after_three_tries_at_most(
    ledger_broker: LedgerBroker, trading_account: Account, clock: DeskClock, how_many: int
) -> None:
    result = cancel_many(ledger_broker, trading_account, clock, how_many)
    assert (result["wrong"], result["pending"]) == (0, 0)
    assert result["most tries"] <= cancels.MOST_TRIES
    assert result["cancels"] > how_many / 2


def test_a_desk_that_takes_a_refused_cancel_for_the_end_is_caught(
    ledger_broker: LedgerBroker, trading_account: Account, clock: DeskClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def believe(order: Order, error: Refused) -> Order:
        order.refresh_from_db()
        order.change(kind="cancel", source="post", words="Gone.", to=Status.CANCELLED, cancel_pending=False)
        return order

    monkeypatch.setattr(cancels, "_cancel_refused", believe)
    monkeypatch.setattr(reconcile, "refresh", lambda account: [])
    monkeypatch.setattr(reconcile, "look_up", lambda account, now: None)
    assert cancel_many(ledger_broker, trading_account, clock, 30)["wrong"] > 0


# --- replacements ---


def intended(account: Account) -> Decimal:
    """The most that may be executed of what was ever asked for: of each chain the largest quantity."""
    chains: dict[Any, Decimal] = {}
    for order in Order.objects.filter(account=account, is_external=False):
        chains[order.chain_id] = max(chains.get(order.chain_id, Decimal(0)), order.quantity)
    return sum(chains.values(), Decimal(0))


def chains_doubled(broker: LedgerBroker) -> list[str]:
    """Orders that work beside the one that was to take their place."""
    works = {number for number, update in broker.ledger.items() if update.status in OPEN}
    return [number for number in works if broker.ledger[number].replaces_order_id in works]


def replace_many(broker: LedgerBroker, account: Account, clock: DeskClock, how_many: int) -> dict[str, Any]:
    """Chains of replacements; before, between and after them fills, answers lost on both sides of the deed."""
    chance = random.Random(13)  # noqa: S311
    asked = doubled = 0
    order, number = place(account, 0), 0
    while asked < how_many:
        faults = [lambda: None] * 3 + [raiser(LOST), raiser(Refused("Not now", broker="tastytrade"))]
        broker.replace_before = chance.choice(faults)
        broker.replace_after = chance.choice([*faults[:4], lambda: None])
        if chance.random() < 0.15 and broker.ledger[str(order.broker_order_id)].status in OPEN:
            left = broker.ledger[str(order.broker_order_id)].legs[0].remaining
            broker.fill(str(order.broker_order_id), str(min(left, Decimal(chance.randint(1, 4)))))
        try:
            ticket = a_ticket(str(order.quantity), f"{150 + asked // 100}.{asked % 100:02d}")
            order = orders.replace(order, ticket, idempotency_key=f"r{asked}", source=Order.Source.API)
            asked += 1
        except orders.NotReplaceable:
            clock.sweep(account, 280, step=45)
            order.refresh_from_db()
            heir = Order.objects.filter(replaces=order).first()
            if heir is not None:
                order = heir
            elif not order.is_open:
                number += 1
                order = place(account, number)
        doubled += len(chains_doubled(broker))
    broker.replace_before = broker.replace_after = lambda: None
    clock.sweep(account, 420, step=45)
    executed = sum((sum(f.quantity for f in u.fills) for u in _leaves(broker)), Decimal(0))
    rows = {row.broker_order_id: row for row in Order.objects.shown()}
    there = broker.ledger
    wrong = [n for n, update in there.items() if (rows[n].status, rows[n].filled_quantity) != as_there(update)]
    alarms = Order.objects.filter(events__kind="alarm").distinct().count()
    result = {
        "asked": asked, "sent": broker.calls.count("replace"), "doubled": doubled, "alarms": alarms,
        "open": Replacement.objects.filter(status__in=ASKED_OPEN).count(), "wrong": len(wrong),
        "executed": executed, "intended": intended(account),
        "outcomes": dict(Counter(Replacement.objects.values_list("status", flat=True))),
    }  # fmt: skip
    print(result)
    return result


def _leaves(broker: LedgerBroker) -> list[OrderUpdate]:
    """Orders that no other one took the place of: a successor's fills include those before it."""
    return [update for update in broker.ledger.values() if update.replaced_by_order_id is None]


@pytest.mark.parametrize("keeps_id", [False, True])
@pytest.mark.parametrize("how_many", [20, pytest.param(1_000, marks=pytest.mark.nightly)])
def test_replacements_between_fills_and_lost_answers_never_make_two_of_one(
    ledger_broker: LedgerBroker, trading_account: Account, clock: DeskClock, how_many: int, keeps_id: bool
) -> None:
    ledger_broker.keeps_id = keeps_id
    result = replace_many(ledger_broker, trading_account, clock, how_many)
    assert result["sent"] == result["asked"] == how_many
    assert (result["doubled"], result["open"], result["wrong"]) == (0, 0, 0)
    assert result["executed"] <= result["intended"]
    assert len(result["outcomes"]) >= 3, "the faults did not strike"


def test_whoever_places_anew_when_a_replacement_is_not_confirmed_is_caught(
    ledger_broker: LedgerBroker, trading_account: Account, clock: DeskClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancel-and-new by hand after a lost answer: the successor works, and so does the new one."""
    order = place(trading_account, 0)
    ledger_broker.replace_after = raiser(LOST)
    send, again = replaces._send, a_ticket("10", "151.00")

    def anew(replacement: Replacement, ticket: Any, broker: Any) -> Order:
        send(replacement, ticket, broker)
        return orders.place(account=trading_account, ticket=again, idempotency_key="anew", source=Order.Source.API)[0]

    monkeypatch.setattr(replaces, "_send", anew)
    orders.replace(order, again, idempotency_key="r", source=Order.Source.API)
    works = [update for update in ledger_broker.ledger.values() if update.status in OPEN]
    assert sum(update.legs[0].remaining for update in works) > order.quantity
