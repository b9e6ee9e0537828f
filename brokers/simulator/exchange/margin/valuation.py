"""What an account is worth by the market's books, and what it has left to trade with.

Looked at again and again, so what has not changed is kept: a mark while its underlying's book is the same, an
underlying's requirement while its holdings and marks are, the day's sums while no entry was added.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from brokers.domain.instruments import Future, Instrument
from brokers.simulator.exchange.books.accounts import SimAccount, SimBalance, SimPosition
from brokers.simulator.exchange.books.daybook import DaySums, sums_of
from brokers.simulator.exchange.books.lots import cents
from brokers.simulator.exchange.margin.rules import ZERO, Exposure, Requirement, collateral, require_group, total
from brokers.simulator.exchange.margin.terms import Terms, expose, strike_of, terms_of
from brokers.simulator.exchange.margin.worth import Worth
from brokers.simulator.exchange.orders.orders import SimOrder
from brokers.simulator.exchange.settlement.dues import Due
from brokers.simulator.market.book import Book
from brokers.simulator.market.market import Market
from brokers.simulator.market.sessions import previous_session


@dataclass(slots=True)
class Weighed:
    """What the last look at an account found."""

    terms: dict[Instrument, Terms] = field(default_factory=dict)
    exposures: dict[Instrument, Exposure] = field(default_factory=dict)
    groups: dict[str, tuple[list[Exposure], Requirement]] = field(default_factory=dict)
    sums: DaySums = field(default_factory=DaySums)
    due: tuple[tuple[int, datetime | None], "Due | None"] | None = None


def look(position: SimPosition, market: Market) -> None:
    """Write the newest mark and the previous close on a position; what the market does not say stays as it was."""
    _note(position, market.book(position.instrument))


def exposures(account: SimAccount, market: Market) -> list[Exposure]:
    """The account's holdings at their marks."""
    kept = _kept(account)
    books: dict[Instrument, Book | None] = {}
    return [_exposure(one, kept, market, books) for one in account.positions.values() if one.quantity]


def weighed(account: SimAccount, market: Market) -> Weighed:
    """The account's exposures and requirements by underlying, as of now."""
    kept = _kept(account)
    groups: dict[str, list[Exposure]] = {}
    for one in exposures(account, market):
        groups.setdefault(one.underlying, []).append(one)
    kept.groups = {name: _requirement(kept, name, group, account.margin) for name, group in groups.items()}
    return kept


def exposed(instrument: Instrument, quantity: Decimal, price: Decimal, market: Market) -> Exposure:
    """One more holding, at a given price."""
    terms = terms_of(instrument, None, market)
    book = market.book(terms.under)
    spot = book.mark if book and book.mark is not None else price
    return expose(instrument, terms, quantity, price, spot, ZERO)


def merge(held: Iterable[Exposure], added: Iterable[Exposure], prices: Mapping[Instrument, Decimal]) -> list[Exposure]:
    """Holdings after a trade, with the given prices in place of the marks."""
    found: dict[Instrument, Exposure] = {}
    for one in (*held, *added):
        before = found.get(one.instrument)
        quantity = one.quantity + (before.quantity if before else ZERO)
        price = prices.get(one.instrument, one.price)
        found[one.instrument] = replace(before or one, quantity=quantity, price=price)
    return [one for one in found.values() if one.quantity]


def money(account: SimAccount) -> Decimal:
    """Cash, and what closed futures contracts made since the last daily settlement."""
    return account.cash + sum((position.variation for position in account.positions.values()), ZERO)


def reserved(orders: Iterable[SimOrder], without: int | None = None) -> Decimal:
    """What working orders hold back, each in the measure in which it is still open."""
    return cents(
        sum(
            (order.reserve * order.remaining / order.size for order in orders if order.order_id != without),
            ZERO,
        )
    )


def weigh(
    account: SimAccount,
    market: Market,
    orders: Iterable[SimOrder],
    now: datetime,
    holding: Decimal | None = None,
) -> SimBalance:
    """The account's figures at this moment, to the cent. ``holding``: what working orders hold back, where it is known
    already."""
    found = weighed(account, market)
    held = [one for group, _ in found.groups.values() for one in group]
    needed = total(requirement for _, requirement in found.groups.values())
    found.sums = sums_of(account, market.trading_date(now), found.sums, previous_session)
    back = reserved(orders) if holding is None else holding
    return figures(account, held, needed, found.sums, back, now)


