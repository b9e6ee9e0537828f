"""One feed channel: its agreed form, what it is subscribed to, and what is due to be sent."""

import time
from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from brokers.domain.instruments import Instrument
from brokers.simulator.tastytrade.dxlink.frames import FIELDS, PAUSE, Names, data_frames

PERIOD = 0.1
FRAMES_AT_ONCE = 8  # of a long snapshot; the rest follows when these are sent
MOMENT = 0.06  # seconds of work on a snapshot before others have their turn
MOST_SALES = 10_000  # that wait for a slow reader; the oldest are let go


class Feed(Protocol):
    """Where events come from, each already encoded for the names that are asked for (None: as an object)."""

    def moves_with(self, symbol: str) -> Instrument | None:
        """The instrument whose change changes this symbol; None when nothing is known of the symbol."""
        ...

    def piece(self, kind: str, symbol: str, names: Names) -> str | None:
        """The newest event; None when there is none."""
        ...

    def sales(self, symbol: str, names: Names) -> list[str]:
        """The trades since the last tick."""
        ...

    def series(self, kind: str, symbol: str, since_ms: int | None, names: Names) -> Iterator[str]:
        """A snapshot of an indexed series, from its newest event back to a time."""
        ...

    def live(self, symbol: str, names: Names) -> list[str]:
        """The candles in progress: the last one, and for a while the one before it in its final form."""
        ...


@dataclass
class Channel:
    """Subscriptions by type. ``movers`` says what an instrument's change makes due."""

    number: int
    compact: bool = False
    period: float = PERIOD
    fields: dict[str, tuple[str, ...]] = field(default_factory=lambda: dict(FIELDS))
    announced: set[str] = field(default_factory=set)
    wanted: dict[str, dict[str, Instrument | None]] = field(default_factory=dict)
    movers: dict[Instrument, dict[str, set[str]]] = field(default_factory=dict)
    dirty: dict[str, set[str]] = field(default_factory=dict)
    sent: dict[tuple[str, str], str | list[str]] = field(default_factory=dict)
    backlog: deque[tuple[tuple[str, str], Iterator[str]]] = field(default_factory=deque)
    sold: deque[str] = field(default_factory=lambda: deque(maxlen=MOST_SALES))
    due_at: float = 0.0

    def __len__(self) -> int:
        return sum(len(symbols) for symbols in self.wanted.values())

    def count(self, kind: str) -> int:
        return len(self.wanted.get(kind, ()))

    def names(self, kind: str) -> Names:
        return self.fields[kind] if self.compact else None

    def add(self, kind: str, symbol: str, since_ms: int | None, feed: Feed) -> None:
        mover = feed.moves_with(symbol)
        self.wanted.setdefault(kind, {})[symbol] = mover
        self.sent.pop((kind, symbol), None)
        if mover is not None:
            self.movers.setdefault(mover, {}).setdefault(kind, set()).add(symbol)
        if kind in ("Candle", "Series") and kind in self.fields:
            pieces = feed.series(kind, symbol, since_ms, self.names(kind))
            frames = data_frames(self.number, kind if self.compact else None, pieces)
            self.backlog.append(((kind, symbol), frames))
        elif kind != "TimeAndSale":
            self.dirty.setdefault(kind, set()).add(symbol)

    def remove(self, kind: str, symbol: str) -> None:
        mover = self.wanted.get(kind, {}).pop(symbol, None)
        self.sent.pop((kind, symbol), None)
        self.dirty.get(kind, set()).discard(symbol)
        self.backlog = deque(entry for entry in self.backlog if entry[0] != (kind, symbol))
        if mover is not None:
            self.movers[mover][kind].discard(symbol)

    def clear(self) -> None:
        for each in (self.wanted, self.dirty, self.sent, self.movers, self.backlog, self.sold):
            each.clear()

    def changed(self, instruments: Collection[Instrument], feed: Feed) -> None:
        """Mark what depends on these as due, and keep the trades that were printed."""
        for mover in self.movers.keys() & instruments:
            for kind, symbols in self.movers[mover].items():
                if kind == "TimeAndSale":
                    for symbol in symbols:
                        self.sold.extend(feed.sales(symbol, self.names(kind)))
                elif symbols:
                    self.dirty.setdefault(kind, set()).update(symbols)

    @property
    def has_news(self) -> bool:
        return bool(self.backlog or self.sold or any(self.dirty.values()))

    def data(self, now: float, feed: Feed) -> Iterator[str]:
        """The frames that are due: what changed, then the next part of a snapshot."""
        self.due_at = now + self.period - 0.02
        dirty, self.dirty = self.dirty, {}
        for kind in sorted(dirty):
            yield from self._frames(kind, self._news(kind, dirty[kind], feed))
        if self.sold:
            sold, self.sold = list(self.sold), deque(maxlen=MOST_SALES)
            yield from self._frames("TimeAndSale", sold)
        yield from self._next_of_backlog()

    def _frames(self, kind: str, pieces: list[str]) -> Iterator[str]:
        return data_frames(self.number, kind if self.compact else None, pieces)

    def _news(self, kind: str, symbols: set[str], feed: Feed) -> list[str]:
        if kind not in self.fields:
            return []
        if kind == "Candle":
            return self._candles(symbols, feed)
        names, found = self.names(kind), []
        for symbol in sorted(symbols):
            piece = feed.piece(kind, symbol, names)
            if piece is not None and self.sent.get((kind, symbol)) != piece:
                self.sent[kind, symbol] = piece
                found.append(piece)
        return found

    def _candles(self, symbols: set[str], feed: Feed) -> list[str]:
        """Candles in progress; those whose snapshot is still on its way have to wait."""
        names, waiting, found = self.names("Candle"), {key[1] for key, _ in self.backlog if key[0] == "Candle"}, []
        for symbol in sorted(symbols - waiting):
            pieces = feed.live(symbol, names)
            before = self.sent.get(("Candle", symbol), ())
            found += [piece for piece in pieces if piece not in before]
            self.sent["Candle", symbol] = pieces
        return found

    def _next_of_backlog(self) -> Iterator[str]:
        """As many frames as are sent at once, or as are made in a moment."""
        room, until = FRAMES_AT_ONCE, time.monotonic() + MOMENT
        while self.backlog and room > 0 and time.monotonic() < until:
            text = next(self.backlog[0][1], None)
            if text is None:
                self.backlog.popleft()
            elif text != PAUSE:
                room -= 1
                yield text
