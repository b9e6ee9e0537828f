"""The facts that the rules look at, read from the database: each about one person."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from django.core.cache import cache

from brokers.domain.instruments import Crypto, Equity, Instrument, Option, parse_instrument
from brokers.models import Account
from trading import lifecycle, plain_sql
from trading.audit.models import AuditRecord
from trading.models import Fill, Order, OrderEvent
from trading.patterns.confirming import Last
from trading.patterns.facts import Act, ActKind, InDoubt, Renewal, Sent, TurnedAway
from trading.patterns.rules import MEMORY
from trading.risk.facts import Habits

MOST = 20_000
LOOKED_AT = 10
KEPT = 60
SHARES = Decimal(100)
REFUSED = lifecycle.NEVER_THERE | {lifecycle.Status.BROKER_REJECTED}
TURNED_AWAY = ("order.refused", "order.replayed")
BY_ID_OR_AGE = frozenset({"replayed", "idempotency_key_reused", "preview_invalid", "SIGNAL_AGE"})
RENEWED = ("connection.refreshed", "connection.refused")
FIELDS = (
    "pk", "account_id", "created_at", "source", "symbol", "action", "quantity", "limit_price", "average_fill_price",
    "status", "error_code",
)  # fmt: skip


def sent_by(user_id: int, since: datetime) -> list[Sent]:
    """What a person asked for here, oldest first; not what replaced an order, for that is one order's life."""
    orders = Order.objects.filter(user_id=user_id, is_external=False, replaces=None, created_at__gte=since)
    rows = orders.order_by("-created_at").values_list(*FIELDS, named=True)[:MOST]
    return [_sent(row) for row in reversed(list(rows))]


def sent_like(order: Order, since: datetime) -> list[Sent]:
    """What the same source asked for in the same account and symbol, oldest first. Asked at each order."""
    values = {"account": order.account_id, "source": order.source, "symbol": order.symbol, "since": since}
    found = plain_sql.rows(LIKE, values, LIKE_FIELDS)
    return [_sent(SimpleNamespace(**dict(zip(FIELDS, row, strict=True)))) for row in found]


LIKE_FIELDS = plain_sql.fields_of(Order, "id", "account", *FIELDS[2:])
LIKE = (
    f"SELECT {', '.join(field.column for field in LIKE_FIELDS)} FROM {Order._meta.db_table} "  # noqa: S608
    "WHERE account_id = %(account)s AND source = %(source)s AND symbol = %(symbol)s AND created_at >= %(since)s "
    f"AND NOT is_external AND replaces_id IS NULL ORDER BY created_at LIMIT {MOST}"
)


def habits(account: Account, legs: Iterable[frozenset[Instrument]], past: Iterable[Any]) -> Habits:
    """An account's past, for the controls. ``legs``: of each order asked for; ``past``: rows of the latest orders in
    their symbols, newest first, that somebody took (safety/account_orders.py)."""
    rows = list(past)
    last = {key: found for key in set(legs) if (found := _last(rows, key)) is not None}
    return Habits(_notionals(account), last)


def _notionals(account: Account) -> tuple[Decimal, ...]:
    """Dollars, unsigned, of the latest orders; kept for a moment, for the usual does not change in a minute."""
    key = f"patterns:notionals:{account.pk}"
    kept: tuple[Decimal, ...] | None = cache.get(key)
    if kept is None:
        taken = Order.objects.filter(account=account, is_external=False).exclude(status__in=REFUSED)
        latest = taken.exclude(notional=None).order_by("-created_at")
        found = latest.values_list("notional", flat=True)[:MEMORY]
        kept = tuple(amount for amount in found if amount is not None)
        cache.set(key, kept, KEPT)
    return kept


def _last(past: Iterable[Any], legs: frozenset[Instrument]) -> Last | None:
    """Of the last order about just these instruments: a spread's price says nothing about a leg's."""
    names = {str(one) for one in legs}
    for row in past:
        if {leg["symbol"] for leg in row.ticket["legs"]} == names:
            price = abs(row.limit_price) if row.limit_price is not None else row.average_fill_price
            return Last(row.quantity, price if price is not None else row.stop_price)
    return None


def _sent(row: Any) -> Sent:
    price = abs(row.limit_price) if row.limit_price is not None else row.average_fill_price
    multiplier = _multiplier(row.symbol)
    return Sent(
        order_id=str(row.pk),
        account_id=str(row.account_id),
        at=row.created_at,
        source=row.source,
        symbol=row.symbol,
        side="buy" if str(row.action).startswith("buy") else "sell",
        quantity=row.quantity,
        price=price,
        notional=price * row.quantity * multiplier if price is not None and multiplier is not None else None,
        refused=row.status in REFUSED
        and row.error_code != "KILL_SWITCH",  # who knocks at a closed door has not run away
    )


def _multiplier(symbol: str) -> Decimal | None:
    """Dollars a unit; None where the symbol alone does not say (futures)."""
    try:
        instrument = parse_instrument(symbol)
    except ValueError:
        return None
    if isinstance(instrument, Equity | Crypto):
        return Decimal(1)
    return SHARES if isinstance(instrument, Option) else None


def acts_of(user_id: int, since: datetime) -> list[Act]:
    """Submits, replaces, cancels and fills."""
    asked = OrderEvent.objects.filter(order__user_id=user_id, source=OrderEvent.Source.USER, seen_at__gte=since)
    known = {"cancel": ActKind.CANCEL, "replace": ActKind.REPLACE}
    return [
        *(Act(sent.account_id, sent.at, ActKind.SUBMIT) for sent in sent_by(user_id, since)),
        *(
            Act(str(account_id), at, known[kind])
            for account_id, at, kind in asked.filter(kind__in=known).values_list("order__account_id", "seen_at", "kind")
        ),
        *(
            Act(str(account_id), at, ActKind.FILL)
            for account_id, at in Fill.objects.filter(order__user_id=user_id, filled_at__gte=since).values_list(
                "order__account_id", "filled_at"
            )
        ),
    ]


def turned_away(user_id: int, since: datetime) -> list[TurnedAway]:
    """What programs were; a person whose review had grown old is none."""
    rows = AuditRecord.objects.filter(chain=user_id, action__in=TURNED_AWAY, actor_kind="api", at__gte=since)
    found = [(row, str(row.facts.get("code") or "replayed")) for row in rows]
    return [TurnedAway(row.at, row.session or "pages", code) for row, code in found if code in BY_ID_OR_AGE]


def renewals(user_id: int, since: datetime) -> list[Renewal]:
    rows: Iterable[AuditRecord] = AuditRecord.objects.filter(chain=user_id, action__in=RENEWED, at__gte=since)
    return [
        Renewal(
            row.about.partition(":")[2], row.at, int(row.facts.get("life") or 0), row.action == "connection.refused"
        )
        for row in rows
    ]


def in_doubt(user_id: int, since: datetime) -> list[InDoubt]:
    """Orders whose outcome is not known, and those that appeared late since a time."""
    open_ones = Order.objects.filter(user_id=user_id, status__in=lifecycle.UNCERTAIN, adopted_by=None)
    late = OrderEvent.objects.filter(order__user_id=user_id, kind="late", seen_at__gte=since)
    return [
        *(
            InDoubt(str(pk), str(account_id), sent_at or created_at)
            for pk, account_id, sent_at, created_at in open_ones.values_list(
                "pk", "account_id", "sent_at", "created_at"
            )
        ),
        *(
            InDoubt(str(order_id), str(account_id), at, resolved=True, late_at=at)
            for order_id, account_id, at in late.values_list("order_id", "order__account_id", "seen_at")
        ),
    ]
