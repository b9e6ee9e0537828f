"""Rules that one broker has and another has not: a wire may waive them by their codes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from brokers.domain.instruments import Option
from brokers.domain.orders import Action
from brokers.simulator.exchange.orders.tickets import OrderType, Ticket

if TYPE_CHECKING:
    from brokers.simulator.exchange.orders.checks import Desk

LAST_CALL = timedelta(minutes=30)
Rule = tuple[Callable[[Ticket, "Desk"], bool], str]


def _is_lasting_market(ticket: Ticket, desk: Desk) -> bool:
    return ticket.order_type.is_market and ticket.duration.is_lasting


def _is_market_spread(ticket: Ticket, desk: Desk) -> bool:
    return ticket.order_type.is_market and len(ticket.legs) > 1


def _is_lasting_opening_stop(ticket: Ticket, desk: Desk) -> bool:
    return ticket.order_type is OrderType.STOP and ticket.legs[0].action.opens and ticket.duration.is_lasting


def _opens_while_closed(ticket: Ticket, desk: Desk) -> bool:
    plain = ticket.order_type.is_market and not ticket.duration.is_auction and not desk.coming
    return plain and any(leg.action.opens for leg in ticket.legs) and not desk.venue.works(ticket, desk.now)


def _sells_too_late(ticket: Ticket, desk: Desk) -> bool:
    return any(
        isinstance(leg.instrument, Option)
        and leg.action is Action.SELL_TO_OPEN
        and desk.now >= desk.market.expires_at(leg.instrument) - LAST_CALL
        for leg in ticket.legs
    )


HOUSE_RULES: dict[str, Rule] = {
    "gtc_market_order": (_is_lasting_market, "Market orders are for the day only."),
    "multi_leg_market_order": (_is_market_spread, "A spread needs a limit price."),
    "gtc_opening_stop_order": (_is_lasting_opening_stop, "Opening stops are for the day."),
    "market_closed_opening_market_order": (
        _opens_while_closed,
        "Opening market orders are not taken while the market is closed.",
    ),
    "too_close_to_expiration": (
        _sells_too_late,
        "Options are not sold to open in the last half hour of their life.",
    ),
}
