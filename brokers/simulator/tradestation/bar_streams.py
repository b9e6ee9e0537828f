"""Bar streams (M10): the closed bars so far, then the one in progress again after each change until it is closed."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

from brokers.domain.instruments import Instrument
from brokers.simulator.market import Market
from brokers.simulator.market.bars import Bar, Interval
from brokers.simulator.tradestation.bars import LENGTHS, Chart, bar_json, bars_since, chart_bars, check, pay, read_chart
from brokers.simulator.tradestation.gate import Ask
from brokers.simulator.tradestation.quotes import is_withheld, symbol_or_404
from brokers.simulator.tradestation.rows import line
from brokers.simulator.tradestation.streams import Connection, Stream
from brokers.simulator.tradestation.symbols import to_wire

if TYPE_CHECKING:
    from brokers.simulator.world import World


class Key(NamedTuple):
    """What makes two streams show the same bars."""

    instrument: Instrument
    interval: Interval
    template: str


class Series:
    """One chart's newest bars as lines, made once a tick for all who stream it. ``states`` only holds bars that
    somebody may still have to be told: the last closed one and the one in progress."""

    def __init__(self, market: Market, key: Key) -> None:
        self.market = market
        self.key = key
        self.moves_with = market.underlying(key.instrument)
        self.tick = -1
        self.states: dict[datetime, bytes] = {}

    def turn(self, tick: int, changed: Collection[Instrument], now: datetime) -> dict[datetime, bytes]:
        """The lines of the newest bars by their ends."""
        if tick != self.tick and (self.moves_with in changed or self._overdue(now)):
            self.tick = tick
            self.states = {bar.end: line(bar_json(bar, last=False, now=now)) for bar in self._newest(now)}
        return self.states

    def _overdue(self, now: datetime) -> bool:
        """Whether the bar in progress has come to its end."""
        return not self.states or (max(self.states) <= now and b'"Open"}' in self.states[max(self.states)])

    def _newest(self, now: datetime) -> list[Bar]:
        interval = self.key.interval
        chart = Chart(interval, self.key.template, 2, None, now)
        start = now - 2 * interval.count * LENGTHS[interval.unit]
        return bars_since(self.market, self.key.instrument, chart, start)[-2:]


_SERIES: "WeakKeyDictionary[Market, dict[Key, Series]]" = WeakKeyDictionary()


def series_of(market: Market, key: Key) -> Series:
    kept = _SERIES.setdefault(market, {})
    found = kept.get(key)
    if found is None:
        found = kept[key] = Series(market, key)
    return found


class BarStream(Stream):
    """One reader: it is told a bar's newest state, and every bar's last one, in order."""

    def __init__(self, world: "World", symbol: str, instrument: Instrument, chart: Chart, path: str) -> None:
        self.world = world
        self.chart = chart
        self.symbol = symbol
        self.instrument = instrument
        self.symbols = {symbol, to_wire(instrument), str(instrument)}
        self.withheld = is_withheld(world, symbol, instrument, path)
        self.series = series_of(world.market, Key(instrument, chart.interval, chart.template))
        self.after = chart.last - timedelta(days=1)
        self.waiting: dict[datetime, bytes] = {}
        self.said: dict[datetime, bytes] = {}

    def open(self) -> list[bytes]:
        if self.withheld:
            return [line({"Symbol": self.symbol, "Error": "FAILED, EX_NOT_ENTITLED"})]
        now = self.chart.last
        more = Chart(self.chart.interval, self.chart.template, self.chart.back + 1, None, now)
        bars = chart_bars(self.world.market, self.instrument, more)
        closed = [bar for bar in bars if bar.end <= now][-self.chart.back :]
        lines = [line(bar_json(bar, last=bar is closed[-1], now=now)) for bar in closed]
        running = {bar.end: line(bar_json(bar, last=False, now=now)) for bar in bars if bar.end > now}
        self.after = closed[-1].end if closed else now - timedelta(days=1)
        self.said = running
        return lines + list(running.values())

    def moved(self, changed: Collection[Instrument]) -> bool:
        if self.withheld:
            return False
        for end, told in self.series.turn(self.world.ticks, changed, self.world.market.now).items():
            if end > self.after and self.said.get(end) != told:
                self.said[end] = self.waiting[end] = told
        return bool(self.waiting)

    def take(self) -> list[bytes]:
        waiting, self.waiting = self.waiting, {}
        for end in sorted(self.said)[:-2]:
            del self.said[end]
            self.after = end
        return [waiting[end] for end in sorted(waiting)]


def stream_bars(ask: Ask) -> Connection:
    """M10. Unlike a chart's, its bars are counted back from now."""
    query = {name: each for name, each in ask.query.items() if name not in ("firstdate", "lastdate", "startdate")}
    chart = read_chart(query, ask.world.market.now)
    check(chart)
    symbol, instrument = symbol_or_404(ask.names, ask.world.market)
    pay(ask, chart)
    return Connection(ask, BarStream(ask.world, symbol, instrument, chart, ask.path))
