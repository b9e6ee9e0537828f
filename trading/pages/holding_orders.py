"""Orders that a holding suggests: close it, roll it, turn it around. What is held the broker says, not the page."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from brokers import registry
from brokers.domain.instruments import Future, Instrument, describe
from brokers.domain.orders import (
    MAX_LEGS,
    Action,
    GroupKind,
    InvalidTicket,
    Leg,
    OrderGroup,
    OrderTicket,
    OrderType,
    TimeInForce,
)
from brokers.models import Account
from trading import tickets
from trading.analytics.strategies import AnyOption
from trading.drafting import chains
from trading.drafting.estimates import estimate
from trading.drafting.held import free_quantities
from trading.pages.changing import step_at

ROLLS = {"roll_out": "out", "roll_up": "up", "roll_down": "down"}


def close(account: Account, symbols: Sequence[str]) -> tuple[Leg, ...]:
    """The legs that close all of some holdings, less what working orders close already."""
    held = _held(account, symbols)
    return tuple(_closing(instrument, quantity) for instrument, quantity in held.items())


def roll(account: Account, symbol: str, how: str) -> tuple[Leg, ...]:
    """Close an option and open the same one later (out), or one strike up or down."""
    ((instrument, quantity),) = _held(account, [symbol]).items()
    if not isinstance(instrument, AnyOption):
        raise InvalidTicket("symbol", "Only options can be rolled.")
    if how == "roll_out":
        other = chains.rolled_out(account, instrument)
    else:
        other = chains.next_strike(account, instrument, 1 if how == "roll_up" else -1)
    opens = Action.BUY_TO_OPEN if quantity > 0 else Action.SELL_TO_OPEN
    return (_closing(instrument, quantity), Leg(other, opens, abs(quantity)))


def reverse(account: Account, symbol: str) -> tuple[Leg, ...] | OrderGroup:
    """Hold as much the other way: of a future by one order, else one that closes and one that opens after it."""
    ((instrument, quantity),) = _held(account, [symbol]).items()
    if isinstance(instrument, Future):
        return (Leg(instrument, Action.SELL if quantity > 0 else Action.BUY, abs(quantity) * 2),)
    if GroupKind.OTO not in registry.spec(account.connection.broker).capabilities.groups:
        raise InvalidTicket("kind", "This broker takes no orders that wait for another: close it first, then open.")
    opens = Action.SELL_TO_OPEN if quantity > 0 else Action.BUY_TO_OPEN
    first = at_mid(account, (_closing(instrument, quantity),))
    then = at_mid(account, (Leg(instrument, opens, abs(quantity)),))
    return OrderGroup(GroupKind.OTO, (then,), first)


def at_mid(account: Account, legs: tuple[Leg, ...]) -> OrderTicket:
    """A limit for today at the middle of the market, on the grid of prices; ``InvalidTicket`` without a market."""
    mid = estimate(account, legs).market.mid
    if mid is None:
        words = "There is no market to take a price from just now: give the price yourself."
        raise InvalidTicket("limit_price", words)
    if len(legs) == 1:
        mid = tickets.signed_limit(legs[0].action, abs(mid))
    draft = OrderTicket(legs, OrderType.MARKET, TimeInForce.DAY)
    step = step_at(account, draft, abs(mid))
    price = (mid / step).quantize(Decimal(1)) * step
    if len(legs) == 1 and not price:
        price = tickets.signed_limit(legs[0].action, step)
    return OrderTicket(legs, OrderType.LIMIT, TimeInForce.DAY, limit_price=price)


def _held(account: Account, symbols: Sequence[str]) -> Mapping[Instrument, Decimal]:
    """What is held of each and not being closed, signed; ``InvalidTicket`` when there is nothing of one."""
    if not 1 <= len(symbols) <= MAX_LEGS:
        raise InvalidTicket("legs", f"An order has one to {MAX_LEGS} legs: close the holdings one by one.")
    free = free_quantities(account, afresh=True)
    if not free:
        raise InvalidTicket("symbol", "The broker does not say what is held just now. Try again in a moment.")
    found = {}
    for symbol in symbols:
        instrument = tickets.instrument(symbol)
        quantity = free.get(instrument)
        if not quantity:
            held = "is being closed by working orders already" if quantity == 0 else "is not held"
            raise InvalidTicket("symbol", f"{describe(instrument)} {held} in this account.")
        found[instrument] = quantity
    return found


def _closing(instrument: Instrument, quantity: Decimal) -> Leg:
    if isinstance(instrument, Future):
        return Leg(instrument, Action.SELL if quantity > 0 else Action.BUY, abs(quantity))
    return Leg(instrument, Action.SELL_TO_CLOSE if quantity > 0 else Action.BUY_TO_CLOSE, abs(quantity))
