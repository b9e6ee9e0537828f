"""Orders that are sent as one: a row each, one request, each found again by itself."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError
from django.test import Client
from django.utils import timezone
from django.utils.html import strip_tags
from ledger_broker import LedgerBroker, a_ticket, raiser

from brokers import registry
from brokers.domain.orders import (
    Action,
    BrokerStatus,
    GroupKind,
    InvalidTicket,
    Notice,
    OrderGroup,
    OrderTicket,
    OrderType,
    PlacedGroup,
    Preview,
    TimeInForce,
)
from brokers.errors import OrderRejected, OutcomeUnknown, Unavailable
from brokers.models import Account
from trading import orders
from trading.lifecycle import Status
from trading.models import Order
from trading.protocol import sending

pytestmark = pytest.mark.django_db


def a_bracket(price: str = "190.00") -> OrderGroup:
    profit = a_ticket(price="199.00", action=Action.SELL_TO_CLOSE)
    stop = OrderTicket(profit.legs, OrderType.STOP, TimeInForce.DAY, stop_price=Decimal("180.00"))
    return OrderGroup(GroupKind.BRACKET, (profit, stop), a_ticket(price=price))


def place(account: Account, group: OrderGroup | None = None, key: str = "key-1") -> list[Order]:
    group = group or a_bracket()
    return orders.place_group(account=account, group=group, idempotency_key=key, source=Order.Source.WEB)[0]


def test_all_are_written_down_before_one_request_goes_out(
    ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    seen: list[list[str]] = []
    ledger_broker.before = lambda: seen.append(list(Order.objects.values_list("status", flat=True)))
    placed = place(trading_account)
    assert seen == [[Status.SENDING] * 3]
    assert ledger_broker.calls.count("place_group") == 1
    assert [order.status for order in placed] == [Status.ACCEPTED] * 3
    assert [order.group_index for order in placed] == [0, 1, 2]
    assert len({order.group for order in placed}) == 1
    assert {order.broker_group_id for order in placed} == {placed[0].broker_order_id}
    assert [order.order_type for order in placed] == ["limit", "limit", "stop"]
    assert [ledger_broker.ledger[str(order.broker_order_id)].client_ref for order in placed] == [
        order.client_ref for order in placed
    ]


def test_the_same_key_answers_the_same_orders(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    first = place(trading_account)
    again, replayed = orders.place_group(
        account=trading_account, group=a_bracket(), idempotency_key="key-1", source=Order.Source.WEB
    )
    assert ([order.pk for order in again], replayed) == ([order.pk for order in first], True)
    with pytest.raises(orders.KeyReused):
        place(trading_account, a_bracket("191.00"))
    with pytest.raises(orders.KeyReused):
        orders.place(account=trading_account, ticket=a_ticket(), idempotency_key="key-1", source=Order.Source.WEB)
    assert ledger_broker.calls.count("place_group") == 1


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OrderRejected("No"), Status.REJECTED),
        (Unavailable("Away"), Status.NOT_SENT),
        (OutcomeUnknown("No answer"), Status.UNKNOWN),
        (RuntimeError("ours"), Status.UNKNOWN),
    ],
    ids=["rejected", "unavailable", "unknown", "fault"],
)
def test_the_outcome_is_each_members(
    error: Exception, status: Status, ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    ledger_broker.before = raiser(error)
    assert {order.status for order in place(trading_account)} == {status}


def test_a_lost_answer_is_found_member_by_member_and_sent_no_second_time(
    ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    ledger_broker.after = raiser(OutcomeUnknown("No answer"))
    assert {order.status for order in place(trading_account)} == {Status.UNKNOWN}
    orders.look_up(trading_account, timezone.now() + timedelta(seconds=2))
    found = list(Order.objects.order_by("group_index"))
    assert [order.status for order in found] == [Status.ACCEPTED] * 3
    assert len({order.broker_order_id for order in found}) == 3
    assert (ledger_broker.calls.count("place_group"), len(ledger_broker.ledger)) == (1, 3)


def test_a_member_that_was_refused_while_others_were_taken_is_rejected_alone(
    ledger_broker: LedgerBroker, trading_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ledger_broker.place_group

    def refuse_last(*given: Any) -> PlacedGroup:
        answer = real(*given)
        last = answer.orders[-1]
        del ledger_broker.ledger[last.order.broker_order_id]
        no = replace(last.order, broker_order_id="", status=BrokerStatus.REJECTED, reject_reason="No stops here")
        return replace(answer, orders=(*answer.orders[:-1], replace(last, order=no)))

    monkeypatch.setattr(ledger_broker, "place_group", refuse_last)
    placed = place(trading_account)
    assert [order.status for order in placed] == [Status.ACCEPTED, Status.ACCEPTED, Status.REJECTED]
    assert placed[2].last_error == "No stops here"


def test_an_answer_of_other_orders_is_no_answer(
    ledger_broker: LedgerBroker, trading_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ledger_broker.place_group
    monkeypatch.setattr(ledger_broker, "place_group", lambda *given: PlacedGroup(None, real(*given).orders[:2]))
    assert {order.status for order in place(trading_account)} == {Status.UNKNOWN}


def test_one_member_is_cancelled_alone(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    placed = place(trading_account)
    assert orders.cancel(placed[1]).status == Status.CANCEL_REQUESTED
    assert ledger_broker.calls.count("cancel") == 1
    assert ledger_broker.ledger[str(placed[2].broker_order_id)].status == BrokerStatus.ROUTED


def test_half_a_group_is_never_written_down(
    ledger_broker: LedgerBroker, trading_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reference of the last one is taken: none is written, nothing is sent."""
    place(trading_account)
    taken = str(Order.objects.order_by("group_index").last().client_ref)  # type: ignore[union-attr]
    fresh = iter(["a" * 22, "b" * 22, taken])
    monkeypatch.setattr(sending, "new_client_ref", lambda: next(fresh))
    with pytest.raises(IntegrityError):
        place(trading_account, key="key-2")
    assert Order.objects.count() == 3
    assert ledger_broker.calls.count("place_group") == 1


