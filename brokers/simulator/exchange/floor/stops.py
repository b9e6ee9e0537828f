"""Levels that an order waits for: stops, trailing stops, conditions on other instruments, ratios of pairs."""

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from operator import ge, gt, le, lt

from brokers.domain.instruments import Instrument
from brokers.domain.market import PriceIncrements
from brokers.simulator.exchange.orders.orders import SimOrder
from brokers.simulator.exchange.orders.tickets import Condition, Trail, Watch
from brokers.simulator.market.book import Book

Look = Callable[[Instrument], Book | None]
COMPARATORS = {"gte": ge, "lte": le, "gt": gt, "lt": lt}


def has_stop(order: SimOrder) -> bool:
    """Whether it still waits for its level."""
    return order.ticket.order_type.has_stop and not order.triggered


def reach(order: SimOrder, book: Book | None, increments: PriceIncrements | None) -> bool:
    """Whether a stop's level is reached, as often in a row as it wants; a trailing level moves along first."""
    ticket, leg = order.ticket, order.ticket.legs[0]
    price = _watched(ticket.watch, leg.action.is_buy, book)
    if book is None or not price:
        return False
    if ticket.trail is not None:
        order.trail_stop = follow(order.trail_stop, ticket.trail, price, leg.action.is_buy, increments)
    stop = order.trail_stop if ticket.trail is not None else ticket.stop_price
    if stop is None or not (price >= stop if leg.action.is_buy else price <= stop):
        order.seen = (book.version, 0)
        return False
    version, count = order.seen
    if version != book.version:
        order.seen = (book.version, count + 1)
    return order.seen[1] >= ticket.ticks


def follow(
    level: Decimal | None, trail: Trail, price: Decimal, is_buy: bool, increments: PriceIncrements | None
) -> Decimal:
    """Where a trailing stop stands once this price was seen: it only ever comes closer, on the tick grid."""
    away = trail.amount if trail.amount is not None else price * (trail.percent or Decimal(0)) / 100
    raw = price + away if is_buy else price - away
    step = increments.at(raw) if increments is not None and raw > 0 else None
    if step:
        raw = (raw / step).to_integral_value(ROUND_CEILING if is_buy else ROUND_FLOOR) * step
    if level is None:
        return raw
    return min(level, raw) if is_buy else max(level, raw)


def met(conditions: tuple[Condition, ...], effect: str, look: Look) -> bool:
    """Whether the conditions of one effect hold, taken from left to right; False when there are none."""
    found: bool | None = None
    for condition in conditions:
        if condition.effect != effect:
            continue
        holds = _holds(condition, look)
        if found is None:
            found = holds
        elif condition.joined == "and":
            found = found and holds
        else:
            found = found or holds
    return bool(found)


def _holds(condition: Condition, look: Look) -> bool:
    price = (
        _together(condition, look)
        if condition.components
        else _indicated(condition.indicator, look(condition.instrument))
    )
    return price is not None and bool(COMPARATORS[condition.comparator](price, condition.threshold))


def _together(condition: Condition, look: Look) -> Decimal | None:
    """The price of all components; None while one of them has none."""
    total = Decimal(0)
    for component in condition.components:
        side = "last" if condition.indicator == "last" else "ask" if component.units > 0 else "bid"
        price = _indicated(side, look(component.instrument))
        if price is None:
            return None
        total += component.units * price
    return total


def _indicated(indicator: str, book: Book | None) -> Decimal | None:
    if book is None:
        return None
    match indicator:
        case "bid":
            return book.bid
        case "ask":
            return book.ask
        case "mid":
            return book.mark
        case _:
            return book.last


def _watched(watch: Watch, is_buy: bool, book: Book | None) -> Decimal | None:
    if book is None:
        return None
    if watch is Watch.LAST:
        return book.last
    return book.bid if is_buy == (watch is Watch.BID_ASK) else book.ask
