"""What happens to positions without an order: a new day, options that end."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from brokers.domain.instruments import Equity, Option, Right
from brokers.domain.orders import Action
from brokers.simulator.exchange.accounts import SimAccount, SimPosition
from brokers.simulator.exchange.ledger import Trade, book_trade, name
from brokers.simulator.exchange.valuation import look
from brokers.simulator.market.market import Market
from brokers.simulator.market.sessions import local_date

WORTH_IT = Decimal("0.01")


def start_day(account: SimAccount, market: Market) -> None:
    """The day's figures begin again at yesterday's close; positions that were closed are gone."""
    account.positions = {i: position for i, position in account.positions.items() if position.quantity}
    for position in account.positions.values():
        look(position, market)
        position.realized_day = position.realized_today = Decimal(0)
        position.day_open_price = position.close_price or position.day_open_price


def expire(account: SimAccount, market: Market, now: datetime, ids: Iterator[int]) -> list[SimPosition]:
    """Options past their last close end: in the money they are exercised or assigned into shares at the strike,
    else they expire. The answer names the positions that changed."""
    changed: list[SimPosition] = []
    for instrument, position in list(account.positions.items()):
        if isinstance(instrument, Option) and position.quantity and now >= market.expires_at(instrument):
            changed += _end(account, instrument, position, market, ids)
    return changed


def _end(
    account: SimAccount, option: Option, position: SimPosition, market: Market, ids: Iterator[int]
) -> list[SimPosition]:
    at, contracts = market.expires_at(option), abs(position.quantity)
    day, long = local_date(at), position.quantity > 0
    in_money = _in_money(option, position, market)
    sub_kind = "expiration" if not in_money else "exercise" if long else "assignment"
    words = {"expiration": "Expiration", "exercise": "Exercise", "assignment": "Assignment"}[sub_kind]
    ended = Trade(
        instrument=option,
        underlying=position.underlying,
        multiplier=position.multiplier,
        action=Action.SELL_TO_CLOSE if long else Action.BUY_TO_CLOSE,
        quantity=contracts,
        price=Decimal(0),
        at=at,
        day=day,
        kind="receive_deliver",
        sub_kind=sub_kind,
        description=f"{words} of {contracts.normalize():f} {name(option)}",
    )
    changed = [book_trade(account, ended, ids)]
    if in_money:
        changed.append(_deliver(account, option, ended, long, ids))
    return changed


def _deliver(account: SimAccount, option: Option, ended: Trade, long: bool, ids: Iterator[int]) -> SimPosition:
    """The shares that change hands at the strike."""
    share = Equity(ended.underlying)
    quantity = ended.quantity * ended.multiplier
    buys = (option.right is Right.CALL) == long
    held = account.positions.get(share)
    closes = held is not None and held.quantity * (1 if buys else -1) < 0
    action = (
        (Action.BUY_TO_CLOSE if closes else Action.BUY_TO_OPEN)
        if buys
        else (Action.SELL_TO_CLOSE if closes else Action.SELL_TO_OPEN)
    )
    words = f"{'Bought' if buys else 'Sold'} {quantity.normalize():f} {share}"
    delivered = Trade(
        instrument=share,
        underlying=ended.underlying,
        multiplier=Decimal(1),
        action=action,
        quantity=quantity,
        price=option.strike,
        at=ended.at,
        day=ended.day,
        kind="receive_deliver",
        sub_kind=str(action),
        description=f"{words} by {ended.sub_kind} of {name(option)}",
    )
    return book_trade(account, delivered, ids)


def _in_money(option: Option, position: SimPosition, market: Market) -> bool:
    book = market.book(Equity(position.underlying))
    if book is None or book.last is None:
        return False
    inside = book.last - option.strike if option.right is Right.CALL else option.strike - book.last
    return inside >= WORTH_IT
