"""Orders at TradeStation: looked up, previewed, placed one by one or as a group, replaced, cancelled."""

import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from functools import partial
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from brokers.domain.orders import (
    BrokerStatus,
    OrderGroup,
    OrderTicket,
    OrderType,
    OrderUpdate,
    Placed,
    PlacedGroup,
    Preview,
)
from brokers.errors import Ambiguous, OrderRejected, OutcomeUnknown, Refused
from brokers.port import AccessToken, Hosts
from brokers.tradestation.calls import Calls
from brokers.tradestation.codec import groups, likeness, orders, placing
from brokers.tradestation.codec.envelope import BROKER
from brokers.tradestation.codec.words import ENDED

NEW_YORK = ZoneInfo("America/New_York")
LONGEST_PAST = timedelta(days=729)
LONGEST_LIFE = timedelta(days=90)
CANCEL_FAILED = frozenset({"LAT", "RJC"})
LOOKS_AT_A_GROUP = (0.0, 0.3, 1.0)
"""Seconds before each try to read what was just placed."""
WORLDS = {"api.tradestation.com": False, "sim-api.tradestation.com": True}
"""The broker's own hosts: whether their accounts are simulated ones, whose numbers begin with SIM."""


class OrderDesk:
    """What the ``Broker`` port says of orders, for one connection."""

    def __init__(self, hosts: Hosts, token: AccessToken) -> None:
        self._is_sim = WORLDS.get(urlsplit(hosts.api).hostname or "")
        self._calls = Calls(hosts, token)

    def get_orders(self, account_number: str, since: date) -> list[OrderUpdate]:
        """Today's and open ones first, those of days before second: whatever ends meanwhile is in one of them."""
        earliest = max(since, _today() - LONGEST_PAST)
        current = self._current_orders(account_number)
        read = partial(orders.read_orders, account_number=account_number)
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
        *,
        grouped: bool = False,
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

    def preview_group(self, account_number: str, group: OrderGroup) -> Preview:
        self._check_world(account_number)
        request = groups.preview_group_request(account_number, group)
        return self._calls.ask(request, lambda node: groups.read_group_preview(node, request, group))

    def place_group(self, account_number: str, group: OrderGroup, client_refs: Sequence[str]) -> PlacedGroup:
        """One request. Its answer names numbers in an order of the broker's own; which is which is read after it, and
        where that does not succeed the outcome counts as unknown: each order is then found by its looks."""
        self._check_world(account_number)
        request = groups.place_group_request(account_number, group, client_refs)
        answer = self._calls.act(request, lambda node: groups.Answer(node, request, group))
        for pause in LOOKS_AT_A_GROUP:
            time.sleep(pause)
            listed = self._glance_at(account_number, answer.numbers)
            if listed is not None and (told := answer.told(account_number, group, listed)) is not None:
                return told
        numbers = ", ".join(answer.numbers)
        words = f"TradeStation took orders {numbers}, but which is which could not be read. They are being looked up."
        raise OutcomeUnknown(words, broker=BROKER)

    def cancel_group(self, account_number: str, group_id: str) -> list[OrderUpdate]:
        raise Refused("TradeStation cancels the orders of a group one by one.", broker=BROKER)

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
            return replace(before, status=BrokerStatus.REPLACE_REQUESTED)
        if seen.status in ENDED or likeness.is_like(seen, ticket):
            return seen
        return replace(seen, status=BrokerStatus.REPLACE_REQUESTED)

    # --- how ---

    def _current_orders(self, account_number: str) -> list[OrderUpdate]:
        """Today's and those that are open."""
        read = partial(orders.read_orders, account_number=account_number)
        return self._calls.pages(orders.orders_request(account_number), read)

    def _glance(self, account_number: str, broker_order_id: str) -> OrderUpdate | None:
        """How an order stands if that can be had at once: what has just succeeded must not fail by it."""
        request = orders.order_request(account_number, broker_order_id)
        return self._calls.glance(request, lambda node: orders.read_one(node, request, account_number, broker_order_id))

    def _glance_at(self, account_number: str, broker_order_ids: Collection[str]) -> list[OrderUpdate] | None:
        """As ``_glance``, of several: those of them that are listed."""
        request = orders.several_request(account_number, broker_order_ids)
        return self._calls.glance(request, lambda node: orders.read_several(node, request, account_number))

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
