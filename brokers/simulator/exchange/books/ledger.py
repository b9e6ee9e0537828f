"""Entries in an account's books: every one moves cash, positions and history together, to the cent."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from brokers.domain.instruments import Future, FutureOption, Instrument, Option, Right, plain
from brokers.domain.orders import Action
from brokers.simulator.exchange.books.accounts import ZERO, Holding, SimAccount, SimPosition, SimTransaction
from brokers.simulator.exchange.books.lots import cents, close, open_


@dataclass(frozen=True, slots=True)
class Trade:
    """One execution to be booked. ``kind`` and ``sub_kind`` as on ``SimTransaction``; fees negative, by kind.

    ``dollars`` (unsigned) where they are not quantity × price × multiplier: deliveries of adjusted options.
    """

    instrument: Instrument
    underlying: str
    multiplier: Decimal
    action: Action
    quantity: Decimal
    price: Decimal
    at: datetime
    day: date
    fees: dict[str, Decimal] = field(default_factory=dict)
    order_id: int | None = None
    fill_id: str | None = None
    leg_count: int = 1
    kind: str = "trade"
    sub_kind: str = ""
    description: str = ""
    dollars: Decimal | None = None


def book_trade(account: SimAccount, trade: Trade, ids: Iterator[int]) -> SimPosition:
    """Enter a trade; the answer is the position it leaves. A future's moves no cash but its fees."""
    position = account.positions.get(trade.instrument) or flat(
        account, trade.instrument, trade.underlying, trade.multiplier, trade.at
    )
    account.positions[trade.instrument] = position
    entry = next(ids)
    value = _enter(account, position, trade, entry)
    net = value + sum(trade.fees.values(), ZERO)
    account.cash += net
    account.transactions.append(
        SimTransaction(
            transaction_id=entry,
            account_number=account.number,
            kind=trade.kind,
            sub_kind=trade.sub_kind or str(trade.action),
            description=trade.description or describe_trade(trade),
            value=value,
            net_value=net,
            executed_at=trade.at,
            date=trade.day,
            instrument=trade.instrument,
            underlying=trade.underlying,
            action=trade.action,
            quantity=trade.quantity,
            price=trade.price,
            fees=dict(trade.fees),
            order_id=trade.order_id,
            fill_id=trade.fill_id,
            leg_count=trade.leg_count,
            multiplier=trade.multiplier,
        )
    )
    return position


def book_money(
    account: SimAccount,
    sub_kind: str,
    amount: Decimal,
    description: str,
    at: datetime,
    day: date,
    ids: Iterator[int],
    instrument: Instrument | None = None,
    kind: str = "money_movement",
) -> SimTransaction:
    """Enter money that comes (positive) or goes: deposit, withdrawal, dividend, interest, mark_to_market."""
    entry = SimTransaction(
        transaction_id=next(ids),
        account_number=account.number,
        kind=kind,
        sub_kind=sub_kind,
        description=description,
        value=amount,
        net_value=amount,
        executed_at=at,
        date=day,
        instrument=instrument,
        underlying=str(instrument) if instrument else None,
    )
    account.cash += amount
    account.transactions.append(entry)
    return entry


def hold(account: SimAccount, holding: Holding, underlying: str, multiplier: Decimal) -> SimPosition:
    """Enter what an account is opened with: no trade, no cash."""
    position = flat(account, holding.instrument, underlying, multiplier, holding.opened_at)
    position.settled_at = holding.opened_at
    dollars = cents(holding.quantity * holding.average_open_price * multiplier)
    open_(position, holding.quantity, holding.average_open_price, dollars, None)
    account.positions[holding.instrument] = position
    return position


def describe_trade(trade: Trade) -> str:
    """The trade in words: ``Sold 1 SPY 12/18/26 Put 600.00 @ 0.91``."""
    verb = "Bought" if trade.action.is_buy else "Sold"
    return f"{verb} {trade.quantity.normalize():f} {name(trade.instrument)} @ {_price(trade)}"


def name(instrument: Instrument) -> str:
    """The instrument as histories write it."""
    if not isinstance(instrument, Option | FutureOption):
        return str(instrument)
    right = "Call" if instrument.right is Right.CALL else "Put"
    root = instrument.root if isinstance(instrument, Option) else f"{instrument.future} {instrument.contract}"
    return f"{root} {instrument.expiry:%m/%d/%y} {right} {instrument.strike:.2f}"


def _price(trade: Trade) -> str:
    """Two places at least, more where the price has them."""
    return max(f"{trade.price:.2f}", plain(trade.price), key=len)


def _enter(account: SimAccount, position: SimPosition, trade: Trade, entry: int) -> Decimal:
    """Change the position by the trade; the answer is the trade's dollars, before fees."""
    sign = trade.action.sign
    held = position.quantity
    closing = min(abs(held), trade.quantity) if held * sign < 0 else ZERO
    opening = trade.quantity - closing
    dollars = trade.dollars if trade.dollars is not None else cents(trade.quantity * trade.price * trade.multiplier)
    for_closing = cents(dollars * closing / trade.quantity) if opening else dollars
    position.updated_at, position.seen = trade.at, None
    if closing:
        account.closed_lots += close(position, closing, trade.price, for_closing, entry)
    if opening:
        if not position.quantity:
            position.created_at, position.settled_at = trade.at, position.settled_at or trade.at
        open_(position, opening * sign, trade.price, sign * (dollars - for_closing), entry)
    return ZERO if isinstance(trade.instrument, Future) else -sign * dollars


def flat(
    account: SimAccount, instrument: Instrument, underlying: str, multiplier: Decimal, at: datetime
) -> SimPosition:
    """A position of nothing."""
    return SimPosition(
        account_number=account.number,
        instrument=instrument,
        underlying=underlying,
        quantity=ZERO,
        multiplier=multiplier,
        cost=ZERO,
        day_open_price=None,
        created_at=at,
        updated_at=at,
    )
