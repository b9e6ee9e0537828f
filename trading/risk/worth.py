"""What an order is worth and may lose, and what holdings weigh: estimates, each on the safe side."""

import math
from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from brokers.domain.instruments import (
    Crypto,
    Equity,
    Future,
    FutureOption,
    Instrument,
    Option,
    Other,
    Right,
    contract_multiplier,
)
from brokers.domain.market import fair_price
from brokers.domain.orders import Leg, OrderTicket
from trading.risk.facts import Snapshot, units
from trading.risk.prices import middle
from trading.risk.terms import family

MARKET_SLACK = Decimal("1.05")
"""A market order is reckoned five percent beyond the other side."""
USUAL_VOLATILITY = 0.30
"""Taken for an option's rough delta where the broker tells none."""
ZERO = Decimal(0)


def multiplier(instrument: Instrument, snapshot: Snapshot) -> Decimal | None:
    """Dollars per point and unit: the broker's figure, else what the class fixes, else a position's."""
    details = snapshot.details.get(instrument)
    if details is not None:
        return details.multiplier
    for position in snapshot.positions or ():
        if position.instrument == instrument:
            return position.multiplier
    return contract_multiplier(instrument)


def price_of(instrument: Instrument, snapshot: Snapshot) -> Decimal | None:
    """What one unit is valued at: the middle, else the broker's mark or last."""
    quote = snapshot.quotes.get(instrument)
    if quote is not None:
        found = middle(quote) or fair_price(quote.bid, quote.ask, quote.mark, quote.last)
        if found is not None:
            return found
    return next((each.mark for each in snapshot.positions or () if each.instrument == instrument), None)


def unit_price(ticket: OrderTicket, leg: Leg, snapshot: Snapshot) -> Decimal | None:
    """What one unit of a single order may cost at the most: limit, stop, or a market price with slack."""
    quote = snapshot.quotes.get(leg.instrument)
    side = None if quote is None else quote.ask if leg.action.is_buy else quote.bid
    if ticket.limit_price is not None:
        limit = abs(ticket.limit_price)
        return limit if leg.action.is_buy or side is None else max(limit, side)  # who sells takes the better bid
    if ticket.stop_price is not None:
        return ticket.stop_price * MARKET_SLACK
    return side * MARKET_SLACK if side is not None else None


def notional(ticket: OrderTicket, snapshot: Snapshot) -> Decimal | None:
    """Dollars: price × quantity × multiplier; of a spread by its net price. None when something is not known."""
    first = ticket.legs[0]
    points = multiplier(first.instrument, snapshot)
    if points is None:
        return None
    if len(ticket.legs) == 1:
        price = unit_price(ticket, first, snapshot)
        return None if price is None else price * first.quantity * points
    if ticket.limit_price is None:
        return _gross(ticket, snapshot)
    return abs(ticket.limit_price) * units(ticket) * spread_multiplier(ticket, snapshot)


def spread_multiplier(ticket: OrderTicket, snapshot: Snapshot) -> Decimal:
    """What a point of the net price moves: with shares among the legs, the shares per unit are in the quantities."""
    found = [multiplier(leg.instrument, snapshot) or Decimal(1) for leg in ticket.legs]
    options = [
        m for leg, m in zip(ticket.legs, found, strict=True) if isinstance(leg.instrument, Option | FutureOption)
    ]
    return max(options or found)


def _gross(ticket: OrderTicket, snapshot: Snapshot) -> Decimal | None:
    total = ZERO
    for leg in ticket.legs:
        price, points = unit_price(ticket, leg, snapshot), multiplier(leg.instrument, snapshot)
        if price is None or points is None:
            return None
        total += price * leg.quantity * points
    return total


# --- delta-weighted dollars ---


def delta_dollars(instrument: Instrument, quantity: Decimal, snapshot: Snapshot) -> Decimal | None:
    """The dollars of the underlying that a holding moves with, signed; None when a price is missing."""
    if isinstance(instrument, Other):
        return ZERO  # what the desk neither quotes nor trades is left to the broker
    points = multiplier(instrument, snapshot)
    if not isinstance(instrument, Option | FutureOption):
        price = price_of(instrument, snapshot)
        return None if price is None or points is None else quantity * price * points
    under = underlying_price(instrument, snapshot)
    if under is None or points is None:
        return None
    return quantity * points * under * delta_of(instrument, under, snapshot)


def underlying_price(instrument: Option | FutureOption, snapshot: Snapshot) -> Decimal | None:
    if isinstance(instrument, FutureOption):
        return price_of(instrument.future, snapshot)
    details = snapshot.details.get(instrument)
    if details is not None and details.underlying is not None:
        found = price_of(details.underlying, snapshot)
        if found is not None:
            return found
    name = family(instrument)
    return next(
        (price_of(each, snapshot) for each in snapshot.quotes if family(each) == name and _is_under(each)), None
    )


