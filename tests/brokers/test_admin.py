"""Support staff see connections and accounts, may resync and disconnect, and can neither read nor change a secret."""

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from token_server import TokenServer

from brokers.connections.sealing import SEALED_COLUMNS
from brokers.models import Account, ConnectAttempt, Connection

LIST = "/admin/brokers/connection/"


def staff(*permissions: str) -> Client:
    user = User.objects.create_user(f"staff{len(permissions)}", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def support(db: None) -> Client:
    return staff("view_connection", "view_account", "change_connection", "change_account", "delete_connection")


def test_no_sealed_column_is_anywhere_in_the_admin() -> None:
    assert set(SEALED_COLUMNS) <= {field.name for field in Connection._meta.get_fields()}
    assert ConnectAttempt not in admin.site._registry
    for model in (Connection, Account):
        shown = admin.site._registry[model]
        names = [shown.list_display, shown.list_filter, shown.search_fields, shown.fields, shown.readonly_fields]
        assert "sealed" not in repr(names)


def test_the_form_class_holds_no_field_at_all(rf: Any, support: Client) -> None:
    request = rf.get("/")
    request.user = User.objects.create_superuser("root")
    for model in (Connection, Account):
        assert admin.site._registry[model].get_form(request).base_fields == {}


def test_a_connection_is_found_by_person_and_by_the_end_of_an_account_number(
    support: Client, connection: Connection
) -> None:
    for asked in ("ann", "ann@example.invalid", "00042", "Mine", str(connection.pk)):
        assert str(connection.pk) in support.get(LIST, {"q": asked}).content.decode(), asked
    assert str(connection.pk) not in support.get(LIST, {"q": "99999"}).content.decode()
    for state, found in (("connected", True), ("removed", False)):
        page = support.get(LIST, {"state__exact": state}).content.decode()
        assert (str(connection.pk) in page) == found


def test_pages_show_and_change_nothing(support: Client, connection: Connection) -> None:
    account = connection.accounts.earliest("number")
    for path in (f"{LIST}{connection.pk}/change/", f"/admin/brokers/account/{account.pk}/change/"):
        page = support.get(path)
        assert page.status_code == 200
        assert "5WT00042" in page.content.decode()
        assert support.post(path, {"state": "removed", "label": "x", "number": "x"}).status_code == 403
    assert support.get(f"{LIST}add/").status_code == 403
    assert support.post(f"{LIST}{connection.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Connection.objects.get().label == "Mine"


def act(client: Client, connection: Connection, action: str, **more: str) -> Any:
    return client.post(LIST, {"action": action, "_selected_action": str(connection.pk), **more}, follow=True)


def test_disconnect_asks_for_a_reason_and_is_written_down(support: Client, connection: Connection) -> None:
    page = act(support, connection, "disconnect").content.decode()
    assert "reason" in page
    act(support, connection, "disconnect", confirmed="yes", reason="  ")
    assert Connection.objects.get().state == "connected"
    act(support, connection, "disconnect", confirmed="yes", reason="Asked by phone, ticket 12")
    row = Connection.objects.get()
    assert row.state == "removed"
    assert [getattr(row, column) for column in SEALED_COLUMNS] == [None] * 3
    assert "ticket 12" in LogEntry.objects.get(object_id=str(connection.pk)).get_change_message()


def test_resync_reads_the_accounts_and_is_written_down(
    tokens: TokenServer, support: Client, connection: Connection
) -> None:
    tokens.accounts.append("5WT00044")
    act(support, connection, "resync_accounts")
    assert Account.objects.count() == 3
    assert LogEntry.objects.filter(object_id=str(connection.pk)).count() == 1
    tokens.accounts_status = 503
    page = act(support, connection, "resync_accounts").content.decode()
    assert "not available" in page


def test_those_who_may_only_look_have_no_actions(connection: Connection) -> None:
    looker = staff("view_connection")
    assert "Disconnect" not in looker.get(LIST).content.decode()
    act(looker, connection, "disconnect", confirmed="yes", reason="just because")
    assert Connection.objects.get().state == "connected"


def test_people_who_are_no_staff_stay_outside(browser: Client, connection: Connection) -> None:
    for path in (LIST, f"{LIST}{connection.pk}/change/"):
        assert browser.get(path).status_code in (302, 403)


def test_every_model_with_a_sealed_column_is_known_here() -> None:
    """A new one must be looked at before it can slip into the admin."""
    sealed = {
        model for model in apps.get_models() for field in model._meta.get_fields() if field.name.startswith("sealed_")
    }
    assert sealed == {Connection, ConnectAttempt}
