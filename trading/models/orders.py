"""Orders: a row is inserted once and from then on moves only by ``Order.change``, the only code that changes one.

``change`` is a compare-and-set on ``seq`` that writes the event in the same transaction, along the table in
lifecycle.py.
"""

import secrets
import string
import uuid
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models, transaction
from django.dispatch import Signal
from django.utils import timezone

from brokers.domain.instruments import plain
from brokers.domain.orders import OrderTicket
from brokers.models import Account, OwnedQuerySet
from trading import audit, lifecycle, plain_sql, tickets
from trading.lifecycle import Status
from trading.models.history import IllegalMove, OrderEvent, Stale

# order_id: UUID, order: the row as it was written. Sent once a change is committed.
order_changed = Signal()

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
REF_LENGTH = 22
BOOK_KEEPING = {"checks", "listings_without", "last_error", "last_seen_at", "error_code", "candidates"}


def new_client_ref() -> str:
    """Our reference at the broker: 130 random bits in 22 characters, never derived, never used again."""
    return "".join(secrets.choice(BASE62) for _ in range(REF_LENGTH))


class OrderQuerySet(OwnedQuerySet):
    def of(self, user: Any) -> Self:
        """A person's orders, newest first, without those that turned out to be twins of others."""
        return super().of(user).shown()

    def shown(self) -> Self:
        return self.filter(adopted_by=None).select_related("account__connection")

    def working(self) -> Self:
        """Whatever is not over, as far as we know."""
        return self.filter(status__in=lifecycle.OPEN | lifecycle.UNCERTAIN, adopted_by=None)

    def at_broker(self) -> Self:
        """Those that have a number at the broker and are not over."""
        return self.filter(status__in=lifecycle.OPEN, broker_order_id__isnull=False, adopted_by=None)

    def due(self, now: datetime) -> Self:
        return self.filter(next_check_at__lte=now)


