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
    "Bid": ("bid", number),
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
    """``values`` as they were told; a bid of 0 counts only beside an offer."""

    values: dict[str, Decimal | None] = field(default_factory=dict)
    at: datetime | None = None

    def shown(self) -> dict[str, Decimal | None]:
        """The values as they are to be taken: nobody bids 0 where nobody offers, there is no market then."""
        if self.values.get("bid") == 0 and self.values.get("ask") is None:
            return self.values | {"bid": None}
        return dict(self.values)


class Ticks:
    """What is known of each symbol. ``symbol`` is the broker's spelling in capitals."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def take(self, symbol: str, instrument: Instrument, node: Node, at: datetime, *, whole: bool) -> Tick | None:
        """The tick of an object: all its values when it is ``whole``, else those that changed; None for no news."""
        known = self._known.setdefault(symbol, _Known())
        before = known.shown()
        values = values_of(instrument, node)
        known.values.update(values)
        known.at = at
        after = known.shown()
        told = values.keys() if whole else [name for name in after if name not in before or after[name] != before[name]]
        news = {name: after[name] for name in told}
        return Tick(instrument, news, at) if news else None

    def known(self, symbol: str, instrument: Instrument) -> Tick | None:
        """All that was told of a symbol, for one who comes late."""
        known = self._known.get(symbol)
        return Tick(instrument, known.shown(), known.at) if known is not None and known.at is not None else None

    def keep_only(self, symbols: Collection[str]) -> None:
        self._known = {symbol: known for symbol, known in self._known.items() if symbol in symbols}


def values_of(instrument: Instrument, node: Node) -> dict[str, Decimal | None]:
    """The fields of a quote that an object names. Prices of 0 stand for "there is none", but for a bid's."""
    found = {name: read(node, key) for key, (name, read) in FIELDS.items() if key in node}
    if OPEN_INTEREST in node and isinstance(instrument, Option | Future | FutureOption):
        found["open_interest"] = number(node, OPEN_INTEREST)
    return found
