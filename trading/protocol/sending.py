"""The one way out: an intent is judged and committed, then sent once; what its answer means is decided here alone.

Whatever is not a clear answer is *unknown* and looked up (reconcile.py), never sent again.
"""

import logging
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from brokers.connections.waiting import one_at_a_time
from brokers.domain.orders import OrderGroup, OrderTicket, OrderUpdate, Placed
from brokers.errors import BrokerError, OrderRejected, OutcomeUnknown, RateLimited, Refused, Unavailable
from brokers.models import Account, Connection
from brokers.port import Broker
from brokers.rows import columns, instance
from trading import plain_sql, risk, tickets
from trading.lifecycle import Status
from trading.models import Order, OrderEvent, Stale, new_client_ref
from trading.protocol import durability, epoch, explained, news, reading, succession
from trading.protocol.cancels import words_of
from trading.protocol.counters import counters
from trading.protocol.reconcile import FIRST_CHECK
from trading.risk import Finding, Snapshot
from trading.safety import halts, last_count, limits, snapshots

logger = logging.getLogger(__name__)
OWNER_TIME = timedelta(seconds=30)
"""A row that is still SENDING after this has lost the process that sent it."""
SEND_WITHIN = timedelta(seconds=20)
"""An order that could not leave within this of being written down is not sent: its price was for then."""
DOUBT_AFTER_LIMIT = timedelta(seconds=120)
Source = OrderEvent.Source


class Denied(Exception):
    """The desk's own checks did not let it out. Soft findings can be confirmed by their codes, hard ones can't.

    ``order`` is the row that was written under the key; of a replacement the order that works on as it was.
    """

    def __init__(self, findings: Sequence[Finding], order: Order | None = None) -> None:
        super().__init__(" ".join(dict.fromkeys(finding.words for finding in findings)))
        self.findings = tuple(findings)
        self.order = order


# --- written down ---


def locked(account: Account) -> tuple[Account, int]:
    """The account's row, locked in the sending transaction, and the epoch to send under. Raises ``NotReady``.

    Of its connection what the checks look at was read with it.
    """
    (row,) = plain_sql.rows(*_lock(account))
    found = instance(Account, OF_ACCOUNT, row[: len(OF_ACCOUNT)])
    found.connection = instance(Connection, OF_CONNECTION, row[len(OF_ACCOUNT) :])
    return found, epoch.check()


def _lock(account: Account) -> plain_sql.Question:
    locking = " FOR NO KEY UPDATE OF a" if database.features.has_select_for_no_key_update else ""
    return plain_sql.Question(ACCOUNT + locking, {"account": account.pk}, OF_BOTH)


@contextmanager
def _sending(account: Account) -> Iterator[tuple[Account, int]]:
    """The sending transaction, with what ``locked`` gives. The account's row, the gate of the halts and the epoch are
    asked for in one go, in this order: whoever presses a halt for an account has its row first, too."""
    with (
        one_at_a_time(account.pk),
        transaction.atomic(durable=True),
        plain_sql.along(_lock(account), *halts.to_hold(), epoch.WRITTEN),
    ):
        yield locked(account)


OF_ACCOUNT = plain_sql.fields_of(Account)
OF_CONNECTION = plain_sql.fields_of(Connection, "id", "user", "broker", "environment", "label", "state")
OF_BOTH = (*OF_ACCOUNT, *OF_CONNECTION)
ACCOUNT = (
    f"SELECT {columns('a', OF_ACCOUNT)}, {columns('c', OF_CONNECTION)} FROM {Account._meta.db_table} a "  # noqa: S608
    f"JOIN {Connection._meta.db_table} c ON c.id = a.connection_id WHERE a.id = %(account)s"
)


def judged(ticket: OrderTicket, snapshot: Snapshot, account: Account, source: str) -> tuple[list[Finding], Snapshot]:
    """All that speaks against an order by what the database says now. To be called with the account's row locked."""
    with plain_sql.along(limits.question(account, snapshot.key_id)):
        now = snapshots.renew(snapshot, account)
        return risk.check(ticket, now, limits.for_account(account, source, snapshot.key_id)), now


def write_down(
    account: Account,
    ticket: OrderTicket,
    key: str,
    source: Order.Source,
    snapshot: Snapshot,
    *,
    foreseen: Mapping[str, Any] | None = None,
    confirmed: Collection[str] = (),
) -> Order:
    """Commit the intent as SENDING, or as DENIED and raise ``Denied``. ``IntegrityError`` when the key is taken."""
    durability.check()
    with _sending(account) as (row, now):
        findings, seen = judged(ticket, snapshot, row, source)
        refused = risk.unmet(findings, confirmed)
        fields = intent(row, ticket, source, seen, now) | verdict(findings, refused, confirmed)
        fields |= {"idempotency_key": key, "asked_sha256": tickets.fingerprint(ticket), "preview": foreseen}
        order = Order.begin(**fields)
    if refused:
        raise Denied(refused, order)
    return order


