"""tastytrade's order bodies read into tickets (section 5.2), and the refusals of the exchange in its words (3.5)."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from brokers.domain.instruments import Instrument
from brokers.domain.orders import Action, InvalidTicket, Leg, OrderTicket, OrderType, TimeInForce
from brokers.simulator.exchange import OrderRefused
from brokers.simulator.market import Market
from brokers.simulator.tastytrade.envelope import Refusal, invalid, not_found, preflight
from brokers.simulator.tastytrade.symbols import parse_api_symbol, type_name

T = TypeVar("T")
ORDER_TYPES = {
    "Limit": OrderType.LIMIT,
    "Market": OrderType.MARKET,
    "Stop": OrderType.STOP,
    "Stop Limit": OrderType.STOP_LIMIT,
}
TIMES_IN_FORCE = {
    "Day": TimeInForce.DAY,
    "GTC": TimeInForce.GTC,
    "GTD": TimeInForce.GTD,
    "IOC": TimeInForce.IOC,
    "Ext": TimeInForce.EXT,
    "GTC Ext": TimeInForce.GTC_EXT,
    "Ext Overnight": TimeInForce.OVERNIGHT,
    "GTC Ext Overnight": TimeInForce.GTC_OVERNIGHT,
}
ACTIONS = {
    "Buy to Open": Action.BUY_TO_OPEN,
    "Sell to Open": Action.SELL_TO_OPEN,
    "Buy to Close": Action.BUY_TO_CLOSE,
    "Sell to Close": Action.SELL_TO_CLOSE,
    "Buy": Action.BUY,
    "Sell": Action.SELL,
}
EFFECTS = {"Credit": 1, "Debit": -1}
FIELD_NAMES = {
    "limit_price": "price",
    "stop_price": "stop-trigger",
    "gtd_date": "gtc-date",
    "symbol": "legs.symbol",
    "action": "legs.action",
    "quantity": "legs.quantity",
}
NO_PRICE = "This order can not be submitted with an associated price."
CODES = {
    "insufficient_buying_power": (
        "margin_check_failed",
        "Your account does not have sufficient buying power available for this order.",
    ),
    "gtc_market_order": ("gtc_market_orders_not_supported", "GTC/GTD Market orders are not supported."),
    "market_closed_opening_market_order": (
        "tif_no_after_hours_opening_market_orders",
        "Opening market orders not allowed when market closed.",
    ),
    "buy_and_sell_same_symbol": (
        "illegal_buy_and_sell_on_same_symbol",
        "Cannot buy and sell against the same symbol.",
    ),
    "cannot_close_more_than_position": (
        "cannot_close_against_more_than_existing_position",
        "You already have a closing order for this position which must be canceled before this order can be routed.",
    ),
    "too_close_to_expiration": (
        "too_close_to_expiration",
        "Sell to open orders cannot be sent 30 minutes prior to close on expiration day.",
    ),
    "unknown_symbol": ("instrument_validation_failed", ""),
    "price_off_tick": ("instrument_validation_failed", ""),
    "quantity_not_whole": ("instrument_validation_failed", ""),
    "no_market": ("instrument_validation_failed", ""),
    "opens_against_position": ("illegal_buy_and_sell_on_same_symbol", ""),
    "closes_nothing": ("closing_with_no_position", ""),
    "uncovered_option_not_allowed": (
        "invalid_option_level",
        "Your account is not approved for selling uncovered options.",
    ),
}
WARNINGS = {
    "begins_next_session": (
        "tif.next_valid_session",
        "Your order will begin working during next valid session.",
    ),
}


def refused(error: OrderRefused) -> Refusal:
    """An exchange's refusal as the broker answers it. A code that has no known counterpart keeps its own name."""
    if error.code == "unknown_order":
        return not_found("order")
    if error.code in ("not_cancellable", "not_replaceable"):
        return Refusal(422, "cannot_update_order", "The order could not be updated: it is no longer working.")
    code, message = CODES.get(error.code, (error.code, ""))
    return preflight(code, message or error.message)


def read_ticket(body: Mapping[str, Any], market: Market) -> OrderTicket:
    """The order in a body; raises ``Refusal``. Unknown keys are ignored."""
    order_type = word(body, "order-type", ORDER_TYPES)
    time_in_force = word(body, "time-in-force", TIMES_IN_FORCE)
    if not order_type.has_limit and body.get("price") is not None:
        raise preflight("order_must_omit_price", NO_PRICE)
    legs = read_legs(body.get("legs"), market)
    limit = read_price(body, legs) if order_type.has_limit else None
    stop = number(body, "stop-trigger") if order_type.has_stop else None
    return build(legs, order_type, time_in_force, limit, stop, day(body) if time_in_force is TimeInForce.GTD else None)


