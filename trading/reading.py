"""A broker's report of an order, read for what the desk keeps of it. Pure."""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

from brokers.domain.instruments import FutureOption, Instrument, Option, describe, plain
from brokers.domain.orders import LegState, OrderUpdate
from trading import lifecycle, tickets
from trading.lifecycle import Standing, Status

PLACES = Decimal("1E-8")


class Filled(Protocol):
    """A fill as kept in the database."""

    symbol: str
    quantity: Decimal
    price: Decimal


def status_of(update: OrderUpdate) -> Status:
    return lifecycle.from_broker(update.status, replaced=update.replaced_by_order_id is not None)


def filled(update: OrderUpdate, quantity: Decimal, fills: Sequence[Filled]) -> tuple[Decimal, Decimal | None]:
    """How much of the order is filled, in units of its ``quantity``, and at which price on average.

    Fills count; so does what a broker says is not left, except at an end, where the rest was taken off.
    """
    by_symbol: dict[str, list[Filled]] = {}
    for fill in fills:
        by_symbol.setdefault(fill.symbol, []).append(fill)
    trust_rest = status_of(update) in lifecycle.OPEN | {Status.FILLED}
    least: Decimal | None = None
    price: Decimal | None = Decimal(0)
    for state in update.legs:
        leg = state.leg
        mine = by_symbol.get(str(leg.instrument), [])
        done = sum((fill.quantity for fill in mine), Decimal(0))
        paid = sum((fill.quantity * fill.price for fill in mine), Decimal(0))
        ratio = leg.quantity / quantity
        price = price - leg.action.sign * ratio * paid / done if done and price is not None else None
        units = max(done, leg.quantity - state.remaining if trust_rest else Decimal(0)) / ratio
        least = units if least is None else min(least, units)
    if price is not None:
        price = (abs(price) if len(update.legs) == 1 else price).quantize(PLACES)
    return (least or Decimal(0)).quantize(PLACES), price if update.legs else None


def terms_of(update: OrderUpdate) -> dict[str, Any]:
    """An external order's terms, as far as the desk has words for them."""
    legs = [state.leg for state in update.legs]
    first = legs[0] if legs else None
    acts = ", ".join(tickets.act(leg) for leg in legs) or "Order"
    price = update.limit_price
    return {
        "ticket": {
            "legs": [
                {"symbol": str(leg.instrument), "action": str(leg.action), "quantity": plain(leg.quantity)}
                for leg in legs
            ],
            "order_type": str(update.order_type),
            "time_in_force": str(update.time_in_force),
            "limit_price": plain(price) if price is not None else None,
            "stop_price": plain(update.stop_price) if update.stop_price is not None else None,
            "gtd_date": None,
        },
        "description": f"{acts} at {tickets.price_text(price)} or better"[:300] if price is not None else acts[:300],
        "symbol": str(first.instrument) if first else "",
        "underlying": underlying_of(first.instrument) if first else "",
        "action": str(first.action) if first else "",
        "order_type": str(update.order_type)[:32],
        "time_in_force": str(update.time_in_force)[:32],
        "quantity": size(update.legs),
        "limit_price": price,
        "stop_price": update.stop_price,
    }


def size(legs: Sequence[LegState]) -> Decimal:
    """How many times the order's smallest proportion is traded."""
    quantities = [state.leg.quantity for state in legs]
    if not quantities:
        return Decimal(1)
    if len(quantities) == 1 or any(quantity % 1 for quantity in quantities):
        return min(quantities)
    return Decimal(math.gcd(*(int(quantity) for quantity in quantities)))


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
    known_id: str | None, update: OrderUpdate, before: Standing, after: Standing, fills: Sequence[Filled], late: bool
) -> str:
    """What a report tells, for the timeline."""
    parts = []
    if late:
        parts.append("It appeared at the broker after all.")
    if known_id is None:
        parts.append(f"The broker has it as {update.broker_order_id}.")
    for fill in fills:
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
        "reject_reason": update.reject_reason,
        "legs": [
            {
                "symbol": str(state.leg.instrument),
                "action": str(state.leg.action),
                "quantity": plain(state.leg.quantity),
                "remaining": plain(state.remaining),
                "fills": [[fill.fill_id, plain(fill.quantity), plain(fill.price)] for fill in state.fills],
            }
            for state in update.legs
        ],
    }


def dedupe_key(update: OrderUpdate) -> str:
    filled = sum((fill.quantity for fill in update.fills), Decimal(0))
    return f"news:{update.version}:{update.broker_status[:64]}:{plain(filled)}:{len(update.fills)}"
