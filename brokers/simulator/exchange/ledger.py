"""Entries in an account's books: every one moves cash, positions and history together, to the cent."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

from brokers.domain.instruments import Instrument, Option, Right
from brokers.domain.orders import Action
from brokers.simulator.exchange.accounts import BASIS_PLACES, SimAccount, SimPosition, SimTransaction
from brokers.simulator.exchange.fees import CENT

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Trade:
    """One execution to be booked. ``kind`` and ``sub_kind`` as on ``SimTransaction``; fees negative, by kind."""

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


def book_trade(account: SimAccount, trade: Trade, ids: Iterator[int]) -> SimPosition:
    """Enter a trade; the answer is the position it leaves."""
    position = account.positions.get(trade.instrument) or _flat(account, trade)
    account.positions[trade.instrument] = position
    value = _move(position, trade)
    net = value + sum(trade.fees.values(), ZERO)
    account.cash += net
    account.transactions.append(
        SimTransaction(
            transaction_id=next(ids),
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
) -> SimTransaction:
    """Enter money that comes (positive) or goes: deposit, withdrawal, dividend, interest."""
    entry = SimTransaction(
        transaction_id=next(ids),
        account_number=account.number,
        kind="money_movement",
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


def describe_trade(trade: Trade) -> str:
    """The trade in words: ``Sold 1 SPY 12/18/26 Put 600.00 @ 0.91``."""
    verb = "Bought" if trade.action.is_buy else "Sold"
    return f"{verb} {trade.quantity.normalize():f} {name(trade.instrument)} @ {trade.price:.2f}"


def name(instrument: Instrument) -> str:
    if isinstance(instrument, Option):
        right = "Call" if instrument.right is Right.CALL else "Put"
        return f"{instrument.root} {instrument.expiry:%m/%d/%y} {right} {instrument.strike:.2f}"
    return str(instrument)


def _move(position: SimPosition, trade: Trade) -> Decimal:
    """Change the position by the trade; the answer is the trade's dollars, before fees."""
    sign = trade.action.sign
    held = position.quantity
    closing = min(abs(held), trade.quantity) if held * sign < 0 else ZERO
    value = ZERO
    if closing:
        value += _close(position, closing, trade.price)
    if opening := trade.quantity - closing:
        value += _open(position, opening * sign, trade)
    position.updated_at = trade.at
    return value


def _close(position: SimPosition, quantity: Decimal, price: Decimal) -> Decimal:
    side = 1 if position.quantity > 0 else -1
    value = side * _dollars(quantity * price * position.multiplier)
    whole = quantity == abs(position.quantity)
    cost = position.cost if whole else (position.cost * quantity / abs(position.quantity)).quantize(CENT)
    day_open = position.day_open_price if position.day_open_price is not None else price
    position.realized_today += value - cost
    position.realized_day += side * _dollars(quantity * (price - day_open) * position.multiplier)
    position.cost -= cost
    position.quantity -= side * quantity
    return value


def _open(position: SimPosition, quantity: Decimal, trade: Trade) -> Decimal:
    value = -_dollars(quantity * trade.price * position.multiplier)
    total = position.quantity + quantity
    if position.quantity == 0:
        position.created_at, position.day_open_price = trade.at, trade.price
    elif position.day_open_price is not None:
        dollars = position.day_open_price * position.quantity + trade.price * quantity
        position.day_open_price = (dollars / total).quantize(BASIS_PLACES)
    position.cost -= value
    position.quantity = total
    return value


def _flat(account: SimAccount, trade: Trade) -> SimPosition:
    return SimPosition(
        account_number=account.number,
        instrument=trade.instrument,
        underlying=trade.underlying,
        quantity=ZERO,
        multiplier=trade.multiplier,
        cost=ZERO,
        day_open_price=None,
        created_at=trade.at,
        updated_at=trade.at,
    )


def _dollars(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)
