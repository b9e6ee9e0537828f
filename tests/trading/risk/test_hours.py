"""Hours: the broker's word, else the desk's calendar with real money; what is not known is closed for market orders."""

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from ledger_broker import AAPL, CALL, LedgerBroker, a_ticket

from brokers.domain.instruments import Crypto, Future
from brokers.domain.market import MarketState, MarketStatus, Session, SessionKind
from brokers.domain.orders import Action, Leg, OrderTicket, OrderType, TimeInForce
from brokers.errors import Unavailable
from brokers.models import Account, Connection
from trading import orders
from trading.models import Order
from trading.safety import hours

pytestmark = pytest.mark.django_db
SATURDAY = datetime(2026, 11, 21, 16, 0, tzinfo=timezone.utc)
FRIDAY = SATURDAY - timedelta(days=1)
THANKSGIVING = datetime(2026, 11, 26, 16, 0, tzinfo=timezone.utc)
ES, VX = Future("ES", 2026, 12), Future("VX", 2026, 12)


def at(account: Account, **changes: str) -> Account:
    Connection.objects.filter(pk=account.connection_id).update(**changes)
    return Account.objects.select_related("connection").get(pk=account.pk)


@pytest.mark.parametrize("state", MarketState)
def test_a_market_order_goes_out_when_the_broker_says_that_the_market_is_open_and_never_else(
    state: MarketState, trading_account: Account, controlled_broker: LedgerBroker
) -> None:
    controlled_broker.market_state = state

    def place() -> Order:
        ticket = a_ticket("1", None)
        return orders.place(account=trading_account, ticket=ticket, idempotency_key="k", source=Order.Source.WEB)[0]

    if state is MarketState.OPEN:
        assert place().status == "accepted"
    else:
        with pytest.raises(orders.Denied) as denied:
            place()
        assert [finding.code for finding in denied.value.findings] == ["MARKET_ORDER_GUARD"]
        assert not controlled_broker.ledger


def test_a_broker_that_cant_be_asked_is_closed_and_says_why(
    trading_account: Account, controlled_broker: LedgerBroker, monkeypatch: Any
) -> None:
    def fail() -> list[MarketStatus]:
        raise Unavailable("The broker can't be reached.")

    monkeypatch.setattr(controlled_broker, "get_market_status", fail)
    with pytest.raises(orders.Denied, match="can't be reached"):
        orders.place(account=trading_account, ticket=a_ticket("1", None), idempotency_key="k", source=Order.Source.WEB)


def test_what_was_told_holds_until_the_next_change_and_not_beyond(
    trading_account: Account, controlled_broker: LedgerBroker, monkeypatch: Any
) -> None:
    told = MarketStatus("Equity", MarketState.OPEN, (), FRIDAY + timedelta(minutes=1), "", False, FRIDAY)
    monkeypatch.setattr(controlled_broker, "get_market_status", lambda: [told])
    ask = lambda now: hours.states(trading_account, [AAPL, CALL], controlled_broker, now)[0]  # noqa: E731
    assert ask(FRIDAY + timedelta(seconds=59)) == {AAPL: MarketState.OPEN, CALL: MarketState.OPEN}
    assert ask(FRIDAY + timedelta(seconds=60)) == {}


def test_each_class_has_its_own_hours(trading_account: Account, controlled_broker: LedgerBroker) -> None:
    coin = Crypto("BTC", "USD")
    controlled_broker.market_state = MarketState.CLOSED
    found, _ = hours.states(trading_account, [AAPL, ES, VX, coin], controlled_broker)
    assert found == {AAPL: MarketState.CLOSED, ES: MarketState.CLOSED, coin: MarketState.OPEN}  # of VX nothing is told


@pytest.mark.parametrize(
    ("now", "state"),
    [(FRIDAY, MarketState.OPEN), (SATURDAY, MarketState.CLOSED), (THANKSGIVING, MarketState.CLOSED)],
)
def test_with_real_money_the_desks_calendar_speaks_for_a_broker_that_tells_nothing(
    now: datetime, state: MarketState, trading_account: Account, controlled_broker: LedgerBroker
) -> None:
    live = at(trading_account, broker="tradestation", environment="live")
    assert hours.states(live, [AAPL, ES], controlled_broker, now)[0] == {AAPL: state}
    sim = at(trading_account, broker="tradestation", environment="sim")
    assert hours.states(sim, [AAPL], controlled_broker, now)[0] == {AAPL: MarketState.OPEN}


def test_an_order_into_a_closed_market_is_told_when_it_will_be_looked_at(
    trading_account: Account, controlled_broker: LedgerBroker
) -> None:
    live = at(trading_account, broker="tradestation", environment="live")
    assert hours.queued(live, a_ticket(), controlled_broker, FRIDAY) == ""
    assert "queued for Mon 23 Nov 9:30 ET" in hours.queued(live, a_ticket(), controlled_broker, SATURDAY)
    words = hours.queued(live, a_ticket(), controlled_broker, THANKSGIVING)
    assert "(Thanksgiving Day)" in words
    assert "Fri 27 Nov 9:30 ET" in words
    evening = FRIDAY.replace(hour=22)
    extended = OrderTicket(
        (Leg(AAPL, Action.BUY_TO_OPEN, Decimal(1)),), OrderType.LIMIT, TimeInForce.EXT, Decimal(-190)
    )
    assert hours.queued(live, extended, controlled_broker, evening) == ""
    assert hours.queued(live, a_ticket(), controlled_broker, evening) != ""


def test_the_preview_says_so(trading_account: Account, controlled_broker: LedgerBroker, monkeypatch: Any) -> None:
    opening = Session(SATURDAY + timedelta(days=2), SATURDAY + timedelta(days=2, hours=6), SessionKind.REGULAR)
    closed = MarketStatus("Equity", MarketState.CLOSED, (opening,), None, "", False, SATURDAY)
    monkeypatch.setattr(controlled_broker, "get_market_status", lambda: [closed])
    assert "will_be_queued" in {notice.code for notice in orders.preview(trading_account, a_ticket()).warnings}
