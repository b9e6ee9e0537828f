"""One made-up market: listings, sessions, moving prices, option chains priced from them."""

from brokers.simulator.market.book import Book, GreekValues
from brokers.simulator.market.listings import Listing
from brokers.simulator.market.market import Market

__all__ = ["Book", "GreekValues", "Listing", "Market"]
