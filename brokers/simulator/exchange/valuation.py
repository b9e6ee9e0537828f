"""What an account is worth by the market's books, and what it has left to trade with."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from brokers.domain.instruments import Equity, Instrument, Option
from brokers.simulator.exchange.accounts import SimAccount, SimBalance, SimPosition
from brokers.simulator.exchange.fees import CENT
from brokers.simulator.exchange.margin import ZERO, Exposure, buying_power, require, shares
from brokers.simulator.exchange.orders import SimOrder
from brokers.simulator.market.market import Market


def look(position: SimPosition, market: Market) -> None:
    """Write the newest mark and the previous close on a position; what the market does not say stays as it was."""
    book = market.book(position.instrument)
    if book is not None:
        position.mark = book.mark if book.mark is not None else position.mark
        position.close_price = book.prev_close


def exposures(account: SimAccount, market: Market) -> list[Exposure]:
    """The account's holdings at their marks."""
    for position in account.positions.values():
        look(position, market)
    return [_exposure(position, market) for position in account.positions.values() if position.quantity]


def exposed(instrument: Instrument, quantity: Decimal, price: Decimal, market: Market) -> Exposure:
    """One more holding, at a given price."""
    listing = market.listing(instrument)
    under = listing.underlying if listing and listing.underlying else instrument
    multiplier = listing.multiplier if listing else Decimal(1)
    book = market.book(under)
    spot = book.mark if book and book.mark is not None else price
    return Exposure(instrument, str(under), quantity, price, multiplier, spot)


def merge(held: Iterable[Exposure], added: Iterable[Exposure], prices: Mapping[Instrument, Decimal]) -> list[Exposure]:
    """Holdings after a trade, with the given prices in place of the marks."""
    found: dict[Instrument, Exposure] = {}
    for one in (*held, *added):
        before = found[one.instrument].quantity if one.instrument in found else ZERO
        price = prices.get(one.instrument, one.price)
        found[one.instrument] = Exposure(
            one.instrument, one.underlying, before + one.quantity, price, one.multiplier, one.spot
        )
    return [one for one in found.values() if one.quantity]


def reserved(orders: Iterable[SimOrder], without: int | None = None) -> Decimal:
    """What working orders hold back, each in the measure in which it is still open."""
    return sum(
        (order.reserve * order.remaining / order.size for order in orders if order.order_id != without),
        ZERO,
    ).quantize(CENT, ROUND_HALF_UP)


def weigh(account: SimAccount, market: Market, orders: Iterable[SimOrder], now: datetime) -> SimBalance:
    """The account's figures at this moment, to the cent."""
    held = exposures(account, market)
    long, short = shares(held)
    options = [one.value for one in held if isinstance(one.instrument, Option)]
    gained, owed = sum((v for v in options if v > 0), ZERO), -sum((v for v in options if v < 0), ZERO)
    needed, holding = require(held, account.margin), reserved(orders)
    free = buying_power(account.cash, held, account.margin) - holding
    equity = account.cash + long - short + gained - owed
    margin_equity = equity if account.margin else account.cash
    figures = {
        "cash": account.cash,
        "net_liquidating_value": equity,
        "equity_buying_power": max(free, ZERO) * (2 if account.margin else 1),
        "derivative_buying_power": max(free, ZERO),
        "day_trading_buying_power": ZERO,
        "initial_requirement": needed.initial,
        "maintenance_requirement": needed.maintenance,
        "maintenance_excess": equity - needed.maintenance,
        "margin_equity": margin_equity,
        "long_equity_value": long,
        "short_equity_value": short,
        "long_derivative_value": gained,
        "short_derivative_value": owed,
        "reserved": holding,
        "pending_cash": ZERO,
    }
    cents = {name: amount.quantize(CENT, ROUND_HALF_UP) for name, amount in figures.items()}
    return SimBalance(account_number=account.number, currency="USD", updated_at=now, **cents)


def _exposure(position: SimPosition, market: Market) -> Exposure:
    price = position.mark if position.mark is not None else position.average_open_price
    spot = price
    if isinstance(position.instrument, Option):
        book = market.book(Equity(position.underlying))
        spot = book.mark if book and book.mark is not None else position.instrument.strike
    return Exposure(position.instrument, position.underlying, position.quantity, price, position.multiplier, spot)
