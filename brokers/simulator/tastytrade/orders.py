"""Orders as tastytrade writes them (sections 5.3 and 5.4)."""

import hashlib
from typing import Any

from brokers.domain.instruments import Crypto, Equity, Future, FutureOption, Instrument, Option
from brokers.domain.orders import Action
from brokers.simulator.exchange import (
    Duration,
    Exchange,
    OrderStatus,
    SimFill,
    SimLeg,
    SimOrder,
    Ticket,
)
from brokers.simulator.exchange.orders.orders import unit_ratios
from brokers.simulator.faults import TASTY_STATUS
from brokers.simulator.market import Market
from brokers.simulator.tastytrade.alerts import user_external_id
from brokers.simulator.tastytrade.envelope import amount, epoch_ms, moment, quantity, with_effect
from brokers.simulator.tastytrade.families import PENDING, place_of
from brokers.simulator.tastytrade.memory import Memory
from brokers.simulator.tastytrade.rules import order_rule_json
from brokers.simulator.tastytrade.symbols import api_symbol, type_name
from brokers.simulator.tastytrade.tickets import ACTIONS, ORDER_TYPES, TIMES_IN_FORCE
from brokers.simulator.world import World

VENUE = "MARKET_SIMULATOR_A"
FUTURES_VENUE = "MARKET_SIMULATOR_CME"
STATUSES = {
    OrderStatus.RECEIVED: "Received",
    OrderStatus.ROUTED: "Routed",
    OrderStatus.IN_FLIGHT: "In Flight",
    OrderStatus.LIVE: "Live",
    OrderStatus.CONTINGENT: "Contingent",
    OrderStatus.CANCEL_REQUESTED: "Cancel Requested",
    OrderStatus.REPLACE_REQUESTED: "Replace Requested",
    OrderStatus.FILLED: "Filled",
    OrderStatus.CANCELLED: "Cancelled",
    OrderStatus.EXPIRED: "Expired",
    OrderStatus.REJECTED: "Rejected",
}
CHANGEABLE = (OrderStatus.RECEIVED, OrderStatus.LIVE, OrderStatus.CONTINGENT)
ACTION_NAMES = {action: name for name, action in ACTIONS.items()}
TYPE_WORDS = {kind: name for name, kind in ORDER_TYPES.items()}
TIME_WORDS = {time: name for name, time in TIMES_IN_FORCE.items()}
# Orders that came over another wire may have a duration this broker has no word for: the nearest one stands for it.
NEAREST = {Duration.GTC: "GTC", Duration.GTD: "GTD", Duration.IOC: "IOC", Duration.FOK: "IOC"}


def order_json(order: SimOrder, world: World) -> dict[str, Any]:
    """An order whole. Keys that have nothing to say are left out, as at the broker."""
    exchange = world.exchange
    changeable = order.status in CHANGEABLE
    body: dict[str, Any] = {"id": order.order_id, "account-number": order.account_number}
    body |= ticket_json(order.ticket, exchange.market)
    if order.trail_stop is not None:
        body["stop-trigger"] = amount(order.trail_stop)
    body |= {"size": quantity(order.size), "status": shown_status(order, world)}
    body |= {"cancellable": changeable, "editable": changeable, "edited": order.edited}
    body["global-request-id"] = hashlib.blake2b(str(order.order_id).encode(), digest_size=16).hexdigest()
    if order.status is OrderStatus.CONTINGENT:
        body["contingent-status"] = PENDING
    optional = {
        "external-identifier": order.reference,
        "source": order.source,
        "username": order.username,
        "user-id": user_external_id(order.username) if order.username else "",
        "reject-reason": order.reject_reason if order.status is OrderStatus.REJECTED else "",
        "replaces-order-id": order.replaces_order_id,
        "replacing-order-id": order.replaced_by_order_id,
        "cancelled-size": quantity(order.cancelled_size),
        "order-rule": order_rule_json(order.ticket, order),
    }
    body |= {name: value for name, value in optional.items() if value}
    body |= moments(order) | dict(Memory.of(world).said(order.order_id)) | complex_json(order, exchange)
    if order.in_flight_at is not None:
        body |= {"ext-client-order-id": f"SIM{order.order_id:X}", "ext-exchange-order-number": str(order.order_id)}
        body |= {"ext-global-order-number": order.order_id % 100_000}
        body["destination-venue"] = venue(order.ticket.legs[0].instrument)
    body["updated-at"] = epoch_ms(order.updated_at)
    return body | {"legs": [leg_json(leg) for leg in order.legs]}


def status_word(order: SimOrder) -> str:
    """Where the order is, in the broker's word. What the broker itself takes off the market is removed."""
    if order.removed and order.status is OrderStatus.CANCELLED:
        return "Partially Removed" if any(leg.filled for leg in order.legs) else "Removed"
    return STATUSES[order.status]


