"""What the controls read of an account in two written-out statements is what the plain queries say, on many pasts."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Q, Sum
from django.utils import timezone
from ledger_broker import AAPL, a_ticket, open_account

from brokers.domain.instruments import Equity
from brokers.models import Account
from trading import lifecycle, tickets
from trading.lifecycle import Asked, Status
from trading.models import Halt, Order, Replacement
from trading.patterns.gathering import REFUSED as NOBODY_TOOK
from trading.risk.facts import Snapshot
from trading.safety import account_counts, account_orders, snapshots

pytestmark = pytest.mark.django_db
SYMBOLS, PRINTS, SOURCES = ("AAPL", "SPY"), ("a" * 64, "b" * 64, ""), (Order.Source.WEB, Order.Source.API)
AGES = (0, 0.5, 3, 30, 58, 62, 300, 4 * 86400, 6 * 86400)
ZERO = Decimal(0)


def past_of(accounts: list[Account], now: datetime, chance: random.Random) -> None:
    """Orders of every state and age, some adopted, some from elsewhere; a few replacements; a halt that was armed."""
    orders: list[Order] = []
    for number in range(90):
        account, quantity = chance.choice(accounts), Decimal(chance.randint(1, 9))
        at = [now - timedelta(seconds=chance.choice(AGES) + chance.random() / 4) for _ in range(3)]
        status = chance.choice(list(Status))
        adopted = chance.choice(orders) if orders and chance.random() < 0.1 else None
        fields: dict[str, Any] = {
            "account": account,
            "user_id": account.connection.user_id,
            "source": chance.choice(SOURCES),
            "is_external": chance.random() < 0.15,
            "ticket_sha256": chance.choice(PRINTS),
            "status": status,
            "symbol": (symbol := chance.choice(SYMBOLS)),
            "action": "buy_to_open",
            "quantity": quantity,
            "filled_quantity": chance.choice([ZERO, ZERO, quantity, Decimal(1)]),
            "limit_price": -Decimal(chance.randint(100, 900)) / 7,
            "notional": Decimal(chance.randint(1, 10**6)) / 100,
            "reserved": chance.choice([None, Decimal(chance.randint(1, 10**6)) / 100]),
            "created_at": at[0],
            "changed_at": max(at[0], at[1]),
            "first_seen_at": chance.choice([None, max(at[0], at[2])]),
            "error_code": chance.choice(["", "KILL_SWITCH", "ORDER_QTY"]),
            "adopted_by": adopted,
            "replaces": chance.choice(orders) if orders and chance.random() < 0.1 else None,
            "ticket": {"legs": [{"symbol": symbol, "action": "buy_to_open", "quantity": str(quantity)}]},
        }
        orders.append(Order.objects.create(order_type="limit", time_in_force="day", underlying=symbol, **fields))
        if chance.random() < 0.2:
            replacement(orders[-1], str(number), now, chance)
    for source in SOURCES:
        if chance.random() < 0.5:
            armed = now - timedelta(seconds=chance.choice((5, 40, 90)))
            halt = {"scope_kind": "account", "account": accounts[0], "source": source, "state": "halted", "reason": "x"}
            Halt.objects.create(pressed_at=armed, rearmed_at=armed, **halt)


def replacement(order: Order, key: str, now: datetime, chance: random.Random) -> None:
    status = chance.choice(list(Asked))
    Replacement.objects.create(
        account=order.account,
        order=order,
        user_id=order.user_id,
        chain=order.pk,
        source=order.source,
        idempotency_key=key,
        ticket=tickets.to_json(a_ticket("3")),
        ticket_sha256="c" * 64,
        status=status,
        created_at=now - timedelta(seconds=chance.choice(AGES)),
        settled_at=chance.choice([None, now - timedelta(seconds=chance.choice(AGES))]),
        reserved=chance.choice([None, Decimal("12.34")]),
    )


# --- the same, asked plainly ---


def working(account: Account, since: datetime, left_out: list[str]) -> set[str]:
    mine = Q(account=account) & (
        Q(status__in=account_orders.MAY_FILL) | Q(filled_quantity__gt=0, changed_at__gte=since)
    )
    others = Q(account__connection__user_id=account.connection.user_id, status__in=account_orders.MAY_FILL)
    rows = Order.objects.filter(mine | (others & Q(symbol__in=["AAPL"]) & ~Q(account=account)), adopted_by=None)
    filled = Q(filled_quantity__gt=0, changed_at__gte=since)
    return {str(row.pk) for row in rows.exclude(Q(pk__in=left_out) & ~filled)}


def reserved(account: Account, since: datetime, left_out: list[str]) -> Decimal:
    unseen = Q(first_seen_at__gte=since) & (Q(status__in=lifecycle.OPEN) | Q(filled_quantity__gt=0))
    rows = Order.objects.filter(Q(status__in=lifecycle.UNCERTAIN) | unseen, account=account, adopted_by=None)
    done = Q(status=Asked.DONE, settled_at__gte=since)
    changes = Replacement.objects.filter(Q(status__in=lifecycle.ASKED_OPEN) | done, account=account)
    both = (rows.exclude(pk__in=left_out), changes)
    return sum((one.aggregate(total=Sum("reserved"))["total"] or ZERO for one in both), ZERO)


def twins(account: Account, now: datetime, left_out: list[str]) -> set[str]:
    lately = Q(created_at__gte=now - timedelta(seconds=60)) & ~Q(status__in=lifecycle.NEVER_THERE)
    rows = Order.objects.filter(Q(status__in=lifecycle.UNCERTAIN) | lately, account=account, adopted_by=None)
    return {str(row.pk) for row in rows.filter(ticket_sha256="a" * 64).exclude(pk__in=left_out)}


def sent(account: Account, now: datetime, seconds: int) -> int:
    lately = {"account": account, "created_at__gt": now - timedelta(seconds=seconds)}
    ours = Order.objects.filter(is_external=False, replaces=None, **lately).exclude(status=Status.DENIED)
    return ours.count() + Replacement.objects.filter(**lately).exclude(status=Asked.DENIED).count()


def by_all(now: datetime, seconds: int) -> Any:
    since = now - timedelta(seconds=seconds)
    gone_out = Order.objects.exclude(status__in=(Status.DENIED, Status.NOT_SENT))
    return gone_out.filter(is_external=False, created_at__gt=since)


def past(account: Account, now: datetime) -> list[str]:
    taken = Order.objects.filter(account=account, is_external=False, symbol="AAPL").exclude(status__in=NOBODY_TOOK)
    rows = taken.filter(created_at__gte=now - timedelta(days=5)).order_by("-created_at")[:10]
    return [str(row.pk) for row in rows]


def compared(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    chance, now = random.Random(seed), timezone.now()  # noqa: S311 (the same pasts each time)
    here, there, stranger = (open_account(*who) for who in (("trader", "1"), ("trader", "2"), ("stranger", "3")))
    past_of([here, here, there, stranger], now, chance)
    monkeypatch.setattr(timezone, "now", lambda: now)
    since = now - timedelta(seconds=45)
    first = Order.objects.filter(account=here, status__in=lifecycle.OPEN).values_list("pk", flat=True).first()
    left_out = [str(first)] if seed % 2 else []
    empty = Snapshot(now=now, source="web", symbols=("AAPL",), fingerprints=("a" * 64,), figures_at=since)
    asked = (frozenset({AAPL}), frozenset({Equity("SPY")}))
    seen = snapshots.renew(replace(empty, leaving_out=tuple(left_out), asked=asked), here)
    assert {one.order_id for one in seen.working or ()} == working(here, since, left_out)
    assert seen.reserved == reserved(here, since, left_out).quantize(Decimal("0.01"))
    assert {one.order_id for one in seen.twins or ()} == twins(here, now, left_out)
    assert seen.sent is not None
    assert seen.sent_by_all is not None
    assert [seen.sent.second, seen.sent.minute, seen.sent.day] == [sent(here, now, span) for span in (1, 60, 86400)]
    assert seen.sent_by_all.second == by_all(now, 1).count()
    assert seen.sent_by_all.dollars == sum((row.notional or ZERO for row in by_all(now, 60)), ZERO)
    assert seen.refusals == snapshots.refusals(here, "web", now)
    found = account_orders.read(here, since, now, asked=[frozenset({"AAPL"}), frozenset({"SPY"})]).past
    assert [str(row.pk) for row in found if row.symbol == "AAPL"] == past(here, now)


@pytest.mark.parametrize("seed", range(6))
def test_both_ways_tell_the_same(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    compared(monkeypatch, seed)


FLAWS: dict[str, Callable[[str], str]] = {
    "adopted ones too": lambda sql: sql.replace("AND adopted_by_id IS NULL", ""),
    "only what works": lambda sql: sql.replace("filled_quantity > 0", "filled_quantity > 99"),
    "of strangers": lambda sql: sql.replace("WHERE c.user_id = %(person)s", "WHERE c.user_id <> -%(person)s"),
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_statement_that_forgets_something_is_seen(flaw: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twins: else the comparison above would prove nothing."""
    real = account_orders._sql
    monkeypatch.setattr(account_orders, "_sql", lambda *sizes: FLAWS[flaw](real(*sizes)))
    with pytest.raises(AssertionError):
        compared(monkeypatch, 2)


def test_counts_that_forget_the_refused_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_counts, "SQL", account_counts.SQL.replace("AND NOT is_external", ""))
    with pytest.raises(AssertionError):
        compared(monkeypatch, 2)
