"""What an order would cost and tie up, before it is taken."""

from decimal import ROUND_HALF_UP, Decimal

from brokers.domain.instruments import Crypto, Equity, Future, Instrument
from brokers.domain.orders import Leg
from brokers.simulator.exchange.books.accounts import SimAccount
from brokers.simulator.exchange.books.fees import CENT, SCHEDULES, Parts, add, by_kind, charge
from brokers.simulator.exchange.margin.rules import ZERO, Exposure, Requirement, collateral, require, total
from brokers.simulator.exchange.margin.valuation import exposed, merge, money, weighed
from brokers.simulator.exchange.orders.orders import OrderRefused, Preview, unit_ratios
from brokers.simulator.exchange.orders.tickets import Ticket
from brokers.simulator.market.market import Market

SHORTABLE = (Equity, Crypto)


def foresee(
    account: SimAccount,
    ticket: Ticket,
    market: Market,
    reserved: Decimal,
    warnings: list[tuple[str, str]],
    coming: tuple[Exposure, ...] = (),
) -> Preview:
    """The preview of a ticket that passed the checks; ``reserved`` is what the account's other orders hold back.

    The trade is taken to be done at the limit, else at the stop, else at the touch. ``coming`` will be held by then.
    Only the requirement of the ticket's own underlying can change, so only that is looked at.
    """
    prices = {leg.instrument: price_of(ticket, leg, market) for leg in ticket.legs}
    parts = _fees(account, ticket, prices, market)
    fees = by_kind(parts)
    cost = sum(fees.values(), ZERO)
    added = [
        exposed(leg.instrument, leg.quantity * leg.action.sign, prices[leg.instrument], market) for leg in ticket.legs
    ]
    found = weighed(account, market)
    held = [*found.groups.get(added[0].underlying, ([], None))[0], *coming]
    marked: dict[Instrument, Decimal] = {i: price for i, price in prices.items() if isinstance(i, SHORTABLE)}
    before, after = merge(held, (), marked), merge(held, added, marked)
    needed, required = require(before, account.margin), require(after, account.margin)
    _check_cover(account, after, needed, required)
    kept = {one.instrument for one in after}
    realized = sum((one.gain for one in before if one.instrument not in kept), ZERO)
    paid = _dollars(ticket, prices, market) + cost + realized
    change = collateral(paid, after) - required.initial - (collateral(ZERO, before) - needed.initial)
    free = (_free(account, market) - reserved).quantize(CENT, ROUND_HALF_UP)
    return Preview(
        fees=fees,
        total_fees=cost,
        buying_power_before=free,
        buying_power_after=free + change,
        buying_power_change=change,
        margin_change=needed.initial - required.initial,
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


def price_of(ticket: Ticket, leg: Leg, market: Market) -> Decimal:
    """What a unit of the leg is taken to trade at: unsigned."""
    if len(ticket.legs) == 1 and (given := ticket.limit_price or ticket.stop_price):
        return abs(given)
    book = market.book(leg.instrument)
    touch = (book.ask if leg.action.is_buy else book.bid) if book else None
    if book is None or touch is None:
        raise OrderRefused("no_market", "There is no price for this instrument.")
    return touch or book.last or touch


def weights(ticket: Ticket, market: Market) -> list[Decimal]:
    """What each leg's price counts for in the net price of a unit: its ratio, and for shares beside options a
    hundredth of it."""
    sizes = [_multiplier(leg.instrument, market) for leg in ticket.legs]
    return [r * m / max(sizes) for r, m in zip(unit_ratios([leg.quantity for leg in ticket.legs]), sizes, strict=True)]


def _free(account: SimAccount, market: Market) -> Decimal:
    groups = weighed(account, market).groups.values()
    held = [one for group, _ in groups for one in group]
    return collateral(money(account), held) - total(needed for _, needed in groups).initial


def _check_cover(account: SimAccount, after: list[Exposure], needed: Requirement, required: Requirement) -> None:
    """Shares are sold short on margin only, coins never; options without cover as far as the account is approved."""
    short = any(isinstance(e.instrument, SHORTABLE) and e.quantity < 0 for e in after)
    coin = any(isinstance(e.instrument, Crypto) and e.quantity < 0 for e in after)
    if coin or (short and account.kind != "margin"):
        raise OrderRefused("short_sale_not_allowed", "This account cannot sell what it does not hold.")
    calls = required.naked_calls > needed.naked_calls and (not account.margin or account.option_level < 5)
    puts = required.naked_puts > needed.naked_puts and account.margin and account.option_level < 4
    if calls or puts:
        raise OrderRefused("uncovered_option_not_allowed", "The account is not approved for selling uncovered options.")


def _dollars(ticket: Ticket, prices: dict[Instrument, Decimal], market: Market) -> Decimal:
    """What the trade brings (positive) or takes, before fees. A future's moves no money."""
    if isinstance(ticket.legs[0].instrument, Future):
        return ZERO
    if ticket.limit_price is None:
        return sum(
            (
                -leg.action.sign * leg.quantity * prices[leg.instrument] * _multiplier(leg.instrument, market)
                for leg in ticket.legs
            ),
            ZERO,
        )
    units = ticket.legs[0].quantity / unit_ratios([leg.quantity for leg in ticket.legs])[0]
    return ticket.limit_price * units * max(_multiplier(leg.instrument, market) for leg in ticket.legs)


def _multiplier(instrument: Instrument, market: Market) -> Decimal:
    listing = market.listing(instrument)
    return listing.multiplier if listing else Decimal(1)


def _fees(account: SimAccount, ticket: Ticket, prices: dict[Instrument, Decimal], market: Market) -> Parts:
    schedule = SCHEDULES[account.schedule]
    found = [
        charge(
            *(leg.instrument, leg.action, leg.quantity, prices[leg.instrument], ZERO),
            *(schedule, _multiplier(leg.instrument, market)),
        )
        for leg in ticket.legs
    ]
    whole = found[0]
    for more in found[1:]:
        whole = add(whole, more)
    return whole
