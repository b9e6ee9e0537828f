"""A bracket's review at either broker: buying power as the broker's dry run tells it, else the desk's own estimate."""

import re
from decimal import Decimal

import pytest
from django.test import Client

from brokers import registry
from brokers.models import Account

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_brackets_review_tells_buying_power_and_whose_figure_it_is(account: Account, trader: Client) -> None:
    ticket = {
        "account": str(account.pk), "symbol": "F", "action": "buy_to_open", "quantity": "10", "order_type": "limit",
        "limit_price": "10.00", "time_in_force": "day",
    }  # fmt: skip
    attached = {"group-kind": "bracket", "group-profit": "30.00", "group-stop": "5.00", "group-exit_time": "day"}
    page = trader.post("/trade", ticket | attached).content.decode()
    assert "Review orders" in page, re.sub(r"\s+", " ", page)[-3000:]
    tells = registry.spec(account.connection.broker).capabilities.has_dry_run
    assert ("estimated by the desk" in page) is not tells
    before, after = (Decimal(each.replace(",", "")) for each in re.findall(r"\$([\d,.]+) → \$([\d,.]+)", page)[0])
    if not tells:
        assert before - after == 100
