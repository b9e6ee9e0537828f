"""The desk's own checks at the door: what they find is written down and told, and nothing goes out."""

from decimal import Decimal
from typing import Any

import pytest
from ledger_broker import AAPL, CALL, LedgerBroker, a_ticket

from brokers.domain.orders import Action, Leg, OrderTicket, OrderType, TimeInForce
from brokers.models import Account
from trading import orders
from trading.audit.models import AuditRecord
from trading.lifecycle import Status
from trading.models import Order
from trading.protocol import sending
from trading.risk import TradingState
from trading.safety import halts

pytestmark = pytest.mark.django_db

REFUSED: list[tuple[OrderTicket, str]] = [
    (a_ticket(price="190.005"), "limit_price"),
    (
        OrderTicket(
            (Leg(CALL, Action.BUY_TO_OPEN, Decimal("1.5")),), OrderType.LIMIT, TimeInForce.DAY, Decimal("-1.05")
        ),
        "quantity",
    ),
    (
        OrderTicket((Leg(CALL, Action.BUY_TO_OPEN, Decimal(1)),), OrderType.LIMIT, TimeInForce.DAY, Decimal("-1.07")),
        "limit_price",
    ),
]


def place(account: Account, ticket: OrderTicket | None = None, key: str = "key-1", **more: Any) -> Order:
    ticket = ticket or a_ticket()
    return orders.place(account=account, ticket=ticket, idempotency_key=key, source=Order.Source.WEB, **more)[0]


@pytest.mark.parametrize(("ticket", "field"), REFUSED)
def test_a_hard_finding_is_written_down_told_at_its_field_and_never_sent(
    ticket: OrderTicket, field: str, controlled_broker: LedgerBroker, trading_account: Account
) -> None:
    with pytest.raises(orders.Denied) as denied:
        place(trading_account, ticket, confirmed=["BAD_PRICE", "BAD_QUANTITY", "ORDER_QTY"])
    assert field in {finding.field for finding in denied.value.findings}
    order = Order.objects.get()
    assert (order.status, order.client_ref, order.sent_at) == (Status.DENIED, None, None)
    assert {finding["code"] for finding in order.findings} >= {finding.code for finding in denied.value.findings}
    assert "place" not in controlled_broker.calls
    assert AuditRecord.objects.filter(action="order.denied", about=f"order:{order.pk}").exists()


def test_the_same_order_passes_where_the_checks_are_left_out(
    ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    """The sabotaged twin: without the controls the bad price is sent, so it was they that stopped it."""
    place(trading_account, REFUSED[0][0])
    assert ledger_broker.calls.count("place") == 1


def test_the_key_of_a_denied_order_answers_the_denied_order(
    controlled_broker: LedgerBroker, trading_account: Account
) -> None:
    with pytest.raises(orders.Denied):
        place(trading_account, REFUSED[0][0])
    again = place(trading_account, REFUSED[0][0])
    assert again.status == Status.DENIED
    assert Order.objects.count() == 1


def test_a_soft_finding_is_sent_once_it_is_confirmed_by_its_code(
    controlled_broker: LedgerBroker, trading_account: Account
) -> None:
    place(trading_account, a_ticket("1"))
    with pytest.raises(orders.Denied) as denied:
        place(trading_account, a_ticket("1"), "key-2")
    assert [(finding.code, finding.hard) for finding in denied.value.findings] == [("DUPLICATE_LIKE", False)]
    sent = place(trading_account, a_ticket("1"), "key-3", confirmed=["DUPLICATE_LIKE", "SOMETHING_ELSE"])
    assert (sent.status, sent.confirmed) == (Status.ACCEPTED, ["DUPLICATE_LIKE"])


@pytest.mark.parametrize("change", [{"is_closed": True}, {"can_trade": False}])
def test_what_is_read_under_the_lock_counts_not_what_was_read_before(
    change: dict[str, bool], controlled_broker: LedgerBroker, trading_account: Account
) -> None:
    Account.objects.filter(pk=trading_account.pk).update(**change)
    with pytest.raises(orders.Denied) as denied:
        place(trading_account)
    assert "ACCOUNT_NOT_ALLOWED" in {finding.code for finding in denied.value.findings}
    assert not controlled_broker.ledger


def test_a_halt_that_is_pressed_while_the_broker_is_asked_for_figures_stops_the_order(
    controlled_broker: LedgerBroker, trading_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sending.durability.check

    def press() -> None:
        halts.press(halts.Scope.installation(), TradingState.HALTED, reason="a test")
        real()

    monkeypatch.setattr(sending.durability, "check", press)  # the last thing before the sending transaction
    with pytest.raises(orders.Denied) as denied:
        place(trading_account)
    assert "KILL_SWITCH" in {finding.code for finding in denied.value.findings}
    assert not controlled_broker.ledger


def test_positions_and_what_it_takes_are_kept_with_the_order(
    controlled_broker: LedgerBroker, trading_account: Account
) -> None:
    controlled_broker.held[AAPL] = Decimal(25)
    order = place(trading_account, a_ticket("1"))
    assert order.positions_before["held"] == {"AAPL": "25"}
    assert order.reserved is not None
    assert order.reserved > 0
