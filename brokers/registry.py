"""The brokers that the desk speaks to, by name."""

from brokers.port import BrokerSpec
from brokers.tastytrade.spec import TASTYTRADE
from brokers.tradestation.spec import TRADESTATION

BROKERS: dict[str, BrokerSpec] = {broker.name: broker for broker in (TASTYTRADE, TRADESTATION)}


def spec(name: str) -> BrokerSpec:
    """A broker's entry; ``KeyError`` for a name that is none."""
    return BROKERS[name]
