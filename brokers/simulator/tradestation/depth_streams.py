"""Market depth streams (M13, M14): the whole book around the touch, again after each change of it."""

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from brokers.domain.instruments import Index, Instrument
from brokers.simulator.market import Book, Listing
from brokers.simulator.tradestation import depth
from brokers.simulator.tradestation.gate import Ask, open_stream, whole
from brokers.simulator.tradestation.quotes import is_withheld, symbol_or_404
from brokers.simulator.tradestation.rows import line
from brokers.simulator.tradestation.streams import Connection, Stream
from brokers.simulator.tradestation.symbols import to_wire

if TYPE_CHECKING:
    from brokers.simulator.world import World

Form = Callable[[Listing, Book, int], dict[str, Any]]
DEFAULT_LEVELS, MOST_LEVELS = 20, 100


class DepthStream(Stream):
    """One symbol's depth. Only that it changed is remembered until it is told, so a slow reader misses states."""

    def __init__(self, world: "World", symbol: str, instrument: Instrument, form: Form, most: int, path: str) -> None:
        self.market = world.market
        self.symbol = symbol
        self.instrument = instrument
        self.moves_with = world.market.underlying(instrument)
        self.form = form
        self.most = most
        self.symbols = {symbol, to_wire(instrument), str(instrument)}
        self.withheld = is_withheld(world, symbol, instrument, path)
        self.said = b""
        self.changed = False

    def open(self) -> list[bytes]:
        if self.withheld:
            return [line({"Symbol": self.symbol, "Error": "FAILED, EX_NOT_ENTITLED"})]
        if isinstance(self.instrument, Index):
            return [line({"Symbol": self.symbol, "Error": "FAILED, EX_NO_DATA_AVAILABLE"})]
        return self.take_now()

    def moved(self, changed: Collection[Instrument]) -> bool:
        if self.said and self.moves_with in changed:
            self.changed = True
        return self.changed

    def take(self) -> list[bytes]:
        if not self.changed:
            return []
        self.changed = False
        return self.take_now()

    def take_now(self) -> list[bytes]:
        listing, book = self.market.listing(self.instrument), self.market.book(self.instrument)
        if listing is None or book is None:
            return []
        found = line(self.form(listing, book, self.most))
        if found == self.said:
            return []
        self.said = found
        return [found]


def stream_depth_quotes(ask: Ask) -> Connection:
    return _stream(ask, depth.quotes)


def stream_depth_aggregates(ask: Ask) -> Connection:
    return _stream(ask, depth.aggregates)


def _stream(ask: Ask, form: Form) -> Connection:
    most = whole(ask.query, "maxlevels", DEFAULT_LEVELS, 1, MOST_LEVELS)
    symbol, instrument = symbol_or_404(ask.names, ask.world.market)
    stream = DepthStream(ask.world, symbol, instrument, form, most, ask.path)
    stream.slot = open_stream(ask, "streaming-marketdepth")
    return Connection(ask, stream)
