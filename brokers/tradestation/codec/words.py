"""TradeStation's words for actions, order types, durations and states, against the desk's (sections 5.2 to 5.8)."""

from brokers.domain.orders import Action, BrokerStatus, OrderType, TimeInForce

SHARE_WORDS = {
    Action.BUY_TO_OPEN: "BUY",
    Action.SELL_TO_CLOSE: "SELL",
    Action.SELL_TO_OPEN: "SELLSHORT",
    Action.BUY_TO_CLOSE: "BUYTOCOVER",
}
OPTION_WORDS = {
    Action.BUY_TO_OPEN: "BUYTOOPEN",
    Action.SELL_TO_OPEN: "SELLTOOPEN",
    Action.BUY_TO_CLOSE: "BUYTOCLOSE",
    Action.SELL_TO_CLOSE: "SELLTOCLOSE",
}
FUTURE_WORDS = {Action.BUY: "BUY", Action.SELL: "SELL"}

ORDER_TYPE_WORDS = {
    OrderType.MARKET: "Market",
    OrderType.LIMIT: "Limit",
    OrderType.STOP: "StopMarket",
    OrderType.STOP_LIMIT: "StopLimit",
    OrderType.TRAILING_STOP: "StopMarket",
}
ORDER_TYPES = {word: kind for kind, word in ORDER_TYPE_WORDS.items() if kind is not OrderType.TRAILING_STOP}
"""What is told as a stop is a trailing one where it says how far it trails (section 5.5)."""

SPREAD_TYPES = frozenset({OrderType.MARKET, OrderType.LIMIT})
"""Of orders with several legs (section 5.7): a stop has no price to look at there."""

# Sent and returned durations are spelled differently (section 5.4).
DURATION_WORDS = {
    TimeInForce.DAY: "DAY",
    TimeInForce.GTC: "GTC",
    TimeInForce.GTD: "GTD",
    TimeInForce.IOC: "IOC",
    TimeInForce.FOK: "FOK",
    TimeInForce.EXT: "DYP",
    TimeInForce.GTC_EXT: "GCP",
    TimeInForce.GTD_EXT: "GDP",
    TimeInForce.OPEN: "OPG",
    TimeInForce.CLOSE: "CLO",
    TimeInForce.MINUTE: "1",
    TimeInForce.MINUTES_3: "3",
    TimeInForce.MINUTES_5: "5",
}
DURATIONS = {word: time_in_force for time_in_force, word in DURATION_WORDS.items()} | {
    "DAY+": TimeInForce.EXT,
    "GTC+": TimeInForce.GTC_EXT,
    "GTD+": TimeInForce.GTD_EXT,
    "1 MIN": TimeInForce.MINUTE,
    "3 MIN": TimeInForce.MINUTES_3,
    "5 MIN": TimeInForce.MINUTES_5,
}

STATUSES = {
    "PLA": BrokerStatus.RECEIVED,
    "OPN": BrokerStatus.ROUTED,
    "DIS": BrokerStatus.ROUTED,
    "ACK": BrokerStatus.WORKING,
    "DON": BrokerStatus.WORKING,
    "STP": BrokerStatus.WORKING,
    "CND": BrokerStatus.WORKING,
    "CHG": BrokerStatus.WORKING,
    "SUS": BrokerStatus.WORKING,
    "FPR": BrokerStatus.WORKING,
    "LAT": BrokerStatus.WORKING,
    "RJC": BrokerStatus.WORKING,
    "RJR": BrokerStatus.WORKING,
    "COR": BrokerStatus.WORKING,
    "STT": BrokerStatus.WORKING,
    "OTHER": BrokerStatus.WORKING,
    "OSO": BrokerStatus.CONTINGENT,
    "UCN": BrokerStatus.CANCEL_REQUESTED,
    "CSN": BrokerStatus.CANCEL_REQUESTED,
    "ECN": BrokerStatus.CANCEL_REQUESTED,
    "REC": BrokerStatus.CANCEL_REQUESTED,
    "RPD": BrokerStatus.REPLACE_REQUESTED,
    "RSN": BrokerStatus.REPLACE_REQUESTED,
    "UCH": BrokerStatus.REPLACE_REQUESTED,
    "FLL": BrokerStatus.FILLED,
    "BRF": BrokerStatus.FILLED,
    "ASS": BrokerStatus.FILLED,
    "EXE": BrokerStatus.FILLED,
    "FLP": BrokerStatus.CANCELLED,
    "CAN": BrokerStatus.CANCELLED,
    "OUT": BrokerStatus.CANCELLED,
    "TSC": BrokerStatus.CANCELLED,
    "SCN": BrokerStatus.CANCELLED,
    "BRO": BrokerStatus.CANCELLED,
    "BRC": BrokerStatus.CANCELLED,
    "DOA": BrokerStatus.CANCELLED,
    "EXP": BrokerStatus.EXPIRED,
    "REJ": BrokerStatus.REJECTED,
}
UNKNOWN_STATUS = BrokerStatus.WORKING
"""Of a code that is not in the table: the order counts as alive until a word that we know says otherwise."""

ENDED = frozenset({BrokerStatus.FILLED, BrokerStatus.CANCELLED, BrokerStatus.EXPIRED, BrokerStatus.REJECTED})
