"""A watchlist as rows: each symbol with its quote and what changed since yesterday, in the person's order or sorted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from brokers.domain.instruments import Instrument, Other
from brokers.domain.market import Quote
from brokers.models import Account
from market import quoting
from market.finder import symbol_url
from market.models import Watchlist

SORTS = {"": "Own order", "symbol": "Symbol", "last": "Last", "change": "Change", "volume": "Volume"}


@dataclass(frozen=True, slots=True)
class Row:
    """One symbol with its quote; ``change`` since the close before, per unit, ``share`` as a fraction of it."""

    symbol: str
    instrument: Instrument
    href: str
    quote: Quote | None
    change: Decimal | None
    share: Decimal | None


def rows_of(watchlist: Watchlist, account: Account | None, sort: str = "") -> list[Row]:
    """In the person's order, or sorted by a column; what is not known comes last."""
    instruments = watchlist.instruments
    asked = [one for one in instruments if not isinstance(one, Other)]
    quotes = quoting.quotes_of(account.connection, asked).found if account is not None and asked else {}
    rows = [_row(one, quotes, account) for one in instruments]
    if sort == "symbol":
        return sorted(rows, key=lambda row: row.symbol)
    if sort in ("last", "change", "volume"):
        figure = _figure(sort)
        return sorted(rows, key=lambda row: (figure(row) is None, -(figure(row) or 0)))
    return rows


def _figure(sort: str) -> Callable[[Row], Decimal | None]:
    if sort == "change":
        return lambda row: row.share
    return lambda row: getattr(row.quote, sort) if row.quote is not None else None


def _row(instrument: Instrument, quotes: Mapping[Instrument, Quote], account: Account | None) -> Row:
    quote = quotes.get(instrument)
    change, share = change_of(quote)
    symbol = str(instrument)
    return Row(symbol, instrument, symbol_url(symbol, account), quote, change, share)


def change_of(quote: Quote | None) -> tuple[Decimal | None, Decimal | None]:
    """Of the last price since the close before: per unit, and as a fraction."""
    if quote is None or quote.last is None or not quote.prev_close:
        return None, None
    change = quote.last - quote.prev_close
    return change, change / quote.prev_close
