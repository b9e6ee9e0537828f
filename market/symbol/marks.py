"""What a person has to do with a symbol, for its chart and the table below: holding, working orders, fills."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from brokers.domain.accounts import Position
from brokers.domain.instruments import Instrument, plain
from brokers.domain.orders import Action
from brokers.models import Account
from portfolio import last_known
from portfolio.holdings import load_held
from trading import tickets
from trading.models import Fill, Order

FILLS_SINCE = timedelta(days=366)
MOST_FILLS = 200


@dataclass(frozen=True, slots=True)
class FillMark:
    """``price`` per unit, ``quantity`` unsigned."""

    at: datetime
    side: str
    quantity: Decimal
    price: Decimal
    order: Order


@dataclass(frozen=True, slots=True)
class OrderMark:
    """A working order of one leg: the prices at which it stands, and in words what it does."""

    order: Order
    side: str
    words: str
    limit: Decimal | None
    stop: Decimal | None


@dataclass(frozen=True, slots=True)
class Marks:
    """``others``: working orders on the same underlying that have no price on this chart (spreads, options).

    ``position`` None with ``is_known``: nothing is held. ``error`` says why the holding is not newer.
    """

    position: Position | None
    is_known: bool
    seen_at: datetime | None
    error: str
    orders: tuple[OrderMark, ...]
    others: tuple[Order, ...]
    fills: tuple[FillMark, ...]

    @property
    def data(self) -> str:
        """For the chart: JSON, decimals as text, times in milliseconds."""
        levels = [
            {"price": plain(price), "words": f"{mark.words} {kind}", "side": mark.side}
            for mark in self.orders
            for kind, price in (("limit", mark.limit), ("stop", mark.stop))
            if price is not None
        ]
        return json.dumps(
            {"fills": [_fill_data(one) for one in self.fills], "orders": levels, "cost": _cost_data(self.position)}
        )


def marks_of(account: Account, instrument: Instrument, *, ask: bool) -> Marks:
    """``ask``: the broker is asked for the holding; else what is kept of it, at once."""
    position, is_known, seen_at, error = _asked(account, instrument) if ask else _kept(account, instrument)
    orders, others = _working(account, instrument)
    return Marks(position, is_known, seen_at, error, orders, others, _fills(account, instrument))


def _asked(account: Account, instrument: Instrument) -> tuple[Position | None, bool, datetime | None, str]:
    part = load_held(account).positions
    error = part.error.message if part.error is not None else ""
    if part.known is None:
        return None, False, None, error
    return _of(part.known, instrument), True, part.seen_at, error


def _kept(account: Account, instrument: Instrument) -> tuple[Position | None, bool, datetime | None, str]:
    kept = last_known.positions(account.pk)
    return (None, False, None, "") if kept is None else (_of(kept.held, instrument), True, kept.seen_at, "")


def _of(positions: Iterable[Position], instrument: Instrument) -> Position | None:
    return next((one for one in positions if one.instrument == instrument and one.quantity), None)


def _working(account: Account, instrument: Instrument) -> tuple[tuple[OrderMark, ...], tuple[Order, ...]]:
    symbol = str(instrument)
    own: list[OrderMark] = []
    others: list[Order] = []
    for order in Order.objects.of(account.connection.user).working().filter(account=account):
        mark = _order_mark(order, symbol)
        if mark is not None:
            own.append(mark)
        elif order.underlying == symbol or any(leg.get("symbol") == symbol for leg in _legs(order)):
            others.append(order)
    return tuple(own), tuple(others)


def _order_mark(order: Order, symbol: str) -> OrderMark | None:
    legs = _legs(order)
    if len(legs) != 1 or legs[0].get("symbol") != symbol:
        return None
    side = _side(legs[0])
    left = order.quantity - order.filled_quantity
    words = f"{side.capitalize()} {plain(left)}"
    return OrderMark(order, side, words, order.unsigned_limit, order.stop_price)


def _legs(order: Order) -> list[dict[str, Any]]:
    found = order.ticket.get("legs")
    return [leg for leg in found if isinstance(leg, dict)] if isinstance(found, list) else []


def _side(leg: dict[str, Any]) -> str:
    try:
        return "buy" if Action(leg["action"]).is_buy else "sell"
    except (KeyError, ValueError):
        return "order"


def _fills(account: Account, instrument: Instrument) -> tuple[FillMark, ...]:
    """Of the last year, the newest first. A fill of less than nothing (a broker took one back) is no mark."""
    symbol = str(instrument)
    since = timezone.now() - FILLS_SINCE
    found = Fill.objects.filter(
        order__account=account, order__adopted_by=None, symbol=symbol, filled_at__gte=since, quantity__gt=0
    )
    rows = found.select_related("order").order_by("-filled_at", "-id")[:MOST_FILLS]
    return tuple(FillMark(one.filled_at, _fill_side(one), one.quantity, one.price, one.order) for one in rows)


def _fill_side(fill: Fill) -> str:
    leg = next((leg for leg in _legs(fill.order) if leg.get("symbol") == fill.symbol), {})
    return _side(leg)


def _fill_data(mark: FillMark) -> dict[str, Any]:
    words = f"{mark.side.capitalize()} {plain(mark.quantity)} at {tickets.price_text(mark.price)}"
    return {"at": int(mark.at.timestamp() * 1000), "side": mark.side, "words": words}


def _cost_data(position: Position | None) -> dict[str, str] | None:
    if position is None or position.average_open_price is None:
        return None
    side = "Long" if position.quantity > 0 else "Short"
    return {"price": plain(position.average_open_price), "words": f"{side} {plain(abs(position.quantity))} avg"}
