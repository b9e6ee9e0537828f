"""The installation's last count, span by span: none holds more than it may, and none that has room is refused."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_broker import LedgerBroker, a_ticket

from brokers.models import Account
from trading import orders
from trading.models import Order
from trading.safety import last_count, limits

START = datetime(2026, 11, 20, 15, tzinfo=UTC)
SPAN = timedelta(seconds=1)
PAST = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9)), min_size=1, max_size=25)
"""Tenths of a second, dollars."""


def at(tenths: int) -> datetime:
    return START + timedelta(seconds=tenths / 10)


def by_hand(past: list[tuple[int, int]], since: int, until: int) -> tuple[int, int]:
    """Each span of ten tenths that holds one of them and touches the time between, one after the other."""
    most = (0, 0)
    for end in range(since, until + 10):
        inside = [dollars for tenths, dollars in past if end - 10 < tenths <= end]
        if any(tenths == end for tenths, _ in past):
            most = max(most[0], len(inside)), max(most[1], sum(inside))
    return most


@settings(max_examples=300, deadline=None, database=None)
@given(PAST, st.integers(0, 40), st.integers(0, 5))
def test_the_fullest_span_is_the_one_found_by_hand(past: list[tuple[int, int]], since: int, longer: int) -> None:
    rows = [(at(tenths), Decimal(dollars)) for tenths, dollars in sorted(past)]
    found = last_count.fullest(rows, SPAN, at(since), at(since + longer))
    assert found == by_hand(past, since, since + longer)


@pytest.mark.django_db
@pytest.mark.parametrize(("apart", "fits"), [((-9, 9), True), ((-9, -8), False), ((3, 9), False), ((-10, 3), True)])
def test_two_orders_a_second_are_two_in_any_second(
    apart: tuple[int, int], fits: bool, ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    """Tenths of a second from the order that looks: it and both of them are too many only within one second."""
    for number, tenths in enumerate((0, *apart)):
        ticket, key = a_ticket("1", f"190.{number:02d}"), f"k{number}"
        placed, _ = orders.place(account=trading_account, ticket=ticket, idempotency_key=key, source=Order.Source.API)
        Order.objects.filter(pk=placed.pk).update(created_at=START + timedelta(seconds=tenths / 10))
    limits.change({"installation_orders_a_second": Decimal(2)}, by=None, reason="a test")
    if fits:
        last_count.check(START)
        return
    held_back = []
    with pytest.raises(last_count.CapReached):
        last_count.check(START, START, held_back.append)
    assert len(held_back) == 1
