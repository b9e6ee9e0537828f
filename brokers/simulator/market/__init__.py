"""One made-up market: listings, sessions, moving prices, option chains priced from them."""

from brokers.simulator.market.bars import Bar, Interval
from brokers.simulator.market.book import Book, GreekValues, Print
from brokers.simulator.market.company import Dividend, Earnings
from brokers.simulator.market.contracts import Contract, FutureExpiration, FutureStrike, OptionProduct, Product
from brokers.simulator.market.halts import Halt
from brokers.simulator.market.history import YearExtremes
from brokers.simulator.market.listings import Listing
from brokers.simulator.market.market import Market
from brokers.simulator.market.metrics import Metrics
from brokers.simulator.market.options.chains import Deliverable
from brokers.simulator.market.sessions import Calendar, Phase, Session

__all__ = [
    "Bar",
    "Book",
    "Calendar",
    "Contract",
    "Deliverable",
    "Dividend",
    "Earnings",
    "FutureExpiration",
    "FutureStrike",
    "GreekValues",
    "Halt",
    "Interval",
    "Listing",
    "Market",
    "Metrics",
    "OptionProduct",
    "Phase",
    "Print",
    "Product",
    "Session",
    "YearExtremes",
]
