"""Orders, what happened to them, what was filled: the only code that changes an order.

A row is inserted once and from then on moves only by ``Order.change``: a compare-and-set on ``seq`` that
writes the event in the same transaction, along the table in lifecycle.py.
"""

import secrets
import string
import uuid
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Self

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models, transaction
from django.db.models import F
from django.dispatch import Signal
from django.utils import timezone

from brokers.domain.instruments import plain
from brokers.domain.orders import OrderTicket
from brokers.models import Account, OwnedQuerySet
from trading import lifecycle, tickets
from trading.lifecycle import Status

# order_id: UUID. Sent once a change is committed.
order_changed = Signal()

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
REF_LENGTH = 22


class Stale(Exception):
    """Somebody else changed the order since it was read: read again and decide anew."""


class IllegalMove(Exception):
    """A move that the table in lifecycle.py does not have: a fault of the program, never of the world."""


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
    is_external = models.BooleanField(default=False, help_text="Placed elsewhere and found at the broker.")
    ticket = models.JSONField()
    ticket_sha256 = models.CharField(max_length=64, blank=True)
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
        with transaction.atomic():
            order = cls.objects.create(seq=1, **fields)
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
        with transaction.atomic():
            mine = Order.objects.filter(pk=self.pk, seq=self.seq)
            if not mine.update(seq=F("seq") + 1, **values):
                raise Stale
            self.seq += 1
            for name, value in values.items():
                setattr(self, name, value)
            self._write_event(kind, source, before, after, words, payload or {}, broker_at, dedupe_key)

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
        OrderEvent.objects.create(
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
        order_id = self.pk
        transaction.on_commit(lambda: _tell(order_id), robust=True)

    def schedule(self, expected: datetime | None, at: datetime | None, **fields: Any) -> bool:
        """Set when to look next, if nobody else has: so one of several processes gets the turn. No event."""
        values = fields | {"next_check_at": at}
        if not Order.objects.filter(pk=self.pk, next_check_at=expected).update(**values):
            return False
        self.next_check_at = at
        return True

    def note(self, **fields: Any) -> None:
        """Book-keeping of the watch (checks, listings, words of the last failure): no move, no event."""
        if unknown := set(fields) - {"checks", "listings_without", "last_error", "last_seen_at", "error_code"}:
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
        return bool(self.is_open and self.broker_order_id and not self.cancel_pending) and self.status not in (
            Status.CANCEL_REQUESTED,
        )


def _tell(order_id: uuid.UUID) -> None:
    order_changed.send_robust(sender=Order, order_id=order_id)


class AppendOnly(models.Model):
    """Rows that are written once and never changed or removed one by one."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise IllegalMove("This is a record: it is never changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise IllegalMove("This is a record: it is never removed.")


class OrderEvent(AppendOnly):
    """One thing that happened to an order. ``payload`` is the broker's word as we read it; it holds no secrets."""

    class Source(models.TextChoices):
        US = "us", "Desk"
        USER = "user", "You"
        POST = "post", "Broker's answer"
        STREAM = "stream", "Broker's stream"
        LISTING = "listing", "Broker's listing"

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="events")
    seq = models.PositiveIntegerField()
    kind = models.CharField(max_length=24)
    source = models.CharField(max_length=8, choices=Source.choices)
    from_status = models.CharField(max_length=24, blank=True)
    to_status = models.CharField(max_length=24)
    words = models.CharField(max_length=500)
    payload = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    broker_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(default=timezone.now)
    dedupe_key = models.CharField(max_length=160)

    class Meta:
        ordering = ("seq",)
        constraints = (
            models.UniqueConstraint(fields=("order", "dedupe_key"), name="one_event_per_piece_of_news"),
            models.UniqueConstraint(fields=("order", "seq"), name="one_event_per_change"),
        )

    def __str__(self) -> str:
        return f"{self.seq}: {self.words}"

    @property
    def status_label(self) -> str:
        """The state it led to, where it changed it."""
        return lifecycle.LABELS[Status(self.to_status)] if self.to_status != self.from_status else ""


class Fill(AppendOnly):
    """One execution, counted once: its id is the broker's and unique within the order. Price per unit, unsigned."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="fills")
    fill_id = models.CharField(max_length=128)
    symbol = models.CharField(max_length=64)
    quantity = models.DecimalField(max_digits=20, decimal_places=8)
    price = models.DecimalField(max_digits=20, decimal_places=8)
    filled_at = models.DateTimeField()

    class Meta:
        ordering = ("filled_at", "id")
        constraints = (models.UniqueConstraint(fields=("order", "fill_id"), name="each_fill_counts_once"),)

    def __str__(self) -> str:
        return f"{self.quantity} {self.symbol} at {self.price}"
