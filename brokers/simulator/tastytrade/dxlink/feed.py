"""What the market shows on DXLink: events made once a tick and encoded once for all who ask alike."""

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Literal, Protocol

from brokers.domain.instruments import Equity, Future, FutureOption, Index, Instrument, Option
from brokers.simulator.faults import Faults
from brokers.simulator.market import Bar, Book, Interval, Listing, Market, Print
from brokers.simulator.market.bars import runs
from brokers.simulator.tastytrade.dxlink import events
from brokers.simulator.tastytrade.dxlink.candles import CandleSymbol, candle, parse_candle_symbol, snapshot
from brokers.simulator.tastytrade.dxlink.frames import PAUSE, Event, Names, encode
from brokers.simulator.tastytrade.symbols import find_streamed

CANDLE_TICKS = 5  # candles in progress are looked at again after so many ticks
RUN = 300  # times the look-back for the candle in progress
SHORTEST_RUN, LONGEST_RUN = timedelta(hours=3), timedelta(days=20)
WHOLE = ("w", "mo", "y")
DAILY = Interval(1, "day")
FARTHEST = timedelta(days=365 * 20)
LOOKBACK = {
    "s": timedelta(seconds=3),
    "m": timedelta(minutes=3),
    "h": timedelta(hours=3),
    "d": timedelta(days=7),
    "w": timedelta(days=22),
    "mo": timedelta(days=70),
    "y": timedelta(days=800),
}


class FeedSwitches(Protocol):
    dxlink_delay: float


