"""Orders (sections 4.14 and 5): signed prices become a price and its effect, and back."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from brokers.domain.instruments import plain
from brokers.domain.orders import (
    BrokerStatus,
    Fee,
    Fill,
    InvalidTicket,
    Leg,
    LegState,
    OrderTicket,
    OrderUpdate,
    Placed,
    Preview,
)
from brokers.errors import OrderRejected, UnexpectedReply
from brokers.tastytrade.codec.accounts import account_path
from brokers.tastytrade.codec.envelope import escaped, read_notices, signed
from brokers.tastytrade.codec.words import (
    ACTION_WORDS,
    ACTIONS,
    ORDER_TYPE_WORDS,
    ORDER_TYPES,
    SPREAD_TYPES,
    STATUSES,
    TIME_IN_FORCE_WORDS,
    TIMES_IN_FORCE,
)
from brokers.tastytrade.symbols import api_symbol, read_symbol, type_name
from brokers.wire import Node, Purpose, Request, optional_instant, optional_number, optional_text

SOURCE = "blotter"
ORDERS_A_PAGE = 200
FEES = {
    "commission": "commission",
    "clearing-fees": "clearing",
    "regulatory-fees": "regulatory",
    "proprietary-index-option-fees": "proprietary index",
    "rebates": "rebates",
}


# --- what goes out ------------------------------------------------------------------------------------------------


def preview_request(account_number: str, ticket: OrderTicket) -> Request:
    path = account_path(account_number, "orders", "dry-run")
    return Request("POST", path, body=order_body(ticket), purpose=Purpose.PREVIEW)


def place_request(account_number: str, ticket: OrderTicket, client_ref: str) -> Request:
    body = {**order_body(ticket), "external-identifier": client_ref}
    return Request("POST", account_path(account_number, "orders"), body=body, acts=True, purpose=Purpose.PLACE)


def replace_request(account_number: str, broker_order_id: str, ticket: OrderTicket) -> Request:
    path = _order_path(account_number, broker_order_id)
    return Request("PUT", path, body=order_body(ticket), acts=True, purpose=Purpose.REPLACE)


def cancel_request(account_number: str, broker_order_id: str) -> Request:
    return Request("DELETE", _order_path(account_number, broker_order_id), acts=True, purpose=Purpose.CANCEL)


def order_request(account_number: str, broker_order_id: str) -> Request:
    return Request("GET", _order_path(account_number, broker_order_id))


def orders_request(account_number: str, since: date) -> Request:
    params = (("start-date", since.isoformat()), ("per-page", str(ORDERS_A_PAGE)))
    return Request("GET", account_path(account_number, "orders"), params)


def live_orders_request(account_number: str) -> Request:
    """All that still work and all that were touched today, also the done ones."""
    return Request("GET", account_path(account_number, "orders", "live"), (("per-page", str(ORDERS_A_PAGE)),))


def _order_path(account_number: str, broker_order_id: str) -> str:
    return account_path(account_number, "orders", escaped(broker_order_id))


def order_body(ticket: OrderTicket) -> dict[str, Any]:
    """The body of an order. ``OrderRejected`` for what the broker has no word for: nothing is sent."""
    if len(ticket.legs) > 1 and ticket.order_type not in SPREAD_TYPES:
        words = f"tastytrade has no {ticket.order_type.words} orders of several legs."
        raise OrderRejected(words, broker="tastytrade")
    body: dict[str, Any] = {
        "order-type": _word(ORDER_TYPE_WORDS, ticket.order_type),
        "time-in-force": _word(TIME_IN_FORCE_WORDS, ticket.time_in_force),
        "source": SOURCE,
        "legs": [_leg_body(leg) for leg in ticket.legs],
    }
    if ticket.limit_price is not None and ticket.effect is not None:
        body["price"] = plain(abs(ticket.limit_price))
        body["price-effect"] = ticket.effect.title()
    if ticket.stop_price is not None:
        body["stop-trigger"] = plain(ticket.stop_price)
    if ticket.gtd_date is not None:
        body["gtc-date"] = ticket.gtd_date.isoformat()
    if any("close" in leg.action for leg in ticket.legs):
        # Else a closing order that finds nothing to close is turned, silently, into an opening one.
        body["advanced-instructions"] = {"strict-position-effect-validation": True}
    return body


def _leg_body(leg: Leg) -> dict[str, Any]:
    kind = type_name(leg.instrument)
    if kind is None:
        raise OrderRejected(f"{leg.instrument} cannot be traded here.", broker="tastytrade", broker_code="")
    whole = leg.quantity == leg.quantity.to_integral_value()
    return {
        "instrument-type": kind,
        "symbol": api_symbol(leg.instrument),
        "quantity": int(leg.quantity) if whole else plain(leg.quantity),
        "action": ACTION_WORDS[leg.action],
    }


def _word(words: Mapping[Any, str], value: Any) -> str:
    if value not in words:
        raise OrderRejected(f"tastytrade has no {str(value).replace('_', ' ')} orders.", broker="tastytrade")
    return words[value]


# --- what comes back ----------------------------------------------------------------------------------------------


def read_orders(node: Node, account_number: str) -> list[OrderUpdate]:
    orders = [read_order(item) for item in node["data"]["items"].items()]
    if any(order.account_number != account_number for order in orders):
        raise node["data"]["items"].wrong("of the account that was asked for")
    return orders


def read_order(order: Node) -> OrderUpdate:
    """One order, from a listing, an answer or the account streamer."""
    received_at = optional_instant(order, "received-at")
    version = order["updated-at"].whole() if "updated-at" in order else 0
    cancellable = order.get("cancellable")
    status = order["status"]
    return OrderUpdate(
        account_number=order["account-number"].text(),
        broker_order_id=order["id"].identifier(),
        client_ref=optional_text(order, "external-identifier") or None,
        status=status.one_of(STATUSES),
        broker_status=status.text(),
        order_type=_known(order["order-type"], ORDER_TYPES),
        time_in_force=_known(order["time-in-force"], TIMES_IN_FORCE),
        limit_price=signed(order, "price"),
        stop_price=optional_number(order, "stop-trigger"),
        legs=_legs(order, received_at.date() if received_at else date.max),
        received_at=received_at,
        updated_at=order["updated-at"].instant() if version else None,
        version=version,
        reject_reason=optional_text(order, "reject-reason"),
        replaces_order_id=_optional_id(order, "replaces-order-id"),
        replaced_by_order_id=_optional_id(order, "replacing-order-id"),
        cancellable=cancellable.boolean() if cancellable is not None else None,
        group_id=_optional_id(order, "complex-order-id"),
        gtd_date=order["gtc-date"].day() if "gtc-date" in order else None,
    )


def _known(word: Node, table: Mapping[str, Any]) -> str:
    """Our word, the broker's own for a kind of order that was placed elsewhere."""
    text = word.text()
    return str(table.get(text, text))


