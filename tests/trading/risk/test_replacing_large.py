"""Replacements against limits: judged by what is left, with what their order holds already, and reserved themselves."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone
from ledger_broker import AAPL, LedgerBroker, a_ticket, raiser

from brokers import registry
from brokers.domain.orders import Action, BrokerStatus
from brokers.errors import OrderRejected, OutcomeUnknown
from brokers.models import Account
from brokers.port import Term
from trading import orders
from trading.models import Order, Replacement
from trading.safety import limits, snapshots

pytestmark = pytest.mark.django_db
SELL = Action.SELL_TO_CLOSE


@pytest.fixture(autouse=True)
def _wide(db: None) -> None:
    wide = dict.fromkeys(("shares", "order_notional", "position_notional"), Decimal(10**6))
    limits.change(wide | {"gross_share": Decimal(999), "concentration_share": Decimal(999)}, by=None, reason="a test")


@pytest.fixture(params=["a new number", "the same number"])
def broker(request: Any, controlled_broker: LedgerBroker, monkeypatch: pytest.MonkeyPatch) -> LedgerBroker:
    """It keeps orders' numbers and changes their quantity, or gives new ones; neither tells what an order takes."""
    spec = registry.spec("tastytrade")
    more = {Term.QUANTITY} if request.param == "the same number" else set()
    able = replace(spec.capabilities, has_dry_run=False, replaces=spec.capabilities.replaces | more)
    monkeypatch.setitem(registry.BROKERS, "tastytrade", replace(spec, capabilities=able))
    controlled_broker.keeps_id = bool(more)
    return controlled_broker


def place(account: Account, key: str, *terms: Any) -> Order:
    return orders.place(
        account=account, ticket=a_ticket(*terms), idempotency_key=key, source=Order.Source.WEB, confirmed=["SIZE_JUMP"]
    )[0]


def change(order: Order, key: str, *terms: Any) -> Order:
    return orders.replace(order, a_ticket(*terms), idempotency_key=key, source=Order.Source.WEB)


def power_is(broker: LedgerBroker, dollars: str) -> None:
    broker.figures["stock_buying_power"] = dollars
    cache.clear()


def codes(asked: Any) -> set[str]:
    with pytest.raises(orders.Denied) as denied:
        asked()
    return {finding.code for finding in denied.value.findings}


def test_an_order_to_close_that_filled_in_part_can_be_put_on_another_price(
    trading_account: Account, broker: LedgerBroker
) -> None:
    broker.held[AAPL] = Decimal(10)
    order = place(trading_account, "k", "10", "191.00", SELL)
    broker.fill(str(order.broker_order_id), "4", "191.00")
    broker.held[AAPL] = Decimal(6)
    orders.refresh(trading_account)
    cache.clear()
    assert change(order, "r", "10", "190.50", SELL).limit_price == Decimal("190.50")
    assert broker.calls.count("replace") == 1


def test_but_not_for_more_than_is_left_to_close(trading_account: Account, broker: LedgerBroker) -> None:
    """The twin: somebody sold elsewhere meanwhile."""
    broker.held[AAPL] = Decimal(10)
    order = place(trading_account, "k", "10", "191.00", SELL)
    broker.fill(str(order.broker_order_id), "4", "191.00")
    broker.held[AAPL] = Decimal(5)
    orders.refresh(trading_account)
    cache.clear()
    assert codes(lambda: change(order, "r", "10", "190.50", SELL)) == {"OVERSELL"}


def test_a_fill_that_the_positions_do_not_hold_yet_counts(trading_account: Account, broker: LedgerBroker) -> None:
    """Positions of before the fill show all ten; four of them are sold and four more are being sold."""
    broker.held[AAPL] = Decimal(10)
    order = place(trading_account, "k", "6", "191.00", SELL)
    other = place(trading_account, "l", "4", "192.00", SELL)
    cache.clear()
    snapshot = snapshots.take(trading_account, a_ticket("6", "190.50", SELL), broker, leaving_out=[str(order.pk)])
    broker.fill(str(order.broker_order_id), "4", "191.00")
    orders.refresh(trading_account)
    seen = snapshots.renew(snapshot, trading_account)
    assert {one.order_id: one.legs[0].quantity for one in seen.working or ()} == {
        str(order.pk): Decimal(4),
        str(other.pk): Decimal(4),
    }


@pytest.mark.parametrize(("size", "done"), [(900, 899), (9, 6), (700, 699), (1300, 100), (7, 3)])
def test_what_is_left_is_exact(size: int, done: int, trading_account: Account, controlled_broker: LedgerBroker) -> None:
    """A share of a third, as one number, would leave a hair more or less than whole shares."""
    controlled_broker.held[AAPL] = Decimal(size)
    order = place(trading_account, "k", str(size), "191.00", SELL)
    controlled_broker.fill(str(order.broker_order_id), str(done), "191.00")
    controlled_broker.held[AAPL] = Decimal(size - done)
    orders.refresh(trading_account)
    Order.objects.update(changed_at=timezone.now() - timedelta(minutes=1))
    cache.clear()
    snapshot = snapshots.take(trading_account, a_ticket(), controlled_broker)
    (working,) = snapshots.renew(snapshot, trading_account).working or ()
    assert working.legs[0].quantity == size - done
    assert change(Order.objects.get(), "r", str(size), "190.50", SELL).limit_price == Decimal("190.50")


