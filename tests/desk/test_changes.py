"""Replacements, lost answers, groups and cancelling all, at both brokers over their real wires."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from signing_in import BOTH, MARGIN_ACCOUNTS, connect, point_at
from simulator_server import SimulatorServer, wait_until

from brokers.domain.instruments import Equity
from brokers.domain.orders import Action, GroupKind, Leg, OrderGroup, OrderTicket, OrderType, TimeInForce
from brokers.models import Account
from brokers.transport import forget_sessions
from trading import orders
from trading.lifecycle import Asked, Status
from trading.models import Order, Replacement
from trading.protocol import watch

SOFT = ("PRICE_COLLAR", "CONCENTRATION", "DUPLICATE_LIKE", "QUOTE_STALE", "SELF_CROSS", "ORDER_QTY", "ORDER_NOTIONAL")
F = Equity("F")


@pytest.fixture(params=BOTH)
def account(request: Any, sim: SimulatorServer, settings: Any, transactional_db: None) -> Iterator[Account]:
    """The demo person's margin account at one of the brokers; nothing fills by itself."""
    broker = request.param
    point_at(settings, sim, broker)
    sim.reset()
    sim.fills("never")
    cache.clear()
    client = Client()
    client.force_login(get_user_model().objects.create_user("trader"))
    connect(client, sim, broker)
    yield Account.objects.select_related("connection").get(connection__broker=broker, number=MARGIN_ACCOUNTS[broker])
    sim.clear_faults()
    forget_sessions()


def ticket(
    price: str, action: Action = Action.BUY_TO_OPEN, kind: OrderType = OrderType.LIMIT, quantity: str = "2"
) -> OrderTicket:
    legs = (Leg(F, action, Decimal(quantity)),)
    if kind is OrderType.STOP:
        return OrderTicket(legs, kind, TimeInForce.DAY, stop_price=Decimal(price))
    return OrderTicket(legs, kind, TimeInForce.DAY, Decimal(price) * -action.sign)


def place(account: Account, price: str = "1.00", key: str = "key-1") -> Order:
    return orders.place(
        account=account, ticket=ticket(price), idempotency_key=key, source=Order.Source.API, confirmed=SOFT
    )[0]


def change(order: Order, price: str, key: str = "change-1") -> Order:
    return orders.replace(order, ticket(price), idempotency_key=key, source=Order.Source.API, confirmed=SOFT)


def seen(account: Account, **wanted: Any) -> list[Order]:
    """The account's rows as they are after looking up what is due now."""
    Order.objects.filter(account=account, next_check_at__isnull=False).exclude(status=Status.SENDING).update(
        next_check_at=timezone.now()
    )
    watch.look_after(account.pk)
    return list(Order.objects.shown().filter(account=account, **wanted))


def test_a_working_order_is_put_on_new_terms(account: Account) -> None:
    order = place(account)
    wait_until(lambda: seen(account, status=Status.WORKING), 20, 0.3)
    change(order, "1.05")
    wait_until(lambda: seen(account) and Replacement.objects.get().status == Asked.DONE, 20, 0.3)
    wait_until(lambda: len(seen(account, status=Status.WORKING, limit_price=Decimal("-1.05"))) == 1, 20, 0.3)
    assert Order.objects.shown().filter(account=account, is_external=True).count() == 0
    assert Order.objects.filter(status=Status.WORKING).count() == 1


def test_a_replacement_whose_answer_is_lost_is_found_and_asked_once(account: Account, sim: SimulatorServer) -> None:
    order = place(account)
    wait_until(lambda: seen(account, status=Status.WORKING), 20, 0.3)
    sim.faults({"effect": "drop_answer", "method": "PUT", "path": "*/orders/*"})
    change(order, "1.05")
    assert Replacement.objects.get().status == Asked.UNKNOWN
    with pytest.raises(orders.NotReplaceable, match="being carried out"):
        change(order, "1.06", "change-2")
    sim.clear_faults()
    wait_until(lambda: seen(account) and Replacement.objects.get().status == Asked.DONE, 30, 0.3)
    (stands,) = wait_until(lambda: seen(account, status=Status.WORKING), 20, 0.3)
    assert stands.limit_price == Decimal("-1.05")
    assert not stands.is_external


def a_bracket() -> OrderGroup:
    close = Action.SELL_TO_CLOSE
    return OrderGroup(
        GroupKind.BRACKET,
        (ticket("99.00", close), ticket("0.50", close, OrderType.STOP)),
        ticket("1.00"),
    )


@pytest.mark.parametrize("lost", [False, True])
def test_a_bracket_is_sent_as_one_and_each_order_is_known(lost: bool, account: Account, sim: SimulatorServer) -> None:
    place(account, "1.01", "key-0")  # the connection has sent before: what follows strikes the group alone
    if lost:
        sim.faults(*({"effect": "drop_answer", "method": "POST", "path": path, "times": 1} for path in GROUP_PATHS))
    placed, _ = orders.place_group(
        account=account, group=a_bracket(), idempotency_key="key-1", source=Order.Source.API, confirmed=SOFT
    )
    sim.clear_faults()
    assert len(placed) == 3
    if lost:
        assert {order.status for order in placed} == {Status.UNKNOWN}
    group = placed[0].group
    wait_until(
        lambda: len([order for order in seen(account, group=group) if order.is_open and order.broker_order_id]) == 3,
        30,
        0.3,
    )
    assert Order.objects.shown().filter(account=account).count() == 4
    assert not Order.objects.shown().filter(account=account, is_external=True).exists()


GROUP_PATHS = ("*/complex-orders", "*/orderexecution/*")


def test_all_is_cancelled(account: Account) -> None:
    for number in range(3):
        place(account, f"1.0{number}", f"key-{number}")
    wait_until(lambda: len(seen(account, status=Status.WORKING)) == 3, 20, 0.3)
    run = orders.cancel_all(account.connection.user, account=account)
    assert (len(run.asked), run.refused, run.problems) == (3, [], [])
    wait_until(lambda: len(seen(account, status=Status.CANCELLED)) == 3, 20, 0.3)
    assert len(run.confirmed) == 3
