"""A broker's report of an order, read for what the desk keeps of it. Pure."""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from brokers.domain.instruments import FutureOption, Instrument, Option, contract_multiplier, describe, plain
from brokers.domain.orders import Leg, OrderType, OrderUpdate, TimeInForce
from trading import lifecycle, tickets
from trading.lifecycle import Standing, Status
from trading.protocol import fills
from trading.protocol.fills import Kept

ZERO = Decimal(0)
WITHOUT_PRICE: Mapping[str, str] = {
    kind: "at a price that the broker does not tell" if kind.has_limit else "at the market price" for kind in OrderType
}


def status_of(update: OrderUpdate) -> Status:
    return lifecycle.from_broker(update.status, replaced=update.replaced_by_order_id is not None)


def filled(update: OrderUpdate, quantity: Decimal, kept: Sequence[Kept]) -> tuple[Decimal, Decimal | None]:
    """How much of the order is filled, in units of its ``quantity``, and at which price on average.

    Fills count; so does a sum that the broker tells, and what it says is not left, except at an end, where the rest
    was taken off. The average is unknown while a sum is told without one.
    """
    known = fills.sums(kept)
    trust_rest = status_of(update) in lifecycle.OPEN | {Status.FILLED}
    least: Decimal | None = None
    price: Decimal | None = Decimal(0)
    weights = price_weights([state.leg for state in update.legs])
    for state, weight in zip(update.legs, weights, strict=True):
        leg = state.leg
        done, paid = known.get(str(leg.instrument), (ZERO, ZERO))
        ratio = leg.quantity / quantity
        told = max(done, state.executed or ZERO)
        price = price - leg.action.sign * weight * paid / done if done and told == done and price is not None else None
        units = max(told, leg.quantity - state.remaining if trust_rest else ZERO) / ratio
        least = units if least is None else min(least, units)
    if price is not None:
        price = (abs(price) if len(update.legs) == 1 else price).quantize(fills.PLACES)
    return (least or ZERO).quantize(fills.PLACES), price if update.legs else None


def terms_of(update: OrderUpdate) -> dict[str, Any]:
    """An external order's terms, as far as the desk has words for them."""
    legs = [state.leg for state in update.legs]
    first = legs[0] if legs else None
    price = update.limit_price
    ticket = {
        "legs": [
            {"symbol": str(leg.instrument), "action": str(leg.action), "quantity": plain(leg.quantity)} for leg in legs
        ],
        "order_type": str(update.order_type),
        "time_in_force": str(update.time_in_force),
        "limit_price": plain(price) if price is not None else None,
        "stop_price": plain(update.stop_price) if update.stop_price is not None else None,
        "gtd_date": update.gtd_date.isoformat() if update.gtd_date and _has_date(update.time_in_force) else None,
        **tickets.trail_json(update.trail),
    }
    return {
        "ticket": ticket,
        "description": _described(legs, ticket, update)[:300],
        "symbol": str(first.instrument) if first else "",
        "underlying": underlying_of(first.instrument) if first else "",
        "action": str(first.action) if first else "",
        "order_type": str(update.order_type)[:32],
        "time_in_force": str(update.time_in_force)[:32],
        "quantity": size(legs),
        "limit_price": price,
        "stop_price": update.stop_price,
    }


def _has_date(time_in_force: str) -> bool:
    return time_in_force in set(TimeInForce) and TimeInForce(time_in_force).has_date


def _described(legs: Sequence[Leg], ticket: Mapping[str, Any], update: OrderUpdate) -> str:
    """As one's own orders are, a spread by its name; what the desk has no words for by its legs and what is told."""
    try:
        return tickets.describe_ticket(tickets.from_json(ticket))
    except (KeyError, ValueError):
        return f"{tickets.acts(legs) if legs else 'Order'} {_told_terms(legs, update)}"