def test_a_large_order_can_be_put_on_another_price_though_its_buying_power_is_taken(
    trading_account: Account, broker: LedgerBroker
) -> None:
    power_is(broker, "100000")
    order = place(trading_account, "k", "400", "189.00")
    power_is(broker, "24400")
    again = change(order, "r", "400", "189.50")
    power_is(broker, "24200")
    last = change(again, "s", "400", "189.75")
    assert last.limit_price == Decimal("-189.75")


def test_but_not_on_one_that_takes_more_than_there_is(trading_account: Account, broker: LedgerBroker) -> None:
    power_is(broker, "100000")
    order = place(trading_account, "k", "400", "150.00")
    power_is(broker, "10000")  # somebody else has spent the rest
    assert codes(lambda: change(order, "r", "400", "190.00")) == {"BUYING_POWER"}


def test_what_a_replacement_takes_more_is_not_there_for_the_next_order(
    trading_account: Account, broker: LedgerBroker
) -> None:
    power_is(broker, "100000")
    order = place(trading_account, "k", "400", "100.00")
    power_is(broker, "60000")
    broker.replace_after = raiser(OutcomeUnknown("The answer was lost."))
    change(order, "r", "400", "190.00")
    assert Replacement.objects.get().reserved == Decimal("36000.00")
    assert codes(lambda: place(trading_account, "l", "200", "189.00")) == {"BUYING_POWER"}


def test_the_same_order_goes_out_where_nothing_was_replaced(trading_account: Account, broker: LedgerBroker) -> None:
    """The twin: it was the replacement's share that was missing."""
    power_is(broker, "100000")
    place(trading_account, "k", "400", "100.00")
    power_is(broker, "60000")
    assert place(trading_account, "l", "200", "189.00").status == "accepted"


def test_an_order_that_is_being_made_larger_counts_as_large_as_it_may_become(
    trading_account: Account, controlled_broker: LedgerBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = registry.spec("tastytrade")
    able = replace(spec.capabilities, replaces=spec.capabilities.replaces | {Term.QUANTITY})
    monkeypatch.setitem(registry.BROKERS, "tastytrade", replace(spec, capabilities=able))
    controlled_broker.keeps_id = True
    controlled_broker.held[AAPL] = Decimal(10)
    order = place(trading_account, "k", "4", "191.00", SELL)
    controlled_broker.replace_before = raiser(OutcomeUnknown("The answer was lost."))
    change(order, "r", "9", "191.00", SELL)
    assert codes(lambda: place(trading_account, "l", "5", "192.00", SELL)) == {"OVERSELL"}
    assert place(trading_account, "m", "1", "192.00", SELL).status == "accepted"


def test_an_order_that_was_replaced_elsewhere_is_not_taken_for_a_replacement_of_ours_that_was_refused(
    trading_account: Account, controlled_broker: LedgerBroker
) -> None:
    order = place(trading_account, "k", "10", "189.00")
    controlled_broker.replace_before = raiser(OrderRejected("No.", broker="tastytrade"))
    change(order, "r", "10", "188.00")
    assert Replacement.objects.get().status == "refused"
    number, terms = str(order.broker_order_id), {"limit_price": Decimal("-187.00")}
    heir = replace(controlled_broker.ledger[number], broker_order_id="2000000", replaces_order_id=number, **terms)
    controlled_broker.ledger["2000000"] = replace(heir, version=next(controlled_broker.versions))
    controlled_broker.move(number, BrokerStatus.CANCELLED, "Cancelled", replaced_by_order_id="2000000")
    orders.refresh(trading_account)
    row = Order.objects.get(broker_order_id="2000000")
    assert (row.ticket["limit_price"], row.is_external, row.replaces_id) == ("-187", True, order.pk)
    assert Replacement.objects.get().status == "refused"


def test_one_that_was_thought_refused_and_shows_on_its_very_terms_is_ours(
    trading_account: Account, controlled_broker: LedgerBroker
) -> None:
    order = place(trading_account, "k", "10", "189.00")
    controlled_broker.replace_after = raiser(OrderRejected("No.", broker="tastytrade"))
    change(order, "r", "10", "188.00")
    orders.refresh(trading_account)
    asked = Replacement.objects.get()
    assert (asked.status, asked.successor.limit_price) == ("done", Decimal("-188.00"))


def test_what_takes_the_place_of_an_order_filled_in_part_is_for_the_rest_and_can_be_replaced_again(
    trading_account: Account, controlled_broker: LedgerBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a broker does that gives new numbers: the new order has the rest for its size."""
    order = place(trading_account, "k", "10", "189.00")
    number = str(order.broker_order_id)
    controlled_broker.fill(number, "4", "189.00")
    orders.refresh(trading_account)
    real = LedgerBroker.replace_order

    def for_the_rest(self: LedgerBroker, account: str, old: str, ticket: Any) -> Any:
        made = real(self, account, old, ticket)
        left = made.legs[0].remaining
        leg = replace(made.legs[0].leg, quantity=left)
        return self.move(made.broker_order_id, made.status, "Live", legs=(replace(made.legs[0], leg=leg, fills=()),))

    monkeypatch.setattr(LedgerBroker, "replace_order", for_the_rest)
    heir = change(Order.objects.get(pk=order.pk), "r", "10", "189.50")
    assert (heir.quantity, heir.ticket["legs"][0]["quantity"], heir.filled_quantity) == (6, "6", 0)
    last = change(heir, "s", "6", "189.75")
    assert (last.quantity, last.limit_price) == (6, Decimal("-189.75"))
