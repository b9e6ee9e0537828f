"""What brokers report of orders, written into their rows: in any order, repeated or not, with one result."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models import Q
from django.utils import timezone

from brokers.domain.instruments import plain
from brokers.domain.orders import Fill as BrokerFill
from brokers.domain.orders import OrderUpdate
from brokers.models import Account
from trading import lifecycle, plain_sql
from trading.lifecycle import Standing, Status
from trading.models import Fill, Order, Replacement, Stale
from trading.protocol import fills, known, reading, succession, turns
from trading.tickets import price_text

logger = logging.getLogger(__name__)
TRIES = 20
LOOKS = (2, 3, 5, *([8] * 7))
"""Seconds between the looks at an order that works, after each change: a fill often follows, and its news may be
lost. Then comes ``LISTED_AGAIN``."""
LISTED_AGAIN = timedelta(seconds=60)
SETTLED = timedelta(seconds=5)
"""A listing that began this long after an order's last change is newer, where the broker tells no versions."""
BUST_AFTER = timedelta(seconds=75)
"""Less than was filled before must be listed for this long until it is believed: a listing may be an old one."""


def record(
    connection_id: UUID, updates: Iterable[OrderUpdate], source: str, began: datetime | None = None
) -> list[Order]:
    """Write down what a connection's broker reports; orders that we do not know are taken in as external.

    All that is known of them is read at once; what was written meanwhile is read again, and whether a row still is as
    it was read, the write finds out. ``began`` is when a listing was asked for. Orders in doubt have their turn first.

    One update that can't be recorded does not stop the others. A database that is busy or away is raised:
    the whole is to be told again.
    """
    told = list(updates)
    at_first = known.Known(connection_id, told)
    changed: set[str] = set()  # references and numbers of what is no longer as it was read at first
    orders = []
    for update in turns.in_turn(told, at_first.waiting()):
        if update.account_number not in at_first.accounts:
            continue  # an account that this connection was not asked to show
        names = {name for name in (update.client_ref, update.broker_order_id, update.replaces_order_id) if name}
        try:
            found = at_first if changed.isdisjoint(names) else known.Known(connection_id, [update])
            order, is_new = _recorded(found, update, source, began)
            if is_new:
                changed |= names | {name for name in (order.client_ref, order.broker_order_id) if name}
            orders.append(order)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            changed |= names
            logger.exception("An order's news could not be recorded (broker order %s).", update.broker_order_id)
    return orders


def _recorded(found: known.Known, update: OrderUpdate, source: str, began: datetime | None) -> tuple[Order, bool]:
    """An order brought up to date with a report, and whether its row is another than was found."""
    row = found.find(update)
    if row is None:
        order, kept = take_in(found, update, source)
        return hear(order, update, source, began, kept=kept), True
    seq = row.order.seq
    order = hear(row.order, update, source, began, kept=row.fills)
    return order, order is not row.order or order.seq != seq


def take_in(found: known.Known, update: OrderUpdate, source: str) -> tuple[Order, Sequence[Fill] | None]:
    """A row for an order that was placed elsewhere, or that took the place of one that is known; with its fills, which
    are none, unless somebody else was quicker: then the row is to be read again."""
    account = found.accounts[update.account_number]
    original, replacement = found.replaced_by(update), None
    try:
        with transaction.atomic():
            if original is not None:
                original = known.locked(original.pk)
                replacement = succession.asked_for(original, update)
            order = Order.begin(**_row_of(account, update, source, original, replacement))
            if original is not None and replacement is not None:
                succession.succeeded(replacement, original, order, source)
            return order, ()
    except IntegrityError:  # another process took it in at the same moment
        return Order.objects.get(account=account, broker_order_id=update.broker_order_id), None


