"""Out of the box, with the simulator's demo accounts, everyday orders find nothing that can't be confirmed."""

from datetime import datetime, timezone
from decimal import Decimal

import pytest
from any_broker import expiration_at
from django.contrib.auth import get_user_model
from django.test import Client
from signing_in import BOTH, MARGIN_ACCOUNTS, connect, point_at
from simulator_server import SimulatorServer

from brokers import connections
from brokers.domain.instruments import Equity, Future, Instrument, Option
from brokers.domain.orders import Action, Leg, OrderTicket, OrderType, TimeInForce
from brokers.models import Account
from brokers.port import Broker
from trading import risk
from trading.safety import limits, snapshots


def limit(price: Decimal, *legs: Leg) -> OrderTicket:
    return OrderTicket(legs, OrderType.LIMIT, TimeInForce.DAY, price)


def on_grid(broker: Broker, instrument: Instrument, price: Decimal) -> Decimal:
    step = broker.get_details(instrument).increments.at(price) or Decimal("0.01")
    return price // step * step


def middle(broker: Broker, instrument: Instrument) -> Decimal:
    quote = broker.get_quotes([instrument])[instrument]
    assert quote.bid is not None
    assert quote.ask is not None
    return (quote.bid + quote.ask) / 2


def condor(broker: Broker) -> OrderTicket:
    """A dollar-wide-as-listed iron condor on SPY, some 5 % out, for its middle price."""
    spot = middle(broker, Equity("SPY"))
    strikes = expiration_at(broker, Equity("SPY"), 4).strikes
    low = max(i for i, s in enumerate(strikes) if s.price < spot * Decimal("0.96"))
    high = min(i for i, s in enumerate(strikes) if s.price > spot * Decimal("1.04"))
    wings: list[tuple[Option | None, Action]] = [
        (strikes[low - 1].put, Action.BUY_TO_OPEN),
        (strikes[low].put, Action.SELL_TO_OPEN),
        (strikes[high].call, Action.SELL_TO_OPEN),
        (strikes[high + 1].call, Action.BUY_TO_OPEN),
    ]
    legs = tuple(Leg(option, action, Decimal(1)) for option, action in wings if option is not None)
    net = sum((-leg.action.sign * middle(broker, leg.instrument) for leg in legs), Decimal(0))
    return limit(net.quantize(Decimal("0.01")), *legs)


def next_quarter(now: datetime) -> Future:
    """A delivery month of the S&P future that does not end within this month."""
    ahead = next(month for month in (3, 6, 9, 12, 15) if month > now.month)
    return Future("ES", now.year + (ahead > 12), (ahead - 1) % 12 + 1)


def everyday(broker: Broker, account_number: str) -> dict[str, OrderTicket]:
    apple = Equity("AAPL")
    share = on_grid(broker, apple, middle(broker, apple))
    tickets = {
        "shares": limit(-share, Leg(apple, Action.BUY_TO_OPEN, Decimal(10))),
        "iron condor": condor(broker),
    }
    lots = sorted(broker.get_positions(account_number), key=lambda position: -position.quantity)
    for instrument in (lot.instrument for lot in lots if lot.quantity >= 200):  # one hundred may cover a call already
        if isinstance(instrument, Equity):
            call = next(s.call for s in expiration_at(broker, instrument, 4).strikes if s.call is not None
                        and s.price > middle(broker, instrument) * Decimal("1.03"))  # fmt: skip
            price = on_grid(broker, call, middle(broker, call))
            tickets["covered call"] = limit(price, Leg(call, Action.SELL_TO_OPEN, Decimal(1)))
            break
    future = next_quarter(datetime.now(timezone.utc))
    price = on_grid(broker, future, middle(broker, future))
    tickets["future"] = limit(-price, Leg(future, Action.BUY, Decimal(1)))
    return tickets


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", BOTH)
def test_everyday_orders_pass_with_soft_findings_at_most(name: str, settings: object) -> None:
    with SimulatorServer() as sim:
        point_at(settings, sim, name)
        browser = Client()
        browser.force_login(
            get_user_model().objects.create_user("trader"), "allauth.account.auth_backends.AuthenticationBackend"
        )
        connection = connect(browser, sim, name)
        account = Account.objects.select_related("connection").get(connection=connection, number=MARGIN_ACCOUNTS[name])
        broker = connections.broker_for(connection)
        hard = {}
        for what, ticket in everyday(broker, account.number).items():
            snapshot = snapshots.renew(snapshots.take(account, ticket, broker), account)
            found = risk.check(ticket, snapshot, limits.for_account(account))
            hard |= {f"{what}: {one.code}": one.words for one in found if one.hard}
        assert hard == {}
