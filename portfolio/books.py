"""What the pages show: accounts with their holdings valued, SIM and LIVE never in one sum."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from brokers.domain.accounts import Balance, Position
from brokers.domain.instruments import Future, Index, Other, plain
from brokers.domain.orders import MAX_LEGS, Action
from brokers.models import Account
from portfolio.holdings import Holdings, Part
from portfolio.strategies import CUSTOM, namer, parted
from portfolio.valuation import (
    Group,
    Sum,
    Totals,
    Valued,
    add_up,
    delta_each,
    delta_size,
    group_by_underlying,
    total,
    value_all,
)


@dataclass(frozen=True, slots=True)
class Row:
    """One holding of one account as a table row; ``data`` is what the page needs to value it anew at a new price."""

    valued: Valued
    symbol: str
    data: dict[str, str]
    close_url: str

    @property
    def attributes(self) -> SafeString:
        """``data`` as attributes of an element."""
        return format_html_join(" ", 'data-{}="{}"', self.data.items())

    @property
    def position(self) -> Position:
        return self.valued.position

    @property
    def is_closed(self) -> bool:
        return self.position.quantity == 0


@dataclass(frozen=True, slots=True)
class RowGroup:
    underlying: str
    rows: tuple[Row, ...]
    totals: Totals
    title: str
    key: str

    @property
    def closable(self) -> tuple[Row, ...]:
        """Those that one order closes together: two to four; none where they are more."""
        found = tuple(row for row in self.rows if row.close_url)
        return found if 2 <= len(found) <= MAX_LEGS else ()


@dataclass(frozen=True, slots=True)
class Book:
    """One account. ``groups`` and ``totals`` are None when its positions are not known (not: when there are none)."""

    holdings: Holdings
    groups: tuple[RowGroup, ...] | None
    totals: Totals | None

    @property
    def account(self) -> Account:
        return self.holdings.account

    @property
    def balance(self) -> Part[Balance]:
        return self.holdings.balance

    @property
    def positions(self) -> Part[tuple[Position, ...]]:
        return self.holdings.held.positions

    @property
    def rows(self) -> tuple[Row, ...]:
        return tuple(row for group in self.groups or () for row in group.rows)


@dataclass(frozen=True, slots=True)
class BalanceTotals:
    """Sums over accounts; ``as_of`` is the oldest of their times."""

    cash: Sum
    net_liquidating_value: Sum
    stock_buying_power: Sum
    option_buying_power: Sum
    as_of: datetime | None


@dataclass(frozen=True, slots=True)
class World:
    """The accounts of one environment, and their sums where several are shown in one currency."""

    environment: str
    books: tuple[Book, ...]
    balances: BalanceTotals | None
    totals: Totals | None

    @property
    def is_stale(self) -> bool:
        """Whether a part of the sums is as last known, not as the broker says now."""
        return any(book.balance.is_stale or book.positions.is_stale for book in self.books)

    @property
    def unknown(self) -> int:
        """Of how many accounts the positions are not known."""
        return sum(1 for book in self.books if book.totals is None)


class Grouping(StrEnum):
    """What the rows of a table are put together by; the values stand in addresses."""

    UNDERLYING = "underlying"
    STRATEGY = "strategy"


def open_book(holdings: Holdings, now: datetime, by: Grouping = Grouping.UNDERLYING) -> Book:
    held = holdings.held
    if held.positions.known is None:
        return Book(holdings, None, None)
    valued = value_all(held.positions.known, held.quotes, now)
    groups = tuple(_row_group(holdings.account, group) for group in _groups(valued, by))
    return Book(holdings, groups, total(valued))


def _groups(valued: Sequence[Valued], by: Grouping) -> Iterator[Group]:
    for group in group_by_underlying(valued):
        if by is Grouping.UNDERLYING:
            yield group
        else:
            for title, members in parted(group.holdings, namer()):
                words = f"{group.underlying} {title}" if title == CUSTOM else title
                yield Group(group.underlying, members, total(members), words)


def _row_group(account: Account, group: Group) -> RowGroup:
    rows = tuple(_row(account, each) for each in group.holdings)
    title = group.title or group.underlying
    return RowGroup(group.underlying, rows, group.totals, title, f"{title}:{rows[0].symbol}" if group.title else title)


def worlds(books: Iterable[Book]) -> list[World]:
    """SIM and LIVE apart, LIVE first."""
    by_environment: dict[str, list[Book]] = {}
    for book in books:
        by_environment.setdefault(book.account.connection.environment, []).append(book)
    return [_world(environment, tuple(found)) for environment, found in sorted(by_environment.items())]


def _world(environment: str, books: tuple[Book, ...]) -> World:
    currencies = {book.balance.known.currency for book in books if book.balance.known is not None}
    if len(books) < 2 or len(currencies) > 1:
        return World(environment, books, None, None)
    valued = [row.valued for book in books for row in book.rows]
    return World(environment, books, _add_balances(books), _with_unknown_books(total(valued), books))


def _add_balances(books: Sequence[Book]) -> BalanceTotals:
    known = [book.balance.known for book in books]

    def over(name: str) -> Sum:
        return add_up(None if balance is None else getattr(balance, name) for balance in known)

    return BalanceTotals(
        cash=over("cash"),
        net_liquidating_value=over("net_liquidating_value"),
        stock_buying_power=over("stock_buying_power"),
        option_buying_power=over("option_buying_power"),
        as_of=min((balance.as_of for balance in known if balance is not None), default=None),
    )


def _with_unknown_books(totals: Totals, books: Sequence[Book]) -> Totals:
    """An account whose positions are not known is one more missing part of each sum."""
    unknown = sum(1 for book in books if book.totals is None)
    if not unknown:
        return totals

    def less(known: Sum) -> Sum:
        return Sum(None if unknown == len(books) else known.amount, known.missing + unknown)

    return Totals(
        value=less(totals.value),
        cost=less(totals.cost),
        gain_open=less(totals.gain_open),
        gain_open_share=None,
        gain_day=less(totals.gain_day),
        delta=less(totals.delta),
        marked_at=totals.marked_at,
    )


def _row(account: Account, valued: Valued) -> Row:
    position = valued.position
    symbol = str(position.instrument)
    data = {
        "key": f"{account.pk}:{symbol}",
        "connection": str(account.connection_id),
        "symbol": symbol,
        "quantity": _digits(position.quantity),
        "multiplier": _digits(position.multiplier),
        "open-price": _digits(position.average_open_price),
        "day-open-price": _digits(valued.day_open_price),
        "realized-day": _digits(position.realized_day),
        "mark": _digits(valued.mark),
        "delta-size": _digits(delta_size(position)),
        "delta": _digits(delta_each(position, valued.quote)),
    }
    if valued.marked_at is not None:
        data["marked-at"] = data["as-of"] = valued.marked_at.isoformat()
    if isinstance(position.instrument, Future):
        data["settles"] = "daily" if position.settles_daily else "closed"
    return Row(valued, symbol, data, _close_url(account, position))


def _digits(figure: Decimal | None) -> str:
    return "" if figure is None else plain(figure)


def closing_action(position: Position) -> Action:
    if isinstance(position.instrument, Future):
        return Action.SELL if position.quantity > 0 else Action.BUY
    return Action.SELL_TO_CLOSE if position.quantity > 0 else Action.BUY_TO_CLOSE


def _close_url(account: Account, position: Position) -> str:
    """The ticket, filled in to close the whole holding; nothing where there is nothing to close or no right to."""
    if position.quantity == 0 or not account.can_trade or isinstance(position.instrument, Index | Other):
        return ""
    query = {
        "account": str(account.pk),
        "symbol": str(position.instrument),
        "action": closing_action(position).value,
        "quantity": plain(abs(position.quantity)),
    }
    return f"{reverse('trading:ticket')}?{urlencode(query)}"
