"""What was sent before, by the database: sizes that jump, slips, first orders, what all people send together."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone
from ledger_broker import AAPL, CALL, LedgerBroker, a_ticket

from brokers.domain.instruments import Equity
from brokers.domain.orders import GroupKind, OrderGroup, OrderTicket
from brokers.models import Account, Connection
from trading import orders
from trading.models import Halt, Order
from trading.patterns import gathering
from trading.risk.facts import Habits
from trading.safety import account_orders, halts, limits

pytestmark = pytest.mark.django_db
MANY = ["DUPLICATE_LIKE", "PRICE_COLLAR", "NEW_DESTINATION", "ORDER_QTY"]


def place(account: Account, key: str, ticket: OrderTicket | None = None, **more: Any) -> Order:
    more = {"source": Order.Source.WEB, "confirmed": MANY} | more
    return orders.place(account=account, ticket=ticket or a_ticket("1"), idempotency_key=key, **more)[0]


def codes(asked: Callable[[], Any]) -> list[str]:
    with pytest.raises(orders.Denied) as denied:
        asked()
    return [finding.code for finding in denied.value.findings]


@pytest.fixture
def busy(trading_account: Account, controlled_broker: LedgerBroker, no_limits: None) -> Account:
    """Ten orders of one share."""
    for number in range(10):
        place(trading_account, f"k{number}")
    cache.clear()
    return trading_account


def test_an_order_far_larger_than_usual_is_sent_once_it_is_confirmed(busy: Account) -> None:
    assert place(busy, "usual", a_ticket("10")).status == "accepted"
    cache.clear()
    assert codes(lambda: place(busy, "large", a_ticket("11"))) == ["SIZE_JUMP"]
    assert place(busy, "sure", a_ticket("11"), confirmed=[*MANY, "SIZE_JUMP"]).status == "accepted"


def test_the_same_order_of_somebody_with_no_past_goes_out(
    trading_account: Account, controlled_broker: LedgerBroker
) -> None:
    """The twin: what stopped it above was the past alone."""
    assert place(trading_account, "k", a_ticket("11")).status == "accepted"


def test_a_slip_is_noticed_against_the_last_order_here_and_not_against_one_that_was_refused(busy: Account) -> None:
    assert "FAT_FINGER" in codes(lambda: place(busy, "slip", a_ticket("1", "19.00")))
    assert "FAT_FINGER" in codes(lambda: place(busy, "again", a_ticket("1", "19.00"))), "the denied one is no habit"
    assert place(busy, "sure", a_ticket("1", "19.00"), confirmed=[*MANY, "FAT_FINGER"]).status == "accepted"
    assert place(busy, "usual now", a_ticket("1", "19.01")).status == "accepted"


def test_the_last_order_counts_for_days_and_only_about_the_same_instruments(busy: Account) -> None:
    now = timezone.now()
    found = habits(busy, [frozenset({AAPL}), frozenset({AAPL, CALL}), frozenset({Equity("SPY")})], now)
    assert list(found.last) == [frozenset({AAPL})]
    assert found.last[frozenset({AAPL})].price == Decimal(190)
    assert habits(busy, [frozenset({AAPL})], now + timedelta(days=6)).last == {}


def habits(account: Account, asked: list[frozenset[Any]], now: datetime) -> Habits:
    symbols = [frozenset(str(instrument) for instrument in legs) for legs in asked]
    return gathering.habits(account, asked, account_orders.read(account, now, now, asked=symbols).past)


def test_a_group_is_held_against_the_past_too(busy: Account, controlled_broker: LedgerBroker) -> None:
    first, second = a_ticket("1", "180.00"), a_ticket("1", "19.00")
    group = OrderGroup(GroupKind.OCO, (first, second))
    asked = {"account": busy, "group": group, "source": Order.Source.WEB, "confirmed": MANY}
    assert "FAT_FINGER" in codes(lambda: orders.place_group(idempotency_key="g", **asked))
    asked["confirmed"] = [*MANY, "FAT_FINGER"]
    assert [one.status for one in orders.place_group(idempotency_key="h", **asked)[0]] == ["accepted"] * 2


def test_the_first_order_with_real_money_is_confirmed_by_hand_and_by_programs_each(
    trading_account: Account, controlled_broker: LedgerBroker
) -> None:
    place(trading_account, "simulated", confirmed=[])
    Connection.objects.filter(pk=trading_account.connection_id).update(environment="live")
    account = Account.objects.select_related("connection").get(pk=trading_account.pk)
    by_api: dict[str, Any] = {"source": Order.Source.API, "confirmed": ["DUPLICATE_LIKE"]}
    assert codes(lambda: place(account, "api", **by_api)) == ["NEW_DESTINATION"]
    assert codes(lambda: place(account, "api2", **by_api)) == ["NEW_DESTINATION"], "a denied one is no first order"
    by_api["confirmed"] = ["DUPLICATE_LIKE", "NEW_DESTINATION"]
    assert place(account, "api3", **by_api).status == "accepted"
    assert place(account, "api4", **(by_api | {"confirmed": ["DUPLICATE_LIKE"]})).status == "accepted"


def test_all_people_together_send_no_more_than_the_installation_may_and_programs_are_halted(
    trading_account: Account,
    foreign_account: Account,
    controlled_broker: LedgerBroker,
    django_capture_on_commit_callbacks: Any,
) -> None:
    limits.change({"installation_dollars_a_minute": Decimal(400)}, by=None, reason="a test")
    assert place(trading_account, "one").notional == Decimal("190.00")
    controlled_broker.account_number = foreign_account.number
    assert place(foreign_account, "two").status == "accepted"
    with django_capture_on_commit_callbacks(execute=True):
        assert codes(lambda: place(foreign_account, "three", source=Order.Source.API)) == ["PLATFORM_CAP"]
    halt = Halt.objects.get()
    assert (halt.scope_kind, halt.source, halt.state) == ("installation", "api", "halted")
    assert halts.effective(trading_account, "api").state is halts.TradingState.HALTED
    assert halts.effective(trading_account, "web").state is halts.TradingState.ACTIVE
    assert not halts.may_rearm(halt, trading_account.connection.user)


def test_one_persons_absurd_order_halts_nobody_else(
    trading_account: Account, controlled_broker: LedgerBroker, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        found = codes(lambda: place(trading_account, "k", a_ticket("30000"), source=Order.Source.API))
    assert {"PLATFORM_CAP", "ORDER_NOTIONAL"} <= set(found)
    assert not Halt.objects.exists()


def test_limits_of_the_whole_installation_are_set_there_alone(trading_account: Account) -> None:
    user = trading_account.connection.user
    for whose in ({"user": user}, {"account": trading_account}):
        with pytest.raises(limits.BadLimit):
            limits.change({"installation_orders_a_second": Decimal(1)}, by=None, reason="a test", **whose)
    with pytest.raises(limits.BadLimit):
        limits.change({"installation_orders_a_second": Decimal(1)}, by=user)
    limits.change({"installation_orders_a_second": Decimal(7)}, by=None, reason="a test")
    assert limits.for_account(trading_account).installation_orders_a_second == 7


def test_what_a_dry_run_said_a_while_ago_is_asked_anew(
    trading_account: Account, controlled_broker: LedgerBroker
) -> None:
    """What was held when it was shown may be gone: then the order takes more than it did."""
    shown = orders.preview(trading_account, a_ticket("1")).document
    real = controlled_broker.preview_order
    controlled_broker.preview_order = lambda *asked: replace(  # type: ignore[method-assign]
        real(*asked), buying_power_change=Decimal(-99_999)
    )
    assert place(trading_account, "at once", foreseen=shown).reserved == Decimal("1900.01")
    old = shown | {"as_of": (timezone.now() - timedelta(seconds=61)).isoformat().replace("+00:00", "Z")}
    assert codes(lambda: place(trading_account, "late", foreseen=old)) == ["BUYING_POWER"]
    nameless = {name: value for name, value in shown.items() if name != "as_of"}
    assert codes(lambda: place(trading_account, "of an unknown time", foreseen=nameless)) == ["BUYING_POWER"]


def test_replacements_count_as_orders_sent(trading_account: Account, controlled_broker: LedgerBroker) -> None:
    limits.change({"web_orders_a_minute": Decimal(3)}, by=None, reason="a test")
    controlled_broker.keeps_id = True
    order = place(trading_account, "k", a_ticket("1", "189.00"))
    for number in range(2):
        order = orders.replace(
            order, a_ticket("1", f"189.0{number + 1}"), idempotency_key=f"r{number}", source=Order.Source.WEB
        )
    with pytest.raises(orders.Denied) as denied:
        orders.replace(order, a_ticket("1", "189.05"), idempotency_key="r9", source=Order.Source.WEB)
    assert [finding.code for finding in denied.value.findings] == ["RATE_SHORT"]


@pytest.mark.parametrize("size", ["1000000000", "999999999.99999999"])
def test_an_order_of_more_than_columns_hold_is_denied_in_words(
    size: str, trading_account: Account, controlled_broker: LedgerBroker
) -> None:
    assert "ORDER_NOTIONAL" in codes(lambda: place(trading_account, "k", a_ticket(size, size)))
    assert Order.objects.get().notional == 10**17
