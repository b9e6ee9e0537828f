"""The last look before the first byte: what fails there was not sent, and what all people send is counted once more."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.db import OperationalError
from ledger_broker import LedgerBroker, a_ticket

from brokers.errors import OutcomeUnknown
from brokers.models import Account
from trading import orders
from trading.lifecycle import Asked, Status
from trading.models import Order, Replacement
from trading.protocol import epoch
from trading.protocol.counters import counters
from trading.risk.facts import SentByAll
from trading.safety import last_count, limits, snapshots

pytestmark = pytest.mark.django_db


def place(account: Account, key: str, ticket: Any = None, **more: Any) -> Order:
    asked = {"ticket": ticket or a_ticket("1"), "idempotency_key": key, "source": Order.Source.API}
    return orders.place(account=account, **asked | more)[0]


def no_connection(*_: Any) -> None:
    raise OperationalError("couldn't get a connection after 2.00 sec")


# --- what fails there was not sent ---


def test_an_order_whose_last_look_finds_no_database_connection_is_not_sent_and_not_in_doubt(
    ledger_broker: LedgerBroker, trading_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    strays = counters.excess
    monkeypatch.setattr(epoch, "check_current", no_connection)
    order = place(trading_account, "k")
    assert (order.status, order.next_check_at) == (Status.NOT_SENT, None)
    assert "Nothing was sent" in order.last_error
    assert (ledger_broker.calls.count("place"), ledger_broker.ledger, counters.excess) == (0, {}, strays)


def test_nor_is_a_replacement(
    ledger_broker: LedgerBroker, trading_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = place(trading_account, "k")
    monkeypatch.setattr(epoch, "check_current", no_connection)
    orders.replace(order, a_ticket("1", "191.00"), idempotency_key="c", source=Order.Source.API)
    order.refresh_from_db()
    assert (Replacement.objects.get().status, order.replace_pending) == (Asked.NOT_SENT, False)
    assert "replace" not in ledger_broker.calls


@pytest.mark.parametrize("fault", [OperationalError("the same words"), OutcomeUnknown("No answer")])
def test_the_same_fault_once_bytes_may_have_left_is_a_doubt(
    fault: Exception, ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    """The twin: who would take every database fault for "nothing sent" would lose this order."""

    def lose() -> None:
        raise fault

    ledger_broker.after = lose
    assert place(trading_account, "k").status == Status.UNKNOWN
    assert len(ledger_broker.ledger) == 1


# --- all people together ---


@pytest.fixture
def unseen(monkeypatch: pytest.MonkeyPatch, controlled_broker: LedgerBroker) -> LedgerBroker:
    """Orders that are written down at the same moment: none sees another when it is judged. Four hundred dollars may
    go out in a minute, which is two of these orders."""
    limits.change({"installation_dollars_a_minute": Decimal(400)}, by=None, reason="a test")
    real = snapshots.renew

    def alone(*given: Any) -> Any:
        return replace(real(*given), sent_by_all=SentByAll())

    monkeypatch.setattr(snapshots, "renew", alone)
    return controlled_broker


def four(broker: LedgerBroker, mine: Account, theirs: Account) -> list[str]:
    found = []
    for number, account in enumerate((mine, theirs, mine, theirs)):
        broker.account_number = account.number
        found.append(place(account, f"k{number}", a_ticket("1", f"190.0{number}")).status)
    return found


def test_orders_that_did_not_see_each_other_do_not_pass_the_installations_cap_together(
    unseen: LedgerBroker, trading_account: Account, foreign_account: Account
) -> None:
    statuses = four(unseen, trading_account, foreign_account)
    assert statuses == [Status.ACCEPTED, Status.ACCEPTED, Status.NOT_SENT, Status.NOT_SENT]
    assert unseen.calls.count("place") == 2
    held_back = Order.objects.filter(status=Status.NOT_SENT)
    assert {order.error_code for order in held_back} == {"PLATFORM_CAP"}
    small = place(foreign_account, "small", a_ticket("1", "10.00"))
    assert small.status == Status.ACCEPTED, "what was not sent does not count"


def test_without_the_last_count_they_would(
    unseen: LedgerBroker, trading_account: Account, foreign_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sabotaged twin."""
    monkeypatch.setattr(last_count, "check", lambda *_: None)
    assert four(unseen, trading_account, foreign_account) == [Status.ACCEPTED] * 4


@pytest.mark.parametrize(("most", "fits"), [(3, True), (2, False)])
def test_orders_a_second_are_counted_too(
    most: int, fits: bool, trading_account: Account, foreign_account: Account, ledger_broker: LedgerBroker
) -> None:
    limits.change({"installation_orders_a_second": Decimal(10)}, by=None, reason="a test")
    at = place(trading_account, "one").sent_at
    assert at is not None
    for number in range(2):
        place(foreign_account if number else trading_account, f"k{number}")
    Order.objects.update(created_at=at)
    limits.change({"installation_orders_a_second": Decimal(most)}, by=None, reason="a test")
    if fits:
        last_count.check(at)
    else:
        with pytest.raises(last_count.CapReached):
            last_count.check(at)
