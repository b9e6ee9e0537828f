"""How options and futures end: worthless, for cash, or for what they stand for at the strike.

Options at least 0.01 in the money at their fixing are exercised (short: assigned). Index options are settled in
cash; options on shares deliver shares, adjusted ones their own number of shares and some cash; options on futures
deliver the future at the strike. Futures are closed at their last settlement price, those with delivery too.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from random import Random

from brokers.domain.instruments import Future, FutureOption, Instrument, Option, Right, parse_instrument
from brokers.domain.orders import Action
from brokers.simulator.exchange.books.accounts import BASIS_PLACES, ZERO, SimAccount, SimPosition
from brokers.simulator.exchange.books.ledger import Trade, book_money, book_trade, name
from brokers.simulator.exchange.books.lots import cents
from brokers.simulator.exchange.orders.orders import OrderRefused
from brokers.simulator.market.market import Market
from brokers.simulator.market.sessions import local_date

WORTH_IT = Decimal("0.01")
WORDS = {
    "expiration": "Expiration",
    "exercise": "Exercise",
    "assignment": "Assignment",
    "cash_settled_exercise": "Cash settled exercise",
    "cash_settled_assignment": "Cash settled assignment",
}


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one contract turns into: units of an instrument, and cash beside them."""

    instrument: Instrument
    units: Decimal
    cash: Decimal = ZERO
    multiplier: Decimal = Decimal(1)

    def worth(self, price: Decimal) -> Decimal:
        """Dollars of it at a price of the instrument."""
        return self.units * price * self.multiplier + self.cash


def end_option(
    account: SimAccount, option: Option | FutureOption, market: Market, ids: Iterator[int]
) -> list[SimPosition]:
    """An option's last moment; the answer names the positions that changed."""
    position, at = account.positions[option], market.expires_at(option)
    delivery = _delivery(option, position, market)
    gain = _gain(option, delivery, _fixing(option, market), position.multiplier)
    if gain < WORTH_IT:
        return [_close(account, option, abs(position.quantity), ZERO, at, "expiration", ids)]
    kind = "exercise" if position.quantity > 0 else "assignment"
    if market.settles_in_cash(option):
        return [_close(account, option, abs(position.quantity), gain, at, f"cash_settled_{kind}", ids)]
    return _turn(account, option, abs(position.quantity), delivery, at, kind, ids)


def exercise(
    account: SimAccount, option: Instrument, quantity: Decimal, market: Market, now: datetime, ids: Iterator[int]
) -> list[SimPosition]:
    """Exercise long options before they end, in the money or not; ``OrderRefused`` for what cannot be."""
    position = account.positions.get(option)
    if not isinstance(option, Option | FutureOption) or position is None or position.quantity < quantity:
        raise OrderRefused("nothing_to_exercise", "The account does not hold so many of this option.")
    if quantity <= 0 or quantity != quantity.to_integral_value():
        raise OrderRefused("quantity_not_whole", "The quantity must be a whole number.")
    if market.settles_in_cash(option):
        raise OrderRefused("european_option", "Options that settle in cash are exercised at their end only.")
    return _turn(account, option, quantity, _delivery(option, position, market), now, "exercise", ids)


def end_future(account: SimAccount, future: Future, market: Market, ids: Iterator[int]) -> list[SimPosition]:
    """A future's last moment: it is closed at its last settlement price."""
    position, at = account.positions[future], market.expires_at(future)
    price = _fixing(future, market)
    return [_close(account, future, abs(position.quantity), price, at, "expiration", ids)]


def assign_early(
    account: SimAccount, market: Market, ex_date: date, ids: Iterator[int], chance: float
) -> list[SimPosition]:
    """Short calls in the money whose owners gain more by the dividend than they lose in time value: with the given
    chance all of a kind are assigned at the close before the ex date."""
    at = market.hours.on(market.hours.previous(ex_date))
    changed: list[SimPosition] = []
    for option, position in list(account.positions.items()):
        if at is None or not isinstance(option, Option) or option.right is Right.PUT or position.quantity >= 0:
            continue
        if _tempting(option, position, market, ex_date, at.close_at) and _drawn(account, option, market, chance):
            delivery = _delivery(option, position, market)
            changed += _turn(account, option, -position.quantity, delivery, at.close_at, "assignment", ids)
    return changed


def _tempting(option: Option, position: SimPosition, market: Market, ex_date: date, at: datetime) -> bool:
    under = parse_instrument(position.underlying)
    dividend = sum((one.amount for one in market.dividends(under) if one.ex_date == ex_date), ZERO)
    spot, price = market.price_at(under, at), market.price_at(option, at)
    if not dividend or spot is None or price is None:
        return False
    inside = spot - option.strike
    return inside >= WORTH_IT and price - inside < dividend