def _optional_id(node: Node, key: str) -> str | None:
    child = node.get(key)
    return child.identifier() if child is not None else None


def _legs(order: Node, on: date) -> tuple[LegState, ...]:
    """The legs that the desk has words for. Foreign orders may have others (an amount of dollars and no
    quantity, an allocation): the order is still told of, without them."""
    legs = (_leg(item, on) for item in order["legs"].items()) if "legs" in order else ()
    return tuple(leg for leg in legs if leg is not None)


def _leg(item: Node, on: date) -> LegState | None:
    action = ACTIONS.get(item["action"].text())
    quantity = optional_number(item, "quantity")
    if action is None or not quantity:
        return None
    instrument = read_symbol(item["symbol"].text(), item["instrument-type"].text(), on)
    try:
        leg = Leg(instrument, action, quantity)
    except InvalidTicket:
        return None
    remaining = item["remaining-quantity"].number() if "remaining-quantity" in item else quantity
    fills = item["fills"].items() if "fills" in item else ()
    return LegState(leg, remaining, tuple(_fill(fill, leg) for fill in fills))


def _fill(fill: Node, leg: Leg) -> Fill:
    return Fill(
        fill_id=fill["fill-id"].identifier(),
        instrument=leg.instrument,
        quantity=fill["quantity"].number(),
        price=fill["fill-price"].number(),
        filled_at=fill["filled-at"].instant(),
    )


def read_placed(node: Node, account_number: str, ticket: OrderTicket, client_ref: str) -> Placed:
    """What the broker took. An id is proof of acceptance even when the rest cannot be read: then the order
    is told as received, with version 0, so that any later news of it wins."""
    data = node["data"]
    order_id = data["order"]["id"].identifier()
    try:
        order = read_order(data["order"])
    except UnexpectedReply:
        order = accepted(account_number, order_id, ticket, client_ref)
    return Placed(order, read_notices(data, "warnings") + read_notices(data, "errors"))


def accepted(account_number: str, order_id: str, ticket: OrderTicket, client_ref: str | None) -> OrderUpdate:
    """An order that the broker has, by what we asked for: any later news of it wins."""
    return OrderUpdate(
        account_number=account_number,
        broker_order_id=order_id,
        client_ref=client_ref,
        status=BrokerStatus.RECEIVED,
        broker_status="",
        order_type=ticket.order_type,
        time_in_force=ticket.time_in_force,
        limit_price=ticket.limit_price,
        stop_price=ticket.stop_price,
        legs=tuple(LegState(leg, leg.quantity) for leg in ticket.legs),
        received_at=None,
        updated_at=None,
        gtd_date=ticket.gtd_date,
    )


def why_not_replaced(order: OrderUpdate, ticket: OrderTicket) -> str:
    """Words when a replacement asks for what the broker does not change (it would leave that as it is); else "".

    The quantity may be given as that of the whole order or of what is left of it: the new order is for the rest.
    """
    before = {(state.leg.instrument, state.leg.action): (state.leg.quantity, state.remaining) for state in order.legs}
    after = {(leg.instrument, leg.action): leg.quantity for leg in ticket.legs}
    if before.keys() != after.keys():
        return "what is bought and sold"
    if any(quantity not in before[leg] for leg, quantity in after.items()):
        return "the quantity of an order"
    return ""


def read_preview(node: Node) -> Preview:
    """What an order or a group would do. A dry run that carries errors is a rejection, whatever its status."""
    data = node["data"]
    if errors := read_notices(data, "errors"):
        words = " ".join(error.message for error in errors)
        raise OrderRejected(words, broker="tastytrade", broker_code=errors[0].code, notices=errors)
    power, fees = data["buying-power-effect"], data.get("fee-calculation")
    return Preview(
        buying_power_before=signed(power, "current-buying-power"),
        buying_power_after=signed(power, "new-buying-power"),
        buying_power_change=signed(power, "change-in-buying-power"),
        margin_change=signed(power, "change-in-margin-requirement"),
        fees=_fees(fees) if fees is not None else (),
        total_fees=signed(fees, "total-fees") if fees is not None else None,
        warnings=read_notices(data, "warnings"),
    )


def _fees(node: Node) -> tuple[Fee, ...]:
    amounts: list[tuple[str, Decimal | None]] = [(name, signed(node, key)) for key, name in FEES.items()]
    return tuple(Fee(name, amount) for name, amount in amounts if amount)
