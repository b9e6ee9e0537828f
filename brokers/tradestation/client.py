"""TradeStation behind the desk's port: codec and transport, a line or few per call."""

from collections.abc import Collection
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from functools import partial
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from brokers.domain.accounts import AccountInfo, Balance, Position, Transaction
from brokers.domain.instruments import Instrument, Other
from brokers.domain.market import Chain, Details, Match, Quote
from brokers.domain.orders import BrokerStatus, OrderTicket, OrderType, OrderUpdate, Placed, Preview
from brokers.errors import Ambiguous, BrokerError, OrderRejected, Refused
from brokers.port import AccessToken, Hosts
from brokers.tradestation.calls import Calls, named
from brokers.tradestation.codec import accounts, likeness, market, orders, placing
from brokers.tradestation.codec.envelope import BROKER
from brokers.tradestation.codec.words import ENDED
from brokers.tradestation.symbols import read_symbol

NEW_YORK = ZoneInfo("America/New_York")
LONGEST_PAST = timedelta(days=729)
LONGEST_LIFE = timedelta(days=90)
CANCEL_FAILED = frozenset({"LAT", "RJC"})
WORLDS = {"api.tradestation.com": False, "sim-api.tradestation.com": True}
"""The broker's own hosts: whether their accounts are simulated ones, whose numbers begin with SIM."""