def shown_status(order: SimOrder, world: World) -> str:
    """The order's status, or the one that a fault puts in its place: for those no natural way leads to."""
    if not world.faults.planned(("order_status",)):
        return status_word(order)
    symbols = [api_symbol(leg.leg.instrument) for leg in order.legs]
    fault = world.faults.struck("order_status", (order.account_number,), symbols, kinds=TASTY_STATUS)
    return fault.kind if fault is not None else status_word(order)


def moments(order: SimOrder) -> dict[str, str]:
    times = {
        "received-at": order.received_at,
        "in-flight-at": order.in_flight_at,
        "live-at": order.live_at,
        "cancelled-at": order.cancelled_at,
        "terminal-at": order.terminal_at,
    }
    return {name: moment(at) for name, at in times.items() if at is not None}


def complex_json(order: SimOrder, exchange: Exchange) -> dict[str, Any]:
    """What an order says of the complex order it belongs to."""
    place = place_of(exchange.accounts[order.account_number], order)
    if place is None:
        return {}
    return {
        "complex-order-id": place.group.group_id,
        "complex-order-tag": place.tag,
        "preflight-id": place.slot,
    }


def venue(instrument: Instrument) -> str:
    return FUTURES_VENUE if isinstance(instrument, Future | FutureOption) else VENUE


# The order without its fate


def ticket_json(ticket: Ticket, market: Market) -> dict[str, Any]:
    underlying = underlying_of(ticket, market)
    body: dict[str, Any] = {
        "order-type": TYPE_WORDS[ticket.order_type],
        "time-in-force": time_word(ticket),
        "underlying-symbol": api_symbol(underlying),
        "underlying-instrument-type": underlying_type(underlying),
        "leg-count": len(ticket.legs),
    }
    if ticket.gtd_date is not None:
        body["gtc-date"] = ticket.gtd_date.isoformat()
    if ticket.limit_price is not None:
        body |= with_effect("price", ticket.limit_price)
    if ticket.value is not None:
        body |= with_effect("value", -ticket.legs[0].action.sign * ticket.value)
    if ticket.stop_price is not None:
        body["stop-trigger"] = amount(ticket.stop_price)
    return body


def time_word(ticket: Ticket) -> str:
    known = TIME_WORDS.get((ticket.duration, ticket.hours))
    return known or NEAREST.get(ticket.duration) or TIME_WORDS[Duration.DAY, ticket.hours]


def underlying_of(ticket: Ticket, market: Market) -> Instrument:
    """What the order is about; a future's option is listed under its future, which also knows it after its end."""
    first = ticket.legs[0].instrument
    if isinstance(first, FutureOption):
        return first.future
    if not isinstance(first, Option):
        return first
    listing = market.listing(first)
    return (listing.underlying if listing else None) or Equity(first.root)


def underlying_type(underlying: Instrument) -> str:
    """Options count under their underlying's type, index options under that of shares."""
    return type_name(underlying) if isinstance(underlying, Future | Crypto) else "Equity"


def leg_json(leg: SimLeg) -> dict[str, Any]:
    instrument = leg.leg.instrument
    return {
        "instrument-type": type_name(instrument),
        "symbol": api_symbol(instrument),
        "quantity": quantity(leg.leg.quantity),
        "remaining-quantity": quantity(leg.remaining),
        "action": action_name(leg.leg.action, instrument),
        "fills": [fill_json(fill, venue(instrument)) for fill in leg.fills],
    }


def action_name(action: Action, instrument: Instrument) -> str:
    """Only futures are plainly bought and sold here."""
    if isinstance(instrument, FutureOption) and action in (Action.BUY, Action.SELL):
        return "Buy to Open" if action is Action.BUY else "Sell to Open"
    return ACTION_NAMES[action]


def fill_json(fill: SimFill, where: str = VENUE) -> dict[str, Any]:
    return {
        "ext-group-fill-id": "0",
        "ext-exec-id": fill.fill_id,
        "fill-id": fill.fill_id,
        "quantity": quantity(fill.quantity),
        "fill-price": amount(fill.price),
        "filled-at": moment(fill.at),
        "destination-venue": where,
    }


def dry_order_json(number: str, ticket: Ticket, market: Market, reference: str | None = None) -> dict[str, Any]:
    """The order of a dry run: no id and no times, for there is no order."""
    legs = [SimLeg(leg, leg.quantity) for leg in ticket.legs]
    body: dict[str, Any] = {"account-number": number} | ticket_json(ticket, market)
    if reference:
        body["external-identifier"] = reference
    if rule := order_rule_json(ticket):
        body["order-rule"] = rule
    units = ticket.legs[0].quantity / unit_ratios([leg.quantity for leg in ticket.legs])[0]
    body |= {"size": quantity(units), "status": "Received", "cancellable": True, "editable": True, "edited": False}
    return body | {"updated-at": 0, "legs": [leg_json(leg) for leg in legs]}
