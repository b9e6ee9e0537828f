"""Tick bars of the old version (V3): so many trades a bar, numbers as numbers, and a bare word at the end."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from brokers.domain.instruments import Instrument
from brokers.simulator.market import Market
from brokers.simulator.market.bars import Bar, Interval
from brokers.simulator.tradestation.answers import bad_request, epoch_ms
from brokers.simulator.tradestation.gate import Ask
from brokers.simulator.tradestation.quotes import symbol_or_404
from brokers.simulator.tradestation.rows import line
from brokers.simulator.tradestation.streams import Connection, Stream, Waiting
from brokers.simulator.tradestation.symbols import to_wire

if TYPE_CHECKING:
    from brokers.simulator.world import World

LONGEST, MOST_BARS = 64_999, 10
NEW, REAL_TIME, HISTORY, CLOSED, END_OF_HISTORY = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 29
LOOK_BACK = (timedelta(minutes=5), timedelta(hours=1), timedelta(hours=8), timedelta(days=3))


@dataclass(slots=True)
class TickBar:
    """A bar being made. ``ticks`` are the trades in it."""

    close: float
    at: datetime
    volume: int = 0
    ticks: int = 0

    def line(self, status: int) -> bytes:
        told = {"Close": self.close, "Status": status, "TimeStamp": f"/Date({epoch_ms(self.at)})/"}
        return line(told | {"TotalVolume": self.volume})


class TickBars:
    """Trades made into bars of ``length`` trades."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.bar: TickBar | None = None

    def add(self, price: float, size: int, at: datetime) -> tuple[TickBar, int]:
        """The bar after one more trade, and its status bits: whether it is new, whether it is full."""
        status = 0
        if self.bar is None:
            self.bar, status = TickBar(price, at), NEW
        bar = self.bar
        bar.close, bar.at, bar.volume, bar.ticks = price, at, bar.volume + size, bar.ticks + 1
        if bar.ticks >= self.length:
            self.bar, status = None, status | CLOSED
        return bar, status


def history(market: Market, instrument: Instrument, length: int, most: int) -> list[TickBar]:
    """The last full bars before now, made from the trades of each second."""
    found: list[TickBar] = []
    for reach in LOOK_BACK:
        seconds = market.bars(instrument, Interval(1, "second"), market.now - reach, market.now, "all")
        found = list(_bars_of(seconds, length))
        if len(found) >= most:
            break
    return found[-most:]


def _bars_of(seconds: Iterable[Bar], length: int) -> Iterable[TickBar]:
    bar: TickBar | None = None
    for second in seconds:
        left, each = second.ticks, second.volume // max(second.ticks, 1)
        while left > 0:
            bar = bar or TickBar(second.close, second.end)
            taken = min(left, length - bar.ticks)
            bar.close, bar.at = second.close, second.end
            bar.ticks, bar.volume, left = bar.ticks + taken, bar.volume + taken * each, left - taken
            if bar.ticks >= length:
                yield bar
                bar = None


class TickStream(Stream):
    """One reader; every trade is told, so who does not read is cut off."""

    dialect = "words"
    content_type = "application/vnd.tradestation.streams+json"

    def __init__(self, world: "World", symbol: str, instrument: Instrument, length: int, back: int) -> None:
        self.market, self.faults = world.market, world.faults
        self.instrument = instrument
        self.symbols = {symbol, to_wire(instrument), str(instrument)}
        self.back = back
        self.bars = TickBars(length)
        self.sequence = max((each.sequence for each in world.market.prints), default=-1)
        self.waiting = Waiting()

    def open(self) -> list[bytes]:
        bars = history(self.market, self.instrument, self.bars.length, self.back)
        full = NEW | HISTORY | CLOSED
        return [bar.line(full | (END_OF_HISTORY if bar is bars[-1] else 0)) for bar in bars]

    def _bits(self) -> int:
        """The status bit that a fault adds."""
        fault = self.faults.struck("tick_bar_status", symbols=self.symbols)
        return 0 if fault is None else 1 << int(fault.kind)

    def moved(self, changed: Collection[Instrument]) -> bool:
        for each in self.market.prints:
            if each.instrument == self.instrument and each.sequence > self.sequence:
                self.sequence = each.sequence
                bar, status = self.bars.add(float(each.price), each.size, each.at)
                self.waiting.put(bar.line(status | REAL_TIME | self._bits()))
        return bool(self.waiting.lines)

    def take(self) -> list[bytes]:
        return self.waiting.take()

    @property
    def too_much(self) -> bool:
        return self.waiting.too_much


def stream_tick_bars(ask: Ask) -> Connection:
    length, back = _whole(ask, "interval", LONGEST), _whole(ask, "back", MOST_BARS)
    symbol, instrument = symbol_or_404(ask.names, ask.world.market)
    return Connection(ask, TickStream(ask.world, symbol, instrument, length, back))


def _whole(ask: Ask, name: str, most: int) -> int:
    text = ask.names[name]
    if not text.isascii() or not text.isdigit() or len(text) > 6 or not 1 <= int(text) <= most:
        raise bad_request(f"{name} must be a whole number from 1 to {most}.")
    return int(text)
