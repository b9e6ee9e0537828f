"""What a person does with orders: preview, place, replace, cancel, decide. Pages, API and jobs all call these.

An order is written down before it is sent and sent once (sending.py). Whatever is not a clear answer is *unknown* and
looked up (reconcile.py), never sent again.
"""

import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, connection
from django.utils import timezone

from brokers import connections, registry
from brokers.domain.orders import InvalidTicket, Notice, OrderGroup, OrderTicket, Preview
from brokers.models import Account
from brokers.port import Broker
from trading import analytics, audit, lifecycle, plain_sql, risk, tickets
from trading.analytics import AnalyticLeg, Outcome
from trading.instruments import details_of
from trading.lifecycle import Status
from trading.models import Order, Replacement
from trading.protocol import sending
from trading.protocol.cancels import NotCancellable, cancel, cancel_group
from trading.protocol.eyes import NotDecidable, decide
from trading.protocol.news import record
from trading.protocol.readiness import at_hand, check_ready, checked, compare_first, sign_in_along
from trading.protocol.reconcile import look_up, refresh
from trading.protocol.replaces import KeyReused, NotReplaceable, replace
from trading.protocol.runs import cancel_all
from trading.protocol.sending import Denied
from trading.risk import Finding
from trading.risk.money import available
from trading.safety import ahead, hours, limits, snapshots

ANSWER_WITHIN, LOOKED_EVERY = timedelta(seconds=5), timedelta(milliseconds=50)
"""For how long who comes second waits for the broker's answer to the first, and the time between two looks."""

__all__ = [
    "Denied",
    "GroupPreview",
    "KeyReused",
    "NotCancellable",
    "NotDecidable",
    "NotReplaceable",
    "PreviewResult",
    "answered",
    "cancel",
    "cancel_all",
    "cancel_group",
    "decide",
    "details_of",
    "look_up",
    "place",
    "place_group",
    "preview",
    "preview_group",
    "record",
    "refresh",
    "replace",
]


# --- what it would do ---


def _figures(foreseen: Preview, cost: Decimal | None, warnings: Collection[Notice], at: datetime) -> dict[str, Any]:
    """As kept with the order and given by the API: decimals as text."""
    figures = {
        "estimated_cost": cost,
        "buying_power_before": foreseen.buying_power_before,
        "buying_power_after": foreseen.buying_power_after,
        "buying_power_change": foreseen.buying_power_change,
        "margin_change": foreseen.margin_change,
        "total_fees": foreseen.total_fees,
    }
    return {name: tickets.amount_text(value) for name, value in figures.items()} | {
        "fees": [{"name": fee.name, "amount": tickets.amount_text(fee.amount)} for fee in foreseen.fees],
        "warnings": [{"code": notice.code, "message": notice.message} for notice in warnings],
        "as_of": at.isoformat().replace("+00:00", "Z"),
    }


class OwnFigures:
    """The desk's estimate of buying power, on the safe side, where the broker does not tell what becomes of it."""

    __slots__ = ()
    own_before: Decimal | None
    own_takes: Decimal | None

    @property
    def own_effect(self) -> Decimal | None:
        return None if self.own_takes is None else -self.own_takes

    @property
    def own_after(self) -> Decimal | None:
        return None if self.own_before is None or self.own_takes is None else self.own_before - self.own_takes


@dataclass(frozen=True, slots=True)
class PreviewResult(OwnFigures):
    """What an order would do, by the broker's dry run. ``cost`` is dollars from the account's side, before fees.

    ``findings`` are what the desk's own checks say now; they are made again when it is placed. ``own_before`` and
    ``own_takes`` stand where the broker does not tell what becomes of buying power: estimates on the safe side.
    """

    account: Account
    ticket: OrderTicket
    sentence: str
    foreseen: Preview
    cost: Decimal | None
    warnings: tuple[Notice, ...]
    at: datetime
    findings: tuple[Finding, ...] = ()
    own_before: Decimal | None = None
    own_takes: Decimal | None = None

    @property
    def document(self) -> dict[str, Any]:
        return _figures(self.foreseen, self.cost, self.warnings, self.at) | {
            "description": self.sentence,
            "findings": [sending.as_json(finding) for finding in self.findings],
        }


@dataclass(frozen=True, slots=True)
class GroupPreview(OwnFigures):
    """What a group would do. ``foreseen`` is the broker's dry run of all, as far as it tells; ``outcomes`` are the
    desk's own reckoning, one for each order. ``sentences`` are its orders', the trigger's first."""

    account: Account
    group: OrderGroup
    sentences: tuple[str, ...]
    foreseen: Preview
    outcomes: tuple[Outcome, ...]
    warnings: tuple[Notice, ...]
    at: datetime
    findings: tuple[Finding, ...] = ()
    own_before: Decimal | None = None
    own_takes: Decimal | None = None

    @property
    def cost(self) -> Decimal | None:
        """Of what is filled first; of orders of which only one fills it can't be told."""
        return self.outcomes[0].cash if self.group.trigger is not None else None

    @property
    def document(self) -> dict[str, Any]:
        return _figures(self.foreseen, self.cost, self.warnings, self.at) | {
            "kind": self.group.kind.value,
            "descriptions": list(self.sentences),
            "orders": [
                {
                    "description": sentence,
                    "estimated_cost": tickets.amount_text(outcome.cash),
                    "estimated_gain": tickets.amount_text(outcome.gain),
                }
                for sentence, outcome in zip(self.sentences, self.outcomes, strict=True)
            ],
            "findings": [sending.as_json(finding) for finding in self.findings],
        }


