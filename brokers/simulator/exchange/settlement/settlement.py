"""What happens to positions without an order: daily settlements, options and futures that end, dividends, a new day.

Everything due is entered in the order of its time. At one instant: options end first (what they deliver is held from
then on), then futures end, then what is open is marked to the market, then dividends. Dividends go by the night before
the ex date: whoever holds shares at New York's midnight gets them (short: owes them) on the pay date, at midnight too.
"""

from collections.abc import Iterator
from datetime import datetime, time, timedelta, timezone
from decimal import Decimal

from brokers.domain.instruments import Equity, Future, FutureOption, Option
from brokers.simulator.exchange.books.accounts import SimAccount, SimPosition
from brokers.simulator.exchange.books.ledger import book_money, name
from brokers.simulator.exchange.books.lots import rebase
from brokers.simulator.exchange.margin.valuation import look
from brokers.simulator.exchange.settlement.deliveries import assign_early, end_future, end_option
from brokers.simulator.exchange.settlement.dividends import entitle, pay
from brokers.simulator.exchange.settlement.dues import FUTURE_ENDS, MARKED, MIDNIGHT, OPTION_ENDS, Due
from brokers.simulator.market.market import Market
from brokers.simulator.market.sessions import NEW_YORK, local_date


def next_due(account: SimAccount, market: Market) -> Due | None:
    """What happens next to the account if nobody does anything."""
    return min(_dues(account, market), key=lambda due: due.order, default=None)


def settle(
    account: SimAccount, market: Market, now: datetime, ids: Iterator[int], early: float = 0.0
) -> list[SimPosition]:
    """Enter all that is due up to ``now``; the answer names the positions that changed. ``early`` is the chance that
    a short call which is worth less than the dividend it would miss is assigned before the ex date."""
    changed: dict[int, SimPosition] = {}
    while (due := _soonest(account, market)) is not None and due.at <= now:
        for position in _happen(account, market, due, ids, early):
            changed[id(position)] = position
    return list(changed.values())


def start_day(account: SimAccount, market: Market) -> None:
    """The day's figures begin again at yesterday's close; positions that were closed are gone."""
    account.positions = {i: p for i, p in account.positions.items() if p.quantity or p.variation}
    for position in account.positions.values():
        look(position, market)
        position.realized_day = position.realized_today = Decimal(0)
        position.day_open_price = position.close_price or position.day_open_price


def _soonest(account: SimAccount, market: Market) -> Due | None:
    """``next_due``, kept until an entry is made: it is asked for at every tick."""
    key = (len(account.transactions), account.settled_at)
    kept = account.weighed.due if account.weighed else None
    if kept is not None and kept[0] == key:
        return kept[1]
    found = next_due(account, market)
    if account.weighed is not None:
        account.weighed.due = (key, found)
    return found


def _dues(account: SimAccount, market: Market) -> Iterator[Due]:
    for instrument, position in account.positions.items():
        if isinstance(instrument, Option | FutureOption) and position.quantity:
            yield Due(market.expires_at(instrument), OPTION_ENDS, instrument)
        elif isinstance(instrument, Future) and (position.quantity or position.variation):
            if position.quantity:
                yield Due(market.expires_at(instrument), FUTURE_ENDS, instrument)
            since = position.settled_at or position.created_at
            yield Due(market.calendar(instrument).session(since).close_at, MARKED, instrument)
    if account.settled_at is not None:
        yield Due(_midnight_after(account.settled_at), MIDNIGHT)


def _happen(account: SimAccount, market: Market, due: Due, ids: Iterator[int], early: float) -> list[SimPosition]:
    match due:
        case Due(rank=rank, instrument=Option() | FutureOption() as option) if rank == OPTION_ENDS:
            return end_option(account, option, market, ids)
        case Due(at=at, rank=rank, instrument=Future() as future) if rank == FUTURE_ENDS:
            return [*end_future(account, future, market, ids), *mark(account, future, market, at, ids)]
        case Due(at=at, instrument=Future() as future):
            return mark(account, future, market, at, ids)
        case _:
            return _new_date(account, market, due.at, ids, early)


def mark(account: SimAccount, future: Future, market: Market, at: datetime, ids: Iterator[int]) -> list[SimPosition]:
    """The daily settlement of a future: its gain since the last one goes into cash, at the price of ``at``."""
    position = account.positions[future]
    price = market.price_at(future, at)
    if price is None:
        price = position.mark if position.mark is not None else position.average_open_price
    owed = rebase(position, price)
    position.settled_at = position.updated_at = at
    words = f"{name(future)} mark to market at {price}"
    entry = book_money(account, "mark_to_market", owed, words, at, local_date(at), ids, future)
    entry.price, entry.quantity, entry.multiplier = price, abs(position.quantity), position.multiplier
    return [position]


def _new_date(account: SimAccount, market: Market, at: datetime, ids: Iterator[int], early: float) -> list[SimPosition]:
    """Midnight in New York: dividends go ex and are paid."""
    day = local_date(at)
    changed = assign_early(account, market, day, ids, early) if early else []
    for instrument in [i for i, p in account.positions.items() if isinstance(i, Equity) and p.quantity]:
        entitle(account, instrument, market, day)
    pay(account, at, day, ids)
    account.settled_at = at
    return changed


def _midnight_after(moment: datetime) -> datetime:
    day = local_date(moment) + timedelta(days=1)
    return datetime.combine(day, time(), NEW_YORK).astimezone(timezone.utc)
