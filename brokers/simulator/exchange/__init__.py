"""The exchange: accounts, orders, matching against the market's books, margin, fees, history."""

from brokers.simulator.exchange.accounts import Holding, SimAccount, SimBalance, SimPosition, SimTransaction
from brokers.simulator.exchange.events import Event
from brokers.simulator.exchange.exchange import Exchange
from brokers.simulator.exchange.groups import Bond, Bundle, Node, SimGroup
from brokers.simulator.exchange.orders import (
    OrderRefused,
    OrderStatus,
    Preview,
    SimFill,
    SimLeg,
    SimOrder,
)
from brokers.simulator.exchange.plans import FillPlan, FillRule
from brokers.simulator.exchange.snapshots import UnknownSnapshot
from brokers.simulator.exchange.tickets import Condition, Duration, Hours, OrderType, Ticket, Trail, Watch

__all__ = [
    "Bond",
    "Bundle",
    "Condition",
    "Duration",
    "Event",
    "Exchange",
    "FillPlan",
    "FillRule",
    "Holding",
    "Hours",
    "Node",
    "OrderRefused",
    "OrderStatus",
    "OrderType",
    "Preview",
    "SimAccount",
    "SimBalance",
    "SimFill",
    "SimGroup",
    "SimLeg",
    "SimOrder",
    "SimPosition",
    "SimTransaction",
    "Ticket",
    "Trail",
    "UnknownSnapshot",
    "Watch",
]
