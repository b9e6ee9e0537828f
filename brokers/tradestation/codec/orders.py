"""Orders in (sections 5.6 to 5.8): listings, answers by number, frames of the stream; all of one shape."""

from datetime import date, datetime, timezone
from decimal import Decimal

from brokers.domain.instruments import Future, Instrument
from brokers.domain.orders import Action, BrokerStatus, Fill, InvalidTicket, Leg, LegState, OrderType, OrderUpdate
from brokers.tradestation.codec.envelope import account_path, check, escaped, failure, number, parts_failed, price, text
from brokers.tradestation.codec.words import DURATIONS, ENDED, ORDER_TYPES, STATUSES, UNKNOWN_STATUS
from brokers.tradestation.symbols import read_symbol
from brokers.wire import Node, Request, optional_instant

ORDERS_A_PAGE = 600
BUSTED = "BRO"
BUYS = {"buy": True, "buytocover": True, "sell": False, "sellshort": False}
UNLIMITED = frozenset({OrderType.MARKET, OrderType.STOP})
ZERO = Decimal(0)

# A share's side says by itself whether it opens; so does an option's, together with "Open" or "Close". Where
# that is missing (on rejected orders it is) a buy is taken to open and a sell to close.
ACTIONS = {
    ("buy", ""): Action.BUY_TO_OPEN,
    ("buy", "open"): Action.BUY_TO_OPEN,
    ("buy", "close"): Action.BUY_TO_CLOSE,
    ("sell", ""): Action.SELL_TO_CLOSE,
    ("sell", "open"): Action.SELL_TO_OPEN,
    ("sell", "close"): Action.SELL_TO_CLOSE,
    ("sellshort", ""): Action.SELL_TO_OPEN,
    ("sellshort", "open"): Action.SELL_TO_OPEN,
    ("buytocover", ""): Action.BUY_TO_CLOSE,
    ("buytocover", "close"): Action.BUY_TO_CLOSE,
}


# --- what goes out ------------------------------------------------------------------------------------------------


def orders_request(account_number: str) -> Request:
    """Today's orders and all that are open; the first page."""
    return Request("GET", account_path(account_number, "orders"), (("pageSize", str(ORDERS_A_PAGE)),))


def history_request(account_number: str, since: date) -> Request:
    """What ended on days before; the first page."""
    params = (("since", since.isoformat()), ("pageSize", str(ORDERS_A_PAGE)))
    return Request("GET", account_path(account_number, "historicalorders"), params)


def order_request(account_number: str, broker_order_id: str) -> Request:
    return Request("GET", account_path(account_number, "orders", escaped(broker_order_id)))


def past_order_request(account_number: str, broker_order_id: str, since: date) -> Request:
    path = account_path(account_number, "historicalorders", escaped(broker_order_id))
    return Request("GET", path, (("since", since.isoformat()),))


# --- what comes back ----------------------------------------------------------------------------------------------


def read_orders(node: Node, account_number: str) -> list[OrderUpdate]:
    """The orders of a page, all of the account that was asked for. A page without ``Orders`` is unreadable."""
    orders = [read_order(item) for item in node["Orders"].items()]
    if any(order.account_number.casefold() != account_number.casefold() for order in orders):
        raise node["Orders"].wrong("of the account that was asked for")
    return orders


def read_one(node: Node, request: Request, account_number: str, broker_order_id: str) -> OrderUpdate | None:
    """The one order that was asked for, None when the broker says that it is not there."""
    check(node, request)
    for order in read_orders(node, account_number) if "Orders" in node or "Errors" not in node else ():
        if order.broker_order_id == broker_order_id:
            return order
    failed = parts_failed(node)
    for part in failed:
        if text(part, "OrderID") != broker_order_id:
            raise failure(part, request)
    if not failed:
        raise node.wrong("about the order that was asked for")
    return None


def read_order(order: Node, seen_at: datetime | None = None) -> OrderUpdate:
    """One order, whole. A code that is not known leaves it alive.

    The broker tells each leg's cumulative quantity and average price, not its executions. So a leg's fill is told
    once, when the order is over, as one fill of all that was done; until then ``remaining`` tells how far it is.
    ``seen_at`` (default: now) is the time of a fill where the broker gives none.
    """
    code = order["Status"].text()
    status = STATUSES.get(code.upper(), UNKNOWN_STATUS)
    closed_at = optional_instant(order, "ClosedDateTime") if status in ENDED else None
    filled_at = closed_at or seen_at or datetime.now(timezone.utc)
    order_type = _known_type(order["OrderType"])
    return OrderUpdate(
        account_number=order["AccountID"].text(),
        broker_order_id=order["OrderID"].identifier(),
        client_ref=None,
        status=status,
        broker_status=code,
        order_type=order_type,
        time_in_force=_known_duration(order["Duration"]),
        limit_price=_limit_price(order, order_type),
        stop_price=price(order, "StopPrice"),
        legs=_legs(order, status, filled_at if code.upper() != BUSTED else None),
        received_at=optional_instant(order, "OpenedDateTime"),
        updated_at=closed_at,
        reject_reason=text(order, "RejectReason"),
        cancellable=None if status not in ENDED else False,
    )


def _known_type(word: Node) -> str:
    return str(ORDER_TYPES.get(word.text(), word.text()))


def _known_duration(word: Node) -> str:
    return str(DURATIONS.get(word.text().upper(), word.text()))


def _limit_price(order: Node, order_type: str) -> Decimal | None:
    """From the account's side. On the wire one leg's price is unsigned, a net price a debit when it is above 0."""
    value = number(order, "LimitPrice")
    if value is None or order_type in UNLIMITED:
        return None
    legs = list(order["Legs"].items())
    if len(legs) != 1:
        return -value if value else value
    return (-value if BUYS[_side(legs[0])] else value) or None


def _legs(order: Node, status: BrokerStatus, filled_at: datetime | None) -> tuple[LegState, ...]:
    """The legs that make sense to the desk; a foreign order is told of without the others."""
    found = (_leg(item, order, status, filled_at) for item in order["Legs"].items())
    return tuple(leg for leg in found if leg is not None)


def _leg(item: Node, order: Node, status: BrokerStatus, filled_at: datetime | None) -> LegState | None:
    instrument = read_symbol(item["Symbol"].text(), text(item, "AssetType"))
    try:
        leg = Leg(instrument, _action(item, instrument), item["QuantityOrdered"].number())
    except InvalidTicket:
        return None
    average = price(item, "ExecutionPrice") or ZERO
    done = number(item, "ExecQuantity") or ZERO
    if average <= 0 and status is not BrokerStatus.FILLED:
        done = ZERO  # said to be executed at no price: seen on orders that had not been
    fills: tuple[Fill, ...] = ()
    if status in ENDED and filled_at is not None and done > 0 and average > 0:
        fills = (Fill(item["Symbol"].text().upper(), instrument, done, average, filled_at),)
    return LegState(leg, max(leg.quantity - done, ZERO), fills)


def _action(item: Node, instrument: Instrument) -> Action:
    side = _side(item)
    if isinstance(instrument, Future):
        return Action.BUY if BUYS[side] else Action.SELL
    action = ACTIONS.get((side, text(item, "OpenOrClose").lower()))
    if action is None:
        raise item["OpenOrClose"].wrong("Open or Close")
    return action


def _side(item: Node) -> str:
    side = item["BuyOrSell"].text().lower()
    if side not in BUYS:
        raise item["BuyOrSell"].wrong("a known word")
    return side
