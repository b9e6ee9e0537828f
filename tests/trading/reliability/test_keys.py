"""Idempotency keys: one key, one order, for ever, whatever became of it; another's key is another's."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from bare_sending import without_controls
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_broker import LedgerBroker, raiser
from rest_framework.test import APIRequestFactory, force_authenticate

from brokers.errors import OrderRejected, OutcomeUnknown, RateLimited, Unavailable
from brokers.models import Account
from trading import orders
from trading.api.placing import OrdersView
from trading.models import Order

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("room_for_all", "quiet"), pytest.mark.timeout(7_200)]
Post = Callable[[str, str], Any]
"""Posts a body under a key. → the answer"""
FAULTS = (None, OutcomeUnknown("Lost"), OrderRejected("No"), RateLimited("Slow down"), Unavailable("Away"))
KEYS, PRICES = ("k1", "k2"), ("190.00", "190.01")
ASKING = st.lists(
    st.tuples(st.sampled_from(KEYS), st.sampled_from(PRICES), st.booleans(), st.sampled_from(FAULTS)),
    min_size=2, max_size=8,
)  # fmt: skip


@pytest.fixture
def quiet() -> Iterator[None]:
    """Each refusal is a warning to the log, and there are thousands."""
    logger = logging.getLogger("django.request")
    before, logger.disabled = logger.disabled, True
    yield
    logger.disabled = before


def by_the_door(client: Client) -> Post:
    def post(body: str, key: str) -> Any:
        headers = {"Idempotency-Key": key}
        return client.post("/api/v1/orders", body, content_type="application/json", headers=headers)

    return post


def inside(account: Account) -> Post:
    """Behind sessions and compression, of which no key knows: for thousands of questions."""
    view, factory, user = OrdersView.as_view(), APIRequestFactory(), account.connection.user

    def post(body: str, key: str) -> Any:
        request = factory.post("/", body, content_type="application/json", headers={"Idempotency-Key": key})
        force_authenticate(request, user)
        return view(request).render()

    return post


def ask(post: Post, account: Account, key: str, price: str) -> Any:
    legs = [{"symbol": "AAPL", "action": "buy_to_open", "quantity": "1"}]
    terms = {"order_type": "limit", "time_in_force": "day", "limit_price": price}
    return post(json.dumps({"account": str(account.pk), "legs": legs} | terms), key)


def check(broker: LedgerBroker, people: list[tuple[Post, Account]], asked: Any, run: int) -> None:
    """Any asking, by two people, answers lost or not: each key of each person stands for its first body for ever."""
    first: dict[tuple[int, str], tuple[str, str]] = {}
    calls = broker.calls.count("place")
    for key, price, who, fault in asked:
        broker.after = raiser(fault) if isinstance(fault, OutcomeUnknown) else lambda: None
        broker.before = raiser(fault) if fault and not isinstance(fault, OutcomeUnknown) else lambda: None
        answer = ask(*people[who], f"{key}-{run}", price)
        told = json.loads(answer.content)
        name = told.get("order", told).get("id") if isinstance(told.get("order", told), dict) else None
        known = first.get((who, key))
        if known is None:
            first[who, key] = (price, str(name))
            assert "Idempotency-Replayed" not in answer
        elif known[0] == price:
            assert (str(name), answer["Idempotency-Replayed"]) == (known[1], "true")
        else:
            assert (answer.status_code, told["code"]) == (422, "idempotency_key_reused")
    assert broker.calls.count("place") - calls == len(first), "a key was sent twice, or freed"
    assert len({name for _, name in first.values()}) == len(first)


RUNS = iter(range(10**9))


def try_many(broker: LedgerBroker, people: list[tuple[Post, Account]], cases: int) -> None:
    @settings(max_examples=cases, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(ASKING)
    def any_asking(asked: Any) -> None:
        check(broker, people, asked, next(RUNS))

    any_asking()


@pytest.mark.parametrize("cases", [500, pytest.param(10_000, marks=pytest.mark.nightly)])
def test_a_key_stands_for_its_first_order_for_ever_and_for_its_person_alone(
    ledger_broker: LedgerBroker, trading_account: Account, foreign_account: Account, cases: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    without_controls(monkeypatch.setattr)
    try_many(ledger_broker, [(inside(account), account) for account in (trading_account, foreign_account)], cases)


def test_so_it_is_at_the_front_door(
    ledger_broker: LedgerBroker, trader_client: Client, stranger_client: Client, trading_account: Account,
    foreign_account: Account,
) -> None:  # fmt: skip
    clients = [(trader_client, trading_account), (stranger_client, foreign_account)]
    try_many(ledger_broker, [(by_the_door(client), account) for client, account in clients], 15)


def test_a_desk_that_frees_the_key_of_an_unclear_outcome_is_caught(
    ledger_broker: LedgerBroker, trader_client: Client, trading_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_key = orders._with_key

    def freed(account: Account, key: str, fingerprint: str) -> Any:
        Order.objects.filter(account=account, status="unknown").update(idempotency_key=None)
        return with_key(account, key, fingerprint)

    monkeypatch.setattr(orders, "_with_key", freed)
    asked = [("k1", "190.00", 0, FAULTS[1]), ("k1", "190.00", 0, None)]
    with pytest.raises((AssertionError, KeyError)):
        check(ledger_broker, [(by_the_door(trader_client), trading_account)], asked, next(RUNS))