def _row_of(
    account: Account, update: OrderUpdate, source: str, original: Order | None, replacement: Replacement | None
) -> dict[str, Any]:
    now = timezone.now()
    status = reading.status_of(update)
    words = "Placed elsewhere; found at the broker."
    if original is not None:
        words = f"Takes the place of order {original.broker_order_id}."
    fields: dict[str, Any] = {
        "kind": "found",
        "event_source": source,
        "words": words,
        "payload": reading.payload_of(update),
        "account": account,
        "user_id": account.connection.user_id,
        "source": Order.Source.BROKER,
        "is_external": True,
        "status": status,
        "broker_order_id": update.broker_order_id,
        "broker_status": update.broker_status[:64],
        "broker_version": update.version,
        "broker_group_id": (update.group_id or "")[:64],
        "replaces_order_id": update.replaces_order_id or "",
        "last_error": update.reject_reason[:500],
        "next_check_at": now + pause(0) if status in lifecycle.OPEN else None,
        "created_at": update.received_at or now,
        "first_seen_at": now,
        "ended_at": (update.updated_at or now) if status in lifecycle.TERMINAL else None,
    }
    inherited = succession.inherited(original, replacement, update) if original is not None else {}
    return fields | reading.terms_of(update) | inherited


def pause(looks: int) -> timedelta:
    """Until the next look at an order that works, after so many since its last change."""
    return timedelta(seconds=LOOKS[looks]) if looks < len(LOOKS) else LISTED_AGAIN


def hear(
    order: Order,
    update: OrderUpdate,
    source: str,
    began: datetime | None = None,
    *,
    just_read: bool = False,
    kept: Sequence[Fill] | None = None,
) -> Order:
    """Bring one order up to date with one report; a report that says nothing new writes nothing.

    A report of another order (an answer that was mixed up on its way) is left alone. ``began`` is when it was asked
    for, of listings. ``just_read``: the row is taken as it is at first; whether it still is so, the write finds out.
    ``kept`` are its fills where row and fills were read for this report: nothing is read again but what has moved.
    """
    certain = kept is not None
    for attempt in range(TRIES):
        if attempt or not (just_read or certain):
            (order, kept), certain = known.again(order.pk), True
        elif kept is None:
            kept = known.fills_of(order) if order.seq > 1 else ()  # a fill comes with a change
        if not _is_about(order, update):
            logger.error("News of broker order %s is not of order %s: left alone.", update.broker_order_id, order.pk)
            return order
        change = _change(order, update, began, kept)
        if change is None and certain:
            return order
        if change is None:
            continue
        try:
            _write(order, update, change, source, seek_twin=attempt > 0)
            return order
        except (Stale, IntegrityError):
            continue  # somebody else recorded something meanwhile: look again
    raise Stale(f"order {order.pk} would not hold still")


def _write(order: Order, update: OrderUpdate, change: "_Change", source: str, *, seek_twin: bool) -> None:
    """A twin lets no first attempt pass, for the broker's id is taken: it is sought at the second."""
    if not seek_twin and not change.fills:
        order.change(source=source, **change.values)
        return
    with transaction.atomic():
        if seek_twin and _adopt_twin(order, update, source):
            change.values["next_check_at"] = timezone.now()  # the twin may have been told more than we
        order.change(source=source, **change.values)
        for fill in change.fills:
            into = plain_sql.insert(fill)
            plain_sql.write(into._replace(sql=f"{into.sql} ON CONFLICT DO NOTHING"))


def _is_about(order: Order, update: OrderUpdate) -> bool:
    same_account = update.account_number == order.account.number
    return same_account and order.broker_order_id in (None, update.broker_order_id)


def note(order: Order, source: str, *, only_if: Callable[[Order], bool] | None = None, **change: Any) -> Order:
    """Write down something that is no report of the order (an answer, a doubt), unless reports have overtaken it.

    ``only_if`` is asked of the row as it is now.
    """
    for _ in range(TRIES):
        order = known.order_of(order.pk)
        target: Status | None = change.get("to")
        if target is not None and not lifecycle.can_move(Status(order.status), target):
            return order
        if only_if is not None and not only_if(order):
            return order
        try:
            order.change(source=source, **change)
        except Stale:
            continue
        return order
    raise Stale(f"order {order.pk} would not hold still")


