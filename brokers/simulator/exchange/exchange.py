"""The exchange's front door: accounts, previews, orders in and out, and what an account holds."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from brokers.domain.instruments import Instrument
from brokers.domain.orders import Action
from brokers.simulator.clock import Clock
from brokers.simulator.exchange import snapshots
from brokers.simulator.exchange.books.accounts import (
    Holding,
    Kind,
    Lot,
    OpenedWith,
    SimAccount,
    SimBalance,
    SimPosition,
    SimTransaction,
)
from brokers.simulator.exchange.books.executions import execution, multiplier_of, underlying_of
from brokers.simulator.exchange.books.history import TimeOfDay, balance_snapshots, net_liq_history
from brokers.simulator.exchange.books.ledger import book_money, book_trade, hold
from brokers.simulator.exchange.books.standing import Standing
from brokers.simulator.exchange.events import Event, Ids, OrderIds
from brokers.simulator.exchange.floor.floor import Floor
from brokers.simulator.exchange.floor.passage import GAP, PastBooks, moments
from brokers.simulator.exchange.floor.plans import FillPlan
from brokers.simulator.exchange.margin.report import MarginReport, margin_report
from brokers.simulator.exchange.margin.valuation import look, weigh
from brokers.simulator.exchange.orders.amendments import Amendment
from brokers.simulator.exchange.orders.entry import Entry, Sender
from brokers.simulator.exchange.orders.groups import Bundle, Node, SimGroup
from brokers.simulator.exchange.orders.orders import OrderRefused, OrderStatus, Preview, SimOrder
from brokers.simulator.exchange.orders.tickets import Condition, OrderType, Ticket, Trail
from brokers.simulator.exchange.orders.trees import Trees
from brokers.simulator.exchange.settlement.deliveries import exercise
from brokers.simulator.exchange.settlement.settlement import settle, start_day
from brokers.simulator.market.market import Market
from brokers.simulator.market.sessions import local_date


class Exchange:
    """One exchange over one market. Every change is told to the ``listeners`` at once, in the order it happens.

    Unknown accounts and orders, and orders that cannot be, raise ``OrderRefused``.
    """

    def __init__(self, market: Market, clock: Clock) -> None:
        self.market, self.clock = market, clock
        self.accounts: dict[str, SimAccount] = {}
        self.listeners: list[Callable[[Event], None]] = []
        self.fills = FillPlan()
        self.early_assignment = 0.0  # the chance that a tempting short call is assigned before an ex date
        self.ids = Ids(clock.now())
        self.order_ids = OrderIds(clock.now())
        self._floor = Floor(
            market=market,
            plan=self.fills,
            ids=self.ids,
            changed=self._order_changed,
            moved=self._position_changed,
            grouped=self._group_changed,
            inspect=self._look_again,
        )
        self._entry = Entry(market, self._floor, self.order_ids, clock.now)
        self._trees = Trees(self._entry)
        self._at = clock.now()
        self._day = market.trading_date(self._at)

    # Accounts

    def open_account(
        self,
        number: str,
        owner: str,
        nickname: str,
        kind: Kind,
        cash: Decimal,
        positions: Sequence[Holding] = (),
        history: Sequence[SimTransaction] = (),
        opened_at: datetime | None = None,
        option_level: int = 5,
        schedule: str = "standard",
    ) -> SimAccount:
        """A new account as it stands: ``cash`` is what is left after the positions and the history."""
        if number in self.accounts:
            raise ValueError(f"There is an account {number} already.")
        account = SimAccount(number, owner, nickname, kind, cash, opened_at or self.clock.now())
        account.option_level, account.schedule = option_level, schedule
        account.settled_at, account.opening_cash, account.opening_entries = account.opened_at, cash, len(history)
        account.transactions.extend(history)
        for holding in positions:
            self._hold(account, holding)
        self.accounts[number] = account
        return account

    def treat(self, number: str, standing: Standing, option_level: int) -> None:
        """From now on the account stands so, and is approved for options so far. Orders that work go on working."""
        account = self.account(number)
        account.standing, account.option_level = standing, option_level
        self._balance_changed(account)

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
        """A trade done elsewhere or earlier, entered as it was: for accounts with a past. What was due before it
        (expiries, daily settlements, dividends) is entered first, so enter trades in the order of their time."""
        account = self.account(number)
        settle(account, self.market, at, self.ids)
        trade = execution(account, self.market, instrument, action, quantity, price, at)
        position = book_trade(account, trade, self.ids)
        if local_date(at) < self._day:
            look(position, self.market)
            position.day_open_price = position.close_price
        return position

    def account(self, number: str) -> SimAccount:
        if number not in self.accounts:
            raise OrderRefused("unknown_account", f"There is no account {number}.")
        return self.accounts[number]

    # Orders

    def preview(
        self,
        number: str,
        ticket: Ticket,
        replacing: int | None = None,
        strict: bool = False,
        waive: Iterable[str] = (),
    ) -> Preview:
        """What an order would do, or the refusal it would meet. ``replacing`` names an order that would make way."""
        account, sender = self.account(number), Sender(strict=strict, waive=waive)
        if replacing is None:
            return self._entry.examine(account, ticket, sender)[1]
        return self._entry.examine_in_place(account, ticket, sender, self.order(number, replacing))[1]

    def place(
        self,
        number: str,
        ticket: Ticket,
        reference: str | None = None,
        source: str = "",
        username: str = "",
        strict: bool = False,
        waive: Iterable[str] = (),
    ) -> SimOrder:
        """Take an order. The same reference twice makes two orders: telling them apart is the sender's business.

        ``strict``: a closing leg must close something. ``waive`` names house rules (``HOUSE_RULES``) that do not hold.
        """
        return self._entry.place(self.account(number), ticket, Sender(reference, source, username, strict, waive))

    def place_rejected(
        self,
        number: str,
        ticket: Ticket,
        reason: str,
        reference: str | None = None,
        username: str = "",
        source: str = "",
    ) -> SimOrder:
        """Write down an order that is rejected at once: it is listed with its reason, and nothing else comes of it."""
        return self._entry.place_rejected(self.account(number), ticket, reason, Sender(reference, source, username))

    def preview_tree(self, number: str, node: Node, strict: bool = False, waive: Iterable[str] = ()) -> list[Preview]:
        """What each order of a tree would do once its turn has come, the parent first, depth first."""
        sender = Sender(strict=strict, waive=waive)
        return [preview for _, preview in self._trees.examine_node(self.account(number), node, sender)]

    def preview_group(
        self, number: str, bundle: Bundle, strict: bool = False, waive: Iterable[str] = ()
    ) -> list[Preview]:
        sender = Sender(strict=strict, waive=waive)
        return [preview for _, preview in self._trees.examine_bundle(self.account(number), bundle, sender)]

    def place_tree(
        self,
        number: str,
        node: Node,
        reference: str | None = None,
        source: str = "",
        username: str = "",
        parents_last: bool = False,
        strict: bool = False,
        waive: Iterable[str] = (),
    ) -> list[SimOrder]:
        """Take an order and what waits until it has filled: all or none of it. The parent first, depth first;
        with ``parents_last`` the highest numbers are the parents'."""
        sender = Sender(reference, source, username, strict, waive)
        return self._trees.place_node(self.account(number), node, sender, parents_last)

    def place_group(
        self,
        number: str,
        bundle: Bundle,
        reference: str | None = None,
        source: str = "",
        username: str = "",
        parents_last: bool = False,
        strict: bool = False,
        waive: Iterable[str] = (),
    ) -> list[SimOrder]:
        """Take orders that belong together, each followed by what waits for it."""
        sender = Sender(reference, source, username, strict, waive)
        return self._trees.place_bundle(self.account(number), bundle, sender, parents_last)

    def cancel(self, number: str, order_id: int) -> SimOrder:
        """Ask for an order's end; it may still fill before the cancel arrives."""
        return self._entry.cancel(self.order(number, order_id))

    def cancel_group(self, number: str, group_id: int) -> SimGroup:
        """Ask for the end of a group's members, and of the order they wait for."""
        group, account = self.group(number, group_id), self.account(number)
        for order_id in (group.parent_id, *group.member_ids):
            order = account.orders.get(order_id or 0)
            if order is not None and order.is_cancellable:
                self._entry.cancel(order)
        return group

    def amend_group(self, number: str, group_id: int, threshold: Decimal) -> SimGroup:
        """Give a pair that still waits another ratio."""
        group = self.group(number, group_id)
        if group.threshold is None or group.released_at is not None or group.is_terminal:
            raise OrderRefused("not_amendable", f"Group {group_id} does not wait for a ratio.")
        if not threshold.is_finite() or threshold <= 0:
            raise OrderRefused("not_amendable", "The ratio must be above 0.")
        group.threshold = threshold
        self._group_changed(group)
        return group

    def replace(self, number: str, order_id: int, ticket: Ticket, waive: Iterable[str] = ()) -> SimOrder:
        """Cancel an order and then place a new one with the same legs; the answer is the new order.

        What fills before the cancel arrives is taken off the new order; if all does, the new one is cancelled.
        """
        return self._entry.replace(self.account(number), self.order(number, order_id), ticket, waive)

    def amend(
        self,
        number: str,
        order_id: int,
        quantity: Decimal | None = None,
        limit_price: Decimal | None = None,
        stop_price: Decimal | None = None,
        trail: Trail | None = None,
        order_type: OrderType | None = None,
        display_quantity: Decimal | None = None,
        conditions: tuple[Condition, ...] | None = None,
        start_at: datetime | None = None,
        waive: Iterable[str] = (),
    ) -> SimOrder:
        """Change an order in place: what is None stays. ``quantity`` is the new total, in units of the order.

        Conditions and a ``start_at`` that do not hold yet take the order back from the market until they do; a
        ``start_at`` that has come takes away the one that was. The house rules it was placed without, and those of
        ``waive``, do not hold. Refused once a cancel was sent or the stop has triggered. Nothing is told when nothing
        changes.
        """
        prices = (quantity, limit_price, stop_price, trail, order_type, display_quantity)
        change = Amendment(*prices, conditions, start_at)
        return self._entry.amend(self.account(number), self.order(number, order_id), change, waive)

    def orders(self, number: str) -> list[SimOrder]:
        """All orders of an account, newest first."""
        return list(reversed(self.account(number).orders.values()))

    def order(self, number: str, order_id: int) -> SimOrder:
        found = self.account(number).orders.get(order_id)
        if found is None:
            raise OrderRefused("unknown_order", f"There is no order {order_id} in this account.")
        return found

    def groups(self, number: str) -> list[SimGroup]:
        """All groups of an account, newest first."""
        return list(reversed(self.account(number).groups.values()))

    def group(self, number: str, group_id: int) -> SimGroup:
        found = self.account(number).groups.get(group_id)
        if found is None:
            raise OrderRefused("unknown_group", f"There is no group {group_id} in this account.")
        return found

    # What happens at the market now and then

    def reject_next(self, reason: str, account: str | None = None, symbol: str | None = None) -> None:
        """The next order that leaves (of the account, on the symbol) is rejected a moment later."""
        self._floor.way.dooms.append((reason, account, symbol))

    def remove(self, number: str, order_id: int) -> SimOrder:
        """Take an order off the market by the house's own hand: it is over at once, with what it has filled."""
        order = self.order(number, order_id)
        if order.is_terminal:
            raise OrderRefused("not_cancellable", f"Order {order_id} is {order.status}.")
        order.removed = True
        self._floor.end(order, OrderStatus.CANCELLED, self.clock.now(), "The house took it off the market.")
        return order

    def bust(self, number: str, order_id: int, fill_id: str) -> SimOrder:
        """Declare an execution void: the books are reversed, fees included."""
        account, order = self.account(number), self.order(number, order_id)
        self._position_changed(self._floor.filling.bust(account, order, fill_id, self.clock.now()))
        self._floor.touch(order, self.clock.now())
        return order

    def correct(self, number: str, order_id: int, fill_id: str, price: Decimal) -> SimOrder:
        """Give an execution another price, in the order and in the books."""
        account, order = self.account(number), self.order(number, order_id)
        self._position_changed(self._floor.filling.correct(account, order, fill_id, price, self.clock.now()))
        self._floor.touch(order, self.clock.now())
        return order

    # Holdings

    def positions(self, number: str, closed: bool = False) -> list[SimPosition]:
        """What the account holds, at the newest marks; with ``closed`` also what was closed today."""
        found = [p for p in self.account(number).positions.values() if p.quantity or closed]
        for position in found:
            look(position, self.market)
        return found

    def lots(self, number: str, instrument: Instrument) -> list[Lot]:
        """The open lots of a holding, oldest first."""
        position = self.account(number).positions.get(instrument)
        return list(position.lots) if position else []

    def exercise(self, number: str, option: Instrument, quantity: Decimal) -> list[SimPosition]:
        """Exercise long options now, those that no working order sells; the answer names the positions that changed."""
        account = self.account(number)
        position = account.positions.get(option)
        sold = self._floor.commitments.closing(number, option, Action.SELL_TO_CLOSE)
        if position is not None and sold and position.quantity < quantity + sold:
            raise OrderRefused("cannot_close_more_than_position", f"Working orders sell {sold} of these options.")
        changed = exercise(account, option, quantity, self.market, self.clock.now(), self.ids)
        for position in changed:
            self._position_changed(position)
        self._balance_changed(account)
        return changed

    def transactions(self, number: str) -> list[SimTransaction]:
        """The account's history, newest first."""
        entries = self.account(number).transactions
        return sorted(entries, key=lambda entry: (entry.executed_at, entry.transaction_id), reverse=True)

    def balance(self, number: str) -> SimBalance:
        account = self.account(number)
        holding = self._floor.commitments.reserved(number)
        return weigh(account, self.market, (), self.clock.now(), holding)

    def balance_snapshots(self, number: str, time_of_day: TimeOfDay) -> list[tuple[date, SimBalance]]:
        """The account's figures at the beginning or the end of its days, newest first."""
        return balance_snapshots(self.account(number), self.market, time_of_day, self.clock.now())

    def net_liq_history(
        self, number: str, start: datetime, end: datetime, step: timedelta
    ) -> list[tuple[datetime, Decimal]]:
        """What the account was worth, at ``start`` and every ``step`` after it."""
        until = min(end, self.clock.now())
        return net_liq_history(self.account(number), self.market, start, until, step)

    def margin_report(self, number: str) -> MarginReport:
        """What ties up the account's margin, underlying by underlying."""
        return margin_report(self.account(number), self.market, self.balance(number), self.clock.now())

    # Time

    def step(self, now: datetime) -> None:
        """Bring everything up to ``now``, which the market must have reached before.

        Where the clock has jumped, what lies between is gone through in order, by the prices of then.
        """
        if now - self._at > GAP:
            self._pass(now)
        self._reach(now)

    def _pass(self, now: datetime) -> None:
        """Go through the moments before ``now``, by the books of then."""
        past = PastBooks(self.market)
        calendars = {one.collection: one for one in (self.market.hours, *self._floor.calendars)}
        self._floor.shown.source = past
        for at in moments(calendars.values(), self._at, now, self._floor.phases):
            past.at = at
            self._reach(at)
        self._floor.shown.source = self.market.book

    def _reach(self, now: datetime) -> None:
        self._at = now
        today = self.market.trading_date(now)
        for account in self.accounts.values():
            ended = settle(account, self.market, now, self.ids, self.early_assignment)
            for position in ended:
                self._position_changed(position)
                if not position.quantity:
                    self._floor.nothing_to_close(account.number, position.instrument, now)
            if ended:
                self._balance_changed(account)
            if today != self._day:
                start_day(account, self.market)
        self._day = today
        self._floor.step(now)

    # Over a restart

    def snapshot(self) -> dict[str, Any]:
        """Accounts, orders, history and numbers as JSON-able values. Prices are the market's business."""
        return snapshots.save(self.accounts, self.ids.last, self.order_ids.last, self._day, self._at)

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Take the state of a snapshot in place of the present one; ``UnknownSnapshot`` leaves all as it was.

        What happened since then is gone through with the next step, as after a jump of the clock.
        """
        self.accounts, last, last_order, self._day, at = snapshots.load(snapshot)
        self._at = at or self._at
        self.ids.raise_to(last)
        self.order_ids.raise_to(last_order)
        self._floor.clear()
        for account in self.accounts.values():
            self._floor.load(account)
        self._floor.rest_all()

    # Inside

    def _hold(self, account: SimAccount, holding: Holding) -> None:
        under = underlying_of(holding.instrument, self.market)
        position = hold(account, holding, under, multiplier_of(holding.instrument, self.market))
        account.opening.append(OpenedWith(holding, under, position.multiplier))
        look(position, self.market)
        today = local_date(holding.opened_at) >= self._day
        position.day_open_price = holding.average_open_price if today else position.close_price

    def _order_changed(self, order: SimOrder) -> None:
        self._tell(Event("order", order.account_number, order))
        self._balance_changed(self.accounts[order.account_number])

    def _group_changed(self, group: SimGroup) -> None:
        self._tell(Event("group", group.account_number, group))

    def _look_again(self, account: SimAccount, order: SimOrder) -> None:
        self._entry.examine_again(account, order)

    def _position_changed(self, position: SimPosition) -> None:
        look(position, self.market)
        self._tell(Event("position", position.account_number, position))

    def _balance_changed(self, account: SimAccount) -> None:
        if self.listeners:
            self._tell(Event("balance", account.number, self.balance(account.number)))

    def _tell(self, event: Event) -> None:
        for listener in list(self.listeners):
            listener(event)
