"""What an account holds, as the ticket and the close buttons see it: never older than what was just filled."""

from decimal import Decimal

from ledger_broker import LedgerBroker, a_ticket

from brokers.domain.instruments import Equity
from brokers.models import Account
from trading import orders
from trading.drafting import held
from trading.models import Order
from trading.pages import holding_orders
from trading.protocol import news

AAPL = Equity("AAPL")


def place(account: Account) -> Order:
    return orders.place(account=account, ticket=a_ticket(), idempotency_key="key-1", source=Order.Source.WEB)[0]


def fill(broker: LedgerBroker, order: Order) -> None:
    broker.held[AAPL] = Decimal(10)
    news.record(order.account.connection_id, [broker.fill(str(order.broker_order_id), "10")], "stream")


def test_what_is_held_is_read_again_after_a_fill(ledger_broker: LedgerBroker, trading_account: Account) -> None:
    order = place(trading_account)
    assert held.quantities(trading_account) == {}
    fill(ledger_broker, order)
    assert held.quantities(trading_account) == {AAPL: 10}


def test_without_a_fill_of_this_account_the_broker_is_not_asked_each_time(
    ledger_broker: LedgerBroker, trading_account: Account, foreign_account: Account
) -> None:
    order = place(foreign_account)
    assert held.quantities(trading_account) == {}
    fill(ledger_broker, order)
    assert held.quantities(trading_account) == {}, "a few seconds old"


def test_closing_asks_the_broker_and_not_what_was_read_before(
    ledger_broker: LedgerBroker, trading_account: Account
) -> None:
    ledger_broker.held[AAPL] = Decimal(5)
    assert held.quantities(trading_account) == {AAPL: 5}
    ledger_broker.held[AAPL] = Decimal(3)
    (leg,) = holding_orders.close(trading_account, ["AAPL"])
    assert (leg.action.value, leg.quantity) == ("sell_to_close", 3)
