"""A quote stream's lines at speed: plain quotes, many in one go, and nothing else.

The parser itself reads the numbers out of their texts and holds them against bounds; they stay as it has them
(``brokers.domain.raw``) until somebody asks for the decimal. Whatever is not entirely as it should be (an error, a
heartbeat, a number that is none) is left to ``chunks``, which reads with care and says what is wrong where.
"""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Annotated, Any, Required, TypeAlias, TypedDict

import msgspec
from msgspec import Meta

Told: TypeAlias = Mapping[str, Any]
"""What one line says: figures by ``KEYS``; ``Symbol`` and ``MarketFlags`` are among them."""

OPEN_INTEREST = "DailyOpenInterest"
PRICES = ("Open", "High", "Low", "PreviousClose", "Last", "Ask", "Bid")
KEYS = ("Open", "High", "Low", "PreviousClose", "Last", "Ask", "AskSize", "Bid", "BidSize", "Volume", OPEN_INTEREST)
"""In the order in which they come: there the parser looks for each first."""
OTHERS = ("Heartbeat", "StreamStatus", "Error", "Deleted")
LARGEST, LARGEST_WHOLE = 1e40, 10**18
PRICE: Any = Annotated[int, Meta(gt=0, lt=LARGEST_WHOLE)] | Annotated[float, Meta(gt=0, lt=LARGEST)]
SIZE: Any = Annotated[int, Meta(ge=0, lt=LARGEST_WHOLE)] | Annotated[float, Meta(ge=0, lt=LARGEST)]
ANY: Any = Annotated[int, Meta(gt=-LARGEST_WHOLE, lt=LARGEST_WHOLE)] | Annotated[float, Meta(gt=-LARGEST, lt=LARGEST)]
"""What is infinite or no number is beyond all bounds."""
NOTHING: Any = Annotated[int, Meta(gt=0, lt=1)]
"""No value is of this type, also not the null that a text may spell."""


class Flags(msgspec.Struct, gc=False):
    IsDelayed: bool | None = None


class Quotes(msgspec.Struct, frozen=True, gc=False):
    """Lines in their order; ``symbols`` in capitals. ``are_plain``: each figure stands for itself. Otherwise there are
    prices of 0, which may mean that there is none, or below, or an open interest, which not all instruments have."""

    symbols: Sequence[str]
    told: Sequence[Told]
    are_plain: bool

    def are_delayed(self) -> dict[str, bool]:
        """By symbol, of those of which a line says it."""
        flags = [told.get("MarketFlags") for told in self.told]
        found = zip(self.symbols, flags, strict=True)
        return {symbol: each.IsDelayed for symbol, each in found if each is not None and each.IsDelayed is not None}


def _decoder(figures: Mapping[str, Any]) -> Callable[[bytes], list[dict[str, Any]]]:
    """Of lines with figures such as these. Fields that nobody asks for are passed over, those of ``OTHERS`` are not."""
    typed: Any = TypedDict
    fields = {"Symbol": Required[str], **figures, "MarketFlags": Flags, **dict.fromkeys(OTHERS, NOTHING)}
    read: Callable[[bytes], list[dict[str, Any]]] = msgspec.json.Decoder(
        typed("Line", fields, total=False), strict=False
    ).decode_lines
    return read


_read_plain = _decoder({key: PRICE if key in PRICES else SIZE for key in KEYS} | {OPEN_INTEREST: NOTHING})
_symbol = itemgetter("Symbol")
_read_any = _decoder(dict.fromkeys(KEYS, ANY))
UNUSUAL = (msgspec.DecodeError, ValueError, RecursionError)


def read_quoted(lines: bytes) -> list[Quotes] | None:
    """The quotes of whole lines; None where one of them is something else, or wants a closer look."""
    try:
        return _quotes(_read_plain(lines), are_plain=True)
    except UNUSUAL:
        pass
    try:
        return _quotes(_read_any(lines), are_plain=False)
    except UNUSUAL:
        return None


def _quotes(told: list[dict[str, Any]], *, are_plain: bool) -> list[Quotes]:
    symbols = [*map(_symbol, told)]
    if not "".join(symbols).isupper():
        symbols = [symbol.upper() for symbol in symbols]
    return [Quotes(symbols, told, are_plain)] if told else []
