"""What is known of reported orders is read at once, is what the models' own queries find, and costs few statements."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from ledger_broker import LedgerBroker, a_ticket, open_account

from brokers.domain.orders import BrokerStatus, LegState, OrderUpdate
from brokers.models import Account
from trading import orders
from trading.lifecycle import Status
from trading.models import Fill, Order
from trading.protocol import known, news, watch

pytestmark = pytest.mark.django_db
CONFIRMED = ["DUPLICATE_LIKE", "PRICE_COLLAR", "NEW_DESTINATION"]


def place(account: Account, key: str = "k", **ticket: Any) -> Order:
    asked = {"ticket": a_ticket(**ticket), "source": Order.Source.API, "confirmed": CONFIRMED}
    return orders.place(account=account, idempotency_key=key, **asked)[0]


@contextmanager
def statements() -> Iterator[list[str]]:
    told: list[str] = []

    def listen(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        told.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(listen):
        yield told


def without_savepoints(told: list[str]) -> list[str]:
    return [sql for sql in told if not sql.startswith(("SAVEPOINT", "RELEASE"))]


# --- how many statements ---


def test_a_report_that_says_nothing_new_costs_one_statement(
    ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    order = place(trading_account)
    update = ledger_broker.ledger[str(order.broker_order_id)]
    with statements() as told:
        news.record(trading_account.connection_id, [update], "stream")
    assert len(told) == 1, told
    news.record(trading_account.connection_id, [ledger_broker.fill(update.broker_order_id, "4")], "stream")
    with statements() as told:
        news.record(trading_account.connection_id, [ledger_broker.ledger[update.broker_order_id]], "stream")
    assert len(told) == 2, "the fills of an order that has some"


def test_a_listing_that_says_nothing_new_costs_as_much_however_long_it_is(
    ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    for number in range(24):
        ledger_broker.place_order(trading_account.number, a_ticket(str(number + 1)), f"elsewhere-{number}")
    listed = list(ledger_broker.ledger.values())
    listed[3] = ledger_broker.fill(listed[3].broker_order_id, "1")
    news.record(trading_account.connection_id, listed, "listing", timezone.now())
    with statements() as told:
        heard = news.record(trading_account.connection_id, listed, "listing", timezone.now())
    assert (len(heard), len(told)) == (24, 2), "rows and fills"


def test_what_is_due_is_asked_by_one_statement(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    order = place(trading_account)
    with statements() as told:
        assert watch.due_accounts() == []
    Order.objects.filter(pk=order.pk).update(next_check_at=timezone.now() - timedelta(seconds=1))
    with statements() as told_then:
        assert watch.due_accounts() == [trading_account.pk]
    assert (len(told), len(told_then)) == (1, 1)


def test_a_replacement_costs_no_more_statements_than_it_did(
    controlled_broker: LedgerBroker, trading_account: Account
) -> None:
    order, changes = place(trading_account, price="190.11"), {"source": Order.Source.API, "confirmed": CONFIRMED}
    order = orders.replace(order, a_ticket(price="190.12"), idempotency_key="r1", **changes)
    with statements() as told:
        after = orders.replace(order, a_ticket(price="190.13"), idempotency_key="r2", **changes)
    assert (after.status, after.replaces_id) == (Status.WORKING, order.pk)
    told = without_savepoints(told)
    assert len(told) <= {"postgresql": 21, "sqlite": 32}[connection.vendor], "\n".join(told)


# --- the same as the models find ---


def plainly(account: Account, update: OrderUpdate) -> Order | None:
    """By our reference first, then by the broker's number."""
    rows = Order.objects.filter(account=account)
    ours = rows.filter(client_ref=update.client_ref).first() if update.client_ref else None
    if ours is not None and ours.broker_order_id in (None, update.broker_order_id):
        return ours  # type: ignore[no-any-return]
    return rows.filter(broker_order_id=update.broker_order_id).first()  # type: ignore[no-any-return]


