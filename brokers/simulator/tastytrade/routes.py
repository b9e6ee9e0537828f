"""tastytrade's paths below ``/tastytrade``."""

from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute

from brokers.simulator.oauth import OAuthPages, Provider
from brokers.simulator.tastytrade import (
    account_socket,
    accounts,
    alerts,
    balances,
    chains,
    complex_desk,
    crypto,
    future_options,
    future_products,
    futures,
    instruments,
    margin,
    market_data,
    market_time,
    metrics,
    net_liq,
    order_desk,
    order_lists,
    positions,
    search,
    transactions,
    watchlists,
)
from brokers.simulator.tastytrade.dxlink import socket as quote_socket
from brokers.simulator.tastytrade.gateway import Gateway
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
    "/accounts/{account}/balances": balances.get_balances,
    "/accounts/{account}/balances/{currency}": balances.get_balance,
    "/accounts/{account}/balance-snapshots": balances.balance_snapshots,
    "/margin/accounts/{account}/requirements": margin.requirements,
    "/accounts/{account}/margin-requirements/{symbol:path}/effective": margin.effective,
    "/accounts/{account}/position-limit": margin.position_limit,
    "/accounts/{account}/net-liq": net_liq.current,
    "/accounts/{account}/net-liq/history": net_liq.history,
    "/accounts/{account}/positions": positions.list_positions,
    "/accounts/{account}/transactions": transactions.list_transactions,
    "/accounts/{account}/transactions/total-fees": transactions.total_fees,
    "/accounts/{account}/transactions/{transaction}": transactions.get_transaction,
    "/customers/{customer}/orders": order_lists.list_customer_orders,
    "/customers/{customer}/orders/live": order_lists.list_customer_live_orders,
    "/accounts/{account}/orders": order_lists.list_orders,
    "/accounts/{account}/orders/live": order_lists.list_live_orders,
    "/accounts/{account}/orders/{order}": order_desk.get_order,
    "/accounts/{account}/complex-orders": complex_desk.list_groups,
    "/accounts/{account}/complex-orders/live": complex_desk.list_live_groups,
    "/accounts/{account}/complex-orders/{complex}": complex_desk.get_group,
    "/instruments/equities": instruments.list_equities,
    "/instruments/equities/active": instruments.list_equities,
    "/instruments/equities/{symbol:path}": instruments.get_equity,
    "/instruments/equity-options/{symbol:path}": chains.get_option,
    "/instruments/futures": futures.list_futures,
    "/instruments/futures/{symbol:path}": futures.get_future,
    "/instruments/future-products": future_products.list_products,
    "/instruments/future-products/{exchange}/{code}": future_products.get_product,
    "/instruments/future-option-products": future_products.list_option_products,
    "/instruments/future-option-products/{exchange}/{code}": future_products.get_option_product,
    "/instruments/future-option-products/{code}": future_products.get_option_product,
    "/instruments/future-options/{symbol:path}": future_options.get_future_option,
    "/instruments/cryptocurrencies": crypto.list_cryptos,
    "/instruments/cryptocurrencies/{symbol:path}": crypto.get_crypto,
    "/instruments/warrants": instruments.list_warrants,
    "/instruments/warrants/{symbol:path}": instruments.get_warrant,
    "/instruments/quantity-decimal-precisions": instruments.quantity_precisions,
    "/instruments/currency-pairs": instruments.list_currency_pairs,
    "/instruments/search": search.search_instruments,
    "/option-chains/{symbol:path}/nested": chains.get_nested_chain,
    "/option-chains/{symbol:path}/compact": chains.get_compact_chain,
    "/option-chains/{symbol:path}": chains.get_chain,
    "/futures-option-chains/{product:path}/nested": future_options.get_nested_chain,
    "/futures-option-chains/{product:path}": future_options.get_chain,
    "/symbols/search/{text:path}": search.search_symbols,
    "/market-data/by-type": market_data.by_type,
    "/market-data/{kind}/{symbol:path}": market_data.one,
    "/market-metrics": metrics.market_metrics,
    "/market-metrics/historic-corporate-events/dividends/{symbol:path}": metrics.dividends,
    "/market-metrics/historic-corporate-events/earnings-reports/{symbol:path}": metrics.earnings_reports,
    "/market-time/sessions/current": market_time.current_sessions,
    "/market-time/sessions": market_time.sessions_between,
    "/market-time/equities/sessions/{when}": market_time.equity_session,
    "/market-time/equities/holidays": market_time.equity_holidays,
    "/market-time/futures/sessions/current": market_time.future_sessions,
    "/market-time/futures/sessions/{when}/{collection}": market_time.future_session,
    "/market-time/futures/holidays/{collection}": market_time.future_holidays,
    "/public-watchlists": watchlists.list_public,
    "/public-watchlists/{name:path}": watchlists.get_public,
    "/pairs-watchlists": watchlists.list_pairs,
    "/pairs-watchlists/{name:path}": watchlists.get_pairs,
    "/watchlists": watchlists.list_watchlists,
    "/watchlists/{name:path}": watchlists.get_watchlist,
    "/quote-alerts": alerts.list_alerts,
    "/api-quote-tokens": market_data.quote_token,
}
CHANGES: tuple[tuple[str, str, Handler], ...] = (
    ("POST", "/margin/accounts/{account}/dry-run", margin.dry_run),
    ("POST", "/watchlists", watchlists.create_watchlist),
    ("PUT", "/watchlists/{name:path}", watchlists.replace_watchlist),
    ("DELETE", "/watchlists/{name:path}", watchlists.delete_watchlist),
    ("POST", "/quote-alerts", alerts.create_alert),
    ("DELETE", "/quote-alerts/{alert}", alerts.delete_alert),
)
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
    gateway = [Middleware(Gateway)]
    token = with_user_agent(pages.token)
    open_to_all = Route("/margin-requirements-public-configuration", margin.public_configuration, methods=["GET"])
    rest = [
        open_to_all,
        *_orders(),
        *_changes(),
        *_reads(),
        *_closed(),
        Route("/{rest:path}", unknown_path, methods=ANY),
    ]
    return [
        Route("/tastytrade/auth.html", pages.authorize, methods=["GET", "POST"]),
        Route("/tastytrade/oauth/token", token, methods=["POST", "OPTIONS"], middleware=gateway),
        WebSocketRoute("/tastytrade/streamer", account_socket.streamer),
        WebSocketRoute("/tastytrade/dxlink", quote_socket.dxlink),
        Mount("/tastytrade", routes=rest, middleware=gateway),
    ]


