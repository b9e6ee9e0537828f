"""tastytrade's words for actions, order types, durations and states, against the desk's (sections 5.1, 5.4)."""

from brokers.domain.orders import Action, BrokerStatus, OrderType, TimeInForce

ACTIONS = {
    "Buy to Open": Action.BUY_TO_OPEN,
    "Sell to Open": Action.SELL_TO_OPEN,
    "Buy to Close": Action.BUY_TO_CLOSE,
    "Sell to Close": Action.SELL_TO_CLOSE,
    "Buy": Action.BUY,
    "Sell": Action.SELL,
}
ORDER_TYPES = {
    "Limit": OrderType.LIMIT,
    "Market": OrderType.MARKET,
    "Marketable Limit": OrderType.MARKETABLE_LIMIT,
    "Stop": OrderType.STOP,
    "Stop Limit": OrderType.STOP_LIMIT,
}
SPREAD_TYPES = frozenset({OrderType.LIMIT})
"""Of orders with several legs: these go neither to the market nor behind a stop (sections 5.2, 5.6)."""
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
STATUSES = {
    "Received": BrokerStatus.RECEIVED,
    "Routed": BrokerStatus.ROUTED,
    "In Flight": BrokerStatus.ROUTED,
    "Contingent": BrokerStatus.CONTINGENT,
    "Live": BrokerStatus.WORKING,
    "Cancel Requested": BrokerStatus.CANCEL_REQUESTED,
    "Remove Pending": BrokerStatus.CANCEL_REQUESTED,
    "Replace Requested": BrokerStatus.REPLACE_REQUESTED,
    "Filled": BrokerStatus.FILLED,
    "Cancelled": BrokerStatus.CANCELLED,
    "Removed": BrokerStatus.CANCELLED,
    "Partially Removed": BrokerStatus.CANCELLED,
    "Dead": BrokerStatus.CANCELLED,
    "Expired": BrokerStatus.EXPIRED,
    "Rejected": BrokerStatus.REJECTED,
}

ACTION_WORDS = {action: word for word, action in ACTIONS.items()}
ORDER_TYPE_WORDS = {order_type: word for word, order_type in ORDER_TYPES.items()}
TIME_IN_FORCE_WORDS = {time_in_force: word for word, time_in_force in TIMES_IN_FORCE.items()}
