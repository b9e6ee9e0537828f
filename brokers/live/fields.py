"""Which figures a tab is told: all of a quote, or the groups that it asks for."""

from collections.abc import Collection, Mapping

from brokers.domain.greeks import GREEK_FIELDS

CANDLES = "candles"
CANDLE = "candle"
GROUPS: Mapping[str, frozenset[str]] = {
    "quotes": frozenset({"bid", "ask", "bid_size", "ask_size", "mark"}),
    "trades": frozenset({"last", "volume"}),
    "summary": frozenset({"open", "high", "low", "prev_close", "open_interest"}),
    "greeks": frozenset(GREEK_FIELDS),
    CANDLES: frozenset({CANDLE}),
}


def names_of(groups: Collection[str]) -> frozenset[str]:
    """The names of the figures in these groups; ``KeyError`` for one that is not known."""
    return frozenset().union(*(GROUPS[group] for group in groups))
