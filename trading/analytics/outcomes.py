"""What each order of a group comes to at its own price, and with the first one if it waits for it. Estimates, pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from brokers.domain.instruments import Instrument
from brokers.domain.orders import Leg, OrderGroup, OrderTicket
from trading.analytics.legs import AnalyticLeg, cash, entry


@dataclass(frozen=True, slots=True)
class Outcome:
    """Dollars from the account's side, before fees. ``cash`` is what the order brings or takes at its own price (a
    stop's is the stop, where it may be filled worse). ``gain`` is what is won or lost when it takes off just what the
    first order put on. None: not known, or it is no such order."""

    cash: Decimal | None
    gain: Decimal | None = None


def outcomes(group: OrderGroup, multipliers: Mapping[Instrument, Decimal | None]) -> tuple[Outcome, ...]:
    """One for each of ``group.tickets``."""
    found = []
    for ticket in group.tickets:
        legs = _sized(ticket.legs, multipliers)
        price = own_price(ticket)
        brings = cash(legs, price) if legs is not None and price is not None else None
        found.append(Outcome(brings, _gain(group.trigger, ticket, multipliers)))
    return tuple(found)


def own_price(ticket: OrderTicket) -> Decimal | None:
    """Per unit from the account's side: its limit, else its stop; None of what is filled at whatever the market is."""
    if ticket.limit_price is not None:
        return ticket.limit_price
    if ticket.stop_price is None or len(ticket.legs) > 1:
        return None
    return -ticket.legs[0].action.sign * ticket.stop_price


def _gain(
    first: OrderTicket | None, then: OrderTicket, multipliers: Mapping[Instrument, Decimal | None]
) -> Decimal | None:
    if first is None or then is first or not _undoes(then, first):
        return None
    sides = []
    for ticket in (first, then):
        legs, price = _sized(ticket.legs, multipliers), own_price(ticket)
        paid = entry(legs, price) if legs is not None and price is not None else None
        if paid is None:
            return None
        sides.append(paid)
    return sides[0] + sides[1]


def _undoes(then: OrderTicket, first: OrderTicket) -> bool:
    moves = [
        {leg.instrument: leg.action.sign * leg.quantity * side for leg in ticket.legs}
        for ticket, side in ((first, 1), (then, -1))
    ]
    return moves[0] == moves[1]


def _sized(legs: Sequence[Leg], multipliers: Mapping[Instrument, Decimal | None]) -> list[AnalyticLeg] | None:
    found = []
    for leg in legs:
        multiplier = multipliers.get(leg.instrument)
        if multiplier is None:
            return None
        found.append(AnalyticLeg(leg.instrument, leg.action.sign * leg.quantity, multiplier))
    return found
