"""Orders in doubt while listings fail, lie or lag: never "not placed" of one that is there, and never sent again."""

import random
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from itertools import cycle
from typing import Any

import pytest
from desk_clock import DeskClock
from ledger_broker import LedgerBroker, a_ticket, raiser

from brokers.domain.orders import OrderUpdate
from brokers.errors import OutcomeUnknown, Unavailable, UnexpectedReply
from brokers.models import Account
from trading import lifecycle, orders
from trading.lifecycle import Status
from trading.models import Order, OrderEvent
from trading.protocol import reconcile

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("room_for_all"), pytest.mark.timeout(600)]
LIES = ("5xx", "no address", "unreadable", "last page missing", "empty", "a minute old", "wrong account")


class Liar:
    """Three of ten listings fail or are wrong, in ways that brokers' listings are: in each of them in turn."""

    def __init__(self, broker: LedgerBroker, clock: DeskClock, chance: random.Random) -> None:
        self.broker, self.clock, self.chance = broker, clock, chance
        self.honest = broker.get_orders
        self.told: Counter[str] = Counter()
        self.next_lies = cycle(chance.sample(LIES, len(LIES)))
        self.seen_at: list[tuple[Any, list[OrderUpdate]]] = []

    def get_orders(self, number: str, since: date) -> list[OrderUpdate]:
        truth = self.honest(number, since)
        self.seen_at.append((self.clock.offset, truth))
        if self.chance.random() >= 0.3:
            return truth
        lie = next(self.next_lies)
        self.told[lie] += 1
        if lie == "5xx":
            raise Unavailable("The broker is away.")
        if lie == "no address":
            raise Unavailable("The broker's host can't be found.")
        if lie == "unreadable":
            raise UnexpectedReply("The listing could not be read.")
        if lie == "last page missing":
            raise UnexpectedReply("The listing broke off before its last page.")
        if lie == "empty":
            return []
        if lie == "wrong account":
            raise UnexpectedReply("The listing is of another account.")
        return next((old for at, old in reversed(self.seen_at) if (self.clock.offset - at).total_seconds() > 60), [])


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> DeskClock:
    return DeskClock(monkeypatch)


def doubtful_orders(broker: LedgerBroker, account: Account, how_many: int, chance: random.Random) -> set[str]:
    """Orders whose answers were lost; about half of them are at the broker. Those, by reference."""
    for number in range(how_many):
        there = chance.random() < 0.5
        broker.before = (lambda: None) if there else raiser(OutcomeUnknown("No answer"))
        broker.after = raiser(OutcomeUnknown("No answer"))
        ticket = a_ticket("1", f"{100 + number // 100}.{number % 100:02d}")
        orders.place(account=account, ticket=ticket, idempotency_key=f"k{number}", source=Order.Source.API)
    return {str(update.client_ref) for update in broker.ledger.values()}


def lied_to(broker: LedgerBroker, account: Account, clock: DeskClock, how_many: int) -> tuple[Liar, dict[str, int]]:
    """A quarter of an hour of lying listings. → the liar, and how the desk did."""
    chance = random.Random(8)  # noqa: S311
    known = orders.place(
        account=account, ticket=a_ticket(), idempotency_key="known", source=Order.Source.API
    )[0]  # fmt: skip
    liar = Liar(broker, clock, chance)
    there = doubtful_orders(broker, account, how_many, chance) - {known.client_ref}
    real, broker.get_orders = broker.get_orders, liar.get_orders  # type: ignore[method-assign]
    for _ in range(20):
        clock.sweep(account, 60, step=2)
        if not Order.objects.filter(status__in=lifecycle.UNCERTAIN).exists():
            break
    broker.get_orders = real  # type: ignore[method-assign]
    rows = Order.objects.exclude(pk=known.pk)
    found = rows.filter(client_ref__in=there, status__in=lifecycle.SEEN).count()
    wrong = OrderEvent.objects.filter(to_status=Status.NOT_PLACED, order__client_ref__in=there).count()
    absent = rows.exclude(client_ref__in=there)
    result = {
        "wrong": wrong, "there": len(there), "found": found, "absent": absent.count(),
        "believed": absent.filter(status=Status.NOT_PLACED).count(), "placed": broker.calls.count("place"),
    }  # fmt: skip
    print(result, dict(liar.told))
    return liar, result