class TradestationBroker:
    """The ``Broker`` port for one connection."""

    def __init__(self, hosts: Hosts, token: AccessToken) -> None:
        self._is_sim = WORLDS.get(urlsplit(hosts.api).hostname or "")
        self._calls = Calls(hosts, token)

    # --- accounts ---

    def get_accounts(self) -> list[AccountInfo]:
        return self._calls.ask(accounts.accounts_request(), accounts.read_accounts)

    def get_balance(self, account_number: str) -> Balance:
        request = accounts.balance_request(account_number)
        return self._calls.ask_account(request, lambda node: accounts.read_balance(node, account_number, _now()))

    def get_positions(self, account_number: str) -> list[Position]:
        request = accounts.positions_request(account_number)
        rows = self._calls.ask_account(request, lambda node: accounts.position_rows(node, account_number))
        sizes = self._sizes(named(lambda: accounts.of_unknown_size(rows)))
        now = _now()
        return named(lambda: [accounts.read_position(row, now, sizes) for row in rows])

    def get_transactions(self, account_number: str, since: date, until: date | None = None) -> list[Transaction]:
        """There are none: what could be made of orders would leave out dividends, deposits and expirations."""
        raise Refused("TradeStation gives no account history to programs. See it on its own site.", broker=BROKER)

    # --- orders ---

    def get_orders(self, account_number: str, since: date) -> list[OrderUpdate]:
        """Today's and open ones first, those of days before second: whatever ends meanwhile is in one of them."""
        earliest = max(since, _today() - LONGEST_PAST)
        read = partial(orders.read_orders, account_number=account_number)
        current = self._calls.pages(orders.orders_request(account_number), read)
        return _newest([*current, *self._calls.pages(orders.history_request(account_number, earliest), read)])

    def get_order(self, account_number: str, broker_order_id: str) -> OrderUpdate:
        request = orders.order_request(account_number, broker_order_id)
        found = self._calls.ask(request, lambda node: orders.read_one(node, request, account_number, broker_order_id))
        if found is not None:
            return found
        request = orders.past_order_request(account_number, broker_order_id, _today() - LONGEST_LIFE)
        found = self._calls.ask(request, lambda node: orders.read_one(node, request, account_number, broker_order_id))
        if found is None:
            raise Refused(f"TradeStation does not know order {broker_order_id}.", broker=BROKER)
        return found

    def find_order(
        self,
        account_number: str,
        client_ref: str,
        ticket: OrderTicket,
        since: datetime,
        claimed: Collection[str] = (),
    ) -> OrderUpdate | None:
        """By its looks, for the broker does not tell our reference. Of several that look the same none is taken:
        ``Ambiguous``. ``claimed`` are ids that are known to be other orders."""
        day = (since - timedelta(days=1)).astimezone(NEW_YORK).date()
        listed = [order for order in self.get_orders(account_number, day) if order.broker_order_id not in claimed]
        found = likeness.alike(listed, ticket, since, _now())
        if len(found) > 1:
            ids = ", ".join(sorted(order.broker_order_id for order in found))
            words = f"TradeStation has several orders that look like this one ({ids}): which is it cannot be told."
            raise Ambiguous(words, broker=BROKER)
        return found[0] if found else None

    def preview_order(self, account_number: str, ticket: OrderTicket) -> Preview:
        self._check_world(account_number)
        request = placing.preview_request(account_number, ticket)
        return self._calls.ask(request, lambda node: placing.read_preview(node, request))

    def place_order(self, account_number: str, ticket: OrderTicket, client_ref: str) -> Placed:
        """The answer has a number alone; how the order stands is read after it, if that goes quickly."""
        self._check_world(account_number)
        request = placing.place_request(account_number, ticket, client_ref)
        placed = self._calls.act(request, lambda node: placing.read_placed(node, request, account_number, ticket))
        seen = self._glance(account_number, placed.order.broker_order_id)
        return replace(placed, order=seen) if seen is not None else placed

    def cancel_order(self, account_number: str, broker_order_id: str) -> OrderUpdate:
        """The broker answers that it was sent. Until the order is seen to have ended, a cancel is asked for."""
        request = placing.cancel_request(broker_order_id)
        self._calls.act(request, lambda node: placing.read_sent(node, request, broker_order_id))
        seen = self._glance(account_number, broker_order_id)
        if seen is None:
            return placing.cancelling(account_number, broker_order_id)
        if seen.status in ENDED or seen.broker_status in CANCEL_FAILED:
            return seen
        return replace(seen, status=BrokerStatus.CANCEL_REQUESTED)

    def replace_order(self, account_number: str, broker_order_id: str, ticket: OrderTicket) -> OrderUpdate:
        """The order under its old number. Only quantity and prices can change, or the type into a market order; what
        else differs the broker would leave as it is without a word, so it is ``OrderRejected`` here, nothing sent."""
        self._check_world(account_number)
        before = self.get_order(account_number, broker_order_id)
        if what := placing.why_not_replaced(before, ticket):
            words = f"TradeStation cannot change {what}. Cancel this order and place a new one."
            raise OrderRejected(words, broker=BROKER)
        to_market = ticket.order_type is OrderType.MARKET and before.order_type != OrderType.MARKET
        request = placing.replace_request(broker_order_id, ticket, to_market=to_market)
        self._calls.act(request, lambda node: placing.read_sent(node, request, broker_order_id))
        seen = self._glance(account_number, broker_order_id)
        if seen is None:
            return placing.accepted(account_number, broker_order_id, ticket, BrokerStatus.REPLACE_REQUESTED)
        if seen.status in ENDED or likeness.is_like(seen, ticket):
            return seen
        return replace(seen, status=BrokerStatus.REPLACE_REQUESTED)

    # --- market ---

    def get_quotes(self, instruments: Collection[Instrument]) -> dict[Instrument, Quote]:
        quotes: dict[Instrument, Quote] = {}
        for request, asked in market.quotes_requests(instruments):
            quotes |= self._calls.ask(request, partial(market.read_quotes, asked=asked, now=_now()))
        return quotes

    def get_details(self, instrument: Instrument) -> Details:
        found = self._details([instrument]).get(instrument)
        if found is None:
            raise Refused(f"TradeStation does not know {instrument}.", broker=BROKER)
        return found

    def get_chain(self, underlying: Instrument) -> Chain:
        """The nearest expirations and the monthly ones behind them: each costs a call, and calls are rationed."""
        request = market.expirations_request(underlying)
        listed = self._calls.ask(request, lambda node: market.read_expirations(node, underlying))
        chosen = market.nearest([each for each in listed if each.expiry >= _today()])
        by_day = {
            expiry: self._calls.ask(market.strikes_request(underlying, expiry), market.read_strikes)
            for expiry in dict.fromkeys(each.expiry for each in chosen)
        }
        strikes = {each: by_day[each.expiry] for each in chosen}
        samples = market.samples(strikes)
        details = self._details(samples.values())
        terms = {root: details[option] for root, option in samples.items() if option in details}
        return market.make_chain(underlying, strikes, terms)

    def search(self, text: str) -> list[Match]:
        """By the API's second version. Where a host has only the third, the exact symbol is looked up."""
        if not text.strip():
            return []
        try:
            return self._calls.ask_old(market.search_request(text.strip()), market.read_matches)
        except Refused as refused:
            if refused.status != 404:
                raise
        instrument = read_symbol(text)
        found = {} if isinstance(instrument, Other) else self._details([instrument])
        return [Match(each, details.description, details.has_options) for each, details in found.items()]

    # --- how ---

    def _details(self, instruments: Collection[Instrument]) -> dict[Instrument, Details]:
        """Of those that the broker knows."""
        found: dict[Instrument, Details] = {}
        for request, asked in market.details_requests(instruments):
            found |= self._calls.ask(request, partial(market.read_details, asked=asked))
        return found

    def _sizes(self, instruments: Collection[Instrument]) -> dict[Instrument, Decimal]:
        """Dollars per point. Who may not see market data sees what is held all the same: its cost tells the size."""
        try:
            return {instrument: found.multiplier for instrument, found in self._details(instruments).items()}
        except BrokerError:
            return {}

    def _glance(self, account_number: str, broker_order_id: str) -> OrderUpdate | None:
        """How an order stands if that can be had at once: what has just succeeded must not fail by it."""
        request = orders.order_request(account_number, broker_order_id)
        return self._calls.glance(request, lambda node: orders.read_one(node, request, account_number, broker_order_id))

    def _check_world(self, account_number: str) -> None:
        """Nothing simulated goes to real accounts, nor the other way round."""
        if self._is_sim is not None and self._is_sim != account_number.upper().startswith("SIM"):
            words = f"Account {account_number} is not of this connection's environment. Nothing was sent."
            raise OrderRejected(words, broker=BROKER)


def _newest(found: list[OrderUpdate]) -> list[OrderUpdate]:
    """One of each order: an end wins, else what was read last."""
    newest: dict[str, OrderUpdate] = {}
    for order in found:
        known = newest.get(order.broker_order_id)
        if known is None or known.status not in ENDED or order.status in ENDED:
            newest[order.broker_order_id] = order
    return list(newest.values())


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _today() -> date:
    return datetime.now(NEW_YORK).date()
