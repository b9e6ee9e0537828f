"""tastytrade behind the desk's port: codec and transport, a line or few per call."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta, timezone
from functools import partial

from brokers.domain.accounts import AccountInfo, Balance, PastBalance, Position, Restrictions, Transaction
from brokers.domain.orders import OrderGroup, OrderTicket, OrderUpdate, Placed, PlacedGroup, Preview
from brokers.errors import Ambiguous, OrderRejected, Refused
from brokers.tastytrade.codec import accounts, groups, likeness, orders
from brokers.tastytrade.market_desk import NEW_YORK, MarketDesk

LONG_WEEKEND = timedelta(days=7)


class TastytradeBroker(MarketDesk):
    """The ``Broker`` port for one connection."""

    # --- accounts ---

    def get_accounts(self) -> list[AccountInfo]:
        return self._ask(accounts.accounts_request(), accounts.read_accounts)

    def get_restrictions(self, account_number: str) -> Restrictions:
        request = accounts.restrictions_request(account_number)
        return self._ask(request, lambda node: accounts.read_restrictions(node, account_number, _now()))

    def get_balance(self, account_number: str) -> Balance:
        request = accounts.balance_request(account_number)
        return self._ask(request, lambda node: accounts.read_balance(node, account_number))

    def get_opening_balance(self, account_number: str) -> PastBalance:
        """Of the newest day that the broker tells, looking back a long weekend."""
        today = _today()
        request = accounts.snapshots_request(account_number, accounts.OPENING, today - LONG_WEEKEND, today)
        found = self._ask(request, lambda node: accounts.read_snapshots(node, account_number))
        if not found:
            raise Refused("tastytrade tells no balance for the start of the day.", broker="tastytrade")
        return max(found, key=lambda each: each.day)

    def get_balance_history(self, account_number: str, since: date, until: date | None = None) -> list[PastBalance]:
        request = accounts.snapshots_request(account_number, accounts.CLOSING, since, until)
        read = partial(accounts.read_snapshots, account_number=account_number)
        return sorted(self._all_pages(request, accounts.SNAPSHOTS_A_PAGE, read), key=lambda each: each.day)

    def get_positions(self, account_number: str) -> list[Position]:
        request = accounts.positions_request(account_number)
        return self._ask(request, lambda node: accounts.read_positions(node, account_number, _today()))

    def with_day_gains(self, account_number: str, positions: Sequence[Position]) -> list[Position]:
        """As they are: the listing tells it all."""
        return list(positions)

    def get_transactions(self, account_number: str, since: date, until: date | None = None) -> list[Transaction]:
        request = accounts.transactions_request(account_number, since, until)
        found = self._all_pages(request, accounts.TRANSACTIONS_A_PAGE, accounts.read_transactions)
        return list({line.transaction_id: line for line in found}.values())

    # --- orders ---

    def get_orders(self, account_number: str, since: date) -> list[OrderUpdate]:
        return _newest([*self._day_orders(account_number, since), *self._live_orders(account_number)])

    def get_order(self, account_number: str, broker_order_id: str) -> OrderUpdate:
        request = orders.order_request(account_number, broker_order_id)
        return self._ask(request, lambda node: orders.read_order(node["data"]))

    def find_order(
        self,
        account_number: str,
        client_ref: str,
        ticket: OrderTicket,
        since: datetime,
        claimed: Collection[str] = (),
        *,
        grouped: bool = False,
    ) -> OrderUpdate | None:
        """By ``external-identifier``. A replacement may carry it too: the oldest order is the one that was placed.

        That orders of groups carry theirs is not certain: one that was sent ``grouped`` and is not found is told by
        its looks among those that carry none.
        """
        listed = self._live_orders(account_number)
        day = (since - timedelta(days=1)).astimezone(NEW_YORK).date()
        found = [order for order in listed if order.client_ref == client_ref]
        if not found:
            listed += self._day_orders(account_number, day)
            found = [order for order in listed if order.client_ref == client_ref]
        if grouped and not found:
            found = likeness.nameless_members(_newest(listed), ticket, since, claimed)
            if len(found) > 1:
                ids = ", ".join(sorted(order.broker_order_id for order in found))
                words = f"tastytrade has several orders that look like this one ({ids}): which is it cannot be told."
                raise Ambiguous(words, broker="tastytrade")
        return min(_newest(found), key=lambda order: (len(order.broker_order_id), order.broker_order_id), default=None)

    def preview_order(self, account_number: str, ticket: OrderTicket) -> Preview:
        return self._ask(orders.preview_request(account_number, ticket), orders.read_preview)

    def place_order(self, account_number: str, ticket: OrderTicket, client_ref: str) -> Placed:
        request = orders.place_request(account_number, ticket, client_ref)
        return self._act(request, lambda node: orders.read_placed(node, account_number, ticket, client_ref))

    def preview_group(self, account_number: str, group: OrderGroup) -> Preview:
        return self._ask(groups.preview_group_request(account_number, group), orders.read_preview)

    def place_group(self, account_number: str, group: OrderGroup, client_refs: Sequence[str]) -> PlacedGroup:
        """All are taken or none."""
        request = groups.place_group_request(account_number, group, client_refs)
        return self._act(request, lambda node: groups.read_placed_group(node, account_number, group, client_refs))

    def cancel_order(self, account_number: str, broker_order_id: str) -> OrderUpdate:
        request = orders.cancel_request(account_number, broker_order_id)
        return self._act(request, lambda node: orders.read_order(node["data"]))

    def cancel_group(self, account_number: str, group_id: str) -> list[OrderUpdate]:
        return self._act(groups.cancel_group_request(account_number, group_id), groups.read_cancelled_group)

    def replace_order(self, account_number: str, broker_order_id: str, ticket: OrderTicket) -> OrderUpdate:
        """The new order that stands in the old one's place: another id, ``replaces_order_id`` set. Legs and quantity
        the broker would leave as they are without a word: other ones are ``OrderRejected`` here, nothing sent."""
        if what := orders.why_not_replaced(self.get_order(account_number, broker_order_id), ticket):
            words = f"tastytrade cannot change {what}. Cancel this order and place a new one."
            raise OrderRejected(words, broker="tastytrade")
        request = orders.replace_request(account_number, broker_order_id, ticket)
        return self._act(request, lambda node: orders.read_order(node["data"]))

    # --- how ---

    def _day_orders(self, account_number: str, since: date) -> list[OrderUpdate]:
        request = orders.orders_request(account_number, since)
        return self._all_pages(request, orders.ORDERS_A_PAGE, lambda node: orders.read_orders(node, account_number))

    def _live_orders(self, account_number: str) -> list[OrderUpdate]:
        request = orders.live_orders_request(account_number)
        return self._all_pages(request, orders.ORDERS_A_PAGE, lambda node: orders.read_orders(node, account_number))


def _newest(found: list[OrderUpdate]) -> list[OrderUpdate]:
    """One of each order: the one with the newest version."""
    newest: dict[str, OrderUpdate] = {}
    for order in found:
        known = newest.get(order.broker_order_id)
        if known is None or order.version >= known.version:
            newest[order.broker_order_id] = order
    return list(newest.values())


def _today() -> date:
    return datetime.now(NEW_YORK).date()


def _now() -> datetime:
    return datetime.now(timezone.utc)