@pytest.mark.parametrize("how_many", [24, pytest.param(5_000, marks=[pytest.mark.nightly, pytest.mark.timeout(7_200)])])
def test_no_order_that_is_there_is_called_not_placed_while_listings_lie(
    ledger_broker: LedgerBroker, trading_account: Account, clock: DeskClock, how_many: int
) -> None:
    liar, result = lied_to(ledger_broker, trading_account, clock, how_many)
    assert result["wrong"] == 0
    assert result["found"] == result["there"] > how_many / 4
    assert result["believed"] == result["absent"], "none is left in doubt either"
    assert result["placed"] == how_many + 1
    assert len(liar.told) >= 4, "it lied in most of its ways"


def test_whoever_takes_a_failed_or_old_listing_for_absence_is_caught(
    ledger_broker: LedgerBroker, trading_account: Account, clock: DeskClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def believe(account: Account, due: Any, error: Exception) -> None:
        for order in due:
            reconcile._count_absence(order, ledger_broker, (), clock.advance(0))

    monkeypatch.setattr(reconcile, "_note_failure", believe)
    monkeypatch.setattr(reconcile, "_is_fresh", lambda *_: True)
    for name in ("QUIET", "QUIET_UNHEARD", "ATTEMPT_LIMIT"):
        monkeypatch.setattr(reconcile, name, reconcile.FIRST_CHECK)
    monkeypatch.setattr(reconcile, "ENOUGH_LISTINGS", 1)
    monkeypatch.setattr(random.Random, "random", lambda self: 0.1)  # each listing is a lie, each order is there
    assert lied_to(ledger_broker, trading_account, clock, 12)[1]["wrong"] > 0


# --- the late appearance ---


LATE = (1, 5, 20, 45, 90, 150, 240, 300, 450, 600)
"""Seconds after the lost answer at which the broker takes the order; at the last two it is believed not to be there."""
A_SWEEP = 31


def taken_late(broker: LedgerBroker, account: Account, clock: DeskClock, moments: Sequence[int]) -> dict[str, Any]:
    """Orders that appear at the broker so late. → how many were found within a sweep, and what else came of it."""
    result = {"found": 0, "believed": 0, "alarmed": 0}
    for seconds in moments:
        broker.after = raiser(OutcomeUnknown("Timed out"))
        ticket = a_ticket("1", f"{100 + seconds}.00")
        order, _ = orders.place(account=account, ticket=ticket, idempotency_key=f"k{seconds}", source=Order.Source.API)
        number = next(name for name, update in broker.ledger.items() if update.client_ref == order.client_ref)
        broker.hidden.add(number)
        clock.sweep(account, seconds)
        order.refresh_from_db()
        result["believed"] += order.status == Status.NOT_PLACED
        broker.hidden.clear()
        clock.sweep(account, A_SWEEP)
        order.refresh_from_db()
        result["found"] += (order.status, order.broker_order_id) == (Status.ACCEPTED, number)
        result["alarmed"] += order.events.filter(kind="late").exists()
    print(result)
    return result | {"placed": broker.calls.count("place")}


@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.nightly), 3])
def test_whatever_the_broker_takes_late_is_found_within_a_sweep_alarmed_and_never_sent_again(
    every: int, ledger_broker: LedgerBroker, trading_account: Account, clock: DeskClock
) -> None:
    moments = LATE[::every]
    result = taken_late(ledger_broker, trading_account, clock, moments)
    assert (result["found"], result["placed"]) == (len(moments), len(moments))
    assert result["alarmed"] == result["believed"] == sum(seconds > 391 for seconds in moments)


@pytest.mark.parametrize("sabotage", ["looks rarely", "looks no more", "sends again"])
def test_whoever_looks_rarely_or_sends_again_is_caught(
    sabotage: str, ledger_broker: LedgerBroker, trading_account: Account, clock: DeskClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    if sabotage == "looks rarely":
        monkeypatch.setattr(reconcile, "LATE_SOON", reconcile.LATE_EVERY)
    if sabotage == "looks no more":
        monkeypatch.setattr(reconcile, "LATE_WATCH", -reconcile.LATE_WATCH)
    if sabotage == "sends again":
        monkeypatch.setattr(reconcile, "_count_absence", lambda order, broker, *_: send_anew(order, broker))
    result = taken_late(ledger_broker, trading_account, clock, [600])
    assert (result["found"], result["placed"]) != (1, 1)


def send_anew(order: Order, broker: LedgerBroker) -> None:
    """As if "not listed" were "not there"."""
    with suppress(OutcomeUnknown):
        broker.place_order(order.account.number, order.order_ticket, str(order.client_ref))
