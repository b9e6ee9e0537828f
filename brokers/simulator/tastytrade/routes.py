"""tastytrade's paths below ``/tastytrade``."""

from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute

from brokers.simulator.oauth import OAuthPages, Provider
from brokers.simulator.tastytrade import (
    accounts,
    chains,
    instruments,
    market_data,
    order_desk,
    positions,
    sockets,
    transactions,
)
from brokers.simulator.tastytrade.guard import Handler, endpoint, forbidden, unknown_path, with_user_agent

PROVIDER = Provider(
    broker="tastytrade",
    title="tastytrade",
    scopes={
        "read": "see your accounts, balances, positions, orders and history",
        "trade": "place, change and cancel orders for you",
        "openid": "know who you are",
    },
    default_scope="read trade",
    token_seconds=900,
)
ANY = ["GET", "POST", "PUT", "PATCH", "DELETE"]
READS: dict[str, Handler] = {
    "/customers/me/accounts": accounts.list_accounts,
    "/customers/me/accounts/{account}": accounts.get_account,
    "/customers/{customer}": accounts.get_customer,
    "/accounts/{account}/trading-status": accounts.trading_status,
    "/accounts/{account}/balances": accounts.get_balances,
    "/accounts/{account}/balances/{currency}": accounts.get_balance,
    "/accounts/{account}/balance-snapshots": accounts.balance_snapshots,
    "/accounts/{account}/positions": positions.list_positions,
    "/accounts/{account}/transactions": transactions.list_transactions,
    "/accounts/{account}/transactions/total-fees": transactions.total_fees,
    "/accounts/{account}/transactions/{transaction}": transactions.get_transaction,
    "/accounts/{account}/orders": order_desk.list_orders,
    "/accounts/{account}/orders/live": order_desk.list_live_orders,
    "/accounts/{account}/orders/{order}": order_desk.get_order,
    "/instruments/equities": instruments.list_equities,
    "/instruments/equities/active": instruments.list_equities,
    "/instruments/equities/{symbol:path}": instruments.get_equity,
    "/instruments/equity-options/{symbol:path}": chains.get_option,
    "/instruments/quantity-decimal-precisions": instruments.quantity_precisions,
    "/option-chains/{symbol:path}/nested": chains.get_nested_chain,
    "/option-chains/{symbol:path}/compact": chains.get_compact_chain,
    "/option-chains/{symbol:path}": chains.get_chain,
    "/symbols/search/{text:path}": instruments.search_symbols,
    "/market-data/by-type": market_data.by_type,
    "/market-data/{kind}/{symbol:path}": market_data.one,
    "/api-quote-tokens": market_data.quote_token,
}
CLOSED = (
    "/accounts/{account}",
    "/instruments/equity-options",
    "/quote-streamer-tokens",
    "/sessions",
    "/sessions/{rest:path}",
)


def routes() -> list[BaseRoute]:
    """In the order in which they are tried."""
    pages = OAuthPages(PROVIDER)
    return [
        Route("/tastytrade/auth.html", pages.authorize, methods=["GET", "POST"]),
        Route("/tastytrade/oauth/token", with_user_agent(pages.token), methods=["POST"]),
        WebSocketRoute("/tastytrade/streamer", sockets.streamer),
        WebSocketRoute("/tastytrade/dxlink", sockets.dxlink),
        Mount(
            "/tastytrade", routes=[*_orders(), *_reads(), *_closed(), Route("/{rest:path}", unknown_path, methods=ANY)]
        ),
    ]


def _reads() -> list[BaseRoute]:
    return [Route(path, endpoint(handler), methods=["GET"]) for path, handler in READS.items()]


def _orders() -> list[BaseRoute]:
    orders = "/accounts/{account}/orders"
    return [
        Route(orders, endpoint(order_desk.place, "trade"), methods=["POST"]),
        Route(f"{orders}/dry-run", endpoint(order_desk.dry_run, "trade"), methods=["POST"]),
        Route(f"{orders}/{{order}}/dry-run", endpoint(order_desk.dry_run_change, "trade"), methods=["POST"]),
        Route(f"{orders}/{{order}}", endpoint(order_desk.replace, "trade"), methods=["PUT"]),
        Route(f"{orders}/{{order}}", endpoint(order_desk.edit, "trade"), methods=["PATCH"]),
        Route(f"{orders}/{{order}}", endpoint(order_desk.cancel, "trade"), methods=["DELETE"]),
    ]


def _closed() -> list[BaseRoute]:
    return [Route(path, forbidden, methods=ANY) for path in CLOSED]
