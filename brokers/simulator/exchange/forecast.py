"""What an order would cost and tie up, before it is taken."""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

from brokers.domain.instruments import Equity, Instrument
from brokers.domain.orders import Leg, OrderTicket
from brokers.simulator.exchange.accounts import SimAccount
from brokers.simulator.exchange.fees import CENT, Parts, add, by_kind, charge
from brokers.simulator.exchange.margin import ZERO, Exposure, buying_power, require
from brokers.simulator.exchange.orders import OrderRefused, Preview, SimOrder, unit_ratios
from brokers.simulator.exchange.valuation import exposed, exposures, merge, reserved
from brokers.simulator.market.market import Market


def foresee(
    account: SimAccount,
    ticket: OrderTicket,
    market: Market,
    working: Iterable[SimOrder],
    warnings: list[tuple[str, str]],
) -> Preview:
    """The preview of a ticket that passed the checks; ``working`` are the account's other orders.

    The trade is taken to be done at the limit, else at the stop, else at the touch.
    """
    prices = {leg.instrument: _price(ticket, leg, market) for leg in ticket.legs}
    parts = _fees(ticket, prices)
    fees = by_kind(parts)
    total = sum(fees.values(), ZERO)
    held = exposures(account, market)
    added = [_added(leg, prices, market) for leg in ticket.legs]
    shares: dict[Instrument, Decimal] = {i: price for i, price in prices.items() if isinstance(i, Equity)}
    before, after = merge(held, (), shares), merge(held, added, shares)
    cash = account.cash + _dollars(ticket, prices, market) + total
    change = buying_power(cash, after, account.margin) - buying_power(account.cash, before, account.margin)
    required = require(after, account.margin)
    _check_cover(account, before, after)
    free = (buying_power(account.cash, held, account.margin) - reserved(working)).quantize(CENT, ROUND_HALF_UP)
    return Preview(
        fees=fees,
        total_fees=total,
        buying_power_before=free,
        buying_power_after=free + change,
        buying_power_change=change,
        margin_change=require(before, account.margin).initial - required.initial,
        isolated_margin=-require(added, account.margin).initial,
        fee_parts=parts,
        warnings=warnings,
    )


def check_buying_power(preview: Preview) -> None:
    """Refuse what the account cannot pay; what frees buying power is always allowed."""
    if preview.buying_power_change < 0 and preview.buying_power_after < 0:
        raise OrderRefused(
            "insufficient_buying_power",
            f"The account does not have the buying power: the order takes {-preview.buying_power_change:.2f}, "
            f"{preview.buying_power_before:.2f} is left.",
        )


def _check_cover(account: SimAccount, before: list[Exposure], after: list[Exposure]) -> None:
    """Cash accounts sell neither shares nor calls that they do not have."""
    if account.margin:
        return
    short = sum((e.quantity for e in after if isinstance(e.instrument, Equity) and e.quantity < 0), ZERO)
    if short:
        raise OrderRefused("short_sale_not_allowed", "A cash account cannot sell shares that it does not hold.")
    if require(after, False).naked_calls > require(before, False).naked_calls:
        raise OrderRefused("uncovered_option_not_allowed", "The account is not approved for selling uncovered options.")


def _price(ticket: OrderTicket, leg: Leg, market: Market) -> Decimal:
    """What a unit of the leg is taken to trade at: unsigned."""
    if len(ticket.legs) == 1 and (given := ticket.limit_price or ticket.stop_price):
        return abs(given)
    book = market.book(leg.instrument)
    touch = (book.ask if leg.action.is_buy else book.bid) if book else None
    if book is None or touch is None:
        raise OrderRefused("no_market", "There is no price for this instrument.")
    return touch or book.last or touch


def _dollars(ticket: OrderTicket, prices: dict[Instrument, Decimal], market: Market) -> Decimal:
    """What the trade brings (positive) or takes, before fees."""
    multiplier = _multiplier(ticket.legs[0].instrument, market)
    if ticket.limit_price is None:
        return sum((-leg.action.sign * leg.quantity * prices[leg.instrument] for leg in ticket.legs), ZERO) * multiplier
    units = ticket.legs[0].quantity / unit_ratios([leg.quantity for leg in ticket.legs])[0]
    return ticket.limit_price * units * multiplier


def _multiplier(instrument: Instrument, market: Market) -> Decimal:
    listing = market.listing(instrument)
    return listing.multiplier if listing else Decimal(1)


def _added(leg: Leg, prices: dict[Instrument, Decimal], market: Market) -> Exposure:
    return exposed(leg.instrument, leg.quantity * leg.action.sign, prices[leg.instrument], market)


def _fees(ticket: OrderTicket, prices: dict[Instrument, Decimal]) -> Parts:
    found = [charge(leg.instrument, leg.action, leg.quantity, prices[leg.instrument], ZERO) for leg in ticket.legs]
    total = found[0]
    for more in found[1:]:
        total = add(total, more)
    return total
