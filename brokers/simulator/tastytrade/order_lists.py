"""Orders listed: of an account or of several, all of a time or those of today (section 4.14)."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from brokers.domain.instruments import Future, FutureOption
from brokers.simulator.exchange import SimOrder
from brokers.simulator.tastytrade.envelope import (
    Reply,
    day_in,
    items,
    moment_in,
    not_found,
    not_permitted,
    paged,
    wrong,
)
from brokers.simulator.tastytrade.guard import START_DATE_REQUIRED, Ask
from brokers.simulator.tastytrade.orders import STATUSES, order_json, underlying_of, underlying_type
from brokers.simulator.tastytrade.symbols import api_symbol
from brokers.simulator.world import market_day

PER_PAGE = 10
LIVE_PER_PAGE = 100
MOST_PER_PAGE = 200
OTHER_STATUSES = ("Removed", "Partially Removed", "Remove Pending", "Dead")
TYPES = ("Equity", "Future", "Cryptocurrency")
Test = Callable[[SimOrder], bool]


def list_orders(ask: Ask) -> Reply:
    return past_orders(ask, [ask.account])


def list_live_orders(ask: Ask) -> Reply:
    """All that was touched today, done or not, and all that still works."""
    return page(ask, touched_today(ask, [ask.account]), LIVE_PER_PAGE)


def list_customer_orders(ask: Ask) -> Reply:
    return past_orders(ask, accounts_in(ask))


def list_customer_live_orders(ask: Ask) -> Reply:
    """In pages from the same API version on that wants a start date; before it, all at once."""
    orders = touched_today(ask, accounts_in(ask))
    if ask.version >= START_DATE_REQUIRED:
        return page(ask, orders, LIVE_PER_PAGE)
    return items([order_json(order, ask.world) for order in chosen(ask, orders)])


def accounts_in(ask: Ask) -> list[str]:
    """The accounts asked for; all must be the caller's."""
    if ask.names["customer"] != "me":
        raise not_found("customer")
    numbers = list(dict.fromkeys(ask.many("account-numbers")))
    if not numbers:
        raise wrong("account-numbers", "is missing")
    if not set(numbers) <= set(ask.world.accounts_of(ask.caller.user)):
        raise not_permitted()
    return numbers


def past_orders(ask: Ask, numbers: Sequence[str]) -> Reply:
    """Newest first. A start is a must from a certain API version on; days are New York's."""
    start, end = day_in(ask.query, "start-date"), day_in(ask.query, "end-date")
    since, until = moment_in(ask.query, "start-at"), moment_in(ask.query, "end-at")
    if ask.version >= START_DATE_REQUIRED and start is None and since is None:
        raise wrong("start-date", "is missing")
    tests: list[Test] = []
    if start is not None:
        tests.append(lambda order: market_day(order.received_at) >= start)
    if end is not None:
        tests.append(lambda order: market_day(order.received_at) <= end)
    if since is not None:
        tests.append(lambda order: order.received_at >= since)
    if until is not None:
        tests.append(lambda order: order.received_at <= until)
    return page(ask, kept(orders_of(ask, numbers), tests), PER_PAGE)


def touched_today(ask: Ask, numbers: Sequence[str]) -> list[SimOrder]:
    today = ask.world.today()
    return [
        order for order in orders_of(ask, numbers) if not order.is_terminal or market_day(order.updated_at) >= today
    ]


def orders_of(ask: Ask, numbers: Sequence[str]) -> list[SimOrder]:
    """All orders of the accounts, newest first."""
    found = [order for number in numbers for order in ask.world.exchange.orders(number)]
    return found if len(numbers) == 1 else sorted(found, key=lambda order: order.order_id, reverse=True)


def page(ask: Ask, orders: Iterable[SimOrder], per_page: int) -> Reply:
    """One page of the orders that the filters let through; only these are written out."""
    reply = paged(chosen(ask, orders), ask.query, per_page, MOST_PER_PAGE)
    rows: list[dict[str, Any]] = [order_json(order, ask.world) for order in reply.data["items"]]
    return Reply({"items": rows}, pagination=reply.pagination)


def chosen(ask: Ask, orders: Iterable[SimOrder]) -> list[SimOrder]:
    found = kept(orders, tests_in(ask))
    return found[::-1] if ask.query.get("sort", "Desc") == "Asc" else found


def kept(orders: Iterable[SimOrder], tests: Sequence[Test]) -> list[SimOrder]:
    return [order for order in orders if all(test(order) for test in tests)]


def tests_in(ask: Ask) -> list[Test]:
    """The filters of a request."""
    tests: list[Test] = []
    market = ask.world.market
    if statuses := ask.many("status"):
        if not set(statuses) <= {*STATUSES.values(), *OTHER_STATUSES}:
            raise wrong("status", "does not have a valid value")
        tests.append(lambda order: STATUSES[order.status] in statuses)
    if underlying := ask.query.get("underlying-symbol"):
        tests.append(lambda order: api_symbol(underlying_of(order.ticket, market)) == underlying)
    if kind := ask.query.get("underlying-instrument-type"):
        if kind not in TYPES:
            raise wrong("underlying-instrument-type", "does not have a valid value")
        tests.append(lambda order: underlying_type(underlying_of(order.ticket, market)) == kind)
    if future := ask.query.get("futures-symbol"):
        wanted = future if future.startswith("/") else f"/{future}"
        tests.append(lambda order: future_symbol(order) == wanted)
    return tests


def future_symbol(order: SimOrder) -> str | None:
    """The future that an order is in or about."""
    first = order.ticket.legs[0].instrument
    if isinstance(first, FutureOption):
        return api_symbol(first.future)
    return api_symbol(first) if isinstance(first, Future) else None
