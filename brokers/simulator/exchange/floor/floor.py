"""The trading floor: moves orders along their states as time passes, and lets them trade."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from brokers.domain.instruments import Future, Instrument
from brokers.simulator.exchange.books.accounts import SimAccount, SimPosition
from brokers.simulator.exchange.floor.bonds import Bonds, resize
from brokers.simulator.exchange.floor.commitments import Commitments
from brokers.simulator.exchange.floor.filling import Filling
from brokers.simulator.exchange.floor.matching import Slice
from brokers.simulator.exchange.floor.plans import FillPlan
from brokers.simulator.exchange.floor.routing import Way, is_due, pause
from brokers.simulator.exchange.floor.stops import met
from brokers.simulator.exchange.floor.timers import Timers
from brokers.simulator.exchange.floor.trading import Trading
from brokers.simulator.exchange.floor.venue import PHASES, calendar_of, ends
from brokers.simulator.exchange.orders.groups import SimGroup
from brokers.simulator.exchange.orders.orders import MATCHABLE, OrderRefused, OrderStatus, SimOrder
from brokers.simulator.market.market import Market
from brokers.simulator.market.sessions import Calendar

LEFT = (OrderStatus.ROUTED, OrderStatus.IN_FLIGHT, OrderStatus.LIVE)
TICK_OF_TIME = timedelta(milliseconds=1)

Changed = Callable[[SimOrder], None]
Moved = Callable[[SimPosition], None]
Grouped = Callable[[SimGroup], None]
Inspect = Callable[[SimAccount, SimOrder], None]


class Floor:
    """Holds the orders that work. ``changed``, ``moved`` and ``grouped`` are told of every change at once;
    ``inspect`` looks again at an order that has waited for another, and refuses it or writes its reserve.
    """

    def __init__(
        self,
        market: Market,
        plan: FillPlan,
        ids: Iterator[int],
        changed: Changed,
        moved: Moved,
        grouped: Grouped,
        inspect: Inspect,
    ) -> None:
        self.market, self.changed, self.inspect = market, changed, inspect
        self.working: dict[int, tuple[SimAccount, SimOrder]] = {}
        self.filling = Filling(market, ids)
        self.bonds = Bonds(self, grouped)
        self.commitments = Commitments()
        self._timers = Timers()
        self._trading = Trading(market, plan, self.filling, self._timers, self, moved)
        self.shown, self._venue, self._resting = self._trading.shown, self._trading.venue, self._trading.resting
        self.way = Way(self._trading, self._timers, self)
        self._watching: dict[int, SimOrder] = {}
        self._phases: dict[str, tuple[Calendar, str]] = {}

    # From outside

    def of(self, account: SimAccount) -> list[SimOrder]:
        """The account's working orders, oldest first."""
        return [order for owner, order in self.working.values() if owner is account and not order.is_terminal]

    def admit(self, account: SimAccount, order: SimOrder, now: datetime) -> None:
        """Take in a new order: it leaves at once while the market is open, unless it waits for another."""
        self.shown.renew()
        self._take(account, order)
        order.queued = order.status is OrderStatus.RECEIVED and self.way.waits_for_session(order, now)
        self.set(order, order.status, now, due=order.due_at)
        if order.status is OrderStatus.RECEIVED:
            self.way.route(order, now)

    def load(self, account: SimAccount) -> None:
        """Take over the orders and groups of a restored account."""
        self.bonds.load(account)
        for order in account.orders.values():
            if not order.is_terminal:
                self._take(account, order)
                self.commitments.update(order, self.bonds.bond(order))
                self._timers.add(order.due_at, order.order_id)
            if order.report_at is not None:
                self.working[order.order_id] = (account, order)
                self._timers.add(order.report_at, order.order_id)

    def rest_all(self) -> None:
        """Let restored orders stand in line again, in the order in which they came to the market."""
        at_market = [order for _, order in self.working.values() if order.status in MATCHABLE]
        for order in sorted(at_market, key=lambda order: (order.live_at or order.updated_at, order.order_id)):
            self._trading.rest(order)

    def clear(self) -> None:
        for kept in (self.working, self.bonds, self.commitments, self._trading, self._timers, self._watching):
            kept.clear()

    def step(self, now: datetime) -> None:
        """Bring every order up to date that time or the books have something for."""
        self.shown.renew()
        self._watch_hours(now)
        for order_id in self._timers.ring(now):
            self._bring_up(order_id, now)
        for order_id in list(self._watching):
            self._bring_up(order_id, now)
        self.bonds.watch(self.shown.book, now)
        self._trading.match_all(now)

    def request_cancel(self, order: SimOrder, now: datetime) -> None:
        """An order that has not left, or waits for another, is cancelled at once; any other a moment later."""
        if order.status in (OrderStatus.RECEIVED, OrderStatus.CONTINGENT):
            self.end(order, OrderStatus.CANCELLED, now)
        else:
            self.set(order, OrderStatus.CANCEL_REQUESTED, now, due=now + pause(order, 60, 80))

    def request_replace(self, account: SimAccount, old: SimOrder, new: SimOrder, now: datetime) -> None:
        """Cancel the old order, then let the new one go."""
        self.bonds.join(old, new)
        old.reserve = max(old.reserve, new.reserve * old.size / old.remaining)  # both hold back, until one is gone
        self.admit(account, new, now)
        if old.status is OrderStatus.CONTINGENT:
            self._make_way(old, now)
            self.touch(new, now)
        elif old.status is OrderStatus.RECEIVED:
            self._make_way(old, now)
            self._succeed(old, new, now)
        else:
            self.set(old, OrderStatus.REPLACE_REQUESTED, now, due=now + pause(old, 60, 80))

    def rerest(self, order: SimOrder, waits: bool, now: datetime) -> None:
        """An order was changed in place: it stands behind the others at its price and is looked at anew. With ``waits``
        what it waits for was changed: until that holds it is taken back from the market."""
        self._resting.discard(order)
        self._await(order)
        self.shown.renew()
        if waits and order.status in LEFT and not self.way.can_leave(order, now):
            order.in_flight_at = order.live_at = order.due_at = None
            order.status = OrderStatus.RECEIVED
        if order.status is OrderStatus.RECEIVED:
            order.queued = self.way.waits_for_session(order, now)
        self.touch(order, now)
        if order.status in MATCHABLE:
            self._trading.rest(order)
        self._bring_up(order.order_id, now)

    def nothing_to_close(self, number: str, instrument: Instrument, now: datetime) -> None:
        """A position is gone without an order: those that would have closed it have nothing left to do."""
        for is_buy in (True, False):
            for order in list(self.commitments.on(number, instrument, is_buy)):
                over = order.expires_at is not None and now >= order.expires_at  # it ends by itself, then
                closes = any(s.leg.instrument == instrument and not s.leg.action.opens for s in order.legs)
                if closes and not over and not isinstance(instrument, Future):
                    self.end(order, OrderStatus.CANCELLED, now, "There is no position left to close.")

    # What groups ask for

    def end(self, order: SimOrder, status: OrderStatus, now: datetime, reason: str = "") -> None:
        """Finish an order that is not done; what hangs on it follows."""
        if order.is_terminal:
            return
        if status is OrderStatus.CANCELLED:
            order.cancelled_at = now
        if status is OrderStatus.REJECTED:
            order.reject_reason = reason
        elif status is not OrderStatus.FILLED:
            order.expire_reason = reason
            order.cancelled_size += order.remaining
        self.set(order, status, now)
        successor = self.working.get(order.replaced_by_order_id or 0)
        if successor is not None:
            successor[1].reject_reason = "The order it replaces was done first."
            self.end(successor[1], OrderStatus.CANCELLED, now)
        self.bonds.done(order, now)

    def release(self, order: SimOrder, now: datetime) -> None:
        """Let an order go that has waited for another; it is looked at once more."""
        entry = self.working.get(order.order_id)
        if entry is None:
            return
        try:
            self.inspect(entry[0], order)
        except OrderRefused as error:
            self.end(order, OrderStatus.REJECTED, now, error.message)
            return
        order.expires_at, order.expire_reason = ends(self.market, order.ticket, now)[0], ""
        self._timers.add(order.expires_at, order.order_id)
        order.queued = self.way.waits_for_session(order, now)
        self.set(order, OrderStatus.RECEIVED, now)
        self.way.route(order, now)

    def touch(self, order: SimOrder, now: datetime) -> None:
        """Tell of an order whose state stays what it was."""
        self.set(order, order.status, now, due=order.due_at)

    def underlying(self, instrument: Instrument) -> Instrument:
        return self._trading.underlying(instrument)

    # What trading asks for

    def owner(self, order: SimOrder) -> SimAccount | None:
        """The account of an order that works."""
        entry = self.working.get(order.order_id)
        return entry[0] if entry is not None else None

    def traded(self, order: SimOrder, part: Slice, now: datetime) -> None:
        """A part of an order has traded, and that was told."""
        self.bonds.traded(order, part.units, now)

    def set(self, order: SimOrder, status: OrderStatus, now: datetime, due: datetime | None = None) -> None:
        """Give an order a status and tell of it; each change has a later time than the one before."""
        order.status, order.due_at = status, due
        order.updated_at = max(now, order.updated_at + TICK_OF_TIME)
        self._timers.add(due, order.order_id)
        self.commitments.update(order, self.bonds.bond(order))
        if status.is_terminal:
            order.terminal_at, order.queued = order.terminal_at or order.updated_at, False
            self._drop(order)
        self.changed(order)

    # One order

    def _take(self, account: SimAccount, order: SimOrder) -> None:
        self.working[order.order_id] = (account, order)
        self._timers.add(order.expires_at, order.order_id)
        self._await(order)
        for leg in order.legs:
            calendar = calendar_of(self.market, leg.leg.instrument)
            self._phases.setdefault(calendar.collection, (calendar, ""))

    def _await(self, order: SimOrder) -> None:
        """Look at the order when its times come, and again and again while it has conditions."""
        for at in (order.ticket.start_at, order.ticket.cancel_at):
            self._timers.add(at, order.order_id)
        if order.ticket.conditions:
            self._watching[order.order_id] = order
        else:
            self._watching.pop(order.order_id, None)

    def _drop(self, order: SimOrder) -> None:
        self._resting.discard(order)
        self._watching.pop(order.order_id, None)
        if order.report_at is None:
            self.working.pop(order.order_id, None)

    def _bring_up(self, order_id: int, now: datetime) -> None:
        entry = self.working.get(order_id)
        if entry is None:
            return
        account, order = entry
        if order.report_at is not None and now >= order.report_at:
            self.filling.report(order)
            self.touch(order, now)
        if not order.is_terminal:
            self.way.progress(order, now)
        if not order.is_terminal and not self._has_ended(account, order, now) and order.status in MATCHABLE:
            self._trading.trade(account, order, now)
        if not order.is_terminal:
            self._end_requests(order, now)

    def _has_ended(self, account: SimAccount, order: SimOrder, now: datetime) -> bool:
        """End an order whose time is over, or whose conditions for it hold."""
        ticket = order.ticket
        if order.expires_at is not None and now >= order.expires_at:
            if not (ticket.duration.is_auction and self._trading.auction(account, order, now)):
                self.end(order, OrderStatus.EXPIRED, now, self._why_expired(order))
        elif ticket.cancel_at is not None and now >= ticket.cancel_at:
            self.end(order, OrderStatus.CANCELLED, now, "Its time to be cancelled had come.")
        elif order.order_id in self._watching and met(ticket.conditions, "cancel", self.shown.book):
            self.end(order, OrderStatus.CANCELLED, now, "The condition for its end was met.")
        return order.is_terminal

    def _why_expired(self, order: SimOrder) -> str:
        if order.ticket.minutes is not None:
            return "Its minutes were over."
        return ends(self.market, order.ticket, order.received_at)[1]

    def _end_requests(self, order: SimOrder, now: datetime) -> None:
        """Carry out a cancel or a replace that is due, if the order has not filled meanwhile."""
        immediate = order.status is OrderStatus.LIVE and order.ticket.duration.is_immediate
        if immediate and not order.queued:
            self.end(order, OrderStatus.CANCELLED, now, "What could not trade at once was cancelled.")
        elif order.status is OrderStatus.CANCEL_REQUESTED and is_due(order, now):
            self.end(order, OrderStatus.CANCELLED, now)
        elif order.status is OrderStatus.REPLACE_REQUESTED and is_due(order, now):
            entry = self.working.get(order.replaced_by_order_id or 0)
            self._make_way(order, now)
            if entry is not None:
                self._succeed(order, entry[1], now)

    def _make_way(self, old: SimOrder, now: datetime) -> None:
        """Cancel an order whose place another takes: what hangs on it stays."""
        new = self.working.get(old.replaced_by_order_id or 0)
        if new is None:
            self.end(old, OrderStatus.CANCELLED, now)
            return
        self.bonds.hand_over(old, new[1])
        old.cancelled_at, old.cancelled_size = now, old.cancelled_size + old.remaining
        self.set(old, OrderStatus.CANCELLED, now)

    def _succeed(self, old: SimOrder, new: SimOrder, now: datetime) -> None:
        """The replacement goes its way, for what the old order had not filled."""
        if old.remaining < new.size:
            resize(new, old.remaining)
        self.set(new, OrderStatus.RECEIVED, now)
        self.way.route(new, now)

    # All orders

    def _watch_hours(self, now: datetime) -> None:
        """Look at every order of a calendar whose hours have changed."""
        changed = set()
        for name, (calendar, before) in self._phases.items():
            phase = self._venue.phase(calendar, now)
            if phase != before:
                self._phases[name] = (calendar, phase)
                changed.add(name)
        if not changed:
            return
        for order_id, (_, order) in sorted(self.working.items()):
            if any(calendar_of(self.market, leg.leg.instrument).collection in changed for leg in order.legs):
                self._bring_up(order_id, now)

    @property
    def phases(self) -> frozenset[str]:
        """The phases of a day in which one of the orders works."""
        hours = {order.ticket.hours for _, order in self.working.values()}
        return frozenset().union(*(PHASES[one] for one in hours))

    @property
    def calendars(self) -> list[Calendar]:
        """The calendars that orders have been on."""
        return [calendar for calendar, _ in self._phases.values()]