def preview(account: Account, ticket: OrderTicket, *, source: str = "web") -> PreviewResult:
    """Check an order and ask the broker what it would do. Raises ``InvalidTicket``, ``BrokerError``."""
    broker, _ = checked(account, ticket)
    snapshot, foreseen = snapshots.take_with_preview(account, ticket, broker, source=source)
    found = risk.check(ticket, snapshots.renew(snapshot, account), limits.for_account(account, source))
    result = PreviewResult(
        account=account,
        ticket=ticket,
        sentence=tickets.sentence(ticket, account.connection.environment, account.number),
        foreseen=foreseen,
        cost=_cost(account, ticket, broker),
        warnings=(
            *_own_warnings(account, ticket),
            *_queued(account, ticket, broker),
            *ahead.notices(account, ticket.legs, snapshot.quotes),
            *foreseen.warnings,
        ),
        at=timezone.now(),
        findings=tuple(found),
        own_before=available(ticket, snapshot) if foreseen.buying_power_before is None else None,
        own_takes=risk.takes(ticket, snapshot) if foreseen.buying_power_before is None else None,
    )
    audit.previewed(account, tickets.fingerprint(ticket), result.document, result.document["findings"])
    return result


def _cost(account: Account, ticket: OrderTicket, broker: Broker) -> Decimal | None:
    """None without a limit, and of futures, which are margined and not paid for."""
    if ticket.limit_price is None:
        return None
    legs = [
        AnalyticLeg(
            leg.instrument,
            leg.action.sign * leg.quantity,
            details_of(account, leg.instrument, broker).multiplier,
        )
        for leg in ticket.legs
    ]
    return analytics.cash(legs, ticket.limit_price)


def preview_group(account: Account, group: OrderGroup, *, source: str = "web") -> GroupPreview:
    """The same of a group. Raises ``InvalidTicket``, ``BrokerError``."""
    _check_kind(account, group)
    broker = connections.broker_for(account.connection)
    foreseen = broker.preview_group(account.number, group)
    snapshot = snapshots.take_group(account, group, broker, source=source)
    found = risk.check_group(group, snapshots.renew(snapshot, account), limits.for_account(account, source))
    environment = account.connection.environment
    result = GroupPreview(
        account=account,
        group=group,
        sentences=tuple(tickets.sentence(ticket, environment, account.number) for ticket in group.tickets),
        foreseen=foreseen,
        outcomes=analytics.outcomes(group, {one: known.multiplier for one, known in snapshot.details.items()}),
        warnings=_group_warnings(account, group, broker, snapshot, foreseen),
        at=timezone.now(),
        findings=tuple(found),
        own_before=available(group.tickets[0], snapshot) if foreseen.buying_power_before is None else None,
        own_takes=_group_takes(group, snapshot) if foreseen.buying_power_before is None else None,
    )
    audit.previewed(account, tickets.group_fingerprint(group), result.document, result.document["findings"])
    return result


def _group_takes(group: OrderGroup, snapshot: risk.Snapshot) -> Decimal | None:
    """Of what goes to work at once: the first order, or of those that cancel each other the dearest."""
    at_once = group.orders if group.trigger is None else (group.trigger,)
    told = [risk.takes(ticket, snapshot) for ticket in at_once]
    known = [one for one in told if one is not None]
    return max(known) if len(known) == len(told) else None


def _group_warnings(
    account: Account, group: OrderGroup, broker: Broker, snapshot: risk.Snapshot, foreseen: Preview
) -> tuple[Notice, ...]:
    """The desk's own and the broker's, each once. Orders that wait for the first one are not queued for an opening."""
    at_once = group.orders if group.trigger is None else (group.trigger,)
    legs = list(dict.fromkeys(leg for ticket in group.tickets for leg in ticket.legs))
    told = [
        *(notice for ticket in at_once for notice in _own_warnings(account, ticket)),
        *(notice for ticket in at_once for notice in _queued(account, ticket, broker)),
        *ahead.notices(account, legs, snapshot.quotes),
        *foreseen.warnings,
    ]
    once = {(notice.code, notice.message): notice for notice in told}
    return tuple(once.values())