def read_change(body: Mapping[str, Any], old: OrderTicket, market: Market, *, whole: bool) -> OrderTicket:
    """A replacement (``whole``) or an edit: legs stay as they were, whatever the body says of them."""
    order_type, time_in_force = old.order_type, old.time_in_force
    if whole or "order-type" in body:
        order_type = word(body, "order-type", ORDER_TYPES)
    if whole or "time-in-force" in body:
        time_in_force = word(body, "time-in-force", TIMES_IN_FORCE)
    if not order_type.has_limit and body.get("price") is not None:
        raise preflight("order_must_omit_price", NO_PRICE)
    limit, stop, ends = None, None, None
    if order_type.has_limit:
        effect = {"price-effect": "Debit" if (old.limit_price or 0) < 0 else "Credit"}
        given = body if "price-effect" in body or old.limit_price is None else {**body, **effect}
        limit = old.limit_price if "price" not in body and not whole else read_price(given, old.legs)
    if order_type.has_stop:
        stop = old.stop_price if "stop-trigger" not in body and not whole else number(body, "stop-trigger")
    if time_in_force is TimeInForce.GTD:
        ends = old.gtd_date if "gtc-date" not in body and not whole else day(body)
    return build(old.legs, order_type, time_in_force, limit, stop, ends)


def build(
    legs: tuple[Leg, ...],
    order_type: OrderType,
    time_in_force: TimeInForce,
    limit: Decimal | None,
    stop: Decimal | None,
    ends: date | None,
) -> OrderTicket:
    try:
        return OrderTicket(legs, order_type, time_in_force, limit, stop, ends)
    except InvalidTicket as error:
        raise invalid(**{FIELD_NAMES.get(error.field, error.field).replace("-", "_"): str(error)}) from None


def read_price(body: Mapping[str, Any], legs: tuple[Leg, ...]) -> Decimal:
    """The net price, signed from the account's side. A single leg can only go one way."""
    price = number(body, "price")
    sign = word(body, "price-effect", EFFECTS)
    if len(legs) == 1 and legs[0].action.is_buy and sign > 0:
        raise preflight("cant_buy_for_credit", "You cannot buy for a credit.")
    if len(legs) == 1 and not legs[0].action.is_buy and sign < 0:
        raise preflight("cant_sell_for_debit", "You cannot sell for a debit.")
    return price * sign


def read_legs(given: Any, market: Market) -> tuple[Leg, ...]:
    if not isinstance(given, list) or not given or not all(isinstance(leg, dict) for leg in given):
        raise invalid(legs="is missing")
    return tuple(read_leg(leg, market) for leg in given)


def read_leg(given: Mapping[str, Any], market: Market) -> Leg:
    action = word(given, "action", ACTIONS)
    instrument = read_instrument(given, market)
    try:
        return Leg(instrument, action, number(given, "quantity"))
    except InvalidTicket as error:
        raise invalid(**{FIELD_NAMES.get(error.field, error.field).replace("-", "_"): str(error)}) from None


def read_instrument(given: Mapping[str, Any], market: Market) -> Instrument:
    symbol, kind = str(given.get("symbol", "")), given.get("instrument-type")
    try:
        instrument = parse_api_symbol(symbol)
    except ValueError:
        raise preflight("instrument_validation_failed", f"{symbol[:40]} is not a known instrument.") from None
    if kind != type_name(instrument):
        raise invalid(instrument_type="does not have a valid value")
    if market.listing(instrument) is None:
        raise preflight("instrument_validation_failed", f"{symbol} is not a known instrument.")
    return instrument


def word(body: Mapping[str, Any], name: str, table: Mapping[str, T]) -> T:
    given = body.get(name)
    if given is None:
        raise invalid(**{name.replace("-", "_"): "is missing"})
    if not isinstance(given, str) or given not in table:
        raise invalid(**{name.replace("-", "_"): "does not have a valid value"})
    return table[given]


def number(body: Mapping[str, Any], name: str) -> Decimal:
    """A number at or above 0, written as a JSON number or as text."""
    given = body.get(name)
    if given is None or isinstance(given, bool):
        raise invalid(**{name.replace("-", "_"): "is missing"})
    try:
        value = Decimal(str(given))
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0 or len(str(given)) > 30:
        raise invalid(**{name.replace("-", "_"): "is not a number at or above 0"})
    return value


def day(body: Mapping[str, Any]) -> date:
    try:
        return date.fromisoformat(str(body.get("gtc-date", "")))
    except ValueError:
        raise invalid(gtc_date="is not a date") from None
