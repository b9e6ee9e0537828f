"""How an order may be made: legs that go together, quantities, types and durations that do, prices on the tick grid."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from brokers.domain.instruments import Crypto, Equity, Future, FutureOption, Instrument, Option, describe
from brokers.simulator.exchange.floor.venue import LONGEST, calendar_of, session_for
from brokers.simulator.exchange.orders.orders import OrderRefused, unit_ratios
from brokers.simulator.exchange.orders.tickets import Duration, Hours, OrderType, Ticket
from brokers.simulator.market.market import Market
from brokers.simulator.market.sessions import local_date

SPREAD_TICK = Decimal("0.01")
FRACTION, COIN = Decimal("0.00001"), Decimal("0.00000001")
LEAST_VALUE = Decimal(5)
TRADED = (Equity, Option, Future, FutureOption, Crypto)
ALONE = (Future, Crypto)


def refuse_if(wrong: bool, code: str, message: str) -> None:
    if wrong:
        raise OrderRefused(code, message)


def _check_listed(ticket: Ticket, market: Market, now: datetime) -> None:
    for leg in ticket.legs:
        listed = isinstance(leg.instrument, TRADED) and market.listing(leg.instrument)
        refuse_if(not listed, "unknown_symbol", f"{describe(leg.instrument)} is not listed here.")
    for condition in ticket.conditions:
        for watched in (condition.instrument, *(one.instrument for one in condition.components)):
            refuse_if(not market.listing(watched), "unknown_symbol", f"{describe(watched)} is not listed here.")


def _check_legs(ticket: Ticket, market: Market, now: datetime) -> None:
    if len(ticket.legs) == 1:
        return
    kinds = [type(leg.instrument) for leg in ticket.legs]
    alone = any(kind in ALONE for kind in kinds) or kinds.count(Equity) > 1
    refuse_if(alone, "too_many_legs", "Shares, futures and coins trade alone; shares together with options on them.")
    apart = len({_stands_on(leg.instrument, market) for leg in ticket.legs}) > 1
    refuse_if(apart, "mixed_underlyings", "All legs of a spread stand on the same underlying.")
    fractions = any(leg.quantity != leg.quantity.to_integral_value() for leg in ticket.legs)
    refuse_if(fractions, "quantity_not_whole", "The legs of a spread have whole quantities.")
    if Equity in kinds:
        ratios = unit_ratios([leg.quantity for leg in ticket.legs])
        odd = any(isinstance(leg.instrument, Equity) and r % 100 for leg, r in zip(ticket.legs, ratios, strict=True))
        refuse_if(odd, "uneven_ratio", "Shares go with options by the hundred.")


def _stands_on(instrument: Instrument, market: Market) -> Instrument:
    listing = market.listing(instrument)
    return listing.underlying if listing is not None and listing.underlying is not None else instrument


def _check_quantities(ticket: Ticket, market: Market, now: datetime) -> None:
    for leg in ticket.legs:
        step = Decimal(1)
        if isinstance(leg.instrument, Crypto):
            step = COIN
        elif isinstance(leg.instrument, Equity) and ticket.order_type.is_market:
            step = FRACTION
        refuse_if(
            leg.quantity % step != 0,
            "quantity_not_whole",
            "The quantity must be a whole number; fractions of shares trade at the market only.",
        )
    shown, limited = ticket.display_quantity, ticket.order_type in (OrderType.LIMIT, OrderType.STOP_LIMIT)
    wrong = shown is not None and (not limited or shown > ticket.legs[0].quantity or shown % 1 != 0)
    refuse_if(wrong, "display_quantity", "A display quantity goes with limit orders and is at most the quantity.")


def _check_type(ticket: Ticket, market: Market, now: datetime) -> None:
    kind = ticket.order_type
    single = len(ticket.legs) == 1
    refuse_if(kind.has_stop and not single, "multi_leg_stop_order", "A spread cannot be a stop order.")
    share = isinstance(ticket.legs[0].instrument, Equity)
    notional = kind is OrderType.NOTIONAL_MARKET
    plain = single and share and ticket.duration is Duration.DAY and ticket.hours is Hours.REGULAR
    refuse_if(notional and not plain, "notional_order", "Orders for an amount of dollars are for shares, for the day.")
    small = ticket.value is not None and ticket.value < LEAST_VALUE
    refuse_if(small, "notional_too_small", f"An order is for {LEAST_VALUE} dollars at least.")
    mixed = any(isinstance(leg.instrument, ALONE) for leg in ticket.legs)
    refuse_if(ticket.all_or_none and mixed, "all_or_none_order", "All-or-none is for shares and options.")
    rests = kind is OrderType.LIMIT and not ticket.duration.is_immediate and not ticket.duration.is_auction
    refuse_if(ticket.post_only and not rests, "post_only_order", "Post-only goes with limit orders that may rest.")


def _check_hours(ticket: Ticket, market: Market, now: datetime) -> None:
    single, share = len(ticket.legs) == 1, isinstance(ticket.legs[0].instrument, Equity)
    plain = ticket.order_type is OrderType.LIMIT and single and share and not ticket.duration.is_auction
    extended = ticket.hours is not Hours.REGULAR
    refuse_if(extended and not plain, "extended_hours_order", "Outside regular hours only limit orders for shares.")
    fits = single and share and ticket.order_type in (OrderType.MARKET, OrderType.LIMIT)
    refuse_if(
        ticket.duration.is_auction and not fits, "auction_order", "Auctions take market and limit orders for shares."
    )
    minutes = ticket.duration is Duration.MINUTES
    refuse_if(minutes and not (single and share), "minutes_order", "Orders good for minutes are for shares.")


def _check_dates(ticket: Ticket, market: Market, now: datetime) -> None:
    session = session_for(calendar_of(market, ticket.legs[0].instrument), ticket.hours, now)
    ended = ticket.gtd_date is not None and ticket.gtd_date < session.date
    over = ticket.cancel_at is not None and ticket.cancel_at <= now
    refuse_if(ended or over, "date_in_the_past", "The date until which the order is good is over.")
    far = ticket.gtd_date is not None and ticket.gtd_date > local_date(now + 4 * LONGEST)
    refuse_if(far, "date_too_far", "The date until which the order is good is more than a year away.")


def _check_prices(ticket: Ticket, market: Market, now: datetime) -> None:
    limit = ticket.limit_price
    if len(ticket.legs) > 1:
        off = limit is not None and limit % SPREAD_TICK != 0
        refuse_if(off, "price_off_tick", f"The price must be a multiple of {SPREAD_TICK}.")
        return
    listing = market.listing(ticket.legs[0].instrument)
    for price in (limit, ticket.stop_price):
        if listing is None or price is None or listing.increments.fits(abs(price)):
            continue
        step = listing.increments.at(abs(price))
        raise OrderRefused("price_off_tick", f"At this level the price must be a multiple of {step}.")


MAKEUP: tuple[Callable[[Ticket, Market, datetime], None], ...] = (
    _check_listed,
    _check_legs,
    _check_type,
    _check_quantities,
    _check_hours,
    _check_dates,
    _check_prices,
)
