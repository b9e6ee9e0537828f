"""The API: preview, place, list and cancel orders; search for symbols."""

import re
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from brokers import connections
from brokers.errors import RateLimited
from brokers.models import Account
from trading import listing, orders
from trading.api import confirming, figures, inputs, shapes
from trading.api.documents import detail_document, order_document
from trading.api.parsing import StrictJSONParser
from trading.lifecycle import UNCERTAIN, Status
from trading.models import Order
from trading.protocol import known
from trading.protocol.sending import as_json

KEY_RE = re.compile(r"[\x21-\x7e]{1,64}")
REPLAYED = "Idempotency-Replayed"


class KeyMissing(exceptions.APIException):
    status_code = 400
    default_code = "idempotency_key_missing"
    default_detail = (
        "Send an Idempotency-Key header of 1 to 64 visible characters, a new one for each new order and the same one "
        "when you repeat a request."
    )


class KeyReused(exceptions.APIException):
    status_code = 422
    default_code = "idempotency_key_reused"


class Conflict(exceptions.APIException):
    status_code = 409
    default_code = "conflict"


class NotTaken(exceptions.APIException):
    """An order that the broker did not take. The problem carries the order's document in ``order``."""

    def __init__(self, order: Order, *, replayed: bool) -> None:
        super().__init__(order.last_error or order.meaning)
        self.status_code, self.default_code = 422, "order_rejected"
        if order.status == Status.DENIED:
            self.default_code = "order_denied"
        elif order.status == Status.NOT_SENT:
            self.status_code, self.default_code = 503, "broker_unavailable"
        elif order.error_code == RateLimited.code:
            self.status_code, self.default_code = 429, RateLimited.code
        self.members = {
            "broker": order.account.connection.broker,
            "broker_code": order.error_code or None,
            "retryable": order.status == Status.NOT_SENT,
            "order": order_document(order),
        }
        self.headers = {REPLAYED: "true"} if replayed else {}


class OrderDenied(exceptions.APIException):
    """The desk's own checks did not let an order out. ``findings`` say why; soft ones can be confirmed."""

    status_code = 422
    default_code = "order_denied"

    def __init__(self, denied: orders.Denied) -> None:
        super().__init__(str(denied))
        errors: dict[str, list[str]] = {}
        for finding in denied.findings:
            errors.setdefault(finding.field or "non_field_errors", []).append(finding.words)
        self.members = {
            "errors": errors,
            "findings": [as_json(finding) for finding in denied.findings],
            "order": order_document(denied.order) if denied.order is not None else None,
        }


def idempotency_key(request: Request) -> str:
    key = request.headers.get("Idempotency-Key", "")
    if not KEY_RE.fullmatch(key):
        raise KeyMissing
    return key


def order_of(request: Request, order_id: uuid.UUID) -> Order:
    """The caller's own; a stranger's is answered like one that is not there."""
    try:
        return known.of_person(request.user, order_id)
    except Order.DoesNotExist:
        raise Http404 from None


class OrderView(APIView):
    """What the views of orders have in common."""

    parser_classes = (StrictJSONParser,)

    def read(self, shape: type[inputs.OrderInput]) -> Mapping[str, Any]:
        given = shape(data=self.request.data, context={"request": self.request})
        given.__dict__["fields"] = inputs.fields_of(shape)
        given.is_valid(raise_exception=True)
        return given.validated_data  # type: ignore[no-any-return]


LIST_PARAMETERS = [
    OpenApiParameter("status", str, description="Phases or statuses, comma-separated: working, filled, unknown …"),
    OpenApiParameter("since", str, description="A day or a time with its zone."),
    OpenApiParameter("limit", int, description="1 to 200; 50 without it."),
    OpenApiParameter("before", str, description="The id of an order: only older ones (see `next`)."),
]
KEY_PARAMETER = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    required=True,
    description="1 to 64 visible characters. The same key again answers the same order and sends nothing.",
)
REPLAYED_PARAMETER = OpenApiParameter(
    REPLAYED, str, OpenApiParameter.HEADER, response=[200, 202], description="`true` when nothing was sent this time."
)


class OrdersView(OrderView):
    @extend_schema(
        operation_id="list_orders",
        summary="Orders, newest first",
        parameters=[OpenApiParameter("account", str, description="The id of an account."), *LIST_PARAMETERS],
        responses=shapes.OrderPageShape,
        tags=["orders"],
    )
    def get(self, request: Request) -> Response:
        return _page(request, Account.objects.of(request.user))

    @extend_schema(
        operation_id="place_order",
        summary="Send an order",
        description="Sent to the broker once, at most. 202 says that the outcome is not known yet: the order is being "
        "looked up; read it again, do not send another. To send it in spite of soft findings, preview it and repeat "
        "their codes in `confirm` with the `preview_id`: 422 `preview_invalid` when the preview is of another order, "
        "older than a minute, or did not show them.",
        parameters=[KEY_PARAMETER, REPLAYED_PARAMETER],
        request=inputs.PlaceInput,
        responses=dict.fromkeys((200, 201, 202), shapes.OrderShape),
        tags=["orders"],
    )
    def post(self, request: Request) -> Response:
        key = idempotency_key(request)
        given = self.read(inputs.PlaceInput)
        seen = confirming.heeded(given["account"], key, lambda: confirming.order_seen(request, given))
        try:
            order, replayed = orders.place(
                account=given["account"],
                ticket=given["ticket"],
                idempotency_key=key,
                source=Order.Source.API,
                foreseen=dict(seen.document) if seen.document is not None else None,
                confirmed=seen.codes,
                signal_at=given["signal_at"],
            )
        except orders.KeyReused as error:
            raise KeyReused(str(error)) from None
        except orders.Denied as error:
            raise OrderDenied(error) from None
        return _placed(orders.answered(order) if replayed else order, replayed=replayed)