@dataclass(frozen=True, slots=True)
class _Change:
    values: dict[str, Any]
    fills: list[Fill]


def _change(order: Order, update: OrderUpdate, began: datetime | None, kept: Sequence[Fill]) -> _Change | None:
    """What a report changes about an order of which these fills are kept, None when nothing."""
    now = timezone.now()
    fresh = [_fill(order, fill) for fill in fills.new_fills(update, kept, now)]
    filled, average = reading.filled(update, order.quantity, [*kept, *fresh])
    before = Standing(Status(order.status), order.broker_version, order.filled_quantity)
    later = began is not None and not update.version and began >= order.changed_at + SETTLED
    after = before.hear(reading.status_of(update), update.version, filled, newer=later)
    taken_back = fills.busts(update, kept) if began is not None and update.version >= order.broker_version else []
    if taken_back and not _is_bust(order, update, began or now):
        return None if after == before and not fresh else _plain_change(order, update, before, after, average, fresh)
    if taken_back:
        fresh = [_busted(order, bust, now) for bust in taken_back]
        filled, average = reading.filled(update, order.quantity, [*kept, *fresh])
        standing = reading.status_of(update) if after.status is Status.PARTIAL and not filled else after.status
        return _bust(order, update, before, Standing(standing, after.version, filled), average, fresh)
    if update.version >= order.broker_version:
        _forget_decrease(order, began)
    return _plain_change(order, update, before, after, average, fresh, later)


def _plain_change(
    order: Order,
    update: OrderUpdate,
    before: Standing,
    after: Standing,
    average: Decimal | None,
    fresh: list[Fill],
    later: bool = False,
) -> _Change | None:
    values: dict[str, Any] = {
        "broker_order_id": order.broker_order_id or update.broker_order_id,
        "broker_version": after.version,
        "filled_quantity": after.filled,
        "average_fill_price": average if average is not None else order.average_fill_price,
        "broker_group_id": order.broker_group_id or (update.group_id or "")[:64],
    }
    moved = after.status is not before.status and update.version == order.broker_version
    if moved or later or update.version > order.broker_version or not order.broker_status:
        values |= _latest(order, update)
    same = all(getattr(order, name) == value for name, value in values.items())
    if same and not fresh and after.status is before.status:
        return None
    return _Change(values | _story(order, update, before, after, fresh), fresh)


def _is_bust(order: Order, update: OrderUpdate, began: datetime) -> bool:
    """Whether less has been listed as filled for long enough to be believed; else it is looked at again.

    A listing that was asked for before the order's last change, or right after it, may be from before that: it is
    mostly the stream that was quicker, and proves nothing.
    """
    seen = order.decrease_seen_at
    is_newer = update.version > order.broker_version or began >= order.changed_at + SETTLED
    if is_newer and seen is not None:
        return began >= seen + BUST_AFTER
    as_read = Order.objects.filter(pk=order.pk, seq=order.seq)
    again = min(order.next_check_at or datetime.max.replace(tzinfo=UTC), timezone.now() + BUST_AFTER)
    if is_newer:
        logger.warning(
            "Less is listed as filled of order %s than was told before: if it stays so, it counts.", order.pk
        )
        as_read.update(decrease_seen_at=began, next_check_at=again)
    else:
        logger.debug("A listing from before the latest news of order %s shows less of it as filled.", order.pk)
        as_read.update(next_check_at=again)
    return False


def _forget_decrease(order: Order, began: datetime | None) -> None:
    if order.decrease_seen_at is not None and began is not None:
        Order.objects.filter(pk=order.pk).update(decrease_seen_at=None)


