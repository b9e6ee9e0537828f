"""TradeStation's paths: ``/tradestation/v3``, ``/tradestation/v2`` and the sign-in host at ``/tradestation/signin``."""

from starlette.routing import BaseRoute, Route

from brokers.simulator.tradestation import (
    accounts,
    balances,
    changes,
    execution_lists,
    market_routes,
    order_desk,
    order_lists,
    signin,
)
from brokers.simulator.tradestation.gate import PREFIX, CaselessRoute, Handler, endpoint, unknown_path

ANY = ["GET", "POST", "PUT", "PATCH", "DELETE"]
# path: handler, category of the quota. All of them read accounts.
BROKERAGE: dict[str, tuple[Handler, str]] = {
    "/brokerage/accounts": (accounts.list_accounts, "accounts"),
    "/brokerage/accounts/{accounts}/balances": (balances.list_balances, "balances"),
    "/brokerage/accounts/{accounts}/bodbalances": (balances.list_bod_balances, "balances"),
    "/brokerage/accounts/{accounts}/positions": (accounts.list_positions, "positions"),
    "/brokerage/accounts/{accounts}/orders": (order_lists.list_orders, "orders"),
    "/brokerage/accounts/{accounts}/orders/{orders}": (order_lists.get_orders, "orders"),
    "/brokerage/accounts/{accounts}/historicalorders": (order_lists.list_history, "orders"),
    "/brokerage/accounts/{accounts}/historicalorders/{orders}": (order_lists.get_history, "orders"),
}
EXECUTION: dict[tuple[str, str], Handler] = {
    ("POST", "/orderexecution/orderconfirm"): order_desk.confirm,
    ("POST", "/orderexecution/ordergroupconfirm"): order_desk.confirm_group,
    ("POST", "/orderexecution/orders"): order_desk.place,
    ("POST", "/orderexecution/ordergroups"): order_desk.place_group,
    ("PUT", "/orderexecution/orders/{order}"): changes.replace,
    ("DELETE", "/orderexecution/orders/{order}"): changes.cancel,
    ("GET", "/orderexecution/activationtriggers"): execution_lists.activation_triggers,
    ("GET", "/orderexecution/routes"): execution_lists.routes,
}


def routes() -> list[BaseRoute]:
    """In the order in which they are tried."""
    return [
        *signin.routes(),
        *market_routes.routes(),
        *_brokerage(),
        *_execution(),
        Route("/tradestation/{rest:path}", unknown_path, methods=ANY),
    ]


def _brokerage() -> list[BaseRoute]:
    return [
        CaselessRoute(PREFIX + path, endpoint(handler, "ReadAccount", category), ["GET"])
        for path, (handler, category) in BROKERAGE.items()
    ]


def _execution() -> list[BaseRoute]:
    return [
        CaselessRoute(PREFIX + path, endpoint(handler, "Trade", "order-execution"), [method])
        for (method, path), handler in EXECUTION.items()
    ]
