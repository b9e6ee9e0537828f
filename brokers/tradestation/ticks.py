"""Quote objects of the stream, whole at first and then only what changed, as ticks of the desk. No I/O."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from brokers.domain.instruments import Future, FutureOption, Instrument, Option
from brokers.domain.market import Tick
from brokers.domain.raw import Deltas, exact
from brokers.tradestation.codec.envelope import number, price
from brokers.tradestation.quoted import OPEN_INTEREST, PRICES, Quotes
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
    OPEN_INTEREST: ("open_interest", number),
}
NAMES = {key: name for key, (name, _) in FIELDS.items()}
OF_ALL = {key: name for key, name in NAMES.items() if key != OPEN_INTEREST}
NONE_AT_ZERO = frozenset(PRICES) - {"Bid"}
SIDES = ("Bid", "Ask")
CONTRACTS = Option | Future | FutureOption


class Ticks:
    """What must be known of symbols, in capitals, to read what is told next: a bid of 0 counts only beside an offer.
    ``unsure``: those whose bid is 0; ``offered``: those of which an offer is known."""

    def __init__(self) -> None:
        self._unsure: set[str] = set()
        self._offered: set[str] = set()

    def take(self, symbol: str, instrument: Instrument | None, node: Node, at: datetime) -> Tick | None:
        """The tick of an object, be it news or not; None where it has no figure, or nobody asked about it."""
        return self._tick(symbol, instrument, values_of(node), at)

    def take_quotes(self, quotes: Quotes, named: Mapping[str, Instrument], at: datetime) -> Sequence[Tick | Deltas]:
        """The same of lines read at speed."""
        symbols = quotes.symbols
        if quotes.are_plain and not (self._unsure and self._unsure.intersection(symbols)):
            if not self._offered.issuperset(symbols):
                told = zip(symbols, quotes.told, strict=True)
                self._offered.update(symbol for symbol, figures in told if "Ask" in figures)
            return [Deltas([*map(named.get, symbols)], quotes.told, OF_ALL, at)]
        read = [
            self._tick(symbol, named.get(symbol), _figures(told), at)
            for symbol, told in zip(symbols, quotes.told, strict=True)
        ]
        return [tick for tick in read if tick is not None]

    def _tick(
        self, symbol: str, instrument: Instrument | None, values: dict[str, Decimal | None], at: datetime
    ) -> Tick | None:
        if "Ask" in values:
            (self._offered.discard if values["Ask"] is None else self._offered.add)(symbol)
        if "Bid" in values:
            (self._unsure.add if values["Bid"] == 0 else self._unsure.discard)(symbol)
        if symbol in self._unsure and not values.keys().isdisjoint(SIDES):
            values["Bid"] = Decimal(0) if symbol in self._offered else None
        found = _named(instrument, values) if instrument is not None else {}
        return Tick(instrument, found, at) if instrument is not None and found else None

    def keep_only(self, symbols: Collection[str]) -> None:
        self._unsure.intersection_update(symbols)
        self._offered.intersection_update(symbols)


def values_of(node: Node) -> dict[str, Decimal | None]:
    """The figures of a quote that an object names. Prices of 0 stand for "there is none", but for a bid's."""
    return {key: read(node, key) for key, (_, read) in FIELDS.items() if key in node}


def _figures(told: Mapping[str, Any]) -> dict[str, Decimal | None]:
    """The same of a line that was read at speed."""
    found = {key: exact(value) for key, value in told.items() if key in NAMES}
    return {key: None if value == 0 and key in NONE_AT_ZERO else value for key, value in found.items()}


def _named(instrument: Instrument, values: Mapping[str, Decimal | None]) -> dict[str, Decimal | None]:
    """By the desk's names, as far as the instrument has such figures."""
    names = NAMES if isinstance(instrument, CONTRACTS) else OF_ALL
    return {names[key]: value for key, value in values.items() if key in names}
