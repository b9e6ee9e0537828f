"""Which accounts, symbols and references a request speaks of, on either broker's wire: for faults and the ledger."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from brokers.simulator.tradestation.names import exchange_number, ts_account

if TYPE_CHECKING:
    from brokers.simulator.world import World

ORDERS = re.compile(
    r"/(tastytrade/accounts/[^/]+/(complex-)?orders|tradestation/v3/orderexecution)(/|$)", re.IGNORECASE
)
TRADESTATION = "/tradestation/"
ACCOUNT = re.compile(r"/accounts/([^/]+)", re.IGNORECASE)
ORDER = re.compile(r"/orderexecution/orders/(\d{1,18})$", re.IGNORECASE)
REFERENCES = ("external-identifier", "orderconfirmid")


def is_order_request(method: str, path: str) -> bool:
    """Whether it may change orders: it goes into the ledger."""
    return method != "GET" and ORDERS.search(path) is not None


def accounts_in(path: str, value: Any, world: "World") -> list[str]:
    """The accounts named in a path or in a body, or that own the order named; as the wire names them."""
    if found := ACCOUNT.search(path):
        return found[1].split(",")
    if not path.lower().startswith(TRADESTATION):
        return []
    if (found := ORDER.search(path)) and (owner := _owner(int(found[1]), world)):
        return [owner]
    return list(dict.fromkeys(str(each) for each in _values(value, "accountid")))


def all_names(accounts: list[str], world: "World") -> set[str]:
    """The accounts under the names they have here and at the exchange."""
    return set(accounts) | {exchange_number(world, account) for account in accounts}


def symbols_in(path: str, query: str, value: Any) -> set[str]:
    """The symbols in legs and orders, in the query or in the path."""
    found = {str(each) for each in _values(value, "symbol")}
    for _, text in parse_qsl(query):
        found.update(text.split(","))
    for part in path.split("/"):
        found.update(part.split(","))
    return found


def reference_in(value: Any) -> str | None:
    """The sender's own mark on an order, whichever name the broker has for it."""
    return next((str(each) for name in REFERENCES for each in _values(value, name)), None)


def _owner(order_id: int, world: "World") -> str | None:
    for account in world.exchange.accounts.values():
        if order_id in account.orders:
            return ts_account(account)
    return None


def _values(value: Any, name: str) -> Iterator[Any]:
    """What goes by this name (in lower case) in a JSON value and in what is inside it, the outer ones first."""
    if isinstance(value, list):
        for each in value:
            yield from _values(each, name)
    elif isinstance(value, dict):
        inner = [each for each in value.values() if isinstance(each, dict | list)]
        yield from (
            each
            for key, each in value.items()
            if key.lower() == name and each is not None and not isinstance(each, dict | list)
        )
        for each in inner:
            yield from _values(each, name)
