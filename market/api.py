"""The API of markets: quotes, Greeks, chains, bars, metrics, hours; through one of the person's own accounts."""

from collections.abc import Collection
from typing import Any

from django.http import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from brokers.domain.instruments import FutureOption, Instrument, Option, parse_instrument
from brokers.errors import BrokerError
from brokers.models import Account
from market import bars, documents, greeks, hours, metrics, quoting, serializers
from market.listing import chain_document
from market.whose import account_of

MOST_SYMBOLS = 500
ACCOUNT = OpenApiParameter("account", str, description="Whose broker is asked; else the default account's.")
SYMBOLS = OpenApiParameter(
    "symbols", str, required=True, description=f"1 to {MOST_SYMBOLS}, canonical, with commas in between."
)
HALTS = OpenApiParameter(
    "halts", bool, description="Also ask, at most once in 10 seconds, whether they are halted: streams do not tell."
)
SYMBOL = OpenApiParameter("symbol", str, OpenApiParameter.PATH, description="Canonical, percent-encoded.")


class QuotesView(APIView):
    @extend_schema(
        operation_id="get_quotes",
        summary="The newest quotes",
        description="From the stream where it has told within 15 seconds, else the broker is asked, at most once in 3 "
        "seconds for a symbol. When it cannot be asked: older ones with `stale: true` and the reason; a problem "
        "document when none are known.",
        parameters=[ACCOUNT, SYMBOLS, HALTS],
        responses=serializers.QuotesShape,
        tags=["market"],
    )
    def get(self, request: Request) -> Response:
        account, asked = account_asked(request), symbols_asked(request)
        told = quoting.quotes_of(account.connection, asked)
        if request.query_params.get("halts", "false").lower() in ("1", "true"):
            told = quoting.with_halts(account, told)
        _something(told.found, told.error)
        return Response(documents.quotes_document(account, asked, told, timezone.now()))


class GreeksView(APIView):
    @extend_schema(
        operation_id="get_greeks",
        summary="Implied volatility and Greeks of options",
        description="As the broker's stream told them within a minute; of others the desk's own estimate from the "
        "middle of the market, with `estimate: true`: interest and dividends count as far as calls and puts of the "
        "same strikes are asked for together. Of adjusted options nothing is estimated.",
        parameters=[ACCOUNT, SYMBOLS],
        responses=serializers.GreeksOfShape,
        tags=["market"],
    )
    def get(self, request: Request) -> Response:
        account, asked = account_asked(request), symbols_asked(request)
        options = [one for one in asked if isinstance(one, Option | FutureOption)]
        if len(options) < len(asked):
            raise exceptions.ValidationError({"symbols": ["Options alone have Greeks."]})
        told = greeks.greeks_of(account, options)
        _something(told.found, told.error)
        return Response(documents.greeks_document(account, asked, told))


class ChainView(APIView):
    @extend_schema(
        operation_id="get_option_chain",
        summary="The options listed on a share or index",
        description="All expirations with their strikes and symbols, or those of one day. Without prices. Some brokers "
        "tell strikes a day at a time, each for one of few calls: ask for the days you need, and with `strikes=false` "
        "for the list of days. There price steps (`increments`) are empty till somebody has looked at the day.",
        parameters=[
            SYMBOL,
            ACCOUNT,
            OpenApiParameter("expiry", str, description="A day (2026-12-18), or an expiration's name."),
            OpenApiParameter("strikes", bool, description="false leaves them out."),
        ],
        responses=serializers.OptionChainShape,
        tags=["market"],
    )
    def get(self, request: Request, symbol: str) -> HttpResponseBase:
        account, underlying = account_asked(request), symbol_asked(symbol)
        given = request.query_params
        with_strikes = given.get("strikes", "true").lower() not in ("0", "false")
        return chain_document(account, underlying, given.get("expiry", ""), with_strikes=with_strikes)


class BarsView(APIView):
    @extend_schema(
        operation_id="get_bars",
        summary="Bars of a chart, ascending",
        parameters=[
            SYMBOL,
            ACCOUNT,
            OpenApiParameter("interval", str, enum=list(bars.INTERVALS), default="1d"),
            OpenApiParameter("start", str, description="A day in New York or a time with its zone; else some hundred."),
            OpenApiParameter("end", str, description="Bars begin before it; else until now."),
            OpenApiParameter("extended", bool, description="With those outside regular hours, of shares."),
        ],
        responses=serializers.BarsShape,
        tags=["market"],
    )
    def get(self, request: Request, symbol: str) -> Response:
        account, instrument = account_asked(request), symbol_asked(symbol)
        query = request.query_params.dict()
        try:
            asked = bars.read_query(instrument, query, timezone.now())
        except bars.BadTime as error:
            raise exceptions.ValidationError({error.name: [str(error)]}) from None
        told = bars.bars_of(account.connection, asked)
        interval = query.get("interval", "1d")
        return Response(documents.bars_document(account, instrument, interval, told, extended=asked.extended))


class MetricsView(APIView):
    @extend_schema(
        operation_id="get_metrics",
        summary="Volatility rank, earnings, dividends and the like",
        description="Of shares and indexes. Where the broker tells none the desk works out volatilities itself, with "
        f"`estimate: true`, of {metrics.MOST_ESTIMATED} new symbols a request at most: the rest are `unknown` till "
        "asked for again.",
        parameters=[ACCOUNT, SYMBOLS],
        responses=serializers.MetricsOfShape,
        tags=["market"],
    )
    def get(self, request: Request) -> Response:
        account, asked = account_asked(request), symbols_asked(request)
        told = metrics.metrics_of(account, asked)
        _something(told.found, told.error)
        return Response(documents.metrics_document(account, asked, told))


class MarketStatusView(APIView):
    @extend_schema(
        operation_id="get_market_status",
        summary="Which markets are open, and when that changes",
        description="As the broker tells. Where it tells no hours, or cannot be asked, of shares by the desk's own "
        "calendar, which `source.calendar` says.",
        parameters=[ACCOUNT],
        responses=serializers.HoursShape,
        tags=["market"],
    )
    def get(self, request: Request) -> Response:
        account = account_asked(request)
        return Response(documents.hours_document(account, hours.hours_of(account.connection)))


# --- what was asked for -------------------------------------------------------------------------------------------


def account_asked(request: Request) -> Account:
    """One of the person's own; a foreign one is as if it were not there."""
    account = account_of(request._request)
    if account is None:
        raise exceptions.NotFound("Connect a broker first: its accounts are where market data come from.")
    return account


def symbols_asked(request: Request) -> list[Instrument]:
    """In their order, each once."""
    texts = [text.strip() for text in request.query_params.get("symbols", "").split(",")]
    named = list(dict.fromkeys(text for text in texts if text))
    if not 1 <= len(named) <= MOST_SYMBOLS:
        raise exceptions.ValidationError({"symbols": [f"Write 1 to {MOST_SYMBOLS} symbols, with commas in between."]})
    try:
        return list(dict.fromkeys(parse_instrument(text) for text in named))
    except ValueError as error:
        raise exceptions.ValidationError({"symbols": [f"{error}."]}) from None


def symbol_asked(text: str) -> Instrument:
    try:
        return parse_instrument(text)
    except ValueError as error:
        raise exceptions.NotFound(f"{error}.") from None


def _something(found: Collection[Any], error: BrokerError | None) -> None:
    """When nothing at all is known the broker's error leaves as it came, as a problem document."""
    if error is not None and not found:
        raise error
