"""The way of an order to the market: when it may leave, how long it takes, what it finds when it arrives."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Protocol

from brokers.simulator.exchange.floor.matching import is_good
from brokers.simulator.exchange.floor.stops import met
from brokers.simulator.exchange.floor.timers import Timers
from brokers.simulator.exchange.floor.trading import Trading
from brokers.simulator.exchange.orders.orders import OrderStatus, SimOrder
from brokers.simulator.exchange.orders.tickets import OrderType

LONGEST_WAY = timedelta(seconds=1)
GROUP_PAUSE = timedelta(milliseconds=5)  # what is sent together is held back so long before it leaves
END_OF_TIME = datetime.max.replace(tzinfo=timezone.utc)
ZERO = Decimal(0)


class Keeper(Protocol):
    """Who keeps the orders' states."""

    def set(self, order: SimOrder, status: OrderStatus, now: datetime, due: datetime | None = None) -> None: ...
    def end(self, order: SimOrder, status: OrderStatus, now: datetime, reason: str = "") -> None: ...


class Way:
    """``dooms``: (reason, account, symbol) of the next orders that will be rejected after they were taken."""

    def __init__(self, trading: Trading, timers: Timers, keeper: Keeper) -> None:
        self.trading, self.timers, self.keeper = trading, timers, keeper
        self.dooms: list[tuple[str, str | None, str | None]] = []
        self._lanes: dict[OrderStatus, datetime] = {}

    def waits_for_session(self, order: SimOrder, now: datetime) -> bool:
        """Whether nothing but the hours keeps it from leaving."""
        return self.can_leave(order, now) and not self._is_in_hours(order, now)

    def progress(self, order: SimOrder, now: datetime) -> None:
        """Received, routed, in flight, live: each state after a short while."""
        if order.status is OrderStatus.CONTINGENT and order.due_at is not None and now >= order.due_at:
            order.due_at = None
            self.keeper.set(order, OrderStatus.RECEIVED, now)
        if order.status is OrderStatus.RECEIVED and not self._is_doomed(order, now):
            self.route(order, now)
        if order.status is OrderStatus.ROUTED and is_due(order, now):
            order.in_flight_at = order.due_at
            due = self._in_turn(OrderStatus.IN_FLIGHT, (order.due_at or now) + pause(order, 60, 100))
            self.keeper.set(order, OrderStatus.IN_FLIGHT, now, due=due)
        if order.status is OrderStatus.IN_FLIGHT and is_due(order, now):
            self._arrive(order, now)

    def _is_doomed(self, order: SimOrder, now: datetime) -> bool:
        if order.doom and is_due(order, now):
            self.keeper.end(order, OrderStatus.REJECTED, now, order.doom)
        return bool(order.doom)

    def route(self, order: SimOrder, now: datetime) -> None:
        """Let an order leave for the market, if it may by now."""
        if order.doom or not self.can_leave(order, now) or not self._is_in_hours(order, now):
            return
        order.queued = False
        for doom in self.dooms:
            reason, account, symbol = doom
            if account in (None, order.account_number) and symbol in (None, *self.trading.names(order)):
                self.dooms.remove(doom)
                order.doom, order.due_at = reason, now + pause(order, 40, 40)
                self.timers.add(order.due_at, order.order_id)
                return
        self.keeper.set(
            order, OrderStatus.ROUTED, now, due=self._in_turn(OrderStatus.ROUTED, now + pause(order, 40, 40))
        )

    def _in_turn(self, lane: OrderStatus, due: datetime) -> datetime:
        """A time at which no order overtakes another on its way."""
        last = self._lanes.get(lane, due)
        self._lanes[lane] = found = max(due, last) if last - due < LONGEST_WAY else due
        return found

    def can_leave(self, order: SimOrder, now: datetime) -> bool:
        """Whether its time has come and its conditions hold."""
        ticket = order.ticket
        if ticket.start_at is not None and now < ticket.start_at:
            return False
        waits = any(one.effect == "route" for one in ticket.conditions)
        return not waits or met(ticket.conditions, "route", self.trading.shown.book)

    def _is_in_hours(self, order: SimOrder, now: datetime) -> bool:
        return order.ticket.duration.is_auction or self.trading.venue.works(order.ticket, now)

    def _arrive(self, order: SimOrder, now: datetime) -> None:
        """The order is at the market: what depends on the prices it finds there is settled now."""
        order.live_at, ticket = order.due_at or now, order.ticket
        touches = [self.trading.shown.touch(state.leg) for state in order.legs]
        prices = [touch[0] for touch in touches if touch is not None]
        if ticket.order_type is OrderType.MARKETABLE_LIMIT and ticket.limit_price is None:
            if len(prices) < len(order.legs):
                self.keeper.end(order, OrderStatus.REJECTED, now, "There is no market to price the order at.")
                return
            legs = zip(order.legs, prices, strict=True)
            limit = sum((-s.leg.action.sign * price * s.weight for s, price in legs), ZERO)
            order.ticket = ticket = replace(ticket, limit_price=limit)
        if ticket.post_only and len(prices) == len(order.legs) and is_good(order, prices):
            self.keeper.end(order, OrderStatus.REJECTED, now, "The order would have taken liquidity.")
            return
        if ticket.minutes is not None:
            order.expires_at = order.live_at + timedelta(minutes=ticket.minutes)
            self.timers.add(order.expires_at, order.order_id)
        self.keeper.set(order, OrderStatus.LIVE, now)


def is_due(order: SimOrder, now: datetime) -> bool:
    return now >= (order.due_at or END_OF_TIME)


def pause(order: SimOrder, least: int, more: int) -> timedelta:
    """Some milliseconds, the same for the same order."""
    return timedelta(milliseconds=least + order.order_id * 37 % more)
