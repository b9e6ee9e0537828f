"""Tickets as text: what people type, the canonical JSON that is hashed, the sentence that is confirmed. Pure."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from brokers.domain.instruments import Equity, Instrument, describe, parse_instrument, plain
from brokers.domain.orders import Action, InvalidTicket, Leg, OrderGroup, OrderTicket, OrderType, TimeInForce, Trail
from trading.analytics.strategies import Part, recognise

LONGEST_NUMBER = 20
NUMBER_RE = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
MOST_DECIMALS = 8

EQUITY_VERBS = {
    Action.BUY_TO_OPEN: "Buy",
    Action.SELL_TO_CLOSE: "Sell",
    Action.SELL_TO_OPEN: "Sell short",
    Action.BUY_TO_CLOSE: "Buy to cover",
}
TIMES = {
    TimeInForce.DAY: "good for today",
    TimeInForce.GTC: "good till cancelled",
    TimeInForce.IOC: "at once or not at all",
    TimeInForce.FOK: "all at once or not at all",
    TimeInForce.EXT: "good for today with extended hours",
    TimeInForce.GTC_EXT: "good till cancelled with extended hours",
    TimeInForce.OVERNIGHT: "good for today and overnight",
    TimeInForce.GTC_OVERNIGHT: "good till cancelled with overnight hours",
    TimeInForce.OPEN: "at the open",
    TimeInForce.CLOSE: "at the close",
    TimeInForce.MINUTE: "good for one minute",
    TimeInForce.MINUTES_3: "good for three minutes",
    TimeInForce.MINUTES_5: "good for five minutes",
}


def read_number(text: str) -> Decimal:
    """A number of zero or more in plain ASCII digits, at most 20 characters; ``ValueError`` in words otherwise."""
    if len(text) > LONGEST_NUMBER or not NUMBER_RE.fullmatch(text):
        raise ValueError("Write a plain number such as 10 or 187.25.")
    number = Decimal(text)
    if -int(number.as_tuple().exponent) > MOST_DECIMALS:
        raise ValueError(f"At most {MOST_DECIMALS} decimals.")
    return number


def read_symbol(text: str) -> str:
    """The canonical text of what was typed; ``InvalidTicket`` when it names nothing."""
    try:
        return str(parse_instrument(text.strip().upper() if text.isascii() else text))
    except ValueError as error:
        raise InvalidTicket("symbol", f"{error}. A share is written AAPL, an option as its OCC symbol.") from None


def instrument(text: str) -> Instrument:
    """What a canonical text names; ``InvalidTicket`` when it names nothing."""
    return parse_instrument(read_symbol(text))


def signed_limit(action: Action, price: Decimal) -> Decimal:
    """A one-leg order's limit from the account's side: what is bought is a debit."""
    return -price if action.is_buy else price


def to_json(ticket: OrderTicket) -> dict[str, Any]:
    """The ticket as JSON; the same ticket always gives the same text."""
    return {
        "legs": [
            {"symbol": str(leg.instrument), "action": str(leg.action), "quantity": plain(leg.quantity)}
            for leg in ticket.legs
        ],
        "order_type": str(ticket.order_type),
        "time_in_force": str(ticket.time_in_force),
        "limit_price": plain(ticket.limit_price) if ticket.limit_price is not None else None,
        "stop_price": plain(ticket.stop_price) if ticket.stop_price is not None else None,
        "gtd_date": ticket.gtd_date.isoformat() if ticket.gtd_date is not None else None,
        **trail_json(ticket.trail),
    }


def trail_json(trail: Trail | None) -> dict[str, Any]:
    """Only where there is one: what was written before there were any stays the same text."""
    return {"trail": {"amount": plain(trail.amount), "percent": trail.is_percent}} if trail is not None else {}


def _trail(data: Mapping[str, Any] | None) -> Trail | None:
    return Trail(Decimal(data["amount"]), bool(data["percent"])) if data is not None else None


def from_json(data: Mapping[str, Any]) -> OrderTicket:
    """The ticket that ``to_json`` wrote. Where a trailing stop stands is no part of it."""
    kind = OrderType(data["order_type"])
    legs = tuple(
        Leg(parse_instrument(leg["symbol"]), Action(leg["action"]), Decimal(leg["quantity"])) for leg in data["legs"]
    )
    return OrderTicket(
        legs=legs,
        order_type=kind,
        time_in_force=TimeInForce(data["time_in_force"]),
        limit_price=Decimal(data["limit_price"]) if data["limit_price"] is not None else None,
        stop_price=Decimal(data["stop_price"]) if data["stop_price"] is not None and not kind.has_trail else None,
        gtd_date=date.fromisoformat(data["gtd_date"]) if data["gtd_date"] is not None else None,
        trail=_trail(data.get("trail")),
    )


def canonical(data: Mapping[str, Any]) -> str:
    return json.dumps(data, sort_keys=True, separators=(",", ":"))


def fingerprint(ticket: OrderTicket) -> str:
    """SHA-256 of the canonical JSON: two tickets are the same when these are."""
    return hashlib.sha256(canonical(to_json(ticket)).encode()).hexdigest()


def group_fingerprint(group: OrderGroup) -> str:
    """The same of a group: its kind and its orders in their order."""
    content = {"kind": group.kind.value, "orders": [to_json(ticket) for ticket in group.tickets]}
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def price_text(price: Decimal) -> str:
    """Unsigned, at least two decimals."""
    whole, _, decimals = plain(abs(price)).partition(".")
    return f"{int(whole):,}.{decimals.ljust(2, '0')}"


def amount_text(amount: Decimal | None) -> str | None:
    """Dollars with their sign and at least two decimals, for programs; None is unknown."""
    if amount is None:
        return None
    whole, _, decimals = plain(amount).partition(".")
    return f"{whole}.{decimals.ljust(2, '0')}"


def act(leg: Leg) -> str:
    """«Buy 10 AAPL», «Sell 1 SPY 18 Dec 26 600 C to open»."""
    count = f"{plain(leg.quantity)} {describe(leg.instrument)}"
    if isinstance(leg.instrument, Equity):
        return f"{EQUITY_VERBS.get(leg.action, str(leg.action).replace('_', ' ').capitalize())} {count}"
    verb, _, purpose = str(leg.action).replace("_", " ").partition(" ")
    return f"{verb.capitalize()} {count} {purpose}".rstrip()


def trail_text(trail: Trail) -> str:
    """«2.11», «5 %»."""
    return f"{plain(trail.amount)} %" if trail.is_percent else price_text(trail.amount)


def terms(ticket: OrderTicket) -> str:
    """«at 190.00 or better», «at the market price», «for a 1.25 credit»."""
    words = []
    if ticket.stop_price is not None:
        words.append(f"once the price touches {price_text(ticket.stop_price)}")
    if ticket.trail is not None:
        words.append(f"once the price has turned by {trail_text(ticket.trail)}")
    if ticket.order_type is OrderType.MARKETABLE_LIMIT:
        words.append("at the market price, by a marketable limit")
    elif ticket.limit_price is None:
        words.append("at the market price")
    elif len(ticket.legs) == 1:
        words.append(f"at {price_text(ticket.limit_price)} or better")
    elif ticket.limit_price == 0:
        words.append("for even money or better")
    else:
        words.append(f"for a {price_text(ticket.limit_price)} {ticket.effect} or better")
    return " ".join(words)


def acts(legs: Sequence[Leg]) -> str:
    """«Sell 1 SPY 18 Dec 26 580/575 put vertical»; what has no name, or opens and closes at once, leg by leg."""
    if len(legs) > 1 and len({leg.action.opens for leg in legs}) == 1:
        found = recognise([Part(leg.instrument, leg.quantity * leg.action.sign) for leg in legs])
        if found.is_long is not None:
            closing = "" if legs[0].action.opens else " to close"
            return f"{'Buy' if found.is_long else 'Sell'} {plain(found.units)} {found.label}{closing}"
    first, *others = map(act, legs)
    return " and ".join([", ".join([first, *map(_lower, others[:-1])]), *map(_lower, others[-1:])])


def _lower(words: str) -> str:
    return words[:1].lower() + words[1:]


def describe_ticket(ticket: OrderTicket) -> str:
    """The order in a few words, for lists: «Buy 10 AAPL at 190.00 or better»."""
    return f"{acts(ticket.legs)} {terms(ticket)}"


def time_words(ticket: OrderTicket) -> str:
    """«good for today», «good till 18 Dec 2026»."""
    if ticket.gtd_date is None:
        return TIMES.get(ticket.time_in_force, str(ticket.time_in_force))
    hours = " with extended hours" if ticket.time_in_force is TimeInForce.GTD_EXT else ""
    return f"good till {ticket.gtd_date.day} {ticket.gtd_date:%b %Y}{hours}"


def sentence(ticket: OrderTicket, environment: str, account_number: str) -> str:
    """What is confirmed before it is sent, as one plain sentence."""
    place = f"in {environment.upper()} account …{account_number[-4:]}"
    return f"{describe_ticket(ticket)}, {time_words(ticket)}, {place}."
