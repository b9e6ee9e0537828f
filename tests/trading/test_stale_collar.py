"""The price collar while streams are down: what a tab still shows, however fresh it looks, is never what an order's
price is judged by."""

import random
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from ledger_broker import AAPL, LedgerBroker, a_ticket

from brokers.domain.instruments import Instrument
from brokers.domain.market import Quote
from brokers.domain.orders import Action
from brokers.errors import Unavailable
from brokers.live.hub import hub
from brokers.models import Account
from trading import risk
from trading.safety import limits, snapshots

pytestmark = pytest.mark.django_db
TRUE = Decimal(190)
ALLOWED = Decimal("0.05")
MANY = 150


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The stream stopped at some price, some seconds ago."""
    at: dict[str, Any] = {"price": TRUE, "age": timedelta()}

    def latest(_: object, instruments: Any) -> dict[Instrument, Quote]:
        bid, ask = at["price"] - Decimal("0.02"), at["price"] + Decimal("0.02")
        return {one: Quote(one, timezone.now() - at["age"], bid, ask, halted=False) for one in instruments}

    monkeypatch.setattr(hub, "latest", latest)
    return at


def codes(account: Account, broker: LedgerBroker, price: Decimal, action: Action) -> set[str]:
    ticket = a_ticket("1", f"{price:.2f}", action)
    found = risk.check(ticket, snapshots.take(account, ticket, broker), limits.for_account(account))
    return {each.code for each in found}


def misjudged(account: Account, broker: LedgerBroker, frozen: dict[str, Any]) -> int:
    """Of many prices, how many are let through that are far from the market, or held up that are not."""
    dice, wrong = random.Random(2), 0  # noqa: S311
    for _ in range(MANY):
        frozen["price"] = (TRUE * Decimal(dice.randrange(50, 200)) / 100).quantize(Decimal("0.01"))
        frozen["age"] = timedelta(seconds=dice.choice((0, 1, 4, 6, 30, 600)))
        price = frozen["price"] * Decimal(dice.choice(("0.98", "1", "1.02")))
        action = dice.choice((Action.BUY_TO_OPEN, Action.SELL_TO_CLOSE))
        worse = (price - TRUE) / TRUE * (1 if action is Action.BUY_TO_OPEN else -1)
        if abs(worse - ALLOWED) < Decimal("0.01"):
            continue
        wrong += ("PRICE_COLLAR" in codes(account, broker, price, action)) != (worse > ALLOWED)
    return wrong


def test_no_price_is_judged_by_what_a_stopped_stream_told(
    trading_account: Account, controlled_broker: LedgerBroker, frozen: dict[str, Any]
) -> None:
    assert misjudged(trading_account, controlled_broker, frozen) == 0


def test_a_desk_that_judges_by_its_stream_is_noticed(
    trading_account: Account, controlled_broker: LedgerBroker, frozen: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    streamed = lambda wanted: hub.latest(trading_account.connection_id, wanted)  # noqa: E731
    monkeypatch.setattr(controlled_broker, "get_quotes", streamed, raising=False)
    assert misjudged(trading_account, controlled_broker, frozen) > MANY / 5


@pytest.mark.parametrize("age", [0, 1, 600])
def test_a_broker_that_gives_no_quotes_leaves_every_price_unchecked_however_fresh_the_stream_looks(
    age: int,
    trading_account: Account,
    controlled_broker: LedgerBroker,
    frozen: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(_: object) -> dict[Instrument, Quote]:
        raise Unavailable("The broker does not answer.", broker="tastytrade")

    monkeypatch.setattr(controlled_broker, "get_quotes", away, raising=False)
    frozen["age"] = timedelta(seconds=age)
    assert "QUOTE_STALE" in codes(trading_account, controlled_broker, TRUE, Action.BUY_TO_OPEN)
    snapshot = snapshots.take(trading_account, a_ticket("1", None), controlled_broker)
    found = risk.check(a_ticket("1", None), snapshot, limits.for_account(trading_account))
    assert any(each.code == "QUOTE_STALE" and each.hard for each in found)
    assert AAPL not in snapshot.quotes
