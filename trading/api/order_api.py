"""The API of what happens to orders that are there: replace, decide, cancel all; and of orders sent as one."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from brokers.domain.orders import OrderTicket
from brokers.errors import RateLimited
from trading import orders, tickets
from trading.api import confirming, inputs, shapes
from trading.api.documents import moment, order_document, replacement_document, run_document
from trading.api.placing import (
    KEY_PARAMETER,
    REPLAYED,
    Conflict,
    KeyReused,
    OneOrderView,
    OrderDenied,
    OrderView,
    idempotency_key,
    order_of,
)
from trading.lifecycle import ASKED_OPEN, UNCERTAIN, Asked
from trading.models import Order, Replacement
from trading.protocol import asked, replaces
from trading.protocol.sending import as_json

IN_DOUBT = frozenset({status.value for status in ASKED_OPEN})


class NotReplaced(exceptions.APIException):
    """A replacement that did not take place. The problem carries the order's document."""

    def __init__(self, replacement: Replacement, order: Order) -> None:
        super().__init__(replacement.last_error or replacement.meaning)
        self.status_code, self.default_code = 422, "order_rejected"
        if replacement.status == Asked.NOT_SENT:
            self.status_code, self.default_code = 503, "broker_unavailable"
        if replacement.error_code == RateLimited.code:
            self.status_code, self.default_code = 429, RateLimited.code
        self.members = {
            "broker_code": replacement.error_code or None,
            "retryable": replacement.status == Asked.NOT_SENT,
            "order": order_document(order),
            "replacement": replacement_document(replacement),
        }


class AnOrderView(OneOrderView):
    """An order by its id: read and cancelled as in api.py, and replaced."""

    @extend_schema(
        operation_id="replace_order",
        summary="Put a working order on new terms",
        description="Sent to the broker once, at most. Some brokers give the order a new number: the answer is then "
        "the order that takes its place, a new one here too. 202: asked for, and not seen to hold yet; until then "
        "either terms may fill. 409 when it can't be changed (so) now. To confirm soft findings name their preview.",
        parameters=[KEY_PARAMETER],
        request=inputs.ReplaceInput,
        responses=dict.fromkeys((200, 202), shapes.ReplacedShape),
        tags=["orders"],
    )
    def put(self, request: Request, order_id: uuid.UUID) -> Response:
        key = idempotency_key(request)
        order = order_of(request, order_id)
        given = inputs.ReplaceInput(data=request.data, context={"request": request})
        given.is_valid(raise_exception=True)
        there, _ = asked.under_key(order.account_id, key)
        ticket = given.ticket_for(_terms_before(there) if there is not None and there.order_id == order.pk else order)
        subject, body = _change_of(order, ticket), given.validated_data
        seen = confirming.heeded(order.account, key, lambda: confirming.thing_seen("change", subject, body, request))
        try:
            stands = orders.replace(
                order,
                ticket,
                idempotency_key=key,
                source=Order.Source.API,
                confirmed=seen.codes,
            )
        except orders.NotReplaceable as error:
            raise Conflict(str(error)) from None
        except orders.KeyReused as error:
            raise KeyReused(str(error)) from None
        except orders.Denied as error:
            raise OrderDenied(error) from None
        replacement = asked.under_key(order.account_id, key)[0]
        if replacement is None:
            raise Replacement.DoesNotExist(key)
        return _replaced(replacement, stands, replayed=there is not None)

    @extend_schema(
        operation_id="edit_order",
        summary="The same as PUT",
        parameters=[KEY_PARAMETER],
        request=inputs.ReplaceInput,
        responses=dict.fromkeys((200, 202), shapes.ReplacedShape),
        tags=["orders"],
    )
    def patch(self, request: Request, order_id: uuid.UUID) -> Response:
        return self.put(request, order_id)


class ChangePreviewView(OrderView):
    @extend_schema(
        operation_id="preview_replacement",
        summary="What the desk's checks say of a working order on new terms",
        description="Nothing is sent. 409 when it can't be changed (so) now.",
        request=inputs.TermsInput,
        responses=shapes.ChangePreviewShape,
        tags=["orders"],
    )
    def post(self, request: Request, order_id: uuid.UUID) -> Response:
        order = order_of(request, order_id)
        given = inputs.TermsInput(data=request.data, context={"request": request})
        given.is_valid(raise_exception=True)
        ticket = given.ticket_for(order)
        try:
            replaces.check(order, ticket)
        except orders.NotReplaceable as error:
            raise Conflict(str(error)) from None
        findings, at = replaces.foresee(order, ticket, source=Order.Source.API), timezone.now()
        shown = {
            "order": str(order.pk),
            "description": tickets.sentence(ticket, order.account.connection.environment, order.account.number),
            "findings": [as_json(finding) for finding in findings],
            "as_of": moment(at),
        }
        signed = confirming.sign_thing("change", _change_of(order, ticket), findings, at, request)
        return Response(shown | signed)


