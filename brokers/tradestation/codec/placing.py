"""Orders out (sections 4.5, 5.1 to 5.4, 5.7, 5.10): preview, place, replace, cancel, and what their answers mean."""

import base64
import hashlib
from datetime import date
from typing import Any

from brokers.domain.instruments import Equity, Future, Option, plain
from brokers.domain.orders import (
    BrokerStatus,
    Fee,
    Leg,
    LegState,
    OrderTicket,
    OrderType,
    OrderUpdate,
    Placed,
    Preview,
)
from brokers.errors import OrderRejected
from brokers.tradestation.codec.envelope import BROKER, check, escaped, failure, number, parts_failed
from brokers.tradestation.codec.words import (
    DURATION_WORDS,
    FUTURE_WORDS,
    OPTION_WORDS,
    ORDER_TYPE_WORDS,
    SHARE_WORDS,
    SPREAD_TYPES,
)
from brokers.tradestation.symbols import wire_symbol
from brokers.wire import Node, Purpose, Request

LONGEST_CONFIRM_ID, CONFIRM_ID_BYTES = 22, 16
TRADED = (Equity, Option, Future)


# --- what goes out ------------------------------------------------------------------------------------------------


def preview_request(account_number: str, ticket: OrderTicket) -> Request:
    body = order_body(account_number, ticket)
    return Request("POST", "/orderexecution/orderconfirm", body=body, purpose=Purpose.PREVIEW)


def place_request(account_number: str, ticket: OrderTicket, client_ref: str) -> Request:
    body = {**order_body(account_number, ticket), "OrderConfirmID": confirm_id(client_ref)}
    return Request("POST", "/orderexecution/orders", body=body, acts=True, purpose=Purpose.PLACE)


def replace_request(broker_order_id: str, ticket: OrderTicket, *, to_market: bool) -> Request:
    body = replace_body(ticket, to_market=to_market)
    return Request("PUT", _order_path(broker_order_id), body=body, acts=True, purpose=Purpose.REPLACE)


def cancel_request(broker_order_id: str) -> Request:
    return Request("DELETE", _order_path(broker_order_id), acts=True, purpose=Purpose.CANCEL)


def _order_path(broker_order_id: str) -> str:
    return f"/orderexecution/orders/{escaped(broker_order_id)}"


def confirm_id(client_ref: str) -> str:
    """Our reference as it is, so that one value is found everywhere; a digest of one that the broker's 22 characters
    (section 5.10) do not hold. The same reference gives the same id."""
    if len(client_ref) <= LONGEST_CONFIRM_ID:
        return client_ref
    digest = hashlib.sha256(client_ref.encode()).digest()[:CONFIRM_ID_BYTES]
    return base64.b64encode(digest).decode().rstrip("=")


def order_body(account_number: str, ticket: OrderTicket) -> dict[str, Any]:
    """The body of an order. ``OrderRejected`` for what the broker has no word for: nothing is sent."""
    if len(ticket.legs) > 1 and ticket.order_type not in SPREAD_TYPES:
        raise OrderRejected(f"TradeStation has no {ticket.order_type.words} orders of several legs.", broker=BROKER)
    body: dict[str, Any] = {
        "AccountID": account_number,
        **_what(ticket),
        "OrderType": ORDER_TYPE_WORDS[ticket.order_type],
    }
    return {**body, **_prices(ticket), "TimeInForce": _time_in_force(ticket), **_advanced(ticket)}


def _what(ticket: OrderTicket) -> dict[str, Any]:
    """The one instrument at the top, several as legs."""
    if len(ticket.legs) == 1:
        return _leg_body(ticket.legs[0], alone=True)
    return {"Legs": [_leg_body(leg, alone=False) for leg in ticket.legs]}


def _leg_body(leg: Leg, *, alone: bool) -> dict[str, str]:
    symbol = wire_symbol(leg.instrument) if isinstance(leg.instrument, TRADED) else None
    words = _action_words(leg, alone)
    if symbol is None or leg.action not in words:
        raise OrderRejected(f"{leg.instrument} cannot be traded at TradeStation.", broker=BROKER)
    if leg.quantity != leg.quantity.to_integral_value():
        raise OrderRejected("TradeStation takes whole quantities only.", broker=BROKER)
    return {"Symbol": symbol, "Quantity": plain(leg.quantity), "TradeAction": words[leg.action]}


def _action_words(leg: Leg, alone: bool) -> dict[Any, str]:
    """Shares in one order with options are opened and closed as these are."""
    if isinstance(leg.instrument, Future):
        return FUTURE_WORDS
    return SHARE_WORDS if alone and isinstance(leg.instrument, Equity) else OPTION_WORDS


def _prices(ticket: OrderTicket) -> dict[str, str]:
    """One leg's limit is unsigned; of several it is the net price, a debit above 0."""
    prices = {}
    if ticket.limit_price is not None:
        net = abs(ticket.limit_price) if len(ticket.legs) == 1 else -ticket.limit_price
        prices["LimitPrice"] = plain(net) if net else "0"
    if ticket.stop_price is not None:
        prices["StopPrice"] = plain(ticket.stop_price)
    return prices


