"""A trader's whole day with real tokens: none shows on a page, in the API, the admin, the log or the database."""

import io
import json
import logging
import re
import sqlite3
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection as database
from django.test import Client
from simulator_server import SimulatorServer

from brokers import connections
from brokers.connections.sealing import SEALED_COLUMNS, unseal_from
from brokers.models import Account
from brokers.redaction import RedactionFilter
from trading.models import Order


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Every line at the finest level, through the filter that the console has."""
    stream, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(stream)
    handler.addFilter(RedactionFilter())
    names = ("", "urllib3", "requests", "django", "brokers", "trading", "portfolio", "websockets")
    levels = {name: logging.getLogger(name).level for name in names}
    root.addHandler(handler)
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def trade_a_day(trader: Client, account: Account, sim: SimulatorServer) -> list[str]:
    """Looks at every page, sends orders by page and API, meets faults; gives all that was shown."""
    shown = []
    ticket = {"account": str(account.pk), "symbol": "F", "action": "buy_to_open", "quantity": "1"}
    ticket |= {"order_type": "limit", "time_in_force": "day", "limit_price": "1.00"}
    review = trader.post("/trade", ticket)
    form = dict(re.findall(r'name="(\w+)"[^>]*value="([^"]*)"', review.content.decode()))
    shown += [review.content.decode(), trader.post("/trade/place", form, follow=True).content.decode()]
    leg = {"symbol": "F", "action": "buy_to_open", "quantity": "1"}
    body = {"account": str(account.pk), "legs": [leg], "order_type": "market", "time_in_force": "day"}
    for fault in ("drop_answer", "garbage_json", "html_for_json", "status"):
        sim.faults({"effect": fault, "path": "*/orders", "times": 1})
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        answer = trader.post("/api/v1/orders", json.dumps(body), content_type="application/json", headers=headers)
        shown.append(answer.content.decode())
    sim.clear_faults()
    order = Order.objects.filter(account=account).first()
    assert order is not None
    pages = ["portfolio/", "portfolio/positions", "trade?symbol=AAPL", "trade/options?symbol=SPY", "orders/"]
    pages += [f"orders/{order.pk}", "connections/", "connections/new", "orders/?tab=history"]
    pages += [f"api/v1/{path}" for path in ("accounts", "connections", "orders", f"orders/{order.pk}")]
    pages += [f"api/v1/accounts/{account.pk}/{path}" for path in ("balances", "positions")]
    shown += [trader.get(f"/{page}").content.decode() for page in pages]
    return shown + look_at_the_admin(account, order)


def look_at_the_admin(account: Account, order: Order) -> list[str]:
    staff = Client()
    staff.force_login(get_user_model().objects.create_superuser("root"))
    found = [f"trading/order/{order.pk}/change/", f"brokers/connection/{account.connection_id}/change/"]
    pages = ["", "trading/", "trading/order/", "brokers/connection/", f"brokers/account/{account.pk}/change/", *found]
    answers = [staff.get(f"/admin/{page}") for page in pages]
    assert [answer.status_code for answer in answers] == [200] * len(pages)
    return [answer.content.decode() for answer in answers]


def database_in_clear() -> str:
    if database.vendor != "sqlite":
        return repr(list(Order.objects.values()))
    raw: sqlite3.Connection = database.connection
    return "\n".join(raw.iterdump())


def test_no_secret_shows_anywhere_in_a_traders_day(
    trader: Client, account: Account, sim: SimulatorServer, settings: Any, log: io.StringIO
) -> None:
    connection = account.connection
    shown = trade_a_day(trader, account, sim)
    secrets = [connections.access_token(connection.pk)]
    kept = [name for name in SEALED_COLUMNS if getattr(connection, name) is not None]
    secrets += [unseal_from(connection, name).reveal() for name in kept]
    secrets += [client["client_secret"] for client in settings.BROKER_CLIENTS.values()]
    assert all(len(secret) > 20 for secret in secrets)
    places = {"pages": "\n".join(shown), "log": log.getvalue(), "database": database_in_clear()}
    assert len(places["log"]) > 1000, "the log must really have been written"
    found = [(place, index) for place, text in places.items() for index, secret in enumerate(secrets) if secret in text]
    assert found == []