def _told_terms(legs: Sequence[Leg], update: OrderUpdate) -> str:
    """«once the price touches 2.50 for a 2.40 credit or better», «as “notional market”»."""
    price, parts = update.limit_price, []
    if update.trail is not None:
        parts.append(f"once the price has turned by {tickets.trail_text(update.trail)}")
    elif update.stop_price is not None:
        parts.append(f"once the price touches {tickets.price_text(update.stop_price)}")
    if price is None:
        parts.append(WITHOUT_PRICE.get(update.order_type, f"as “{str(update.order_type).replace('_', ' ')}”"))
    elif len(legs) < 2:
        parts.append(f"at {tickets.price_text(price)} or better")
    elif price == 0:
        parts.append("for even money or better")
    else:
        parts.append(f"for a {tickets.price_text(price)} {'credit' if price > 0 else 'debit'} or better")
    return " ".join(parts)


def size(legs: Sequence[Leg]) -> Decimal:
    """How many times the order's smallest proportion is traded."""
    return _common([leg.quantity for leg in legs])


def price_weights(legs: Sequence[Leg]) -> list[Decimal]:
    """How often each leg's price counts in the order's net price: 100 shares with one call count once each."""
    sizes = [leg.quantity * (contract_multiplier(leg.instrument) or 1) for leg in legs]
    return [each / _common(sizes) for each in sizes]


def _common(amounts: Sequence[Decimal]) -> Decimal:
    """The largest whole measure of all of them; of fractions the least."""
    if not amounts:
        return Decimal(1)
    if len(amounts) == 1 or any(amount % 1 for amount in amounts):
        return min(amounts)
    return Decimal(math.gcd(*(int(amount) for amount in amounts)))


def underlying_of(instrument: Instrument) -> str:
    """What an order is listed under."""
    match instrument:
        case Option(root):
            return root
        case FutureOption(future):
            return str(future)
        case _:
            return str(instrument)


def words(
    known_id: str | None, update: OrderUpdate, before: Standing, after: Standing, news: Sequence[Kept], late: bool
) -> str:
    """What a report tells, for the timeline."""
    parts = []
    if late:
        parts.append("It appeared at the broker after all.")
    if known_id is None:
        parts.append(f"The broker has it as {update.broker_order_id}.")
    for fill in news:
        what = "" if len(update.legs) == 1 else f" {describe_symbol(update, fill.symbol)}"
        parts.append(f"{plain(fill.quantity)}{what} filled at {tickets.price_text(fill.price)}.")
    if after.status is not before.status:
        parts.append(f"{lifecycle.LABELS[after.status]}.")
    if update.reject_reason and after.status is Status.BROKER_REJECTED:
        parts.append(update.reject_reason)
    return " ".join(parts) or f"The broker says: {update.broker_status}."


def describe_symbol(update: OrderUpdate, symbol: str) -> str:
    return next((describe(s.leg.instrument) for s in update.legs if str(s.leg.instrument) == symbol), symbol)


def payload_of(update: OrderUpdate) -> Mapping[str, Any]:
    """The broker's word as we read it, for the record."""
    return {
        "broker_order_id": update.broker_order_id,
        "client_ref": update.client_ref,
        "status": update.broker_status,
        "version": update.version,
        "limit_price": plain(update.limit_price) if update.limit_price is not None else None,
        "stop_price": plain(update.stop_price) if update.stop_price is not None else None,
        "reject_reason": update.reject_reason,
        "legs": [
            {
                "symbol": str(state.leg.instrument),
                "action": str(state.leg.action),
                "quantity": plain(state.leg.quantity),
                "remaining": plain(state.remaining),
                "executed": plain(state.executed) if state.executed is not None else None,
                "average_price": plain(state.average_price) if state.average_price is not None else None,
                "fills": [[fill.fill_id, plain(fill.quantity), plain(fill.price)] for fill in state.fills],
            }
            for state in update.legs
        ],
    }


def dedupe_key(update: OrderUpdate) -> str:
    done = sum((fills.executed(state) for state in update.legs), ZERO)
    return f"news:{update.version}:{update.broker_status[:64]}:{plain(done)}:{len(update.fills)}"