def _own_warnings(account: Account, ticket: OrderTicket) -> tuple[Notice, ...]:
    twins = Order.objects.filter(account=account, ticket_sha256=tickets.fingerprint(ticket), adopted_by=None)
    if (doubtful := twins.filter(status__in=lifecycle.UNCERTAIN).first()) is not None:
        words = f"The same order was sent at {timezone.localtime(doubtful.created_at):%H:%M:%S} ET and is still being "
        return (Notice("duplicate_unknown", words + "looked up: sending this one may make two."),)
    lately = twins.filter(created_at__gte=timezone.now() - timedelta(seconds=60))
    if lately.exclude(status__in=(Status.NOT_SENT, Status.DENIED)).exists():
        return (Notice("duplicate_like", "The same order was sent less than a minute ago: sending this makes two."),)
    return ()


def _queued(account: Account, ticket: OrderTicket, broker: Broker) -> tuple[Notice, ...]:
    words = hours.queued(account, ticket, broker)
    return (Notice("will_be_queued", words),) if words else ()


# --- doing it ---


def place(
    *,
    account: Account,
    ticket: OrderTicket,
    idempotency_key: str,
    source: Order.Source,
    foreseen: dict[str, Any] | None = None,
    confirmed: Collection[str] = (),
    signal_at: datetime | None = None,
) -> tuple[Order, bool]:
    """Send an order, once; the same key again only answers how it stands. → (order, whether it was there already).

    ``confirmed`` are codes of soft findings. Raises ``Denied`` after writing the order down as denied;
    ``InvalidTicket`` or ``BrokerError`` when it never began, ``KeyReused`` for something else under the same key. How
    it went is in the order's status; nothing is raised for that.
    """
    with sign_in_along(account):
        if (known := _with_key(account, idempotency_key, tickets.fingerprint(ticket))) is not None:
            return known[0], True
        check_ready(account)
        compare_first(account)
        hand = at_hand(account)
    snapshot = snapshots.take(account, ticket, hand.broker, source=source, foreseen=foreseen, signal_at=signal_at)
    hand.look_again()
    try:
        order = sending.write_down(
            account, ticket, idempotency_key, source, snapshot, foreseen=foreseen, confirmed=confirmed
        )
    except IntegrityError:
        if (known := _with_key(account, idempotency_key, tickets.fingerprint(ticket))) is None:
            raise
        return known[0], True
    return sending.send(order, ticket, hand.broker), False


def answered(order: Order) -> Order:
    """An order whose first request may still be asking the broker: once that is over, or as it is after a few seconds.

    So whoever comes with the same key meanwhile is told the same as who came first.
    """
    is_new = timezone.now() - order.created_at < ANSWER_WITHIN
    deadline = time.monotonic() + ANSWER_WITHIN.total_seconds()
    while is_new and order.status == Status.SENDING and time.monotonic() < deadline:
        if not connection.in_atomic_block:
            connection.close()  # it is for who has something to ask
        time.sleep(LOOKED_EVERY.total_seconds())
        order.refresh_from_db()
    return order


def place_group(
    *,
    account: Account,
    group: OrderGroup,
    idempotency_key: str,
    source: Order.Source,
    foreseen: dict[str, Any] | None = None,
    confirmed: Collection[str] = (),
) -> tuple[list[Order], bool]:
    """Send orders that hang together, once and as one. → (its orders, the trigger first; whether they were there).

    Raises as ``place`` does. Each order goes its own way from there; a lost answer leaves each unknown.
    """
    fingerprint = tickets.group_fingerprint(group)
    if (known := _with_key(account, idempotency_key, fingerprint)) is not None:
        return known, True
    check_ready(account)
    _check_kind(account, group)
    compare_first(account)
    hand = at_hand(account)
    snapshot = snapshots.take_group(account, group, hand.broker, source=source)
    hand.look_again()
    try:
        orders = sending.write_down_group(
            account, group, idempotency_key, source, snapshot, foreseen=foreseen, confirmed=confirmed
        )
    except IntegrityError:
        if (known := _with_key(account, idempotency_key, fingerprint)) is None:
            raise
        return known, True
    return sending.send_group(orders, group, hand.broker), False


def _check_kind(account: Account, group: OrderGroup) -> None:
    if group.kind not in registry.spec(account.connection.broker).capabilities.groups:
        raise InvalidTicket("kind", "This broker does not take such groups of orders.")


_under_key = "SELECT 1 FROM {} WHERE account_id = %(account)s AND idempotency_key = %(key)s"
WITH_KEY = " UNION ALL ".join(_under_key.format(model._meta.db_table) for model in (Order, Replacement))


def _with_key(account: Account, key: str, fingerprint: str) -> list[Order] | None:
    """The order or the group under a key, ``KeyReused`` when the key was for something else."""
    if not any(plain_sql.rows(WITH_KEY, {"account": account.pk, "key": key}, (Order._meta.get_field("seq"),))):
        return None
    rows = Order.objects.select_related("account__connection").filter(account=account)
    first: Order | None = rows.filter(idempotency_key=key).first()
    if first is None:
        raise KeyReused("This idempotency key was used for a replacement. Use a new key for a new order.")
    known = [first] if first.group is None else list(rows.filter(group=first.group).order_by("group_index"))
    if (first.asked_sha256 or first.ticket_sha256) != fingerprint:
        raise KeyReused("This idempotency key was used for another order. Use a new key for a new order.")
    return known
