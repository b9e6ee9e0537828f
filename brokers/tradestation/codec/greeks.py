"""Option chain streams (M11): what is asked for, and the Greeks out of what is told."""

from collections.abc import Collection, Sequence
from datetime import date
from decimal import Decimal
from urllib.parse import urlencode

from brokers.domain.instruments import Instrument, Option, Right, plain
from brokers.errors import Refused
from brokers.tradestation.codec.envelope import BROKER, escaped, number, price
from brokers.tradestation.symbols import wire_symbol
from brokers.wire import Node

# The broker's units are ours: theta a day, vega and rho per percentage point, volatility a fraction. A delta may be 0,
# a volatility of 0 stands for "there is none".
FIELDS = {
    "Delta": ("delta", number),
    "Gamma": ("gamma", number),
    "Theta": ("theta", number),
    "Vega": ("vega", number),
    "Rho": ("rho", number),
    "ImpliedVolatility": ("volatility", price),
    "DailyOpenInterest": ("open_interest", number),
}
SIDES = {frozenset({Right.CALL}): "Call", frozenset({Right.PUT}): "Put"}


def chain_path(underlying: Instrument, expiry: date, options: Collection[Option], listed: Sequence[Decimal]) -> str:
    """The stream that tells of these options of one day and of as few others as can be.

    ``listed``: all strikes of that day, ascending. ``Refused`` when none of the options is among them.
    """
    symbol = wire_symbol(underlying)
    strikes = {option.strike for option in options}
    wanted = [place for place, strike in enumerate(listed) if strike in strikes]
    if symbol is None or not wanted:
        raise Refused("TradeStation does not list these options.", broker=BROKER)
    center, reach = _window(wanted[0], wanted[-1])
    asked = {
        "expiration": f"{expiry:%m-%d-%Y}",
        "spreadType": "Single",
        "strikeInterval": "1",
        "priceCenter": plain(listed[center]),
        "strikeProximity": str(reach),
        "optionType": SIDES.get(frozenset(option.right for option in options), "All"),
        "enableGreeks": "true",
    }
    return f"/marketdata/stream/options/chains/{escaped(symbol)}?{urlencode(asked)}"


def _window(first: int, last: int) -> tuple[int, int]:
    """The place in the middle, and how far it is from there to both ends, whether the middle itself counts or not."""
    center = (first + last + 1) // 2
    return center, max(center - first, last - center + 1)


def read_greeks(node: Node) -> tuple[str, dict[str, Decimal | None]]:
    """The broker's symbol of the option, in capitals, and the quote fields that the object names."""
    legs = list(node["Legs"].items())
    if len(legs) != 1:
        raise node["Legs"].wrong("one option")
    symbol = legs[0]["Symbol"].text().upper()
    return symbol, {name: read(node, key) for key, (name, read) in FIELDS.items() if key in node}