def figures(
    account: SimAccount, held: list[Exposure], needed: Requirement, sums: DaySums, holding: Decimal, now: datetime
) -> SimBalance:
    """An account's balance from its holdings at their marks and what these tie up."""
    worth, positions = Worth.of(held), account.positions.values()
    closed = sum((position.variation for position in positions), ZERO)
    settled = account.cash + closed
    equity = cents(settled + worth.net)
    free = collateral(settled, held) - needed.initial - holding
    amounts = {
        "cash": account.cash,
        "net_liquidating_value": equity,
        "equity_buying_power": max(free, ZERO) * (2 if account.kind == "margin" else 1),
        "derivative_buying_power": max(free, ZERO),
        "day_trading_buying_power": ZERO,
        "initial_requirement": needed.initial,
        "maintenance_requirement": needed.maintenance,
        "maintenance_excess": equity - needed.maintenance,
        "margin_equity": equity if account.margin else account.cash,
        "reserved": holding,
        "pending_cash": ZERO,
        "futures_initial_margin": needed.futures_initial,
        "futures_maintenance_margin": needed.futures_maintenance,
        "futures_realized": closed,
        "realized_today": sum((position.realized_today for position in positions), ZERO),
        "unrealized": equity - settled - _paid(positions),
        "unrealized_today": sum((_gain_today(position) for position in positions), ZERO),
        "maintenance_call": max(ZERO, needed.maintenance - equity) if needed.maintenance else ZERO,
        "initial_call": max(ZERO, -(free + holding)),
        "unsettled": sums.sales,
        "commissions_today": sums.commissions,
        **worth.fields(),
    }
    return SimBalance(
        account_number=account.number,
        currency="USD",
        updated_at=now,
        day_trades=sums.day_trades,
        **{name: cents(amount) for name, amount in amounts.items()},
    )


def _paid(positions: Iterable[SimPosition]) -> Decimal:
    """What open positions have cost beyond what is in net liq by now: a future's settled gains are in the cash."""
    total_paid = ZERO
    for position in positions:
        if isinstance(position.instrument, Future):
            total_paid -= sum((lot.carried - lot.cost for lot in position.lots), ZERO)
        else:
            total_paid += position.cost
    return total_paid


def _gain_today(position: SimPosition) -> Decimal:
    if position.mark is None or position.day_open_price is None:
        return ZERO
    return position.quantity * (position.mark - position.day_open_price) * position.multiplier


def _kept(account: SimAccount) -> Weighed:
    if account.weighed is None:
        account.weighed = Weighed()
    return account.weighed


def _exposure(position: SimPosition, kept: Weighed, market: Market, books: dict[Instrument, Book | None]) -> Exposure:
    """The position at its mark. While its underlying's book is the same, so is everything else."""
    terms = kept.terms.get(position.instrument)
    if terms is None:
        terms = kept.terms[position.instrument] = terms_of(position.instrument, position, market)
    if terms.under not in books:
        books[terms.under] = market.book(terms.under)
    under = books[terms.under]
    seen = under.version if under else -1
    last = kept.exposures.get(position.instrument)
    if last is not None and position.seen == seen and last.quantity == position.quantity:
        return last
    book = under if terms.under == position.instrument else market.book(position.instrument)
    _note(position, book)
    price = position.mark if position.mark is not None else position.average_open_price
    spot = under.mark if under and under.mark is not None else strike_of(position.instrument, price)
    gain = position.open_gain if isinstance(position.instrument, Future) else ZERO
    found = expose(position.instrument, terms, position.quantity, price, spot, gain)
    position.seen = seen
    kept.exposures[position.instrument] = found
    return found


def _note(position: SimPosition, book: Book | None) -> None:
    if book is not None:
        position.mark = book.mark if book.mark is not None else position.mark
        position.close_price = book.prev_close


def _requirement(kept: Weighed, name: str, group: list[Exposure], margin: bool) -> tuple[list[Exposure], Requirement]:
    last = kept.groups.get(name)
    if last is not None and len(last[0]) == len(group) and all(a is b for a, b in zip(last[0], group, strict=True)):
        return last
    return group, require_group(group, margin)
