"""Replace and cancel (X5, X6; section 5.10): in place, under the same number."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from brokers.domain.orders import InvalidTicket
from brokers.simulator.exchange import OrderRefused, SimOrder
from brokers.simulator.exchange.orders.tickets import Condition, OrderType
from brokers.simulator.tradestation.activation import read_rule, read_time, read_trail, rules_in
from brokers.simulator.tradestation.answers import Failure, bad_request
from brokers.simulator.tradestation.fields import amount, number, word
from brokers.simulator.tradestation.gate import Ask
from brokers.simulator.tradestation.house import declined
from brokers.simulator.tradestation.names import accounts_of
from brokers.simulator.tradestation.order_desk import WAIVED, note
from brokers.simulator.tradestation.tickets import TYPES, exchange_price

CLEARED = (True, "true", "True")
INVALID = "Invalid order ID."
CLOSED = "Not an open order."
AFTER_CANCEL = "Cancel/Replace not allowed after cancel has been attempted"
TOO_LATE = "Failed to Cancel/Replace order: too late: prior stop already triggered"


def cancel(ask: Ask) -> Any:
    """It is asked for, no more: the order is done when its status says so."""
    order = find_order(ask)
    try:
        ask.world.exchange.cancel(order.account_number, order.order_id)
    except OrderRefused:
        raise bad_request(CLOSED) from None
    note(ask, [str(order.order_id)], made=False)
    return {"Message": "Cancel request sent", "OrderID": str(order.order_id)}


def replace(ask: Ask) -> Any:
    """Fields that are left out stay; those that this broker does not let be changed are not looked at."""
    order, body = find_order(ask), ask.json()
    if order.is_terminal:
        raise bad_request(f"Failed to Cancel/Replace order: {CLOSED}")
    if order.status == "cancel_requested":
        raise bad_request(AFTER_CANCEL)
    changes = {name: value for name, value in read_changes(ask, order, body).items() if differs(order, name, value)}
    if changes:
        try:
            ask.world.exchange.amend(order.account_number, order.order_id, waive=WAIVED, **changes)
        except OrderRefused as error:
            raise refusal(error) from None
        except InvalidTicket as error:
            raise bad_request(f"Failed to Cancel/Replace order: {error}") from None
    note(ask, [str(order.order_id)], made=False)
    return {"Message": "Cancel/Replace order sent.", "OrderID": str(order.order_id)}


def refusal(error: OrderRefused) -> Failure:
    match error.code:
        case "stop_triggered":
            return bad_request(TOO_LATE)
        case "not_amendable":
            return bad_request(f"Failed to Cancel/Replace order: {CLOSED}")
    return bad_request(f"Failed to Cancel/Replace order: {declined(error)}")


def read_changes(ask: Ask, order: SimOrder, body: Mapping[str, Any]) -> dict[str, Any]:
    """What the body wants changed, as ``Exchange.amend`` names it."""
    ticket = order.ticket
    changes: dict[str, Any] = {"quantity": amount(body, "quantity", "Quantity")}
    limit = number(body, "limitprice", "LimitPrice")
    if limit is not None and ticket.order_type.has_limit:
        changes["limit_price"] = exchange_price(ticket.legs, limit)
    if ticket.order_type.has_stop:
        changes["stop_price"] = amount(body, "stopprice", "StopPrice") if ticket.trail is None else None
    if body.get("ordertype"):
        kind = word(body, "ordertype", TYPES, "OrderType")
        if kind not in (OrderType.MARKET, ticket.order_type):
            raise bad_request("Failed to Cancel/Replace order: OrderType can only be changed to Market.")
        if kind is OrderType.MARKET:
            return {"quantity": changes["quantity"], "order_type": kind}
    advanced = body.get("advancedoptions") or {}
    if not isinstance(advanced, dict):
        raise bad_request("AdvancedOptions is invalid.")
    changes["display_quantity"] = amount(advanced, "showonlyquantity", "ShowOnlyQuantity")
    changes["trail"] = read_trail(advanced.get("trailingstop")) if ticket.trail is not None else None
    changes["start_at"] = read_start(ask, order, advanced.get("timeactivationrules"))
    return changes | read_rules(ask, order, advanced.get("marketactivationrules"))


def read_start(ask: Ask, order: SimOrder, given: Any) -> datetime | None:
    """When the order is to start after a replacement of its time rule; None leaves it as it is, now clears it."""
    cleared = isinstance(given, dict) and given.get("clearall") in CLEARED and order.ticket.start_at is not None
    return read_time(given, ask.world) or (ask.world.clock.now() if cleared else None)


def read_rules(ask: Ask, order: SimOrder, given: Any) -> dict[str, Any]:
    """The order's conditions after a replacement of its market rules."""
    if given is None:
        return {}
    cleared = isinstance(given, dict) and given.get("clearall") in CLEARED
    buys = order.ticket.legs[0].action.is_buy
    fresh = tuple(read_rule(rule, buys, ask.world) for rule in rules_in(given))
    kept: tuple[Condition, ...] = tuple(each for each in order.ticket.conditions if each.effect != "route")
    return {"conditions": kept + fresh} if cleared or fresh else {}


def differs(order: SimOrder, name: str, value: Any) -> bool:
    """Whether a change changes anything."""
    if value is None:
        return False
    if name == "quantity":
        return bool(value != order.size)
    return bool(value != getattr(order.ticket, name))


def find_order(ask: Ask) -> SimOrder:
    """The order of the path among all of the caller's accounts; its number has no dashes."""
    text = ask.names["order"]
    if text.isascii() and text.isdigit() and len(text) < 19:
        for account in accounts_of(ask.world, ask.caller.user):
            if int(text) in account.orders:
                return account.orders[int(text)]
    raise bad_request(INVALID)