def _advanced(ticket: OrderTicket) -> dict[str, Any]:
    """How far a trailing stop stays behind: by an amount or by percent (section 5.5)."""
    if ticket.trail is None:
        return {}
    unit = "Percent" if ticket.trail.is_percent else "Amount"
    return {"AdvancedOptions": {"TrailingStop": {unit: plain(ticket.trail.amount)}}}


def _time_in_force(ticket: OrderTicket) -> dict[str, str]:
    word = DURATION_WORDS.get(ticket.time_in_force)
    if word is None:
        raise OrderRejected(f"TradeStation has no {ticket.time_in_force} orders.", broker=BROKER)
    expiration = {"Expiration": f"{ticket.gtd_date.isoformat()}T00:00:00Z"} if ticket.gtd_date is not None else {}
    return {"Duration": word, **expiration}


def last_day(ticket: OrderTicket) -> date | None:
    """The last day as the broker tells it: no later than that of an option."""
    if ticket.gtd_date is None:
        return None
    expiries = (leg.instrument.expiry for leg in ticket.legs if isinstance(leg.instrument, Option))
    return min([ticket.gtd_date, *expiries])


def replace_body(ticket: OrderTicket, *, to_market: bool) -> dict[str, Any]:
    """The new total quantity (of one leg) and prices; a type is sent only where it turns to the market."""
    quantity = {"Quantity": plain(ticket.legs[0].quantity)} if len(ticket.legs) == 1 else {}
    kind = {"OrderType": ORDER_TYPE_WORDS[OrderType.MARKET]} if to_market else {}
    return {**quantity, **_prices(ticket), **kind, **_advanced(ticket)}


def why_not_replaced(order: OrderUpdate, ticket: OrderTicket) -> str:
    """Words when a replacement asks for what the broker cannot change (it would leave that as it is); else ""."""
    before = {(state.leg.instrument, state.leg.action): state.leg.quantity for state in order.legs}
    after = {(leg.instrument, leg.action): leg.quantity for leg in ticket.legs}
    if before.keys() != after.keys():
        return "what is bought and sold"
    if len(after) > 1 and before != after:
        return "the quantity of an order of several legs"
    if order.time_in_force != ticket.time_in_force or order.gtd_date != last_day(ticket):
        return "how long an order is good"
    if ticket.order_type not in (order.order_type, OrderType.MARKET):
        return "the type of an order, but to a market order"
    return ""


# --- what comes back ----------------------------------------------------------------------------------------------


def read_placed(node: Node, request: Request, account_number: str, ticket: OrderTicket) -> Placed:
    """The broker took it only when there is a number and no error beside it. The answer tells nothing more."""
    check(node, request)
    rows = list(node["Orders"].items()) if "Orders" in node else []
    taken = [row for row in rows if "Error" not in row]
    failed = [row for row in rows if "Error" in row] + parts_failed(node)
    if len(taken) + len(failed) != 1:
        raise node.wrong("about one order")
    if failed:
        raise failure(failed[0], request)
    return Placed(accepted(account_number, taken[0]["OrderID"].identifier(), ticket))


def read_sent(node: Node, request: Request, broker_order_id: str) -> None:
    """The answer to a replacement or a cancel: that it was sent, and nothing of what became of it."""
    check(node, request)
    for part in parts_failed(node):
        raise failure(part, request)
    if node["OrderID"].identifier() != broker_order_id:
        raise node["OrderID"].wrong("the order that was asked for")


def accepted(
    account_number: str, broker_order_id: str, ticket: OrderTicket, status: BrokerStatus = BrokerStatus.RECEIVED
) -> OrderUpdate:
    """An order that the broker has, by what we asked for: any later news of it wins."""
    return OrderUpdate(
        account_number=account_number,
        broker_order_id=broker_order_id,
        client_ref=None,
        status=status,
        broker_status="",
        order_type=ticket.order_type,
        time_in_force=ticket.time_in_force,
        limit_price=ticket.limit_price,
        stop_price=ticket.stop_price,
        legs=tuple(LegState(leg, leg.quantity) for leg in ticket.legs),
        received_at=None,
        updated_at=None,
        gtd_date=last_day(ticket),
        trail=ticket.trail,
    )


def cancelling(account_number: str, broker_order_id: str) -> OrderUpdate:
    """An order of which only this is known: that the broker took our cancel."""
    return OrderUpdate(
        account_number=account_number,
        broker_order_id=broker_order_id,
        client_ref=None,
        status=BrokerStatus.CANCEL_REQUESTED,
        broker_status="",
        order_type="",
        time_in_force="",
        limit_price=None,
        stop_price=None,
        legs=(),
        received_at=None,
        updated_at=None,
    )


def read_preview(node: Node, request: Request) -> Preview:
    """What an order would cost in fees; of buying power and margin the broker says nothing that could be compared."""
    check(node, request)
    for part in parts_failed(node):
        raise failure(part, request)
    confirmations = list(node["Confirmations"].items())
    if len(confirmations) != 1:
        raise node["Confirmations"].wrong("about one order")
    commission = number(confirmations[0], "EstimatedCommission")
    fees = (Fee("commission", -commission),) if commission else ()
    return Preview(
        buying_power_before=None,
        buying_power_after=None,
        buying_power_change=None,
        margin_change=None,
        fees=fees,
        total_fees=None if commission is None else -commission if commission else commission,
    )