class AccountOrdersView(OrderView):
    @extend_schema(
        operation_id="list_account_orders",
        summary="An account's orders, newest first",
        parameters=LIST_PARAMETERS,
        responses=shapes.OrderPageShape,
        tags=["orders"],
    )
    def get(self, request: Request, account_id: uuid.UUID) -> Response:
        account = get_object_or_404(Account.objects.of(request.user), pk=account_id)
        return _page(request, [account], {"account": str(account.pk)})


class OrderPreviewShape(shapes.PreviewShape):
    estimate = figures.EstimateShape()


class PreviewView(OrderView):
    @extend_schema(
        operation_id="preview_order",
        summary="What an order would do: the broker's dry run, and the desk's own figures",
        description="Buying power and fees are the broker's; all in `estimate` is the desk's own.",
        request=inputs.OrderInput,
        responses=OrderPreviewShape,
        tags=["orders"],
    )
    def post(self, request: Request) -> Response:
        given = self.read(inputs.OrderInput)
        result = orders.preview(given["account"], given["ticket"], source="api")
        signed = confirming.sign_order(result, request)
        own = {"estimate": figures.estimate_document(result.account, result.ticket)}
        return Response({"account": str(result.account.pk), **result.document, **own, **signed})


class OneOrderView(OrderView):
    @extend_schema(
        operation_id="get_order",
        summary="An order with its fills and all that happened to it",
        responses=shapes.OrderDetailShape,
        tags=["orders"],
    )
    def get(self, request: Request, order_id: uuid.UUID) -> Response:
        return Response(detail_document(get_object_or_404(Order.objects.of(request.user), pk=order_id)))

    @extend_schema(
        operation_id="cancel_order",
        summary="Ask the broker to cancel an order",
        description="202: asked for. It is cancelled when its status says so, and may still fill until then. "
        "409 when it is over or not known to be at the broker.",
        responses={202: shapes.OrderShape},
        tags=["orders"],
    )
    def delete(self, request: Request, order_id: uuid.UUID) -> Response:
        order = order_of(request, order_id)
        try:
            return Response(order_document(orders.cancel(order)), status=202)
        except orders.NotCancellable as error:
            raise Conflict(str(error)) from None


class SymbolShape(s.Serializer[None]):
    symbol = s.CharField()
    description = s.CharField()
    has_options = s.BooleanField()


class SymbolsShape(s.Serializer[None]):
    results = SymbolShape(many=True)


class SymbolsView(APIView):
    @extend_schema(
        operation_id="search_symbols",
        summary="Symbols by their beginning or their name",
        parameters=[
            OpenApiParameter("query", str, required=True, description="1 to 20 characters."),
            OpenApiParameter("account", str, description="Whose broker is asked; else the default account's."),
        ],
        responses=SymbolsShape,
        tags=["market"],
    )
    def get(self, request: Request) -> Response:
        text = request.query_params.get("query", "").strip()
        if not (1 <= len(text) <= 20 and text.isascii() and text.isprintable()):
            raise exceptions.ValidationError({"query": ["Write 1 to 20 plain characters."]})
        account = _account_asked(request)
        found = connections.broker_for(account.connection).search(text)[:20]
        results = [
            {"symbol": str(m.instrument), "description": m.description, "has_options": m.has_options} for m in found
        ]
        return Response({"results": results})


def _account_asked(request: Request) -> Account:
    accounts: list[Account] = list(Account.objects.of(request.user))
    asked = request.query_params.get("account")
    if asked is None:
        chosen = next((account for account in accounts if account.is_default), accounts[0] if accounts else None)
    else:
        chosen = next((account for account in accounts if str(account.pk) == asked), None)
    if chosen is None:
        raise exceptions.ValidationError({"account": ["You have no such account here."]})
    return chosen


def _page(request: Request, accounts: Any, fixed: Mapping[str, str] | None = None) -> Response:
    query = request.query_params.dict()
    if fixed and "account" in query:
        raise exceptions.ValidationError({"account": ["The address names the account already."]})
    try:
        found, has_more = listing.select(Order.objects.of(request.user), list(accounts), query | dict(fixed or {}))
    except listing.BadFilter as error:
        raise exceptions.ValidationError({error.name: [str(error)]}) from None
    onwards = None
    if has_more:
        onwards = f"{request.path}?{urlencode(query | {'before': str(found[-1].pk)})}"
    return Response({"results": [order_document(order) for order in found], "next": onwards})


def _placed(order: Order, *, replayed: bool) -> Response:
    """201 for an order that the broker took, 202 while nobody knows, a problem for one that it did not take."""
    if order.status in (Status.REJECTED, Status.NOT_SENT, Status.DENIED):
        raise NotTaken(order, replayed=replayed)
    status = 202 if order.status in UNCERTAIN else 200 if replayed else 201
    headers = {"Location": f"/api/v1/orders/{order.pk}"} | ({REPLAYED: "true"} if replayed else {})
    return Response(order_document(order), status=status, headers=headers)
