"""The paths of market data and of all streams."""

import uuid
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from brokers.simulator.tradestation import (
    bar_streams,
    bars,
    depth_streams,
    option_data,
    option_streams,
    order_streams,
    position_streams,
    quote_streams,
    quotes,
    riskreward,
    search,
    symbol_details,
    tick_bars,
)
from brokers.simulator.tradestation.answers import Failure, JSONAnswer
from brokers.simulator.tradestation.gate import Ask, CaselessRoute, Endpoint, Handler, admit, endpoint
from brokers.simulator.tradestation.streams import Connection

V3 = "/tradestation/v3"
V2 = "/tradestation/v2"
MARKET, ACCOUNT, DEPTH = "MarketData", "ReadAccount", "Matrix"
Opener = Callable[[Ask], Connection]
# path: handler, category of the quota
READS: dict[str, tuple[Handler, str]] = {
    "/marketdata/quotes/{symbols:path}": (quotes.get_quotes, "quotes"),
    "/marketdata/barcharts/{symbol:path}": (bars.get_bars, "barcharts"),
    "/marketdata/symbols/{symbols:path}": (symbol_details.get_symbols, "symbols"),
    "/marketdata/symbollists/cryptopairs/symbolnames": (symbol_details.get_crypto_pairs, "symbols"),
    "/marketdata/options/expirations/{underlying:path}": (option_data.get_expirations, "option-expirations"),
    "/marketdata/options/strikes/{underlying:path}": (option_data.get_strikes, "option-strikes"),
    "/marketdata/options/spreadtypes": (option_data.get_spread_types, "option-spreadtypes"),
}
# path: what opens it, scope, category of the quota of openings
STREAMS: dict[str, tuple[Opener, str, str | None]] = {
    "/marketdata/stream/quotes/{symbols:path}": (quote_streams.stream_quotes, MARKET, "streaming-quotes"),
    "/marketdata/stream/barcharts/{symbol:path}": (bar_streams.stream_bars, MARKET, "barcharts"),
    "/marketdata/stream/options/chains/{underlying:path}": (option_streams.stream_chain, MARKET, "option-chains"),
    "/marketdata/stream/options/quotes": (option_streams.stream_option_quotes, MARKET, "option-quotes"),
    "/marketdata/stream/marketdepth/quotes/{symbol:path}": (depth_streams.stream_depth_quotes, DEPTH, "marketdepth"),
    "/marketdata/stream/marketdepth/aggregates/{symbol:path}": (
        depth_streams.stream_depth_aggregates,
        DEPTH,
        "marketdepth",
    ),
    "/brokerage/stream/accounts/{accounts}/orders": (order_streams.stream_orders, ACCOUNT, None),
    "/brokerage/stream/accounts/{accounts}/orders/{orders}": (order_streams.stream_orders_by_id, ACCOUNT, None),
    "/brokerage/stream/accounts/{accounts}/positions": (position_streams.stream_positions, ACCOUNT, None),
}


def routes() -> list[BaseRoute]:
    """In the order in which they are tried."""
    reads: list[BaseRoute] = [
        CaselessRoute(V3 + path, endpoint(handler, MARKET, category), ["GET"])
        for path, (handler, category) in READS.items()
    ]
    streams: list[BaseRoute] = [
        CaselessRoute(V3 + path, opening(opener, scope, category), ["GET"])
        for path, (opener, scope, category) in STREAMS.items()
    ]
    risk = endpoint(riskreward.post_risk_reward, MARKET, "option-riskreward")
    return [*reads, *streams, CaselessRoute(f"{V3}/marketdata/options/riskreward", risk, ["POST"]), *_old()]


def _old() -> list[BaseRoute]:
    ticks = "/stream/tickbars/{symbol}/{interval}/{back}"
    return [
        CaselessRoute(f"{V2}/data/symbols/suggest/{{text:path}}", old_endpoint(search.suggest, "symbols"), ["GET"]),
        CaselessRoute(f"{V2}/data/symbols/search/{{criteria:path}}", old_endpoint(search.search, "symbols"), ["GET"]),
        CaselessRoute(V2 + ticks, old_endpoint(tick_bars.stream_tick_bars, "tickbars"), ["GET"]),
    ]


def opening(opener: Opener, scope: str, category: str | None) -> Endpoint:
    """What opens a stream behind the gate. A refusal is an ordinary answer; once open it goes on by itself."""

    async def answer(request: Request) -> Any:
        headers: dict[str, str] = {}
        try:
            return opener(await admit(request, scope, category, headers))
        except Failure as refused:
            return refused.answer(headers)

    return answer


def old_endpoint(handler: Handler, category: str) -> Endpoint:
    """A handler of the old version, whose refusals have an envelope of their own."""

    async def answer(request: Request) -> Any:
        headers: dict[str, str] = {}
        try:
            found = handler(await admit(request, MARKET, category, headers))
            return found if isinstance(found, Connection) else JSONAnswer(found, headers=headers)
        except Failure as refused:
            return old_failure(refused, headers)

    return answer


def old_failure(refused: Failure, headers: dict[str, str]) -> Response:
    message = str(refused) or HTTPStatus(refused.status).phrase
    body = {"TraceId": str(uuid.uuid4()), "StatusCode": refused.status, "Message": message}
    return JSONAnswer(body, refused.status, headers)