class MarketFeed:
    """What the made-up market shows. Books, events and their texts are made once per tick, however many ask."""

    def __init__(self, market: Market, faults: Faults, switches: FeedSwitches) -> None:
        self.market, self.faults, self.switches = market, faults, switches
        self.tick = -1
        self.listings: dict[str, Listing] = {}
        self.texts: dict[tuple[str, str, Names], str | None] = {}
        self.books: dict[Instrument, Book | None] = {}
        self.candles: dict[str, tuple[int, list[Event]]] = {}
        self.last_sale: dict[Instrument, datetime] = {}

    def turn(self, tick: int) -> None:
        """Forget what was made in an earlier tick: the market has moved on."""
        if tick != self.tick:
            self.tick = tick
            self.texts.clear()
            self.books.clear()

    def listing(self, symbol: str) -> Listing | None:
        found = self.listings.get(symbol) or self._find(symbol)
        if found is not None:
            self.listings[symbol] = found
        return found

    def _find(self, symbol: str) -> Listing | None:
        instrument = find_streamed(self.market, symbol)
        return None if instrument is None else self.market.listing(instrument)

    def moves_with(self, symbol: str) -> Instrument | None:
        candles = parse_candle_symbol(symbol)
        found = self.listing(candles.base if candles else symbol)
        return None if found is None else self.market.underlying(found.instrument)

    # Last values

    def piece(self, kind: str, symbol: str, names: Names) -> str | None:
        key = (kind, symbol, names)
        if key not in self.texts:
            event = self.event(kind, symbol)
            self.texts[key] = None if event is None else encode(event, names)
        return self.texts[key]

    def event(self, kind: str, symbol: str) -> Event | None:
        listing = self.listing(symbol)
        if listing is None or self.faults.on_stream("dxlink_no_data", symbols=(symbol,)):
            return None
        book = self._book(listing.instrument)
        values = None if book is None else self._values(kind, listing, book)
        if values is None:
            return None
        if self.faults.on_stream("dxlink_nan", symbols=(symbol,)):
            values = {name: value for name, value in values.items() if not isinstance(value, float)}
        return self._told({"eventType": kind, "eventSymbol": symbol, "eventTime": 0, **values})

    def _told(self, event: Event) -> Event:
        """The event with what a fault says of one of its fields; a number where it reads as one."""
        if not self.faults.plan or not self.faults.planned(("dxlink_field",)):
            return event
        symbol = str(event["eventSymbol"])
        fault = self.faults.struck("dxlink_field", symbols=(symbol, symbol.partition("{")[0]))
        name, _, value = fault.kind.partition("=") if fault is not None else ("", "", "")
        return event if name not in event else {**event, name: int(value) if value.isdecimal() else value}

    def _book(self, instrument: Instrument) -> Book | None:
        if instrument not in self.books:
            book = self.market.book(instrument)
            if book is not None and self.switches.dxlink_delay:
                book = events.delayed(book, self.market, self.switches.dxlink_delay)
            self.books[instrument] = book
        return self.books[instrument]

    def _values(self, kind: str, listing: Listing, book: Book) -> Event | None:
        instrument, market = listing.instrument, self.market
        match kind:
            case "Quote":
                return events.quote(book)
            case "Trade":
                return events.trade(book, market)
            case "TradeETH" if book.extended and isinstance(instrument, Equity):
                return events.trade_eth(book, market)
            case "Summary":
                return events.summary(book, market)
            case "Profile":
                return events.profile(listing, book, market)
            case "Greeks" if isinstance(instrument, Option | FutureOption):
                return events.greeks(book)
            case "TheoPrice" if isinstance(instrument, Option | FutureOption):
                return events.theo_price(book, self._book(market.underlying(instrument)))
            case "Underlying" if isinstance(instrument, Equity | Index):
                return events.underlying(book, market)
        return None

    # Trades

    def sales(self, symbol: str, names: Names) -> list[str]:
        listing = self.listing(symbol)
        if listing is None:
            return []
        instrument = listing.instrument
        prints = [one for one in self.market.prints if one.instrument == instrument]
        if not prints and isinstance(instrument, Option | FutureOption | Future):
            prints = self._derived_sale(instrument)
        return [encode(self._told(events.sale(symbol, one)), names) for one in prints]

    def _derived_sale(self, instrument: Instrument) -> list[Print]:
        """The last trade of a book that is made on demand, once."""
        book = self._book(instrument)
        if book is None or book.last is None or book.last_at is None or self.last_sale.get(instrument) == book.last_at:
            return []
        self.last_sale[instrument] = book.last_at
        side = 1 if book.last == book.ask else -1
        return [
            Print(
                instrument=instrument,
                at=book.last_at,
                price=book.last,
                size=book.last_size,
                bid=book.bid,
                ask=book.ask,
                side=side,
                extended=book.extended,
                sequence=book.version,
            )
        ]

    # Series

    def series(self, kind: str, symbol: str, since_ms: int | None, names: Names) -> Iterator[str]:
        events = self._candle_snapshot(symbol, since_ms) if kind == "Candle" else self._expirations(symbol)
        return (PAUSE if event is None else encode(self._told(event), names) for event in events)

    def _candle_snapshot(self, symbol: str, since_ms: int | None) -> Iterator[Event | None]:
        """Candles back to a time; without one only the candle in progress."""
        wanted = parse_candle_symbol(symbol)
        if wanted is None or self.listing(wanted.base) is None:
            return
        if since_ms is None:
            yield from self._candles(symbol)[-1:]
            return
        start = max(datetime.fromtimestamp(max(since_ms, 0) / 1000, timezone.utc), self.market.now - FARTHEST)
        yield from snapshot(wanted.text, self._runs(wanted, start), since_ms)

    def _runs(self, wanted: CandleSymbol, start: datetime) -> Iterator[list[Bar]]:
        """The bars from a time on in runs that are made in a moment, the newest run first."""
        listing, interval, last = self.listing(wanted.base), wanted.interval, self.market.now
        if listing is None or interval is None:
            return
        if wanted.unit in WHOLE and wanted.count == 1 and wanted.unit != "y":
            for first, until in reversed([*runs(DAILY, start, last)]):
                yield self.market.bars(listing.instrument, interval, first, until, self._hours(wanted, listing))
            return
        if wanted.unit in WHOLE:
            yield from self.market.bar_runs(listing.instrument, interval, start, last, self._hours(wanted, listing))
            return
        length = min(max(RUN * LOOKBACK[wanted.unit] * wanted.count, SHORTEST_RUN), LONGEST_RUN)
        while last > start:
            first = max(start, last - length)
            yield self.market.bars(listing.instrument, interval, first, last, self._hours(wanted, listing))
            last = first

    def _bars(self, wanted: CandleSymbol, start: datetime) -> list[Bar]:
        listing, interval = self.listing(wanted.base), wanted.interval
        if listing is None or interval is None or start > self.market.now:
            return []
        return self.market.bars(listing.instrument, interval, start, self.market.now, self._hours(wanted, listing))

    def _hours(self, wanted: CandleSymbol, listing: Listing) -> Literal["regular", "extended"]:
        always = isinstance(listing.instrument, Option | Index) or wanted.regular
        return "regular" if always else "extended"

    def live(self, symbol: str, names: Names) -> list[str]:
        return [encode(self._told(event), names) for event in self._candles(symbol)]

    def _candles(self, symbol: str) -> list[Event]:
        """The last two candles: the one before as it ended, and the one in progress."""
        made, found = self.candles.get(symbol, (-CANDLE_TICKS, []))
        wanted = parse_candle_symbol(symbol)
        if wanted is not None and self.tick - made >= CANDLE_TICKS and wanted.interval is not None:
            start = self.market.now - LOOKBACK[wanted.unit] * wanted.count
            found = [candle(wanted.text, bar) for bar in self._bars(wanted, start)[-2:]]
            self.candles[symbol] = (self.tick, found)
        return found

    def _expirations(self, symbol: str) -> Iterator[Event]:
        """One event for each expiration: its implied volatility and what traded."""
        listing = self.listing(symbol)
        return iter(()) if listing is None else events.series(symbol, listing.instrument, self.market)