def test_a_kind_that_the_broker_has_not_is_refused_in_words(
    ledger_broker: LedgerBroker, trading_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = registry.spec("tastytrade")
    lacking = replace(spec, capabilities=replace(spec.capabilities, groups=frozenset()))
    monkeypatch.setitem(registry.BROKERS, "tastytrade", lacking)
    with pytest.raises(InvalidTicket, match="does not take such groups"):
        place(trading_account)


def test_hard_findings_stop_the_whole_group(controlled_broker: LedgerBroker, trading_account: Account) -> None:
    with pytest.raises(orders.Denied):
        place(trading_account, a_bracket("190.005"))
    assert set(Order.objects.values_list("status", flat=True)) == {Status.DENIED}
    assert Order.objects.count() == 3
    assert "place_group" not in controlled_broker.calls


MEMBER = {"order_type": "limit", "time_in_force": "day"}


def body(account: Account) -> dict[str, Any]:
    def leg(action: str) -> list[dict[str, str]]:
        return [{"symbol": "AAPL", "action": action, "quantity": "10"}]

    return {
        "account": str(account.pk),
        "kind": "bracket",
        "trigger": MEMBER | {"legs": leg("buy_to_open"), "limit_price": "190.00"},
        "orders": [
            MEMBER | {"legs": leg("sell_to_close"), "limit_price": "199.00"},
            {"order_type": "stop", "time_in_force": "day", "legs": leg("sell_to_close"), "stop_price": "180.00"},
        ],
    }


def test_the_api_previews_and_places_groups(
    trader_client: Client, stranger_client: Client, trading_account: Account, ledger_broker: LedgerBroker
) -> None:
    def post(client: Client, address: str, content: dict[str, Any]) -> Any:
        headers = {"Idempotency-Key": "key-1"}
        return client.post(f"/api/v1/{address}", content, content_type="application/json", headers=headers)

    shown = post(trader_client, "order-groups/preview", body(trading_account))
    assert shown.status_code == 200, shown.content
    assert len(shown.json()["descriptions"]) == 3
    told = [(one["estimated_cost"], one["estimated_gain"]) for one in shown.json()["orders"]]
    assert told == [("-1900.00", None), ("1990.00", "90.00"), ("1800.00", "-100.00")]
    assert shown.json()["estimated_cost"] == "-1900.00"
    placed = post(trader_client, "order-groups", body(trading_account))
    assert placed.status_code == 201
    assert [order["status"] for order in placed.json()["orders"]] == ["accepted"] * 3
    assert placed.json()["orders"][0]["group"] == placed.json()["group"]
    assert post(trader_client, "order-groups", body(trading_account)).status_code == 200
    assert post(stranger_client, "order-groups", body(trading_account)).json()["code"] == "invalid"
    crooked = body(trading_account) | {"trigger": None}
    assert "trigger" in post(trader_client, "order-groups", crooked).json()["errors"]
    assert ledger_broker.calls.count("place_group") == 1


def test_a_groups_review_tells_the_desks_reckoning_the_brokers_figures_and_all_warnings(
    trader_client: Client, trading_account: Account, controlled_broker: LedgerBroker
) -> None:
    preview = controlled_broker.preview_order

    def with_a_remark(number: str, ticket: OrderTicket) -> Preview:
        return replace(
            preview(number, ticket), warnings=(Notice("tif_next_valid_session", "It waits for Monday."),) * 2
        )

    controlled_broker.preview_order = with_a_remark  # type: ignore[method-assign]
    orders.place(
        account=trading_account, ticket=a_ticket(), idempotency_key="twin", source=Order.Source.WEB,
        confirmed=["NEW_DESTINATION"],
    )  # fmt: skip
    shown = orders.preview_group(trading_account, a_bracket())
    assert [notice.code for notice in shown.warnings] == ["duplicate_like", "tif_next_valid_session"]
    typed = {
        "account": str(trading_account.pk), "symbol": "AAPL", "action": "buy_to_open", "quantity": "10",
        "order_type": "limit", "time_in_force": "day", "limit_price": "190.00",
    }  # fmt: skip
    attached = {"group-kind": "bracket", "group-profit": "199.00", "group-stop": "180.00", "group-exit_time": "day"}
    page = trader_client.post("/trade", typed | attached)
    words = " ".join(strip_tags(page.content.decode()).split())
    assert "Cost at its own price: −$1,900.00 Then at a profit" in words
    assert "Proceeds at its own price: +$1,990.00; with the first order a profit of +$90.00" in words
    assert "Proceeds at its own price: +$1,800.00; with the first order a loss of −$100.00" in words
    assert "the desk’s own estimate" in words
    assert "the broker’s dry run of the whole group" in words
    assert words.count("It waits for Monday.") == 1
    assert words.count("The same order was sent less than a minute ago") >= 1
