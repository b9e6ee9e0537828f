"""TradeStation's order bodies by a second table, written from the wire reference (5.1 to 5.4, 5.7, 6)."""

import re
from decimal import Decimal
from typing import Any

from brokers.domain.instruments import Equity, Future, Instrument, Option
from brokers.domain.orders import Action, OrderTicket

REFUSAL = b'{"Error": "BadRequest", "Message": "No."}'
ACCOUNT = "11827365"
SHARES = {
    Action.BUY_TO_OPEN: "BUY",
    Action.SELL_TO_OPEN: "SELLSHORT",
    Action.BUY_TO_CLOSE: "BUYTOCOVER",
    Action.SELL_TO_CLOSE: "SELL",
}
TYPES = {
    "market": "Market",
    "limit": "Limit",
    "stop": "StopMarket",
    "stop_limit": "StopLimit",
    "trailing_stop": "StopMarket",
}
FORCES = {
    "day": "DAY",
    "gtc": "GTC",
    "gtd": "GTD",
    "ioc": "IOC",
    "fok": "FOK",
    "ext": "DYP",
    "gtc_ext": "GCP",
    "gtd_ext": "GDP",
    "at_open": "OPG",
    "at_close": "CLO",
    "1_minute": "1",
    "3_minutes": "3",
    "5_minutes": "5",
}
PRODUCTS = {"ES": "ES", "MES": "MES", "ZN": "TY", "6E": "EC", "CL": "CL", "ZC": "C"}
MONTHS = {1: "F", 2: "G", 3: "H", 4: "J", 5: "K", 6: "M", 7: "N", 8: "Q", 9: "U", 10: "V", 11: "X", 12: "Z"}


def digits(number: Decimal) -> str:
    text = str(number)
    assert "E" not in text
    while "." in text and text[-1] in "0.":
        done = text[-1] == "."
        text = text[:-1]
        if done:
            break
    return text


def spelled(instrument: Instrument) -> str:
    if isinstance(instrument, Option):
        day = instrument.expiry.strftime("%y%m%d")
        return f"{instrument.root} {day}{instrument.right.value}{digits(instrument.strike)}"
    if isinstance(instrument, Future):
        return PRODUCTS[instrument.product] + MONTHS[instrument.month] + str(instrument.year)[-2:]
    assert isinstance(instrument, Equity)
    return instrument.symbol


def expected(ticket: OrderTicket) -> dict[str, Any]:
    body: dict[str, Any] = {"AccountID": ACCOUNT, "OrderType": TYPES[ticket.order_type.value]}
    rows = []
    for leg in ticket.legs:
        action = leg.action.value.replace("_", "").upper()
        if isinstance(leg.instrument, Equity) and len(ticket.legs) == 1:
            action = SHARES[leg.action]
        rows.append({"Symbol": spelled(leg.instrument), "Quantity": digits(leg.quantity), "TradeAction": action})
    body |= rows[0] if len(rows) == 1 else {"Legs": rows}
    if ticket.limit_price is not None:
        # A trader who buys one thing for 5 has -5 here and 5 there; who gets 1.16 for a spread has 1.16 and -1.16.
        wire = digits(ticket.limit_price)
        wire = wire.removeprefix("-") if len(rows) == 1 or wire.startswith("-") else f"-{wire}"
        body["LimitPrice"] = "0" if ticket.limit_price == 0 else wire
    if ticket.stop_price is not None:
        body["StopPrice"] = digits(ticket.stop_price)
    body["TimeInForce"] = {"Duration": FORCES[ticket.time_in_force.value]}
    if ticket.gtd_date is not None:
        body["TimeInForce"]["Expiration"] = ticket.gtd_date.strftime("%Y-%m-%dT00:00:00Z")
    if ticket.trail is not None:
        unit = "Percent" if ticket.trail.is_percent else "Amount"
        body["AdvancedOptions"] = {"TrailingStop": {unit: digits(ticket.trail.amount)}}
    return body


def path(account: str) -> str:
    assert account == ACCOUNT  # the account stands in the body
    return "/orderexecution/orders"


def check_reference(body: dict[str, Any], ref: str) -> dict[str, Any]:
    """The body without our reference, which must be there: as it is, or as a digest where it is longer than 22."""
    assert ref
    given = body.pop("OrderConfirmID")
    assert given == ref if len(ref) <= 22 else re.fullmatch(r"[A-Za-z0-9+/]{22}", given)
    return body
