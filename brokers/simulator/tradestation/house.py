"""What this broker itself refuses before the exchange looks, and the exchange's refusals in its words (4.5, 5.3)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from brokers.domain.instruments import Crypto, Equity, Future, FutureOption, Instrument, Option, plain
from brokers.domain.orders import Action
from brokers.simulator.exchange import OrderRefused, SimAccount
from brokers.simulator.exchange.orders.groups import Bond
from brokers.simulator.exchange.orders.tickets import Duration, Hours, OrderType, Ticket
from brokers.simulator.tradestation.tickets import Declined, Request

if TYPE_CHECKING:
    from brokers.simulator.world import World

HIGHEST_PRICE = Decimal("999999.99")
LONGEST = timedelta(days=90)
NO_MARKET_PLUS = "No market or stop orders with TIF of 'Day+','GTC+','GTD+', or 'Fill-or-Kill'"
WRONG_ACCOUNT = "Invalid account for the asset type"
NO_LOCATE = "SL0350: There are no shares available to borrow for this symbol."
BOXED = 'EC804: Boxed positions are not permitted. To close {} position, try a "{}" order'
REASONS = {
    "insufficient_buying_power": "You have insufficient buying power for this order.",
    "price_off_tick": "Invalid price increment.",
    "closes_nothing": "There is no open position to close.",
    "cannot_close_more_than_position": "The order would close more than the position.",
    "unknown_symbol": "Invalid symbol.",
    "short_sale_not_allowed": "Short sales are not allowed in this account.",
    "uncovered_option_not_allowed": "Your option approval level does not allow uncovered options.",
    "options_not_allowed": "Your option approval level does not allow this order.",
    "futures_not_allowed": WRONG_ACCOUNT,
    "instrument_not_allowed": WRONG_ACCOUNT,
    "closing_only": "The account may only close positions.",
    "account_not_active": "The account is not open for trading.",
    "date_in_the_past": "The expiration date of the order is in the past.",
    "date_too_far": "The expiration date of the order is more than 90 days away.",
    "group_symbols": "All orders of a bracket must close the same symbol on the same side.",
}


def declined(error: OrderRefused) -> Declined:
    """The exchange's refusal as this broker words it."""
    return Declined(REASONS.get(error.code, error.message))


def look_over(request: Request, world: "World", *, first: bool = True) -> None:
    """Every check on an order; on one that waits for another's fill (not ``first``), those that hold at any time."""
    for check in CHECKS:
        check(request.account, request.ticket, world)
    if first:
        _check_stop_side(request.ticket, world)
        _check_locate(request.ticket, world)
        for leg in request.ticket.legs:
            _check_holding(request.account, leg.instrument, leg.action, leg.quantity)
    for bundle in request.bundles:
        for inner in bundle.requests:
            look_over(inner, world, first=False)


def _refuse_if(wrong: bool, reason: str) -> None:
    if wrong:
        raise Declined(reason)


def _check_account(account: SimAccount, ticket: Ticket, world: "World") -> None:
    for leg in ticket.legs:
        tradable = not isinstance(leg.instrument, Crypto | FutureOption)
        _refuse_if(not tradable, "The symbol cannot be traded.")
        _refuse_if(isinstance(leg.instrument, Future) != (account.kind == "futures"), WRONG_ACCOUNT)


def _check_force(account: SimAccount, ticket: Ticket, world: "World") -> None:
    plus = ticket.hours is not Hours.REGULAR or ticket.duration is Duration.FOK
    _refuse_if(plus and ticket.order_type is not OrderType.LIMIT, NO_MARKET_PLUS)
    shares = all(isinstance(leg.instrument, Equity) for leg in ticket.legs)
    timed = ticket.duration in (Duration.MINUTES, Duration.OPENING)
    _refuse_if(timed and not shares, "This duration is for stocks only.")
    now = world.clock.now()
    if ticket.gtd_date is not None:
        _refuse_if(ticket.gtd_date > (now + LONGEST).date(), REASONS["date_too_far"])
    late = ticket.duration is Duration.DAY and ticket.hours is Hours.REGULAR and shares
    _refuse_if(late and _after_hours(now, world), "No Day orders after 4:00PM Eastern")


