"""The exchange: accounts, orders, matching against the market's books, margin, fees, history."""

from brokers.simulator.exchange.accounts import Holding, SimAccount, SimBalance, SimPosition, SimTransaction
from brokers.simulator.exchange.events import Event
from brokers.simulator.exchange.exchange import Exchange
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

__all__ = [
    "Event",
    "Exchange",
    "FillPlan",
    "FillRule",
    "Holding",
    "OrderRefused",
    "OrderStatus",
    "Preview",
    "SimAccount",
    "SimBalance",
    "SimFill",
    "SimLeg",
    "SimOrder",
    "SimPosition",
    "SimTransaction",
    "UnknownSnapshot",
]
