"""A person who trades in the broker's own program as well is no pattern; what no order explains is."""

from datetime import datetime, timedelta, timezone

import pytest
from simulator_server import SimulatorServer, equity_order, wait_until
from talking_broker import forget_flights

from brokers.models import Account
from trading.models import Order
from trading.patterns import trouble
from trading.patterns.facts import Sighting
from trading.patterns.probing import Positions
from trading.protocol import reconcile

NOON = datetime.now(timezone.utc).replace(hour=17)


def look(positions: Positions, account: Account, minute: int) -> list[Sighting]:
    now = NOON + timedelta(minutes=minute)
    forget_flights()  # minutes apart, what was read lately is not kept
    return list(trouble.drift(positions.check(account, now), now))


def trade_elsewhere(sim: SimulatorServer, account: Account) -> None:
    sim.fills("immediate")
    session = sim.session()
    body = equity_order("F", "3", action="Buy to Open", order_type="Market")
    answer = session.post(f"{sim.api}/accounts/{account.number}/orders", json=body)
    assert answer.status_code == 201, answer.text
    order = f"{sim.api}/accounts/{account.number}/orders/{answer.json()['data']['order']['id']}"
    wait_until(lambda: session.get(order).json()["data"]["status"] == "Filled")


def begun(account: Account) -> Positions:
    positions = Positions()
    assert look(positions, account, 0) == look(positions, account, 1) == []
    return positions


def test_orders_at_the_brokers_own_program_are_read_before_anything_is_odd(
    simulated: SimulatorServer, simulated_account: Account
) -> None:
    positions = begun(simulated_account)
    trade_elsewhere(simulated, simulated_account)
    assert look(positions, simulated_account, 2) == []
    assert Order.objects.get(account=simulated_account, symbol="F").is_external
    assert look(positions, simulated_account, 10) == []


def test_without_that_reading_the_account_would_be_held(
    simulated: SimulatorServer, simulated_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "refresh", lambda account: [])
    positions = begun(simulated_account)
    trade_elsewhere(simulated, simulated_account)
    look(positions, simulated_account, 2)
    (odd,) = look(positions, simulated_account, 10)
    assert odd.about.endswith(":F")
