"""A quote stream's lines at speed: plain quotes, many in one go, and nothing else.

Whatever is not entirely as it should be (an error, a heartbeat, a number that is no text) is left to ``chunks``, which
reads with care and says what is wrong where.
"""

from typing import TypeAlias

import msgspec

Texts: TypeAlias = tuple[str | None, ...]


class _Flags(msgspec.Struct, gc=False):
    IsDelayed: bool | None = None


class Quoted(msgspec.Struct, gc=False):
    """A quote as it came; what is not said is None. The names are the broker's, in its own spelling."""

    Symbol: str
    MarketFlags: _Flags | None = None
    Bid: str | None = None
    Ask: str | None = None
    BidSize: str | None = None
    AskSize: str | None = None
    Last: str | None = None
    Open: str | None = None
    High: str | None = None
    Low: str | None = None
    PreviousClose: str | None = None
    Volume: str | None = None
    DailyOpenInterest: str | None = None
    Heartbeat: None = None
    StreamStatus: None = None
    Error: None = None
    Deleted: None = None

    @property
    def symbol(self) -> str:
        """In capitals."""
        return self.Symbol.upper()

    @property
    def is_delayed(self) -> bool | None:
        """None where nothing is said of it."""
        return None if self.MarketFlags is None else self.MarketFlags.IsDelayed

    @property
    def texts(self) -> Texts:
        """Those of ``KEYS``, None where nothing is said."""
        return msgspec.structs.astuple(self)[FIRST:LAST]


FIRST, LAST = 2, -4
KEYS = Quoted.__struct_fields__[FIRST:LAST]
_decode_lines = msgspec.json.Decoder(Quoted).decode_lines


def read_quoted(lines: bytes) -> list[Quoted] | None:
    """The quotes of whole lines; None where one of them is something else, or wants a closer look."""
    try:
        return _decode_lines(lines)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
