"""News of orders in any order, doubled, dropped and late: what stands here in the end is what stands there."""

import itertools
import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Sum
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from ledger_broker import LedgerBroker, a_ticket, open_account, raiser

from brokers.domain.orders import BrokerStatus, OrderUpdate
from brokers.errors import OutcomeUnknown
from brokers.models import Account
from trading import lifecycle, orders
from trading.lifecycle import Standing, Status
from trading.models import Fill, Order, Replacement
from trading.protocol import fills, news, reading

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(7_200)]
ZERO = Decimal(0)
WORKS = (BrokerStatus.ROUTED, BrokerStatus.WORKING)
OPEN = (*WORKS, BrokerStatus.CANCEL_REQUESTED)
SIZE = 10


def filled_there(update: OrderUpdate) -> Decimal:
    return sum((fill.quantity for fill in update.fills), ZERO)


class Truth:
    """One order at the broker, and all that was ever to be told of it."""

    def __init__(self, broker: LedgerBroker, number: str) -> None:
        self.broker, self.number = broker, number
        self.past = [self.now]

    @property
    def now(self) -> OrderUpdate:
        return self.broker.ledger[self.number]

    @property
    def left(self) -> Decimal:
        return self.now.legs[0].remaining

    def move(self, status: BrokerStatus, word: str) -> None:
        self.past.append(self.broker.move(self.number, status, word))

    def fill(self, quantity: Decimal) -> None:
        """A partial fill; what is being cancelled stays that."""
        was = self.now
        self.broker.fill(self.number, str(quantity))
        if self.left and was.status is BrokerStatus.CANCEL_REQUESTED:
            self.broker.move(self.number, was.status, was.broker_status)
        self.past.append(self.now)

    def step(self, chance: random.Random) -> None:
        """Whatever comes next in an order's life."""
        if self.now.status not in OPEN:
            return
        match chance.randrange(7):
            case 0 if self.now.status is BrokerStatus.ROUTED:
                self.move(BrokerStatus.WORKING, "Live")
            case 1 | 2 | 3:
                self.fill(min(self.left, Decimal(chance.randint(1, 4))))
            case 4:
                self.move(BrokerStatus.CANCEL_REQUESTED, "Cancel Requested")
            case 5 if self.now.status is BrokerStatus.CANCEL_REQUESTED:
                self.move(chance.choice([BrokerStatus.CANCELLED, BrokerStatus.WORKING]), "So it ended")
            case 6 if chance.random() < 0.2:
                self.move(BrokerStatus.EXPIRED, "Expired")


def as_kept(order: Order) -> tuple[str, Decimal, Decimal]:
    total = order.fills.aggregate(total=Sum("quantity"))["total"] or ZERO
    return order.status, order.filled_quantity, total


def as_there(update: OrderUpdate) -> tuple[str, Decimal, Decimal]:
    status = reading.status_of(update)
    done = filled_there(update)
    if status in (Status.ACCEPTED, Status.WORKING) and done:
        status = Status.PARTIAL
    return status, done, done


# --- the stateful model ---

ACCOUNT_NUMBERS = itertools.count(1)


