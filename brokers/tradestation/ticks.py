"""Quote objects of the stream, whole at first and then only what changed, as ticks of the desk. No I/O."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from brokers.domain.instruments import Future, FutureOption, Instrument, Option
from brokers.domain.market import Tick
from brokers.tradestation.codec.envelope import number, price
from brokers.wire import Node

Reader = Callable[[Node, str], Decimal | None]
FIELDS: dict[str, tuple[str, Reader]] = {
    "Bid": ("bid", price),
    "Ask": ("ask", price),
    "BidSize": ("bid_size", number),
    "AskSize": ("ask_size", number),
    "Last": ("last", price),
    "Open": ("open", price),
    "High": ("high", price),
    "Low": ("low", price),
    "PreviousClose": ("prev_close", price),
    "Volume": ("volume", number),
}
OPEN_INTEREST = "DailyOpenInterest"


@dataclass(slots=True)
class _Known:
    values: dict[str, Decimal | None] = field(default_factory=dict)
    at: datetime | None = None


class Ticks:
    """What is known of each symbol. ``symbol`` is the broker's spelling in capitals."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def take(self, symbol: str, instrument: Instrument, node: Node, at: datetime, *, whole: bool) -> Tick | None:
        """The tick of an object: all its values when it is ``whole``, else those that changed; None for no news."""
        known = self._known.setdefault(symbol, _Known())
        values = values_of(instrument, node)
        news = values if whole else {name: value for name, value in values.items() if _is_new(known, name, value)}
        known.values.update(values)
        known.at = at
        return Tick(instrument, news, at) if news else None

    def known(self, symbol: str, instrument: Instrument) -> Tick | None:
        """All that was told of a symbol, for one who comes late."""
        known = self._known.get(symbol)
        return Tick(instrument, dict(known.values), known.at) if known is not None and known.at is not None else None

    def keep_only(self, symbols: Collection[str]) -> None:
        self._known = {symbol: known for symbol, known in self._known.items() if symbol in symbols}


def values_of(instrument: Instrument, node: Node) -> dict[str, Decimal | None]:
    """The fields of a quote that an object names. Prices of 0 stand for "there is none"."""
    found = {name: read(node, key) for key, (name, read) in FIELDS.items() if key in node}
    if OPEN_INTEREST in node and isinstance(instrument, Option | Future | FutureOption):
        found["open_interest"] = number(node, OPEN_INTEREST)
    return found


def _is_new(known: _Known, name: str, value: Decimal | None) -> bool:
    return name not in known.values or known.values[name] != value
