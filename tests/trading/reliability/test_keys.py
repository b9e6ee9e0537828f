"""Idempotency keys: one key, one order, for ever, whatever became of it; another's key is another's."""

import json
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_broker import LedgerBroker, raiser

from brokers.errors import OrderRejected, OutcomeUnknown, RateLimited, Unavailable
from brokers.models import Account
from trading import orders
from trading.models import Order

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(7_200)]
FAULTS = (None, OutcomeUnknown("Lost"), OrderRejected("No"), RateLimited("Slow down"), Unavailable("Away"))
KEYS, PRICES = ("k1", "k2"), ("190.00", "190.01")
ASKING = st.lists(
    st.tuples(st.sampled_from(KEYS), st.sampled_from(PRICES), st.booleans(), st.sampled_from(FAULTS)),
    min_size=2, max_size=8,
)  # fmt: skip


def ask(client: Client, account: Account, key: str, price: str) -> Any:
    legs = [{"symbol": "AAPL", "action": "buy_to_open", "quantity": "1"}]
    body = {
        "account": str(account.pk),
        "legs": legs,
        "order_type": "limit",
        "time_in_force": "day",
        "limit_price": price,
    }
    return client.post(
        "/api/v1/orders", json.dumps(body), content_type="application/json", headers={"Idempotency-Key": key}
    )


def check(broker: LedgerBroker, people: list[tuple[Client, Account]], asked: Any, run: int) -> None:
    """Any asking, by two people, answers lost or not: each key of each person stands for its first body for ever."""
    first: dict[tuple[int, str], tuple[str, str]] = {}
    calls = broker.calls.count("place")
    for key, price, who, fault in asked:
        broker.after = raiser(fault) if isinstance(fault, OutcomeUnknown) else lambda: None
        broker.before = raiser(fault) if fault and not isinstance(fault, OutcomeUnknown) else lambda: None
        client, account = people[who]
        answer = ask(client, account, f"{key}-{run}", price)
        told = answer.json()
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


@pytest.mark.parametrize("cases", [25, *(pytest.param(many, marks=pytest.mark.nightly) for many in (500, 10_000))])
def test_a_key_stands_for_its_first_order_for_ever_and_for_its_person_alone(
    ledger_broker: LedgerBroker, trader_client: Client, stranger_client: Client, trading_account: Account,
    foreign_account: Account, cases: int,
) -> None:  # fmt: skip
    people = [(trader_client, trading_account), (stranger_client, foreign_account)]
    quick = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]

    @settings(max_examples=cases, deadline=None, database=None, suppress_health_check=quick)
    @given(ASKING)
    def any_asking(asked: Any) -> None:
        check(ledger_broker, people, asked, next(RUNS))

    any_asking()


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
        check(ledger_broker, [(trader_client, trading_account)], asked, next(RUNS))