def write_down_group(
    account: Account,
    group: OrderGroup,
    key: str,
    source: Order.Source,
    snapshot: Snapshot,
    *,
    foreseen: Mapping[str, Any] | None = None,
    confirmed: Collection[str] = (),
) -> list[Order]:
    """The same for orders that are sent as one: a row each, the first one under the key."""
    durability.check()
    with _sending(account) as (row, now):
        seen = snapshots.renew(snapshot, row)
        findings = risk.check_group(group, seen, limits.for_account(row, source, snapshot.key_id))
        refused = risk.unmet(findings, confirmed)
        kin, orders = uuid.uuid4(), []
        for index, ticket in enumerate(group.tickets):
            fields = intent(row, ticket, source, seen, now) | verdict(findings, refused, confirmed)
            fields |= {"group": kin, "group_kind": group.kind.value, "group_index": index}
            under_key = {"idempotency_key": key, "asked_sha256": tickets.group_fingerprint(group)}
            orders.append(Order.begin(**fields | (under_key if not index else {}), preview=foreseen))
    if refused:
        raise Denied(refused, orders[0])
    return orders


def intent(account: Account, ticket: OrderTicket, source: str, snapshot: Snapshot, now: int) -> dict[str, Any]:
    """An order's row as it is written down before it is sent."""
    at = timezone.now()
    leg = ticket.legs[0]
    held = None
    if snapshot.positions is not None and snapshot.figures_at is not None:
        held = explained.held(snapshot.positions, snapshot.figures_at)
    return succession.terms(ticket) | {
        "account": account,
        "user_id": account.connection.user_id,
        "source": source,
        "symbol": str(leg.instrument),
        "underlying": reading.underlying_of(leg.instrument),
        "action": leg.action,
        "epoch": now,
        "reserved": snapshots.reserve(ticket, snapshot),
        "notional": snapshots.worth(ticket, snapshot),
        "key_id": snapshot.key_id,
        "positions_before": held,
        "created_at": at,
    }


def verdict(findings: Sequence[Finding], refused: Sequence[Finding], confirmed: Collection[str]) -> dict[str, Any]:
    """What the checks make of an intent: it goes out, or it does not."""
    told = [as_json(finding) for finding in findings]
    kept = {"findings": told, "confirmed": sorted({finding.code for finding in findings} & set(confirmed))}
    if refused:
        words = " ".join(dict.fromkeys(finding.words for finding in refused))
        return kept | {
            "status": Status.DENIED,
            "kind": "denied",
            "event_source": Source.US,
            "words": words[:500],
            "payload": kept,
            "last_error": words[:500],
            "error_code": refused[0].code[:64],
            "ended_at": timezone.now(),
        }
    now = timezone.now()
    return kept | {
        "status": Status.SENDING,
        "kind": "sending",
        "event_source": Source.US,
        "words": "Written down and on its way to the broker.",
        "payload": kept if findings else {},
        "client_ref": new_client_ref(),
        "sent_at": now,
        "next_check_at": now + OWNER_TIME,
    }


def as_json(finding: Finding) -> dict[str, Any]:
    return {
        "field": finding.field,
        "code": finding.code,
        "words": finding.words,
        "hard": finding.hard,
        "numbers": dict(finding.numbers),
    }


# --- the one attempt, and what came of it ---


def let_go(written_at: datetime | None, epoch_of_row: int, orders: Sequence[Order] = ()) -> None:
    """The last look before the first byte: not too late, not of an older epoch, and not more than all may send. Then it
    is counted as an intent. Whatever goes wrong here, nothing was sent: ``Unavailable``.

    ``orders`` are the rows that go out with it; one that finds no room is settled before the next one looks.
    """
    if written_at is None or timezone.now() - written_at > SEND_WITHIN:
        raise Unavailable("The desk was held up and the order is too old to send by now. Nothing was sent.")
    try:
        if orders:
            _look_once_more(epoch_of_row, orders)
        else:  # what has no row of its own (a replacement) is not counted either
            epoch.check_current(epoch_of_row)
    except BrokerError:
        raise
    except Exception as error:
        logger.exception("The last look before an order could not be taken: it is not sent.")
        raise Unavailable("The desk could not look once more before sending. Nothing was sent.") from error
    counters.intent()


def _look_once_more(epoch_of_row: int, orders: Sequence[Order]) -> None:
    """The installation's caps and the epoch, read in one go."""
    written = [order.created_at for order in orders]
    with plain_sql.along(epoch.WRITTEN):
        last_count.check(min(written), max(written), lambda reached: [settle(order, reached) for order in orders])
        epoch.check_current(epoch_of_row)


def send(order: Order, ticket: OrderTicket, broker: Broker) -> Order:
    """Send what was written down, once."""

    def attempt() -> Placed:
        let_go(order.sent_at, order.epoch, [order])
        placed = broker.place_order(order.account.number, ticket, str(order.client_ref))
        if not _names(order, placed.order):
            raise OutcomeUnknown(ANOTHERS)
        return placed

    placed, error = _attempted(attempt, order)
    return taken(order, placed) if placed is not None else settle(order, error)


