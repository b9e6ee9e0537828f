"""Trading: which orders the books on show let trade now, whose turn it is, and what it does to them."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from brokers.domain.instruments import Instrument
from brokers.simulator.exchange.books.accounts import SimAccount, SimPosition
from brokers.simulator.exchange.floor.filling import Filling
from brokers.simulator.exchange.floor.matching import Shown, Slice, is_good, match, next_look
from brokers.simulator.exchange.floor.plans import FillPlan, FillRule
from brokers.simulator.exchange.floor.resting import Resting
from brokers.simulator.exchange.floor.stops import has_stop, reach
from brokers.simulator.exchange.floor.timers import Timers
from brokers.simulator.exchange.floor.venue import Venue
from brokers.simulator.exchange.orders.orders import MATCHABLE, OrderStatus, SimOrder
from brokers.simulator.market.market import Market

Moved = Callable[[SimPosition], None]


class Keeper(Protocol):
    """Who keeps the orders' states."""

    def end(self, order: SimOrder, status: OrderStatus, now: datetime, reason: str = "") -> None: ...
    def touch(self, order: SimOrder, now: datetime) -> None: ...
    def traded(self, order: SimOrder, part: Slice, now: datetime) -> None: ...
    def owner(self, order: SimOrder) -> SimAccount | None: ...


class Trading:
    """The orders at the market and the books they meet. ``moved`` is told of the positions that trades leave."""

    def __init__(
        self, market: Market, plan: FillPlan, filling: Filling, timers: Timers, keeper: Keeper, moved: Moved
    ) -> None:
        self.market, self.plan, self.filling = market, plan, filling
        self.timers, self.keeper, self.moved = timers, keeper, moved
        self.shown, self.venue, self.resting = Shown(market.book), Venue(market), Resting()
        self._versions: dict[Instrument, int] = {}
        self._plan_version = plan.version

    def clear(self) -> None:
        self.resting.clear()
        self._versions.clear()

    def match_all(self, now: datetime) -> None:
        """Let those trade whose underlying's book has changed, in the order of their turn."""
        anew = self._plan_version != self.plan.version
        self._plan_version = self.plan.version
        for underlying in list(self.resting.crowds):
            book = self.shown.book(underlying)
            version = book.version if book is not None else -1
            if not anew and self._versions.get(underlying) == version:
                continue
            self._versions[underlying] = version
            for order in self.resting.reachable(underlying, self.shown.book):
                account = self.keeper.owner(order)
                if account is not None and order.status in MATCHABLE:
                    self.trade(account, order, now)

    def trade(self, account: SimAccount, order: SimOrder, now: datetime) -> None:
        """Let an order trade what it can now; what is left of it rests."""
        if order.ticket.duration.is_auction or not self._is_at_work(order, now):
            return
        if self._is_halted(order):
            self.rest(order)
            return
        if has_stop(order) and not self._trigger(order, now):
            self.rest(order)
            return
        rule = self._rule(order)
        found = match(order, self.shown, rule, now)
        if found is None:
            self.rest(order)
        else:
            self._execute(account, order, found, rule, now)
        if not order.is_terminal:
            self.timers.add(next_look(order, rule, now), order.order_id)

    def _execute(self, account: SimAccount, order: SimOrder, part: Slice, rule: FillRule, now: datetime) -> None:
        for leg in order.legs:
            self.shown.take(leg.leg, part.units * leg.ratio)
        positions = self.filling.fill(account, order, part, rule, now)
        self.timers.add(order.report_at, order.order_id)
        for position in positions:
            self.moved(position)
        whole = order.remaining == 0
        if whole:
            self.keeper.end(order, OrderStatus.FILLED, now)
        else:
            self.rest(order)
            self.keeper.touch(order, now)
        self.keeper.traded(order, part, now)

    def _is_at_work(self, order: SimOrder, now: datetime) -> bool:
        """Whether it may trade now; it is told of when that changes."""
        works = self.venue.works(order.ticket, now)
        if works == order.queued:
            order.queued = not works
            if not works:
                self.rest(order)
            self.keeper.touch(order, now)
        return works

    def _is_halted(self, order: SimOrder) -> bool:
        return any(self.market.halted(leg.leg.instrument) is not None for leg in order.legs)

    def _trigger(self, order: SimOrder, now: datetime) -> bool:
        instrument = order.legs[0].leg.instrument
        if not reach(order, self.shown.book(instrument), self.filling.terms(instrument).increments):
            return False
        self.resting.discard(order)
        order.triggered, order.triggered_at = True, now
        self.keeper.touch(order, now)
        return True

    def auction(self, account: SimAccount, order: SimOrder, now: datetime) -> bool:
        """Trade an order in the auction it is for, at the official price, if that is good enough."""
        at, instrument = order.expires_at or now, order.legs[0].leg.instrument
        rule = self._rule(order)
        price = self.market.price_at(instrument, at)
        if (
            price is None
            or order.live_at is None
            or order.live_at > at
            or rule.mode == "never"
            or self._is_halted(order)
        ):
            return False
        if not is_good(order, [price]):
            return False
        self._execute(account, order, Slice(order.remaining, [price]), rule, now)
        return True

    def _rule(self, order: SimOrder) -> FillRule:
        return self.plan.rule(order.account_number, *self.names(order)) if self.plan.rules else FillRule()

    def names(self, order: SimOrder) -> list[str]:
        return [*(str(leg.leg.instrument) for leg in order.legs), str(self.underlying(order.legs[0].leg.instrument))]

    def rest(self, order: SimOrder) -> None:
        self.resting.add(order, self.underlying(order.legs[0].leg.instrument))

    def underlying(self, instrument: Instrument) -> Instrument:
        return self.filling.terms(instrument).underlying
