"""Quote objects of the stream, whole at first and then only what changed, as ticks of the desk. No I/O."""

from collections import defaultdict
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
AT = "at"
CONTRACTS = Option | Future | FutureOption


class Ticks:
    """What is known of each symbol, in capitals, by the broker's names, and since when; what is no figure may be among
    it. A bid of 0 counts only beside an offer: it is ``unsure``."""

    def __init__(self) -> None:
        self._known: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        self._unsure: set[str] = set()

    def take(self, symbol: str, instrument: Instrument | None, node: Node, at: datetime, *, whole: bool) -> Tick | None:
        """The tick of an object: all its values when it is ``whole``, else those that changed; None for no news, and
        where nobody wants the instrument: what is told is noted for one who comes late."""
        return self._tick(symbol, instrument, values_of(node), at, whole)

    def take_quotes(
        self, quotes: Quotes, wanted: Mapping[str, Instrument], at: datetime, seen: Collection[str] = ()
    ) -> Sequence[Tick | Deltas]:
        """The same of lines read at speed; ``seen``: symbols whose whole was told before. Plain lines are
        told as they came, be they news or not."""
        symbols = quotes.symbols
        if quotes.are_plain and not (self._unsure and self._unsure.intersection(symbols)):
            for known, told in zip(map(self._known.__getitem__, symbols), quotes.told, strict=True):
                known.update(told)
                known[AT] = at
            return [Deltas([*map(wanted.get, symbols)], quotes.told, OF_ALL, at)]
        told_whole, ticks = set(seen), []
        for symbol, told in zip(symbols, quotes.told, strict=True):
            tick = self._tick(symbol, wanted.get(symbol), _figures(told), at, symbol not in told_whole)
            told_whole.add(symbol)
            ticks += [tick] if tick is not None else []
        return ticks

    def _tick(
        self, symbol: str, instrument: Instrument | None, values: dict[str, Decimal | None], at: datetime, whole: bool
    ) -> Tick | None:
        known = self._known[symbol]
        news = _news(known, values, whole)
        known[AT] = at
        (self._unsure.add if known.get("Bid") == 0 else self._unsure.discard)(symbol)
        found = _named(instrument, news) if instrument is not None else {}
        return Tick(instrument, found, at) if instrument is not None and found else None

    def known(self, symbol: str, instrument: Instrument) -> Tick | None:
        """All that was told of a symbol, for one who comes late."""
        known = self._known.get(symbol)
        if known is None:
            return None
        shown = {**known, "Bid": _bid(known)} if "Bid" in known else known
        found = _named(instrument, shown)
        return Tick(instrument, found, known[AT]) if found else None

    def keep_only(self, symbols: Collection[str]) -> None:
        for symbol in self._known.keys() - symbols:
            del self._known[symbol]
        self._unsure.intersection_update(symbols)


def values_of(node: Node) -> dict[str, Decimal | None]:
    """The figures of a quote that an object names. Prices of 0 stand for "there is none", but for a bid's."""
    return {key: read(node, key) for key, (_, read) in FIELDS.items() if key in node}


def _figures(told: Mapping[str, Any]) -> dict[str, Decimal | None]:
    """The same of a line that was read at speed."""
    found = {key: exact(value) for key, value in told.items() if key in NAMES}
    return {key: None if value == 0 and key in NONE_AT_ZERO else value for key, value in found.items()}


def _named(instrument: Instrument, values: Mapping[str, Any]) -> dict[str, Decimal | None]:
    """By the desk's names, as far as the instrument has such figures."""
    names = NAMES if isinstance(instrument, CONTRACTS) else OF_ALL
    return {names[key]: exact(value) for key, value in values.items() if key in names}


def _bid(known: Mapping[str, Any]) -> Any:
    """As it is to be taken: nobody bids 0 where nobody offers, there is no market then."""
    bid = known.get("Bid")
    return None if bid == 0 and known.get("Ask") is None else bid


def _news(before: dict[str, Any], values: dict[str, Decimal | None], whole: bool) -> dict[str, Decimal | None]:
    """What of these values is to be told; they are known from now on."""
    had_bid, bid_before = "Bid" in before, _bid(before)
    news = dict(values)
    if not whole:
        news = {key: one for key, one in values.items() if key not in before or exact(before[key]) != one}
    is_due = "Bid" in values or (had_bid and "Ask" in values and not whole)
    before.update(values)
    if is_due:
        bid = _bid(before)
        if whole or not had_bid or bid != exact(bid_before):
            news["Bid"] = bid
        else:
            news.pop("Bid", None)
    return news