def _is_under(instrument: Instrument) -> bool:
    return not isinstance(instrument, Option | FutureOption | Future | Crypto)


def delta_of(instrument: Option | FutureOption, under: Decimal, snapshot: Snapshot) -> Decimal:
    """The broker's delta, else a rough one: of a usual volatility, by moneyness and time."""
    quote = snapshot.quotes.get(instrument)
    if quote is not None and quote.delta is not None:
        return quote.delta
    return rough_delta(instrument.right, instrument.strike, instrument.expiry, under, snapshot.now.date())


def rough_delta(right: Right, strike: Decimal, expiry: date, under: Decimal, today: date) -> Decimal:
    """An estimate, in floats: it weighs holdings and never prices them."""
    spread = USUAL_VOLATILITY * math.sqrt(max((expiry - today).days, 1) / 365)
    distance = math.log(float(under) / float(strike)) / spread if under > 0 and strike > 0 else 0.0
    call = Decimal(str(round((1 + math.erf(distance / math.sqrt(2))) / 2, 4)))
    return call if right is Right.CALL else call - 1


# --- what an order may lose ---


def may_lose(ticket: OrderTicket, snapshot: Snapshot) -> Decimal | None:
    """Dollars an order of shares and options may lose by its end, its own legs alone; None with futures among them,
    or where the loss has no bound."""
    net = net_cash(ticket, snapshot)
    parts = _lasting(ticket)
    if net is None or any(not isinstance(each, Equity | Option | Crypto) for each, _ in parts):
        return None
    points = [multiplier(each, snapshot) or Decimal(1) for each, _ in parts]
    slope = sum((n * m for (each, n), m in zip(parts, points, strict=True) if _rises(each)), ZERO)
    if slope < 0:
        return None
    strikes = sorted({each.strike for each, _ in parts if isinstance(each, Option)})
    payoffs = [
        sum((n * m * _worth(each, level) for (each, n), m in zip(parts, points, strict=True)), ZERO)
        for level in [ZERO, *strikes]
    ]
    return max(ZERO, -(net + min(payoffs)))


def _lasting(ticket: OrderTicket) -> list[tuple[Instrument, Decimal]]:
    """The legs, signed, without those that are bought and gone before one that is sold: they cover nothing then."""
    sold = {
        right: [
            leg.instrument.expiry for leg in ticket.legs if _is_sold(leg, right) and isinstance(leg.instrument, Option)
        ]
        for right in Right
    }
    return [
        (leg.instrument, leg.quantity * leg.action.sign)
        for leg in ticket.legs
        if not (
            isinstance(leg.instrument, Option)
            and leg.action.is_buy
            and leg.instrument.expiry < max(sold[leg.instrument.right], default=leg.instrument.expiry)
        )
    ]


def _is_sold(leg: Leg, right: Right) -> bool:
    return isinstance(leg.instrument, Option) and leg.instrument.right is right and not leg.action.is_buy


def net_cash(ticket: OrderTicket, snapshot: Snapshot) -> Decimal | None:
    """Dollars the order brings at the least (positive) or costs at the most, at its own price."""
    first = ticket.legs[0]
    if len(ticket.legs) == 1:
        points = multiplier(first.instrument, snapshot)
        price = _worst_price(ticket, first, snapshot)
        return None if price is None or points is None else -first.action.sign * price * first.quantity * points
    if ticket.limit_price is None:
        total = _gross(ticket, snapshot)
        return None if total is None else -total
    return ticket.limit_price * units(ticket) * spread_multiplier(ticket, snapshot)


def _worst_price(ticket: OrderTicket, leg: Leg, snapshot: Snapshot) -> Decimal | None:
    """Per unit: no more is paid than this, no less is got."""
    if ticket.limit_price is not None:
        return abs(ticket.limit_price)
    price = unit_price(ticket, leg, snapshot)
    return price if price is None or leg.action.is_buy else price / MARKET_SLACK * (2 - MARKET_SLACK)


def _rises(instrument: Instrument) -> bool:
    return not (isinstance(instrument, Option) and instrument.right is Right.PUT)


def _worth(instrument: Instrument, level: Decimal) -> Decimal:
    if not isinstance(instrument, Option):
        return level
    inside = level - instrument.strike if instrument.right is Right.CALL else instrument.strike - level
    return max(ZERO, inside)


def total(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """The sum; None as soon as one of them is."""
    result = ZERO
    for amount in amounts:
        if amount is None:
            return None
        result += amount
    return result
