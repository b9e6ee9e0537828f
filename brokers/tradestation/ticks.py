"""Quote objects of the stream, whole at first and then only what changed, as ticks of the desk. No I/O."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from brokers.domain.instruments import Future, FutureOption, Instrument, Option
from brokers.domain.market import Tick
from brokers.errors import UnexpectedReply
from brokers.tradestation.codec.envelope import number, price
from brokers.tradestation.quoted import KEYS, Texts
from brokers.wire import Node, exact

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
CONTRACTS = Option | Future | FutureOption
UNTOLD = object()
NOTHING: Texts = (None,) * len(KEYS)
MOST_KEPT = 20_000


class _Figures(dict[str, Decimal | None]):
    """The numbers of texts of one field, read once: most come again and again."""

    def __init__(self, key: str, reader: Reader) -> None:
        self._key = key
        self._reader = reader

    def __missing__(self, text: str) -> Decimal | None:
        if len(self) >= MOST_KEPT:
            self.clear()
        try:
            figure = exact(text) or (None if self._reader is price else Decimal(0)) if text else None
        except ValueError:
            raise Node(text, self._key).wrong("a number") from None
        self[text] = figure
        return figure


NAMES = tuple(FIELDS[key][0] if key in FIELDS else "open_interest" for key in KEYS)
READ = tuple(_Figures(key, FIELDS[key][1] if key in FIELDS else number) for key in KEYS)


@dataclass(slots=True)
class _Known:
    """``values`` as they were told; a bid of 0 counts only beside an offer. ``texts``: those that they were last read
    from, as far as they are known."""

    values: dict[str, Decimal | None] = field(default_factory=dict)
    texts: list[str | None] = field(default_factory=lambda: [*NOTHING])
    at: datetime | None = None

    def bid(self) -> Decimal | None:
        """As it is to be taken: nobody bids 0 where nobody offers, there is no market then."""
        bid = self.values.get("bid")
        return None if bid == 0 and self.values.get("ask") is None else bid

    def shown(self) -> dict[str, Decimal | None]:
        return {**self.values, "bid": self.bid()} if "bid" in self.values else dict(self.values)


class Ticks:
    """What is known of each symbol. ``symbol`` is the broker's spelling in capitals."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def take(self, symbol: str, instrument: Instrument, node: Node, at: datetime, *, whole: bool) -> Tick | None:
        """The tick of an object: all its values when it is ``whole``, else those that changed; None for no news."""
        known = self._of(symbol)
        values = values_of(instrument, node)
        known.texts = [*NOTHING]
        return _news(known, instrument, values, at, whole, differ=False)

    def take_texts(
        self, symbol: str, instrument: Instrument, texts: Texts, at: datetime, *, whole: bool
    ) -> Tick | None:
        """The same of a quote's texts, in the order of ``KEYS``. One that was said before is not read again."""
        known = self._of(symbol)
        before, values = known.texts, {}
        try:
            for place, text in enumerate(texts):
                if text is not None and (before[place] != text or whole):
                    values[NAMES[place]] = READ[place][text]
                    before[place] = text
        except UnexpectedReply:
            known.texts = [*NOTHING]
            raise
        if "open_interest" in values and not isinstance(instrument, CONTRACTS):
            del values["open_interest"]
        return _news(known, instrument, values, at, whole, differ=True)

    def _of(self, symbol: str) -> _Known:
        if (known := self._known.get(symbol)) is None:
            known = self._known[symbol] = _Known()
        return known

    def known(self, symbol: str, instrument: Instrument) -> Tick | None:
        """All that was told of a symbol, for one who comes late."""
        known = self._known.get(symbol)
        return Tick(instrument, known.shown(), known.at) if known is not None and known.at is not None else None

    def keep_only(self, symbols: Collection[str]) -> None:
        self._known = {symbol: known for symbol, known in self._known.items() if symbol in symbols}


def values_of(instrument: Instrument, node: Node) -> dict[str, Decimal | None]:
    """The fields of a quote that an object names. Prices of 0 stand for "there is none", but for a bid's."""
    found = {name: read(node, key) for key, (name, read) in FIELDS.items() if key in node}
    if OPEN_INTEREST in node and isinstance(instrument, CONTRACTS):
        found["open_interest"] = number(node, OPEN_INTEREST)
    return found


def _news(
    known: _Known, instrument: Instrument, values: dict[str, Decimal | None], at: datetime, whole: bool, differ: bool
) -> Tick | None:
    """``differ``: the values are known to be others than before. ``values`` are for keeps."""
    before = known.values
    had_bid, bid_before = "bid" in before, known.bid()
    news = values
    if not (whole or differ):
        news = {name: one for name, one in values.items() if before.get(name, UNTOLD) != one}
    is_due = "bid" in values or (had_bid and "ask" in values and not whole)
    before.update(values)
    known.at = at
    if is_due:
        bid = known.bid()
        if whole or not had_bid or bid != bid_before:
            news["bid"] = bid
        else:
            news.pop("bid", None)
    return Tick(instrument, news, at) if news else None
