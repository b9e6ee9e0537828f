"""Halted symbols and restricted accounts at either broker, from the simulator's control to the unsent order."""

import contextlib

import pytest
from django.core.cache import cache
from django.test import Client
from ledger_broker import AAPL, a_ticket
from simulator_server import SimulatorServer, wait_until

from brokers import connections
from brokers.domain.orders import Action
from brokers.models import Account
from trading import orders, risk
from trading.models import Order
from trading.risk import standing
from trading.risk.halted import check_halted

pytestmark = pytest.mark.django_db(transaction=True)
SOFT = ["DUPLICATE_LIKE", "PRICE_COLLAR", "QUOTE_STALE", "NEW_DESTINATION"]


def place(
    account: Account, key: str, *, quantity: str = "1", price: str = "1.01", action: Action | None = None
) -> Order:
    ticket = a_ticket(quantity, price, action or Action.BUY_TO_OPEN)
    with contextlib.suppress(orders.Denied):
        orders.place(account=account, ticket=ticket, idempotency_key=key, source=Order.Source.WEB, confirmed=SOFT)
    return Order.objects.get(idempotency_key=key)


def resume(sim: SimulatorServer, account: Account) -> None:
    """It goes on with the market's next step."""
    sim.control("halts", {"symbol": "AAPL", "halted": False})
    broker = connections.broker_for(account.connection)
    wait_until(lambda: broker.get_quotes([AAPL])[AAPL].halted is False, 30)
    cache.clear()


def ledger(sim: SimulatorServer, account: Account) -> list[str]:
    return [entry["order_id"] for entry in sim.ledger(account=account.number) if entry["made_order"]]


def test_no_order_reaches_a_halted_symbol_and_the_next_one_after_it_does(
    sim: SimulatorServer, account: Account
) -> None:
    sim.control("halts", {"symbol": "AAPL", "reason": "T1"})
    denied = place(account, "halted")
    assert (denied.status, denied.error_code) == ("denied", "NOT_ALLOWED")
    assert "AAPL is halted" in denied.last_error
    assert ledger(sim, account) == []
    resume(sim, account)
    assert place(account, "goes on").broker_order_id in ledger(sim, account)


def test_without_the_control_it_would_be_sent(
    sim: SimulatorServer, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(risk, "CONTROLS", tuple(one for one in risk.CONTROLS if one is not check_halted))
    sim.control("halts", {"symbol": "AAPL"})
    assert place(account, "halted").broker_order_id in ledger(sim, account)


@pytest.mark.parametrize(("state", "words"), [("closing_only", "only close"), ("restricted", "takes no orders")])
def test_a_restricted_account_is_sent_nothing_that_opens(
    sim: SimulatorServer, account: Account, state: str, words: str
) -> None:
    sim.control("accounts", {"account": account.number, "standing": state})
    denied = place(account, "restricted")
    assert (denied.status, denied.error_code) == ("denied", "ACCOUNT_NOT_ALLOWED")
    assert words in denied.last_error
    sim.control("accounts", {"account": account.number, "standing": "active"})
    cache.clear()  # what was told holds for a minute
    assert place(account, "active again").broker_order_id in ledger(sim, account)


def test_without_that_control_the_broker_alone_refuses(
    sim: SimulatorServer, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "_restricted", lambda ticket, snapshot: iter(()))
    sim.control("accounts", {"account": account.number, "standing": "restricted"})
    assert place(account, "restricted").status == "rejected"


def test_an_account_whose_standing_cant_be_read_is_sent_nothing(sim: SimulatorServer, account: Account) -> None:
    paths = {"tastytrade": "*/trading-status", "tradestation": "*/brokerage/accounts"}
    sim.faults({"effect": "status", "status": 503, "method": "GET", "path": paths[account.connection.broker]})
    denied = place(account, "unread")
    assert (denied.status, denied.error_code) == ("denied", "ACCOUNT_NOT_ALLOWED")
    assert ledger(sim, account) == []


def test_the_pages_say_so(sim: SimulatorServer, account: Account, trader: Client) -> None:
    sim.control("halts", {"symbol": "AAPL"})
    sim.control("accounts", {"account": account.number, "standing": "closing_only"})
    query = {"account": str(account.pk)}
    ticket = {"symbol": "AAPL", "action": "buy_to_open", "quantity": "1", "order_type": "limit", "limit_price": "1.00"}
    figures = trader.get("/trade/figures", query | ticket).content.decode()
    assert "Trading in AAPL is halted" in figures
    assert "only close holdings now" in figures
    for address in ("/symbols/AAPL", "/chains/AAPL"):
        page = trader.get(address, query).content.decode()
        assert 'data-halt="AAPL"' in page
        assert "js/halted" in page
    (quote,) = trader.get("/api/v1/quotes", query | {"symbols": "AAPL", "halts": "true"}).json()["quotes"]
    assert quote["halted"] is True
    resume(sim, account)
    (quote,) = trader.get("/api/v1/quotes", query | {"symbols": "AAPL", "halts": "true"}).json()["quotes"]
    assert quote["halted"] is False
    assert "is halted" not in trader.get("/trade/figures", query | ticket).content.decode()
