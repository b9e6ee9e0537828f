"""Support staff see orders and their story; nobody places, changes or removes one here."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.text import slugify

from brokers.domain.instruments import plain
from trading.admin.plainly import decimals_of, plainly
from trading.lifecycle import LABELS
from trading.models import Fill, Order, OrderEvent

if TYPE_CHECKING:
    OrderBase = admin.ModelAdmin[Order]
    EventBase = admin.ModelAdmin[OrderEvent]
    EventInlineBase = admin.TabularInline[OrderEvent, Order]
    FillInlineBase = admin.TabularInline[Fill, Order]
    ReadOnlyBase = admin.options.BaseModelAdmin[Any]
else:
    ReadOnlyBase = object
    OrderBase = EventBase = admin.ModelAdmin
    EventInlineBase = FillInlineBase = admin.TabularInline


class ReadOnly(ReadOnlyBase):
    """Staff look; there is no button that changes anything. Decimals are shown plainly."""

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        own = {name: plainly(self.model, name) for name in decimals_of(self.model)}
        return list(dict.fromkeys(own.get(str(name), name) for name in super().get_fields(request, obj)))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        own = [plainly(self.model, name) for name in decimals_of(self.model)]
        return [*super().get_readonly_fields(request, obj), *own]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class EventInline(ReadOnly, EventInlineBase):
    model = OrderEvent
    fields = ("seq", "seen_at", "source", "kind", "from_status", "to_status", "words", "broker_at")
    ordering = ("seq",)
    extra = 0
    show_change_link = True


class FillInline(ReadOnly, FillInlineBase):
    model = Fill
    fields = ("filled_at", "symbol", "quantity", "price", "fill_id")
    extra = 0


class StatusFilter(admin.SimpleListFilter):
    """By the words that people see: two statuses that are called the same are one choice."""

    title = "status"
    parameter_name = "is"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(slugify(label), label) for label in dict.fromkeys(LABELS.values())]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        if self.value() is None:
            return queryset
        return queryset.filter(status__in=[one.value for one in LABELS if slugify(LABELS[one]) == self.value()])


@admin.register(Order)
class OrderAdmin(ReadOnly, OrderBase):
    list_display = (
        "created_at",
        "state",
        "description",
        "user",
        "account",
        "environment",
        "filled",
        "source",
    )
    list_filter = (StatusFilter, "account__connection__environment", "source", "is_external")
    list_select_related = ("account__connection", "user")
    search_fields = (
        "=id",
        "=broker_order_id",
        "=client_ref",
        "=idempotency_key",
        "account__number__iendswith",
        "user__username",
        "user__email",
        "=underlying",
    )
    search_help_text = "Order id, broker order id, client reference, idempotency key, account (whole or its end), user."
    date_hierarchy = "created_at"
    inlines = (EventInline, FillInline)

    @admin.display(ordering="status", description="Status")
    def state(self, order: Order) -> str:
        """A row that turned out to be another one has no status of its own any more."""
        return "Told twice: see the other row" if order.adopted_by_id else str(order.label)

    @admin.display(description="Filled / total")
    def filled(self, order: Order) -> str:
        return f"{plain(order.filled_quantity)} / {plain(order.quantity)}"

    @admin.display(ordering="account__connection__environment")
    def environment(self, order: Order) -> str:
        return str(order.account.connection.environment).upper()


@admin.register(OrderEvent)
class OrderEventAdmin(ReadOnly, EventBase):
    list_display = ("seen_at", "order", "seq", "source", "kind", "from_status", "to_status", "words")
    list_filter = ("source", "kind")
    list_select_related = ("order",)
    search_fields = ("=order__id", "=order__broker_order_id", "=order__client_ref", "words")
    date_hierarchy = "seen_at"
