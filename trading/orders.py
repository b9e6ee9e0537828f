"""What a person does with orders: preview, place, cancel. Pages, API and jobs all call these.

An order is written down before it is sent and sent once. What becomes of it is decided in ``_send`` alone;
whatever is not a clear answer is *unknown* and looked up (reconcile.py), never sent again.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from brokers import connections
from brokers.domain.orders import Notice, OrderTicket, Placed, Preview
from brokers.errors import BrokerError, OutcomeUnknown, RateLimited, Refused, Unavailable
from brokers.models import Account
from brokers.port import Broker
from trading import lifecycle, news, reading, tickets
from trading.cancels import NotCancellable, cancel, words_of
from trading.lifecycle import Status
from trading.models import Order, OrderEvent, new_client_ref
from trading.news import record
from trading.readiness import check_ready, checked, details_of
from trading.reconcile import FIRST_CHECK, look_up, refresh

__all__ = [
    "KeyReused",
    "NotCancellable",
    "PreviewResult",
    "cancel",
    "details_of",
    "look_up",
    "place",
    "preview",
    "record",
    "refresh",
]

logger = logging.getLogger(__name__)
OWNER_TIME = timedelta(seconds=30)
"""A row that is still SENDING after this has lost the process that sent it."""
SEND_WITHIN = timedelta(seconds=20)
"""An order that could not leave within this of being written down is not sent: its price was for then."""
DOUBT_AFTER_LIMIT = timedelta(seconds=120)
Source = OrderEvent.Source


class KeyReused(Exception):
    """The idempotency key was used before, for another order."""

    code = "idempotency_key_reused"


@dataclass(frozen=True, slots=True)
class PreviewResult:
    """What an order would do, by the broker's dry run. ``cost`` is dollars from the account's side, before fees."""

    account: Account
    ticket: OrderTicket
    sentence: str
    foreseen: Preview
    cost: Decimal | None
    warnings: tuple[Notice, ...]
    at: datetime

    @property
    def document(self) -> dict[str, Any]:
        """As kept with the order and given by the API: decimals as text."""
        foreseen = self.foreseen
        figures = {
            "estimated_cost": self.cost,
            "buying_power_before": foreseen.buying_power_before,
            "buying_power_after": foreseen.buying_power_after,
            "buying_power_change": foreseen.buying_power_change,
            "margin_change": foreseen.margin_change,
            "total_fees": foreseen.total_fees,
        }
        return {name: tickets.amount_text(value) for name, value in figures.items()} | {
            "fees": [{"name": fee.name, "amount": tickets.amount_text(fee.amount)} for fee in foreseen.fees],
            "warnings": [{"code": notice.code, "message": notice.message} for notice in self.warnings],
            "description": self.sentence,
            "as_of": self.at.isoformat().replace("+00:00", "Z"),
        }


def preview(account: Account, ticket: OrderTicket) -> PreviewResult:
    """Check an order and ask the broker what it would do. Raises ``InvalidTicket``, ``BrokerError``."""
    broker, details = checked(account, ticket)
    foreseen = broker.preview_order(account.number, ticket)
    cost = None
    if ticket.limit_price is not None:
        cost = ticket.limit_price * ticket.legs[0].quantity * details.multiplier
    return PreviewResult(
        account=account,
        ticket=ticket,
        sentence=tickets.sentence(ticket, account.connection.environment, account.number),
        foreseen=foreseen,
        cost=cost,
        warnings=(*_own_warnings(account, ticket), *foreseen.warnings),
        at=timezone.now(),
    )


def place(
    *,
    account: Account,
    ticket: OrderTicket,
    idempotency_key: str,
    source: Order.Source,
    foreseen: dict[str, Any] | None = None,
) -> tuple[Order, bool]:
    """Send an order, once; the same key again only answers how it stands. → (order, whether it was there already).

    Raises ``InvalidTicket`` or ``BrokerError`` when it never began, ``KeyReused`` for another order under the
    same key. How it went is in the order's status; nothing is raised for that.
    """
    if (known := _with_key(account, idempotency_key, ticket)) is not None:
        return known, True
    broker, _ = checked(account, ticket)
    connections.access_token(account.connection_id)  # so that no refresh sits between the commit and the bytes
    try:
        order = _write_down(account, ticket, idempotency_key, source, foreseen)
    except IntegrityError:
        if (known := _with_key(account, idempotency_key, ticket)) is None:
            raise
        return known, True
    return _send(order, ticket, broker), False


# --- before it is sent ---


def _own_warnings(account: Account, ticket: OrderTicket) -> tuple[Notice, ...]:
    twins = Order.objects.filter(account=account, ticket_sha256=tickets.fingerprint(ticket), adopted_by=None)
    if (doubtful := twins.filter(status__in=lifecycle.UNCERTAIN).first()) is not None:
        words = f"The same order was sent at {timezone.localtime(doubtful.created_at):%H:%M:%S} ET and is still being "
        return (Notice("duplicate_unknown", words + "looked up: sending this one may make two."),)
    if twins.filter(created_at__gte=timezone.now() - timedelta(seconds=60)).exclude(status=Status.NOT_SENT).exists():
        return (Notice("duplicate_like", "The same order was sent less than a minute ago: sending this makes two."),)
    return ()


def _with_key(account: Account, key: str, ticket: OrderTicket) -> Order | None:
    order: Order | None = (
        Order.objects.select_related("account__connection").filter(account=account, idempotency_key=key).first()
    )
    if order is not None and order.ticket_sha256 != tickets.fingerprint(ticket):
        raise KeyReused("This idempotency key was used for another order. Use a new key for a new order.")
    return order


def _write_down(
    account: Account, ticket: OrderTicket, key: str, source: Order.Source, foreseen: dict[str, Any] | None
) -> Order:
    """Commit the intent as SENDING; ``IntegrityError`` when the key is taken."""
    leg = ticket.legs[0]
    with transaction.atomic(durable=True):
        locked = Account.objects.select_for_update(of=("self",)).select_related("connection").get(pk=account.pk)
        check_ready(locked)
        now = timezone.now()
        return Order.begin(
            kind="sending",
            event_source=Source.US,
            words="Written down and on its way to the broker.",
            payload={},
            account=locked,
            user_id=locked.connection.user_id,
            source=source,
            ticket=tickets.to_json(ticket),
            ticket_sha256=tickets.fingerprint(ticket),
            description=tickets.describe_ticket(ticket)[:300],
            idempotency_key=key,
            client_ref=new_client_ref(),
            status=Status.SENDING,
            symbol=str(leg.instrument),
            underlying=reading.underlying_of(leg.instrument),
            action=leg.action,
            order_type=ticket.order_type,
            time_in_force=ticket.time_in_force,
            quantity=leg.quantity,
            limit_price=ticket.limit_price,
            stop_price=ticket.stop_price,
            created_at=now,
            sent_at=now,
            next_check_at=now + OWNER_TIME,
            preview=foreseen,
        )


# --- the one attempt, and what came of it ---


def _send(order: Order, ticket: OrderTicket, broker: Broker) -> Order:
    """The outcome table: the only place that decides what a place request's answer means."""
    try:
        if order.sent_at is None or timezone.now() - order.sent_at > SEND_WITHIN:
            raise Unavailable("The desk was held up and the order is too old to send by now. Nothing was sent.")
        placed = broker.place_order(order.account.number, ticket, str(order.client_ref))
        if not _answers(order, placed):
            raise OutcomeUnknown("The broker answered for another order. This one is being looked up.")
    except RateLimited as error:
        watch = timezone.now() + DOUBT_AFTER_LIMIT
        return _settle(order, Status.REJECTED, error, watch_until=watch, next_check_at=timezone.now() + FIRST_CHECK)
    except Unavailable as error:
        return _settle(order, Status.NOT_SENT, error, next_check_at=None)
    except Refused as error:
        return _settle(order, Status.REJECTED, error, next_check_at=None)
    except Exception as error:
        if not isinstance(error, BrokerError):
            logger.exception("Sending order %s broke off: its outcome is unknown.", order.pk)
        return _settle(order, Status.UNKNOWN, error, next_check_at=timezone.now() + FIRST_CHECK)
    return _taken(order, placed)


def _answers(order: Order, placed: Placed) -> bool:
    """Whether an acceptance is of this order: a gateway may hand out the answer to another request."""
    told = placed.order
    ours = Order.objects.filter(account=order.account, broker_order_id=told.broker_order_id, is_external=False)
    return (
        told.account_number == order.account.number
        and told.client_ref in (None, order.client_ref)
        and not ours.exclude(pk=order.pk).exists()
    )


def _taken(order: Order, placed: Placed) -> Order:
    if placed.warnings:
        words = " ".join(notice.message for notice in placed.warnings)
        notices = [{"code": notice.code, "message": notice.message} for notice in placed.warnings]
        news.note(order, Source.POST, kind="warnings", words=words, warnings=notices)
    return news.hear(order, placed.order, Source.POST)


def _settle(order: Order, status: Status, error: Exception, **fields: Any) -> Order:
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
