"""Orders in, changed and out: each is looked at, then handed to the floor."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal

from brokers.domain.instruments import FutureOption, Instrument, Option
from brokers.domain.orders import Leg
from brokers.simulator.exchange.books.accounts import SimAccount
from brokers.simulator.exchange.books.executions import underlying_of
from brokers.simulator.exchange.floor.bonds import resize
from brokers.simulator.exchange.floor.floor import Floor
from brokers.simulator.exchange.floor.venue import Venue, ends
from brokers.simulator.exchange.margin.rules import Exposure
from brokers.simulator.exchange.margin.valuation import exposed
from brokers.simulator.exchange.orders.amendments import Amendment, amended
from brokers.simulator.exchange.orders.checks import Desk, check
from brokers.simulator.exchange.orders.forecast import check_buying_power, foresee, price_of, weights
from brokers.simulator.exchange.orders.makeup import FRACTION, LEAST_VALUE
from brokers.simulator.exchange.orders.orders import OrderRefused, OrderStatus, Preview, SimLeg, SimOrder, unit_ratios
from brokers.simulator.exchange.orders.tickets import OrderType, Ticket
from brokers.simulator.market.market import Market

ZERO = Decimal(0)
ON_THE_WAY = ("market_closed_opening_market_order",)  # is looked at when an order comes, not afterwards
UNCHANGEABLE = (OrderStatus.CANCEL_REQUESTED, OrderStatus.REPLACE_REQUESTED)
Coming = dict[Instrument, Decimal]


class Sender:
    """Who sends an order, as it is written on it."""

    def __init__(
        self,
        reference: str | None = None,
        source: str = "",
        username: str = "",
        strict: bool = False,
        waive: Iterable[str] = (),
    ) -> None:
        self.reference, self.source, self.username = reference, source, username
        self.strict, self.waived = strict, frozenset(waive)


class Entry:
    """Takes orders for the accounts it is given. ``ids`` numbers orders and groups."""

    def __init__(self, market: Market, floor: Floor, ids: Iterator[int], now: Callable[[], datetime]) -> None:
        self.market, self.floor, self.ids, self.now = market, floor, ids, now
        self._venue = Venue(market)

    # Looking

    def examine(
        self,
        account: SimAccount,
        ticket: Ticket,
        sender: Sender,
        without: Iterable[int] = (),
        coming: Coming | None = None,
    ) -> tuple[Ticket, Preview]:
        """The ticket as it will work, and what it does; ``OrderRefused`` when it cannot be taken.

        ``coming`` is what the account will hold by then beside its positions; such an order holds nothing back yet.
        """
        left, later = frozenset(without), coming or {}
        commitments = self.floor.commitments
        desk = Desk(account, commitments, self.market, self._venue, self.now(), left, later, sender.waived)
        ticket, warnings = check(self._in_shares(ticket), desk, sender.strict)
        held = tuple(exposed(i, quantity, self._price(i), self.market) for i, quantity in later.items() if quantity)
        reserved = commitments.reserved(account.number, left)
        preview = foresee(account, ticket, self.market, reserved, warnings, held)
        if coming is None:
            if rivals := self._rivals(account, ticket, left):
                worse = foresee(account, ticket, self.market, reserved, warnings, rivals)
                preview = min(preview, worse, key=lambda one: one.buying_power_change)
            check_buying_power(preview)
        return ticket, preview

    def examine_in_place(
        self, account: SimAccount, ticket: Ticket, sender: Sender, old: SimOrder
    ) -> tuple[Ticket, Preview]:
        """The same for a ticket that is to take an order's place, in its group too."""
        without = {old.order_id, *(one.order_id for one in self.floor.bonds.rivals(old))}
        return self.examine(account, ticket, sender, without, self._coming(account, old))

    def examine_again(self, account: SimAccount, order: SimOrder) -> None:
        """Look at an order that has waited for another, now that its time has come."""
        sender = Sender(strict=order.strict, waive={*order.waived, *ON_THE_WAY})
        ticket, preview = self.examine_in_place(account, order.ticket, sender, order)
        order.ticket, order.preview, order.reserve = ticket, preview, max(ZERO, -preview.buying_power_change)
        for state, leg in zip(order.legs, ticket.legs, strict=True):
            state.leg, state.remaining = leg, leg.quantity

    # In

    def place(self, account: SimAccount, ticket: Ticket, sender: Sender) -> SimOrder:
        ticket, preview = self.examine(account, ticket, sender)
        order = self.make(account, ticket, preview, sender)
        self._admit(account, order)
        return order

    def place_rejected(self, account: SimAccount, ticket: Ticket, reason: str, sender: Sender) -> SimOrder:
        """An order that is taken only to be rejected at once: it is in the list, and nothing else of it."""
        order = self.make(account, ticket, None, sender)
        order.doom = reason
        self._admit(account, order)
        self.floor.end(order, OrderStatus.REJECTED, self.now(), reason)
        return order

    def make(
        self, account: SimAccount, ticket: Ticket, preview: Preview | None, sender: Sender, number: int | None = None
    ) -> SimOrder:
        """An order that nobody knows of yet."""
        now = self.now()
        ratios = unit_ratios([leg.quantity for leg in ticket.legs])
        parts = zip(ticket.legs, ratios, weights(ticket, self.market), strict=True)
        return SimOrder(
            order_id=number if number is not None else next(self.ids),
            account_number=account.number,
            reference=sender.reference,
            ticket=ticket,
            status=OrderStatus.RECEIVED,
            legs=[SimLeg(leg, leg.quantity, ratio=ratio, weight=weight) for leg, ratio, weight in parts],
            received_at=now,
            updated_at=now,
            source=sender.source,
            username=sender.username,
            warnings=list(preview.warnings) if preview else [],
            expires_at=ends(self.market, ticket, now)[0],
            reserve=max(ZERO, -preview.buying_power_change) if preview else ZERO,
            preview=preview,
            strict=sender.strict,
            waived=tuple(sorted(sender.waived)),
        )

    # Changed and out

    def replace(self, account: SimAccount, old: SimOrder, ticket: Ticket, waive: Iterable[str] = ()) -> SimOrder:
        before = account.orders.get(old.replaces_order_id or 0)
        waits = old.status is OrderStatus.CONTINGENT and before is not None and not before.is_terminal
        if old.is_terminal or old.status in UNCHANGEABLE or waits:
            raise OrderRefused("not_replaceable", f"Order {old.order_id} is {_words(old.status)}.")
        if {_side(leg) for leg in ticket.legs} != {_side(leg) for leg in old.ticket.legs}:
            raise OrderRefused("replace_changes_legs", "Only price, type and duration of an order can be changed.")
        sender = Sender(old.reference, old.source, old.username, waive={*old.waived, *waive})
        ticket = for_the_rest(old, ticket, old.remaining)
        ticket, preview = self.examine_in_place(account, ticket, sender, old)
        new = self.make(account, ticket, preview, sender)
        new.status, new.replaces_order_id = OrderStatus.CONTINGENT, old.order_id
        new.expires_at = new.expires_at if old.expires_at is not None else None
        old.replaced_by_order_id, old.edited = new.order_id, True
        account.orders[new.order_id] = new
        self.floor.request_replace(account, old, new, self.now())
        return new

    def amend(self, account: SimAccount, order: SimOrder, change: Amendment, waive: Iterable[str] = ()) -> SimOrder:
        if order.is_terminal or order.status in UNCHANGEABLE:
            raise OrderRefused("not_amendable", f"Order {order.order_id} is {_words(order.status)}.")
        if order.triggered:
            raise OrderRefused("stop_triggered", "The stop has triggered: the order cannot be changed any more.")
        before, changed = order.ticket, amended(order.ticket, change, self.now())
        units = order.size if change.quantity is None else change.quantity
        if units <= order.filled:
            raise OrderRefused("quantity_below_filled", f"{order.filled} of the order has filled already.")
        if units == order.size and changed == before:
            return order
        left = units - order.filled
        sender = Sender(waive={*order.waived, *waive, *ON_THE_WAY})
        _, preview = self.examine_in_place(account, for_the_rest(order, changed, left), sender, order)
        order.ticket, order.reserve = changed, max(ZERO, -preview.buying_power_change)
        order.reserve *= order.size / left  # it is of the whole order
        order.waived = tuple(sorted({*order.waived, *waive}))
        if changed.trail != before.trail:
            order.trail_stop = None
        resize(order, units)
        order.amended += 1
        waits = (changed.conditions, changed.start_at) != (before.conditions, before.start_at)
        self.floor.rerest(order, waits, self.now())
        return order

    def cancel(self, order: SimOrder) -> SimOrder:
        if not order.is_cancellable:
            raise OrderRefused("not_cancellable", f"Order {order.order_id} is {_words(order.status)}.")
        self.floor.request_cancel(order, self.now())
        return order

    # Inside

    def _coming(self, account: SimAccount, order: SimOrder) -> Coming | None:
        """What the account will hold once all that this order waits for has filled; None when it waits for nothing."""
        parent = account.orders.get(order.parent_id or 0)
        if parent is None or parent.status is OrderStatus.FILLED:
            return None
        found = dict(self._coming(account, parent) or {})
        for state in parent.legs:
            leg = state.leg
            found[leg.instrument] = found.get(leg.instrument, ZERO) + state.remaining * leg.action.sign
        return found

    def _rivals(self, account: SimAccount, ticket: Ticket, without: Iterable[int]) -> tuple[Exposure, ...]:
        """Options that other working orders will open on the same underlying: they may want the same cover."""
        if not any(isinstance(leg.instrument, Option | FutureOption) or not leg.action.is_buy for leg in ticket.legs):
            return ()
        under = underlying_of(ticket.legs[0].instrument, self.market)
        return tuple(
            exposed(
                leg.leg.instrument, leg.remaining * leg.leg.action.sign, self._price(leg.leg.instrument), self.market
            )
            for leg in self.floor.commitments.opening(account.number, frozenset(without))
            if underlying_of(leg.leg.instrument, self.market) == under
        )

    def _admit(self, account: SimAccount, order: SimOrder) -> None:
        account.orders[order.order_id] = order
        self.floor.admit(account, order, self.now())

    def _in_shares(self, ticket: Ticket) -> Ticket:
        """A ticket for an amount of dollars as one for shares, at the touch."""
        if ticket.order_type is not OrderType.NOTIONAL_MARKET or ticket.value is None:
            return ticket
        if ticket.value < LEAST_VALUE:
            raise OrderRefused("notional_too_small", f"An order is for {LEAST_VALUE} dollars at least.")
        leg = ticket.legs[0]
        if self.market.listing(leg.instrument) is None:
            raise OrderRefused("unknown_symbol", f"{leg.instrument} is not listed here.")
        shares = (ticket.value / price_of(ticket, leg, self.market)).quantize(FRACTION, ROUND_FLOOR)
        return replace(ticket, legs=(replace(leg, quantity=shares),))

    def _price(self, instrument: Instrument) -> Decimal:
        book = self.market.book(instrument)
        return (book.mark if book is not None else None) or ZERO


def for_the_rest(order: SimOrder, ticket: Ticket, units: Decimal) -> Ticket:
    """The ticket for so many units of the order: what it shows at a time is no more than these."""
    legs = tuple(Leg(state.leg.instrument, state.leg.action, units * state.ratio) for state in order.legs)
    shown = ticket.display_quantity
    if shown is not None and shown <= order.size:
        shown = min(shown, units)
    return replace(ticket, legs=legs, display_quantity=shown)


def _side(leg: Leg) -> tuple[Instrument, Decimal, bool]:
    return leg.instrument, leg.quantity, leg.action.is_buy


def _words(status: OrderStatus) -> str:
    return status.replace("_", " ")