def _drawn(account: SimAccount, option: Option, market: Market, chance: float) -> bool:
    return Random(f"{market.seed}/{account.number}/{option}").random() < chance


def _delivery(option: Option | FutureOption, position: SimPosition, market: Market) -> Delivery:
    if isinstance(option, FutureOption):
        return Delivery(option.future, Decimal(1), multiplier=position.multiplier)
    under = parse_instrument(position.underlying)
    adjusted = market.deliverable(option.root) if option.root[-1].isdigit() else None
    if adjusted is None or adjusted.standard:
        return Delivery(under, position.multiplier)
    return Delivery(under, adjusted.shares, adjusted.cash)


def _fixing(instrument: Option | Future | FutureOption, market: Market) -> Decimal:
    price = market.settlement(instrument)
    if price is None:
        raise LookupError(f"{instrument} has no settlement price at its end.")
    return price


def _gain(option: Option | FutureOption, delivery: Delivery, price: Decimal, multiplier: Decimal) -> Decimal:
    """What exercising brings, per unit of the option's price; below 0 when it costs."""
    strike = option.strike * multiplier
    gain = delivery.worth(price) - strike if option.right is Right.CALL else strike - delivery.worth(price)
    return gain / multiplier


def _turn(
    account: SimAccount,
    option: Option | FutureOption,
    contracts: Decimal,
    delivery: Delivery,
    at: datetime,
    kind: str,
    ids: Iterator[int],
) -> list[SimPosition]:
    """Options become what they deliver, at the strike."""
    position = account.positions[option]
    buys = (option.right is Right.CALL) == (position.quantity > 0)
    changed = [_close(account, option, contracts, ZERO, at, kind, ids)]
    changed.append(_deliver(account, option, position.multiplier, contracts, delivery, buys, at, kind, ids))
    if delivery.cash:
        money = cents(contracts * delivery.cash) * (1 if buys else -1)
        words = f"Cash by {kind} of {name(option)}"
        book_money(account, kind, money, words, at, local_date(at), ids, delivery.instrument, "receive_deliver")
    return changed


def _close(
    account: SimAccount,
    instrument: Instrument,
    quantity: Decimal,
    price: Decimal,
    at: datetime,
    sub_kind: str,
    ids: Iterator[int],
) -> SimPosition:
    """Take a position off the books by something else than a trade."""
    position = account.positions[instrument]
    ended = Trade(
        instrument=instrument,
        underlying=position.underlying,
        multiplier=position.multiplier,
        action=Action.SELL_TO_CLOSE if position.quantity > 0 else Action.BUY_TO_CLOSE,
        quantity=quantity,
        price=price,
        at=at,
        day=local_date(at),
        kind="receive_deliver",
        sub_kind=sub_kind,
        description=f"{WORDS[sub_kind]} of {quantity.normalize():f} {name(instrument)}",
    )
    return book_trade(account, ended, ids)


def _deliver(
    account: SimAccount,
    option: Option | FutureOption,
    multiplier: Decimal,
    contracts: Decimal,
    delivery: Delivery,
    buys: bool,
    at: datetime,
    kind: str,
    ids: Iterator[int],
) -> SimPosition:
    quantity, under = contracts * delivery.units, delivery.instrument
    dollars = cents(contracts * option.strike * multiplier)
    action = _action(account, under, buys)
    delivered = Trade(
        instrument=under,
        underlying=str(under),
        multiplier=delivery.multiplier,
        action=action,
        quantity=quantity,
        price=_price(dollars, quantity * delivery.multiplier),
        at=at,
        day=local_date(at),
        kind="receive_deliver",
        sub_kind=str(action),
        description=f"{'Bought' if buys else 'Sold'} {quantity.normalize():f} {under} by {kind} of {name(option)}",
        dollars=dollars,
    )
    return book_trade(account, delivered, ids)


def _price(dollars: Decimal, units: Decimal) -> Decimal:
    """The strike; for adjusted options what a share comes to, to four places."""
    exact = dollars / units
    return exact if exact == exact.quantize(BASIS_PLACES) else exact.quantize(BASIS_PLACES)


def _action(account: SimAccount, under: Instrument, buys: bool) -> Action:
    if isinstance(under, Future):
        return Action.BUY if buys else Action.SELL
    held = account.positions.get(under)
    closes = held is not None and held.quantity * (1 if buys else -1) < 0
    if buys:
        return Action.BUY_TO_CLOSE if closes else Action.BUY_TO_OPEN
    return Action.SELL_TO_CLOSE if closes else Action.SELL_TO_OPEN
