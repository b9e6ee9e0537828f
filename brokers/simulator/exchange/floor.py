"""The trading floor: moves orders along their states as time passes, and fills them."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from brokers.domain.instruments import Instrument
from brokers.domain.orders import Leg, OrderTicket, TimeInForce
from brokers.simulator.exchange.accounts import SimAccount, SimPosition
from brokers.simulator.exchange.fees import charge, settled
from brokers.simulator.exchange.ledger import Trade, book_trade
from brokers.simulator.exchange.matching import Shown, Slice, match, reach_stop
from brokers.simulator.exchange.orders import MATCHABLE, OrderStatus, SimFill, SimLeg, SimOrder
from brokers.simulator.exchange.plans import FillPlan
from brokers.simulator.market.market import Market
from brokers.simulator.market.sessions import local_date, session_on

TICK_OF_TIME = timedelta(milliseconds=1)
END_OF_TIME = datetime.max.replace(tzinfo=timezone.utc)
IMMEDIATE = (TimeInForce.IOC, TimeInForce.FOK)
WITHOUT_END = (TimeInForce.GTC, TimeInForce.GTC_EXT, TimeInForce.GTC_OVERNIGHT)

Changed = Callable[[SimOrder], None]
Moved = Callable[[SimPosition], None]


class Floor:
    """Holds the orders that work, in the order of their arrival. ``changed`` and ``moved`` are told of every change."""

    def __init__(self, market: Market, plan: FillPlan, ids: Iterator[int], changed: Changed, moved: Moved) -> None:
        self.market, self.plan, self.ids = market, plan, ids
        self.changed, self.moved = changed, moved
        self.working: dict[int, tuple[SimAccount, SimOrder]] = {}
        self._shown = Shown(market)

    def of(self, account: SimAccount) -> list[SimOrder]:
        """The account's working orders, oldest first."""
        return [order for owner, order in self.working.values() if owner is account]

    def admit(self, account: SimAccount, order: SimOrder, now: datetime) -> None:
        """Take in a new order: it leaves at once while the market is open, unless it waits for another."""
        self.working[order.order_id] = (account, order)
        self.changed(order)
        if order.status is OrderStatus.RECEIVED:
            self._route(order, now)

    def step(self, now: datetime) -> None:
        """Bring every working order up to date; first come, first served."""
        for order_id in sorted(self.working):
            if order_id in self.working:
                account, order = self.working[order_id]
                self._bring_up(account, order, now)

    def request_cancel(self, order: SimOrder, now: datetime) -> None:
        """An order that has not left, or waits for another, is cancelled at once; any other a moment later."""
        if order.status in (OrderStatus.RECEIVED, OrderStatus.CONTINGENT):
            self._finish(order, OrderStatus.CANCELLED, now)
        else:
            self.set(order, OrderStatus.CANCEL_REQUESTED, now, due=now + self._pause(order, 60, 80))

    def request_replace(self, account: SimAccount, old: SimOrder, new: SimOrder, now: datetime) -> None:
        """Cancel the old order, then let the new one go."""
        self.admit(account, new, now)
        if old.status is OrderStatus.RECEIVED:
            self._finish(old, OrderStatus.CANCELLED, now)
            self._release(old, new, now)
        else:
            self.set(old, OrderStatus.REPLACE_REQUESTED, now, due=now + self._pause(old, 60, 80))

    def set(self, order: SimOrder, status: OrderStatus, now: datetime, due: datetime | None = None) -> None:
        """Give an order a status and tell of it; each change has a later time than the one before."""
        order.status, order.due_at = status, due
        order.updated_at = max(now, order.updated_at + TICK_OF_TIME)
        if status.is_terminal:
            order.terminal_at = order.updated_at
            self.working.pop(order.order_id, None)
        self.changed(order)

    def day_end(self, ticket: OrderTicket, now: datetime) -> datetime | None:
        """When an order ends by itself; None for those good till cancelled."""
        if ticket.time_in_force in WITHOUT_END:
            return None
        if ticket.gtd_date is not None:
            found = self.market.hours.on(ticket.gtd_date) or session_on(ticket.gtd_date)
            return found.close_at
        session = self.market.session(now)
        extended = ticket.time_in_force in (TimeInForce.EXT, TimeInForce.OVERNIGHT)
        return session.close_at_ext if extended else session.close_at

    # One order

    def _bring_up(self, account: SimAccount, order: SimOrder, now: datetime) -> None:
        self._progress(order, now)
        if order.expires_at is not None and now >= order.expires_at:
            self._finish(order, OrderStatus.EXPIRED, now)
            return
        if order.status in MATCHABLE and self.market.is_open(now):
            self._trade(account, order, now)
        self._end_requests(account, order, now)

    def _progress(self, order: SimOrder, now: datetime) -> None:
        """Received, routed, in flight, live: each state after a short while."""
        if order.status is OrderStatus.RECEIVED:
            self._route(order, now)
        if order.status is OrderStatus.ROUTED and self._is_due(order, now):
            order.in_flight_at = order.due_at
            self.set(order, OrderStatus.IN_FLIGHT, now, due=(order.due_at or now) + self._pause(order, 60, 100))
        if order.status is OrderStatus.IN_FLIGHT and self._is_due(order, now):
            order.live_at = order.due_at
            self.set(order, OrderStatus.LIVE, now)

    def _route(self, order: SimOrder, now: datetime) -> None:
        if self.market.is_open(now):
            self.set(order, OrderStatus.ROUTED, now, due=now + self._pause(order, 40, 40))

    def _end_requests(self, account: SimAccount, order: SimOrder, now: datetime) -> None:
        """Carry out a cancel or a replace that is due, if the order has not filled meanwhile."""
        immediate = order.status is OrderStatus.LIVE and order.ticket.time_in_force in IMMEDIATE
        if immediate or (order.status is OrderStatus.CANCEL_REQUESTED and self._is_due(order, now)):
            self._finish(order, OrderStatus.CANCELLED, now)
        elif order.status is OrderStatus.REPLACE_REQUESTED and self._is_due(order, now):
            self._finish(order, OrderStatus.CANCELLED, now)
            entry = self.working.get(order.replaced_by_order_id or 0)
            if entry is not None:
                self._release(order, entry[1], now)

    def _release(self, old: SimOrder, new: SimOrder, now: datetime) -> None:
        """The replacement goes its way, for what the old order had not filled."""
        if old.remaining < old.size:
            reduce_to(new, [leg.remaining for leg in old.legs])
        self.set(new, OrderStatus.RECEIVED, now)
        self._route(new, now)

    def _finish(self, order: SimOrder, status: OrderStatus, now: datetime) -> None:
        if status is OrderStatus.CANCELLED:
            order.cancelled_at = now
        self.set(order, status, now)
        entry = self.working.get(order.replaced_by_order_id or 0)
        if entry is not None and status is not OrderStatus.CANCELLED:
            entry[1].reject_reason = "The order it replaces was done first."
            self._finish(entry[1], OrderStatus.CANCELLED, now)

    # Filling

    def _trade(self, account: SimAccount, order: SimOrder, now: datetime) -> None:
        if not reach_stop(order, self.market):
            return
        order.triggered = order.ticket.stop_price is not None
        names = [str(leg.leg.instrument) for leg in order.legs]
        rule = self.plan.rule(order.account_number, *names, self.underlying(order.legs[0].leg.instrument))
        found = match(order, self._shown, rule, now)
        if found is None:
            return
        positions = self._fill(account, order, found, now)
        for position in positions:
            self.moved(position)
        if order.remaining == 0:
            self._finish(order, OrderStatus.FILLED, now)
        else:
            self.set(order, order.status, now, due=order.due_at)

    def _fill(self, account: SimAccount, order: SimOrder, part: Slice, now: datetime) -> list[SimPosition]:
        order.last_fill_at = now
        legs = zip(order.legs, part.prices, order.ratios, strict=True)
        return [self._fill_leg(account, order, leg, part.units * ratio, price, now) for leg, price, ratio in legs]

    def _fill_leg(
        self, account: SimAccount, order: SimOrder, leg: SimLeg, quantity: Decimal, price: Decimal, now: datetime
    ) -> SimPosition:
        wanted = leg.leg
        self._shown.take(wanted, quantity)
        fees = settled(charge(wanted.instrument, wanted.action, quantity, price, leg.filled))
        fill = SimFill(str(next(self.ids)), quantity, price, now)
        leg.fills.append(fill)
        leg.remaining -= quantity
        trade = Trade(
            instrument=wanted.instrument,
            underlying=self.underlying(wanted.instrument),
            multiplier=self._multiplier(wanted.instrument),
            action=wanted.action,
            quantity=quantity,
            price=price,
            at=now,
            day=local_date(now),
            fees=fees,
            order_id=order.order_id,
            fill_id=fill.fill_id,
            leg_count=len(order.legs),
        )
        return book_trade(account, trade, self.ids)

    def underlying(self, instrument: Instrument) -> str:
        listing = self.market.listing(instrument)
        return str(listing.underlying) if listing and listing.underlying else str(instrument)

    def _multiplier(self, instrument: Instrument) -> Decimal:
        listing = self.market.listing(instrument)
        return listing.multiplier if listing else Decimal(1)

    def _is_due(self, order: SimOrder, now: datetime) -> bool:
        return now >= (order.due_at or END_OF_TIME)

    def _pause(self, order: SimOrder, least: int, more: int) -> timedelta:
        """Some milliseconds, the same for the same order."""
        return timedelta(milliseconds=least + order.order_id * 37 % more)


def reduce_to(order: SimOrder, quantities: list[Decimal]) -> None:
    """Make an order smaller before it has left."""
    pairs = list(zip(order.legs, quantities, strict=True))
    legs = tuple(Leg(state.leg.instrument, state.leg.action, quantity) for state, quantity in pairs)
    ticket = order.ticket
    order.reserve = order.reserve * quantities[0] / order.legs[0].leg.quantity
    order.ticket = OrderTicket(
        legs, ticket.order_type, ticket.time_in_force, ticket.limit_price, ticket.stop_price, ticket.gtd_date
    )
    order.legs = [SimLeg(leg, leg.quantity) for leg in legs]
