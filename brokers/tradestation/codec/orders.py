"""Orders in (sections 5.6 to 5.8): listings, answers by number, frames of the stream; all of one shape."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal, InvalidOperation

from brokers.domain.instruments import Future, Instrument
from brokers.domain.orders import (
    Action,
    BrokerStatus,
    InvalidTicket,
    Leg,
    LegState,
    OrderType,
    OrderUpdate,
    TimeInForce,
    Trail,
)
from brokers.tradestation.codec.envelope import (
    account_path,
    check,
    escaped,
    failure,
    listed,
    number,
    parts_failed,
    price,
    text,
)
from brokers.tradestation.codec.words import DURATIONS, ENDED, ORDER_TYPES, STATUSES, UNKNOWN_STATUS
from brokers.tradestation.symbols import read_symbol
from brokers.wire import Node, Request, optional_instant

ORDERS_A_PAGE = 600
BUYS = {"buy": True, "buytocover": True, "sell": False, "sellshort": False}
DATED = frozenset(each for each in TimeInForce if each.has_date)
UNLIMITED = frozenset({OrderType.MARKET, OrderType.STOP, OrderType.TRAILING_STOP})
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


def several_request(account_number: str, broker_order_ids: Iterable[str]) -> Request:
    return Request("GET", account_path(account_number, "orders", listed(broker_order_ids)))


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


def read_several(node: Node, request: Request, account_number: str) -> list[OrderUpdate]:
    """Those of the orders that were asked for by their numbers that are there."""
    check(node, request)
    return read_orders(node, account_number) if "Orders" in node else []


def read_order(order: Node) -> OrderUpdate:
    """One order, whole. A code that is not known leaves it alive.

    The broker tells each leg's cumulative quantity and average price, not its executions: ``executed`` and
    ``average_price``, never ``fills``. So there are no ids of fills either; who makes fills of the differences names
    them by leg and cumulative quantity, which are the same however often and in whatever order reports come.
    """
    code = order["Status"].text()
    status = STATUSES.get(code.upper(), UNKNOWN_STATUS)
    closed_at = optional_instant(order, "ClosedDateTime") if status in ENDED else None
    trail = _trail(order)
    order_type = _known_type(order["OrderType"], trail)
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
        legs=_legs(order, status),
        received_at=optional_instant(order, "OpenedDateTime"),
        updated_at=closed_at,
        reject_reason=text(order, "RejectReason"),
        cancellable=None if status not in ENDED else False,
        group_id=_group(order),
        gtd_date=_last_day(order),
        trail=trail,
    )


def _group(order: Node) -> str | None:
    """What the orders of a group have in common: the number of the order that they wait for, which that order has
    itself; without such a one the number of the group, which stands in its name alone (``OCO 2706452145``)."""
    options = options_of(order)
    kin = {text(item, "Relationship").upper(): item["OrderID"].identifier() for item in _kin(order)}
    waits_for = options.get("OSO") or kin.get("OSP")
    first = order["OrderID"].identifier() if "OSO" in kin else None
    named = text(order, "GroupName").rpartition(" ")[2] or options.get("OCA") or options.get("BRK")
    return waits_for or first or named or None


def options_of(order: Node) -> dict[str, str]:
    """The options of an order in their short form (section 5.5): ``TRL=5%;OSO=12345;``."""
    return dict(part.partition("=")[::2] for part in text(order, "AdvancedOptions").split(";"))


def _kin(order: Node) -> Iterable[Node]:
    return order["ConditionalOrders"].items() if "ConditionalOrders" in order else ()


def _last_day(order: Node) -> date | None:
    """The broker tells a last day of all orders that outlast today; it was asked for of some."""
    has_date = _known_duration(order["Duration"]) in DATED
    until = optional_instant(order, "GoodTillDate") if has_date else None
    return until.date() if until is not None else None


def _trail(order: Node) -> Trail | None:
    """How far a trailing stop stays behind: told whole, or in the short form of the options (``TRL=5%``)."""
    told = order.get("TrailingStop")
    if told is not None and (percent := price(told, "Percent")) is not None:
        return Trail(percent, is_percent=True)
    if told is not None and (amount := price(told, "Amount")) is not None:
        return Trail(amount)
    short = options_of(order).get("TRL", "")
    try:
        return Trail(Decimal(short.rstrip("%")), short.endswith("%")) if short else None
    except (InvalidOperation, InvalidTicket):
        raise order["AdvancedOptions"].wrong("a trail that is a number above 0") from None


def _known_type(word: Node, trail: Trail | None) -> str:
    found = ORDER_TYPES.get(word.text(), word.text())
    return str(OrderType.TRAILING_STOP if found == OrderType.STOP and trail is not None else found)


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


def _legs(order: Node, status: BrokerStatus) -> tuple[LegState, ...]:
    """The legs that make sense to the desk; a foreign order is told of without the others."""
    found = (_leg(item, status) for item in order["Legs"].items())
    return tuple(leg for leg in found if leg is not None)


def _leg(item: Node, status: BrokerStatus) -> LegState | None:
    instrument = read_symbol(item["Symbol"].text(), text(item, "AssetType"))
    try:
        leg = Leg(instrument, _action(item, instrument), item["QuantityOrdered"].number())
    except InvalidTicket:
        return None
    average = price(item, "ExecutionPrice") or ZERO
    done = number(item, "ExecQuantity") or ZERO
    if average <= 0 and status is not BrokerStatus.FILLED:
        done = ZERO  # said to be executed at no price: seen on orders that had not been
    told = average if done > 0 and average > 0 else None
    return LegState(leg, max(leg.quantity - done, ZERO), executed=done, average_price=told)


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