def _terms_before(replacement: Replacement) -> Order:
    """A repeated request leaves out what stays: it is read against the terms that held when it was first made."""
    ticket = replacement.order_ticket
    return Order(ticket=replacement.ticket, limit_price=ticket.limit_price, stop_price=ticket.stop_price)


def _change_of(order: Order, ticket: OrderTicket) -> dict[str, str]:
    """What a change's preview is of: this order, from these terms to those."""
    prices = [str(order.plain_limit), str(order.stop_price)]
    return {"order": str(order.pk), "from": " ".join(prices), "to": tickets.fingerprint(ticket)}


def _replaced(replacement: Replacement, order: Order, *, replayed: bool) -> Response:
    if replacement.status not in IN_DOUBT and replacement.status != Asked.DONE:
        raise NotReplaced(replacement, order)
    status = 202 if replacement.status in IN_DOUBT else 200
    headers = {"Location": f"/api/v1/orders/{order.pk}"} | ({REPLAYED: "true"} if replayed else {})
    return Response(
        order_document(order) | {"replacement": replacement_document(replacement)}, status=status, headers=headers
    )


class DecisionView(OrderView):
    @extend_schema(
        operation_id="decide_order",
        summary="Say which of the broker's orders one in doubt is",
        description="For orders in the state `needs_eyes`. 409 when there is nothing to decide, or not so.",
        request=inputs.DecisionInput,
        responses=shapes.OrderShape,
        tags=["orders"],
    )
    def post(self, request: Request, order_id: uuid.UUID) -> Response:
        order = get_object_or_404(Order.objects.of(request.user), pk=order_id)
        given = inputs.DecisionInput(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            decided = orders.decide(order, broker_order_id=given.validated_data["broker_order_id"], user=request.user)
        except orders.NotDecidable as error:
            raise Conflict(str(error)) from None
        return Response(order_document(decided))


class CancelAllView(OrderView):
    @extend_schema(
        operation_id="cancel_all_orders",
        summary="Ask the broker to cancel all working orders",
        description="All of yours, or an account's, or those on one underlying; those placed elsewhere too. What is "
        "not confirmed may still fill.",
        request=inputs.CancelAllInput,
        responses=shapes.CancelRunShape,
        tags=["orders"],
    )
    def post(self, request: Request) -> Response:
        given = inputs.CancelAllInput(data=request.data, context={"request": request})
        given.is_valid(raise_exception=True)
        chosen = given.validated_data
        run = orders.cancel_all(
            request.user, account=chosen.get("account"), underlying=chosen.get("underlying") or None
        )
        return Response(run_document(run))


class GroupsView(OrderView):
    @extend_schema(
        operation_id="place_group",
        summary="Send orders that hang together, as one",
        description="Sent to the broker once, at most. 202 says that the outcome of some is not known yet.",
        parameters=[KEY_PARAMETER],
        request=inputs.PlaceGroupInput,
        responses=dict.fromkeys((200, 201, 202), shapes.GroupShape),
        tags=["orders"],
    )
    def post(self, request: Request) -> Response:
        key = idempotency_key(request)
        given = _group_asked(request, inputs.PlaceGroupInput)
        subject = _group_of(given)
        seen = confirming.heeded(given["account"], key, lambda: confirming.thing_seen("group", subject, given, request))
        try:
            placed, replayed = orders.place_group(
                account=given["account"],
                group=given["group"],
                idempotency_key=key,
                source=Order.Source.API,
                confirmed=seen.codes,
            )
        except orders.KeyReused as error:
            raise KeyReused(str(error)) from None
        except orders.Denied as error:
            raise OrderDenied(error) from None
        return _group(placed, replayed=replayed)


class GroupPreviewView(OrderView):
    @extend_schema(
        operation_id="preview_group",
        summary="What orders that hang together would do",
        request=inputs.GroupInput,
        responses=shapes.GroupPreviewShape,
        tags=["orders"],
    )
    def post(self, request: Request) -> Response:
        given = _group_asked(request, inputs.GroupInput)
        result = orders.preview_group(given["account"], given["group"], source="api")
        signed = confirming.sign_thing("group", _group_of(given), result.findings, result.at, request)
        return Response({"account": str(result.account.pk), **result.document, **signed})


def _group_of(given: Mapping[str, Any]) -> dict[str, str]:
    return {"account": str(given["account"].pk), "group": tickets.group_fingerprint(given["group"])}


def _group_asked(request: Request, shape: type[inputs.GroupInput]) -> Mapping[str, Any]:
    given = shape(data=request.data, context={"request": request})
    given.is_valid(raise_exception=True)
    return given.validated_data  # type: ignore[no-any-return]


def _group(placed: Sequence[Order], *, replayed: bool) -> Response:
    """Each order's own document says how it stands: some may be rejected while others work."""
    doubtful = any(order.status in UNCERTAIN for order in placed)
    status = 202 if doubtful else 200 if replayed else 201
    content = {"group": str(placed[0].group), "kind": placed[0].group_kind}
    headers = {REPLAYED: "true"} if replayed else {}
    return Response(content | {"orders": [order_document(order) for order in placed]}, status=status, headers=headers)
