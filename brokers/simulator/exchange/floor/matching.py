"""Which part of an order the books on show can fill, and at what prices."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from brokers.domain.instruments import Instrument
from brokers.domain.orders import Leg
from brokers.simulator.exchange.floor.plans import FillRule
from brokers.simulator.exchange.orders.orders import SimOrder
from brokers.simulator.exchange.orders.tickets import Duration
from brokers.simulator.market.book import Book

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Slice:
    """Units of an order that trade now, and each leg's price."""

    units: Decimal
    prices: list[Decimal]


@dataclass
class Shown:
    """The books on show and what is left of their sizes: a size that was taken is not there again until the book
    changes. Each book is asked for once between two calls of ``renew``.
    """

    source: Callable[[Instrument], Book | None]
    _books: dict[Instrument, Book | None] = field(default_factory=dict)
    _taken: dict[tuple[Instrument, bool], tuple[int, Decimal]] = field(default_factory=dict)

    def renew(self) -> None:
        self._books.clear()

    def book(self, instrument: Instrument) -> Book | None:
        if instrument not in self._books:
            self._books[instrument] = self.source(instrument)
        return self._books[instrument]

    def touch(self, leg: Leg) -> tuple[Decimal, Decimal] | None:
        """Price and size that a leg can trade with; None when the other side shows nothing."""
        book = self.book(leg.instrument)
        if book is None:
            return None
        price, size = (book.ask, book.ask_size) if leg.action.is_buy else (book.bid, book.bid_size)
        left = size - self._gone(leg, book)
        return (price, left) if price and left > 0 else None

    def take(self, leg: Leg, quantity: Decimal) -> None:
        book = self.book(leg.instrument)
        if book is not None:
            self._taken[leg.instrument, leg.action.is_buy] = (book.version, self._gone(leg, book) + quantity)

    def _gone(self, leg: Leg, book: Book) -> Decimal:
        version, taken = self._taken.get((leg.instrument, leg.action.is_buy), (-1, ZERO))
        return taken if version == book.version else ZERO


def match(order: SimOrder, shown: Shown, rule: FillRule, now: datetime) -> Slice | None:
    """What trades now, None when nothing does: the price must be right, the sizes on show, the rule willing."""
    units = allow(order, rule, now)
    if units <= 0:
        return None
    prices = []
    for state in order.legs:
        touch = shown.touch(state.leg)
        if touch is None:
            return None
        prices.append(touch[0])
        units = min(units, touch[1] / state.ratio)
    if order.remaining == order.remaining.to_integral_value():
        units = units.to_integral_value(ROUND_FLOOR)
    if units <= 0 or not is_good(order, prices):
        return None
    whole = order.ticket.all_or_none or order.ticket.duration is Duration.FOK
    return None if whole and units < order.remaining else Slice(units, prices)


def is_good(order: SimOrder, prices: Sequence[Decimal]) -> bool:
    """Whether these prices are at the limit or better, net of all legs."""
    limit = order.ticket.limit_price
    if limit is None:
        return True
    legs = zip(order.legs, prices, strict=True)
    return sum((-state.leg.action.sign * price * state.weight for state, price in legs), ZERO) >= limit


def allow(order: SimOrder, rule: FillRule, now: datetime) -> Decimal:
    """Units that the fill rule lets through now."""
    left = order.remaining
    if rule.mode == "never" or order.live_at is None or now < (wake(order, rule, now) or now):
        return ZERO
    if rule.mode == "partial" and not order.ticket.all_or_none:
        left = min(left, _slice(order.size, rule.fraction))
    if rule.mode == "schedule":
        gone = sum((fraction for seconds, fraction in rule.schedule if now >= _after(order.live_at, seconds)), ZERO)
        left = min(left, _slice(order.size, min(gone, Decimal(1))) - order.filled)
    shown = order.ticket.display_quantity
    return left if shown is None or order.ticket.duration.is_immediate else min(left, shown)


def wake(order: SimOrder, rule: FillRule, now: datetime) -> datetime | None:
    """When the rule may let (more of) a live order through, if that is later than now."""
    if order.live_at is None:
        return None
    times = []
    if rule.mode == "delayed":
        times = [_after(order.live_at, rule.delay)]
    elif rule.mode == "partial" and order.last_fill_at is not None:
        times = [_after(order.last_fill_at, rule.interval)]
    later = [at for at in times if at > now]
    return min(later) if later else None


def next_look(order: SimOrder, rule: FillRule, now: datetime) -> datetime | None:
    """When to look at an order again although no book has changed."""
    if rule.mode == "schedule" and order.live_at is not None:
        later = [at for seconds, _ in rule.schedule if (at := _after(order.live_at, seconds)) > now]
        return min(later) if later else None
    return wake(order, rule, now)


def _slice(size: Decimal, fraction: Decimal) -> Decimal:
    """Part of an order, in whole units where the order is of whole units."""
    part = size * fraction
    return part.to_integral_value(ROUND_CEILING) if size == size.to_integral_value() else part


def _after(at: datetime, seconds: float) -> datetime:
    return at + timedelta(seconds=seconds)