class Order(models.Model):
    """An order, ours or seen at the broker. Prices as in ``OrderTicket``: limits are signed from the account's side."""

    class Source(models.TextChoices):
        WEB = "web", "Web"
        API = "api", "API"
        BROKER = "broker", "Elsewhere"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="orders")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="orders")
    source = models.CharField(max_length=8, choices=Source.choices)
    key_id = models.CharField(max_length=32, blank=True, help_text="The name of the key that a program sent it with.")
    is_external = models.BooleanField(default=False, help_text="Placed elsewhere and found at the broker.")
    ticket = models.JSONField()
    ticket_sha256 = models.CharField(max_length=64, blank=True)
    asked_sha256 = models.CharField(max_length=64, blank=True, help_text="Of what was asked for under the key.")
    description = models.CharField(max_length=300)
    idempotency_key = models.CharField(max_length=64, null=True)
    client_ref = models.CharField(max_length=REF_LENGTH, null=True, unique=True)

    status = models.CharField(max_length=24, choices=[(s.value, lifecycle.LABELS[s]) for s in Status])
    seq = models.PositiveIntegerField(default=0, help_text="Counts the changes; each has one event.")
    broker_order_id = models.CharField(max_length=64, null=True)
    broker_status = models.CharField(max_length=64, blank=True, help_text="The broker's own word.")
    broker_version = models.BigIntegerField(default=0)
    adopted_by = models.ForeignKey("self", null=True, on_delete=models.PROTECT, help_text="The order it is a twin of.")

    symbol = models.CharField(max_length=64)
    underlying = models.CharField(max_length=32, db_index=True)
    action = models.CharField(max_length=16, blank=True)
    order_type = models.CharField(max_length=32)
    time_in_force = models.CharField(max_length=32)
    quantity = models.DecimalField(max_digits=20, decimal_places=8)
    limit_price = models.DecimalField(max_digits=20, decimal_places=8, null=True)
    stop_price = models.DecimalField(max_digits=20, decimal_places=8, null=True)
    filled_quantity = models.DecimalField(max_digits=20, decimal_places=8, default=0)
    average_fill_price = models.DecimalField(max_digits=20, decimal_places=8, null=True)

    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, help_text="Committed before the first byte could leave.")
    first_seen_at = models.DateTimeField(null=True, help_text="When the broker first told us of it.")
    last_seen_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(default=timezone.now)

    next_check_at = models.DateTimeField(null=True, help_text="When the order watch looks at it next.")
    checks = models.PositiveIntegerField(default=0)
    listings_without = models.PositiveIntegerField(default=0, help_text="Complete listings that did not show it.")
    watch_until = models.DateTimeField(null=True, help_text="How long a late appearance is looked for.")
    cancel_requested_at = models.DateTimeField(null=True)
    cancel_tries = models.PositiveIntegerField(default=0)
    cancel_pending = models.BooleanField(default=False, help_text="A cancel whose outcome we do not know yet.")

    error_code = models.CharField(max_length=64, blank=True)
    last_error = models.CharField(max_length=500, blank=True)
    warnings = models.JSONField(default=list)
    preview = models.JSONField(null=True)
    replaces_order_id = models.CharField(max_length=64, blank=True)
    replaced_by_order_id = models.CharField(max_length=64, blank=True)
    replaces = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="successors")
    chain = models.UUIDField(null=True, db_index=True, help_text="The first of those that took each other's place.")
    replace_pending = models.BooleanField(default=False, help_text="A replacement whose outcome we do not know yet.")

    group = models.UUIDField(null=True, db_index=True, help_text="Shared by orders that were sent as one.")
    group_kind = models.CharField(max_length=8, blank=True)
    group_index = models.PositiveSmallIntegerField(default=0, help_text="Its place in the group; a trigger is first.")
    broker_group_id = models.CharField(max_length=64, blank=True)

    epoch = models.PositiveIntegerField(default=0, help_text="The installation's when it was written down.")
    findings = models.JSONField(default=list, help_text="What the desk's own checks found.")
    confirmed = models.JSONField(default=list, help_text="Codes of findings that were confirmed.")
    reserved = models.DecimalField(
        max_digits=20, decimal_places=2, null=True, help_text="Dollars of buying power it takes, as far as can be told."
    )
    notional = models.DecimalField(
        max_digits=20, decimal_places=2, null=True, help_text="Dollars it was worth when it was sent."
    )
    positions_before = models.JSONField(null=True, help_text="What was held when it was sent; null: not known.")
    candidates = models.JSONField(default=list, help_text="Orders at the broker of which it may be one.")
    decrease_seen_at = models.DateTimeField(null=True, help_text="When less was first said to be filled than before.")

    unwritten: plain_sql.Statement | None = None

    objects: ClassVar[OrderQuerySet] = OrderQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = (
            models.UniqueConstraint(fields=("account", "idempotency_key"), name="one_order_per_key"),
            models.UniqueConstraint(fields=("account", "broker_order_id"), name="one_row_per_broker_order"),
        )
        indexes = (
            models.Index(fields=("user", "-created_at")),
            models.Index(fields=("account", "status")),
            models.Index(fields=("account", "-created_at")),  # each order asks what was sent to its account lately
            models.Index(fields=("created_at",)),  # each order asks what the installation sent within the minute
            models.Index(fields=("next_check_at",)),  # the order watch asks for what is due twice a second
        )

    def __str__(self) -> str:
        return self.description

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise IllegalMove("An order is changed by Order.change alone.")
        super().save(*args, **kwargs)

    @classmethod
    def begin(cls, *, words: str, kind: str, event_source: str, payload: Mapping[str, Any], **fields: Any) -> "Order":
        """Insert an order together with its first event; ``IntegrityError`` when its key or id is taken."""
        with transaction.atomic(savepoint=False):
            order = cls(seq=1, **fields)
            order.unwritten = plain_sql.insert(order)
            order._state.adding = False
            order._write_event(kind, event_source, "", order.status, words, payload, None, "")
        return order

    def change(
        self,
        *,
        kind: str,
        source: str,
        words: str,
        to: Status | None = None,
        payload: Mapping[str, Any] | None = None,
        broker_at: datetime | None = None,
        dedupe_key: str = "",
        **fields: Any,
    ) -> None:
        """Move the order and write down why, both or neither.

        ``Stale`` when it is no longer as it was read; ``IllegalMove`` when the table forbids it.
        """
        before = Status(self.status)
        after = to or before
        if after is not before and not lifecycle.can_move(before, after):
            raise IllegalMove(f"{before} can't become {after}")
        values = fields | {"status": after.value, "changed_at": timezone.now()}
        if after in lifecycle.TERMINAL and before not in lifecycle.TERMINAL:
            values["ended_at"] = values["changed_at"]
        elif after not in lifecycle.TERMINAL:
            values["ended_at"] = None  # also of one that appeared late: it is not over after all
        known = vars(self).copy()
        self.unwritten = plain_sql.move(Order, self.pk, self.seq, values)
        try:
            with transaction.atomic():
                for name, value in {"seq": self.seq + 1, **values}.items():
                    setattr(self, name, value)
                self._write_event(kind, source, before, after, words, payload or {}, broker_at, dedupe_key)
        except BaseException as error:
            vars(self).clear()
            vars(self).update(known)  # as it was read
            if isinstance(error, audit.NotThere):  # nothing was written: whoever began the transaction may go on
                raise Stale from None
            raise

    def take_unwritten(self) -> plain_sql.Statement | None:
        """The statement that writes the row as it is now, to be written with the record of it; once."""
        statement, self.unwritten = self.unwritten, None
        return statement

    def _write_event(
        self,
        kind: str,
        source: str,
        before: str,
        after: str,
        words: str,
        payload: Mapping[str, Any],
        broker_at: datetime | None,
        dedupe_key: str,
    ) -> None:
        event = OrderEvent(
            order=self,
            seq=self.seq,
            kind=kind,
            source=source,
            from_status=before,
            to_status=after,
            words=words[:500],
            payload=dict(payload),
            broker_at=broker_at,
            dedupe_key=dedupe_key or f"seq:{self.seq}",
        )
        audit.order_event(self, event)
        if (statement := self.take_unwritten()) is not None and not plain_sql.write(statement):
            raise Stale  # whoever keeps the record left the row to us
        transaction.on_commit(lambda: _tell(self), robust=True)

    def schedule(self, expected: datetime | None, at: datetime | None, **fields: Any) -> bool:
        """Set when to look next, if nobody else has: so one of several processes gets the turn. No event."""
        values = fields | {"next_check_at": at}
        if not plain_sql.write(plain_sql.change(Order, self.pk, values, {"next_check_at": expected})):
            return False
        self.next_check_at = at
        return True

    def note(self, **fields: Any) -> None:
        """Book-keeping of the watch (checks, listings, words of the last failure): no move, no event."""
        if unknown := set(fields) - BOOK_KEEPING:
            raise IllegalMove(f"not book-keeping: {unknown}")
        Order.objects.filter(pk=self.pk).update(**fields)

    @property
    def order_ticket(self) -> OrderTicket:
        """The ticket as asked for here; only of our own orders."""
        return tickets.from_json(self.ticket)

    @property
    def label(self) -> str:
        return lifecycle.LABELS[Status(self.status)]

    @property
    def meaning(self) -> str:
        return lifecycle.MEANINGS[Status(self.status)]

    @property
    def phase(self) -> lifecycle.Phase:
        return lifecycle.phase(Status(self.status))

    @property
    def unsigned_limit(self) -> Decimal | None:
        return abs(self.limit_price) if self.limit_price is not None else None

    @property
    def plain_limit(self) -> str:
        """For an address: digits alone."""
        return plain(abs(self.limit_price)) if self.limit_price is not None else ""

    @property
    def plain_quantity(self) -> str:
        return plain(self.quantity)

    @property
    def type_label(self) -> str:
        return self.order_type.replace("_", " ").capitalize()

    @property
    def is_open(self) -> bool:
        return self.status in lifecycle.OPEN

    @property
    def can_cancel(self) -> bool:
        busy = self.cancel_pending or self.replace_pending or self.status == Status.CANCEL_REQUESTED
        return bool(self.is_open and self.broker_order_id) and not busy

    @property
    def can_replace(self) -> bool:
        """As far as the order goes; what may change, the broker's capabilities say."""
        return self.can_cancel

    @property
    def chain_id(self) -> uuid.UUID:
        return self.chain or self.pk

    @property
    def needs_eyes(self) -> bool:
        return self.status == Status.NEEDS_EYES


def _tell(order: Order) -> None:
    order_changed.send_robust(sender=Order, order_id=order.pk, order=order)
