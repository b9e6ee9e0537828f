"""The exchange's front door: accounts, previews, orders in and out, and what an account holds."""

import dataclasses
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from brokers.domain.instruments import Instrument
from brokers.domain.orders import Action, OrderTicket
from brokers.simulator.clock import Clock
from brokers.simulator.exchange import snapshots
from brokers.simulator.exchange.accounts import Holding, SimAccount, SimBalance, SimPosition, SimTransaction
from brokers.simulator.exchange.checks import Desk, check
from brokers.simulator.exchange.events import Event, Ids
from brokers.simulator.exchange.fees import charge, settled
from brokers.simulator.exchange.floor import Floor
from brokers.simulator.exchange.forecast import check_buying_power, foresee
from brokers.simulator.exchange.ledger import Trade, book_money, book_trade
from brokers.simulator.exchange.orders import OrderRefused, OrderStatus, Preview, SimLeg, SimOrder
from brokers.simulator.exchange.plans import FillPlan
from brokers.simulator.exchange.settlement import expire, start_day
from brokers.simulator.exchange.valuation import look, weigh
from brokers.simulator.market.market import Market
from brokers.simulator.market.sessions import local_date

REPLACEABLE = frozenset({OrderStatus.RECEIVED, OrderStatus.ROUTED, OrderStatus.IN_FLIGHT, OrderStatus.LIVE})


