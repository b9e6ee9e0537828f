"""How this broker writes an order's parts: statuses, types, durations, actions and names of spreads (5.2 to 5.8)."""

from brokers.domain.instruments import Equity, Future
from brokers.domain.orders import Action, Leg
from brokers.simulator.exchange import OrderStatus, SimOrder
from brokers.simulator.exchange.orders.tickets import Duration, Hours, OrderType, Ticket, Watch

DESCRIPTIONS = {
    "PLA": "Sending",
    "OPN": "Sent",
    "DIS": "Dispatched",
    "ACK": "Received",
    "DON": "Queued",
    "STP": "Stop Hit",
    "CND": "Condition Met",
    "OSO": "OSO Order",
    "SUS": "Suspended",
    "CHG": "Change",
    "FPR": "Partial Fill (Alive)",
    "UCN": "Cancel Sent",
    "ECN": "Expiration Cancel Request",
    "LAT": "Too Late to Cancel",
    "RJC": "Cancel Request Rejected",
    "RPD": "Replace Pending",
    "RSN": "Replace Sent",
    "RJR": "Change Request Rejected",
    "UCH": "Replaced",
    "FLL": "Filled",
    "FLP": "Partial Fill (UROut)",
    "CAN": "Canceled",
    "OUT": "UROut",
    "TSC": "Trade Server Canceled",
    "EXP": "Expired",
    "SCN": "Big Brother Recall",
    "REJ": "Rejected",
    "BRO": "Broken",
    "DOA": "Dead",
    "COR": "Fill Corrected",
    "BRC": "Bracket Canceled",
    "BRF": "Bracket Filled",
    "ASS": "Option Assignment",
    "EXE": "Option Exercise",
    "REC": "Big Brother Recall Request",
    "STT": "OrderStatus Message",
    "OTHER": "Not mapped",
    "CSN": "Cancel Sent",
}
FILTERS = {"FLL": "filled", "FLP": "filled", "REJ": "rejected"} | dict.fromkeys(
    ("CAN", "OUT", "TSC", "EXP", "SCN", "RJR", "UCH"), "cancelled"
)
ENDED = {
    OrderStatus.FILLED: "FLL",
    OrderStatus.EXPIRED: "EXP",
    OrderStatus.REJECTED: "REJ",
    OrderStatus.CANCEL_REQUESTED: "UCN",
    OrderStatus.REPLACE_REQUESTED: "RSN",
}
TYPES = {
    OrderType.MARKET: "Market",
    OrderType.NOTIONAL_MARKET: "Market",
    OrderType.LIMIT: "Limit",
    OrderType.MARKETABLE_LIMIT: "Limit",
    OrderType.STOP: "StopMarket",
    OrderType.STOP_LIMIT: "StopLimit",
}
DURATIONS = {
    Duration.DAY: "DAY",
    Duration.GTC: "GTC",
    Duration.GTD: "GTD",
    Duration.IOC: "IOC",
    Duration.FOK: "FOK",
    Duration.OPENING: "OPG",
    Duration.CLOSING: "CLO",
}
SHARE_SIDES = {
    Action.BUY_TO_OPEN: "Buy",
    Action.SELL_TO_CLOSE: "Sell",
    Action.SELL_TO_OPEN: "SellShort",
    Action.BUY_TO_CLOSE: "BuyToCover",
}
TRIGGER_KEYS = {Watch.LAST: ("STT", "DTT"), Watch.ASK_BID: ("SBA", "DBA"), Watch.BID_ASK: ("SAB", "DAB")}


def status_of(order: SimOrder) -> str:
    """The code that stands for where the order is; how it came there is the streams' business."""
    if order.is_terminal and order.is_broken:
        return "BRO"
    if order.status in ENDED:
        return ENDED[order.status]
    partly = any(leg.filled for leg in order.legs)
    if order.status is OrderStatus.CANCELLED:
        return "FLP" if partly else "TSC" if order.removed else "OUT"
    if order.queued:
        return "DON"
    if order.status is OrderStatus.CONTINGENT and order.parent_id is not None:
        return "OSO"
    if order.status is not OrderStatus.LIVE:
        waits = order.ticket.start_at is not None or bool(order.ticket.conditions)
        return "ACK" if waits and order.in_flight_at is None else "OPN"
    if partly:
        return "ACK" if order.ticket.order_type.has_stop else "FPR"
    hit = order.triggered and order.ticket.order_type is OrderType.STOP
    return "STP" if hit or (order.triggered and order.updated_at == order.triggered_at) else "ACK"


def duration_of(ticket: Ticket) -> str:
    """As returned orders spell it: ``GTC+``, ``3 min``."""
    if ticket.duration is Duration.MINUTES:
        return f"{ticket.minutes} min"
    plus = ticket.hours is not Hours.REGULAR and ticket.duration in (Duration.DAY, Duration.GTC, Duration.GTD)
    return DURATIONS[ticket.duration] + ("+" if plus else "")


def side_of(leg: Leg) -> str:
    if isinstance(leg.instrument, Equity):
        return SHARE_SIDES.get(leg.action, "Buy" if leg.action.is_buy else "Sell")
    return "Buy" if leg.action.is_buy else "Sell"


def opens_or_closes(leg: Leg) -> str | None:
    """``Open`` or ``Close``; None for futures, which are only bought and sold."""
    if isinstance(leg.instrument, Future):
        return None
    return "Open" if leg.action.opens else "Close"


def trigger_key(ticket: Ticket) -> str:
    """What sets a stop off, as ``STPTRG`` names it."""
    return TRIGGER_KEYS[ticket.watch][ticket.ticks - 1]
