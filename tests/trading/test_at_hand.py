"""An order's calls share one look at the sign-in, and one that took long looks again before it is written down."""

import time
from typing import Any

import pytest
from ledger_broker import LedgerBroker, a_ticket

from brokers import connections
from brokers.models import Account
from trading import orders
from trading.models import Order
from trading.protocol import readiness


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch, ledger_broker: LedgerBroker) -> list[Any]:
    """Each look at the sign-in, with how many orders were written down by then; the last are those at broker_for."""
    seen: list[Any] = []

    def token(connection_id: Any, refused: str | None = None) -> str:
        seen.append(Order.objects.count())
        return f"token {len(seen)}"

    def broker_for(connection: Any, **named: Any) -> LedgerBroker:
        seen.append(named["token"])
        return ledger_broker

    monkeypatch.setattr(connections, "access_token", token)
    monkeypatch.setattr(connections, "broker_for", broker_for)
    return seen


def place(account: Account) -> None:
    orders.place(account=account, ticket=a_ticket(), idempotency_key="key-1", source=Order.Source.API)


def test_an_order_looks_at_the_sign_in_once_before_it_is_written_down(
    looks: list[Any], trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    place(trading_account)
    assert looks == [0, "token 1"]
    assert ledger_broker.calls.count("place") == 1


def test_an_order_whose_figures_took_long_looks_again_before_it_is_written_down(
    looks: list[Any], trading_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a refresh could sit between the commit and the bytes."""
    monkeypatch.setattr(readiness, "TOKEN_FRESH", -1.0)
    place(trading_account)
    assert looks == [0, "token 1", 0]


def test_a_look_holds_for_less_long_than_the_calls_share_it() -> None:
    """What is fresh before the commit is still shared right after it."""
    assert readiness.TOKEN_FRESH < connections.accounts.TOKEN_KEPT
    hand = readiness.AtHand(Account(), LedgerBroker(), time.monotonic())
    hand.look_again()  # asks nobody: there is no connection to ask