class Exchange:
    """One exchange over one market. Every change is told to the ``listeners`` at once, in the order it happens.

    Unknown accounts and orders, and orders that cannot be, raise ``OrderRefused``.
    """

    def __init__(self, market: Market, clock: Clock) -> None:
        self.market, self.clock = market, clock
        self.accounts: dict[str, SimAccount] = {}
        self.listeners: list[Callable[[Event], None]] = []
        self.fills = FillPlan()
        self.ids = Ids(clock.now())
        self._floor = Floor(market, self.fills, self.ids, self._order_changed, self._position_changed)
        self._day = market.trading_date(clock.now())

    # Accounts

    def open_account(
        self,
        number: str,
        owner: str,
        nickname: str,
        margin: bool,
        cash: Decimal,
        positions: Sequence[Holding] = (),
        history: Sequence[SimTransaction] = (),
        opened_at: datetime | None = None,
    ) -> SimAccount:
        """A new account as it stands: ``cash`` is what is left after the positions and the history."""
        if number in self.accounts:
            raise ValueError(f"There is an account {number} already.")
        account = SimAccount(number, owner, nickname, margin, cash, opened_at or self.clock.now())
        account.transactions.extend(history)
        for holding in positions:
            account.positions[holding.instrument] = self._held(number, holding)
        self.accounts[number] = account
        return account

    def deposit(
        self,
        number: str,
        amount: Decimal,
        at: datetime | None = None,
        sub_kind: str = "deposit",
        description: str = "Cash deposit",
        instrument: Instrument | None = None,
    ) -> SimTransaction:
        """Money that comes (positive) or goes without a trade: also withdrawals, dividends, interest."""
        at = at or self.clock.now()
        account = self.account(number)
        entry = book_money(account, sub_kind, amount, description, at, local_date(at), self.ids, instrument)
        self._balance_changed(account)
        return entry

    def book(
        self, number: str, instrument: Instrument, action: Action, quantity: Decimal, price: Decimal, at: datetime
    ) -> SimPosition:
        """A trade done elsewhere or earlier, entered as it was: for accounts with a past."""
        listing = self.market.listing(instrument)
        trade = Trade(
            instrument=instrument,
            underlying=self._floor.underlying(instrument),
            multiplier=listing.multiplier if listing else Decimal(1),
            action=action,
            quantity=quantity,
            price=price,
            at=at,
            day=local_date(at),
            fees=settled(charge(instrument, action, quantity, price, Decimal(0))),
        )
        position = book_trade(self.account(number), trade, self.ids)
        if local_date(at) < self._day:
            look(position, self.market)
            position.day_open_price = position.close_price
        return position

    def account(self, number: str) -> SimAccount:
        if number not in self.accounts:
            raise OrderRefused("unknown_account", f"There is no account {number}.")
        return self.accounts[number]

    # Orders

    def preview(self, number: str, ticket: OrderTicket, replacing: int | None = None, strict: bool = False) -> Preview:
        """What an order would do, or the refusal it would meet. ``replacing`` names an order that would make way."""
        return self._examine(number, ticket, replacing, strict)[1]

    def place(
        self,
        number: str,
        ticket: OrderTicket,
        reference: str | None = None,
        source: str = "",
        username: str = "",
        strict: bool = False,
    ) -> SimOrder:
        """Take an order. The same reference twice makes two orders: telling them apart is the sender's business."""
        ticket, preview = self._examine(number, ticket, None, strict)
        order = self._make(number, ticket, preview, reference, source, username)
        account = self.account(number)
        account.orders[order.order_id] = order
        self._floor.admit(account, order, self.clock.now())
        return order

    def cancel(self, number: str, order_id: int) -> SimOrder:
        """Ask for an order's end; it may still fill before the cancel arrives."""
        order = self.order(number, order_id)
        if not order.is_cancellable:
            raise OrderRefused("not_cancellable", f"Order {order_id} is {order.status.replace('_', ' ')}.")
        self._floor.request_cancel(order, self.clock.now())
        return order

    def replace(self, number: str, order_id: int, ticket: OrderTicket) -> SimOrder:
        """Cancel an order and then place a new one with the same legs; the answer is the new order.

        What fills before the cancel arrives is taken off the new order; if all does, the new one is cancelled.
        """
        old = self.order(number, order_id)
        if old.status not in REPLACEABLE:
            raise OrderRefused("not_replaceable", f"Order {order_id} is {old.status.replace('_', ' ')}.")
        if {(leg.instrument, leg.quantity, leg.action.is_buy) for leg in ticket.legs} != {
            (leg.instrument, leg.quantity, leg.action.is_buy) for leg in old.ticket.legs
        }:
            raise OrderRefused("replace_changes_legs", "Only price, type and duration of an order can be changed.")
        ticket = dataclasses.replace(ticket, legs=old.ticket.legs)
        ticket, preview = self._examine(number, ticket, order_id, False)
        new = self._make(number, ticket, preview, old.reference, old.source, old.username)
        new.status, new.replaces_order_id = OrderStatus.CONTINGENT, old.order_id
        old.replaced_by_order_id, old.edited = new.order_id, True
        account = self.account(number)
        account.orders[new.order_id] = new
        self._floor.request_replace(account, old, new, self.clock.now())
        return new

    def orders(self, number: str) -> list[SimOrder]:
        """All orders of an account, newest first."""
        return list(reversed(self.account(number).orders.values()))

    def order(self, number: str, order_id: int) -> SimOrder:
        found = self.account(number).orders.get(order_id)
        if found is None:
            raise OrderRefused("unknown_order", f"There is no order {order_id} in this account.")
        return found

    # Holdings

    def positions(self, number: str, closed: bool = False) -> list[SimPosition]:
        """What the account holds, at the newest marks; with ``closed`` also what was closed today."""
        found = [p for p in self.account(number).positions.values() if p.quantity or closed]
        for position in found:
            look(position, self.market)
        return found

    def transactions(self, number: str) -> list[SimTransaction]:
        """The account's history, newest first."""
        entries = self.account(number).transactions
        return sorted(entries, key=lambda entry: (entry.executed_at, entry.transaction_id), reverse=True)

    def balance(self, number: str) -> SimBalance:
        account = self.account(number)
        return weigh(account, self.market, self._floor.of(account), self.clock.now())

    # Time

    def step(self, now: datetime) -> None:
        """Bring everything up to ``now``, which the market must have reached before."""
        today = self.market.trading_date(now)
        for account in self.accounts.values():
            ended = expire(account, self.market, now, self.ids)
            for position in ended:
                self._position_changed(position)
            if ended:
                self._balance_changed(account)
            if today != self._day:
                start_day(account, self.market)
        self._day = today
        self._floor.step(now)

    # Over a restart

    def snapshot(self) -> dict[str, Any]:
        """Accounts, orders, history and numbers as JSON-able values. Prices are the market's business."""
        return snapshots.save(self.accounts, self.ids.last, self._day)

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Take the state of a snapshot in place of the present one; ``UnknownSnapshot`` leaves all as it was."""
        self.accounts, last, self._day = snapshots.load(snapshot)
        self.ids.raise_to(last)
        self._floor.working = {
            order.order_id: (account, order)
            for account in self.accounts.values()
            for order in account.orders.values()
            if not order.is_terminal
        }

    # Inside

    def _examine(
        self, number: str, ticket: OrderTicket, replacing: int | None, strict: bool
    ) -> tuple[OrderTicket, Preview]:
        account, now = self.account(number), self.clock.now()
        others = tuple(order for order in self._floor.of(account) if order.order_id != replacing)
        ticket, warnings = check(ticket, Desk(account, others, self.market, now), strict)
        preview = foresee(account, ticket, self.market, others, warnings)
        check_buying_power(preview)
        return ticket, preview

    def _make(
        self, number: str, ticket: OrderTicket, preview: Preview, reference: str | None, source: str, username: str
    ) -> SimOrder:
        now = self.clock.now()
        return SimOrder(
            order_id=next(self.ids),
            account_number=number,
            reference=reference,
            ticket=ticket,
            status=OrderStatus.RECEIVED,
            legs=[SimLeg(leg, leg.quantity) for leg in ticket.legs],
            received_at=now,
            updated_at=now,
            source=source,
            username=username,
            warnings=list(preview.warnings),
            expires_at=self._floor.day_end(ticket, now),
            reserve=max(Decimal(0), -preview.buying_power_change),
            preview=preview,
        )

    def _held(self, number: str, holding: Holding) -> SimPosition:
        listing = self.market.listing(holding.instrument)
        multiplier = listing.multiplier if listing else Decimal(1)
        position = SimPosition(
            account_number=number,
            instrument=holding.instrument,
            underlying=self._floor.underlying(holding.instrument),
            quantity=holding.quantity,
            multiplier=multiplier,
            cost=holding.quantity * holding.average_open_price * multiplier,
            day_open_price=None,
            created_at=holding.opened_at,
            updated_at=holding.opened_at,
        )
        look(position, self.market)
        today = local_date(holding.opened_at) >= self._day
        position.day_open_price = holding.average_open_price if today else position.close_price
        return position

    def _order_changed(self, order: SimOrder) -> None:
        self._tell(Event("order", order.account_number, order))
        self._balance_changed(self.accounts[order.account_number])

    def _position_changed(self, position: SimPosition) -> None:
        look(position, self.market)
        self._tell(Event("position", position.account_number, position))

    def _balance_changed(self, account: SimAccount) -> None:
        if self.listeners:
            self._tell(Event("balance", account.number, self.balance(account.number)))

    def _tell(self, event: Event) -> None:
        for listener in list(self.listeners):
            listener(event)