def send_group(orders: Sequence[Order], group: OrderGroup, broker: Broker) -> list[Order]:
    """Send a group that was written down, with one request; each member is settled by itself."""
    first = orders[0]

    def attempt() -> list[Placed]:
        let_go(first.sent_at, first.epoch, orders)
        answer = broker.place_group(first.account.number, group, [str(order.client_ref) for order in orders])
        told = [placed.order for placed in answer.orders]
        if len(told) != len(orders) or not all(_answers(*pair) for pair in zip(orders, told, strict=True)):
            raise OutcomeUnknown("The broker answered for other orders. These are being looked up.")
        return list(answer.orders)

    told, error = _attempted(attempt, first)
    if told is None:
        return [settle(order, error) for order in orders]
    return [_member(order, placed) for order, placed in zip(orders, told, strict=True)]


def _member(order: Order, placed: Placed) -> Order:
    """A member that the broker refused while it took others may have no number there."""
    if placed.order.broker_order_id:
        return taken(order, placed)
    return settle(order, OrderRejected(placed.order.reject_reason or "The broker did not take this order."))


def _attempted(attempt: Callable[[], Any], order: Order) -> tuple[Any, Exception]:
    try:
        return attempt(), OutcomeUnknown("")
    except Exception as error:
        if not isinstance(error, BrokerError):
            logger.exception("Sending order %s broke off: its outcome is unknown.", order.pk)
        return None, error
    finally:
        counters.over()


def _answers(order: Order, told: OrderUpdate) -> bool:
    """Whether an acceptance is of this order: a gateway may hand out the answer to another request."""
    return _names(order, told) and not _is_anothers(order, told)


def _names(order: Order, told: OrderUpdate) -> bool:
    return told.account_number == order.account.number and told.client_ref in (None, order.client_ref)


def _is_anothers(order: Order, told: OrderUpdate) -> bool:
    """Whether the number that was told belongs to another order of ours."""
    values = {"account": order.account_id, "number": told.broker_order_id, "order": order.pk}
    return bool(told.broker_order_id and plain_sql.rows(ANOTHER, values, (Order._meta.get_field("seq"),)))


ANOTHERS = "The broker answered for another order. This one is being looked up."
ANOTHER = (
    f"SELECT 1 FROM {Order._meta.db_table} WHERE account_id = %(account)s AND broker_order_id = %(number)s "  # noqa: S608
    "AND NOT is_external AND id <> %(order)s"
)


def taken(order: Order, placed: Placed) -> Order:
    """Write down that it was taken. Of a number that is another order's the database knows, and refuses it: one number,
    one order of an account."""
    if placed.warnings:
        if _is_anothers(order, placed.order):
            return settle(order, OutcomeUnknown(ANOTHERS))
        words = " ".join(notice.message for notice in placed.warnings)
        notices = [{"code": notice.code, "message": notice.message} for notice in placed.warnings]
        news.note(order, Source.POST, kind="warnings", words=words, warnings=notices)
        return news.hear(order, placed.order, Source.POST)
    try:
        return news.hear(order, placed.order, Source.POST, just_read=True)
    except Stale:
        if not _is_anothers(order, placed.order):
            raise
        return settle(order, OutcomeUnknown(ANOTHERS))


def settle(order: Order, error: Exception) -> Order:
    """The outcome table: the only place that decides what an answer means that is not "taken"."""
    soon = timezone.now() + FIRST_CHECK
    if isinstance(error, RateLimited):
        watch = timezone.now() + DOUBT_AFTER_LIMIT
        return _write(order, Status.REJECTED, error, watch_until=watch, next_check_at=soon)
    if isinstance(error, Unavailable):
        return _write(order, Status.NOT_SENT, error, next_check_at=None)
    if isinstance(error, Refused):
        named = getattr(error, "broker_order_id", None)
        return _tied(_write(order, Status.REJECTED, error, next_check_at=None), named)
    return _write(order, Status.UNKNOWN, error, next_check_at=soon)


def _tied(order: Order, broker_order_id: str | None) -> Order:
    """An order that the broker refused and gave a number all the same: its listing of it is this one's."""
    known = Order.objects.filter(account_id=order.account_id, broker_order_id=broker_order_id).exclude(pk=order.pk)
    if broker_order_id is None or order.broker_order_id is not None or known.exists():
        return order
    words = f"The broker lists it as {broker_order_id}, rejected."
    return news.note(order, Source.POST, kind="answer", words=words, broker_order_id=broker_order_id)


def _write(order: Order, status: Status, error: Exception, **fields: Any) -> Order:
    """Write down an answer that is not "taken", unless the broker's news has overtaken it."""
    words = words_of(error)
    payload: dict[str, Any] = {"error": getattr(error, "code", type(error).__name__)}
    if isinstance(error, Refused):
        payload["notices"] = [{"code": notice.code, "message": notice.message} for notice in error.notices]
    code = getattr(error, "code", "unexpected_error")
    if isinstance(error, Refused):
        code = error.broker_code or code
    return news.note(
        order,
        Source.POST,
        to=status,
        kind="answer",
        words=words,
        payload=payload,
        last_error=words,
        error_code=code[:64],
        **fields,
    )
