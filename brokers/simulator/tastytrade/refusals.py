"""The exchange's refusals and remarks in tastytrade's words (section 3.5)."""

from brokers.domain.orders import InvalidTicket
from brokers.simulator.exchange import OrderRefused
from brokers.simulator.tastytrade.envelope import Refusal, not_found, preflight, wrong

NO_PRICE = "This order can not be submitted with an associated price."
NOT_WORKING = "The order could not be updated: it is no longer working."
UNCOVERED = "Your account is not approved for selling uncovered options."
FIELD_NAMES = {
    "limit_price": "price",
    "stop_price": "stop-trigger",
    "gtd_date": "gtc-date",
    "symbol": "legs.symbol",
    "action": "legs.action",
    "quantity": "legs.quantity",
    "conditions": "rules.conditions",
}
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
    "opens_against_position": ("illegal_buy_and_sell_on_same_symbol", ""),
    "closes_nothing": ("closing_with_no_position", ""),
    "uncovered_option_not_allowed": ("invalid_option_level", UNCOVERED),
    "options_not_allowed": ("invalid_option_level", ""),
}
BAD_INSTRUMENT = ("unknown_symbol", "price_off_tick", "quantity_not_whole", "no_market", "instrument_not_allowed")
CODES |= dict.fromkeys(BAD_INSTRUMENT, ("instrument_validation_failed", ""))
TOO_LATE = ("not_cancellable", "not_replaceable", "not_amendable", "stop_triggered")
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
    if error.code == "unknown_group":
        return not_found("complex order")
    if error.code in TOO_LATE:
        return cannot_update()
    code, message = CODES.get(error.code, (error.code, ""))
    return preflight(code, message or error.message)


def cannot_update() -> Refusal:
    return Refusal(422, "cannot_update_order", NOT_WORKING)


def misfit(error: InvalidTicket) -> Refusal:
    """400 for a ticket that makes no sense, by the body's name of the part at fault."""
    return wrong(FIELD_NAMES.get(error.field, error.field.replace("_", "-")), str(error))


def warning_json(code: str, message: str) -> dict[str, str]:
    code, message = WARNINGS.get(code, (code, message))
    return {"code": code, "message": message}
