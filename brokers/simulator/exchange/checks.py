"""What the exchange looks at before it takes an order. Each check raises ``OrderRefused``, in words for the trader."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from brokers.domain.instruments import Equity, Instrument, Option, describe
from brokers.domain.orders import Action, Leg, OrderTicket, OrderType, TimeInForce
from brokers.simulator.exchange.accounts import SimAccount
from brokers.simulator.exchange.orders import OrderRefused, SimOrder
from brokers.simulator.market.market import Market

SPREAD_TICK = Decimal("0.01")
FRACTION = Decimal("0.00001")
LAST_CALL = timedelta(minutes=30)
FLIPPED = {Action.BUY_TO_CLOSE: Action.BUY_TO_OPEN, Action.SELL_TO_CLOSE: Action.SELL_TO_OPEN}
UNTIL_CANCELLED = (TimeInForce.GTC, TimeInForce.GTD, TimeInForce.GTC_EXT, TimeInForce.GTC_OVERNIGHT)
EXTENDED = (TimeInForce.EXT, TimeInForce.GTC_EXT, TimeInForce.OVERNIGHT, TimeInForce.GTC_OVERNIGHT)
NEXT_SESSION = ("begins_next_session", "The order will begin working in the next session.")
CLOSES_NOTHING = ("closing_with_no_position", "There is no position to close: the order opens one.")


@dataclass(frozen=True, slots=True)
class Desk:
    """What the checks look at: the account, its other working orders, the market, the time."""

    account: SimAccount
    working: tuple[SimOrder, ...]
    market: Market
    now: datetime

    def held(self, instrument: Instrument) -> Decimal:
        position = self.account.positions.get(instrument)
        return position.quantity if position else Decimal(0)

    def legs(self, instrument: Instrument) -> Iterable[tuple[Leg, Decimal]]:
        """Legs of other working orders on an instrument, with what is left of them."""
        for order in self.working:
            for state in order.legs:
                if state.leg.instrument == instrument:
                    yield state.leg, state.remaining


def check(ticket: OrderTicket, desk: Desk, strict: bool) -> tuple[OrderTicket, list[tuple[str, str]]]:
    """The ticket as it will work, and remarks on it. With ``strict`` a closing leg must close something."""
    for look in CHECKS:
        look(ticket, desk)
    ticket, flipped = _settle_effects(ticket, desk, strict)
    for leg in ticket.legs:
        _check_sides(leg, desk)
        _check_size_of_close(leg, desk)
        _check_last_call(leg, desk)
    if ticket.order_type is OrderType.MARKET and not desk.market.is_open(desk.now):
        _refuse_if(
            any(leg.action.opens for leg in ticket.legs),
            "market_closed_opening_market_order",
            "Opening market orders are not taken while the market is closed.",
        )
    warnings = [CLOSES_NOTHING] if flipped else []
    return ticket, warnings if desk.market.is_open(desk.now) else [*warnings, NEXT_SESSION]


def _refuse_if(wrong: bool, code: str, message: str) -> None:
    if wrong:
        raise OrderRefused(code, message)


def _check_listed(ticket: OrderTicket, desk: Desk) -> None:
    for leg in ticket.legs:
        listed = isinstance(leg.instrument, Equity | Option) and desk.market.listing(leg.instrument)
        _refuse_if(not listed, "unknown_symbol", f"{describe(leg.instrument)} is not listed here.")


def _check_legs(ticket: OrderTicket, desk: Desk) -> None:
    shares = any(isinstance(leg.instrument, Equity) for leg in ticket.legs)
    _refuse_if(shares and len(ticket.legs) > 1, "too_many_legs", "An order for shares has one leg.")
    listings = [desk.market.listing(leg.instrument) for leg in ticket.legs]
    apart = len({listing.underlying for listing in listings if listing}) > 1
    _refuse_if(apart, "mixed_underlyings", "All legs of a spread are options on the same underlying.")


def _check_quantities(ticket: OrderTicket, desk: Desk) -> None:
    for leg in ticket.legs:
        whole = leg.quantity == leg.quantity.to_integral_value()
        fractional = (
            isinstance(leg.instrument, Equity)
            and ticket.order_type is OrderType.MARKET
            and leg.quantity % FRACTION == 0
        )
        _refuse_if(
            not (whole or fractional),
            "quantity_not_whole",
            "The quantity must be a whole number; fractions of shares trade at the market only.",
        )


def _check_type(ticket: OrderTicket, desk: Desk) -> None:
    kind, lasting = ticket.order_type, ticket.time_in_force in UNTIL_CANCELLED
    at_market = kind is OrderType.MARKET
    _refuse_if(at_market and lasting, "gtc_market_order", "Market orders are for the day only.")
    single = len(ticket.legs) == 1
    _refuse_if(at_market and not single, "multi_leg_market_order", "A spread needs a limit price.")
    _refuse_if(kind.has_stop and not single, "multi_leg_stop_order", "A spread cannot be a stop order.")
    opens = ticket.legs[0].action.opens
    _refuse_if(kind is OrderType.STOP and opens and lasting, "gtc_opening_stop_order", "Opening stops are for the day.")
    extended = ticket.time_in_force in EXTENDED
    plain = kind is OrderType.LIMIT and isinstance(ticket.legs[0].instrument, Equity)
    _refuse_if(extended and not plain, "extended_hours_order", "Outside regular hours only limit orders for shares.")
    ended = ticket.gtd_date is not None and ticket.gtd_date < desk.market.session(desk.now).date
    _refuse_if(ended, "date_in_the_past", "The date until which the order is good is over.")


def _check_prices(ticket: OrderTicket, desk: Desk) -> None:
    limit = ticket.limit_price
    if len(ticket.legs) > 1:
        off = limit is not None and limit % SPREAD_TICK != 0
        _refuse_if(off, "price_off_tick", "The price must be a multiple of 0.01.")
        return
    listing = desk.market.listing(ticket.legs[0].instrument)
    for price in (limit, ticket.stop_price):
        if listing is None or price is None or listing.increments.fits(abs(price)):
            continue
        step = listing.increments.at(abs(price))
        raise OrderRefused("price_off_tick", f"At this level the price must be a multiple of {step}.")


CHECKS: tuple[Callable[[OrderTicket, Desk], None], ...] = (
    _check_listed,
    _check_legs,
    _check_quantities,
    _check_type,
    _check_prices,
)


def _settle_effects(ticket: OrderTicket, desk: Desk, strict: bool) -> tuple[OrderTicket, bool]:
    """A closing leg that closes nothing becomes an opening one; the answer says whether one did."""
    legs = tuple(_effective(leg, desk) for leg in ticket.legs)
    if legs == ticket.legs:
        return ticket, False
    _refuse_if(strict, "closes_nothing", "There is no position that this order would close.")
    return replace(ticket, legs=legs), True


def _effective(leg: Leg, desk: Desk) -> Leg:
    held = desk.held(leg.instrument)
    if leg.action in FLIPPED and held * leg.action.sign >= 0:
        return replace(leg, action=FLIPPED[leg.action])
    return leg


def _check_sides(leg: Leg, desk: Desk) -> None:
    held, words = desk.held(leg.instrument), describe(leg.instrument)
    against = leg.action.opens and held * leg.action.sign < 0
    _refuse_if(against, "opens_against_position", f"The account holds the other side of {words}: close that first.")
    opposite = any(other.action.is_buy != leg.action.is_buy for other, left in desk.legs(leg.instrument) if left)
    _refuse_if(
        opposite and not held,
        "buy_and_sell_same_symbol",
        f"A working order is on the other side of {words}: buying and selling the same symbol is not allowed.",
    )


def _check_size_of_close(leg: Leg, desk: Desk) -> None:
    if leg.action.opens:
        return
    closing = sum((left for other, left in desk.legs(leg.instrument) if other.action is leg.action), Decimal(0))
    _refuse_if(
        closing + leg.quantity > abs(desk.held(leg.instrument)),
        "cannot_close_more_than_position",
        "This and the closing orders that already work would close more than the position.",
    )


def _check_last_call(leg: Leg, desk: Desk) -> None:
    option = leg.instrument
    if isinstance(option, Option) and leg.action is Action.SELL_TO_OPEN:
        late = desk.now >= desk.market.expires_at(option) - LAST_CALL
        _refuse_if(late, "too_close_to_expiration", "Options are not sold to open in the last half hour of their life.")
