"""For support staff: connections and accounts to look at, resync and disconnect. No secret is anywhere here."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from brokers import connections as desk
from brokers.errors import BrokerError
from brokers.models import Account, Connection

if TYPE_CHECKING:
    ConnectionBase = admin.ModelAdmin[Connection]
    AccountBase = admin.ModelAdmin[Account]
    AccountInlineBase = admin.TabularInline[Account, Connection]
else:
    ConnectionBase = AccountBase = admin.ModelAdmin
    AccountInlineBase = admin.TabularInline

ACCOUNT_FIELDS = (
    "number",
    "nickname",
    "kind",
    "type_name",
    "is_default",
    "is_closed",
    "can_trade",
    "found_at",
)


class LookOnly:
    """Rows are made and changed by their owners, never by hand."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class AccountInline(LookOnly, AccountInlineBase):
    model = Account
    fields = readonly_fields = ACCOUNT_FIELDS
    extra = 0
    can_delete = False


class ReasonForm(forms.Form):
    reason = forms.CharField(min_length=5, max_length=200, help_text="Kept in the history of the connection.")


@admin.register(Connection)
class ConnectionAdmin(LookOnly, ConnectionBase):
    list_display = (
        "__str__",
        "user",
        "broker",
        "environment",
        "state",
        "grant_kind",
        "refreshed_at",
        "last_error_code",
    )
    list_filter = ("state", "environment", "broker", "grant_kind", ("last_error_at", admin.EmptyFieldListFilter))
    list_select_related = ("user",)
    search_fields = ("=id", "user__username", "user__email", "label", "accounts__number")
    search_help_text = "User name, e-mail, account number (or its end), connection id"
    date_hierarchy = "connected_at"
    inlines = (AccountInline,)
    actions = ("resync_accounts", "disconnect")
    fields = readonly_fields = (
        "id",
        "user",
        "broker",
        "environment",
        "label",
        "state",
        "grant_kind",
        "scopes",
        "connected_at",
        "refreshed_at",
        "access_expires_at",
        "token_version",
        "not_before",
        "fail_count",
        "last_error_code",
        "last_error",
        "last_error_at",
        "removed_at",
    )

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Looking needs "view"; the actions need "change", although no form changes anything."""
        return request.user.has_perm("brokers.change_connection")

    @admin.action(description="Resync accounts", permissions=["operate"])
    def resync_accounts(self, request: HttpRequest, queryset: QuerySet[Connection]) -> None:
        for connection in queryset:
            try:
                accounts = desk.resync_accounts(connection)
            except BrokerError as error:
                self.message_user(request, f"{connection}: {error.message}", messages.ERROR)
                continue
            self.log_change(request, connection, f"Accounts resynced: {len(accounts)} known.")
            self.message_user(request, f"{connection}: {len(accounts)} accounts known.", messages.SUCCESS)

    @admin.action(description="Disconnect…", permissions=["operate"])
    def disconnect(self, request: HttpRequest, queryset: QuerySet[Connection]) -> HttpResponse | None:
        form = ReasonForm(request.POST if "confirmed" in request.POST else None)
        if not form.is_valid():
            return self._ask_for_a_reason(request, queryset, form)
        for connection in queryset:
            if isinstance(request.user, User) and desk.disconnect(connection, by=request.user):
                self.log_change(request, connection, f"Disconnected by support: {form.cleaned_data['reason']}")
                self.message_user(request, f"{connection} is disconnected.", messages.SUCCESS)
        return None

    def _ask_for_a_reason(
        self, request: HttpRequest, queryset: QuerySet[Connection], form: ReasonForm
    ) -> TemplateResponse:
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": "Disconnect",
            "opts": self.model._meta,
            "connections": queryset,
            "form": form,
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/brokers/disconnect.html", context)


@admin.register(Account)
class AccountAdmin(LookOnly, AccountBase):
    list_display = ("__str__", "number", "user", "connection", "kind", "is_default", "is_closed", "can_trade")
    list_filter = ("connection__environment", "connection__broker", "kind", "is_closed")
    list_select_related = ("connection", "connection__user")
    search_fields = ("number", "nickname", "connection__user__username", "connection__user__email")
    fields = readonly_fields = ("id", "connection", *ACCOUNT_FIELDS)

    @admin.display(ordering="connection__user__username")
    def user(self, account: Account) -> str:
        return account.connection.user.get_username()
