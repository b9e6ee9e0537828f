"""Candle symbols and candle events: ``AAPL{=5m}``, the flags of a snapshot, bars as the feed writes them (7.6)."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from brokers.simulator.market import Bar, Interval
from brokers.simulator.market.bars import Unit
from brokers.simulator.tastytrade.dxlink.frames import Event, Value

REMOVE, BEGIN, END, SNIP = 2, 4, 8, 16
LONGEST = 30_000  # candles in one snapshot; older ones are snipped off
UNITS: dict[str, Unit] = {
    "s": "second",
    "m": "minute",
    "h": "hour",
    "d": "day",
    "w": "week",
    "mo": "month",
    "y": "year",
}
LONGEST_PERIODS: dict[Unit, int] = {
    "second": 86_400,
    "minute": 10_080,
    "hour": 168,
    "day": 31,
    "week": 13,
    "month": 12,
    "year": 1,
}
SYMBOL = re.compile(r"(?P<base>[^{}]+)\{(?P<attributes>[^{}]*)\}")
PERIOD = re.compile(r"(\d{0,6})(mo|[smhdwytvpo])")
USUAL = {"tho": "false", "a": "m", "price": "last"}


@dataclass(frozen=True)
class CandleSymbol:
    """A parsed candle symbol. ``count`` units make a candle; ``regular`` leaves out what is traded outside hours."""

    base: str
    count: int
    unit: str
    attributes: tuple[tuple[str, str], ...] = ()

    @property
    def text(self) -> str:
        """The normalised form in which events come: a count of 1 and usual attributes are left out."""
        period = f"={self.count if self.count > 1 else ''}{self.unit}"
        return f"{self.base}{{{','.join([period, *(f'{name}={value}' for name, value in self.attributes)])}}}"

    @property
    def regular(self) -> bool:
        return ("tho", "true") in self.attributes

    @property
    def interval(self) -> Interval | None:
        """None for candles by ticks, volume or price, which the market does not make, and for those beyond a year."""
        unit = UNITS.get(self.unit)
        return Interval(self.count, unit) if unit and self.count <= LONGEST_PERIODS[unit] else None


def parse_candle_symbol(text: str) -> CandleSymbol | None:
    """None for what is not a candle symbol."""
    found = SYMBOL.fullmatch(text)
    if found is None:
        return None
    given = dict(part.partition("=")[::2] for part in found["attributes"].split(",") if part)
    period = PERIOD.fullmatch(given.pop("", "d") or "d")
    count = int(period[1] or 1) if period else 0
    if period is None or count < 1:
        return None
    kept = sorted((name, value) for name, value in given.items() if USUAL.get(name) != value)
    return CandleSymbol(found["base"], count, period[2], tuple(kept))


def candle(symbol: str, bar: Bar, flags: int = 0) -> Event:
    """A bar as an event; ``index`` orders and names it: the seconds of its begin in the upper half."""
    return _at(symbol, milliseconds(bar.start), flags) | {
        "count": bar.ticks,
        "open": float(bar.open),
        "high": float(bar.high),
        "low": float(bar.low),
        "close": float(bar.close),
        "volume": float(bar.volume),
        "VWAP": round(float(bar.vwap), 6),
        "bidVolume": float(bar.down_volume),
        "askVolume": float(bar.volume - bar.down_volume),
        "impVolatility": "NaN" if bar.iv is None else round(bar.iv, 6),
        "openInterest": float(bar.open_interest),
    }


def snapshot(symbol: str, runs: Iterable[Sequence[Bar]], since_ms: int) -> Iterator[Event | None]:
    """Newest first, begun by a flag, ended by an empty candle at the asked time (or by a snip).

    ``runs`` are bars in order of time, the newest run first; between two of them comes None: time to pause.
    """
    count, last = 0, None
    for run in runs:
        yield None
        for bar in reversed(run):
            if last is not None:
                yield candle(symbol, last, (BEGIN if count == 1 else 0) | (SNIP if count == LONGEST else 0))
            if count == LONGEST:
                return
            last, count = bar, count + 1
    if last is not None:
        yield candle(symbol, last, BEGIN if count == 1 else 0)
    yield _at(symbol, since_ms, REMOVE | END | (0 if count else BEGIN))


def _at(symbol: str, at_ms: int, flags: int) -> dict[str, Value]:
    index = at_ms // 1000 << 32 | at_ms % 1000 << 22
    return {
        "eventType": "Candle",
        "eventSymbol": symbol,
        "eventTime": 0,
        "eventFlags": flags,
        "index": index,
        "time": at_ms,
        "sequence": 0,
    }


def milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
