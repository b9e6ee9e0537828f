"""tastytrade behind the desk's port: codec and transport, a line or few per call."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from functools import partial
from typing import TypeVar
from zoneinfo import ZoneInfo

from brokers.domain.accounts import AccountInfo, Balance, PastBalance, Position, Transaction
from brokers.domain.instruments import FutureOption, Instrument, Option
from brokers.domain.market import Bar, Chain, Details, Interval, Match, PriceIncrements, Quote
from brokers.domain.orders import OrderGroup, OrderTicket, OrderUpdate, Placed, PlacedGroup, Preview
from brokers.errors import Ambiguous, BrokerError, OrderRejected, OutcomeUnknown, Refused, UnexpectedReply
from brokers.port import AccessToken, Hosts
from brokers.tastytrade.charts import fetch_bars
from brokers.tastytrade.codec import accounts, envelope, groups, likeness, market, orders
from brokers.transport import Transport
from brokers.wire import Node, Request

T = TypeVar("T")
NEW_YORK = ZoneInfo("America/New_York")
MOST_PAGES = 400
LONG_WEEKEND = timedelta(days=7)


class TastytradeBroker:
    """The ``Broker`` port for one connection."""

    def __init__(self, hosts: Hosts, token: AccessToken) -> None:
        self._plain = not hosts.api.startswith("https://")
        headers = {"Accept-Version": envelope.ACCEPT_VERSION}
        self._door = Transport(hosts.api, token, broker="tastytrade", read_error=envelope.read_error, headers=headers)

    # --- accounts ---

    def get_accounts(self) -> list[AccountInfo]:
        return self._ask(accounts.accounts_request(), accounts.read_accounts)

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

    def replace_order(self, account_number: str, broker_order_id: str, ticket: OrderTicket) -> OrderUpdate:
        """The new order that stands in the old one's place: another id, ``replaces_order_id`` set. Legs and quantity
        the broker would leave as they are without a word: other ones are ``OrderRejected`` here, nothing sent."""
        if what := orders.why_not_replaced(self.get_order(account_number, broker_order_id), ticket):
            words = f"tastytrade cannot change {what}. Cancel this order and place a new one."
            raise OrderRejected(words, broker="tastytrade")
        request = orders.replace_request(account_number, broker_order_id, ticket)
        return self._act(request, lambda node: orders.read_order(node["data"]))

    # --- market ---

    def get_quotes(self, instruments: Collection[Instrument]) -> dict[Instrument, Quote]:
        now = datetime.now(timezone.utc)
        quotes: dict[Instrument, Quote] = {}
        for request, asked in market.quotes_requests(instruments):
            quotes |= market.read_quotes(self._answer(request), asked, now)
        return quotes

    def get_details(self, instrument: Instrument) -> Details:
        request = market.details_request(instrument)
        details = self._ask(request, lambda node: market.read_details(node, instrument, _today()))
        if not isinstance(instrument, Option | FutureOption) or details.underlying is None:
            return details
        return replace(details, increments=self._option_increments(details.underlying))

    def get_chain(self, underlying: Instrument) -> Chain:
        return self._ask(market.chain_request(underlying), lambda node: market.read_chain(node, underlying))

    def get_bars(
        self, instrument: Instrument, interval: Interval, start: datetime, end: datetime | None = None
    ) -> list[Bar]:
        """Over the quote socket, opened for this alone: the broker has bars nowhere else."""
        leave = self.get_quote_pass()
        return _named(lambda: fetch_bars(leave, instrument, interval, start, end, plain=self._plain))

    def search(self, text: str) -> list[Match]:
        if not text.strip():
            return []
        return self._ask(market.search_request(text.strip()), lambda node: market.read_matches(node, _today()))

    def get_quote_pass(self) -> market.QuotePass:
        """Leave to open the quote socket; not of the port, for the stream."""
        return self._ask(market.quote_pass_request(), market.read_quote_pass)

    # --- how ---

    def _answer(self, request: Request) -> Node:
        return self._door.send(request)

    def _ask(self, request: Request, read: Callable[[Node], T]) -> T:
        return _named(lambda: read(self._answer(request)))

    def _act(self, request: Request, read: Callable[[Node], T]) -> T:
        """As ``_ask``, for what changes something: an answer that cannot be read leaves the outcome unknown."""
        node = self._answer(request)
        try:
            return read(node)
        except UnexpectedReply as unreadable:
            words = f"{unreadable.message} The request may have been carried out; it is being looked up."
            raise OutcomeUnknown(words, broker="tastytrade") from None

    def _all_pages(self, request: Request, per_page: int, read: Callable[[Node], list[T]]) -> list[T]:
        """Every page or an error."""
        return _named(lambda: [line for node in self._pages(request, per_page) for line in read(node)])

    def _pages(self, request: Request, per_page: int) -> Iterator[Node]:
        for number in range(MOST_PAGES):
            node = self._answer(envelope.on_page(request, number))
            yield node
            if envelope.page(node, number, per_page).is_last:
                return
        raise UnexpectedReply("The broker's list does not end.", path="pagination")

    def _day_orders(self, account_number: str, since: date) -> list[OrderUpdate]:
        request = orders.orders_request(account_number, since)
        return self._all_pages(request, orders.ORDERS_A_PAGE, lambda node: orders.read_orders(node, account_number))

    def _live_orders(self, account_number: str) -> list[OrderUpdate]:
        request = orders.live_orders_request(account_number)
        return self._all_pages(request, orders.ORDERS_A_PAGE, lambda node: orders.read_orders(node, account_number))

    def _option_increments(self, underlying: Instrument) -> PriceIncrements:
        return self._ask(market.details_request(underlying), market.read_option_increments)


def _named(read: Callable[[], T]) -> T:
    """What ``read`` gives; errors carry the broker's name."""
    try:
        return read()
    except BrokerError as error:
        error.broker = error.broker or "tastytrade"
        raise


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