def differ(broker: LedgerBroker, accounts: list[Account], seed: int) -> list[str]:
    """Where the rows that are read at once are other than those that the models find."""
    chance = random.Random(seed)  # noqa: S311
    placed = [place(chance.choice(accounts), f"k{n}", price=f"{180 + n}.00") for n in range(8)]
    for order in chance.sample(placed, 3):
        news.record(order.account.connection_id, [broker.fill(str(order.broker_order_id), "2")], "stream")
    numbers = [str(order.broker_order_id) for order in placed]
    lost = chance.sample(placed, 3)
    Order.objects.filter(pk__in=[order.pk for order in lost]).update(broker_order_id=None)
    references = [*(str(order.client_ref) for order in placed), "nobodys", None]
    wrong = []
    for account in accounts:
        updates = [
            replace(
                broker.ledger[chance.choice(numbers)],
                account_number=account.number,
                broker_order_id=chance.choice([*numbers, "999"]),
                client_ref=chance.choice(references),
                replaces_order_id=chance.choice([None, *numbers]),
            )
            for _ in range(30)
        ]
        found = known.Known(account.connection_id, updates)
        for update in updates:
            row, there = found.find(update), plainly(account, update)
            if (row.order if row else None) != there:
                wrong.append(f"{update.client_ref} {update.broker_order_id}: {row} {there}")
            if row is None or there is None:
                continue
            same = all(getattr(row.order, field.attname) == getattr(there, field.attname) for field in known.OF_ORDER)
            if not same or list(row.fills) != list(there.fills.all()) or row.order.account != account:
                wrong.append(f"{there.pk} is read otherwise")
    return wrong


@pytest.mark.parametrize("seed", range(3))
def test_what_is_read_at_once_is_what_the_models_find(ledger_broker: LedgerBroker, db: None, seed: int) -> None:
    accounts = [open_account(f"person{number}", f"5WK{number:05d}") for number in range(2)]
    assert differ(ledger_broker, accounts, seed) == []


@pytest.mark.parametrize("flaw", ["by number alone", "by reference alone", "of any account"])
def test_a_flawed_look_is_caught(
    ledger_broker: LedgerBroker, db: None, flaw: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(self: known.Known, update: OrderUpdate) -> known.Row | None:
        ref, number = (update.account_number, update.client_ref or ""), (update.account_number, update.broker_order_id)
        return self._by_number.get(number) if flaw == "by number alone" else self._by_ref.get(ref)

    if flaw == "of any account":
        monkeypatch.setattr(known, "_reported", lambda *sizes: real(*sizes).replace("o.account_id = a.id AND", ""))
    else:
        monkeypatch.setattr(known.Known, "find", find)
    accounts = [open_account(f"person{number}", f"5WK{number:05d}") for number in range(2)]
    assert any(differ(ledger_broker, accounts, seed) for seed in (0,))


real = known._reported


# --- what moves meanwhile ---


def test_two_reports_of_one_order_in_one_go_both_count(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    order = place(trading_account)
    number = str(order.broker_order_id)
    told = [ledger_broker.fill(number, "4"), ledger_broker.fill(number, "6")]
    news.record(trading_account.connection_id, [told[1], told[0]], "stream")
    order.refresh_from_db()
    assert (order.status, order.filled_quantity) == (Status.FILLED, Decimal(10))
    assert sum(Fill.objects.filter(order=order).values_list("quantity", flat=True)) == 10


def test_a_listing_read_before_the_row_moved_begins_no_bust(
    ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    """It was compared with a row that is no longer there: less than that row had says nothing of this one."""
    number = str(place(trading_account).broker_order_id)
    news.record(trading_account.connection_id, [ledger_broker.fill(number, "4")], "stream")
    update = ledger_broker.ledger[number]
    row = known.Known(trading_account.connection_id, [update]).find(update)
    assert row is not None
    news.record(trading_account.connection_id, [ledger_broker.fill(number, "3")], "stream")
    (state,) = update.legs
    less = replace(update, legs=(LegState(state.leg, state.leg.quantity, ()),), version=row.order.broker_version)
    less = replace(less, legs=(replace(less.legs[0], executed=Decimal(0)),), status=BrokerStatus.WORKING)
    began = timezone.now() + timedelta(seconds=30)
    news.hear(row.order, less, "listing", began, kept=row.fills)
    assert Order.objects.get(pk=row.order.pk).decrease_seen_at is None
    fresh = known.again(row.order.pk)
    news.hear(fresh.order, replace(less, version=fresh.order.broker_version), "listing", began, kept=fresh.fills)
    assert Order.objects.get(pk=row.order.pk).decrease_seen_at == began, "of the row as it is it does"
