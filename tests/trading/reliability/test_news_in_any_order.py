"""News of one order in any order, doubled, dropped and late: after each step its row is one that could be."""

import itertools
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
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
from order_truth import OPEN, SIZE, WORKS, ZERO, Kept, Truth, as_there, filled_there

from brokers.domain.orders import BrokerStatus, OrderUpdate
from brokers.errors import OutcomeUnknown
from brokers.models import Account
from trading import lifecycle, orders
from trading.lifecycle import Standing, Status
from trading.models import Order, Replacement
from trading.protocol import fills, news

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("room_for_all"), pytest.mark.timeout(7_200)]
ACCOUNT_NUMBERS = itertools.count(1)


class News(RuleBasedStateMachine):
    """Told in any order what happened in one; after each step the row must be one that could be."""

    broker: LedgerBroker
    kept: Kept
    """As it was after the last step."""

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
        self.kept = Kept(self.order)

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

    @precondition(lambda self: self.kept.row.can_cancel)
    @rule()
    def a_person_cancels(self) -> None:
        orders.cancel(self.order)
        self.truth.past.append(self.truth.now)

    @precondition(lambda self: self.truth.now.status in WORKS and self.kept.row.can_replace)
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

    @precondition(lambda self: self.kept.row.replace_pending)
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
        if self.kept.row.status == Status.UNKNOWN:
            Order.objects.filter(pk=self.order.pk).update(next_check_at=timezone.now())
            orders.look_up(self.account, timezone.now())

    @invariant()
    def nothing_impossible_stands_here(self) -> None:
        self.kept = Kept(self.order)
        row = self.kept.row
        status, filled = Status(row.status), row.filled_quantity
        was, had, version = self.before
        assert had <= filled <= row.quantity, "fills only grow, and never beyond the order"
        assert filled <= filled_there(self.truth.now), "nothing is filled that was not"
        assert self.kept.filled <= filled_there(self.truth.now), "each fill counts once"
        if was in lifecycle.ENDED and status is not was:
            assert (was, status) in {(end, Status.FILLED) for end in lifecycle.ENDED}, f"{was} was left for {status}"
        assert row.broker_version >= version, "what is older never takes the place of what is newer"
        assert not (filled and status in (Status.ACCEPTED, Status.WORKING)), "what is filled in part is called so"
        assert row.seq == self.kept.events, "each change has its line"
        assert self.kept.orders == 1, "one order, one row"
        assert self.kept.asked <= 1, "one change at a time"
        assert self.broker.calls.count("replace") <= self.replaced_before + self.asked, "a change is sent once"
        self.before = (status, filled, row.broker_version)

    def teardown(self) -> None:
        self.tell(self.truth.now, "listing", timezone.now() + timedelta(seconds=10))
        assert Kept(self.order).as_kept == as_there(self.truth.now)


def run(broker: LedgerBroker, runs: int, steps: int) -> None:
    News.broker = broker
    quick = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    shape = settings(
        max_examples=runs, stateful_step_count=steps, deadline=None, suppress_health_check=quick, database=None,
        print_blob=False, phases=[Phase.generate], report_multiple_bugs=False,
    )  # fmt: skip
    run_state_machine_as_test(News, settings=shape)


@pytest.mark.parametrize("versions", ["versions", "no versions"])
@pytest.mark.parametrize(("runs", "steps"), [(150, 50), pytest.param(2_500, 50, marks=pytest.mark.nightly)])
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
