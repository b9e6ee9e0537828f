"""Quote streams (M9): each symbol whole at first, then what changed; one board of rows serves all streams."""

from collections import defaultdict
from collections.abc import Collection
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from brokers.domain.instruments import Instrument
from brokers.simulator.market import Market
from brokers.simulator.tradestation.gate import Ask
from brokers.simulator.tradestation.quotes import MOST_SYMBOLS, is_withheld, quote_fields, split_symbols
from brokers.simulator.tradestation.rows import Row, line
from brokers.simulator.tradestation.streams import Connection, Stream
from brokers.simulator.tradestation.symbols import find, to_wire

if TYPE_CHECKING:
    from brokers.simulator.world import World


class Watched(Row):
    """A symbol that somebody streams, and how many do."""

    __slots__ = ("instrument", "moves_with", "readers", "symbol")

    def __init__(self, market: Market, symbol: str, instrument: Instrument) -> None:
        super().__init__("Symbol", quote_fields(market, symbol, instrument, fraction=True))
        self.symbol = symbol
        self.instrument = instrument
        self.moves_with = market.underlying(instrument)
        self.readers = 0


class QuoteBoard:
    """The rows of all symbols that are streamed now. It is brought up to date once a tick, however many read it."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.rows: dict[str, Watched] = {}
        self.moving: defaultdict[Instrument, set[Watched]] = defaultdict(set)
        self.tick = -1
        self.news: set[Watched] = set()

    def watch(self, symbol: str, instrument: Instrument) -> Watched:
        row = self.rows.get(symbol)
        if row is None:
            row = self.rows[symbol] = Watched(self.market, symbol, instrument)
            self.moving[row.moves_with].add(row)
        row.readers += 1
        return row

    def leave(self, row: Watched) -> None:
        row.readers -= 1
        if row.readers:
            return
        del self.rows[row.symbol]
        self.moving[row.moves_with].discard(row)
        if not self.moving[row.moves_with]:
            del self.moving[row.moves_with]

    def turn(self, tick: int, changed: Collection[Instrument]) -> set[Watched]:
        """The rows that changed in this tick."""
        if tick != self.tick:
            self.tick = tick
            self.news = {row for row in self._moved(changed) if row.update(self._fields(row))}
        return self.news

    def _moved(self, changed: Collection[Instrument]) -> list[Watched]:
        return [row for instrument in changed if instrument in self.moving for row in self.moving[instrument]]

    def _fields(self, row: Watched) -> dict[str, object]:
        return quote_fields(self.market, row.symbol, row.instrument, fraction=True)


_BOARDS: WeakKeyDictionary[Market, QuoteBoard] = WeakKeyDictionary()


def board_of(market: Market) -> QuoteBoard:
    """The board of a market: one for all its streams."""
    found = _BOARDS.get(market)
    if found is None:
        found = _BOARDS[market] = QuoteBoard(market)
    return found


class QuoteStream(Stream):
    """One reader. What it has not taken yet is only remembered by symbol, so a slow reader costs nothing."""

    def __init__(self, world: "World", symbols: list[str], path: str) -> None:
        self.world = world
        self.path = path
        self.board = board_of(world.market)
        self.asked = symbols
        self.symbols = {*symbols}
        self.seen: dict[Watched, int] = {}
        self.fresh: set[Watched] = set()

    def open(self) -> list[bytes]:
        return [self._first(symbol) for symbol in self.asked]

    def _first(self, symbol: str) -> bytes:
        instrument = find(symbol, self.world.market)
        if instrument is None:
            return line({"Symbol": symbol, "Error": "FAILED, EX_INVALID_SYMBOL"})
        if is_withheld(self.world, symbol, instrument, self.path):
            return line({"Symbol": symbol, "Error": "FAILED, EX_NOT_ENTITLED"})
        self.symbols = {*self.symbols, to_wire(instrument), str(instrument)}
        row = self.board.watch(symbol, instrument)
        self.seen[row] = row.version
        return row.full()

    def moved(self, changed: Collection[Instrument]) -> bool:
        self.fresh |= self.board.turn(self.world.ticks, changed) & self.seen.keys()
        return bool(self.fresh)

    def take(self) -> list[bytes]:
        fresh, self.fresh = self.fresh, set()
        lines = []
        for row in fresh:
            if told := row.since(self.seen[row]):
                lines.append(told)
            self.seen[row] = row.version
        return lines

    def close(self) -> None:
        for row in self.seen:
            self.board.leave(row)
        self.seen = {}
        self.fresh = set()


def stream_quotes(ask: Ask) -> Connection:
    symbols = split_symbols(ask.names["symbols"], MOST_SYMBOLS)
    return Connection(ask, QuoteStream(ask.world, symbols, ask.path))
