"""An account as it stood at any past moment: its entries booked over again, at the market's prices of that moment.

Nothing of the past is kept beside the entries themselves, so days before the program ran and days it slept through are
answered like all others. What working orders held back then is not known any more: ``reserved`` is 0.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from itertools import count
from typing import Literal

from brokers.domain.instruments import Future, Instrument
from brokers.simulator.exchange.books.accounts import ZERO, SimAccount, SimBalance, SimPosition, SimTransaction
from brokers.simulator.exchange.books.daybook import DaySums, sums_of
from brokers.simulator.exchange.books.ledger import Trade, book_money, book_trade, hold
from brokers.simulator.exchange.books.lots import cents, rebase
from brokers.simulator.exchange.margin.rules import Exposure, require
from brokers.simulator.exchange.margin.terms import Terms, expose, strike_of, terms_of
from brokers.simulator.exchange.margin.valuation import figures
from brokers.simulator.exchange.margin.worth import Worth
from brokers.simulator.market.market import Market
from brokers.simulator.market.sessions import NEW_YORK, local_date

TimeOfDay = Literal["BOD", "EOD"]
Snapshots = list[tuple[date, SimBalance]]


class Replay:
    """A copy of an account that is moved forward through its history; times must not go back."""

    def __init__(self, account: SimAccount, market: Market) -> None:
        self.market = market
        self.account = SimAccount(
            account.number, account.owner, account.nickname, account.kind, account.opening_cash, account.opened_at
        )
        for held in account.opening:
            hold(self.account, held.holding, held.underlying, held.multiplier)
        entries = account.transactions[account.opening_entries :]
        self._entries = sorted(entries, key=lambda one: (one.executed_at, one.transaction_id))
        self._next, self._ids = 0, count(1)
        self._terms: dict[Instrument, Terms] = {}
        self._sums = DaySums()

    def to(self, at: datetime) -> None:
        """Book what was entered before ``at``."""
        while self._next < len(self._entries) and self._entries[self._next].executed_at < at:
            self._again(self._entries[self._next])
            self._next += 1

    def worth(self, at: datetime) -> Decimal:
        """The net liquidating value at the prices of a moment."""
        closed = sum((position.variation for position in self.account.positions.values()), ZERO)
        net = Worth.of(self._exposure(one, at, spot=False) for one in self._held()).net
        return cents(self.account.cash + closed + net)

    def balance(self, at: datetime, day: date, closes: bool) -> SimBalance:
        """All figures at the prices of a moment; with ``closes`` at each market's last close up to then."""
        held = [self._exposure(one, self._close_before(one.instrument, at) if closes else at) for one in self._held()]
        self._sums = sums_of(self.account, day, self._sums, self.market.hours.previous)
        return figures(self.account, held, require(held, self.account.margin), self._sums, ZERO, at)

    def start_day(self, at: datetime) -> None:
        """Today's figures begin at each market's last close before ``at``."""
        self.account.positions = {i: p for i, p in self.account.positions.items() if p.quantity or p.variation}
        for position in self.account.positions.values():
            position.realized_day = position.realized_today = ZERO
            price = self.market.price_at(position.instrument, self._close_before(position.instrument, at))
            position.day_open_price = price if price is not None else position.day_open_price

    def _again(self, entry: SimTransaction) -> None:
        """Enter what an entry says once more."""
        if entry.sub_kind == "mark_to_market" and isinstance(entry.instrument, Future) and entry.price is not None:
            rebase(self.account.positions[entry.instrument], entry.price)
        if entry.action is None or entry.instrument is None or entry.quantity is None or entry.price is None:
            self._money(entry)
            return
        trade = Trade(
            instrument=entry.instrument,
            underlying=entry.underlying or str(entry.instrument),
            multiplier=entry.multiplier,
            action=entry.action,
            quantity=entry.quantity,
            price=entry.price,
            at=entry.executed_at,
            day=entry.date,
            fees=entry.fees,
            kind=entry.kind,
            sub_kind=entry.sub_kind,
            dollars=None if isinstance(entry.instrument, Future) else abs(entry.value),
        )
        book_trade(self.account, trade, self._ids)

    def _money(self, entry: SimTransaction) -> None:
        at, day, kind = entry.executed_at, entry.date, entry.kind
        book_money(self.account, entry.sub_kind, entry.net_value, "", at, day, self._ids, entry.instrument, kind)

    def _held(self) -> Iterator[SimPosition]:
        return (position for position in self.account.positions.values() if position.quantity)

    def _exposure(self, position: SimPosition, at: datetime, spot: bool = True) -> Exposure:
        instrument = position.instrument
        terms = self._terms.get(instrument)
        if terms is None:
            terms = self._terms[instrument] = terms_of(instrument, position, self.market)
        price = self.market.price_at(instrument, at)
        position.mark = price if price is not None else position.mark
        mark = position.mark if position.mark is not None else position.average_open_price
        under = self.market.price_at(terms.under, at) if spot and terms.under != instrument else mark
        gain = position.open_gain if isinstance(instrument, Future) else ZERO
        level = under if under is not None else strike_of(instrument, mark)
        return expose(instrument, terms, position.quantity, mark, level, gain)

    def _close_before(self, instrument: Instrument, at: datetime) -> datetime:
        """The last close of the instrument's market up to a moment."""
        calendar, day = self.market.calendar(instrument), local_date(at)
        session = calendar.on(day)
        if session is None or session.close_at > at:
            session = calendar.on(calendar.previous(day))
        return min(session.close_at, at) if session else at


def balance_snapshots(account: SimAccount, market: Market, time_of_day: TimeOfDay, now: datetime) -> Snapshots:
    """The account day by day from its opening on, newest first. ``BOD``: before the day's first trade, at the closes of
    the day before. ``EOD``: at midnight in New York, at the day's closes; today's only once the day is over."""
    replay, calendar = Replay(account, market), market.calendar()
    first, last = local_date(account.opened_at), local_date(now)
    found: Snapshots = []
    day = first if calendar.on(first) else calendar.next(first)
    while day <= last:
        start, end = _midnight(day), _midnight(day + timedelta(days=1))
        replay.to(start)
        replay.start_day(start)
        if time_of_day == "BOD" and day > first:
            found.append((day, replay.balance(start, day, closes=True)))
        replay.to(min(end, now))
        if time_of_day == "EOD" and end <= now:
            found.append((day, replay.balance(end, day, closes=True)))
        day = calendar.next(day)
    return found[::-1]


def net_liq_history(
    account: SimAccount, market: Market, start: datetime, end: datetime, step: timedelta
) -> list[tuple[datetime, Decimal]]:
    """Net liquidating value at ``start`` and every ``step`` after it up to ``end``, from the account's opening on."""
    if step <= timedelta():
        raise ValueError("The step must be longer than nothing.")
    replay, at = Replay(account, market), start
    found: list[tuple[datetime, Decimal]] = []
    while at <= end:
        if at >= account.opened_at:
            replay.to(at + timedelta(microseconds=1))
            found.append((at, replay.worth(at)))
        at += step
    return found


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), NEW_YORK).astimezone(timezone.utc)
