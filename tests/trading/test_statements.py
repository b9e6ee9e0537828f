"""How many statements an order costs: pinned, so that no more creep in."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from ledger_broker import LedgerBroker, a_ticket

from brokers.models import Account
from trading import orders
from trading.lifecycle import Status
from trading.models import Order

CONFIRMED = ["DUPLICATE_LIKE", "PRICE_COLLAR", "NEW_DESTINATION"]
ONCE = ("idempotency_key = ", 'a."can_trade"', "everybody.orders", "UNION ALL\nSELECT")
MOST = {"postgresql": 7, "sqlite": 18}
"""PostgreSQL is asked several things in one go; an order, its event, its record and the chain's end are one more."""


def place(account: Account, key: str) -> Order:
    asked = {"ticket": a_ticket("1", f"190.{10 + len(key)}"), "source": Order.Source.API, "confirmed": CONFIRMED}
    return orders.place(account=account, idempotency_key=key, **asked)[0]


@pytest.fixture
def asked_of_the_database(trading_account: Account, controlled_broker: LedgerBroker) -> list[str]:
    """What the second order of an account asks; the first one fills what is kept."""
    place(trading_account, "k")
    told: list[str] = []

    def listen(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        told.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(listen):
        assert place(trading_account, "kk").status == Status.ACCEPTED
    return [sql for sql in told if not sql.startswith(("SAVEPOINT", "RELEASE"))]


def test_an_order_costs_no_more_statements_than_it_did(asked_of_the_database: list[str]) -> None:
    assert len(asked_of_the_database) <= MOST[connection.vendor], "\n".join(asked_of_the_database)


def test_what_the_checks_look_at_is_read_once(asked_of_the_database: list[str]) -> None:
    reads = [sql for sql in asked_of_the_database if sql.lstrip().startswith("SELECT")]
    assert [sum(what in sql for sql in reads) for what in ONCE] == [1] * len(ONCE)
