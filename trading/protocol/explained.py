"""Whether an account's positions moved more than its known fills explain: then an order may have filled unseen."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from brokers.domain.accounts import Position
from brokers.domain.instruments import plain
from brokers.domain.orders import Action
from brokers.models import Account
from brokers.port import Broker
from trading.models import Fill, Order

CLOCKS = timedelta(seconds=2)
"""How far the broker's clock may be behind ours."""


def held(positions: Iterable[Position], at: datetime) -> dict[str, Any]:
    """Positions as kept with an order: what was held when it was sent."""
    return {"at": at.isoformat(), "held": {str(one.instrument): plain(one.quantity) for one in positions}}


def unexplained(order: Order, broker: Broker) -> dict[str, Decimal]:
    """What was bought or sold in an order's direction since it was sent, beyond the known fills; by symbol, signed.

    Empty when nothing was kept to compare with. Raises ``BrokerError`` when positions can't be read.
    """
    if order.positions_before is None:
        return {}
    now = {str(one.instrument): one.quantity for one in broker.get_positions(order.account.number)}
    before = {symbol: Decimal(text) for symbol, text in order.positions_before["held"].items()}
    known = filled_since(order.account, datetime.fromisoformat(order.positions_before["at"]))
    found = {}
    for leg in order.ticket["legs"]:
        symbol, sign = leg["symbol"], Action(leg["action"]).sign
        moved = now.get(symbol, Decimal(0)) - before.get(symbol, Decimal(0)) - known.get(symbol, Decimal(0))
        if moved * sign > 0:
            found[symbol] = moved
    return found


def filled_since(account: Account, since: datetime) -> dict[str, Decimal]:
    """The net of an account's known fills since a moment, by symbol, bought positive."""
    fills = Fill.objects.filter(order__account=account, order__adopted_by=None).select_related("order")
    found: dict[str, Decimal] = {}
    for fill in fills.filter(filled_at__gte=since - CLOCKS):
        found[fill.symbol] = found.get(fill.symbol, Decimal(0)) + fill.quantity * _sign(fill)
    return found


def _sign(fill: Fill) -> int:
    actions = {leg["symbol"]: Action(leg["action"]) for leg in fill.order.ticket["legs"]}
    return actions[fill.symbol].sign if fill.symbol in actions else 0


def words(moved: dict[str, Decimal]) -> str:
    return ", ".join(f"{plain(quantity)} {symbol}" for symbol, quantity in moved.items())
