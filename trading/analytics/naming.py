"""The names of strategies for who only shows holdings: settings name the function, so that neither side imports the
other."""

from collections.abc import Sequence
from decimal import Decimal

from brokers.domain.instruments import Instrument
from trading.analytics.strategies import Kind, Part, recognise

SIDES = {True: "Long ", False: "Short ", None: ""}
SIDED = frozenset({Kind.STRADDLE, Kind.STRANGLE, Kind.VERTICAL, Kind.CALENDAR, Kind.DIAGONAL, Kind.BUTTERFLY})


def name_of(held: Sequence[tuple[Instrument, Decimal]]) -> str:
    """«Short SPY 18 Dec 26 580/575 put vertical»; "" for what has no name."""
    found = recognise([Part(instrument, quantity) for instrument, quantity in held])
    if found.kind is Kind.CUSTOM:
        return ""
    return f"{SIDES[found.is_long] if found.kind in SIDED else ''}{found.label}"
