"""The exchange: accounts, orders, matching against the market's books, margin, fees, history."""

from brokers.simulator.exchange.books.accounts import Holding, SimAccount, SimBalance, SimPosition, SimTransaction
from brokers.simulator.exchange.books.standing import Standing
from brokers.simulator.exchange.events import Event
from brokers.simulator.exchange.exchange import Exchange
from brokers.simulator.exchange.floor.plans import FillPlan, FillRule
from brokers.simulator.exchange.orders.groups import Bond, Bundle, Node, SimGroup
from brokers.simulator.exchange.orders.orders import (
    OrderRefused,
    OrderStatus,
    Preview,
    SimFill,
    SimLeg,
    SimOrder,
)
from brokers.simulator.exchange.orders.tickets import Condition, Duration, Hours, OrderType, Ticket, Trail, Watch
from brokers.simulator.exchange.snapshots import UnknownSnapshot

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
    "Standing",
    "Ticket",
    "Trail",
    "UnknownSnapshot",
    "Watch",
]
