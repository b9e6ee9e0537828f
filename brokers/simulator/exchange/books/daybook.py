"""Sums over an account's history of today and the last days, kept up to date entry by entry."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from brokers.domain.instruments import Equity, Instrument, Option
from brokers.simulator.exchange.books.accounts import ZERO, SimAccount, SimTransaction

DAY_TRADE_SESSIONS = 5


@dataclass(slots=True)
class DaySums:
    """``commissions`` (negative) and ``sales`` (proceeds of shares and options, which settle tomorrow) of ``day``;
    ``day_trades``: what was opened and closed within one of the sessions from ``since`` on."""

    day: date | None = None
    since: date | None = None
    seen: int = 0
    commissions: Decimal = ZERO
    sales: Decimal = ZERO
    day_trades: int = 0
    opened: set[tuple[date, Instrument]] = field(default_factory=set)


def sums_of(account: SimAccount, day: date, last: DaySums, previous: Callable[[date], date]) -> DaySums:
    """The sums as of now, given those of the last look; ``previous`` names the session before a date."""
    if last.day != day or last.seen > len(account.transactions):
        last = DaySums(day, _first(day, previous))
    for entry in account.transactions[last.seen :]:
        _count(last, entry)
    last.seen = len(account.transactions)
    return last


def _first(day: date, previous: Callable[[date], date]) -> date:
    for _ in range(DAY_TRADE_SESSIONS - 1):
        day = previous(day)
    return day


def _count(sums: DaySums, entry: SimTransaction) -> None:
    if entry.kind != "trade" or entry.action is None or entry.instrument is None:
        return
    if entry.date == sums.day:
        sums.commissions += entry.fees.get("commission", ZERO)
    if not isinstance(entry.instrument, Equity | Option):
        return
    if entry.date == sums.day and not entry.action.is_buy:
        sums.sales += max(ZERO, entry.net_value)
    if sums.since is not None and entry.date >= sums.since:
        _count_day_trade(sums, entry, (entry.date, entry.instrument))


def _count_day_trade(sums: DaySums, entry: SimTransaction, key: tuple[date, Instrument]) -> None:
    if entry.action is not None and entry.action.opens:
        sums.opened.add(key)
    elif key in sums.opened:
        sums.opened.discard(key)
        sums.day_trades += 1
