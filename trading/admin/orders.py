"""Support staff see orders and their story; nobody places, changes or removes one here."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest

from trading.models import Fill, Order, OrderEvent

if TYPE_CHECKING:
    OrderBase = admin.ModelAdmin[Order]
    EventBase = admin.ModelAdmin[OrderEvent]
    EventInlineBase = admin.TabularInline[OrderEvent, Order]
    FillInlineBase = admin.TabularInline[Fill, Order]
else:
    OrderBase = EventBase = admin.ModelAdmin
    EventInlineBase = FillInlineBase = admin.TabularInline


class ReadOnly:
    """Staff look; there is no button that changes anything."""

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


@admin.register(Order)
class OrderAdmin(ReadOnly, OrderBase):
    list_display = (
        "created_at",
        "user",
        "account",
        "environment",
        "description",
        "status",
        "filled_quantity",
        "source",
    )
    list_filter = ("status", "account__connection__environment", "source", "is_external")
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