def _bust(
    order: Order, update: OrderUpdate, before: Standing, after: Standing, average: Decimal | None, fresh: list[Fill]
) -> _Change:
    """The broker took fills back: its figure is taken, and an alarm is given."""
    logger.error("The broker took back fills of order %s.", order.pk)
    back = " ".join(f"{plain(-fill.quantity)} {fill.symbol} at {price_text(fill.price)}." for fill in fresh)
    story = _story(order, update, before, after, [])
    return _Change(
        story
        | _latest(order, update)
        | {
            "kind": "bust",
            "words": f"The broker took back what it had said was filled: {back} Look at its own site.",
            "broker_version": after.version,
            "filled_quantity": after.filled,
            "average_fill_price": average,
            "decrease_seen_at": None,
            "dedupe_key": "",
        },
        fresh,
    )


def _story(order: Order, update: OrderUpdate, before: Standing, after: Standing, fresh: list[Fill]) -> dict[str, Any]:
    """The event of a change, and when to look next."""
    now = timezone.now()
    late = before.status in lifecycle.NEVER_THERE and after.status in lifecycle.SEEN - {Status.BROKER_REJECTED}
    if late:
        logger.error("An order that we held for %s is at the broker: %s.", before.status, order.pk)
    return {
        "first_seen_at": order.first_seen_at or now,
        "last_seen_at": now,
        "next_check_at": _next_look(order, after.status, now),
        "checks": 0,
        "candidates": [],
        "cancel_pending": order.cancel_pending and after.status in lifecycle.OPEN - {Status.CANCEL_REQUESTED},
        "to": after.status,
        "kind": "late" if late else "fill" if fresh else "news",
        "words": reading.words(order.broker_order_id, update, before, after, fresh, late),
        "payload": reading.payload_of(update),
        "broker_at": update.updated_at,
        "dedupe_key": reading.dedupe_key(update) if update.version else "",
    }


def _latest(order: Order, update: OrderUpdate) -> dict[str, Any]:
    """What only the newest report may say."""
    reason = update.reject_reason[:500]
    return {
        "broker_status": update.broker_status[:64],
        "limit_price": update.limit_price if update.limit_price is not None else order.limit_price,
        "stop_price": update.stop_price if update.stop_price is not None else order.stop_price,
        "replaces_order_id": update.replaces_order_id or order.replaces_order_id,
        "replaced_by_order_id": update.replaced_by_order_id or order.replaced_by_order_id,
        "last_error": reason if reason or order.broker_order_id is None else order.last_error,
    }


def _next_look(order: Order, status: Status, now: datetime) -> datetime | None:
    """Soon after a change; a cancel's own pauses are left to it."""
    if order.replace_pending:
        return min(order.next_check_at or now + pause(0), now + pause(0))
    if status not in lifecycle.OPEN:
        return None
    if order.cancel_pending and status is not Status.CANCEL_REQUESTED:
        return order.next_check_at
    return now + pause(0)


def _adopt_twin(order: Order, update: OrderUpdate, source: str) -> bool:
    """An order of ours that was first seen without its reference stands here twice: the stranger's row gives way."""
    if order.broker_order_id is not None:
        return False
    twin_of = Q(broker_order_id=update.broker_order_id, is_external=True)
    rows = Order.objects.select_for_update(of=("self",), no_key=True).filter(account=order.account)
    both = rows.filter(twin_of | Q(pk=order.pk)).order_by("pk")
    twins = [row for row in both if row.pk != order.pk]
    for twin in twins:
        twin.change(
            kind="adopted",
            source=source,
            words="This is an order of this desk, told without its reference at first.",
            broker_order_id=None,
            adopted_by=order,
            next_check_at=None,
        )
    return bool(twins)


def _busted(order: Order, bust: fills.Bust, now: datetime) -> Fill:
    """Kept as a fill of less than nothing, so that the sum is the broker's."""
    return Fill(
        order=order,
        fill_id=f"bust:{order.seq}:{bust.symbol}",
        symbol=bust.symbol,
        quantity=-bust.quantity,
        price=bust.price,
        filled_at=now,
    )


def _fill(order: Order, fill: BrokerFill) -> Fill:
    return Fill(
        order=order,
        fill_id=fill.fill_id,
        symbol=str(fill.instrument),
        quantity=fill.quantity,
        price=fill.price,
        filled_at=fill.filled_at,
    )
