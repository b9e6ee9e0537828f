"""An execution as the books take it: with the market's multiplier and the fees of the account's schedule."""

from datetime import datetime
from decimal import Decimal

from brokers.domain.instruments import Future, FutureOption, Instrument
from brokers.domain.orders import Action
from brokers.simulator.exchange.books.accounts import ZERO, SimAccount
from brokers.simulator.exchange.books.fees import SCHEDULES, Parts, charge, settled
from brokers.simulator.exchange.books.ledger import Trade
from brokers.simulator.market.market import Market
from brokers.simulator.market.sessions import local_date


def execution(
    account: SimAccount,
    market: Market,
    instrument: Instrument,
    action: Action,
    quantity: Decimal,
    price: Decimal,
    at: datetime,
    *,
    before: Decimal = ZERO,
    order_id: int | None = None,
    fill_id: str | None = None,
    leg_count: int = 1,
) -> Trade:
    """The trade to book; ``before`` is what the same leg has filled already."""
    multiplier = multiplier_of(instrument, market)
    return Trade(
        instrument=instrument,
        underlying=underlying_of(instrument, market),
        multiplier=multiplier,
        action=action,
        quantity=quantity,
        price=price,
        at=at,
        day=local_date(at),
        fees=settled(fees_of(account, instrument, action, quantity, price, before, multiplier)),
        order_id=order_id,
        fill_id=fill_id,
        leg_count=leg_count,
    )


def fees_of(
    account: SimAccount,
    instrument: Instrument,
    action: Action,
    quantity: Decimal,
    price: Decimal,
    before: Decimal,
    multiplier: Decimal,
) -> Parts:
    """What an execution costs the account; a future or an option on one is opened unless it closes what is held."""
    if action in (Action.BUY, Action.SELL):
        held = account.positions.get(instrument)
        closes = held is not None and held.quantity * action.sign < 0
        action = _effect(action, closes)
    return charge(instrument, action, quantity, price, before, SCHEDULES[account.schedule], multiplier)


def multiplier_of(instrument: Instrument, market: Market) -> Decimal:
    """Dollars a point of one unit."""
    listing = market.listing(instrument)
    return listing.multiplier if listing else Decimal(1)


def underlying_of(instrument: Instrument, market: Market) -> str:
    """The text of what a position hangs on: itself, unless it is an option."""
    match instrument:
        case Future():
            return str(instrument)
        case FutureOption(future=future):
            return str(future)
        case _:
            listing = market.listing(instrument)
            return str(listing.underlying) if listing and listing.underlying else str(instrument)


def _effect(action: Action, closes: bool) -> Action:
    if action is Action.BUY:
        return Action.BUY_TO_CLOSE if closes else Action.BUY_TO_OPEN
    return Action.SELL_TO_CLOSE if closes else Action.SELL_TO_OPEN