class News(RuleBasedStateMachine):
    """Told in any order what happened in one; after each step the row must be one that could be."""

    broker: LedgerBroker

    def tell(self, update: OrderUpdate, source: str = "stream", began: Any = None) -> None:
        news.record(self.account.connection_id, [update], source, began)

    @initialize(lost=st.booleans())
    def begin(self, lost: bool) -> None:
        number = f"5WS{next(ACCOUNT_NUMBERS):05d}"
        self.account: Account = open_account(number, number)
        self.broker.after = raiser(OutcomeUnknown("No answer")) if lost else lambda: None
        self.broker.keeps_id, self.asked = True, 0
        self.replaced_before = self.broker.calls.count("replace")
        self.order, _ = orders.place(
            account=self.account, ticket=a_ticket(str(SIZE)), idempotency_key="one", source=Order.Source.API
        )
        self.truth = Truth(self.broker, next(reversed(self.broker.ledger)))
        self.before: tuple[Status, Decimal, int] = (Status(self.order.status), ZERO, 0)

    @precondition(lambda self: self.truth.now.status is BrokerStatus.ROUTED)
    @rule()
    def goes_live(self) -> None:
        self.truth.move(BrokerStatus.WORKING, "Live")

    @precondition(lambda self: self.truth.now.status in OPEN)
    @rule(quantity=st.integers(1, SIZE))
    def fills(self, quantity: int) -> None:
        self.truth.fill(min(self.truth.left, Decimal(quantity)))

    @precondition(lambda self: self.truth.now.status in WORKS)
    @rule()
    def is_to_be_cancelled(self) -> None:
        self.truth.move(BrokerStatus.CANCEL_REQUESTED, "Cancel Requested")

    @precondition(lambda self: self.truth.now.status is BrokerStatus.CANCEL_REQUESTED)
    @rule(refused=st.booleans())
    def cancel_is_answered(self, refused: bool) -> None:
        self.truth.move(BrokerStatus.WORKING if refused else BrokerStatus.CANCELLED, "Answered")

    @precondition(lambda self: self.truth.now.status in OPEN)
    @rule()
    def expires(self) -> None:
        self.truth.move(BrokerStatus.EXPIRED, "Expired")

    @rule(data=st.data(), times=st.integers(1, 3))
    def old_news_come(self, data: st.DataObject, times: int) -> None:
        for _ in range(times):
            self.tell(data.draw(st.sampled_from(self.truth.past)))

    @rule()
    def the_listing_comes(self) -> None:
        self.tell(self.truth.now, "listing", timezone.now())

    @precondition(lambda self: Order.objects.get(pk=self.order.pk).can_cancel)
    @rule()
    def a_person_cancels(self) -> None:
        orders.cancel(self.order)
        self.truth.past.append(self.truth.now)

    @precondition(lambda self: self.truth.now.status in WORKS and Order.objects.get(pk=self.order.pk).can_replace)
    @rule(cents=st.integers(0, 99), lost=st.sampled_from(["", "before", "after"]))
    def a_person_replaces(self, cents: int, lost: str) -> None:
        """New terms under the same number; the answer comes, or is lost before or after the broker did it."""
        row = Order.objects.get(pk=self.order.pk)
        price = f"188.{cents:02d}"
        if row.limit_price == -Decimal(price) or self.truth.now.limit_price == -Decimal(price):
            return
        fail = raiser(OutcomeUnknown("No answer"))
        self.broker.replace_before = fail if lost == "before" else lambda: None
        self.broker.replace_after = fail if lost == "after" else lambda: None
        self.asked += 1
        ticket, key = a_ticket(str(SIZE), price), f"r{self.asked}"
        with suppress(orders.NotReplaceable):  # it filled while nobody had told
            orders.replace(row, ticket, idempotency_key=key, source=Order.Source.API)
        if self.truth.now is not self.truth.past[-1]:
            self.truth.past.append(self.truth.now)

    @precondition(lambda self: Order.objects.get(pk=self.order.pk).replace_pending)
    @rule(seconds=st.integers(1, 400))
    def time_passes_for_a_replacement_in_doubt(self, seconds: int) -> None:
        Replacement.objects.filter(order=self.order, status__in=lifecycle.ASKED_OPEN).update(
            created_at=timezone.now() - timedelta(seconds=seconds), sent_at=timezone.now() - timedelta(seconds=seconds)
        )
        Order.objects.filter(pk=self.order.pk).update(next_check_at=timezone.now())
        orders.look_up(self.account, timezone.now())

    @rule()
    def the_desk_starts_anew(self) -> None:
        """Whoever was sending has died."""
        row = Order.objects.get(pk=self.order.pk)
        if row.status == Status.UNKNOWN:
            Order.objects.filter(pk=row.pk).update(next_check_at=timezone.now())
            orders.look_up(self.account, timezone.now())

    @invariant()
    def nothing_impossible_stands_here(self) -> None:
        row = Order.objects.get(pk=self.order.pk)
        status, filled = Status(row.status), row.filled_quantity
        was, had, version = self.before
        assert had <= filled <= row.quantity, "fills only grow, and never beyond the order"
        assert filled <= filled_there(self.truth.now), "nothing is filled that was not"
        kept = as_kept(row)[2]
        assert kept <= filled_there(self.truth.now), "each fill counts once"
        if was in lifecycle.ENDED and status is not was:
            assert (was, status) in {(end, Status.FILLED) for end in lifecycle.ENDED}, f"{was} was left for {status}"
        assert row.broker_version >= version, "what is older never takes the place of what is newer"
        assert not (filled and status in (Status.ACCEPTED, Status.WORKING)), "what is filled in part is called so"
        assert row.seq == row.events.count(), "each change has its line"
        assert Order.objects.filter(account=self.account).count() == 1, "one order, one row"
        asked = Replacement.objects.filter(order=row, status__in=lifecycle.ASKED_OPEN)
        assert asked.count() <= 1, "one change at a time"
        assert self.broker.calls.count("replace") <= self.replaced_before + self.asked, "a change is sent once"
        self.before = (status, filled, row.broker_version)

    def teardown(self) -> None:
        self.tell(self.truth.now, "listing", timezone.now() + timedelta(seconds=10))
        assert as_kept(Order.objects.get(pk=self.order.pk)) == as_there(self.truth.now)


