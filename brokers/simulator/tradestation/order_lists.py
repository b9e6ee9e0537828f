"""Listings of orders (section 4.1, B5 to B8): of today, of the past, by number; filters and pages."""

import re
from datetime import date, timedelta
from typing import Any

from brokers.simulator.exchange import SimAccount, SimOrder
from brokers.simulator.tradestation.answers import bad_request
from brokers.simulator.tradestation.gate import MOST_ORDERS, Ask, whole
from brokers.simulator.tradestation.memory import Memory
from brokers.simulator.tradestation.order_words import FILTERS, status_of
from brokers.simulator.tradestation.orders import history, newest_first, order_json, todays
from brokers.simulator.tradestation.symbols import to_wire

MOST_PER_PAGE = 600
LONGEST_PAST = timedelta(days=730)
STATUSES = {"open": "open", "filled": "filled", "cancelled": "cancelled", "canceled": "cancelled"} | {
    "rejected": "rejected"
}
DAY = re.compile(r"(\d{4})[-/](\d{2})[-/](\d{2})|(\d{2})[-/](\d{2})[-/](\d{4})")


def list_orders(ask: Ask) -> Any:
    """Today's orders and all that are open."""
    accounts, errors = ask.accounts()
    return page(ask, lambda account: todays(ask.world, account.number), accounts, errors)


def list_history(ask: Ask) -> Any:
    """Everything that ended on or after ``since``, the newest first."""
    since = since_in(ask)
    accounts, errors = ask.accounts()
    return page(ask, lambda account: history(ask.world, account.number, since), accounts, errors)


def get_orders(ask: Ask) -> Any:
    accounts, errors = ask.accounts()
    return by_number(ask, accounts, errors, lambda account: ask.world.exchange.orders(account.number))


def get_history(ask: Ask) -> Any:
    since = since_in(ask)
    accounts, errors = ask.accounts()
    return by_number(ask, accounts, errors, lambda account: history(ask.world, account.number, since))


def by_number(ask: Ask, accounts: list[SimAccount], errors: list[dict[str, str]], orders_of: Any) -> Any:
    """The orders asked for by number; one that is not there is an error of its own, in a 200."""
    numbers = ask.listed("orders", MOST_ORDERS)
    known = {str(order.order_id): order for account in accounts for order in orders_of(account)}
    found = [known[number] for number in numbers if number in known]
    missing = [
        {"AccountID": ask.names["accounts"], "OrderID": number, "Error": "NotFound", "Message": "Order not found."}
        for number in numbers
        if number not in known
    ]
    return {"Orders": [order_json(order, ask.world) for order in newest_first(found)], "Errors": errors + missing}


def page(ask: Ask, orders_of: Any, accounts: list[SimAccount], errors: list[dict[str, str]]) -> Any:
    """One page, and a token when there is more and pages were asked for."""
    size = whole(ask.query, "pagesize", 0, 1, MOST_PER_PAGE)
    asked = (ask.caller.client_id, ask.caller.user, ask.path.lower(), *filters_in(ask))
    token = ask.query.get("nexttoken", "")
    if token:
        rest = Memory.of(ask.world).turn_page(token, asked)
        if rest is None:
            raise bad_request("NextToken is invalid or has expired.")
        queue = list(rest.orders)
    else:
        found = newest_first([order for account in accounts for order in orders_of(account) if wanted(ask, order)])
        queue = [(order.account_number, order.order_id) for order in found]
    shown, left = queue[: size or MOST_PER_PAGE], queue[size or MOST_PER_PAGE :]
    rows = [order_json(ask.world.exchange.order(number, order_id), ask.world) for number, order_id in shown]
    body: dict[str, Any] = {"Orders": rows, "Errors": errors}
    if left and (size or token):
        body["NextToken"] = Memory.of(ask.world).keep_page(asked, tuple(left))
    return body


def filters_in(ask: Ask) -> tuple[str, ...]:
    return tuple(ask.query.get(name, "").lower() for name in ("status", "symbol", "since"))


def wanted(ask: Ask, order: SimOrder) -> bool:
    """Whether an order passes the filters by status and by symbol."""
    status, symbols, _ = filters_in(ask)
    if status and status not in STATUSES:
        raise bad_request("status must be Open, Filled, Canceled or Rejected.")
    if status and FILTERS.get(status_of(order), "open") != STATUSES[status]:
        return False
    names = {to_wire(leg.leg.instrument).lower() for leg in order.legs}
    return not symbols or bool(names & {text.strip() for text in symbols.split(",")})


def since_in(ask: Ask) -> date:
    """The day from which on; 400 when it is missing, no day, or too long ago."""
    text = ask.query.get("since", "").strip()
    found = DAY.match(text)
    if not found:
        raise bad_request("since is required: YYYY-MM-DD or MM-DD-YYYY.")
    year, month, day = (found[1], found[2], found[3]) if found[1] else (found[6], found[4], found[5])
    try:
        since = date(int(year), int(month), int(day))
    except ValueError:
        raise bad_request("since is not a date.") from None
    if since < ask.world.today() - LONGEST_PAST:
        raise bad_request("since cannot be more than 730 days ago.")
    return since
