"""What this broker says of an order in words: ``Buy 100 PLTR @ 75.00 Limit``."""

from decimal import Decimal

from brokers.domain.instruments import Instrument, Option, Right, plain
from brokers.simulator.exchange.orders.tickets import OrderType, Ticket
from brokers.simulator.tradestation.orders import wire_price
from brokers.simulator.tradestation.spreads import spread_name
from brokers.simulator.tradestation.symbols import to_wire
from brokers.simulator.tradestation.tickets import Request

ACTIONS = {
    "buy": "Buy",
    "sell": "Sell",
    "sellshort": "Sell Short",
    "buytocover": "Buy to Cover",
    "buytoopen": "Buy to Open",
    "selltoopen": "Sell to Open",
    "buytoclose": "Buy to Close",
    "selltoclose": "Sell to Close",
}
SPREAD_WORDS = {"IronCondor": "Iron Condor", "IronButterfly": "Iron Butterfly"}


def headline(request: Request) -> str:
    """One line: the only leg, or the spread as a whole."""
    ticket = request.ticket
    if len(ticket.legs) == 1:
        return f"{leg_lines(request)[0]} @ {price_words(ticket)}"
    name = spread_name(ticket.legs) or ""
    units = min(leg.quantity for leg in ticket.legs)
    root = next((leg.instrument.root for leg in ticket.legs if isinstance(leg.instrument, Option)), "")
    return f"{plain(units)} {root} - {SPREAD_WORDS.get(name, name)} @ {price_words(ticket)}"


def summary(request: Request) -> str:
    """The headline, and for spreads a line for each leg."""
    lines = [headline(request)]
    return "\r\n".join(lines + (leg_lines(request) if len(request.ticket.legs) > 1 else []))


def leg_lines(request: Request) -> list[str]:
    return [
        f"{ACTIONS[action]} {plain(leg.quantity)} {instrument_words(leg.instrument)}"
        for leg, action in zip(request.ticket.legs, request.actions, strict=True)
    ]


def instrument_words(instrument: Instrument) -> str:
    """``INTC Apr 11, 26 18 Put`` for options, the symbol for the rest."""
    if not isinstance(instrument, Option):
        return to_wire(instrument)
    right = "Call" if instrument.right is Right.CALL else "Put"
    expiry = instrument.expiry
    return f"{instrument.root} {expiry:%b} {expiry.day}, {expiry:%y} {plain(instrument.strike)} {right}"


def price_words(ticket: Ticket) -> str:
    limit = figure(wire_price(ticket, ticket.limit_price)) if ticket.limit_price is not None else ""
    if ticket.trail is not None:
        amount, percent = ticket.trail.amount, ticket.trail.percent
        behind = figure(amount) if amount is not None else f"{plain(percent or Decimal(0))}%"
        return f"{behind} Trailing Stop"
    stop = figure(ticket.stop_price) if ticket.stop_price is not None else ""
    match ticket.order_type:
        case OrderType.LIMIT:
            return f"{limit} Limit"
        case OrderType.STOP:
            return f"{stop} Stop Market"
        case OrderType.STOP_LIMIT:
            return f"{limit} Limit, {stop} Stop"
    return "Market"


def figure(price: Decimal) -> str:
    """With two places at least."""
    text = plain(price)
    return f"{price:.2f}" if len(text.partition(".")[2]) < 2 else text