def run(broker: LedgerBroker, runs: int, steps: int) -> None:
    News.broker = broker
    quick = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    shape = settings(
        max_examples=runs, stateful_step_count=steps, deadline=None, suppress_health_check=quick, database=None,
        print_blob=False, phases=[Phase.generate], report_multiple_bugs=False,
    )  # fmt: skip
    run_state_machine_as_test(News, settings=shape)


@pytest.mark.parametrize("versions", ["versions", "no versions"])
@pytest.mark.parametrize(("runs", "steps"), [(8, 15), pytest.param(2_500, 50, marks=pytest.mark.nightly)])
def test_whatever_is_told_in_whatever_order_the_row_is_one_that_could_be(
    ledger_broker: LedgerBroker, db: None, runs: int, steps: int, versions: str
) -> None:
    if versions == "no versions":
        ledger_broker.versions = iter(lambda: 0, 1)
        ids = itertools.count()
        fill = ledger_broker.fill

        def with_own_names(number: str, quantity: str, price: str = "189.99") -> OrderUpdate:
            """Fills are named by the broker's versions, of which there are none here."""
            before = {fill.fill_id for fill in ledger_broker.ledger[number].fills}
            update = fill(number, quantity, price)
            state = update.legs[0]
            named = (*state.fills[:-1], replace(state.fills[-1], fill_id=f"own-{next(ids)}"))
            assert len(before) == len(named) - 1
            ledger_broker.ledger[number] = replace(update, legs=(replace(state, fills=named),))
            return ledger_broker.ledger[number]

        ledger_broker.fill = with_own_names  # type: ignore[method-assign]
    run(ledger_broker, runs, steps)


def last_word_wins(standing: Standing, status: Status, version: int, filled: Decimal, *, newer: bool = False) -> Any:
    return Standing(status if lifecycle.can_move(standing.status, status) else standing.status, version, filled)


def each_report_adds(update: OrderUpdate, kept: Any, now: Any) -> Any:
    numbers = itertools.count(len(kept))
    return [replace(fill, fill_id=f"{fill.fill_id}-{next(numbers)}") for fill in update.fills]


@pytest.mark.parametrize("sabotage", ["the last word wins", "each report adds"])
def test_the_same_model_catches_a_desk_that(
    sabotage: str, ledger_broker: LedgerBroker, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if sabotage == "the last word wins":
        monkeypatch.setattr(Standing, "hear", last_word_wins)
    else:
        monkeypatch.setattr(fills, "new_fills", each_report_adds)
    with pytest.raises((AssertionError, ExceptionGroup)):
        run(ledger_broker, 40, 20)


# --- many orders, and a line that doubles, mixes up and drops ---


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


def replay(broker: LedgerBroker, accounts: list[Account], events: int) -> dict[str, Any]:
    chance = random.Random(10)  # noqa: S311
    truths: list[tuple[Account, Truth]] = []
    for number in range(max(4, events // 4)):
        account = accounts[number % len(accounts)]
        ticket = a_ticket(str(SIZE), f"{100 + number // 100}.{number % 100:02d}")
        order, _ = orders.place(account=account, ticket=ticket, idempotency_key=f"k{number}", source=Order.Source.API)
        truths.append((account, Truth(broker, str(order.broker_order_id))))
    told: list[OrderUpdate] = []
    alive = list(truths)
    while len(told) < events and alive:
        place = chance.randrange(len(alive))
        _, truth = alive[place]
        before = len(truth.past)
        truth.step(chance)
        told += truth.past[before:]
        if truth.now.status not in OPEN:
            alive[place] = alive[-1]
            alive.pop()
    connection_of = {account.number: account.connection_id for account in accounts}
    for update in through_a_bad_line(told, chance):
        news.record(connection_of[update.account_number], [update], "stream")
    result: dict[str, Any] = {"events": len(told), "orders": len(truths), "wrong": 0, "positions off": 0}
    for account in accounts:
        mine = [truth for owner, truth in truths if owner == account]
        news.record(account.connection_id, [t.now for t in mine], "listing", timezone.now() + timedelta(seconds=10))
        rows = {row.broker_order_id: row for row in Order.objects.filter(account=account)}
        result["wrong"] += sum(as_kept(rows[truth.number]) != as_there(truth.now) for truth in mine)
        there = sum(filled_there(truth.now) for truth in mine)
        here = Fill.objects.filter(order__account=account).aggregate(total=Sum("quantity"))["total"] or ZERO
        result["positions off"] += here != there
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
    assert result["events"] > events / 4


def test_a_desk_that_adds_up_reports_is_caught_by_the_snapshot(
    ledger_broker: LedgerBroker, accounts: list[Account], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fills, "new_fills", each_report_adds)
    result = replay(ledger_broker, accounts, 40)
    assert result["wrong"] > 0
    assert result["positions off"] > 0
