"""Hours: the broker's word, else the desk's calendar with real money; what is not known is closed for market orders."""

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from ledger_broker import AAPL, CALL, LedgerBroker, a_ticket

from brokers.domain import futures_hours
from brokers.domain import hours as calendar
from brokers.domain.instruments import Crypto, Future, FutureOption, Right
from brokers.domain.market import MarketState, MarketStatus, Session, SessionKind
from brokers.domain.orders import Action, Leg, OrderTicket, OrderType, TimeInForce
from brokers.errors import Unavailable
from brokers.models import Account, Connection
from trading import orders
from trading.models import Order
from trading.risk import Snapshot, prices
from trading.safety import hours

pytestmark = pytest.mark.django_db
SATURDAY = datetime(2026, 11, 21, 16, 0, tzinfo=timezone.utc)
FRIDAY = SATURDAY - timedelta(days=1)
THANKSGIVING = datetime(2026, 11, 26, 16, 0, tzinfo=timezone.utc)
ES, VX, CORN = (Future(product, 2026, 12) for product in ("ES", "VX", "ZC"))


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
    ("now", "shares", "futures"),
    [
        (FRIDAY, MarketState.OPEN, MarketState.OPEN),
        (FRIDAY.replace(hour=4), MarketState.CLOSED, MarketState.OPEN),  # an hour before midnight in New York
        (FRIDAY.replace(hour=22, minute=30), MarketState.POST, MarketState.CLOSED),
        (SATURDAY, MarketState.CLOSED, MarketState.CLOSED),
        (THANKSGIVING, MarketState.CLOSED, MarketState.OPEN),
    ],
)
def test_with_real_money_the_desks_calendars_speak_for_a_broker_that_tells_nothing(
    now: datetime,
    shares: MarketState,
    futures: MarketState,
    trading_account: Account,
    controlled_broker: LedgerBroker,
) -> None:
    live = at(trading_account, broker="tradestation", environment="live")
    of_es = FutureOption(ES, "EW3Z26", date(2026, 12, 18), Right.PUT, Decimal(6300))
    found = hours.states(live, [AAPL, ES, of_es, CORN], controlled_broker, now)[0]
    assert found == {AAPL: shares, ES: futures, of_es: futures}, "of corn nothing is known"
    sim = at(trading_account, broker="tradestation", environment="sim")
    assert hours.states(sim, [AAPL], controlled_broker, now)[0] == {AAPL: MarketState.OPEN}


def deny_by_hours(account: Account, broker: LedgerBroker, instrument: Future, now: datetime) -> list[str]:
    """What a market order in a future is refused for, by the hours of a moment."""
    known, _ = hours.states(account, [instrument], broker, now)
    ticket = OrderTicket((Leg(instrument, Action.BUY, Decimal(1)),), OrderType.MARKET, TimeInForce.DAY)
    snapshot = Snapshot(now=now, source="web", hours=known)
    return [each.words for each in prices._closed(ticket, snapshot)]


@pytest.mark.parametrize(
    ("instrument", "now", "said"),
    [
        (ES, FRIDAY, None),
        (ES, SATURDAY, "not in its regular hours"),
        (VX, FRIDAY, None),
        (VX, FRIDAY.replace(hour=4), "not in its regular hours"),
        (CORN, FRIDAY, "is not known"),
    ],
)
def test_a_market_order_in_a_future_goes_by_the_hours_of_futures(
    instrument: Future, now: datetime, said: str | None, trading_account: Account, controlled_broker: LedgerBroker
) -> None:
    live = at(trading_account, broker="tradestation", environment="live")
    found = deny_by_hours(live, controlled_broker, instrument, now)
    assert (said is None and not found) or (said is not None and len(found) == 1 and said in found[0])


def test_hours_of_shares_taken_for_those_of_futures_are_noticed(
    trading_account: Account, controlled_broker: LedgerBroker, monkeypatch: Any
) -> None:
    """The sabotaged twin: all goes by the share market."""
    monkeypatch.setattr(futures_hours, "status", lambda product, now, closures: calendar.status(now, closures))
    live = at(trading_account, broker="tradestation", environment="live")
    assert deny_by_hours(live, controlled_broker, ES, THANKSGIVING)
    assert not deny_by_hours(live, controlled_broker, CORN, FRIDAY)


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
