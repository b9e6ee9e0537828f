"""The API's balances and positions: exact text, null for the unknown, their source and age, and nobody else's."""

import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from talking_broker import TalkingBroker, a_balance, a_holding, a_short_put, forget_flights

from brokers.errors import BrokerError, NotAuthorized, RateLimited, Unavailable, UnexpectedReply
from brokers.models import Account


@pytest.fixture
def trader_client(client: Client, trader: Any) -> Client:
    client.force_login(trader)
    return client


def url(account: Account, what: str) -> str:
    return f"/api/v1/accounts/{account.pk}/{what}"


def test_balances_are_exact_and_say_where_they_are_from(
    trader_client: Client, account: Account, talking: TalkingBroker
) -> None:
    talking.balances["5WT00042"] = a_balance(pending_cash=None, cash=Decimal("0.00"))
    response = trader_client.get(url(account, "balances"))
    document = response.json()
    assert response.status_code == 200
    assert document["net_liquidating_value"] == "100012.84"
    assert (document["cash"], document["pending_cash"]) == ("0.00", None)
    assert (document["source"], document["stale"], document["reason"]) == ("broker", False, None)
    assert document["as_of"].endswith("Z")
    assert talking.calls == ["balance 5WT00042"]


def test_positions_are_valued(trader_client: Client, account: Account, talking: TalkingBroker) -> None:
    document = trader_client.get(url(account, "positions")).json()
    share, option = document["positions"]
    assert (share["symbol"], share["kind"], share["quantity"]) == ("AAPL", "equity", "25")
    assert (share["mark"], share["market_value"], share["cost"]) == ("191.30", "4782.50", "4710.00")
    assert (share["profit_loss_open"], share["profit_loss_open_percent"]) == ("72.50", "1.5393")
    assert (share["profit_loss_day"], share["change"]) == ("30.00", "1.20")
    assert (option["symbol"], option["underlying"]) == ("SPY   261218P00600000", "SPY")
    assert (option["expiration"], option["strike"], option["right"]) == ("2026-12-18", "600", "put")
    assert (option["quantity"], option["market_value"]) == ("-1", "-82.00")
    assert document["totals"]["market_value"] == {"amount": "4700.50", "missing": 0}
    assert document["source"] == "broker"


def test_the_unknown_is_null_and_counted(trader_client: Client, account: Account, talking: TalkingBroker) -> None:
    talking.quotes = Unavailable("No market data here.")
    document = trader_client.get(url(account, "positions")).json()
    assert [position["mark"] for position in document["positions"]] == [None, None]
    assert document["totals"]["market_value"] == {"amount": None, "missing": 2}
    assert document["quotes_reason"]["code"] == "broker_unavailable"
    assert document["stale"] is False


def test_an_empty_account_is_an_empty_list(trader_client: Client, account: Account, talking: TalkingBroker) -> None:
    talking.positions["5WT00042"] = []
    document = trader_client.get(url(account, "positions")).json()
    assert document["positions"] == []
    assert document["totals"]["market_value"] == {"amount": "0", "missing": 0}


@pytest.mark.parametrize("what", ["balances", "positions"])
def test_an_absent_broker_leaves_the_last_known_with_the_reason(
    trader_client: Client, account: Account, talking: TalkingBroker, what: str
) -> None:
    before = trader_client.get(url(account, what)).json()
    talking.fail(Unavailable("The broker can't be reached."))
    forget_flights()
    response = trader_client.get(url(account, what))
    document = response.json()
    assert response.status_code == 200
    assert (document["stale"], document["source"]) == (True, "last_known")
    assert document["reason"] == {
        "code": "broker_unavailable",
        "detail": "The broker can't be reached.",
        "retryable": True,
    }
    changed = {"stale", "source", "reason"}
    assert {k: v for k, v in document.items() if k not in changed} == {
        k: v for k, v in before.items() if k not in changed
    }


@pytest.mark.parametrize("what", ["balances", "positions"])
@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Unavailable("Down."), 503),
        (RateLimited("Slow down.", retry_after=12), 429),
        (NotAuthorized("Gone.", grant_is_dead=True), 403),
        (UnexpectedReply("data.items[0].price is not a number.", path="data.items[0].price"), 502),
    ],
)
def test_with_nothing_known_the_brokers_error_is_the_answer(
    trader_client: Client, account: Account, talking: TalkingBroker, what: str, error: BrokerError, status: int
) -> None:
    talking.fail(error)
    response = trader_client.get(url(account, what))
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == error.code


@pytest.mark.parametrize("what", ["balances", "positions"])
def test_a_strangers_account_is_as_missing_as_one_that_never_was(
    client: Client, stranger: Any, account: Account, talking: TalkingBroker, what: str
) -> None:
    client.force_login(stranger)
    foreign = client.get(url(account, what))
    missing = client.get(f"/api/v1/accounts/{uuid.uuid4()}/{what}")
    assert foreign.status_code == missing.status_code == 404
    assert foreign.json()["detail"] == missing.json()["detail"]
    assert talking.calls == []


@pytest.mark.parametrize("what", ["balances", "positions"])
def test_who_is_not_signed_in_gets_nothing(client: Client, account: Account, talking: TalkingBroker, what: str) -> None:
    assert client.get(url(account, what)).status_code in (401, 403)
    assert talking.calls == []


def test_a_position_closed_today_is_listed_for_its_gain(
    trader_client: Client, account: Account, talking: TalkingBroker
) -> None:
    closed = a_holding(quantity=Decimal(0), realized_day=Decimal("41.50"))
    talking.positions["5WT00042"] = [closed, a_short_put(quantity=Decimal(0))]
    document = trader_client.get(url(account, "positions")).json()
    assert [(p["symbol"], p["quantity"], p["profit_loss_day"]) for p in document["positions"]] == [
        ("AAPL", "0", "41.50")
    ]


def test_the_documents_have_just_the_documented_members(
    trader_client: Client, account: Account, talking: TalkingBroker
) -> None:
    from portfolio import serializers

    balances = trader_client.get(url(account, "balances")).json()
    positions = trader_client.get(url(account, "positions")).json()
    assert set(balances) == set(serializers.Balances().fields)
    assert set(positions) == set(serializers.Positions().fields)
    assert set(positions["positions"][0]) == set(serializers.PositionDocument().fields)
    assert set(positions["totals"]) == set(serializers.TotalsDocument().fields)
