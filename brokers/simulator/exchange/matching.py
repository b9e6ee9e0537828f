"""Which part of an order the books on show can fill, and at what prices."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from brokers.domain.instruments import Instrument
from brokers.domain.orders import Leg, OrderType, TimeInForce
from brokers.simulator.exchange.orders import SimOrder
from brokers.simulator.exchange.plans import FillRule
from brokers.simulator.market.book import Book
from brokers.simulator.market.market import Market

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Slice:
    """Units of an order that trade now, and each leg's price."""

    units: Decimal
    prices: list[Decimal]


@dataclass
class Shown:
    """What is left of the displayed sizes: a size that was taken is not there again until the book changes."""

    market: Market
    _taken: dict[tuple[Instrument, bool], tuple[int, Decimal]] = field(default_factory=dict)

    def touch(self, leg: Leg) -> tuple[Decimal, Decimal] | None:
        """Price and size that a leg can trade with; None when the other side shows nothing."""
        book = self.market.book(leg.instrument)
        if book is None:
            return None
        price, size = (book.ask, book.ask_size) if leg.action.is_buy else (book.bid, book.bid_size)
        left = size - self._gone(leg, book)
        return (price, left) if price and left > 0 else None

    def take(self, leg: Leg, quantity: Decimal) -> None:
        book = self.market.book(leg.instrument)
        if book is not None:
            self._taken[leg.instrument, leg.action.is_buy] = (book.version, self._gone(leg, book) + quantity)

    def _gone(self, leg: Leg, book: Book) -> Decimal:
        version, taken = self._taken.get((leg.instrument, leg.action.is_buy), (-1, ZERO))
        return taken if version == book.version else ZERO


def reach_stop(order: SimOrder, market: Market) -> bool:
    """Whether a stop's level is reached by the last trade; always for orders without one."""
    stop = order.ticket.stop_price
    if stop is None or order.triggered:
        return True
    leg = order.ticket.legs[0]
    book = market.book(leg.instrument)
    if book is None or book.last is None:
        return False
    return book.last >= stop if leg.action.is_buy else book.last <= stop


def match(order: SimOrder, shown: Shown, rule: FillRule, now: datetime) -> Slice | None:
    """What trades now, None when nothing does: the price must be right, the sizes on show, the rule willing."""
    allowed = _allow(order, rule, now)
    if allowed <= 0:
        return None
    prices, ratios = [], order.ratios
    units = allowed
    for state, ratio in zip(order.legs, ratios, strict=True):
        touch = shown.touch(state.leg)
        if touch is None:
            return None
        prices.append(touch[0])
        units = min(units, touch[1] / ratio)
    if order.remaining == order.remaining.to_integral_value():
        units = units.to_integral_value(ROUND_FLOOR)
    if units <= 0 or not _is_good(order, prices, ratios):
        return None
    if order.ticket.time_in_force is TimeInForce.FOK and units < order.remaining:
        return None
    return Slice(units, prices)


def _is_good(order: SimOrder, prices: list[Decimal], ratios: list[Decimal]) -> bool:
    """Whether the touch is at the limit or better, net of all legs."""
    limit = order.ticket.limit_price
    if limit is None or order.ticket.order_type is OrderType.MARKET:
        return True
    legs = zip(order.legs, prices, ratios, strict=True)
    return sum((-state.leg.action.sign * price * ratio for state, price, ratio in legs), ZERO) >= limit


def _allow(order: SimOrder, rule: FillRule, now: datetime) -> Decimal:
    """Units that the fill rule lets through now."""
    if rule.mode == "never" or order.live_at is None:
        return ZERO
    if rule.mode == "delayed" and now < order.live_at + timedelta(seconds=rule.delay):
        return ZERO
    if rule.mode != "partial":
        return order.remaining
    if order.last_fill_at and now < order.last_fill_at + timedelta(seconds=rule.interval):
        return ZERO
    slice_ = (order.size * rule.fraction).to_integral_value(ROUND_CEILING)
    return min(order.remaining, slice_)
