"""Support staff read the audit record and the alerts; nobody writes either here, but an alert can be closed."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest

from trading.audit.models import AuditRecord
from trading.models import Alert
from trading.patterns import raising

if TYPE_CHECKING:
    RecordBase = admin.ModelAdmin[AuditRecord]
    AlertBase = admin.ModelAdmin[Alert]
else:
    RecordBase = AlertBase = admin.ModelAdmin


class LookOnly:
    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(AuditRecord)
class AuditRecordAdmin(LookOnly, RecordBase):
    list_display = ("at", "chain", "seq", "words", "actor_kind", "actor_id", "about", "address", "request_id")
    list_filter = ("actor_kind", "action")
    search_fields = ("=chain", "=actor_id", "=about", "=request_id", "=account_id", "=address", "=hash")
    search_help_text = (
        "User id, what it is about (order:<id>), request id, account id, address, hash. Names are not here."
    )
    date_hierarchy = "at"
    ordering = ("-id",)


@admin.register(Alert)
class AlertAdmin(LookOnly, AlertBase):
    list_display = ("last_at", "user", "account", "title", "gravity", "state", "times", "words", "done")
    list_filter = ("state", "gravity", "pattern")
    list_select_related = ("user", "account__connection")
    search_fields = ("user__username", "user__email", "words", "about")
    date_hierarchy = "first_at"
    actions = ("close_them",)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("trading.change_alert")

    @admin.action(description="Close", permissions=["operate"])
    def close_them(self, request: HttpRequest, queryset: QuerySet[Alert]) -> None:
        for alert in queryset:
            if isinstance(request.user, User):
                raising.close(alert, request.user)
                self.log_change(request, alert, "Closed.")