def _after_hours(now: datetime, world: "World") -> bool:
    return world.market.phase(now) == "post"


def _check_prices(account: SimAccount, ticket: Ticket, world: "World") -> None:
    limit, stop = ticket.limit_price, ticket.stop_price
    _refuse_if(
        limit is not None and abs(limit) > HIGHEST_PRICE, "Type = LMT has invalid Price greater than absolute maximum"
    )
    if limit is None or stop is None or len(ticket.legs) > 1:
        return
    buys = ticket.legs[0].action.is_buy
    _refuse_if(buys and abs(limit) < stop, "Limit price must be at or above StopMarketPrice")
    _refuse_if(not buys and abs(limit) > stop, "Limit price must be at or below StopMarketPrice")


CHECKS: tuple[Callable[[SimAccount, Ticket, "World"], None], ...] = (_check_account, _check_force, _check_prices)


def _check_stop_side(ticket: Ticket, world: "World") -> None:
    """A stop that would be hit at once is refused."""
    book = world.market.book(ticket.legs[0].instrument)
    if ticket.stop_price is None or book is None or book.last is None:
        return
    if ticket.legs[0].action.is_buy:
        _refuse_if(ticket.stop_price <= book.last, "Invalid Stop Price - Stop Price must be above current market.")
    else:
        _refuse_if(ticket.stop_price >= book.last, "Invalid Stop Price - Stop Price must be below current market.")


def _check_locate(ticket: Ticket, world: "World") -> None:
    """Shares that are hard to borrow are not sold short without a locate."""
    leg = ticket.legs[0]
    if isinstance(leg.instrument, Equity) and leg.action is Action.SELL_TO_OPEN:
        listing = world.market.listing(leg.instrument)
        _refuse_if(listing is not None and listing.borrow == "hard", NO_LOCATE)


def _check_holding(account: SimAccount, instrument: Instrument, action: Action, quantity: Decimal) -> None:
    """The broker does not turn a position over, and what working orders will close is spoken for."""
    if not isinstance(instrument, Equity | Option):
        return
    position = account.positions.get(instrument)
    held = position.quantity if position else Decimal(0)
    share = isinstance(instrument, Equity)
    if share and action is Action.SELL_TO_OPEN:
        _refuse_if(held > 0, BOXED.format("long", "Sell"))
    if share and action is Action.BUY_TO_OPEN:
        _refuse_if(held < 0, BOXED.format("short", "Buy to Cover"))
    if action in (Action.SELL_TO_CLOSE, Action.BUY_TO_CLOSE):
        _check_close(account, instrument, action, held, quantity)


def _check_close(account: SimAccount, instrument: Instrument, action: Action, held: Decimal, quantity: Decimal) -> None:
    sells, units = action is Action.SELL_TO_CLOSE, "shares" if isinstance(instrument, Equity) else "contracts"
    there = max(Decimal(0), held if sells else -held)
    spoken_for = closing(account, instrument, action)
    if quantity + spoken_for <= there:
        return
    if not there and not sells:
        raise Declined(f"EC602: You are short 0.00 {units}!")
    side, orders = ("long", "sell") if sells else ("short", "buy to cover")
    remaining = f" with {plain(spoken_for)} remaining on {orders} orders" if spoken_for else ""
    raise Declined(f"You are {side} {plain(there)} {units}{remaining}!")


def closing(account: SimAccount, instrument: Instrument, action: Action) -> Decimal:
    """What working orders will take off a position: of those that cancel each other, the largest."""
    groups: dict[int, Decimal] = {}
    alone = Decimal(0)
    for order in account.working:
        if order.parent_id is not None and not any(leg.filled for leg in order.legs) and order.live_at is None:
            continue
        left = sum(
            (leg.remaining for leg in order.legs if leg.leg.instrument == instrument and leg.leg.action is action),
            Decimal(0),
        )
        group = account.groups.get(order.group_id) if order.group_id is not None else None
        if group is not None and group.bond in (Bond.OCO, Bond.BRACKET):
            groups[group.group_id] = max(left, groups.get(group.group_id, Decimal(0)))
        else:
            alone += left
    return alone + sum(groups.values(), Decimal(0))