def _reads() -> list[BaseRoute]:
    return [Route(path, endpoint(handler), methods=["GET"]) for path, handler in READS.items()]


def _changes() -> list[BaseRoute]:
    return [Route(path, endpoint(handler), methods=[method]) for method, path, handler in CHANGES]


def _orders() -> list[BaseRoute]:
    orders, groups = "/accounts/{account}/orders", "/accounts/{account}/complex-orders"
    return [
        Route(orders, endpoint(order_desk.place, "trade"), methods=["POST"]),
        Route(f"{orders}/dry-run", endpoint(order_desk.dry_run, "trade"), methods=["POST"]),
        Route(f"{orders}/{{order}}/dry-run", endpoint(order_desk.dry_run_change, "trade"), methods=["POST"]),
        Route(f"{orders}/{{order}}/reconfirm", endpoint(order_desk.reconfirm, "trade"), methods=["POST"]),
        Route(f"{orders}/{{order}}", endpoint(order_desk.replace, "trade"), methods=["PUT"]),
        Route(f"{orders}/{{order}}", endpoint(order_desk.edit, "trade"), methods=["PATCH"]),
        Route(f"{orders}/{{order}}", endpoint(order_desk.cancel, "trade"), methods=["DELETE"]),
        Route(f"{groups}", endpoint(complex_desk.place, "trade"), methods=["POST"]),
        Route(f"{groups}/dry-run", endpoint(complex_desk.dry_run, "trade"), methods=["POST"]),
        Route(f"{groups}/{{complex}}/dry-run", endpoint(complex_desk.dry_run_change, "trade"), methods=["POST"]),
        Route(f"{groups}/{{complex}}", endpoint(complex_desk.change, "trade"), methods=["PATCH"]),
        Route(f"{groups}/{{complex}}", endpoint(complex_desk.cancel, "trade"), methods=["DELETE"]),
    ]


def _closed() -> list[BaseRoute]:
    return [Route(path, forbidden, methods=ANY) for path in CLOSED]
