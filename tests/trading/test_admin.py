"""Support staff look at orders; nobody changes one in the admin."""

import re
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from ledger_broker import LedgerBroker, a_ticket

from brokers.models import Account
from trading import orders
from trading.lifecycle import LABELS, Status
from trading.models import Order
from trading.safety import limits

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff_client(db: None) -> Client:
    client = Client()
    user = get_user_model().objects.create_superuser("staff")
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def test_staff_find_an_order_and_its_story(
    staff_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    order, _ = orders.place(account=trading_account, ticket=a_ticket(), idempotency_key="k", source=Order.Source.WEB)
    for text in (str(order.broker_order_id), str(order.client_ref), "0042", "trader", str(order.pk), "k"):
        page = staff_client.get("/admin/trading/order/", {"q": text}).content.decode()
        assert order.description in page, text
    assert order.description not in staff_client.get("/admin/trading/order/", {"q": "nobody"}).content.decode()
    story = staff_client.get(f"/admin/trading/order/{order.pk}/change/").content.decode()
    assert "Written down and on its way to the broker." in story
    assert 'name="_save"' not in story
    assert staff_client.get("/admin/trading/orderevent/").status_code == 200


def test_not_even_a_superuser_changes_an_order(
    staff_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    order, _ = orders.place(account=trading_account, ticket=a_ticket(), idempotency_key="k", source=Order.Source.WEB)
    event = order.events.get(seq=1)
    for address in (f"order/{order.pk}/change/", f"orderevent/{event.pk}/change/"):
        assert staff_client.post(f"/admin/trading/{address}", {"status": "filled"}).status_code == 403
    for address in ("order/add/", "orderevent/add/", f"order/{order.pk}/delete/", f"orderevent/{event.pk}/delete/"):
        assert staff_client.get(f"/admin/trading/{address}").status_code == 403


def test_orders_are_filtered_by_the_words_that_people_see(
    staff_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    refused = {}
    for number, status in enumerate((Status.REJECTED, Status.BROKER_REJECTED, Status.WORKING)):
        ticket = a_ticket(str(number + 1))
        order, _ = orders.place(
            account=trading_account, ticket=ticket, idempotency_key=f"k{number}", source=Order.Source.WEB
        )
        Order.objects.filter(pk=order.pk).update(status=status)
        refused[status] = order.description
    page = staff_client.get("/admin/trading/order/").content.decode()
    choices = re.findall(r'href="\?is=[a-z-]+"[^>]*>\s*([^<]+?)\s*<', page)
    assert "Rejected" in choices
    assert len(choices) == len(set(choices)) == len(set(LABELS.values()))
    page = staff_client.get("/admin/trading/order/", {"is": "rejected"}).content.decode()
    assert [description in page for description in refused.values()] == [True, True, False]
    assert staff_client.get("/admin/trading/order/", {"is": "made-up"}).status_code == 200


def test_figures_are_shown_as_people_write_them(
    staff_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    order, _ = orders.place(account=trading_account, ticket=a_ticket(), idempotency_key="k", source=Order.Source.WEB)
    assert order.broker_order_id is not None
    ledger_broker.fill(order.broker_order_id, "4", "189.50")
    orders.refresh(trading_account)
    assert str(order.fills.get()) == "4 AAPL at 189.5"
    page = staff_client.get(f"/admin/trading/order/{order.pk}/change/").content.decode()
    shown = dict(re.findall(r"<label>([\w ]+):</label>\s*<div class=\"readonly\">([^<]*)</div>", page))
    assert (shown["Quantity"], shown["Filled quantity"], shown["Limit price"]) == ("10", "4", "-190")
    assert shown["Stop price"] == "-"
    assert not re.findall(r"\d\.\d*0{4,}", page), "nothing has trailing zeros, the fills' rows neither"


def test_a_limit_stands_in_its_field_as_it_was_typed(staff_client: Client, trading_account: Account) -> None:
    kept = limits.change(
        {"shares": Decimal(250), "gross_share": Decimal("0.5")}, by=None, user=trading_account.connection.user
    )
    page = staff_client.get(f"/admin/trading/risklimits/{kept.pk}/change/").content.decode()
    assert re.search(r'name="shares" value="250"', page)
    assert re.search(r'name="gross_share" value="0.5"', page)
