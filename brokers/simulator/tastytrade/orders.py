"""Orders, previews and fees as tastytrade writes them (sections 5.3 and 5.4)."""

import hashlib
from decimal import Decimal
from typing import Any

from brokers.domain.instruments import Option
from brokers.domain.orders import OrderTicket
from brokers.simulator.exchange import OrderStatus, Preview, SimFill, SimLeg, SimOrder
from brokers.simulator.market import Market
from brokers.simulator.tastytrade.envelope import amount, epoch_ms, moment, quantity, with_effect
from brokers.simulator.tastytrade.symbols import api_symbol, type_name
from brokers.simulator.tastytrade.tickets import ACTIONS, ORDER_TYPES, TIMES_IN_FORCE, WARNINGS

VENUE = "MARKET_SIMULATOR_A"
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
FEE_NAMES = {
    "regulatory": ("regulatory-fees", "regulatory-fees-breakdown"),
    "clearing": ("clearing-fees", "clearing-fees-breakdown"),
    "commission": ("commission", "commission-breakdown"),
    "proprietary": ("proprietary-index-option-fees", "proprietary-fees-breakdown"),
}


def order_json(order: SimOrder, market: Market) -> dict[str, Any]:
    """An order whole. Keys that have nothing to say are left out, as at the broker."""
    changeable = order.status in CHANGEABLE
    body: dict[str, Any] = {"id": order.order_id, "account-number": order.account_number}
    body |= ticket_json(order.ticket, market)
    body |= {"size": quantity(order.size), "status": STATUSES[order.status]}
    body |= {"cancellable": changeable, "editable": changeable, "edited": order.edited}
    body["global-request-id"] = hashlib.blake2b(str(order.order_id).encode(), digest_size=16).hexdigest()
    if order.status is OrderStatus.CONTINGENT:
        body["contingent-status"] = "Pending Order"
    optional = {
        "external-identifier": order.reference,
        "source": order.source,
        "username": order.username,
        "reject-reason": order.reject_reason,
        "replaces-order-id": order.replaces_order_id,
        "replacing-order-id": order.replaced_by_order_id,
    }
    body |= {name: value for name, value in optional.items() if value}
    body |= moments(order)
    if order.in_flight_at is not None:
        body |= {"ext-client-order-id": f"SIM{order.order_id:X}", "ext-exchange-order-number": str(order.order_id)}
        body |= {"ext-global-order-number": order.order_id % 100_000, "destination-venue": VENUE}
    body["updated-at"] = epoch_ms(order.updated_at)
    return body | {"legs": [leg_json(leg) for leg in order.legs]}


def moments(order: SimOrder) -> dict[str, str]:
    times = {
        "received-at": order.received_at,
        "in-flight-at": order.in_flight_at,
        "live-at": order.live_at,
        "cancelled-at": order.cancelled_at,
        "terminal-at": order.terminal_at,
    }
    return {name: moment(at) for name, at in times.items() if at is not None}


def ticket_json(ticket: OrderTicket, market: Market) -> dict[str, Any]:
    first = ticket.legs[0].instrument
    listing = market.listing(first)
    underlying = listing.underlying if listing is not None and isinstance(first, Option) else first
    body: dict[str, Any] = {
        "order-type": TYPE_WORDS[ticket.order_type],
        "time-in-force": TIME_WORDS[ticket.time_in_force],
        "underlying-symbol": api_symbol(underlying or first),
        "underlying-instrument-type": "Equity",
        "leg-count": len(ticket.legs),
    }
    if ticket.gtd_date is not None:
        body["gtc-date"] = ticket.gtd_date.isoformat()
    if ticket.limit_price is not None:
        body |= with_effect("price", ticket.limit_price)
    if ticket.stop_price is not None:
        body["stop-trigger"] = amount(ticket.stop_price)
    return body


def leg_json(leg: SimLeg) -> dict[str, Any]:
    return {
        "instrument-type": type_name(leg.leg.instrument),
        "symbol": api_symbol(leg.leg.instrument),
        "quantity": quantity(leg.leg.quantity),
        "remaining-quantity": quantity(leg.remaining),
        "action": ACTION_NAMES[leg.leg.action],
        "fills": [fill_json(fill) for fill in leg.fills],
    }


def fill_json(fill: SimFill) -> dict[str, Any]:
    return {
        "ext-group-fill-id": "0",
        "ext-exec-id": fill.fill_id,
        "fill-id": fill.fill_id,
        "quantity": quantity(fill.quantity),
        "fill-price": amount(fill.price),
        "filled-at": moment(fill.at),
        "destination-venue": VENUE,
    }


def dry_order_json(number: str, ticket: OrderTicket, reference: str | None, market: Market) -> dict[str, Any]:
    """The order of a dry run: no id and no times, for there is no order."""
    legs = [SimLeg(leg, leg.quantity) for leg in ticket.legs]
    smallest = min(leg.quantity for leg in ticket.legs)
    body: dict[str, Any] = {"account-number": number} | ticket_json(ticket, market)
    if reference:
        body["external-identifier"] = reference
    body |= {"size": quantity(smallest), "status": "Received", "cancellable": True, "editable": True, "edited": False}
    return body | {"updated-at": 0, "legs": [leg_json(leg) for leg in legs]}


def placed_json(order: dict[str, Any], preview: Preview, warnings: list[tuple[str, str]]) -> dict[str, Any]:
    """The answer to placing and to a dry run: the order and what it does to the account."""
    return {
        "buying-power-effect": buying_power_json(preview, len(order["legs"]) > 1),
        "fee-calculation": fees_json(preview),
        "order": order,
        "notes": [],
        "warnings": [warning_json(code, message) for code, message in warnings],
    }


def warning_json(code: str, message: str) -> dict[str, str]:
    code, message = WARNINGS.get(code, (code, message))
    return {"code": code, "message": message}


def buying_power_json(preview: Preview, is_spread: bool) -> dict[str, Any]:
    change = with_effect("change-in-buying-power", preview.buying_power_change)
    return {
        **with_effect("change-in-margin-requirement", preview.margin_change),
        **change,
        **with_effect("current-buying-power", preview.buying_power_before),
        **with_effect("new-buying-power", preview.buying_power_after),
        **with_effect("isolated-order-margin-requirement", -abs(preview.isolated_margin)),
        "is-spread": is_spread,
        "impact": change["change-in-buying-power"],
        "effect": change["change-in-buying-power-effect"],
    }


def fees_json(preview: Preview) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for kind, (name, breakdown) in FEE_NAMES.items():
        body |= with_effect(name, preview.fees.get(kind, Decimal(0)))
        parts = preview.fee_parts.get(kind, {}).items()
        body[breakdown] = [named(part, value) for part, value in parts]
    body |= with_effect("total-fees", preview.total_fees) | with_effect("rebates", Decimal(0))
    return body | {"rebates-breakdown": [], "per-quantity": False}


def named(part: str, value: Decimal) -> dict[str, str]:
    signed = with_effect("value", value)
    return {"name": part, "value": signed["value"], "effect": signed["value-effect"]}
